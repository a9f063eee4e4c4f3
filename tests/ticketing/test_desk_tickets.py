"""Which ticket a fault belongs to, and what the ticket then says of itself."""

from datetime import timedelta

import pytest

from domain.faults import Severity, WorkFound
from domain.places import Place, StationId
from domain.tickets import TicketKind, TicketState
from ticketing.commands import AddNote, CloseTicket, OpenTicket, RefusedError, TakeTicket


def only(world):
    assert len(world.tickets) == 1, [t.title for t in world.tickets.values()]
    return next(iter(world.tickets.values()))


def test_a_fault_opens_a_ticket_with_everything_that_is_known(world):
    world.raised(world.at(9), "N-001/1", code="CX014")
    ticket = only(world)
    assert (ticket.id, ticket.kind, ticket.state) == ("T-1001", "fault", "new")
    assert (ticket.customer, ticket.site) == ("acme", "north")
    assert (ticket.stations, ticket.places) == (("N-001",), ("N-001/1",))
    assert (ticket.rules, ticket.codes) == (("connector-faulted",), ("CX014",))
    assert ticket.severity is Severity.MAJOR
    assert ticket.opened_at == world.at(9)
    assert ticket.title == "major CX014 N-001/1 @ North depot: Not charging"
    assert ticket.history[0].what == "fault raised"
    assert ticket.history[0].evidence == (7,)


def test_faults_of_one_station_share_a_ticket_as_severe_as_the_worst_active_one(world):
    world.raised(world.at(9), "N-001/1", severity=Severity.MINOR, rule="error-reported")
    world.raised(world.at(10), "N-001/2", code="CX002", severity=Severity.CRITICAL)
    ticket = only(world)
    assert ticket.severity is Severity.CRITICAL
    assert ticket.places == ("N-001/1", "N-001/2")
    assert ticket.codes == ("CX002", "CX014")
    world.cleared(world.at(11), "N-001/2")
    assert only(world).severity is Severity.MINOR
    assert only(world).state is TicketState.NEW
    world.cleared(world.at(12), "N-001/1", rule="error-reported")
    assert only(world).state is TicketState.RESOLVED
    assert only(world).resolved_at == world.at(12)
    assert only(world).severity is Severity.CRITICAL, "the worst it had"


def test_faults_of_two_stations_get_a_ticket_each(world):
    world.raised(world.at(9), "N-001/1")
    world.raised(world.at(9), "N-002/1")
    assert [t.place.name for t in world.tickets.values()] == ["N-001", "N-002"]


def test_a_relapse_within_a_day_reopens_the_ticket(world):
    world.raised(world.at(9), "N-001/1")
    world.cleared(world.at(10), "N-001/1")
    world.raised(world.at(9, day=6), "N-001/1")
    ticket = only(world)
    assert (ticket.reopened, ticket.state, ticket.resolved_at) == (1, "new", None)
    assert world.reasons == ["opened", "resolved", "reopened"]


def test_a_reopened_ticket_is_open_for_the_person_who_had_taken_it(world):
    world.raised(world.at(9), "N-001/1")
    world.take(world.at(9, 5), TakeTicket(ticket="T-1001", who="kim", key="k1"))
    assert only(world).state is TicketState.OPEN
    world.cleared(world.at(10), "N-001/1")
    world.raised(world.at(11), "N-001/1")
    assert only(world).state is TicketState.OPEN


def test_after_a_day_the_ticket_is_closed_and_the_same_fault_opens_a_new_one(world):
    world.raised(world.at(9), "N-001/1")
    world.cleared(world.at(10), "N-001/1")
    world.passes(world.at(10, day=6))
    assert only(world).state is TicketState.CLOSED
    assert only(world).closed_at == world.at(10, day=6)
    world.raised(world.at(10, 1, day=6), "N-001/1")
    assert sorted(world.tickets) == ["T-1001", "T-1002"]
    assert "T-1001" not in world.desk.tickets, "what is over is forgotten"


def test_another_fault_after_the_end_opens_a_ticket_of_its_own(world):
    world.raised(world.at(9), "N-001/1")
    world.cleared(world.at(10), "N-001/1")
    world.raised(world.at(11), "N-001/2")
    assert len(world.tickets) == 2


def test_a_relapse_joins_the_ticket_that_is_open_at_the_station_by_now(world):
    world.raised(world.at(9), "N-001/1")
    world.cleared(world.at(10), "N-001/1")
    world.raised(world.at(11), "N-001/2")
    world.raised(world.at(12), "N-001/1")
    assert world.tickets["T-1001"].state is TicketState.RESOLVED
    assert world.tickets["T-1002"].places == ("N-001/1", "N-001/2")


def test_a_second_end_of_an_old_ticket_does_not_take_a_fault_away_from_the_newer_one(world):
    world.raised(world.at(20), "N-001/1")
    world.cleared(world.at(21), "N-001/1")  # told in the morning
    world.raised(world.at(21, 30), "N-001/2")
    world.raised(world.at(22), "N-001/1")
    world.passes(world.at(7, day=6))
    world.cleared(world.at(8, day=6), "N-001/1")
    world.cleared(world.at(9, day=6), "N-001/2")
    assert world.tickets["T-1002"].state is TicketState.RESOLVED


def test_flapping_marks_the_ticket_and_tells_nobody(world):
    world.raised(world.at(9), "N-001/1")
    before = len(world.notices)
    world.happens(world.at(10), "flapping", "N-001/1", is_flapping=True)
    world.passes(world.at(10))
    assert only(world).is_flapping
    assert len(world.notices) == before
    world.cleared(world.at(11), "N-001/1", is_flapping=False)
    assert only(world).is_flapping, "at any time in this ticket"


def test_another_code_of_a_fault_is_kept_and_tells_nobody(world):
    world.raised(world.at(9), "N-001/1")
    world.happens(world.at(10), "recoded", "N-001/1", codes=("CX005", "CX014"))
    world.passes(world.at(10))
    assert only(world).codes == ("CX005", "CX014")
    assert world.reasons == ["opened"]


def test_work_for_us_is_a_task_that_no_customer_hears_of(world):
    work = WorkFound(
        key="unknown-code:x",
        rule="unknown-code",
        place=Place.of_station(StationId("N-001"), 1),
        at=world.at(9),
        detail="Vendor code '0x17' of Acme",
        codes=("unknown-code",),
    )
    world.take(world.at(9), work)
    world.passes(world.at(9, day=20))
    task = only(world)
    assert (task.kind, task.severity) == (TicketKind.TASK, Severity.INFO)
    assert (task.customer, task.site, task.places) == ("acme", "north", ("N-001/1",))
    assert (task.rules, task.codes) == (("unknown-code",), ("unknown-code",))
    assert world.notices == []
    world.take(world.at(10, day=20), work)
    assert len(world.tickets) == 1, "once per key"


def test_a_fleet_fault_is_a_ticket_without_customer_that_nobody_is_told_of(world):
    world.raised(world.at(9), "fleet", rule="fleet-drop", code="site-dark")
    ticket = only(world)
    assert (ticket.kind, ticket.customer, ticket.site) == ("fleet", None, None)
    assert world.notices == []


def test_a_fault_of_an_unregistered_station_has_no_reader_and_makes_no_task(world):
    world.raised(world.at(9), "X-999/1")
    ticket = only(world)
    assert ticket.customer is None
    assert ticket.untold_because == "the station belongs to no registered customer"
    assert world.notices == []


def test_commands_come_once_per_change_with_keys_that_never_repeat(world):
    world.raised(world.at(9), "N-001/1")
    world.raised(world.at(10), "N-001/2")
    world.cleared(world.at(11), "N-001/1")
    world.cleared(world.at(12), "N-001/2")
    world.passes(world.at(13, day=6))
    keys = [command.key for command in world.commands]
    assert len(keys) == len(set(keys))
    assert sum(isinstance(c, OpenTicket) for c in world.commands) == 1
    assert world.resolutions == 1


# --- people --------------------------------------------------------------------------------


def test_taking_and_noting_change_the_ticket_and_say_who(world):
    world.raised(world.at(9), "N-001/1")
    world.take(world.at(9, 5), TakeTicket(ticket="T-1001", who="kim", key="k1"))
    world.take(world.at(9, 6), AddNote(ticket="T-1001", who="kim", text="called", key="k2"))
    ticket = only(world)
    assert (ticket.state, ticket.taken_by) == ("open", "kim")
    assert [(h.what, h.who, h.why) for h in ticket.history[-2:]] == [
        ("taken", "kim", ""),
        ("note", "kim", "called"),
    ]
    assert {"k1", "k2"} <= {command.key for command in world.commands}


@pytest.mark.parametrize(
    ("action", "says"),
    [
        (CloseTicket(ticket="T-1001", who="kim", why="x", key="k"), "still active"),
        (CloseTicket(ticket="T-9", who="kim", why="x", key="k"), "does not exist"),
        (AddNote(ticket="T-1001", who="kim", text=" ", key="k"), "empty"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do_and_changes_nothing(
    world, action, says
):
    world.raised(world.at(9), "N-001/1")
    before = dict(world.tickets)
    with pytest.raises(RefusedError, match=says):
        world.take(world.at(9, 5), action)
    world.passes(world.at(9, 6))
    assert world.tickets == before


def test_a_resolved_ticket_can_be_closed_by_a_person_and_still_reopens(world):
    world.raised(world.at(9), "N-001/1")
    world.cleared(world.at(10), "N-001/1")
    with pytest.raises(RefusedError, match="Say why"):
        world.take(world.at(11), CloseTicket(ticket="T-1001", who="kim", why="", key="k0"))
    world.take(world.at(11), CloseTicket(ticket="T-1001", who="kim", why="done", key="k1"))
    assert only(world).state is TicketState.CLOSED
    with pytest.raises(RefusedError, match="closed already"):
        world.take(world.at(12), CloseTicket(ticket="T-1001", who="kim", why="x", key="k2"))
    with pytest.raises(RefusedError, match="nothing left to take"):
        world.take(world.at(12), TakeTicket(ticket="T-1001", who="kim", key="k3"))
    world.raised(world.at(13), "N-001/1")
    assert only(world).reopened == 1


def test_a_person_resolves_a_task_and_it_closes_a_day_later(world):
    place = Place.of_station(StationId("N-001"))
    world.take(
        world.at(9),
        WorkFound(key="w", rule="unknown-station", place=place, at=world.at(9), detail="?"),
    )
    world.take(world.at(10), CloseTicket(ticket="T-1001", who="kim", why="known", key="k"))
    assert only(world).state is TicketState.RESOLVED
    world.passes(world.at(10) + timedelta(hours=24))
    assert only(world).state is TicketState.CLOSED


def test_history_is_bounded_and_keeps_how_it_began(make_world):
    from ticketing.settings import DeskSettings

    world = make_world(settings=DeskSettings(history_at_most=5))
    world.raised(world.at(9), "N-001/1")
    for minute in range(20):
        note = AddNote(ticket="T-1001", who="kim", text=f"n{minute}", key=f"k{minute}")
        world.take(world.at(10, minute), note)
    history = only(world).history
    assert len(history) == 5
    assert history[0].what == "fault raised"
    assert history[-1].why == "n19"
