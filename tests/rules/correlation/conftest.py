"""A small field for the tests of wider causes: sites, stations, an engine, its decisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from app.rule_files import load_rules
from domain.events import AnyEvent, Booted, Connected, Disconnected, Heard
from domain.faults import AnyDecision, Decision, WorkFound
from domain.places import CustomerId, SiteId, StationId
from domain.registry import Customer, Registry, Site, Station
from rules.catalogue import Catalogue
from rules.engine import Engine
from rules.state import EngineState

CATALOGUE, DICTIONARY = load_rules()
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def minutes(number: float) -> datetime:
    """Return a moment so many minutes after the start."""
    return START + timedelta(minutes=number)


def site(
    name: str,
    stations: Iterable[str],
    *,
    carrier: str = "",
    customer: str = "",
    mqtt: Iterable[str] = (),
    gateway: str = "",
) -> Site:
    """Return a site of a customer of its own, unless one is named."""
    behind = set(mqtt)
    return Site(
        id=SiteId(name),
        customer=CustomerId(customer or f"of-{name}"),
        timezone="Europe/Berlin",
        carrier=carrier,
        gateway=gateway,
        stations=tuple(
            Station(id=StationId(s), evses=1, protocol="mqtt" if s in behind else "ocpp")
            for s in stations
        ),
    )


def registry_of(*sites: Site) -> Registry:
    """Return a registry with the sites and their customers."""
    customers = dict.fromkeys(site.customer for site in sites)
    return Registry(tuple(Customer(id=c, name=c) for c in customers), sites)


class Field:
    """An engine over some sites, driven by hand; `decisions` are all it ever took."""

    def __init__(self, *sites: Site, catalogue: Catalogue = CATALOGUE) -> None:
        self.registry = registry_of(*sites)
        self.catalogue = catalogue
        self.engine = Engine(self.registry, catalogue, DICTIONARY)
        self.decisions: list[AnyDecision] = []
        self._position = 0

    def feed(self, *events: AnyEvent) -> None:
        """Take events, one after the other."""
        for event in events:
            self._position += 1
            placed = msgspec.structs.replace(event, position=self._position)
            self.decisions += self.engine.step(event.observed_at, placed).decisions

    def up(self, at: datetime, *stations: str) -> None:
        """Stations connect."""
        self.feed(*(Connected(observed_at=at, station=StationId(s)) for s in stations))

    def lost(self, at: datetime, *stations: str) -> None:
        """Stations lose their links."""
        self.feed(*(Disconnected(observed_at=at, station=StationId(s)) for s in stations))

    def heard(self, at: datetime, *stations: str) -> None:
        """Stations give a sign of life."""
        self.feed(*(Heard(observed_at=at, station=StationId(s)) for s in stations))

    def boots(self, at: datetime, firmware: str, *stations: str, model: str = "One") -> None:
        """Stations say what they are."""
        self.feed(
            *(
                Booted(
                    observed_at=at,
                    station=StationId(s),
                    vendor="Acme",
                    model=model,
                    firmware=firmware,
                )
                for s in stations
            )
        )

    def until(self, at: datetime) -> None:
        """Let time pass; whoever is connected is heard every ten minutes."""
        moment = self.last_at
        while moment + timedelta(minutes=10) < at:
            moment += timedelta(minutes=10)
            up = sorted(s for s, b in self.engine.fleet.stations.items() if b.link == "up")
            self.heard(moment, *up)
        self.decisions += self.engine.step(at).decisions
        self.last_at = at

    def restarts(self) -> None:
        """The engine goes on from a snapshot."""
        frozen = msgspec.msgpack.encode(self.engine.state)
        state = msgspec.msgpack.decode(frozen, type=EngineState)
        self.engine = Engine(self.registry, self.catalogue, DICTIONARY, state)

    def registers(self, *sites: Site) -> None:
        """Another registry is used from now on."""
        self.registry = registry_of(*sites)
        self.restarts()

    last_at = START
    site = staticmethod(site)
    at = staticmethod(minutes)

    @property
    def told(self) -> list[str]:
        """Every change of a fault: `11 raised RULE@PLACE by X of Y`, minutes from the start."""
        return [_line(d) for d in self.decisions if isinstance(d, Decision)]

    @property
    def work(self) -> list[WorkFound]:
        """The work found."""
        return [d for d in self.decisions if isinstance(d, WorkFound)]

    def of(self, rule: str) -> list[Decision]:
        """The decisions about faults of a rule."""
        return [d for d in self.decisions if isinstance(d, Decision) and d.fault.rule == rule]

    def lines(self, *rules: str) -> list[str]:
        """The lines of `told` about some rules."""
        return [
            _line(d)
            for d in self.decisions
            if isinstance(d, Decision) and d.fault.rule in rules
        ]


def _line(decision: Decision) -> str:
    fault = decision.fault
    after = f"{(decision.at - START).total_seconds() / 60:g}"
    by = f" by {fault.inhibited_by}" if fault.inhibited_by else ""
    part = f" of {fault.part_of}" if fault.part_of else ""
    return f"{after} {decision.change} {fault.name}{by}{part}"


@pytest.fixture
def field() -> Callable[..., Field]:
    """Return what makes a field of sites: `field(field.site("S", "AB"))`; `field.at(5)`."""
    return Field
