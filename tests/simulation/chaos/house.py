"""The core as it runs: engine and desk, and everything that leaves them, kept to check it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from datetime import datetime

import msgspec

from app.pipeline import Outcome, Pipeline
from app.rule_files import load_rules
from app.site_view import BelievedSites
from domain.events import AnyEvent
from domain.faults import AnyDecision
from domain.registry import Registry
from domain.tickets import Notice, Ticket, TicketId
from rules.engine import Engine
from rules.state import EngineState
from ticketing.commands import SendNotice
from ticketing.desk import Desk
from ticketing.settings import DeskSettings

CATALOGUE, DICTIONARY = load_rules()
_SETTINGS = DeskSettings(phone="+49 30 23125 001")


class House:
    """Engine and desk over one registry. Every failure of a detector is raised."""

    def __init__(self, registry: Registry, state: EngineState | None = None) -> None:
        self.registry = registry
        self.engine = Engine(registry, CATALOGUE, DICTIONARY, state)
        self.desk = Desk(
            registry,
            _SETTINGS,
            status_page=lambda customer, ticket: f"/s/{ticket}",
            view=BelievedSites(registry, self.engine),
        )
        self.pipeline = Pipeline(self.engine, self.desk)
        self.tickets: dict[TicketId, Ticket] = {}
        self.notices: list[tuple[Notice, Ticket]] = []
        self.decisions: list[AnyDecision] = []
        self.applied: set[str] = set()

    def feed(
        self, now: datetime, events: Sequence[AnyEvent] = (), applied: Container[str] = ()
    ) -> Outcome:
        """Take events, and keep what comes of it."""
        outcome = self.pipeline.feed(now, events, applied=applied)
        if outcome.wake_at is not None and outcome.wake_at <= now:
            raise AssertionError(f"wants to be woken at {outcome.wake_at}, it is {now}")
        for command in outcome.commands:
            if isinstance(command, SendNotice):
                ticket = self.tickets[command.notice.ticket]
                self.notices.append((command.notice, ticket))
            else:
                self.tickets[command.ticket.id] = command.ticket
        self.decisions += outcome.decisions
        self.applied.update(outcome.keys)
        return outcome

    def live(self, timeline: Sequence[AnyEvent], until: datetime) -> None:
        """Take a whole timeline, event by event, and let time pass afterwards."""
        for event in timeline:
            self.feed(event.observed_at, (event,))
        self.feed(until)

    def snapshot(self) -> bytes:
        """Return the engine's memory as the service stores it."""
        return msgspec.msgpack.encode(self.engine.state)

    def after_a_crash(
        self, snapshot: bytes, replayed: Sequence[AnyEvent], at: datetime
    ) -> House:
        """Return the house that a snapshot, the stores and the journal give back."""
        again = House(self.registry, msgspec.msgpack.decode(snapshot, type=EngineState))
        again.tickets, again.notices = dict(self.tickets), list(self.notices)
        again.decisions, again.applied = list(self.decisions), set(self.applied)
        stored = [_stored(self.tickets[name]) for name in self.desk.tickets]
        again.desk.load(stored, self.desk.next_number, at=at)
        known = {decision.key for decision in self.decisions}
        for event in replayed:
            again.feed(event.observed_at, (event,), applied=self.applied)
        later = again.decisions[len(self.decisions) :]
        strange = [decision.key for decision in later if decision.key not in known]
        if strange:
            raise AssertionError(f"the replay decided what was not decided: {strange}")
        del again.decisions[len(self.decisions) :]
        return again

    def memory(self) -> bytes:
        """Return the engine's memory as bytes to compare: its one set has no order."""
        state = self.engine.state
        known = sorted(state.known_work)
        return msgspec.msgpack.encode((msgspec.structs.replace(state, known_work=set()), known))

    def all_that_left(self) -> bytes:
        """Return everything that left the house, as bytes to compare."""
        return msgspec.json.encode(
            {
                "tickets": [self.tickets[name] for name in sorted(self.tickets)],
                "notices": [notice for notice, _ in self.notices],
                "decisions": self.decisions,
            }
        )


def _stored(ticket: Ticket) -> Ticket:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(ticket), type=Ticket)
