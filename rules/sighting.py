"""Sightings: what detectors tell the ledger, and what of it is news. Pure values."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from domain.codes import DANGER
from domain.events import ErrorReport
from domain.faults import Severity
from domain.places import StationId
from domain.remedies import Remedy
from rules.catalogue import Rule
from rules.tracks import Track


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector saw: a condition at a place, and what is known of it."""

    at: datetime
    since: datetime
    codes: tuple[str, ...]
    severity: Severity | None = None  # what the dictionary knows; None: the rule's
    error: ErrorReport | None = None
    remedy: Remedy | None = None  # what the dictionary knows beyond the codes
    unknown: tuple[str, ...] = ()
    position: int = 0
    positions: tuple[int, ...] = ()  # where the journal shows the rest of it
    key: str = ""  # of an error that was raised apart from a status
    cause: str = ""  # key of the error that caused it, where the station says so
    can_flap: bool = False
    is_danger: bool = False
    is_flapping: bool = False  # the condition itself is a flapping one
    stations: tuple[StationId, ...] = ()  # of a wider cause: those it is known to affect
    raise_after: timedelta | None = None  # another patience than the rule's, for this place
    because: str = ""  # why an active fault changes with it, where nothing new was reported
    why: str = ""  # what was seen, in a few words for agents: "5 boots within 8 minutes"


class Known(msgspec.Struct, frozen=True):
    """What was known of an active fault before the present sighting."""

    is_danger: bool
    codes: set[str]
    stations: int
    unknown: set[str]
    keys: int

    @classmethod
    def of(cls, track: Track) -> Known:
        """Return what is known of a fault now."""
        return cls(
            track.is_danger,
            {*track.codes},
            len(track.stations),
            {*track.unknown},
            len(track.keys),
        )


def describe(track: Track, rule: Rule, sighting: Sighting) -> None:
    """Note in a track what a sighting says of it."""
    track.codes = sorted({*track.codes, *sighting.codes})
    track.unknown = list(dict.fromkeys([*track.unknown, *sighting.unknown]))
    for station in sighting.stations:
        index = bisect_left(track.stations, station)
        if index == len(track.stations) or track.stations[index] != station:
            track.stations.insert(index, station)
    if sighting.key and sighting.key not in track.keys:
        track.keys.append(sighting.key)
    if sighting.cause and sighting.cause != sighting.key:
        track.causes[sighting.key] = sighting.cause
    severity = sighting.severity or rule.severity
    track.say(sighting.key, severity, is_danger=sighting.is_danger)
    track.is_flapping = track.is_flapping or sighting.is_flapping
    track.last_at = sighting.at
    track.why = sighting.why or track.why
    track.remedy = sighting.remedy or track.remedy
    for position in sighting.positions:
        track.add_evidence(position)
    track.add_evidence(sighting.position, sighting.error)


def is_danger(codes: Iterable[str]) -> bool:
    """Tell whether any of the codes means danger to people."""
    return any(code in DANGER for code in codes)
