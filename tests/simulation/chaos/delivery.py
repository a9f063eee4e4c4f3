"""What of it reaches us, and how: dropped, doubled, late, out of a backlog, absurdly dated.

Nobody speaks without a link, and nothing is heard while we are down. What is said meanwhile is
lost or comes when the station is back, with the moment at which it was meant. A station's own
clock may say anything; ours never goes back, but may leap ahead (a machine that was suspended).
"""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from domain.events import (
    AnyEvent,
    CommandAnswered,
    Connected,
    Disconnected,
    GatewayOffline,
    GatewayOnline,
    MeterSampled,
    PlaceEvent,
    ServiceStarted,
    ServiceStopped,
    StationEvent,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from domain.places import StationId
from domain.registry import Registry
from tests.simulation.chaos.lives import Life
from tests.simulation.chaos.places import BEHIND, STRANGER
from tests.simulation.chaos.troubles import Troubles

START = datetime(2026, 3, 28, 10, 0, tzinfo=UTC)
"""A Saturday; summer time begins in the night."""

HOURS = 48
QUEUED = (
    MeterSampled,
    StatusReported,
    TransactionStarted,
    TransactionUpdated,
    TransactionEnded,
)
_MOMENTS = ("first_at", "last_at", "since_at", "until")
_MOST_QUEUED = 200
_OFFSETS_S = (0, 0, 0, 3600, 420, -400, -34_560_000)
_ABSURD = (
    datetime.min.replace(tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)


def timeline_of(registry: Registry, rules: list[str], seed: int) -> list[AnyEvent]:
    """Return what reaches us in two days, in its order, with the journal's positions."""
    dice = random.Random(seed)
    said: list[tuple[datetime, int, AnyEvent]] = []

    def say(at: datetime, event: AnyEvent) -> None:
        said.append((at, len(said), event))

    troubles = Troubles(registry, rules, dice, START, HOURS, say)
    troubles.come()
    for station in registry.stations.values():
        Life(station, dice, START, HOURS, say).live()
    troubles.connect(STRANGER, START + timedelta(hours=1))
    delivery = Delivery(registry, dice)
    return [
        msgspec.structs.replace(event, position=number)
        for number, event in enumerate(delivery.of(said), start=1)
    ]


class Delivery:
    """The way from the field to us."""

    def __init__(self, registry: Registry, dice: random.Random) -> None:
        self._registry = registry
        self._dice = dice
        self._up: set[StationId] = set()
        self._is_running = True
        self._queues: dict[StationId, list[AnyEvent]] = defaultdict(list)
        self._offset_s: dict[StationId, int] = defaultdict(int)
        self._leap = timedelta(0)
        self._behind = {s.id for s in registry.stations.values() if s.protocol == BEHIND}
        self._away_sites: set[str] = set()

    def of(self, said: list[tuple[datetime, int, AnyEvent]]) -> Iterator[AnyEvent]:
        """Yield what reaches us."""
        waiting = sorted(said, key=lambda entry: entry[:2])
        heapq.heapify(waiting)
        number = len(waiting)
        while waiting:
            at, _, event = heapq.heappop(waiting)
            if self._dice.random() < 0.0005:
                self._leap += timedelta(minutes=self._dice.choice((2, 40, 300)))
            is_of_field = isinstance(event, PlaceEvent | StationEvent)
            if is_of_field and not isinstance(event, Connected | Disconnected):
                if self._dice.random() < 0.02 and event.observed_at == at:
                    number += 1  # it comes later, after others
                    late = at + timedelta(seconds=self._dice.randint(1, 900))
                    heapq.heappush(waiting, (late, number, event))
                    continue
                yield from self._hear(at, event)
            else:
                yield from self._happen(at, event)

    def _happen(self, at: datetime, event: AnyEvent) -> Iterator[AnyEvent]:
        """A link, or something that is no station's."""
        match event:
            case ServiceStopped() | ServiceStarted():
                self._up.clear()
                self._is_running = isinstance(event, ServiceStarted)
                yield self._at(at, event)
                return
            case Connected() if self._is_running:
                self._up.add(event.station)
            case Disconnected() if event.station not in self._up:
                return
            case Disconnected():
                self._up.discard(event.station)
            case GatewayOffline():
                self._away_sites.add(event.site)
            case GatewayOnline():
                self._away_sites.discard(event.site)
            case _:
                pass
        if not self._is_running:
            return
        yield self._at(at, event)
        if isinstance(event, Connected):
            for queued in self._queues.pop(event.station, ()):
                yield from self._deliver(at, queued)

    def _hear(self, at: datetime, event: AnyEvent) -> Iterator[AnyEvent]:
        """Something that a station says."""
        name = event.place.name if isinstance(event, PlaceEvent) else event.station
        station = StationId(name)
        if isinstance(event, CommandAnswered):
            if self._is_running:
                yield self._at(at, event)
            return
        if self._dice.random() < 0.002:
            self._offset_s[station] = self._dice.choice(_OFFSETS_S)
        if not self._is_heard(station):
            queue = self._queues[station]
            if isinstance(event, QUEUED) and self._dice.random() < 0.5:
                queue.append(event)
                del queue[:-_MOST_QUEUED]
            return
        if self._dice.random() < 0.01:
            return  # lost on the way
        yield from self._deliver(at, event)
        if self._dice.random() < 0.02:
            yield from self._deliver(at, event)  # said twice

    def _deliver(self, at: datetime, event: AnyEvent) -> Iterator[AnyEvent]:
        if isinstance(event, PlaceEvent) and event.reported_at is not None:
            offset = timedelta(seconds=self._offset_s[StationId(event.place.name)])
            reported_at = event.reported_at + offset + self._leap
            if self._dice.random() < 0.003:
                reported_at = self._dice.choice(_ABSURD)
            event = msgspec.structs.replace(event, reported_at=reported_at)
        yield self._at(at, event)

    def _is_heard(self, station: StationId) -> bool:
        if not self._is_running:
            return False
        if station in self._behind:
            site = self._registry.site_of(station)
            return site is not None and site.id not in self._away_sites
        return station in self._up

    def _at(self, at: datetime, event: AnyEvent) -> AnyEvent:
        """Return the event as we see it: at our moment, the leaps of our clock in it."""
        later = at + self._leap
        moved = {
            name: moment + (later - event.observed_at if name != "until" else self._leap)
            for name in _MOMENTS
            if isinstance(moment := getattr(event, name, None), datetime)
        }
        return msgspec.structs.replace(event, observed_at=later, **moved)
