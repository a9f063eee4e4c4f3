"""The seam between a connection's life and one OCPP version: bytes in, a reaction out."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from domain.events import AnyEvent


class Reaction(msgspec.Struct, frozen=True, gc=False):
    """What one received frame leads to.

    `answer` leaves after the commit that holds the frame, or at once where `is_heartbeat`
    (a conforming Heartbeat: answered, folded into a *heard* record, not journalled).
    `body` is the frame as it may be kept (secrets masked). `result_of` is set where the frame
    is a CALLRESULT or CALLERROR: the message id of the command it answers; `result` is then its
    payload as JSON and `is_error` says which of the two it was.
    """

    body: bytes
    events: tuple[AnyEvent, ...] = ()
    answer: bytes | None = None
    is_heartbeat: bool = False
    is_boot: bool = False  # a BootNotification: commands wait until this one is answered
    result_of: str | None = None
    result: bytes = b""
    is_error: bool = False


class Dialect(Protocol):
    """One OCPP version on one connection. Pure: no I/O, no clock, never raises."""

    def receive(self, frame: bytes, *, now: datetime, position: int) -> Reaction:
        """Read one whole frame of the station and say what it leads to."""

    def call(self, message_id: str, action: str, payload: bytes) -> bytes:
        """Build the frame of a command."""
