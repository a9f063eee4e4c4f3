"""A customer's call: where it goes, and what a fault makes of a request."""

from domain.faults import Severity
from domain.places import CustomerId, SiteId, StationId
from ticketing.told import told_first_rate

N1, S1 = StationId("N-001"), StationId("S-001")
NORTH, SOUTH = SiteId("north"), SiteId("south")


def test_a_call_about_a_station_with_a_ticket_is_recorded_there(world):
    world.raised(world.at(9), "N-001/1")
    world.calls(world.at(10), station=N1)
    (ticket,) = world.tickets.values()
    assert [note.text for note in ticket.contacts] == ["dead"]
    assert ticket.first_contact_at == world.at(10)
    assert told_first_rate(world.tickets.values()) == 1.0


def test_a_call_that_fits_nothing_is_a_request_that_is_answered_not_announced(world):
    world.calls(world.at(9), station=N1)
    world.passes(world.at(9, day=9))
    (ticket,) = world.tickets.values()
    assert (ticket.kind, ticket.customer, ticket.site) == ("request", "acme", "north")
    assert ticket.severity is Severity.MINOR
    assert ticket.title == "Request by phone: dead"
    assert world.notices == []
    assert told_first_rate(world.tickets.values()) == 0.0


def test_a_second_call_about_the_same_joins_the_first(world):
    world.calls(world.at(9), station=N1)
    world.calls(world.at(9, 30), station=N1)
    (ticket,) = world.tickets.values()
    assert len(ticket.contacts) == 2
    assert ticket.first_contact_at == world.at(9)


def test_a_fault_within_two_hours_joins_the_request_and_is_told(world):
    world.calls(world.at(9), station=N1)
    world.raised(world.at(11), "N-001/1")
    (ticket,) = world.tickets.values()
    assert (ticket.id, ticket.kind, ticket.places) == ("T-1001", "fault", ("N-001/1",))
    assert ticket.title == "major CX014 N-001/1 @ North depot: Not charging"
    assert world.reasons == ["opened"]
    assert told_first_rate(world.tickets.values()) == 0.0, "they called before we wrote"


def test_a_fault_after_two_hours_gets_a_ticket_of_its_own(world):
    world.calls(world.at(9), station=N1)
    world.raised(world.at(11, 0, 1), "N-001/1")
    assert [t.kind for t in world.tickets.values()] == ["request", "fault"]


def test_a_call_about_a_site_is_explained_by_a_fault_at_any_station_of_it(world):
    world.calls(world.at(9), site=NORTH)
    world.raised(world.at(10), "N-003/1")
    (ticket,) = world.tickets.values()
    assert (ticket.kind, ticket.place.name, ticket.stations) == ("fault", "N-003", ("N-003",))


def test_a_call_about_a_station_is_explained_by_its_dark_site(world):
    world.calls(world.at(9), station=N1)
    world.raised(world.at(10), "site:north", rule="site-dark", code="site-dark")
    (ticket,) = world.tickets.values()
    assert (ticket.kind, str(ticket.place)) == ("site", "site:north")


def test_the_title_of_a_dark_site_names_the_site_once(world):
    world.raised(world.at(10), "site:north", rule="site-dark", code="site-dark")
    (ticket,) = world.tickets.values()
    assert ticket.title == "major site-dark @ North depot: No connection"


def test_a_call_about_another_station_is_explained_by_nothing_here(world):
    world.calls(world.at(9), station=StationId("N-002"))
    world.raised(world.at(10), "N-001/1")
    assert len(world.tickets) == 2


def test_a_call_about_a_station_of_a_dark_site_goes_to_the_site_ticket(world):
    world.raised(world.at(9), "site:north", rule="site-dark", code="site-dark")
    world.calls(world.at(10), station=N1)
    (ticket,) = world.tickets.values()
    assert len(ticket.contacts) == 1


def test_a_call_about_a_site_goes_to_the_ticket_there(world):
    world.raised(world.at(9), "N-001/1")
    world.calls(world.at(10), site=NORTH)
    world.calls(world.at(11), site=SOUTH)
    assert [t.kind for t in world.tickets.values()] == ["fault", "request"]
    assert len(world.tickets["T-1001"].contacts) == 1


def test_a_call_that_names_nothing_goes_to_their_only_ticket(world):
    world.raised(world.at(9), "N-001/1")
    world.calls(world.at(10))
    assert len(world.tickets["T-1001"].contacts) == 1
    world.raised(world.at(11), "N-002/1")
    world.calls(world.at(12))
    assert world.tickets["T-1003"].kind == "request", "two are open: which one, we do not know"
    world.calls(world.at(13), customer=CustomerId("other"))
    assert world.tickets["T-1004"].customer == "other"


def test_the_journal_position_of_a_call_is_its_evidence(world):
    from domain.events import ContactMade

    contact = ContactMade(
        observed_at=world.at(9), customer=CustomerId("acme"), channel="mail", station=N1
    )
    step = world.desk.step(world.at(9), contact, position=42)
    assert step.commands[0].ticket.history[0].evidence == (42,)
    assert step.commands[0].ticket.title == "Request by mail: no words noted"


def test_a_ticket_carries_the_newest_two_hundred_calls_and_knows_the_first(world):
    for minute in range(230):
        world.calls(world.at(9 + minute // 60, minute % 60), station=N1)
    (ticket,) = world.tickets.values()
    assert len(ticket.contacts) == 200
    assert ticket.contacts[0].at == world.at(9, 30)
    assert ticket.contacts[-1].at == world.at(12, 49)
    assert ticket.first_contact_at == world.at(9), "what the told-first rate is made of stays"
