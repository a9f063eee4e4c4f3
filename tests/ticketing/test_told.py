"""The told-first rate, case by case."""

from datetime import timedelta

from domain.events import ContactMade
from domain.faults import Severity
from domain.places import CustomerId, StationId
from ticketing.told import told_first_rate


def contact(at, station="N-001", customer="acme"):
    return ContactMade(
        observed_at=at,
        customer=CustomerId(customer),
        channel="phone",
        station=StationId(station),
    )


def test_without_notice_and_contact_there_is_no_rate(world):
    assert told_first_rate([]) is None
    world.raised(world.at(9), "N-001/1", severity=Severity.MINOR)
    assert told_first_rate(world.tickets.values()) is None


def test_a_notice_nobody_called_about_counts_as_told_first(world):
    world.raised(world.at(9), "N-001/1")
    assert told_first_rate(world.tickets.values()) == 1.0


def test_half_told_first(world):
    world.raised(world.at(9), "N-001/1")
    world.calls(world.at(10), station=StationId("S-001"))
    assert told_first_rate(world.tickets.values()) == 0.5


def test_a_call_up_to_two_hours_before_the_fault_was_seen_counts_as_before(world):
    world.raised(world.at(9), "N-001/1")  # seen at 08:58
    tickets = list(world.tickets.values())
    seen_at = world.at(8, 58)
    early = contact(seen_at - timedelta(hours=2))
    assert told_first_rate(tickets, [early]) == 0.0
    assert told_first_rate(tickets, [contact(seen_at - timedelta(hours=2, seconds=1))]) == 1.0


def test_calls_about_other_stations_or_of_other_customers_do_not_count(world):
    world.raised(world.at(9), "N-001/1")
    tickets = list(world.tickets.values())
    calls = [contact(world.at(8, 59), "N-002"), contact(world.at(8, 59), customer="other")]
    assert told_first_rate(tickets, calls) == 1.0


def test_a_call_at_the_very_moment_of_the_notice_was_not_after_it(world):
    world.raised(world.at(9), "N-001/1")
    assert told_first_rate(world.tickets.values(), [contact(world.at(9))]) == 0.0
