"""Noise and passing trouble (fleet statistics 2.5): what becomes of words on their way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import msgspec

from domain.events import (
    AnyEvent,
    AuthorizationAsked,
    Booted,
    CommandAnswered,
    Connected,
    Disconnected,
    FirmwareStatusReported,
    Heard,
    HeartbeatAgreed,
    MeterSampled,
    PlaceEvent,
    SecurityEventReported,
    StationEvent,
    Status,
    StatusReported,
    TransactionUpdated,
)
from tests.rules.month.fleet import Body, Town, Use
from tests.rules.month.life import START, Timed

_DROPS = {"wifi": 12.0, "lte": 6.0, "ethernet": 1.5}
_OFFLINE = {"wifi": 1.5, "lte": 1.0, "ethernet": 0.3}
EVERY_H = 12


@dataclass(frozen=True)
class Gap:
    """The link is away; `boots` says whether the station introduces itself on its return."""

    begins: datetime
    ends: datetime
    boots: bool


def noisy(
    town: Town, said: dict[tuple[str, int], list[Timed]], seed: int, days: int
) -> list[AnyEvent]:
    """Return all events of a town as they reach us, in order."""
    told: list[tuple[datetime, int, AnyEvent]] = []
    shared = _site_gaps(town, seed, days)
    for body in town.bodies:
        draw = Random(f"{seed}:noise:{body.id}")
        own = sorted(
            (pair for evse in range(1, body.evses + 1) for pair in said[body.id, evse]),
            key=lambda pair: pair[0],
        )
        gaps = _merged([*_gaps(body, draw, days), *shared.get(body.site, [])])
        odd, updates = _oddities(body, draw, days)
        gaps = _merged([*gaps, *updates])
        end = START + timedelta(days=days)
        for at, event in [*_on_the_way(body, own, gaps, draw, days), *odd]:
            if at < end:
                told.append((at, len(told), event))
    told.sort(key=lambda one: one[:2])
    return [
        msgspec.structs.replace(event, observed_at=at, position=position)
        for position, (at, _, event) in enumerate(told, start=1)
    ]


def _moments(draw: Random, per_month: float, days: int) -> Iterator[datetime]:
    at = 0.2
    while per_month > 0:
        at += draw.expovariate(per_month / 30)
        if at >= days:
            return
        yield START + timedelta(days=at)


def _gaps(body: Body, draw: Random, days: int) -> Iterator[Gap]:
    for at in _moments(draw, _DROPS[body.link] * body.drops, days):
        length = draw.choices(
            [draw.uniform(0, 6), draw.uniform(6, 60), draw.uniform(60, 300)], [0.35, 0.4, 0.25]
        )[0]
        yield Gap(at, at + timedelta(seconds=max(length, 0.5)), draw.random() < 0.2)
    for at in _moments(draw, _OFFLINE[body.link], days):
        minutes = 5 + min(draw.lognormvariate(4.0, 1.7), 2700)
        yield Gap(at, at + timedelta(minutes=minutes), draw.random() < 0.6)
    reboots = draw.lognormvariate(math.log(0.5), 1.3) * (5 if body.use is Use.PUBLIC_DC else 1)
    for at in _moments(draw, min(reboots, 20), days):
        yield Gap(at, at + timedelta(seconds=draw.uniform(20, 150)), boots=True)
    if body.is_nightly:
        for day in range(1, days):
            at = START + timedelta(days=day, hours=3, minutes=10)
            yield Gap(at, at + timedelta(seconds=60), boots=True)


def _site_gaps(town: Town, seed: int, days: int) -> dict[str, list[Gap]]:
    """Routers that restart, and mains that fail or dip, for all stations of a site."""
    found: dict[str, list[Gap]] = {}
    for site in town.registry.sites:
        draw = Random(f"{seed}:site-noise:{site}")
        gaps = found.setdefault(site, [])
        for at in _moments(draw, 0.3, days):
            gaps.append(Gap(at, at + timedelta(seconds=draw.uniform(20, 240)), boots=False))
        for at in _moments(draw, 0.1, days):
            minutes = min(draw.lognormvariate(math.log(35), 0.9), 600)
            gaps.append(Gap(at, at + timedelta(minutes=minutes), boots=True))
        for at in _moments(draw, 0.05, days):
            gaps.append(Gap(at, at + timedelta(seconds=90), boots=True))
    return found


def _merged(gaps: Iterable[Gap]) -> list[Gap]:
    merged: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.begins):
        if merged and gap.begins <= merged[-1].ends + timedelta(seconds=5):
            last = merged[-1]
            merged[-1] = Gap(last.begins, max(last.ends, gap.ends), last.boots or gap.boots)
        else:
            merged.append(gap)
    return merged


def _oddities(body: Body, draw: Random, days: int) -> tuple[list[Timed], list[Gap]]:
    """A firmware night, planned work, a clock that is set again and again."""
    found: list[Timed] = []
    gaps: list[Gap] = []
    if draw.random() < 0.3:  # a firmware night
        at = START + timedelta(days=draw.randint(7, days - 3), hours=draw.uniform(1, 3))
        words = ["Downloading", "Downloaded", "Installing"]
        for number, word in enumerate(words if draw.random() < 0.9 else words[:1]):
            event = FirmwareStatusReported(observed_at=at, station=body.id, status=word)
            found.append((at + timedelta(minutes=4 * number), event))
        for _ in range(draw.choice([1, 1, 2, 3])):
            begins = at + timedelta(minutes=draw.uniform(13, 40))
            gaps.append(Gap(begins, begins + timedelta(seconds=draw.uniform(60, 360)), True))
        done = FirmwareStatusReported(observed_at=at, station=body.id, status="Installed")
        found.append((at + timedelta(minutes=50), done))
    if draw.random() < 0.05:  # planned: an agent takes it out of use
        at = START + timedelta(days=draw.uniform(5, days - 3))
        command = CommandAnswered(
            observed_at=at, station=body.id, action="ChangeAvailability", outcome="answered"
        )
        found.append((at, command))
        back = at + timedelta(hours=draw.uniform(1, 8))
        for moment, status in ((at, Status.UNAVAILABLE), (back, Status.AVAILABLE)):
            event = StatusReported(observed_at=at, place=body.place(1), status=status)
            found.append((moment + timedelta(seconds=2), event))
    if draw.random() < 0.1:
        for hour in range(0, days * 24, 2):
            at = START + timedelta(hours=hour, minutes=17)
            kind = "SettingSystemTime"
            event = SecurityEventReported(observed_at=at, station=body.id, kind=kind)
            found.append((at, event))
    return found, gaps


def _on_the_way(
    body: Body, own: list[Timed], gaps: list[Gap], draw: Random, days: int
) -> Iterator[Timed]:
    """Yield a station's words as they reach us: gaps lose, delay and repeat them."""
    at = START + timedelta(seconds=draw.uniform(0, 30))
    yield at, Connected(observed_at=at, station=body.id)
    yield at, HeartbeatAgreed(observed_at=at, station=body.id, every_s=EVERY_H * 3600)
    yield at, _boot(body, at)
    statuses: dict[str, StatusReported] = {}
    end = START + timedelta(days=days)
    life = iter([*own, *_signs_of_life(body, draw, days)])
    waiting = sorted(life, key=lambda pair: pair[0])
    index = 0
    for gap in [*gaps, Gap(end, end, boots=False)]:
        while index < len(waiting) and waiting[index][0] < gap.begins:
            moment, event = waiting[index]
            if isinstance(event, StatusReported):
                statuses[str(event.place)] = event
            yield moment, event
            index += 1
        if gap.begins >= end:
            return
        yield gap.begins, Disconnected(observed_at=gap.begins, station=body.id, code=1006)
        backlog: list[AnyEvent] = []
        while index < len(waiting) and waiting[index][0] < gap.ends:
            backlog.append(waiting[index][1])
            index += 1
        yield from _back(body, gap, backlog, statuses, draw)


def _back(
    body: Body,
    gap: Gap,
    backlog: list[AnyEvent],
    statuses: dict[str, StatusReported],
    draw: Random,
) -> Iterator[Timed]:
    """The link is back: a boot perhaps, the present statuses, and what was kept meanwhile."""
    at = gap.ends
    yield at, Connected(observed_at=at, station=body.id)
    if gap.boots:
        yield at + timedelta(seconds=1), _boot(body, at)
    replays = draw.random() < 0.6
    before = dict(statuses)
    for event in backlog:
        if isinstance(event, StatusReported):
            statuses[str(event.place)] = event
    for name, event in statuses.items():
        if gap.boots or before.get(name) is not event:
            now = at + timedelta(seconds=2)
            their = now + timedelta(seconds=body.clock_s)
            yield now, msgspec.structs.replace(event, reported_at=their)
    moment = at + timedelta(seconds=4)
    for event in backlog:
        is_live = isinstance(event, StatusReported | StationEvent | AuthorizationAsked)
        if is_live or (isinstance(event, MeterSampled | TransactionUpdated) and not replays):
            continue
        assert isinstance(event, PlaceEvent)
        moment += timedelta(milliseconds=40)
        yield moment, event


def _boot(body: Body, at: datetime) -> Booted:
    return Booted(observed_at=at, station=body.id, vendor="V", model=body.model, firmware="1.0")


def _signs_of_life(body: Body, draw: Random, days: int) -> list[Timed]:
    first = START + timedelta(hours=draw.uniform(0, EVERY_H))
    moments = (first + timedelta(hours=EVERY_H * n) for n in range(days * 24 // EVERY_H))
    return [(at, Heard(observed_at=at, station=body.id)) for at in moments]
