"""Faults that something else speaks for: their station's own, a site's, planned work."""

from domain.faults import Severity
from domain.tickets import TicketState

BY_STATION = "station-faulted@N-001"
BY_SITE = "site-dark@site:north"
BY_WORK = "maintenance@site:north"


def test_a_station_fault_leads_and_its_evses_stand_in_the_same_ticket_untold(world):
    at = world.at(9)
    world.happens(at, "raised", "N-001", rule="station-faulted", code="InternalError")
    for evse in (1, 2):
        world.happens(
            at, "raised", f"N-001/{evse}", code="InternalError", inhibited_by=BY_STATION
        )
    world.passes(world.at(10))
    (ticket,) = world.tickets.values()
    assert ticket.places == ("N-001", "N-001/1", "N-001/2")
    assert ticket.rules == ("connector-faulted", "station-faulted")
    assert world.reasons == ["opened"]
    assert world.notices[0].subject == "Not charging: charging station N-001, North depot"


def test_an_evse_whose_station_is_still_pending_waits_for_its_ticket(world):
    world.raised(world.at(9), "N-001/1", code="InternalError", inhibited_by=BY_STATION)
    assert world.tickets == {}
    world.raised(world.at(9, 1), "N-001", rule="station-faulted", code="InternalError")
    (ticket,) = world.tickets.values()
    assert ticket.places == ("N-001", "N-001/1")
    assert world.reasons == ["opened"]
    world.cleared(world.at(10), "N-001", rule="station-faulted")
    assert world.tickets["T-1001"].state is TicketState.NEW, "the EVSE is still faulty"


def test_an_evse_that_waits_still_finds_its_ticket_after_a_restart(world):
    world.raised(world.at(9), "N-001/1", code="InternalError", inhibited_by=BY_STATION)
    world.restarts()
    world.raised(world.at(9, 1), "N-001", rule="station-faulted", code="InternalError")
    assert world.tickets["T-1001"].places == ("N-001", "N-001/1")


def test_an_evse_that_waited_in_vain_opens_its_own_ticket(world):
    world.raised(world.at(9), "N-001/1", inhibited_by=BY_STATION)
    world.happens(world.at(9, 1), "released", "N-001/1")
    world.passes(world.at(9, 1))
    assert world.tickets["T-1001"].opened_at == world.at(9, 1)
    assert world.reasons == ["opened"]


def test_an_evse_that_cleared_while_it_waited_is_in_no_ticket(world):
    world.raised(world.at(9), "N-001/1", inhibited_by=BY_STATION)
    world.cleared(world.at(9, 1), "N-001/1")
    world.raised(world.at(9, 2), "N-001", rule="station-faulted")
    assert world.tickets["T-1001"].places == ("N-001",)


def test_a_released_evse_counts_as_told_when_its_code_was_told_for_the_station(world):
    at = world.at(9)
    world.happens(at, "raised", "N-001", rule="station-faulted", code="InternalError")
    world.happens(at, "raised", "N-001/1", code="InternalError", inhibited_by=BY_STATION)
    world.passes(at)
    world.happens(world.at(10), "cleared", "N-001", rule="station-faulted")
    world.happens(world.at(10), "released", "N-001/1")
    world.passes(world.at(10))
    assert world.reasons == ["opened"]
    world.cleared(world.at(11), "N-001/1")
    assert world.reasons == ["opened", "resolved"]


def test_lost_stations_are_listed_in_the_site_ticket_and_told_once(world):
    world.raised(world.at(9), "site:north", rule="site-dark", code="site-dark")
    for name in ("N-002", "N-003"):
        world.raised(
            world.at(9, 20), name, rule="offline", code="offline", inhibited_by=BY_SITE
        )
    (ticket,) = world.tickets.values()
    assert ticket.kind == "site"
    assert ticket.stations == ("N-002", "N-003")
    assert ticket.listed == ("offline@N-002", "offline@N-003")
    assert ticket.places == ("site:north",)
    assert world.reasons == ["opened"]


def test_a_listed_fault_that_outlives_the_wider_cause_opens_its_own_ticket_then(world):
    world.raised(world.at(9), "site:north", rule="site-dark", code="site-dark")
    world.raised(world.at(9, 20), "N-002", rule="offline", code="offline", inhibited_by=BY_SITE)
    world.cleared(world.at(10), "site:north", rule="site-dark")
    world.happens(world.at(10), "released", "N-002", rule="offline")
    world.passes(world.at(10))
    own = world.tickets["T-1002"]
    assert (own.opened_at, own.places) == (world.at(10), ("N-002",))
    assert world.reasons == ["opened", "resolved", "opened"]


def test_a_ticket_that_was_open_before_stays_open_and_its_untold_fault_is_quiet(world):
    world.raised(world.at(9), "N-002", rule="offline", code="offline", severity=Severity.MINOR)
    world.raised(world.at(9, 30), "site:north", rule="site-dark", code="site-dark")
    world.happens(world.at(9, 30), "inhibited", "N-002", rule="offline", inhibited_by=BY_SITE)
    world.passes(world.at(14))
    assert world.tickets["T-1001"].state is TicketState.NEW
    assert world.tickets["T-1002"].listed == ("offline@N-002",)
    assert [n.ticket for n in world.notices] == ["T-1002", "T-1002"]
    world.happens(world.at(15), "released", "N-002", rule="offline")
    world.passes(world.at(15))
    assert world.notices[-1].ticket == "T-1001", "active for more than four hours by now"


def test_under_maintenance_there_is_neither_ticket_nor_notice_and_both_come_after_it(world):
    world.raised(world.at(9), "N-001/1", inhibited_by=BY_WORK)
    world.passes(world.at(11))
    assert world.tickets == {}
    world.happens(world.at(11, 5), "released", "N-001/1")
    world.passes(world.at(11, 5))
    assert world.tickets["T-1001"].opened_at == world.at(11, 5)
    assert world.reasons == ["opened"]


def test_a_fault_that_came_and_went_under_maintenance_leaves_no_trace(world):
    world.raised(world.at(9), "N-001/1", inhibited_by=BY_WORK)
    world.cleared(world.at(10), "N-001/1")
    assert world.commands == []


def test_under_maintenance_of_the_station_its_evses_come_into_the_ticket_with_it(world):
    world.raised(world.at(9), "N-001", rule="station-faulted", inhibited_by="maintenance@N-001")
    world.raised(world.at(9), "N-001/1", inhibited_by=BY_STATION)
    assert world.tickets == {}
    world.happens(world.at(11), "released", "N-001", rule="station-faulted")
    world.passes(world.at(11))
    assert world.tickets["T-1001"].places == ("N-001", "N-001/1")
    assert world.reasons == ["opened"]


def test_an_evse_is_listed_where_its_station_is(world):
    world.raised(world.at(9), "site:north", rule="site-dark", code="site-dark")
    world.raised(world.at(9, 1), "N-001", rule="station-faulted", inhibited_by=BY_SITE)
    world.raised(world.at(9, 1), "N-001/1", inhibited_by=BY_STATION)
    (ticket,) = world.tickets.values()
    assert ticket.listed == ("connector-faulted@N-001/1", "station-faulted@N-001")


# --- several tickets of one cause -------------------------------------------------------------

BY_CARRIER = "carrier-lost@carrier:telco"


def test_a_site_and_the_carrier_it_is_lost_by_are_linked_both_ways(world):
    at = world.at(9)
    world.raised(at, "carrier:telco", rule="carrier-lost", code="site-dark")
    world.raised(at, "site:north", rule="site-dark", code="site-dark", part_of=BY_CARRIER)
    fleet, site = world.tickets.values()
    assert (fleet.kind, fleet.customer, fleet.linked) == ("fleet", None, (site.id,))
    assert (site.kind, site.customer, site.linked) == ("site", "acme", (fleet.id,))
    assert world.reasons == ["opened"], "the customer is told once, by their own ticket"
    assert fleet.history[-1].why == "site-dark@site:north is part of carrier-lost@carrier:telco"


def test_a_ticket_that_was_open_before_is_linked_when_the_wider_cause_is_known(world):
    world.raised(world.at(9), "site:north", rule="site-dark", code="site-dark")
    world.raised(world.at(9, 4), "carrier:telco", rule="carrier-lost", code="site-dark")
    for _ in range(2):
        world.happens(
            world.at(9, 4), "linked", "site:north", rule="site-dark", part_of=BY_CARRIER
        )
    site, fleet = world.tickets.values()
    assert (site.linked, fleet.linked) == ((fleet.id,), (site.id,)), "once, however often said"
    assert world.reasons == ["opened"]


def test_a_link_is_made_only_while_both_tickets_are_open(world):
    world.raised(world.at(9), "site:north", rule="site-dark", part_of=BY_CARRIER)
    world.raised(world.at(9), "carrier:telco", rule="carrier-lost", code="site-dark")
    world.raised(world.at(9, 1), "N-001", inhibited_by=BY_WORK)  # in no ticket
    world.happens(world.at(9, 1), "linked", "N-001", part_of=BY_CARRIER)
    world.cleared(world.at(9, 2), "site:north", rule="site-dark", part_of=BY_CARRIER)
    assert [ticket.linked for ticket in world.tickets.values()] == [(), ()]


def test_links_stand_in_the_order_of_their_numbers_and_bring_their_stations(world):
    world.raised(world.at(9), "carrier:telco", rule="carrier-lost", code="site-dark")
    for number in range(9):
        world.raised(world.at(9, number), f"X-{number}")  # tickets in between
    for name in ("S-001", "N-002"):
        world.raised(world.at(10), name, rule="offline", code="offline", part_of=BY_CARRIER)
    fleet = world.tickets["T-1001"]
    assert fleet.linked == ("T-1011", "T-1012")
    assert fleet.stations == ("N-002", "S-001")
    assert world.tickets["T-1011"].stations == ("S-001",)
    assert fleet.title == "major site-dark carrier:telco (2 stations): No connection"


def test_a_drop_of_the_fleet_lists_what_its_stations_do_not_say(world):
    stations = ("N-001", "N-002")
    world.raised(world.at(9), "fleet", rule="fleet-drop", code="offline", stations=stations)
    by = {"rule": "offline", "code": "offline", "inhibited_by": "fleet-drop@fleet"}
    for name in ("N-001", "N-002", "N-003"):
        world.raised(world.at(9, 30), name, **by)
    dark = by | {"rule": "site-dark", "code": "site-dark"}
    world.raised(world.at(9, 40), "site:north", **dark, stations=stations)
    world.raised(world.at(9, 40), "site:south", **dark, stations=("S-001",))
    world.raised(world.at(9, 50), "carrier:telco", **by)
    (ticket,) = world.tickets.values()
    assert ticket.listed == ("offline@N-003", "offline@carrier:telco", "site-dark@site:south")
    assert ticket.stations == ("N-001", "N-002", "N-003")
    assert world.notices == []


def test_a_controller_that_went_with_its_dark_site_stands_in_the_same_ticket(world):
    at = world.at(9)
    by = {"rule": "gateway-lost", "code": "gateway-lost", "inhibited_by": BY_SITE}
    world.happens(at, "raised", "site:north", **by)
    assert world.tickets == {}, "the dark site is not active yet"
    world.restarts()
    world.raised(at, "site:north", rule="site-dark", code="site-dark")
    (ticket,) = world.tickets.values()
    assert ticket.rules == ("gateway-lost", "site-dark")
    assert world.reasons == ["opened"]


def test_a_controller_that_is_lost_while_its_site_is_dark_joins_untold(world):
    world.raised(world.at(9), "site:north", rule="site-dark", code="site-dark")
    by = {"rule": "gateway-lost", "code": "gateway-lost", "inhibited_by": BY_SITE}
    world.raised(world.at(9, 5), "site:north", **by)
    assert world.tickets["T-1001"].rules == ("gateway-lost", "site-dark")
    assert world.reasons == ["opened"]


def test_who_was_told_of_the_controller_hears_nothing_new_when_the_site_is_dark(world):
    controller = {"rule": "gateway-lost", "code": "gateway-lost"}
    world.raised(world.at(9), "site:north", **controller)
    world.happens(world.at(9, 14), "raised", "site:north", rule="site-dark", code="site-dark")
    world.happens(
        world.at(9, 14), "inhibited", "site:north", **controller, inhibited_by=BY_SITE
    )
    world.passes(world.at(9, 14))
    assert world.reasons == ["opened"]
    world.cleared(world.at(10), "site:north", rule="site-dark", code="site-dark")
    world.cleared(world.at(10), "site:north", **controller)
    assert world.reasons == ["opened", "resolved"]


def test_another_fault_of_a_site_that_explains_nothing_is_told(world):
    world.raised(world.at(9), "site:north", rule="gateway-lost", code="gateway-lost")
    world.raised(world.at(9, 14), "site:north", rule="load-limit", code="load-limit")
    assert world.reasons == ["opened", "added"]
