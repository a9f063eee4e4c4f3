"""The field for the engine's bench: a fleet, and a busy day of it as events, in order.

60 % meter values of ten samples, 25 % signs of life, 10 % statuses, 5 % transactions and cards,
and beside them lost links, boots and faults as often as real fleets have them.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

from domain.events import (
    AnyEvent,
    AuthorizationAsked,
    Booted,
    Connected,
    Disconnected,
    ErrorReport,
    Heard,
    MeterSampled,
    Sample,
    Status,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
)
from domain.places import CustomerId, Place, SiteId, StationId
from domain.registry import Customer, Registry, Site, Station

START = datetime(2026, 1, 5, tzinfo=UTC)
SITES = 500
BIG = SiteId("s0")
BIG_STATIONS = 200
"""One site of the size of a depot, the others share the rest."""

CARRIERS = 5
FUSE_A = 250.0
EVSES = 2

_METERS_PER_CHARGE = 32
_HEARD_PER_CHARGE = 13
_CHARGES_PER_DAY = 3
_DAY = timedelta(days=1)
_REST = (
    Sample("Current.Offered", 32.0, "A"),
    Sample("Temperature", 31.0, "Celsius"),
)


def fleet(stations: int) -> Registry:
    """Return a registry: one big site, the other stations spread over the rest."""
    names = [StationId(f"BENCH-{number:05}") for number in range(stations)]
    big, others = names[:BIG_STATIONS], names[BIG_STATIONS:]
    spread = [big, *(others[site :: SITES - 1] for site in range(SITES - 1))]
    customers = tuple(Customer(id=CustomerId(f"c{n}"), name=f"C {n}") for n in range(SITES))
    sites = tuple(
        Site(
            id=SiteId(f"s{number}"),
            customer=CustomerId(f"c{number}"),
            timezone="Europe/Berlin",
            country="DE",
            carrier=f"carrier-{number % CARRIERS}",
            fuse_limit_a=20 * FUSE_A if number == 0 else FUSE_A,
            stations=tuple(Station(id=name, evses=EVSES) for name in members),
        )
        for number, members in enumerate(spread)
    )
    return Registry(customers, sites)


def arrival(registry: Registry, at: datetime) -> Iterator[AnyEvent]:
    """Let every station connect, boot and tell how it stands, as after a move to us."""
    position = count(1)
    for number, name in enumerate(registry.stations):
        model = f"M{number % 7}"
        moment = at + timedelta(milliseconds=20 * number)
        yield Connected(observed_at=moment, position=next(position), station=name)
        yield Booted(
            observed_at=moment,
            position=next(position),
            station=name,
            vendor="Benchmark",
            model=model,
            serial=f"{number:08}",
            firmware="1.2.3",
        )
        for evse in range(EVSES + 1):
            yield StatusReported(
                observed_at=moment,
                position=next(position),
                place=Place.of_station(name, evse),
                status=Status.AVAILABLE,
                reported_at=moment,
            )


def day(registry: Registry, at: datetime, seed: int = 4) -> Iterator[AnyEvent]:
    """Yield a busy day of all stations in the order of time, without end."""
    dice = random.Random(seed)
    found = heapq.merge(
        *(
            _Station(name, at, random.Random(dice.random())).life()
            for name in registry.stations
        ),
        key=lambda event: event.observed_at,
    )
    yield from found


class _Station:
    """One station: what its EVSEs and its link do, each event later than the one before."""

    def __init__(self, name: StationId, at: datetime, dice: random.Random) -> None:
        self._name = name
        self._start = at
        self._dice = dice
        self._position = dice.randrange(10**6)
        self._register = [dice.uniform(1e6, 9e6) for _ in range(EVSES)]

    def life(self) -> Iterator[AnyEvent]:
        """Yield what the station says, the EVSEs mixed."""
        key = lambda event: event.observed_at  # noqa: E731
        evses = (self._charges(number + 1) for number in range(EVSES))
        return heapq.merge(self._link(), *evses, key=key)

    def _link(self) -> Iterator[AnyEvent]:
        name, dice = self._name, self._dice
        every = _DAY / (EVSES * _CHARGES_PER_DAY * _HEARD_PER_CHARGE)
        at = self._start + every * dice.random()
        while True:
            yield Heard(observed_at=at, position=self._next, station=name, count=3)
            if dice.random() < 0.003:  # one drop in four days, most of them short
                yield Disconnected(observed_at=at, position=self._next, station=name, code=1006)
                at += timedelta(seconds=dice.lognormvariate(4.5, 1.5))
                yield Connected(observed_at=at, position=self._next, station=name)
            at += every * dice.uniform(0.9, 1.1)

    def _charges(self, evse: int) -> Iterator[AnyEvent]:
        dice = self._dice
        place = Place.of_station(self._name, evse)
        slot = _DAY / _CHARGES_PER_DAY
        begin = self._start + slot * dice.random()
        number = 0
        while True:
            number += 1
            yield from self._charge(place, begin, slot, f"{place}:{number}")
            if dice.random() < 0.01:
                yield from self._fault(place, begin + slot * 0.96)
            begin += slot

    def _charge(
        self, place: Place, begin: datetime, slot: timedelta, transaction: str
    ) -> Iterator[AnyEvent]:
        token = f"T{self._dice.randrange(300)}"
        at = begin
        yield self._status(place, at, Status.PREPARING)
        at += timedelta(seconds=20)
        yield AuthorizationAsked(
            observed_at=at,
            position=self._next,
            station=StationId(place.name),
            id_token=token,
            is_accepted=True,
        )
        yield TransactionStarted(
            observed_at=at,
            position=self._next,
            place=place,
            reported_at=at,
            transaction=transaction,
            id_token=token,
            meter_wh=self._register[place.evse - 1],
        )
        yield self._status(place, at, Status.CHARGING)
        every = slot * 0.9 / _METERS_PER_CHARGE
        for _ in range(_METERS_PER_CHARGE):
            at += every
            yield self._meter(place, at, every, transaction)
        yield self._status(place, at, Status.SUSPENDED_EV)
        yield TransactionEnded(
            observed_at=at + timedelta(seconds=1),
            position=self._next,
            place=place,
            reported_at=at,
            transaction=transaction,
            reason="EVDisconnected",
            meter_wh=self._register[place.evse - 1],
        )
        yield self._status(place, at + timedelta(seconds=1), Status.FINISHING)
        yield self._status(place, at + timedelta(seconds=40), Status.AVAILABLE)

    def _meter(
        self, place: Place, at: datetime, every: timedelta, transaction: str
    ) -> MeterSampled:
        amps = self._dice.uniform(10.0, 16.0)
        power = 3 * 230.0 * amps
        self._register[place.evse - 1] += power * every.total_seconds() / 3600
        register = Sample("Energy.Active.Import.Register", self._register[place.evse - 1], "Wh")
        samples = (
            register,
            Sample("Power.Active.Import", power, "W"),
            *(Sample("Current.Import", amps, "A", phase) for phase in ("L1", "L2", "L3")),
            *(Sample("Voltage", 229.0, "V", phase) for phase in ("L1", "L2", "L3")),
            *_REST,
        )
        return MeterSampled(
            observed_at=at,
            position=self._next,
            place=place,
            reported_at=at,
            samples=samples,
            transaction=transaction,
        )

    def _fault(self, place: Place, at: datetime) -> Iterator[AnyEvent]:
        code = self._dice.choice(("InternalError", "GroundFailure", "OtherError"))
        error = ErrorReport(code=code, vendor_code=self._dice.choice(("", "E17")))
        yield StatusReported(
            observed_at=at,
            position=self._next,
            place=place,
            reported_at=at,
            status=Status.FAULTED,
            error=error,
        )
        over = at + timedelta(minutes=self._dice.choice((1, 4, 15)))
        yield self._status(place, over, Status.AVAILABLE)

    def _status(self, place: Place, at: datetime, status: Status) -> StatusReported:
        return StatusReported(
            observed_at=at, position=self._next, place=place, reported_at=at, status=status
        )

    @property
    def _next(self) -> int:
        self._position += 1
        return self._position
