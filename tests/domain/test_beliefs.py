"""Beliefs: what a fleet is taken to be after what was heard of it."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.beliefs import Fleet, Link, is_usable
from domain.events import (
    Booted,
    CommandAnswered,
    Connected,
    DeafnessEnded,
    DeafnessNoticed,
    Disconnected,
    Heard,
    HeartbeatAgreed,
    PingsStopped,
    ProtocolLearned,
    QueueBlocked,
    QueueMovedOn,
    ServiceStarted,
    ServiceStopped,
    Status,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from domain.places import Place

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
EVSE = Place.of_station("N-1", 1)


def after(minutes):
    return NOON + timedelta(minutes=minutes)


def believed(*events):
    """Return what is believed of N-1 after these events."""
    fleet = Fleet()
    for event in events:
        fleet.apply(event)
    return fleet.stations["N-1"]


def connected(minutes):
    return Connected(observed_at=after(minutes), station="N-1", protocol="ocpp1.6")


def disconnected(minutes):
    return Disconnected(observed_at=after(minutes), station="N-1", code=1006)


def status(minutes, word):
    return StatusReported(observed_at=after(minutes), place=EVSE, status=word)


def test_signs_of_life_told_late_do_not_turn_the_last_word_back():
    late = Heard(observed_at=after(2), station="N-1", first_at=after(0), last_at=after(0))
    belief = believed(connected(0), status(1, Status.AVAILABLE), late)
    assert belief.last_heard_at == after(1)


def test_signs_of_life_alone_are_heard_at_the_last_of_them():
    heard = Heard(observed_at=after(2), station="N-1", first_at=after(0), last_at=after(1))
    assert believed(heard).last_heard_at == after(1)


def test_an_answer_to_our_own_command_given_up_is_no_sign_of_life():
    gone = CommandAnswered(
        observed_at=after(5), station="N-1", action="Reset", outcome="timeout", answer=""
    )
    assert believed(connected(0), gone).last_heard_at == after(0)


@pytest.mark.parametrize(
    ("events", "link", "lost_at"),
    [
        ([connected(0)], Link.UP, None),
        ([connected(0), disconnected(1)], Link.LOST, after(1)),
        ([disconnected(1)], Link.NEVER, None),
        ([connected(0), ServiceStopped(observed_at=after(1))], Link.UNKNOWN, after(1)),
        ([connected(0), ServiceStarted(observed_at=after(1))], Link.UNKNOWN, after(1)),
        (
            [connected(0), disconnected(1), ServiceStopped(observed_at=after(2))],
            Link.LOST,
            after(1),
        ),
        (
            [connected(0), ServiceStopped(observed_at=after(1)), disconnected(2)],
            Link.UNKNOWN,
            after(1),
        ),
    ],
)
def test_a_link_is_what_we_can_know_of_it(events, link, lost_at):
    belief = believed(*events)
    assert (belief.link, belief.lost_at) == (link, lost_at)


def test_the_interval_is_the_one_that_was_agreed():
    agreed = HeartbeatAgreed(observed_at=NOON, station="N-1", every_s=60.0)
    assert believed(connected(0)).heartbeat_s == 300.0
    assert believed(connected(0), agreed).heartbeat_s == 60.0


@pytest.mark.parametrize(("ended_wh", "charged_at"), [(1_050.0, None), (1_100.0, after(30))])
def test_a_transaction_counts_as_a_charge_from_a_little_energy_on(ended_wh, charged_at):
    began = TransactionStarted(observed_at=NOON, place=EVSE, transaction="7", meter_wh=1_000.0)
    ended = TransactionEnded(
        observed_at=after(30), place=EVSE, transaction="7", meter_wh=ended_wh
    )
    belief = believed(began, ended)
    assert belief.charged_at.get(1) == charged_at
    assert belief.transactions == {}


def test_a_transaction_whose_end_was_never_told_is_over_when_its_place_is_free():
    began = TransactionStarted(observed_at=NOON, place=EVSE, transaction="7")
    assert believed(began, status(5, Status.AVAILABLE)).transactions == {}


@pytest.mark.parametrize(
    ("whole", "evse", "usable"),
    [
        (None, Status.CHARGING, True),
        (Status.AVAILABLE, Status.AVAILABLE, True),
        (Status.AVAILABLE, Status.FAULTED, False),
        (Status.UNAVAILABLE, Status.AVAILABLE, False),
        (Status.FAULTED, Status.AVAILABLE, False),
        (None, Status.UNKNOWN, None),
    ],
)
def test_an_evse_is_usable_if_it_and_its_station_say_so(whole, evse, usable):
    said = [] if whole is None else [(Place.of_station("N-1"), whole)]
    statuses = [
        StatusReported(observed_at=NOON, place=place, status=word)
        for place, word in [*said, (EVSE, evse)]
    ]
    assert is_usable(believed(connected(0), *statuses), 1) is usable
    assert is_usable(believed(connected(0), *statuses, disconnected(1)), 1) is None


def test_a_deaf_station_is_deaf_until_it_answers_or_comes_anew():
    deaf = DeafnessNoticed(
        observed_at=after(5), station="N-1", unanswered_count=2, since_at=after(4)
    )
    assert believed(connected(0), deaf).deaf_since == after(4)
    answered = DeafnessEnded(observed_at=after(6), station="N-1")
    assert believed(connected(0), deaf, answered).deaf_since is None
    assert believed(connected(0), deaf, connected(7)).deaf_since is None


def test_a_blocked_queue_is_blocked_until_it_moves_on_whatever_the_connection_does():
    blocked = QueueBlocked(
        observed_at=after(5),
        station="N-1",
        action="StopTransaction",
        count=5,
        first_at=after(3),
    )
    belief = believed(connected(0), blocked, disconnected(6), connected(7))
    assert (belief.blocked_since, belief.blocked_by) == (after(3), "StopTransaction")
    moved = QueueMovedOn(observed_at=after(8), station="N-1", action="StopTransaction")
    belief = believed(connected(0), blocked, moved)
    assert (belief.blocked_since, belief.blocked_by) == (None, "")


def test_a_protocol_that_was_assumed_is_corrected():
    learned = ProtocolLearned(observed_at=after(1), station="N-1", protocol="ocpp2.0.1")
    assert believed(connected(0), learned).protocol == "ocpp2.0.1"


def test_a_transaction_that_goes_on_is_running_whoever_saw_its_begin():
    updated = TransactionUpdated(
        observed_at=after(1), place=EVSE, transaction="TX", charging_state="SuspendedEV"
    )
    belief = believed(updated)
    assert (belief.transactions, belief.charging_state) == ({1: "TX"}, {1: "SuspendedEV"})
    ended = TransactionEnded(observed_at=after(2), place=EVSE, transaction="TX")
    belief = believed(updated, ended)
    assert (belief.transactions, belief.charging_state) == ({}, {})
    belief = believed(updated, status(2, Status.AVAILABLE))
    assert (belief.transactions, belief.charging_state) == ({}, {})


def test_a_transaction_that_goes_on_nowhere_in_particular_runs_nowhere():
    updated = TransactionUpdated(
        observed_at=after(1), place=Place.of_station("N-1", 0), transaction="TX"
    )
    assert believed(updated).transactions == {}


def test_a_station_that_cannot_stand_pings_is_known_until_its_firmware_is_another() -> None:
    fleet = Fleet()

    def boot(minutes: int, firmware: str) -> None:
        at = after(minutes)
        fleet.apply(Booted(observed_at=at, station="N-1", model="M", firmware=firmware))

    boot(0, "1")
    fleet.apply(PingsStopped(observed_at=after(1), station="N-1"))
    belief = fleet.stations["N-1"]
    assert belief.is_unpinged
    assert belief.last_heard_at == after(0)
    boot(2, "1")
    assert belief.is_unpinged
    boot(3, "2")
    assert not belief.is_unpinged
