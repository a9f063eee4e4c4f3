"""Everything behind the sockets for three stations, one of each version, as core wires it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec

from app.interpret import Interpreter
from app.pipeline import Pipeline
from app.rule_files import load_rules
from app.site_view import BelievedSites
from domain.events import AnyEvent, Unreadable
from domain.journal import Entry, EntryKind
from domain.places import CustomerId, SiteId, StationId
from domain.registry import Customer, Registry, Segment, Site, Station
from ocpp_server.connection import Connection
from ocpp_server.context import Context
from ocpp_server.limits import Counters, Limits
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v16.dialect import Dialect16
from ocpp_server.wheel import Wheel
from rules.engine import Engine
from tests.fuzz.judge import fault_of
from ticketing.desk import Desk

STATIONS = {
    "ocpp1.6": StationId("F-16"),
    "ocpp2.0.1": StationId("F-201"),
    "ocpp2.1": StationId("F-21"),
}
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_READER = msgspec.json.Decoder(AnyEvent)
_CODER = msgspec.json.Encoder()
_SITE = Site(
    id=SiteId("s"),
    customer=CustomerId("c"),
    name="Site",
    timezone="Europe/Berlin",
    country="DE",
    stations=tuple(Station(id=name, evses=2) for name in STATIONS.values()),
)
_REGISTRY = Registry(
    customers=(Customer(id=CustomerId("c"), name="C", segment=Segment.FLEET),), sites=(_SITE,)
)
CATALOGUE, DICTIONARY = load_rules()


class FoundError(AssertionError):
    """A frame led to what must not be."""


class Recorder:
    """Commits at once; keeps nothing but the last message's entries and events."""

    def __init__(self) -> None:
        self.is_accepting = True
        self.position = 0
        self.entries: list[Entry] = []
        self.events: list[AnyEvent] = []

    def take_position(self) -> int:
        return self.position + 1

    def record(self, entry: Entry, events: tuple[AnyEvent, ...] = ()) -> None:
        if entry.position != self.position + 1:
            raise FoundError(f"position {entry.position} after {self.position}")
        self.position = entry.position
        self.entries.append(entry)
        self.events += events

    def exchange(
        self,
        call: Entry,
        events: tuple[AnyEvent, ...],
        answer: bytes,
        send: Callable[[bytes], None],
    ) -> None:
        self.record(call, events)
        told = Entry(call.position + 1, call.at, EntryKind.SENT, call.station, answer)
        self.record(told)
        send(answer)

    def after_commit(self, send: Callable[[bytes], None], frame: bytes) -> None:
        send(frame)

    def heard(self, station: StationId) -> None: ...


class Clock:
    """Stands still until told otherwise."""

    at = START

    def now(self) -> datetime:
        return self.at


class _Wire:
    """Keeps the frames of the present turn."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)

    def close(self, code: int, reason: str) -> None:
        raise FoundError(f"a message closed its connection: {code} {reason}")

    def pause(self) -> None:
        raise FoundError("paused although every answer left")

    def resume(self) -> None: ...


def _meaning(event: AnyEvent) -> AnyEvent:
    """Return an event without the bytes it quotes: masked twice, rubbish may lose more."""
    if isinstance(event, Unreadable):
        return msgspec.structs.replace(event, said="")
    return event


class House:
    """`say` takes a frame to one of the stations and judges everything that came of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.recorder = Recorder()
        self.counters = Counters()
        self.interpreter = Interpreter()
        self._again = Interpreter()  # reads the journal's entries, as a restart would
        limits = Limits(protocols=("ocpp2.1", "ocpp2.0.1", "ocpp1.6"))
        self._wheel = Wheel(limits.tick_s)
        ids = count(1)
        self._context = Context(
            self.recorder,
            self.clock,
            limits,
            self.counters,
            self._wheel,
            lambda: f"ours-{next(ids)}",
        )
        self._failures: list[tuple[object, Exception]] = []

        def failed(what: object, error: Exception) -> None:
            self._failures.append((what, error))

        self.engine = Engine(_REGISTRY, CATALOGUE, DICTIONARY, None, failed)
        desk = Desk(
            _REGISTRY,
            status_page=lambda customer, ticket: f"/s/{ticket}",
            view=BelievedSites(_REGISTRY, self.engine),
            on_failure=failed,
        )
        self._pipeline = Pipeline(self.engine, desk)
        self._wire = _Wire()
        self._connections: dict[str, Connection] = {}
        for protocol in STATIONS:
            self.connect(protocol)

    def connect(self, protocol: str) -> None:
        """Connect a station anew."""
        station = STATIONS[protocol]
        dialect = Dialect16 if protocol == "ocpp1.6" else Dialect2x
        older = self._connections.get(protocol)
        if older is not None:
            older.ended()
        connection = self._connections[protocol] = Connection(
            station,
            dialect(station, self.interpreter.connected(station, protocol)),
            self._wire,
            self._context,
            protocol=protocol,
            address="192.0.2.7:5000",
            evses=2,
        )
        connection.opened(self.clock.at)
        self._believe()

    def say(self, frame: bytes, protocol: str, *, seconds: float = 1.0) -> None:
        """Let a station say a frame. Raises `FoundError`, or what escaped."""
        self._pass(seconds)
        before = self.counters.heartbeats
        self._wire.sent.clear()
        self._connections[protocol].receive(frame, self.clock.at)
        answers = [said for said in self._wire.sent if not said.startswith(b"[2,")]
        if len(answers) > 1:
            raise FoundError(f"answered {len(answers)} times")
        if why := fault_of(frame, answers[0] if answers else None, protocol):
            raise FoundError(why)
        if not self.recorder.events and self.counters.heartbeats == before:
            raise FoundError("no event at all")
        self._believe()

    def pass_hours(self, hours: int) -> None:
        """Let nothing be said for a while, so that deadlines fall due."""
        self._pass(hours * 3600.0)
        self._believe()

    def _pass(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)
        for _ in range(min(int(seconds / 0.25), 400)):
            for action in self._wheel.turn():
                action()

    def _believe(self) -> None:
        recorder = self.recorder
        entries, recorder.entries = recorder.entries, []
        events, recorder.events = recorder.events, []
        for event in events:
            if _READER.decode(_CODER.encode(event)) != event:
                raise FoundError(f"does not come back from the store as it was: {event}")
        again = [event for entry in entries for event in self._again.read(entry)]
        if list(map(_meaning, again)) != list(map(_meaning, events)):
            raise FoundError(f"read back it means something else: {again} instead of {events}")
        self._pipeline.feed(self.clock.at, events)
        if self._failures:
            what, error = self._failures[0]
            raise FoundError(f"could not be dealt with: {what!r:.500}") from error

    def state_bytes(self) -> dict[str, int]:
        """Return how large what is remembered has become, per part."""
        coder = msgspec.msgpack.Encoder()
        state = self.engine.state
        work = len(coder.encode(state.known_work))
        translations = self.interpreter.translations
        return {
            **{f"translation {name}": len(coder.encode(t)) for name, t in translations.items()},
            "engine": len(coder.encode(state)) - work,
            "work": work,
            "tasks": len(state.known_work),
            "desk": sum(
                len(coder.encode(t)) for t in self._pipeline.desk._book.tickets.values()
            ),
            "blocks": sys.getallocatedblocks(),
        }
