"""What disturbs the fleet: lost links, outages, our own restarts, people; by seed.

Says what happens at which moment, in no order; what of it reaches us is decided by `delivery`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from domain.events import (
    AnyEvent,
    BrokerFound,
    BrokerLost,
    Connected,
    ContactMade,
    Disconnected,
    FaultDismissed,
    GatewayOffline,
    GatewayOnline,
    MaintenancePlanned,
    ServiceStarted,
    ServiceStopped,
    SilenceSet,
    Ticked,
)
from domain.places import Place, StationId
from domain.registry import Registry
from tests.simulation.chaos.places import BEHIND

CERTIFICATES = (
    None,
    None,
    None,
    datetime(2026, 4, 10, tzinfo=UTC),
    datetime(2026, 3, 1, tzinfo=UTC),
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
)
PROTOCOLS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")

Say = Callable[[datetime, AnyEvent], None]


class Troubles:
    """Everything that is not a station's own life."""

    def __init__(
        self,
        registry: Registry,
        rules: Iterable[str],
        dice: random.Random,
        start: datetime,
        hours: int,
        say: Say,
    ) -> None:
        self._registry = registry
        self._rules = sorted(rules)
        self._dice = dice
        self._start = start
        self._hours = hours
        self._say = say
        self._linked = [s.id for s in registry.stations.values() if s.protocol != BEHIND]

    def come(self) -> None:
        """Let all of it happen."""
        for station in self._linked:
            self.connect(station, self._start + timedelta(seconds=self._dice.randint(0, 600)))
            for _ in range(self._dice.randint(0, 6)):
                self._lose((station,), self._moment())
        for trouble, most in (
            (self._flap, 3),
            (self._outage, 4),
            (self._carrier, 2),
            (self._drop_of_all, 2),
            (self._controller, 4),
            (self._broker, 2),
            (self._restart, 3),
            (self._work, 4),
            (self._silence, 4),
            (self._dismiss, 12),
            (self._call, 8),
            (self._tick, 6),
        ):
            for _ in range(self._dice.randint(0, most)):
                trouble(self._moment())

    def connect(self, station: StationId, at: datetime) -> None:
        """Open a connection, with or without a certificate that says much."""
        self._say(
            at,
            Connected(
                observed_at=at,
                station=station,
                protocol=self._dice.choice(PROTOCOLS),
                certificate_until=self._dice.choice(CERTIFICATES),
            ),
        )

    def _lose(self, stations: Iterable[StationId], at: datetime, share: float = 1.0) -> None:
        length = self._length()
        for station in stations:
            if station in self._linked and self._dice.random() < share:
                lost = at + timedelta(seconds=self._dice.choice((0, 0, 30, 100, 170)))
                self._say(lost, Disconnected(observed_at=lost, station=station, code=1006))
                if self._dice.random() < 0.9:
                    back = lost + length + timedelta(seconds=self._dice.randint(0, 1_000))
                    self.connect(station, back)

    def _flap(self, at: datetime) -> None:
        station = self._dice.choice(self._linked)
        for _ in range(self._dice.choice((3, 5, 9))):
            self._say(at, Disconnected(observed_at=at, station=station, code=1006))
            self.connect(station, at + timedelta(seconds=20))
            at += timedelta(minutes=self._dice.choice((1, 9)))

    def _outage(self, at: datetime) -> None:
        site = self._dice.choice([*self._registry.sites.values()])
        for _ in range(self._dice.choice((1, 1, 3))):
            self._lose((station.id for station in site.stations), at, 0.85)
            at += self._length()

    def _carrier(self, at: datetime) -> None:
        sites = [site for site in self._registry.sites.values() if site.carrier]
        self._lose((s.id for site in sites for s in site.stations), at, 0.9)

    def _drop_of_all(self, at: datetime) -> None:
        self._lose(self._linked, at, 0.9)

    def _controller(self, at: datetime) -> None:
        for site in self._registry.sites.values():
            if site.gateway:
                self._say(at, GatewayOnline(observed_at=at, site=site.id))
                gone = at + self._length()
                self._say(gone, GatewayOffline(observed_at=gone, site=site.id))
                back = gone + self._length()
                self._say(back, GatewayOnline(observed_at=back, site=site.id))

    def _broker(self, at: datetime) -> None:
        self._say(at, BrokerLost(observed_at=at, because="refused"))
        back = at + self._length()
        self._say(back, BrokerFound(observed_at=back))

    def _restart(self, at: datetime) -> None:
        if self._dice.random() < 0.7:
            self._say(at, ServiceStopped(observed_at=at))
        at += timedelta(minutes=self._dice.choice((0, 1, 5, 40)))
        self._say(at, ServiceStarted(observed_at=at))
        for station in self._linked:
            if self._dice.random() < 0.9:
                later = timedelta(seconds=self._dice.randint(1, 1_500))
                self.connect(station, at + later)

    def _work(self, at: datetime) -> None:
        until = at + timedelta(hours=self._dice.choice((-1, 1, 4, 12)))
        self._say(at, MaintenancePlanned(observed_at=at, place=self._place(), until=until))

    def _silence(self, at: datetime) -> None:
        until = at + timedelta(hours=self._dice.choice((0, 1, 4, 12)))
        rule = self._dice.choice(("", *self._rules))
        said = SilenceSet(observed_at=at, place=self._place(), until=until, rule=rule)
        self._say(at, said)

    def _dismiss(self, at: datetime) -> None:
        rule, place = self._dice.choice((*self._rules, "no-such-rule")), self._place()
        self._say(at, FaultDismissed(observed_at=at, rule=rule, place=place, who="ann"))

    def _call(self, at: datetime) -> None:
        station = self._dice.choice(sorted(self._registry.stations))
        site = self._registry.site_of(station)
        if site is not None:
            is_exact = self._dice.random() < 0.7
            self._say(
                at,
                ContactMade(
                    observed_at=at,
                    customer=site.customer,
                    channel="phone",
                    station=station if is_exact else None,
                    site=None if is_exact else site.id,
                ),
            )

    def _tick(self, at: datetime) -> None:
        self._say(at, Ticked(observed_at=at))

    def _place(self) -> Place:
        site = self._dice.choice([*self._registry.sites.values()])
        station = self._dice.choice(site.stations)
        evse = self._dice.randint(0, station.evses)
        return self._dice.choice((Place.of_site(site.id), Place.of_station(station.id, evse)))

    def _moment(self) -> datetime:
        return self._start + timedelta(seconds=self._dice.randint(600, self._hours * 3600))

    def _length(self) -> timedelta:
        return timedelta(minutes=self._dice.choice((0.3, 1, 3, 8, 20, 45, 150, 400)))
