"""A small world around one desk: a fleet, an engine's words, and everything that came out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.events import ContactMade
from domain.faults import Change, Decision, Fault, Severity
from domain.places import CustomerId, Place, PlaceKind, SiteId, StationId
from domain.registry import Contact, Customer, Registry, Role, Segment, Site, Station
from ticketing.commands import RefusedError, ResolveTicket, SendNotice
from ticketing.desk import Desk
from ticketing.settings import DeskSettings

PHONE = "+49 30 23125 001"


def place_named(name: str) -> Place:
    kind, colon, rest = name.partition(":")
    if colon:
        return Place(PlaceKind(kind), rest)
    if name == "fleet":
        return Place(PlaceKind.FLEET)
    station, _, evse = name.partition("/")
    return Place.of_station(StationId(station), int(evse or 0))


def contacts_of(language: str = "") -> tuple[Contact, ...]:
    return (
        Contact(
            name="Depot desk",
            role=Role.SITE,
            email="depot@acme.example",
            sites=(SiteId("north"),),
            language=language,
        ),
        Contact(name="Kim Lang", role=Role.PROJECT_MANAGER, email="pm@acme.example"),
        Contact(name="Owner", role=Role.OWNER, email="owner@acme.example"),
        Contact(name="Books", role=Role.BILLING, email="billing@acme.example"),
    )


def registry_of(
    *,
    segment: Segment = Segment.COMPANY,
    language: str = "en",
    contacts: tuple[Contact, ...] | None = None,
) -> Registry:
    acme = Customer(
        id=CustomerId("acme"),
        name="ACME Logistics",
        segment=segment,
        language=language,
        contacts=contacts_of() if contacts is None else contacts,
    )
    other = Customer(id=CustomerId("other"), name="Other")
    stations = [Station(id=StationId(f"N-00{n}"), evses=2 if n == 1 else 1) for n in (1, 2, 3)]
    north = Site(
        id=SiteId("north"),
        customer=acme.id,
        timezone="Europe/Berlin",
        name="North depot",
        country="DE",
        stations=tuple(stations),
    )
    south = Site(
        id=SiteId("south"),
        customer=acme.id,
        timezone="Europe/Berlin",
        name="South depot",
        stations=(Station(id=StationId("S-001"), evses=1),),
    )
    return Registry((acme, other), (north, south))


class World:
    """One desk; what it said is kept. Moments are UTC, Berlin is one hour ahead."""

    def __init__(
        self,
        registry: Registry | None = None,
        settings: DeskSettings | None = None,
        view: object | None = None,
    ) -> None:
        self.registry = registry or registry_of()
        self.settings = settings or DeskSettings(phone=PHONE, team_name="Your service team")
        self.view = view
        self.desk = self.new_desk()
        self.commands: list = []
        self.episodes: dict[str, int] = {}
        self.live: dict[str, Fault] = {}
        self.wake_at = None
        self.said_count = 0

    def new_desk(self) -> Desk:
        return Desk(
            self.registry,
            self.settings,
            status_page=lambda customer, ticket: f"https://charging.example/s/{ticket}",
            view=self.view,
        )

    @staticmethod
    def at(hour: int, minute: int = 0, second: int = 0, *, day: int = 5) -> datetime:
        """Return a moment of January 2026 (UTC); the 5th is a Monday."""
        return datetime(2026, 1, day, hour, minute, second, tzinfo=UTC)

    def decision(self, at: datetime, change: Change, name: str, **about: object) -> Decision:
        """Return what the engine would say; the fault goes on from what it was."""
        change = Change(change)
        rule = str(about.pop("rule", "connector-faulted"))
        quiet_until = about.pop("quiet_until", None)
        key = f"{rule}@{name}"
        before = self.live.get(key)
        if change is Change.RAISED:
            self.episodes[key] = self.episodes.get(key, 0) + 1
            before = None
        fault = before or Fault(
            fingerprint=f"{key}~1",
            rule=rule,
            place=place_named(name),
            episode=self.episodes[key],
            severity=Severity.MAJOR,
            codes=("CX014",),
            seen_at=at - timedelta(minutes=2),
            raised_at=at,
        )
        code = about.pop("code", None)
        if code is not None:
            about["codes"] = (code,)
        if change is Change.RELEASED:
            about.setdefault("inhibited_by", None)
        if change is Change.CLEARED:
            about.setdefault("cleared_at", at)
        fault = msgspec.structs.replace(fault, **about)
        self.live[key] = fault
        self.said_count += 1
        return Decision(
            key=f"{fault.fingerprint}#{fault.episode}:{change}:{self.said_count}",
            change=change,
            fault=fault,
            at=at,
            because="test",
            evidence=(7,),
            quiet_until=quiet_until,
        )

    def take(self, now: datetime, given: object) -> None:
        try:
            self._keep(self.desk.step(now, given))
        except RefusedError:
            self.passes(now)  # as the service does: what fell due before is handed out
            raise

    def happens(self, at: datetime, change: str, name: str, **about: object) -> None:
        """One decision, taken in without letting time pass."""
        self.take(at, self.decision(at, Change(change), name, **about))

    def raised(self, at: datetime, name: str, **about: object) -> None:
        """A fault raised, and nothing else at that moment."""
        self.happens(at, "raised", name, **about)
        self.passes(at)

    def cleared(self, at: datetime, name: str, **about: object) -> None:
        self.happens(at, "cleared", name, **about)
        self.passes(at)

    def calls(self, at: datetime, **about: object) -> None:
        about.setdefault("customer", CustomerId("acme"))
        self.said_count += 1
        about.setdefault("position", self.said_count)
        self.take(at, ContactMade(observed_at=at, channel="phone", text="dead", **about))
        self.passes(at)

    def passes(self, until: datetime) -> None:
        self._keep(self.desk.step(until))

    def restarts(self) -> None:
        """A new desk takes over from what the commands said."""
        at = self.desk._now
        number = self.desk.next_number
        self.desk = self.new_desk()
        live = [fault for fault in self.live.values() if fault.cleared_at is None]
        self.desk.load(list(self.tickets.values()), number, at=at)
        self.desk.remember(live)

    def _keep(self, step: object) -> None:
        self.commands += step.commands
        self.wake_at = step.wake_at

    @property
    def tickets(self) -> dict:
        """Every ticket as its last command had it, by id."""
        return {c.ticket.id: c.ticket for c in self.commands if not isinstance(c, SendNotice)}

    @property
    def notices(self) -> list:
        return [c.notice for c in self.commands if isinstance(c, SendNotice)]

    @property
    def said(self) -> list[tuple[str, str]]:
        """Reason and reader of every notice, in order."""
        return [(n.reason.value, n.to.partition("@")[0]) for n in self.notices]

    @property
    def reasons(self) -> list[str]:
        """Reasons of the notices to the project manager, in order."""
        return [n.reason.value for n in self.notices if n.to == "pm@acme.example"]

    @property
    def resolutions(self) -> int:
        return sum(isinstance(c, ResolveTicket) for c in self.commands)


@pytest.fixture
def world() -> World:
    """A company with two sites in Berlin, everybody reachable by mail."""
    return World()


@pytest.fixture
def make_world() -> type[World]:
    return World


@pytest.fixture
def make_registry():
    return registry_of
