"""The way from events to commands: engine, then desk, in the order of their moments.

Live, in replay and after a restart the same code runs; only where events come from and where
commands go differs. No I/O.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import datetime, timedelta

import msgspec

from domain.events import AnyEvent, ContactMade, RulesLoaded, ServiceStarted, ServiceStopped
from domain.faults import AnyDecision
from domain.places import Place, TicketId
from rules.catalogue import Catalogue
from rules.dictionary import Dictionary
from rules.engine import Engine
from ticketing.commands import Action, Command, SendNotice
from ticketing.desk import Desk

_TICK = timedelta(microseconds=1)


class Outcome(msgspec.Struct, frozen=True):
    """What a turn came to. `keys` are those of the decisions and contacts applied."""

    commands: tuple[Command, ...]
    decisions: tuple[AnyDecision, ...]
    keys: tuple[str, ...]
    wake_at: datetime | None
    contacts: tuple[tuple[ContactMade, TicketId | None], ...] = ()  # and where each went
    asks: tuple[Place, ...] = ()  # whose status the stations should be asked for


class Pipeline:
    """Engine and desk, driven together."""

    def __init__(self, engine: Engine, desk: Desk) -> None:
        self.engine = engine
        self.desk = desk
        self._desk_wake_at: datetime | None = None
        self._commands: list[Command] = []
        self._decisions: list[AnyDecision] = []
        self._undecided: list[AnyDecision] = []
        self._keys: list[str] = []
        self._contacts: list[tuple[ContactMade, TicketId | None]] = []
        self._has_decided = False
        self._prepared: tuple[Catalogue, Dictionary] | None = None

    def prepare(self, rules: tuple[Catalogue, Dictionary]) -> None:
        """Have other rules and words at hand: `RulesLoaded` with their version puts them in."""
        self._prepared = rules

    def feed(
        self, now: datetime, events: Sequence[AnyEvent] = (), *, applied: Container[str] = ()
    ) -> Outcome:
        """Take events in order and let time pass until `now`.

        `applied` holds keys whose effects are stored already: they move the engine and leave
        the desk alone (a restart replays what the snapshot does not hold).
        """
        if events and self._is_quiet_until(events[-1].observed_at) and _is_plain(events):
            self._take(self.engine.step_many(events[-1].observed_at, events).decisions, applied)
        else:
            for event in events:
                self._take_one(event, applied)
        self._pass_time(now, applied)
        return self._outcome()

    def _take_one(self, event: AnyEvent, applied: Container[str]) -> None:
        at = event.observed_at
        if not self._is_quiet_until(at):
            self._catch_up(at, applied)  # what was due before must not see this event
        self._take(self.engine.step(at, event).decisions, applied)
        match event:
            case ContactMade():
                self._take_contact(event, applied)
            case ServiceStopped():
                self._settle(at)
                self.desk.rest()
            case ServiceStarted():
                self._settle(at)
                step = self.desk.resume(at)
                self._commands += step.commands
                self._desk_wake_at = step.wake_at
            case RulesLoaded():
                self._take_rules(event, applied)
            case _:
                pass

    def _take_rules(self, event: RulesLoaded, applied: Container[str]) -> None:
        """Exchange the rules at the event's place in the journal; ignore versions long gone."""
        rules, self._prepared = self._prepared, None
        if rules is None or rules[0].version != event.version:
            rules = self.engine.rules
        if rules[0].version == event.version:
            self._take(self.engine.use(rules, event).decisions, applied)

    def act(self, now: datetime, action: Action) -> Outcome:
        """Do what a person wants done to a ticket. Raises `RefusedError`."""
        self._pass_time(now, ())
        self._commands += self.desk.step(now, action).commands
        self._keys.append(action.key)
        self._pass_time(now, ())
        return self._outcome()

    def _take_contact(self, contact: ContactMade, applied: Container[str]) -> None:
        key = contact_key(contact)
        if key in applied:
            return
        at = contact.observed_at
        self._settle(at)
        commands = self.desk.step(at, contact, position=contact.position).commands
        self._commands += commands
        self._keys.append(key)
        went_to = [c.ticket.id for c in commands if not isinstance(c, SendNotice)]
        self._contacts.append((contact, went_to[-1] if went_to else None))

    def _take(self, decisions: Sequence[AnyDecision], applied: Container[str]) -> None:
        for decision in decisions:
            self._decisions.append(decision)
            if decision.key not in applied:
                self._undecided.append(decision)
                self._keys.append(decision.key)

    def _pass_time(self, now: datetime, applied: Container[str]) -> None:
        self._pass_deadlines(now, applied)
        self._take(self.engine.step(now).decisions, applied)
        self._settle(now)

    def _catch_up(self, at: datetime, applied: Container[str]) -> None:
        """Fire what was due until the moment of an event, the moment itself included.

        What becomes active at that very moment is not told yet: the event may add to it.
        """
        self._pass_deadlines(at, applied)
        self._take(self.engine.step(at).decisions, applied)
        if not self._undecided:
            self._settle(at)
            return
        self._recall()
        for decision in self._undecided:
            step = self.desk.step(at, decision)
            self._commands += step.commands
            self._desk_wake_at = step.wake_at
        self._undecided = []

    def _pass_deadlines(self, now: datetime, applied: Container[str]) -> None:
        """Fire every deadline before `now`, one moment after the other.

        A notice then says what was believed at its own moment, not at `now`.
        """
        while not self._is_quiet_until(now - _TICK) and (wake_at := self._wake_at) is not None:
            self._take(self.engine.step(wake_at).decisions, applied)
            self._settle(wake_at)

    def _settle(self, now: datetime) -> None:
        """Give the desk all decisions of the turn at once: one moment is told in one notice."""
        self._recall()
        step = self.desk.step_many(now, self._undecided)
        self._undecided = []
        self._commands += step.commands
        self._desk_wake_at = step.wake_at

    def _recall(self) -> None:
        if self._undecided and not self._has_decided:
            # After a restart the desk knows its tickets; which faults wait for one of their
            # station's, only the engine knows, and only now does it stand where they do.
            self.desk.remember(self.engine.active_faults())
            self._has_decided = True

    @property
    def _wake_at(self) -> datetime | None:
        return _soonest(self.engine.wake_at, self._desk_wake_at)

    def _is_quiet_until(self, moment: datetime) -> bool:
        wake_at = self._wake_at
        return wake_at is None or wake_at > moment

    def _outcome(self) -> Outcome:
        outcome = Outcome(
            tuple(self._commands),
            tuple(self._decisions),
            tuple(self._keys),
            self._wake_at,
            tuple(self._contacts),
            self.engine.take_asks(),
        )
        self._commands, self._decisions, self._keys, self._contacts = [], [], [], []
        return outcome


def contact_key(contact: ContactMade) -> str:
    """Return the key under which a contact is applied once: its place in the journal."""
    return f"contact:{contact.position}"


_SINGLE = frozenset({ContactMade, RulesLoaded, ServiceStopped, ServiceStarted})


def _is_plain(events: Sequence[AnyEvent]) -> bool:
    """Tell whether none of the events concerns the desk by itself."""
    return _SINGLE.isdisjoint(map(type, events))


def _soonest(first: datetime | None, second: datetime | None) -> datetime | None:
    if first is None or second is None:
        return first or second
    return min(first, second)
