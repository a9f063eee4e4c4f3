"""One connection's life: what a whole message leads to, in which order, and when it may leave.

Every message is recorded before it is believed and answered after the commit that holds it;
only a conforming heartbeat is answered at once and folded. No socket and no clock in here:
`Wire` is whatever moves the bytes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from domain.events import AnyEvent, Connected, Disconnected, PingsStopped
from domain.journal import Entry, EntryKind
from domain.places import StationId
from domain.ports import Recorder
from ocpp_server.asking import StatusAsker
from ocpp_server.commands import GONE, Command, CommandLine
from ocpp_server.context import Context
from ocpp_server.protocol import Dialect

_RECEIVED = EntryKind.RECEIVED


class Wire(Protocol):
    """What a connection asks of its socket."""

    def send(self, frame: bytes) -> None:
        """Send one text message; ignored once the connection closes."""

    def close(self, code: int, reason: str) -> None:
        """Begin to close with a code of RFC 6455 §7.4; never waits."""

    def pause(self) -> None:
        """Stop reading."""

    def resume(self) -> None:
        """Read again."""


class Connection:
    """One websocket of a station, from open to close."""

    __slots__ = (
        "_asker",
        "_context",
        "_counters",
        "_dialect",
        "_hearing",
        "_is_paused",
        "_max_waiting",
        "_recorder",
        "_was_paused",
        "address",
        "certificate_until",
        "commands",
        "is_replaced",
        "protocol",
        "station",
        "waiting",
        "wire",
    )

    def __init__(
        self,
        station: StationId,
        dialect: Dialect,
        wire: Wire,
        context: Context,
        *,
        protocol: str,
        address: str,
        evses: int = 0,
    ) -> None:
        self.station = station
        self.protocol = protocol  # "": nothing was agreed on
        self.address = address
        self.certificate_until: datetime | None = None  # of the client's, where it showed one
        self.wire = wire
        self.commands = CommandLine(station, dialect, wire.send, context)
        self._hearing = self.commands.hearing
        self.waiting = 0  # answers that wait for their commit
        self.is_replaced = False
        self._dialect = dialect
        self._context = context
        self._recorder = context.recorder
        self._counters = context.counters
        self._max_waiting = context.limits.max_waiting
        self._is_paused = False
        self._was_paused = False
        self._asker: StatusAsker | None = None
        wait_s = context.limits.ask_status_after_s
        if wait_s is not None:
            self._asker = StatusAsker(
                self.commands, context, protocol=protocol, evses=evses, wait_s=wait_s
            )

    def opened(self, now: datetime) -> None:
        """Record that the station is connected."""
        position = self._recorder.take_position()
        fact = Connected(
            observed_at=now,
            position=position,
            station=self.station,
            protocol=self.protocol or self._context.limits.protocols[-1],
            address=self.address,
            is_assumed=not self.protocol,
            certificate_until=self.certificate_until,
        )
        record_fact(self._recorder, self.station, fact)

    def receive(self, frame: bytes, now: datetime) -> None:
        """Take in one whole message."""
        recorder = self._recorder
        counters = self._counters
        if not recorder.is_accepting:
            # Not kept, so not answered: the station keeps it and says it again.
            counters.unacknowledged += 1
            return
        counters.messages += 1
        counters.bytes += len(frame)
        station = self.station
        position = recorder.take_position()
        reaction = self._dialect.receive(frame, now=now, position=position)
        answer = reaction.answer
        if reaction.is_heartbeat:
            if answer is not None:
                self.wire.send(answer)
            recorder.heard(station)
            counters.heartbeats += 1
            if self._hearing.is_suspect:
                self.commands.heard()
            return
        entry = Entry(position, now, _RECEIVED, station, reaction.body)
        if answer is not None:
            send = self._answer_boot if reaction.is_boot else self._answer
            recorder.exchange(entry, reaction.events, answer, send)
            self.waiting += 1
            if self.waiting >= self._max_waiting:
                self._pause()
        else:
            recorder.record(entry, reaction.events)
            if reaction.result_of is not None:
                self.commands.answered(reaction)
        if self._hearing.is_suspect:
            self.commands.heard()
        if self._asker is not None and reaction.events and self._asker.note(reaction.events):
            self._asker = None

    def heard(self) -> None:
        """Count a ping or pong as a sign of life."""
        self._counters.pings += 1
        self._recorder.heard(self.station)
        if self._hearing.is_suspect:
            self.commands.heard()

    def look_after(self) -> None:
        """Read again where a failed commit left answers behind; called now and then."""
        if self._is_paused and self._was_paused and self._recorder.is_accepting:
            self.waiting = 0
            self._resume()
        self._was_paused = self._is_paused

    def replaced(self) -> list[Command]:
        """Make way for a newer connection; return the commands that go over to it."""
        self.is_replaced = True
        waiting = self.commands.end()
        self.wire.close(1001, "replaced by a newer connection")
        for command in waiting:
            if not command.moves_on:
                command.done(GONE)
        return [command for command in waiting if command.moves_on]

    def ended(self) -> None:
        """The socket is closed: whatever waits for this station is gone."""
        for command in self.commands.end():
            command.done(GONE)
        self._asker = None

    def _answer(self, frame: bytes) -> None:
        if self.waiting:
            self.waiting -= 1
        if self._is_paused and self.waiting <= self._max_waiting // 2:
            self._resume()
        self.wire.send(frame)

    def _answer_boot(self, frame: bytes) -> None:
        self._answer(frame)
        self.commands.boot_answered()
        wait_s = self._context.limits.ask_status_after_s
        if self._asker is not None and wait_s is not None:
            self._asker.boot_answered(wait_s)

    def _pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._counters.paused += 1
            self.wire.pause()

    def _resume(self) -> None:
        self._is_paused = False
        self.wire.resume()


def disconnected(
    recorder: Recorder, station: StationId, *, code: int | None, at: datetime
) -> None:
    """Record that a station's newest connection closed."""
    position = recorder.take_position()
    fact = Disconnected(observed_at=at, position=position, station=station, code=code)
    record_fact(recorder, station, fact)


def unpinged(recorder: Recorder, station: StationId, at: datetime) -> None:
    """Record that a station gets no pings any more, so that it holds after a restart."""
    position = recorder.take_position()
    fact = PingsStopped(observed_at=at, position=position, station=station)
    record_fact(recorder, station, fact)


def record_fact(recorder: Recorder, station: StationId, fact: AnyEvent) -> None:
    """Record an event that had no frame. `fact.position` must be the recorder's present one."""
    body = msgspec.json.encode(fact)
    entry = Entry(fact.position, fact.observed_at, EntryKind.FACT, station, body)
    recorder.record(entry, (fact,))
