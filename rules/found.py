"""Tracks into the words of `domain.faults`: faults, decisions and work for us. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.faults import Change, Decision, Fault, Severity, WorkFound
from domain.places import StationId
from rules.catalogue import Catalogue
from rules.memory.words import WordSeen
from rules.tracks import Track

_ONCE_PER_EPISODE = (Change.RAISED, Change.CLEARED)


def fault_of(track: Track, catalogue: Catalogue, cleared_at: datetime | None = None) -> Fault:
    """Return the track's present episode as a fault. A rule that was taken out says no more."""
    rule = catalogue.rules.get(track.rule)
    if track.seen_at is None or track.raised_at is None:
        raise AssertionError(f"{track.fingerprint} has no episode")
    return Fault(
        fingerprint=track.fingerprint,
        rule=track.rule,
        place=track.place,
        episode=track.episode,
        severity=track.severity,
        codes=tuple(track.codes),
        seen_at=track.seen_at,
        raised_at=track.raised_at,
        cleared_at=cleared_at,
        is_danger=track.is_danger,
        is_flapping=track.is_flapping,
        inhibited_by=track.inhibited_by,
        part_of=track.part_of,
        errors=tuple(track.errors),
        advice=rule.advice if rule is not None else "",
        person_may_end=rule is not None and rule.person_may_end,
        why=track.why,
        cleared_by=track.cleared_by if cleared_at or not track.is_present else None,
        stations=tuple(track.stations),
        clean_since=None if track.is_present else track.clean_at,
        clears_at=None if track.is_present or cleared_at is not None else track.due_at,
        remedy=catalogue.remedy_of(track.codes, track.remedy),
    )


def decision_on(
    track: Track,
    catalogue: Catalogue,
    change: Change,
    at: datetime,
    because: str,
    *,
    quiet_until: datetime | None,
) -> Decision:
    """Return a decision about a track. Its key is the same whenever it is taken again."""
    key = f"{track.fingerprint}#{track.episode}:{change}"
    if change not in _ONCE_PER_EPISODE:
        track.changes += 1
        key = f"{key}:{track.changes}"
    return Decision(
        key=key,
        change=change,
        fault=fault_of(track, catalogue, at if change is Change.CLEARED else None),
        at=at,
        because=because,
        evidence=tuple(track.evidence),
        quiet_until=quiet_until,
        rules_version=catalogue.version,
    )


def unknown_code(track: Track, word: str, at: datetime) -> WorkFound:
    """A vendor word that nobody has classified yet: once per vendor and word."""
    vendor = track.errors[-1].vendor_id if track.errors else ""
    return WorkFound(
        key=f"unknown-code:{vendor.casefold()}:{word.casefold()}",
        rule="unknown-code",
        place=track.place,
        at=at,
        detail=f"Vendor code {word!r} of {vendor or 'an unnamed vendor'}",
        codes=("unknown-code",),
        evidence=tuple(track.evidence),
    )


def spread_of(work: WorkFound, seen: WordSeen) -> WorkFound:
    """What is known by now of a word that waits to be classified, for its task."""
    stations = f"{len(seen.stations)}{' or more' if seen.is_full else ''} stations"
    often = f"{stations}, {seen.times} times since {seen.first_at:%Y-%m-%d}"
    return WorkFound(
        key=f"{work.key}#{seen.times}",
        rule=work.rule,
        place=work.place,
        at=work.at,
        detail=f"{work.detail}: {often}",
        codes=work.codes,
        evidence=tuple(seen.samples),
        stations=tuple(StationId(name) for name in seen.stations),
        about=work.key,
    )


def danger_in_maintenance(track: Track, at: datetime) -> WorkFound:
    """Danger under a maintenance window or a silence: agents hear of it, customers do not."""
    is_work = (track.inhibited_by or "").startswith("maintenance@")
    meanwhile = "during planned work" if is_work else "while the place is silenced"
    return WorkFound(
        key=f"danger:{track.fingerprint}#{track.episode}",
        rule="danger-in-maintenance",
        place=track.place,
        at=at,
        detail=f"Danger reported {meanwhile}: {', '.join(track.codes)}",
        codes=tuple(track.codes),
        severity=Severity.CRITICAL,
        evidence=tuple(track.evidence),
    )


def in_words(span: timedelta) -> str:
    """Write a duration for a reason: `5 minutes`, `1 minute`, `30 seconds`."""
    seconds = span.total_seconds()
    if seconds == 60:
        return "1 minute"
    return f"{seconds / 60:g} minutes" if seconds > 60 else f"{seconds:g} seconds"
