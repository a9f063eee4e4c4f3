"""What has to be remembered of a 2.x station between frames. Pure data, all of it limited.

Where a limit is met the oldest is forgotten first; what that costs stands beside the limit.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec

from domain.events import Status

EVSE_LIMIT = 64
"""EVSEs whose connectors are remembered; beyond, an EVSE is what its last connector said."""

CONNECTOR_LIMIT = 16
"""Connectors remembered per EVSE."""

TRANSACTION_LIMIT = 64
"""Transactions remembered, ended ones too; beyond, one that names no EVSE is at the station."""

ERROR_LIMIT = 128
"""Component variables with errors remembered; beyond, a clear needs the code of its raise."""

CODE_LIMIT = 16
"""Codes remembered per component variable."""

CAUSE_LIMIT = 128
"""Event ids remembered, for events that name them as their cause."""

MONITOR_LIMIT = 512
"""Monitors remembered, for events that name one instead of a severity."""

STREAM_LIMIT = 32
"""Open streams remembered (2.1)."""

Key = TypeVar("Key")
Value = TypeVar("Value")


class Progress(msgspec.Struct, kw_only=True):
    """How far a transaction has come: its newest message, and where it runs."""

    evse: int = 0
    seq_no: int = -1
    at: datetime | None = None  # the station's clock, of the newest message
    is_ended: bool = False


class Monitor(msgspec.Struct, frozen=True, kw_only=True):
    """A monitor the station reported. `severity`: 0 danger .. 9 debug."""

    severity: int | None = None
    component: str = ""
    variable: str = ""
    evse: int = 0


class Memory2x(msgspec.Struct, kw_only=True):
    """One station's. Keys of `errors` name a component variable, its values raised codes."""

    connectors: dict[int, dict[int, Status]] = {}
    reported_at: dict[int, dict[int, datetime]] = {}  # of their statuses, where it was right
    transactions: dict[str, Progress] = {}
    errors: dict[str, list[str]] = {}
    causes: dict[int, str] = {}  # event id -> key of the error it raised
    monitors: dict[int, Monitor] = {}
    streams: dict[int, int] = {}  # stream -> monitor


def remember(table: dict[Key, Value], key: Key, value: Value, limit: int) -> None:
    """Put a value in as the newest; beyond the limit, forget the oldest."""
    table.pop(key, None)
    table[key] = value
    if len(table) > limit:
        del table[next(iter(table))]
