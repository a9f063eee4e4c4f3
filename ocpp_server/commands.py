"""Commands to stations: one outstanding CALL each, in order, never into a boot.

Decides when a command may leave and what became of it. Opens no socket and reads no clock: a
frame leaves through `send` after the commit that holds it, time passes through the wheel.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import msgspec
import structlog

from domain.events import AnyEvent, CommandAnswered, DeafnessEnded, DeafnessNoticed
from domain.journal import Entry, EntryKind
from domain.places import StationId
from domain.ports import CommandResult
from ocpp_server.context import Context
from ocpp_server.hearing import Hearing
from ocpp_server.masking import kept_answer, masked_payload
from ocpp_server.protocol import Dialect, Reaction

log = structlog.get_logger(__name__)

GONE = CommandResult("gone")

_RETRY_AFTER_S = 1.0  # while the journal is not writable
_FAIR_TIME_S = 10.0  # a station that had less is not called deaf


@dataclass(slots=True, eq=False)
class Command:
    """One command on its way. `done` is called once, unless it is withdrawn before."""

    action: str
    payload: bytes
    timeout_s: float  # from the moment its frame is handed over
    done: Callable[[CommandResult], None]
    message_id: str = ""
    moves_on: bool = True  # to a newer connection, where this one is replaced while it waits


class CommandLine:
    """The commands of one connection.

    Nothing leaves before the station's boot was answered and it had time to settle, or before
    it was connected for `Limits.boot_patience_s` without a boot.
    """

    __slots__ = (
        "_boots",
        "_context",
        "_dialect",
        "_has_strayed",
        "_is_over",
        "_is_ready",
        "_left_at",
        "_outstanding",
        "_send",
        "_waiting",
        "hearing",
        "station",
    )

    def __init__(
        self,
        station: StationId,
        dialect: Dialect,
        send: Callable[[bytes], None],
        context: Context,
    ) -> None:
        self.station = station
        self._dialect = dialect
        self._send = send
        self._context = context
        self._waiting: deque[Command] | None = None  # most stations never get a command
        self._outstanding: Command | None = None
        self._left_at: datetime | None = None  # the outstanding one
        self.hearing = Hearing()
        self._boots = 0
        self._has_strayed = False
        self._is_ready = False
        self._is_over = False
        context.wheel.after(context.limits.boot_patience_s, partial(self._settled, 0))

    def add(self, command: Command) -> bool:
        """Put a command at the end of the line; False where the line is full or over."""
        waiting = self._waiting
        if waiting is None:
            waiting = self._waiting = deque()
        if self._is_over or len(waiting) >= self._context.limits.max_commands:
            return False
        waiting.append(command)
        self._next()
        return True

    def withdraw(self, command: Command) -> None:
        """Take a command back, where it has not left yet."""
        if self._waiting and command in self._waiting:
            self._waiting.remove(command)

    def adopt(self, commands: list[Command]) -> None:
        """Take over what waited on a connection that this one replaces."""
        if commands:
            self._waiting = deque(commands)
            self._next()

    def boot_answered(self) -> None:
        """The answer to a BootNotification left: let the station settle, then go on."""
        self._boots += 1
        self._is_ready = False
        limits = self._context.limits
        self._context.wheel.after(limits.settle_s, partial(self._settled, self._boots))

    def answered(self, reaction: Reaction) -> None:
        """The station answered something; a stray answer is counted and left alone."""
        if self.hearing.answered():
            self._record(
                lambda position, now: DeafnessEnded(
                    observed_at=now, position=position, station=self.station
                )
            )
        command = self._outstanding
        if command is None or command.message_id != reaction.result_of:
            self._context.counters.stray_answers += 1
            if not self._has_strayed:  # told once per connection, and however long its id is
                self._has_strayed = True
                told = (reaction.result_of or "")[:50]
                log.info("stray answer", station=self.station, message_id=told)
            return
        outcome = "error" if reaction.is_error else "answered"
        self._finish(
            command, CommandResult(outcome, reaction.result), kept_answer(reaction.body)
        )

    def heard(self) -> None:
        """A word that is no answer came while the station was suspected to be deaf."""
        if not self._context.recorder.is_accepting:
            return
        told = self.hearing.heard()
        if told is not None:
            count, since_at = told
            log.info("station is deaf", station=self.station, unanswered=count)
            self._record(
                lambda position, now: DeafnessNoticed(
                    observed_at=now,
                    position=position,
                    station=self.station,
                    unanswered_count=count,
                    since_at=since_at,
                )
            )

    def end(self) -> list[Command]:
        """The connection is over: the outstanding command is gone, the waiting ones returned.

        The caller passes those on to a newer connection, or tells them that they are gone.
        """
        self._is_over = True
        self._is_ready = False
        waiting = list(self._waiting or ())
        self._waiting = None
        if self._outstanding is not None:
            self._finish(self._outstanding, GONE, "")
        return waiting

    def _settled(self, boots: int) -> None:
        # A boot since then has started its own time to settle.
        if boots == self._boots and not self._is_over:
            self._is_ready = True
            self._next()

    def _next(self) -> None:
        if not self._is_ready or self._outstanding is not None or not self._waiting:
            return
        context = self._context
        if not context.recorder.is_accepting:
            context.wheel.after(_RETRY_AFTER_S, self._next)
            return
        command = self._outstanding = self._waiting.popleft()
        command.message_id = context.new_message_id()
        # Secrets are masked before the journal, so what is kept is not what is sent.
        kept = self._dialect.call(
            command.message_id, command.action, masked_payload(command.payload)
        )
        position = context.recorder.take_position()
        now = context.clock.now()
        context.recorder.record(Entry(position, now, EntryKind.SENT, self.station, kept))
        frame = self._dialect.call(command.message_id, command.action, command.payload)
        context.recorder.after_commit(self._send, frame)
        self._left_at = now
        context.counters.commands += 1
        context.wheel.after(command.timeout_s, partial(self._expired, command))

    def _expired(self, command: Command) -> None:
        if self._outstanding is command:
            if self._left_at is not None and command.timeout_s >= _FAIR_TIME_S:
                self.hearing.missed(self._left_at)
            self._context.counters.command_timeouts += 1
            self._finish(command, CommandResult("timeout"), "")

    def _finish(self, command: Command, result: CommandResult, answer: str) -> None:
        self._outstanding = None
        self._record(
            lambda position, now: CommandAnswered(
                observed_at=now,
                position=position,
                station=self.station,
                action=command.action,
                outcome=result.outcome,
                answer=answer,
            )
        )
        command.done(result)
        self._next()

    def _record(self, make: Callable[[int, datetime], AnyEvent]) -> None:
        """Record a fact that has no frame of its own; nothing while nothing can be kept."""
        recorder = self._context.recorder
        if recorder.is_accepting:
            now = self._context.clock.now()
            position = recorder.take_position()
            fact = make(position, now)
            body = msgspec.json.encode(fact)
            recorder.record(Entry(position, now, EntryKind.FACT, self.station, body), (fact,))


class Commands:
    """`domain.ports.CommandQueue` over the stations that are connected.

    Refused is a command whose line is full, or whose payload is no JSON object.
    """

    def __init__(self, line_of: Callable[[StationId], CommandLine | None]) -> None:
        self._line_of = line_of

    async def send(
        self, station: StationId, action: str, payload: bytes, *, timeout_s: float
    ) -> CommandResult:
        """Send one command and wait for its answer; `timeout_s` counts from its leaving."""
        line = self._line_of(station)
        if line is None:
            return GONE
        if not _is_object(payload):
            return _refused("the payload is not a JSON object")
        answer: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()
        command = Command(action, payload, timeout_s, partial(_settle, answer))
        if not line.add(command):
            return _refused("too many commands wait for this station")
        try:
            return await answer
        finally:
            # Where the caller gave up, the command must not leave without anybody waiting.
            current = self._line_of(station)
            if current is not None:
                current.withdraw(command)


def _settle(answer: asyncio.Future[CommandResult], result: CommandResult) -> None:
    if not answer.done():
        answer.set_result(result)


def _refused(reason: str) -> CommandResult:
    return CommandResult("refused", msgspec.json.encode(reason))


def _is_object(payload: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(payload), dict)
    except (msgspec.DecodeError, RecursionError):
        return False
