"""The whole core over three days of a suffering fleet, looked at from outside.

The seed is in the name of each test and in what it prints when it fails.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest

from app.pipeline import Outcome, Pipeline
from app.rule_files import load_rules
from app.site_view import BelievedSites
from domain.faults import Decision
from domain.registry import Registry
from domain.tickets import NoticeReason, TicketKind, TicketState
from rules.engine import Engine
from rules.state import EngineState
from ticketing.commands import SendNotice
from ticketing.desk import Desk
from ticketing.settings import DeskSettings

SEEDS = range(5)
CATALOGUE, DICTIONARY = load_rules()
SETTINGS = DeskSettings(phone="+49 30 23125 001")
ENTITLED = {
    "depot": {"pm@acme.example", "depot@acme.example"},
    "yard": {"pm@acme.example"},
    "home": {"anna@mayer.example", "+49 170 1"},
}
AFTERWARDS = timedelta(days=2)
AT_MOST, WITHIN = 4, timedelta(hours=12)


class House:
    """Engine and desk, and everything that left them."""

    def __init__(self, registry: Registry, state: EngineState | None = None) -> None:
        self.registry = registry
        self.engine = Engine(registry, CATALOGUE, DICTIONARY, state)
        self.desk = Desk(
            registry,
            SETTINGS,
            status_page=lambda customer, ticket: f"/s/{ticket}",
            view=BelievedSites(registry, self.engine),
        )
        self.pipeline = Pipeline(self.engine, self.desk)
        self.tickets = {}
        self.notices = []
        self.decisions = []
        self.applied = set()

    def feed(self, now, events=(), applied=()) -> Outcome:
        outcome = self.pipeline.feed(now, events, applied=applied)
        assert outcome.wake_at is None or outcome.wake_at > now
        for command in outcome.commands:
            if isinstance(command, SendNotice):
                ticket = self.tickets[command.notice.ticket]
                self.notices.append((command.notice, ticket))
            else:
                self.tickets[command.ticket.id] = command.ticket
        self.decisions += outcome.decisions
        self.applied.update(outcome.keys)
        return outcome

    def live(self, timeline):
        for event in timeline:
            self.feed(event.observed_at, (event,))
            yield event
        self.feed(timeline[-1].observed_at + AFTERWARDS)


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"seed {seed}")
def seed(request):
    return request.param


@pytest.fixture(autouse=True)
def say_the_seed(seed):
    print(f"seed {seed}")


@pytest.fixture(scope="module")
def lived(fleet, timeline_of, seed):
    house = House(fleet)
    for _ in house.live(timeline_of(seed)):
        pass
    return house


def test_every_active_fault_is_in_one_ticket_or_spoken_for(fleet, timeline_of, seed):
    house = House(fleet)
    for _ in house.live(timeline_of(seed)):
        holders = Counter(
            held.fault.fingerprint
            for ticket in house.tickets.values()
            if ticket.state.is_unresolved
            for held in ticket.faults
        )
        assert all(count == 1 for count in holders.values())
        for fault in house.engine.active_faults():
            if fault.inhibited_by is None:
                assert holders[fault.fingerprint] == 1, fault.name
        for ticket in house.tickets.values():
            if ticket.faults and not ticket.state.is_unresolved:
                assert not any(held.is_active for held in ticket.faults)


def test_the_faults_of_the_tickets_are_those_the_engine_found(lived):
    active = {fault.fingerprint: fault for fault in lived.engine.active_faults()}
    for ticket in lived.tickets.values():
        for held in ticket.faults:
            if held.is_active:
                assert held.fault == active[held.fault.fingerprint]


def test_every_notice_has_a_reason_and_an_entitled_reader(lived):
    assert lived.notices
    for notice, ticket in lived.notices:
        assert notice.reason in NoticeReason
        assert notice.to in ENTITLED[ticket.site]
        assert notice.customer == ticket.customer
        assert ticket.kind in (TicketKind.FAULT, TicketKind.SITE)
        assert notice.at >= ticket.opened_at
        assert notice.subject.strip()
        assert notice.text.strip()


def test_what_follows_goes_only_to_those_who_were_told_and_alternates(lived):
    told = defaultdict(list)
    for notice, _ in lived.notices:
        told[notice.ticket, notice.to].append(notice.reason)
    for reasons in told.values():
        assert reasons[0] is NoticeReason.OPENED
        assert reasons.count(NoticeReason.OPENED) == 1
        for before, after in pairwise(reasons):
            is_over = before is NoticeReason.RESOLVED
            assert (after is NoticeReason.REOPENED) is is_over


def test_no_notice_twice_and_none_out_of_order(lived):
    keys = [notice.key for notice, _ in lived.notices]
    assert len(keys) == len(set(keys))
    moments = [notice.at for notice, _ in lived.notices]
    assert moments == sorted(moments)


def test_nobody_is_swamped(lived):
    sent = defaultdict(list)
    for notice, _ in lived.notices:
        if not notice.is_danger:
            sent[notice.ticket, notice.to].append(notice.at)
    for moments in sent.values():
        for first, fifth in zip(moments, moments[AT_MOST:], strict=False):
            assert fifth - first >= WITHIN


def test_updates_and_ends_let_people_sleep_unless_it_is_critical(lived):
    for notice, ticket in lived.notices:
        hour = notice.at.astimezone(lived.registry.sites[ticket.site].zone).hour
        is_night = hour >= 21 or hour < 7
        waits = notice.reason in (NoticeReason.UPDATE, NoticeReason.RESOLVED)
        if waits and not notice.is_danger and ticket.severity != "critical":
            assert not is_night, notice


def test_whoever_was_told_of_a_fault_is_told_of_its_end(lived):
    last = {}
    for notice, _ in lived.notices:
        last[notice.ticket, notice.to] = notice
    for (name, _), notice in last.items():
        ticket = lived.tickets[name]
        # Two days have passed since: nothing waits any more but for the work on the site.
        if ticket.state is TicketState.CLOSED:
            assert notice.reason is NoticeReason.RESOLVED


def test_decisions_have_keys_of_their_own(lived):
    keys = [decision.key for decision in lived.decisions]
    assert len(keys) == len(set(keys))
    assert any(isinstance(decision, Decision) for decision in lived.decisions)


def test_the_same_seed_comes_to_the_same_bytes(fleet, timeline_of, seed, lived):
    again = House(fleet)
    for _ in again.live(timeline_of(seed)):
        pass
    assert _bytes_of(again) == _bytes_of(lived)


def test_asking_the_core_in_between_changes_nothing(fleet, timeline_of, seed, lived):
    dice = random.Random(seed)
    house, before = House(fleet), None
    for event in timeline_of(seed):
        if before is not None and event.observed_at > before and dice.random() < 0.3:
            house.feed(before + (event.observed_at - before) * dice.random())
        house.feed(event.observed_at, (event,))
        before = event.observed_at
    house.feed(before + AFTERWARDS / 3)
    house.feed(before + AFTERWARDS)
    assert _bytes_of(house) == _bytes_of(lived)


@pytest.mark.parametrize("number", range(3))
def test_a_crash_and_a_replay_equal_no_crash(fleet, timeline_of, seed, lived, number):
    timeline = timeline_of(seed)
    dice = random.Random(1000 * seed + number)
    crash = dice.randrange(1, len(timeline))
    saved = dice.randrange(crash)
    print(f"snapshot before event {saved}, crash before event {crash}")
    house, snapshot = House(fleet), b""
    for index, event in enumerate(timeline[:crash]):
        if index == saved:
            snapshot = msgspec.msgpack.encode(house.engine.state)
        house.feed(event.observed_at, (event,))

    again = House(fleet, msgspec.msgpack.decode(snapshot, type=EngineState))
    again.tickets, again.notices = dict(house.tickets), list(house.notices)
    again.applied = set(house.applied)
    stored = [
        msgspec.msgpack.decode(msgspec.msgpack.encode(t), type=type(t)) for t in _kept(house)
    ]
    again.desk.load(stored, house.desk.next_number, at=timeline[crash - 1].observed_at)
    for event in timeline[saved:crash]:
        again.feed(event.observed_at, (event,), applied=house.applied)
    for event in timeline[crash:]:
        again.feed(event.observed_at, (event,))
    again.feed(timeline[-1].observed_at + AFTERWARDS)
    assert _bytes_of(again) == _bytes_of(lived)


def _kept(house):
    """The tickets that the store would give back: those the desk still works with."""
    return [house.tickets[name] for name in house.desk.tickets]


def _bytes_of(house):
    """Everything that left the house, as text that shows where two differ."""
    return {
        "tickets": {t.id: msgspec.json.encode(t).decode() for t in house.tickets.values()},
        "notices": [msgspec.json.encode(notice).decode() for notice, _ in house.notices],
    }
