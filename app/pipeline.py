"""The way from events to commands: engine, then desk, in the order of their moments.

Live, in replay and after a restart the same code runs; only where events come from and where
commands go differs. No I/O.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import datetime

import msgspec
from ticketing.desk import Desk

from domain.events import AnyEvent, ContactMade
from domain.faults import AnyDecision
from rules.engine import Engine
from ticketing.commands import Command


class Outcome(msgspec.Struct, frozen=True):
    """What a turn came to. `keys` are those of the decisions and contacts applied."""

    commands: tuple[Command, ...]
    decisions: tuple[AnyDecision, ...]
    keys: tuple[str, ...]
    wake_at: datetime | None


class Pipeline:
    """Engine and desk, driven together."""

    def __init__(self, engine: Engine, desk: Desk) -> None:
        self.engine = engine
        self.desk = desk
        self._wake_at: datetime | None = None
        self._commands: list[Command] = []
        self._decisions: list[AnyDecision] = []
        self._keys: list[str] = []

    def feed(
        self, now: datetime, events: Sequence[AnyEvent] = (), *, applied: Container[str] = ()
    ) -> Outcome:
        """Take events in order and let time pass until `now`.

        `applied` holds keys whose effects are stored already: they move the engine and leave
        the desk alone (a restart replays what the snapshot does not hold).
        """
        if events and self._is_quiet_until(events[-1].observed_at) and _no_contact(events):
            self._take(self.engine.step_many(events[-1].observed_at, events).decisions, applied)
        else:
            for event in events:
                self._take_one(event, applied)
        self._pass_time(now, applied)
        return self._outcome()

    def _take_one(self, event: AnyEvent, applied: Container[str]) -> None:
        at = event.observed_at
        if not self._is_quiet_until(at):
            self._pass_time(at, applied)  # what was due before must not see this event
        self._take(self.engine.step(at, event).decisions, applied)
        if isinstance(event, ContactMade):
            key = f"contact:{event.position}"
            if key not in applied:
                self._commands += self.desk.step(at, event, position=event.position).commands
                self._keys.append(key)

    def _take(self, decisions: Sequence[AnyDecision], applied: Container[str]) -> None:
        for decision in decisions:
            self._decisions.append(decision)
            if decision.key not in applied:
                self._commands += self.desk.step(decision.at, decision).commands
                self._keys.append(decision.key)

    def _pass_time(self, now: datetime, applied: Container[str]) -> None:
        self._take(self.engine.step(now).decisions, applied)
        step = self.desk.step(now, None)
        self._commands += step.commands
        self._wake_at = _soonest(self.engine.wake_at, step.wake_at)

    def _is_quiet_until(self, moment: datetime) -> bool:
        return self._wake_at is None or self._wake_at > moment

    def _outcome(self) -> Outcome:
        outcome = Outcome(
            tuple(self._commands), tuple(self._decisions), tuple(self._keys), self._wake_at
        )
        self._commands, self._decisions, self._keys = [], [], []
        return outcome


def _no_contact(events: Sequence[AnyEvent]) -> bool:
    return not any(type(event) is ContactMade for event in events)


def _soonest(first: datetime | None, second: datetime | None) -> datetime | None:
    if first is None or second is None:
        return first or second
    return min(first, second)
