"""A small world for the web's tests: real stores on disk, a core that is played."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
import structlog
from fastapi import FastAPI

from app.access import AccessStore, hash_password, token_digest
from app.clock import ManualClock
from app.link import LinkServer
from app.messages import (
    ActOnTicket,
    Answer,
    Changed,
    CommandDone,
    Done,
    FleetView,
    GetFleet,
    GetHealth,
    Health,
    PlanMaintenance,
    RecordContact,
    Refusal,
    Request,
    SendCommand,
)
from app.web.app import context_for, create_app
from app.web.run import listen, serve_web
from app.web.settings import WebSettings
from domain.beliefs import Link, StationBelief
from domain.events import ErrorReport, Status
from domain.faults import Fault, Severity
from domain.journal import Entry, EntryKind
from domain.places import CustomerId, Place, SiteId, StationId, TicketId
from domain.registry import Contact, Customer, Registry, Role, Segment, Site, Station
from domain.tickets import (
    ContactNote,
    HeldFault,
    HistoryEntry,
    Notice,
    NoticeReason,
    Ticket,
    TicketKind,
    TicketState,
)
from gateway.journal import DayFileJournal
from ticketing.commands import (
    AddNote,
    CloseTicket,
    OpenTicket,
    SendNotice,
    TakeTicket,
    UpdateTicket,
)
from ticketing.store import StoredContact, TicketStore

NOW = datetime(2026, 1, 5, 11, 0, tzinfo=UTC)
ACME, MILLER = CustomerId("acme"), CustomerId("miller")
PASSWORD = "correct horse battery"
TOKENS = {
    "reader": ("read",),
    "writer": ("read", "write"),
    "commander": ("read", "command"),
    "boss": ("admin",),
}

REGISTRY = Registry(
    customers=(
        Customer(
            id=ACME,
            name="ACME Logistics",
            segment=Segment.FLEET,
            language="de",
            contacts=(
                Contact(
                    name="Project office",
                    role=Role.PROJECT_MANAGER,
                    email="projects@acme.example",
                    phone="+49 30 23125 001",
                ),
            ),
        ),
        Customer(id=MILLER, name="Family Miller", segment=Segment.PRIVATE),
    ),
    sites=(
        Site(
            id=SiteId("north"),
            customer=ACME,
            timezone="Europe/Berlin",
            name="North depot",
            address="Depot street 1, Exampletown",
            opening_hours="Mo-Fr 06:00-22:00",
            stations=(
                Station(id=StationId("N-001"), evses=2, vendor="Alfen", model="NG910"),
                Station(id=StationId("N-002"), evses=1),
            ),
        ),
        Site(
            id=SiteId("home"),
            customer=MILLER,
            timezone="Europe/Berlin",
            stations=(Station(id=StationId("M-001"), evses=1),),
        ),
    ),
)


def fault(
    place: Place,
    *,
    code: str,
    severity: Severity,
    minutes_ago: int,
    cleared: bool = False,
    danger: bool = False,
) -> Fault:
    seen_at = NOW - timedelta(minutes=minutes_ago)
    return Fault(
        fingerprint=f"connector-faulted@{place}",
        rule="connector-faulted",
        place=place,
        episode=1,
        severity=severity,
        codes=(code,),
        seen_at=seen_at,
        raised_at=seen_at + timedelta(minutes=2),
        cleared_at=NOW - timedelta(minutes=5) if cleared else None,
        is_danger=danger,
        errors=(ErrorReport(code="GroundFailure", vendor_id="alfen", vendor_code="302"),),
        advice="Check the residual current device, then the insulation of cable and EVSE.",
    )


NOT_CHARGING = "Laden nicht möglich: Ladepunkt 1 der Ladestation N-001"


def notice(
    ticket: str,
    customer: CustomerId,
    text: str,
    *,
    minutes_ago: int,
    reason: NoticeReason = NoticeReason.OPENED,
    language: str = "de",
    subject: str = NOT_CHARGING,
    is_danger: bool = False,
) -> Notice:
    return Notice(
        key=f"{ticket}-{reason}",
        at=NOW - timedelta(minutes=minutes_ago),
        ticket=TicketId(ticket),
        customer=customer,
        to="projects@acme.example",
        channel="email",
        language=language,
        reason=reason,
        subject=subject,
        text=text,
        name="Project office",
        is_danger=is_danger,
    )


N1 = Place.of_station(StationId("N-001"), 1)
BROKEN = fault(N1, code="CX014", severity=Severity.MAJOR, minutes_ago=62)
DANGER = fault(
    Place.of_station(StationId("M-001"), 1),
    code="CX002",
    severity=Severity.CRITICAL,
    minutes_ago=12,
    danger=True,
)

TICKETS = (
    Ticket(
        id=TicketId("T-1001"),
        kind=TicketKind.FAULT,
        state=TicketState.NEW,
        severity=Severity.MAJOR,
        title="CX014 at N-001, EVSE 1: not charging",
        opened_at=NOW - timedelta(minutes=60),
        place=N1,
        customer=ACME,
        site=SiteId("north"),
        stations=(StationId("N-001"),),
        places=("N-001/1",),
        rules=("connector-faulted",),
        codes=("CX014",),
        faults=(HeldFault(fault=BROKEN, told_severity=Severity.MAJOR),),
        history=(
            HistoryEntry(
                at=NOW - timedelta(minutes=60),
                what="opened",
                why="Faulted for 2 min",
                evidence=(3,),
            ),
            HistoryEntry(
                at=NOW - timedelta(minutes=60),
                what="notice sent",
                why="opened to projects@acme.example",
                evidence=(77,),  # an entry that is no frame beside the ticket
            ),
        ),
        next_update_at=NOW + timedelta(hours=4),
        first_notice_at=NOW - timedelta(minutes=60),
    ),
    Ticket(
        id=TicketId("T-1002"),
        kind=TicketKind.FAULT,
        state=TicketState.OPEN,
        severity=Severity.CRITICAL,
        title="CX002 at M-001: do not use",
        opened_at=NOW - timedelta(minutes=12),
        place=Place.of_station(StationId("M-001"), 1),
        customer=MILLER,
        site=SiteId("home"),
        stations=(StationId("M-001"),),
        places=("M-001/1",),
        rules=("connector-faulted",),
        codes=("CX002",),
        faults=(HeldFault(fault=DANGER, told_severity=Severity.CRITICAL),),
        contacts=(
            ContactNote(at=NOW - timedelta(minutes=3), channel="phone", text="it smells"),
        ),
        history=(
            HistoryEntry(at=NOW - timedelta(minutes=12), what="opened", why="GroundFailure"),
        ),
        next_update_at=NOW - timedelta(minutes=4),
        first_notice_at=NOW - timedelta(minutes=12),
        taken_by="kim",
        is_late=True,
    ),
    Ticket(
        id=TicketId("T-1003"),
        kind=TicketKind.FAULT,
        state=TicketState.RESOLVED,
        severity=Severity.MINOR,
        title="CX007 at N-002: starts can fail",
        opened_at=NOW - timedelta(hours=9),
        resolved_at=NOW - timedelta(minutes=5),
        place=Place.of_station(StationId("N-002"), 1),
        customer=ACME,
        site=SiteId("north"),
        stations=(StationId("N-002"),),
        faults=(
            HeldFault(
                fault=fault(
                    Place.of_station(StationId("N-002"), 1),
                    code="CX007",
                    severity=Severity.MINOR,
                    minutes_ago=540,
                    cleared=True,
                ),
                told_severity=Severity.MINOR,
            ),
        ),
        first_notice_at=NOW - timedelta(hours=5),
    ),
    Ticket(
        id=TicketId("T-1004"),
        kind=TicketKind.TASK,
        state=TicketState.NEW,
        severity=Severity.INFO,
        title="unknown-code 302 of alfen at N-001",
        opened_at=NOW - timedelta(minutes=60),
        place=N1,
        customer=ACME,
        site=SiteId("north"),
        rules=("unknown-code",),
    ),
    Ticket(
        id=TicketId("T-1005"),
        kind=TicketKind.REQUEST,
        state=TicketState.NEW,
        severity=Severity.INFO,
        title="Request of ACME Logistics <b>by phone</b>",
        opened_at=NOW - timedelta(minutes=30),
        place=Place.of_site(SiteId("north")),
        customer=ACME,
        site=SiteId("north"),
        contacts=(ContactNote(at=NOW - timedelta(minutes=30), channel="phone", text="card?"),),
    ),
)

NOTICES = (
    notice(
        "T-1001",
        ACME,
        "Guten Tag Project office,\n\nAm Ladepunkt 1 der Ladestation N-001 können Sie nicht "
        "laden: Das Signal zwischen Fahrzeug und Ladepunkt ist gestört. Wir sehen das seit "
        "Mo., 5. Jan., 10:58 Uhr.\nDer andere Ladepunkt dort ist bereit oder lädt.\n"
        "Sie hören bis Mo., 5. Jan., 16:00 Uhr auf jeden Fall von uns.\n"
        "Ticket T-1001: http://127.0.0.1:8000/s/abc\n\nServiceteam",
        minutes_ago=60,
    ),
    notice(
        "T-1002",
        MILLER,
        "Please do not use your charging station. The protection against electric shock has "
        "switched charging off.",
        minutes_ago=12,
        language="en",
        subject="Do not use: your charging station",
        is_danger=True,
    ),
    notice("T-1003", ACME, "Bitte.", minutes_ago=300, subject="Laden gelingt nicht immer"),
    notice(
        "T-1003",
        ACME,
        "Die Ladestation N-002 ist wieder bereit.",
        minutes_ago=5,
        reason=NoticeReason.RESOLVED,
        subject="Wieder bereit: Ladestation N-002",
    ),
)

STATUS_FRAME = (
    '[2,"7","StatusNotification",{"connectorId":1,"status":"Faulted","errorCode":"GroundFailure",'
    '"vendorId":"alfen","vendorErrorCode":"302"}]'
)
START_FRAME = '[2,"8","StartTransaction",{"connectorId":2,"idTag":"04A2B3C4D5","meterStart":1}]'


def beliefs() -> tuple[StationBelief, ...]:
    return (
        StationBelief(
            station=StationId("N-001"),
            link=Link.UP,
            protocol="ocpp1.6",
            vendor="Alfen",
            model="NG910",
            firmware="6.4.0",
            connected_at=NOW - timedelta(hours=3),
            last_heard_at=NOW - timedelta(seconds=40),
            status={0: Status.AVAILABLE, 1: Status.FAULTED, 2: Status.CHARGING},
        ),
        StationBelief(
            station=StationId("M-001"),
            link=Link.LOST,
            last_heard_at=NOW - timedelta(minutes=9),
            status={1: Status.FAULTED},
        ),
        StationBelief(station=StationId("X-999"), link=Link.UP, status={1: Status.AVAILABLE}),
    )


READY = Health(is_ready=True, reasons=(), metrics="foretell_test 1\n")


@dataclass
class FakeCore:
    """Plays core: answers, remembers what it was asked, does what an agent does."""

    store: TicketStore
    asked: list[Request] = field(default_factory=list)
    answers: dict[type, Answer] = field(default_factory=dict)
    health: Health = READY
    server: LinkServer | None = None

    async def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        if type(request) in self.answers:
            return self.answers[type(request)]
        match request:
            case GetFleet():
                return FleetView(at=NOW, stations=beliefs(), faults=(BROKEN, DANGER))
            case GetHealth():
                return self.health
            case ActOnTicket(action=action):
                return self._act(action)
            case SendCommand():
                return CommandDone("answered", '{"status":"Accepted"}')
            case RecordContact():
                return Done("T-1001")
            case PlanMaintenance():
                return Done()
            case _:
                return Refusal("not played here")

    def _act(self, action: TakeTicket | AddNote | CloseTicket) -> Answer:
        ticket = self.store.ticket(action.ticket)
        if ticket is None:
            return Refusal(f"there is no ticket {action.ticket}", is_missing=True)
        if any(held.is_active for held in ticket.faults) and isinstance(action, CloseTicket):
            return Refusal("a fault is active")
        line = HistoryEntry(
            at=NOW, what="note", who=action.who, why=getattr(action, "text", "")
        )
        changed = msgspec.structs.replace(ticket, history=(*ticket.history, line))
        if isinstance(action, TakeTicket):
            changed = msgspec.structs.replace(
                changed, taken_by=action.who, state=TicketState.OPEN
            )
        if isinstance(action, CloseTicket):
            changed = msgspec.structs.replace(changed, state=TicketState.RESOLVED)
        self.put(changed, key=action.key)
        return Done(ticket.id)

    def put(self, ticket: Ticket, *, key: str) -> None:
        self.store.commit([UpdateTicket(ticket, key)], position=10, at=NOW)
        self.publish(ticket.id)

    def publish(self, *tickets: str) -> None:
        if self.server is not None:
            self.server.publish(Changed(at=NOW, tickets=tickets))


@dataclass
class World:
    """One data directory, its played core and its application."""

    settings: WebSettings
    core: FakeCore
    access: AccessStore
    clock: ManualClock
    app: FastAPI

    @property
    def secret(self) -> bytes:
        return self.access.secret

    def client(self, token: str = "", **options: object) -> httpx.AsyncClient:
        """Return a client from this machine; `token` is a name of TOKENS."""
        headers = {"authorization": f"Bearer token-of-{token}"} if token else {}
        peer = options.pop("peer", "127.0.0.1")
        transport = httpx.ASGITransport(app=self.app, client=(str(peer), 50_000))
        return httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8000", headers=headers
        )

    @asynccontextmanager
    async def core_up(self) -> AsyncIterator[LinkServer]:
        async with LinkServer(self.settings.link_path, self.core.answer) as server:
            self.core.server = server
            yield server
        self.core.server = None


def fill(data: Path) -> tuple[TicketStore, AccessStore]:
    store = TicketStore(data / "tickets.db")
    store.commit(
        [OpenTicket(ticket, f"open {ticket.id}") for ticket in TICKETS],
        position=1,
        at=NOW,
        contacts=[
            StoredContact(
                key="c1",
                at=NOW - timedelta(minutes=3),
                customer=MILLER,
                channel="phone",
                station=StationId("M-001"),
                text="it smells",
                ticket=TicketId("T-1002"),
            )
        ],
    )
    store.commit([SendNotice(one) for one in NOTICES], position=2, at=NOW)
    access = AccessStore(data / "access.db")
    # One hash for all: each takes tens of milliseconds.
    hashed = hash_password(PASSWORD)
    for name, role in (("kim", "agent"), ("ada", "admin"), ("vic", "viewer")):
        access.save_user(name, role=role, password_hash=hashed)
    for name, scopes in TOKENS.items():
        access.save_token(name, digest=token_digest(f"token-of-{name}"), scopes=scopes)
    journal = DayFileJournal(data / "journal")
    at = NOW - timedelta(minutes=63)
    station = StationId("N-001")
    frames = [
        (EntryKind.RECEIVED, START_FRAME, at),
        (EntryKind.SENT, '[3,"8",{"transactionId":1,"idTagInfo":{"status":"Accepted"}}]', at),
        (EntryKind.RECEIVED, STATUS_FRAME, at + timedelta(minutes=1)),
        (EntryKind.SENT, '[3,"7",{}]', at + timedelta(minutes=1)),
    ]
    journal.append(
        [
            Entry(number, moment, kind, station, body.encode())
            for number, (kind, body, moment) in enumerate(frames, start=1)
        ]
    )
    journal.close()
    return store, access


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, object]]]:
    """What was logged; nothing is printed (a pretty traceback takes seconds)."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that tests copy: building one takes a tenth of a second."""
    data = tmp_path_factory.mktemp("filled")
    store, access = fill(data)
    store.close()
    access.close()
    return data


def copied(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in source.rglob("*"):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(path.read_bytes())
    (target / "secret").chmod(0o600)


@pytest.fixture(scope="session")
def assembled(filled: Path) -> FastAPI:
    """One application for all tests: putting it together takes longer than most of them."""
    settings = WebSettings(data_dir=filled, link_path=filled / "core.sock")
    return create_app(settings, clock=ManualClock(NOW), registry=lambda: REGISTRY)


@pytest.fixture
def make_world(
    filled: Path, tmp_path: Path, assembled: FastAPI
) -> Iterator[Callable[..., World]]:
    def make(registry: Registry = REGISTRY, **settings: object) -> World:
        data = tmp_path / "data"
        copied(filled, data)
        store, access = TicketStore(data / "tickets.db"), AccessStore(data / "access.db")
        opened.append((store, access))
        chosen = WebSettings(
            data_dir=data, link_path=data / "core.sock", team_name="Service team", **settings
        )
        clock = ManualClock(NOW)
        assembled.state.web = context_for(chosen, clock=clock, registry=lambda: registry)
        return World(
            settings=chosen, core=FakeCore(store), access=access, clock=clock, app=assembled
        )

    opened: list[tuple[TicketStore, AccessStore]] = []
    yield make
    for store, access in opened:
        store.close()
        access.close()


@pytest.fixture
async def world(make_world: Callable[..., World]) -> AsyncIterator[World]:
    """The application with its core up."""
    made = make_world()
    async with made.core_up(), made.app.router.lifespan_context(made.app):
        async with asyncio.timeout(5):
            while not made.app.state.web.link.is_up:
                await asyncio.sleep(0.005)
        yield made


@dataclass
class Served:
    """A world behind a real port."""

    world: World
    url: str
    end: Callable[[], Awaitable[None]]


@pytest.fixture
async def serve(make_world: Callable[..., World]) -> AsyncIterator[Callable[..., object]]:
    """Serve worlds on real ports; they end with the test."""
    async with AsyncExitStack() as stack:

        async def start(**settings: object) -> Served:
            made = make_world(**settings)
            await stack.enter_async_context(made.core_up())
            sock = stack.enter_context(listen("127.0.0.1", 0))
            stop, ready = asyncio.Event(), asyncio.Event()
            serving = asyncio.create_task(
                serve_web(made.app, sock, stop, on_started=lambda _: ready.set())
            )

            async def end() -> None:
                stop.set()
                await asyncio.shield(serving)

            stack.push_async_callback(end)
            async with asyncio.timeout(10):
                await ready.wait()
            return Served(made, f"http://127.0.0.1:{sock.getsockname()[1]}", end)

        yield start


@pytest.fixture
async def lonely(make_world: Callable[..., World]) -> AsyncIterator[World]:
    """The application while core is away."""
    made = make_world()
    async with made.app.router.lifespan_context(made.app):
        yield made
