"""A fleet that suffers for three days, by seed: what the field can say, in virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from domain.events import (
    AnyEvent,
    Connected,
    ContactMade,
    Disconnected,
    ErrorReport,
    Heard,
    MaintenancePlanned,
    ServiceStarted,
    ServiceStopped,
    Status,
    StatusReported,
)
from domain.places import CustomerId, Place, SiteId, StationId
from domain.registry import Contact, Customer, Registry, Role, Segment, Site, Station

START = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)
"""A Friday noon; summer time begins in the second night."""

LASTS = timedelta(days=3)
BEAT = timedelta(minutes=20)
CODES = ("", "InternalError", "GroundFailure", "WeakSignal", "OverVoltage", "OtherError")


def _registry() -> Registry:
    return Registry(
        customers=(
            Customer(
                id=CustomerId("acme"),
                name="ACME",
                segment=Segment.FLEET,
                language="de",
                contacts=(
                    Contact(name="PM", role=Role.PROJECT_MANAGER, email="pm@acme.example"),
                    Contact(
                        name="Depot",
                        role=Role.SITE,
                        email="depot@acme.example",
                        sites=(SiteId("depot"),),
                    ),
                    Contact(name="Books", role=Role.BILLING, email="books@acme.example"),
                ),
            ),
            Customer(
                id=CustomerId("mayer"),
                name="Mayer",
                segment=Segment.PRIVATE,
                contacts=(
                    Contact(name="Anna", role=Role.OWNER, email="anna@mayer.example"),
                    Contact(name="Bell", role=Role.SITE, phone="+49 170 1", channel="sms"),
                ),
            ),
        ),
        sites=(
            _site("depot", "acme", {"D-1": 2, "D-2": 1, "D-3": 1, "D-4": 2}),
            _site("yard", "acme", {"Y-1": 1, "Y-2": 1}),
            _site("home", "mayer", {"H-1": 2}),
        ),
    )


def _site(name: str, customer: str, stations: dict[str, int]) -> Site:
    return Site(
        id=SiteId(name),
        customer=CustomerId(customer),
        name=name.title(),
        timezone="Europe/Berlin",
        country="DE",
        stations=tuple(Station(id=StationId(s), evses=n) for s, n in stations.items()),
    )


class Field:
    """Makes up what happens. The same seed makes up the same."""

    def __init__(self, registry: Registry, seed: int) -> None:
        self._dice = random.Random(seed)
        self._registry = registry
        self._stations = sorted(registry.stations)
        self._found: list[tuple[datetime, int, AnyEvent]] = []
        self._position = 0

    def timeline(self) -> list[AnyEvent]:
        """Return three days of events, in order; nobody speaks without a connection."""
        for station in self._stations:
            self._live(station)
        for _ in range(self._dice.randint(2, 5)):
            self._outage()
        for _ in range(self._dice.randint(1, 3)):
            self._restart()
        for _ in range(self._dice.randint(1, 4)):
            self._plan_work()
        for _ in range(self._dice.randint(4, 10)):
            self._call_us()
        self._found.sort(key=lambda entry: entry[:2])
        return list(self._as_heard())

    def _as_heard(self) -> Iterator[AnyEvent]:
        """Leave out what could not reach us: no link, or none of us there."""
        up, is_running = set(), True
        for _, _, event in self._found:
            match event:
                case ServiceStopped():
                    up, is_running = set(), False
                case ServiceStarted():
                    up, is_running = set(), True
                case ContactMade() | MaintenancePlanned():
                    pass
                case Disconnected():
                    if event.station not in up:
                        continue
                    up.discard(event.station)
                case Connected():
                    up.add(event.station)
                case Heard() | StatusReported():
                    name = event.station if isinstance(event, Heard) else event.place.name
                    if StationId(name) not in up:
                        continue
                case _:
                    raise AssertionError(event)
            if is_running or isinstance(event, ServiceStopped | ServiceStarted):
                yield event

    def _live(self, station: StationId) -> None:
        """One station: it beats, drops its link now and then, and has faults."""
        at = START + self._span(10)
        self._add(Connected, at, station=station)
        beat = at
        while beat < START + LASTS:
            self._add(Heard, beat, station=station)
            beat += BEAT + self._span(2)
        for _ in range(self._dice.randint(0, 8)):
            lost = self._moment()
            self._add(Disconnected, lost, station=station)
            self._add(Connected, lost + self._length(), station=station)
        for evse in range(self._registry.stations[station].evses + 1):
            for _ in range(self._dice.randint(0, 3)):
                self._have_fault(Place.of_station(station, evse))

    def _have_fault(self, place: Place) -> None:
        at = self._moment()
        status = self._dice.choice([Status.FAULTED] * 3 + [Status.AVAILABLE])
        code = self._dice.choice(CODES if status is Status.FAULTED else CODES[1:])
        error = ErrorReport(code=code) if code else None
        for _ in range(self._dice.choice([1, 1, 1, 2, 5])):
            self._add(StatusReported, at, place=place, status=status, error=error)
            at += self._length()
            self._add(StatusReported, at, place=place, status=Status.AVAILABLE)
            at += self._length()

    def _outage(self) -> None:
        site = self._dice.choice(sorted(self._registry.sites.values(), key=lambda s: s.id))
        at, length = self._moment(), self._length()
        for station in site.stations:
            if self._dice.random() < 0.85:
                lost = at + timedelta(seconds=self._dice.randint(0, 150))
                self._add(Disconnected, lost, station=station.id)
                back = lost + length + timedelta(seconds=self._dice.randint(0, 2_000))
                self._add(Connected, back, station=station.id)

    def _restart(self) -> None:
        at = self._moment()
        if self._dice.random() < 0.7:
            self._add(ServiceStopped, at)
        at += timedelta(minutes=self._dice.choice([1, 5, 40]))
        self._add(ServiceStarted, at)
        for station in self._stations:
            if self._dice.random() < 0.9:
                self._add(Connected, at + self._span(20), station=station)

    def _plan_work(self) -> None:
        at = self._moment()
        site = self._dice.choice(sorted(self._registry.sites))
        until = at + timedelta(hours=self._dice.choice([1, 4, 12]))
        self._add(MaintenancePlanned, at, place=Place.of_site(site), until=until)

    def _call_us(self) -> None:
        station = self._dice.choice(self._stations)
        site = self._registry.site_of(station)
        assert site is not None
        about = {"station": station} if self._dice.random() < 0.7 else {"site": site.id}
        self._add(ContactMade, self._moment(), customer=site.customer, channel="phone", **about)

    def _add(self, kind: type[AnyEvent], at: datetime, **members: object) -> None:
        self._position += 1
        event = kind(observed_at=at, position=self._position, **members)
        self._found.append((at, self._position, event))

    def _moment(self) -> datetime:
        return START + timedelta(seconds=self._dice.randint(600, int(LASTS.total_seconds())))

    def _length(self) -> timedelta:
        return timedelta(minutes=self._dice.choice([0.3, 1, 3, 8, 20, 45, 150, 400]))

    def _span(self, minutes: int) -> timedelta:
        return timedelta(seconds=self._dice.randint(0, minutes * 60))


@pytest.fixture(scope="session")
def fleet() -> Registry:
    """Three sites of two customers."""
    return _registry()


@pytest.fixture(scope="session")
def timeline_of(fleet: Registry) -> Callable[[int], list[AnyEvent]]:
    """Return the timeline of a seed."""
    return lambda seed: Field(fleet, seed).timeline()
