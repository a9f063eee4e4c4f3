"""Coming back: what the store has is never decided again, whatever became of the snapshot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from app.fleet_file import read_fleet
from app.interpret import Interpreter
from app.pipeline import Pipeline
from app.recovery import replay_journal
from app.rule_files import load_rules
from app.stored_turns import StoredTurns
from domain.beliefs import Link
from domain.events import (
    Connected,
    Disconnected,
    ServiceStarted,
    ServiceStopped,
    Status,
    StatusReported,
)
from domain.journal import Entry, EntryKind
from domain.places import Place
from domain.tickets import TicketState
from gateway.journal import MemoryJournal
from rules.engine import Engine
from ticketing.desk import Desk
from ticketing.store import TicketStore

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
FLEET = """
customers:
  - {id: acme, name: ACME, contacts: [{name: Desk, role: site, email: desk@acme.example}]}
sites:
  - id: north
    customer: acme
    timezone: Europe/Berlin
    stations: [{id: N-1, evses: 1}]
"""


class Life:
    """Core without its loop: a journal, a store, and cores that come and go over them."""

    def __init__(self, folder):
        fleet = folder / "fleet.yaml"
        fleet.write_text(FLEET)
        self.registry = read_fleet(fleet)
        self.rules = load_rules()
        self.journal = MemoryJournal()
        self.store = TicketStore(folder / "tickets.db")
        self.come_back(NOON)

    def come_back(self, now):
        """Start a core that has nothing but what is on disk; return where it stands."""
        self.engine = Engine(self.registry, *self.rules)
        desk = Desk(self.registry, status_page=lambda customer, ticket: "")
        loaded = self.store.load(now=now)
        if loaded.next_number is not None:
            desk.load(loaded.tickets, loaded.next_number, at=loaded.watermark)
        self.pipeline = Pipeline(self.engine, desk)
        self.turns = StoredTurns(self.store)
        return replay_journal(
            self.journal, self.store, Interpreter(), self.pipeline, None, self.turns.add
        )

    def take(self, at, make, **members):
        """Journal and believe one event."""
        position = self.journal.last_position + 1
        event = make(observed_at=at, position=position, **members)
        entry = Entry(position, at, EntryKind.FACT, None, msgspec.json.encode(event))
        self.journal.append([entry])
        self.pass_time(at, [event])

    def pass_time(self, at, events=()):
        outcome = self.pipeline.feed(at, events)
        if outcome.commands or outcome.keys:
            self.turns.add(outcome, self.journal.last_position, at)

    def status(self, at, status):
        place = Place.of_station("N-1", 1)
        self.take(at, StatusReported, place=place, status=status)

    def break_and_mend(self, at):
        self.status(at, Status.FAULTED)
        self.pass_time(at + timedelta(minutes=30))
        self.status(at + timedelta(minutes=30), Status.AVAILABLE)
        self.pass_time(at + timedelta(hours=1))

    def tickets(self):
        return self.store.tickets().items


@pytest.fixture
def life(tmp_path):
    life = Life(tmp_path)
    yield life
    life.store.close()


def test_a_fault_that_became_active_after_the_last_entry_still_clears_after_a_fall(life):
    life.take(NOON, Connected, station="N-1", protocol="ocpp1.6")
    life.take(NOON, Disconnected, station="N-1", code=1006)
    life.pass_time(NOON + timedelta(minutes=30))
    assert [ticket.codes for ticket in life.tickets()] == [("offline",)]

    back_at = NOON + timedelta(minutes=40)
    replayed = life.come_back(back_at)
    assert replayed.last_at == NOON + timedelta(minutes=30)
    life.take(replayed.last_at, ServiceStopped)
    life.take(back_at, ServiceStarted)
    life.take(back_at + timedelta(minutes=1), Connected, station="N-1", protocol="ocpp1.6")
    life.pass_time(back_at + timedelta(minutes=20))

    assert life.engine.fleet.stations["N-1"].link is Link.UP
    assert [ticket.state for ticket in life.tickets()] == [TicketState.RESOLVED]


def test_a_journal_without_its_beginning_and_a_lost_snapshot_tell_nobody_again(life):
    life.take(NOON, Connected, station="N-1", protocol="ocpp1.6")
    for day in (1, 10, 20):
        life.break_and_mend(NOON + timedelta(days=day))
    told = [stored.notice.key for stored in life.store.notices().items]
    tickets = life.tickets()
    assert len(tickets) == 3

    # Retention took the first days, and the keys of long ago were forgotten.
    entries = [e for e in life.journal.read() if e.at > NOON + timedelta(days=5)]
    life.journal = MemoryJournal()
    life.journal.append(entries)
    life.store.forget_applied(NOON + timedelta(days=5))
    life.come_back(NOON + timedelta(days=21))

    assert [stored.notice.key for stored in life.store.notices().items] == told
    assert life.tickets() == tickets


def test_a_fact_that_cannot_be_read_is_passed_by(life):
    life.take(NOON, Connected, station="N-1", protocol="ocpp1.6")
    position = life.journal.last_position + 1
    strange = Entry(position, NOON, EntryKind.FACT, None, b'{"type":"OfTomorrow"}')
    life.journal.append([strange])
    life.status(NOON + timedelta(minutes=1), Status.AVAILABLE)

    assert life.come_back(NOON + timedelta(minutes=2)).count == 3
    assert life.engine.fleet.stations["N-1"].status == {1: Status.AVAILABLE}
