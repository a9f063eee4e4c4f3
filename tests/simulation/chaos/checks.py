"""What must hold for every seed, looked at from outside. Each check raises `AssertionError`."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from domain.events import AnyEvent
from domain.faults import Change, Decision
from domain.registry import Registry
from domain.tickets import NoticeReason, TicketKind
from rules.engine import Engine
from rules.state import EngineState
from tests.simulation.chaos.house import CATALOGUE, DICTIONARY, House
from tests.simulation.chaos.oracle import Field
from tests.simulation.chaos.places import BEHIND

AFTERWARDS = timedelta(days=9)
"""Longer than any fault lasts that ends by itself (a security event: a week)."""

BATCHES = (1, 1, 2, 7, 60)
"""Events that are handed over at once."""

CRASHES = 4
RESTARTS_SHARE = 0.1


def check_life(registry: Registry, timeline: Sequence[AnyEvent]) -> House:
    """Live through it and look after every event; return the house."""
    house, field = House(registry), Field(registry, BEHIND)
    for event in timeline:
        at = event.observed_at
        house.feed(at - timedelta(microseconds=1))
        _look(house, field, at - timedelta(microseconds=1))
        house.feed(at, (event,))
        field.note(event)
        _look_at_tickets(house)
    house.feed(_end(timeline))
    _look(house, field, _end(timeline))
    return house


def _look(house: House, field: Field, now: datetime) -> None:
    active = house.engine.active_faults()
    wrong = [*field.overdue(active, now), *field.missing(active, now)]
    assert not wrong, "\n".join(wrong)


def _look_at_tickets(house: House) -> None:
    holders = Counter(
        held.fault.fingerprint
        for ticket in house.tickets.values()
        if ticket.state.is_unresolved
        for held in ticket.faults
    )
    twice = [fingerprint for fingerprint, count in holders.items() if count > 1]
    assert not twice, f"in more than one open ticket: {twice}"
    for fault in house.engine.active_faults():
        if fault.inhibited_by is None:
            assert holders[fault.fingerprint] == 1, f"in no open ticket: {fault.name}"


def check_decisions(house: House) -> None:
    """Raised and cleared alternate; each decision is one of its own, with its reason."""
    keys = [decision.key for decision in house.decisions]
    assert len(keys) == len(set(keys)), "a decision was taken twice"
    moments = [decision.at for decision in house.decisions]
    assert moments == sorted(moments), "decisions are out of order"
    active: dict[str, int] = {}
    for decision in house.decisions:
        if not isinstance(decision, Decision):
            continue
        fault, change = decision.fault, decision.change
        assert decision.because, f"no reason: {decision.key}"
        is_active = fault.fingerprint in active
        assert is_active is (change is not Change.RAISED), f"out of turn: {decision.key}"
        if change is Change.RAISED:
            active[fault.fingerprint] = fault.episode
        assert active[fault.fingerprint] == fault.episode, f"wrong episode: {decision.key}"
        assert fault.seen_at <= fault.raised_at <= decision.at, f"time: {decision.key}"
        if change is Change.CLEARED:
            del active[fault.fingerprint]
    still = {fault.fingerprint for fault in house.engine.active_faults()}
    assert still == set(active), "what is active was not decided"


def check_notices(house: House) -> None:
    """Every notice has a reason and a reader; nobody is told the same twice."""
    keys = [notice.key for notice, _ in house.notices]
    assert len(keys) == len(set(keys)), "a notice was sent twice"
    told: dict[tuple[str, str], list[NoticeReason]] = defaultdict(list)
    for notice, ticket in house.notices:
        assert notice.reason in NoticeReason
        assert notice.subject.strip(), notice
        assert notice.text.strip(), notice
        assert ticket.kind in (TicketKind.FAULT, TicketKind.SITE), notice
        assert notice.customer == ticket.customer, notice
        assert not notice.to.startswith("books@"), notice
        told[notice.ticket, notice.to].append(notice.reason)
    for name, reasons in told.items():
        assert reasons[0] is NoticeReason.OPENED, name
        assert reasons.count(NoticeReason.OPENED) == 1, name
        for before, after in pairwise(reasons):
            is_over = before is NoticeReason.RESOLVED
            assert (after is NoticeReason.REOPENED) is is_over, (name, reasons)


def check_same_again(registry: Registry, timeline: Sequence[AnyEvent], house: House) -> None:
    """Without anybody looking in between it comes to the same bytes."""
    again = House(registry)
    again.live(timeline, _end(timeline))
    assert again.all_that_left() == house.all_that_left(), "two runs differ"


def check_batches(
    registry: Registry, timeline: Sequence[AnyEvent], house: House, dice: random.Random
) -> None:
    """In batches the engine decides the same, whatever moments they hold."""
    engine, found, begin = Engine(registry, CATALOGUE, DICTIONARY), [], 0
    while begin < len(timeline):
        batch = timeline[begin : begin + dice.choice(BATCHES)]
        found += engine.step_many(batch[-1].observed_at, batch).decisions
        begin += len(batch)
    found += engine.step(_end(timeline)).decisions
    assert found == house.decisions, "batches are decided differently"


def check_crashes(
    registry: Registry, timeline: Sequence[AnyEvent], house: House, dice: random.Random
) -> None:
    """Crash again and again, each time anew from snapshot, stores and journal."""
    crashes = sorted(dice.sample(range(1, len(timeline)), CRASHES))
    again, begin = House(registry), 0
    for crash in crashes:
        saved = dice.randint(begin, crash)
        snapshot = b""
        for index in range(begin, crash + 1):
            if index == saved:
                snapshot = again.snapshot()
            if index < crash:
                event = timeline[index]
                again.feed(event.observed_at, (event,))
        at = timeline[crash - 1].observed_at
        again = again.after_a_crash(snapshot, timeline[saved:crash], at)
        begin = crash
    for event in timeline[begin:]:
        again.feed(event.observed_at, (event,))
    again.feed(_end(timeline))
    same = again.all_that_left() == house.all_that_left()
    assert same, f"crashes before events {crashes} make a difference"


def check_restarts(
    registry: Registry, timeline: Sequence[AnyEvent], house: House, dice: random.Random
) -> None:
    """An engine that is taken down and built anew all the time decides the same."""
    engine, found = Engine(registry, CATALOGUE, DICTIONARY), []
    for event in timeline:
        if dice.random() < RESTARTS_SHARE:
            snapshot = msgspec.msgpack.encode(engine.state)
            state = msgspec.msgpack.decode(snapshot, type=EngineState)
            engine = Engine(registry, CATALOGUE, DICTIONARY, state)
        found += engine.step(event.observed_at, event).decisions
    found += engine.step(_end(timeline)).decisions
    for seen, wanted in zip(found, house.decisions, strict=False):
        assert seen == wanted, f"a restart makes a difference:\n{seen}\n{wanted}"
    assert len(found) == len(house.decisions), "a restart makes a difference in the end"


def _end(timeline: Sequence[AnyEvent]) -> datetime:
    return timeline[-1].observed_at + AFTERWARDS


def check_all(registry: Registry, timeline: Sequence[AnyEvent], seed: int) -> House:
    """Check everything over one timeline; return the house that lived it."""
    house = check_life(registry, timeline)
    check_decisions(house)
    check_notices(house)
    check_same_again(registry, timeline, house)
    check_batches(registry, timeline, house, random.Random(seed))
    check_crashes(registry, timeline, house, random.Random(seed))
    check_restarts(registry, timeline, house, random.Random(seed))
    return house
