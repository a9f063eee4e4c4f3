"""A bug of ours: the others are dealt with all the same, and a person learns of it."""

import pytest

from domain.events import ContactMade
from domain.places import CustomerId, SiteId, StationId
from domain.registry import Registry
from domain.tickets import TicketKind
from ticketing.desk import Desk


class BrokenView:
    """A view with a bug: it cannot count the EVSEs of one site."""

    def points_at(self, site):
        if site == "north":
            raise ZeroDivisionError(f"someone's words about {site}")
        return {}

    def charged_at(self, place, after):
        return None


class BrokenRegistry(Registry):
    """A registry with a bug: it cannot find the site of one station, or of anything."""

    def __init__(self, registry, breaks_at):
        super().__init__(tuple(registry.customers.values()), tuple(registry.sites.values()))
        self._breaks_at = breaks_at

    def site_of(self, place):
        if self._breaks_at in ("anything", str(getattr(place, "name", place))):
            raise KeyError(place)
        return super().site_of(place)


@pytest.fixture
def failures():
    return []


@pytest.fixture
def broken(make_world, make_registry, failures):
    """A world whose desk goes on after a failure."""

    def build(*, view=None, breaks_at=None):
        world = make_world(make_registry(), view=view)
        registry = world.registry
        if breaks_at is not None:
            registry = BrokenRegistry(registry, breaks_at)
        world.desk = Desk(
            registry,
            world.settings,
            status_page=lambda customer, ticket: "",
            view=view,
            on_failure=lambda what, error: failures.append((what, error)),
        )
        return world

    return build


def tasks(world):
    return [t for t in world.tickets.values() if t.kind is TicketKind.TASK]


def test_a_ticket_that_cannot_be_told_silences_no_other_and_becomes_a_task(broken, failures):
    world = broken(view=BrokenView())
    at = world.at(9)
    world.happens(at, "raised", "N-001/1")
    world.happens(at, "raised", "S-001/1")
    world.passes(at)
    assert {notice.ticket for notice in world.notices} == {"T-1002"}
    (task,) = tasks(world)
    assert task.title == (
        "T-1001 could not be dealt with: ZeroDivisionError; look after it by hand"
    )
    assert (task.rules, task.severity, task.opened_at) == (("not-dealt-with",), "major", at)
    assert "someone's words" not in task.title + task.history[0].why
    assert (task.customer, task.site) == (None, None), "no customer is shown our mistakes"
    assert [type(error) for _, error in failures] == [ZeroDivisionError]


def test_a_ticket_that_fails_again_the_same_day_makes_no_second_task(broken, failures):
    world = broken(view=BrokenView())
    for day, hour in ((5, 9), (5, 10), (6, 9)):
        world.raised(world.at(hour, day=day), "N-001/1", rule=f"rule-{day}-{hour}")
    assert len(failures) >= 3
    days = [task.opened_at.day for task in tasks(world)]
    assert days == sorted(set(days))
    assert days[:2] == [5, 6]


def test_a_decision_that_cannot_be_taken_in_is_a_task_with_its_evidence(broken, failures):
    world = broken(breaks_at="N-001")
    at = world.at(9)
    world.happens(at, "raised", "N-001/1")
    world.happens(at, "raised", "N-001/2")
    world.happens(at, "raised", "N-002/1")
    world.passes(at)
    (task,) = tasks(world)
    assert task.title == (
        "connector-faulted@N-001/1 (raised) could not be dealt with: KeyError;"
        " look after it by hand"
    )
    assert task.history[0].evidence == (7,)
    assert len(failures) == 2
    assert {notice.ticket for notice in world.notices}, "the other station's customer is told"


def test_many_decisions_of_one_step_are_kept_apart_from_each_other(broken):
    world = broken(breaks_at="N-001")
    at = world.at(9)
    given = [world.decision(at, "raised", name) for name in ("N-001/1", "N-002/1")]
    world._keep(world.desk.step_many(at, given))
    assert [t.kind for t in world.tickets.values()] == ["task", "fault"]


def test_a_call_that_fits_nowhere_for_a_bug_of_ours_goes_to_the_task(broken):
    world = broken(breaks_at="N-001")
    call = ContactMade(
        observed_at=world.at(9),
        customer=CustomerId("acme"),
        channel="phone",
        text="dead",
        station=StationId("N-001"),
        position=42,
    )
    commands = world.desk.step(world.at(9), call, position=42).commands
    assert [c.ticket.title for c in commands] == [
        "A contact of customer acme about N-001 could not be dealt with: KeyError;"
        " look after it by hand"
    ]
    assert commands[0].ticket.history[0].evidence == (42,)


def test_where_not_even_a_task_can_be_opened_it_is_said_once_and_the_desk_lives(
    broken, failures
):
    world = broken(breaks_at="anything")
    world.raised(world.at(9), "N-001/1")
    assert world.tickets == {}
    assert [type(error) for _, error in failures] == [KeyError, KeyError]
    world.passes(world.at(10))
    assert len(failures) == 2


def test_without_anybody_to_tell_a_failure_is_raised(make_world):
    world = make_world(view=BrokenView())
    world.happens(world.at(9), "raised", "N-001/1")
    with pytest.raises(ZeroDivisionError):
        world.passes(world.at(9))


def test_a_task_about_a_failure_is_told_to_nobody_and_closes_like_any_other(broken):
    from ticketing.commands import CloseTicket

    world = broken(view=BrokenView())
    world.raised(world.at(9), "N-001/1")
    (task,) = tasks(world)
    world.take(world.at(10), CloseTicket(ticket=task.id, who="kim", why="called them", key="k"))
    world.passes(world.at(12, day=6))
    assert world.tickets[task.id].state == "closed"
    assert world.notices == []
    assert world.registry.sites[SiteId("north")], "the fault's own ticket is not touched"
    assert world.tickets["T-1001"].state == "new"
