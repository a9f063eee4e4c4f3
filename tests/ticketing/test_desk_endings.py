"""How a ticket ends: by its faults, by a person, and what comes back after that."""

from datetime import UTC, datetime

import msgspec
import pytest

from domain.faults import ClearedBy, Severity, WorkFound
from domain.places import FLEET, CustomerId, StationId
from domain.tickets import TicketState
from ticketing.actions import to_dismiss
from ticketing.commands import CloseTicket, RefusedError


def only(world):
    [ticket] = world.tickets.values()
    return ticket


def close(why="seen", key="k"):
    return CloseTicket(ticket="T-1001", who="kim", why=why, key=key)


def lid(world, at, change="raised", **about):
    about = {"rule": "security-event", "code": "security-event", **about}
    if change == "raised":
        about |= {"severity": Severity.INFO, "person_may_end": True}
    world.happens(at, change, "N-001", **about)
    world.passes(at)


def test_what_only_a_person_ends_is_ended_with_its_ticket(world):
    lid(world, world.at(9))
    assert [f.rule for f in to_dismiss(only(world), close())] == ["security-event"]
    with pytest.raises(RefusedError, match="Say why"):
        to_dismiss(only(world), close(why=" "))


def test_what_repair_ends_keeps_its_ticket_open(world):
    lid(world, world.at(9))
    world.raised(world.at(9, 1), "N-001/1")
    with pytest.raises(RefusedError, match="connector-faulted@N-001/1 is still active"):
        to_dismiss(only(world), close())


def test_where_nothing_is_active_there_is_nothing_to_end(world):
    lid(world, world.at(9))
    lid(world, world.at(10), "cleared")
    assert to_dismiss(only(world), close(why="")) == ()


def test_a_ticket_whose_fault_was_not_ended_before_is_looked_at_once_more(world):
    lid(world, world.at(9))
    with pytest.raises(RefusedError, match="came up just now"):
        world.take(world.at(10), close())
    assert only(world).state is TicketState.NEW


def test_ended_by_a_person_it_is_resolved_and_closed_and_opens_again_when_it_comes_back(world):
    lid(world, world.at(9))
    lid(world, world.at(10), "cleared", cleared_by=ClearedBy.PERSON)
    world.take(world.at(10), close())
    ticket = only(world)
    assert (ticket.state, ticket.closed_at) == (TicketState.CLOSED, world.at(10))
    assert world.notices == []
    lid(world, world.at(12))
    assert (only(world).state, only(world).reopened) == (TicketState.NEW, 1)


def test_the_number_of_the_next_ticket_goes_on_from_the_store(world):
    lid(world, world.at(9))
    world.restarts()
    world.raised(world.at(10), "N-002/1")
    assert sorted(world.tickets) == ["T-1001", "T-1002"]


def test_a_stored_ticket_keeps_what_it_does_not_know_of(world):
    lid(world, world.at(9))
    frozen = msgspec.json.encode(only(world))
    assert msgspec.json.decode(frozen, type=type(only(world))) == only(world)


def work(key="unknown-code:acme:e1", **about):
    about = {"stations": (StationId("N-001"),), "detail": "E1, once", **about}
    at = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    return WorkFound(key=key, rule="unknown-code", place=FLEET, at=at, evidence=(7,), **about)


def test_work_is_one_task_per_key_and_what_adds_to_it_opens_nothing(world):
    more = work("more", about=work().key, stations=(StationId("N-002"),), detail="E1, twice")
    for one in (more, work(), work(), more):
        world.take(world.at(9), one)
    task = only(world)
    assert task.stations == ("N-001",)
    assert task.history[-1].why == "E1, twice (N-002)"
    assert task.title == "unknown-code fleet: E1, twice"
    assert [line.what for line in task.history] == ["opened", "seen again"]
    world.take(world.at(10), close())
    world.take(world.at(11), work("again", about=work().key))
    assert [line.what for line in only(world).history][-1] == "resolved"


def test_what_changes_about_a_fault_that_has_no_ticket_opens_none(world):
    decision = world.decision(world.at(9), "raised", "N-001/1")
    world.take(world.at(9), world.decision(world.at(9), "worsened", "N-001/1"))
    assert decision.fault.inhibited_by is None
    assert world.tickets == {}


def test_a_day_after_it_was_resolved_a_fault_opens_a_ticket_of_its_own(world):
    world.raised(world.at(9), "N-001/1")
    world.cleared(world.at(10), "N-001/1", quiet_until=world.at(9, day=8))
    world.passes(world.at(11))
    world.raised(world.at(9, 59, day=6), "N-001/1")
    assert only(world).reopened == 1
    world.cleared(world.at(10, day=6), "N-001/1", quiet_until=world.at(9, day=8))
    world.raised(world.at(10, day=7), "N-001/1")
    assert sorted(world.tickets) == ["T-1001", "T-1002"]


def test_the_later_stay_of_a_fault_counts_in_whatever_order_tickets_are_stored(world):
    world.raised(world.at(9), "N-001/1")
    world.cleared(world.at(10), "N-001/1", quiet_until=world.at(9, day=8))
    world.raised(world.at(11, day=6), "N-001/1")
    later_first = sorted(world.tickets.values(), key=lambda ticket: ticket.id, reverse=True)
    number, at = world.desk.next_number, world.desk._now
    world.desk = world.new_desk()
    world.desk.load(later_first, number, at=at)
    world.cleared(world.at(12, day=6), "N-001/1")
    assert world.tickets["T-1002"].state is TicketState.RESOLVED
    assert sorted(world.tickets) == ["T-1001", "T-1002"]


def test_a_strangers_request_about_a_place_is_not_the_faults_ticket(world):
    world.calls(world.at(9), customer=CustomerId("other"), station=StationId("N-001"))
    world.raised(world.at(10), "N-001/1")
    assert [t.kind.value for t in world.tickets.values()] == ["request", "fault"]
