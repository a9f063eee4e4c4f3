"""A few rules and one site, and a ledger over them that is driven by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.faults import AnyDecision, Decision, Severity, WorkFound
from domain.places import FLEET, CustomerId, Place, PlaceKind, SiteId, StationId
from domain.registry import Customer, Registry, Site, Station
from rules.catalogue import Catalogue, Detector, Rule, Worsening
from rules.ledger import Ledger
from rules.parameters import ReportedFaultParameters
from rules.sighting import Sighting
from rules.state import EngineState

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def rule(name: str, detector: Detector, **about: object) -> Rule:
    """Return a rule with two minutes of patience and five of clean time."""
    common = {
        "severity": Severity.MAJOR,
        "raise_after": timedelta(minutes=2),
        "clear_after": timedelta(minutes=5),
        "code": name,
        "advice": f"look at {name}",
    }
    return Rule(name=name, detector=detector, **{**common, **about})


FAULTED = rule("faulted", Detector.REPORTED_FAULT, parameters=ReportedFaultParameters())
ERROR = rule(
    "error",
    Detector.REPORTED_FAULT,
    severity=Severity.MINOR,
    parameters=ReportedFaultParameters(faulted=False),
)
OFFLINE = rule(
    "offline",
    Detector.OFFLINE,
    severity=Severity.MINOR,
    raise_after=timedelta(minutes=30),
    worsens=Worsening(timedelta(hours=2), Severity.MAJOR),
)
SILENT = rule("silent", Detector.SILENT, severity=Severity.MINOR)
DARK = rule("dark", Detector.SITE_DARK, raise_after=timedelta(minutes=10))
GATEWAY = rule("gateway", Detector.GATEWAY_LOST, raise_after=timedelta(minutes=10))
CARRIER = rule("carrier", Detector.CARRIER_LOST, raise_after=timedelta(minutes=10))
DROP = rule("drop", Detector.FLEET_DROP, severity=Severity.CRITICAL)
STUCK = rule(
    "stuck",
    Detector.STUCK_STATUS,
    severity=Severity.MINOR,
    raise_after=timedelta(minutes=30),
    confirmed_by_customer=True,
)
LID = rule(
    "lid",
    Detector.SECURITY_EVENT,
    severity=Severity.INFO,
    raise_after=timedelta(0),
    person_may_end=True,
)
RULES = (FAULTED, ERROR, OFFLINE, SILENT, DARK, GATEWAY, CARRIER, DROP, STUCK, LID)

A, B, C, X = (StationId(name) for name in ("A", "B", "C", "X"))
NORTH, SOUTH = SiteId("north"), SiteId("south")
REGISTRY = Registry(
    (Customer(id=CustomerId("acme"), name="ACME"),),
    (
        Site(
            id=NORTH,
            customer=CustomerId("acme"),
            timezone="Europe/Berlin",
            carrier="telco",
            stations=(Station(id=A, evses=2), Station(id=B, evses=1, protocol="mqtt")),
        ),
        Site(
            id=SOUTH,
            customer=CustomerId("acme"),
            timezone="Europe/Berlin",
            stations=(Station(id=C, evses=1),),
        ),
    ),
)


def place_of(name: str) -> Place:
    """Return the place that decisions write like this: `A`, `A/1`, `site:north`, `fleet`."""
    if name == "fleet":
        return FLEET
    kind, colon, rest = name.partition(":")
    if colon:
        return Place(PlaceKind(kind), rest)
    station, _, evse = name.partition("/")
    return Place.of_station(StationId(station), int(evse or 0))


class World:
    """A ledger, its clock in minutes, and every decision it took."""

    FAULTED, ERROR, OFFLINE, SILENT, DARK = FAULTED, ERROR, OFFLINE, SILENT, DARK
    GATEWAY, CARRIER, DROP, STUCK, LID = GATEWAY, CARRIER, DROP, STUCK, LID
    RULES, REGISTRY = RULES, REGISTRY
    place_of = staticmethod(place_of)

    def __init__(self, state: EngineState | None = None, rules: tuple[Rule, ...] = RULES):
        self.state = state or EngineState()
        self.ledger = Ledger(REGISTRY, Catalogue(rules), self.state)
        self.decisions: list[AnyDecision] = []

    @staticmethod
    def at(minutes: float) -> datetime:
        return START + timedelta(minutes=minutes)

    def see(self, minutes: float, what: Rule, where: str, **about: object):
        at = self.at(minutes)
        self.ledger.fire_until(at)
        given = {"at": at, "since": at, "codes": (what.code,), "position": 1, **about}
        track = self.ledger.see(what, place_of(where), Sighting(**given))
        self.decisions += self.ledger.take_decisions()
        return track

    def end(self, minutes: float, what: Rule, where: str, position: int = 0, **by: object):
        at = self.at(minutes)
        self.ledger.fire_until(at)
        self.ledger.end(what, place_of(where), at, position, **by)
        self.decisions += self.ledger.take_decisions()

    def pass_to(self, minutes: float) -> None:
        self.ledger.fire_until(self.at(minutes))
        self.decisions += self.ledger.take_decisions()

    def take(self) -> None:
        self.decisions += self.ledger.take_decisions()

    def track(self, what: Rule, where: str):
        return self.ledger.find(what, place_of(where))

    def thawed(self, rules: tuple[Rule, ...] = RULES) -> World:
        """Return a world that goes on from a snapshot of this one."""
        frozen = msgspec.msgpack.encode(self.state)
        return World(msgspec.msgpack.decode(frozen, type=EngineState), rules)

    def told(self, *keys: str) -> list[tuple]:
        """Return (minutes, change, rule@place) of every decision, and more where asked."""
        found = []
        for one in self.decisions:
            minutes = (one.at - START) / timedelta(minutes=1)
            if isinstance(one, WorkFound):
                found.append((minutes, "work", f"{one.rule}@{one.place}"))
                continue
            more = [getattr(one if hasattr(one, key) else one.fault, key) for key in keys]
            found.append((minutes, one.change.value, one.fault.name, *more))
        return found

    def of(self, what: Rule, change: str) -> list[Decision]:
        return [
            one
            for one in self.decisions
            if isinstance(one, Decision)
            and one.fault.rule == what.name
            and one.change.value == change
        ]


@pytest.fixture
def world() -> World:
    return World()
