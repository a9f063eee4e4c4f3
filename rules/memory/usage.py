"""What the detectors of use remember: how charges began here, and which cards were refused."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.places import StationId


class Try(msgspec.Struct, frozen=True, gc=False):
    """One transaction that ended: with energy, or as a failed start."""

    at: datetime
    token: str
    is_failed: bool
    seconds: float


class Starts(msgspec.Struct):
    """One EVSE: the transaction that runs, the latest that ended, and the long run."""

    began_at: datetime | None = None
    token: str = ""
    meter_wh: float | None = None
    tries: list[Try] = []
    count: int = 0  # of the long run, halved now and then
    failed_count: int = 0


class Asked(msgspec.Struct, frozen=True, gc=False):
    """One card that was shown somewhere at a site."""

    at: datetime
    station: StationId
    token: str
    is_accepted: bool


class Usage(msgspec.Struct):
    """By station and EVSE; asks by site, the latest few."""

    starts: dict[StationId, dict[int, Starts]] = {}
    asked: dict[str, list[Asked]] = {}
