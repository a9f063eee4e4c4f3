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


class Starts(msgspec.Struct, gc=False):
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


class Cards(msgspec.Struct):
    """The long run of cards at one site, halved now and then, and marks of those taken."""

    count: int = 0
    refused_count: int = 0
    taken: list[int] = []


class Habit(msgspec.Struct, gc=False):
    """How often one EVSE is used, by hour of the local week, and its present quiet time.

    `expected` is how many transactions its habit had let expect since the last one; `longest`
    the most that ever was, quiet times that ended by themselves.
    """

    last_at: datetime
    looked_at: datetime
    weeks: float = 0.0
    count: int = 0
    hours: bytes = b""  # 168 counts, Monday 0 h first; b"" before the first
    expected: float = 0.0
    longest: float = 0.0


class Days(msgspec.Struct):
    """How many transactions began at a site, by day (ordinal), the latest ten weeks."""

    counts: dict[int, int] = {}


class Usage(msgspec.Struct):
    """By station and EVSE; asks, cards and days by site; starts by hour of week and segment."""

    starts: dict[StationId, dict[int, Starts]] = {}
    asked: dict[str, list[Asked]] = {}
    cards: dict[str, Cards] = {}
    habits: dict[StationId, dict[int, Habit]] = {}
    days: dict[str, Days] = {}
    segments: dict[str, list[int]] = {}
