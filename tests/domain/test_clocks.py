"""A station's clock is judged by what it writes, and believed in nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from domain.beliefs import Fleet
from domain.clocks import ClockBelief, judge_clock
from domain.events import Status, StatusReported, TransactionStarted
from domain.places import Place

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def judged(*moments):
    """Judge a clock by (seconds after noon, seconds it is ahead), one after the other."""
    clock = None
    for at_s, ahead_s in moments:
        observed_at = NOON + timedelta(seconds=at_s)
        clock = judge_clock(clock, observed_at + timedelta(seconds=ahead_s), observed_at)
    return clock


@pytest.mark.parametrize("ahead_s", [0, 30, 60, -60])
def test_a_minute_more_or_less_is_no_wrong_clock(ahead_s):
    assert not judged((0, ahead_s)).is_wrong


@pytest.mark.parametrize("ahead_s", [61, 7200, 36_000])
def test_a_moment_from_the_future_is_a_clock_that_is_ahead(ahead_s):
    # Quirks E3 and K4: local time called UTC.
    assert judged((0, ahead_s)) == ClockBelief(ahead_s)
    assert judged((0, ahead_s)).is_wrong


def test_one_old_moment_may_be_late_news():
    assert not judged((0, 0), (600, -10_800)).is_wrong


def test_a_backlog_is_late_news_however_long_it_is():
    backlog = [(second, -10_800 + 120 * second) for second in range(60)]
    assert not judged(*backlog).is_wrong


def test_several_connectors_that_name_their_last_change_are_late_news():
    # Quirk D10: the moment is that of the change, days ago, and it is told at every boot.
    assert not judged((0, -90_000), (1, -90_001), (2, -90_002), (90, -90_090)).is_wrong


@pytest.mark.parametrize("ahead_s", [-3600, -10_800, -1_767_600_000])
def test_a_lag_that_stays_while_moments_move_on_is_a_clock_that_is_behind(ahead_s):
    # Quirks E1 and E4: an hour behind, or 1970.
    clock = judged((0, ahead_s), (300, ahead_s - 2), (600, ahead_s + 3))
    assert clock.ahead_s == ahead_s + 3
    assert clock.is_wrong


def test_a_clock_that_was_set_is_right_with_the_next_moment():
    assert not judged((0, 7200), (300, 0)).is_wrong
    assert not judged((0, -3600), (300, -3600), (600, -3600), (900, 0)).is_wrong


STATUS = StatusReported(
    place=Place.of_station("N-1", 1), status=Status.AVAILABLE, observed_at=NOON
)
START = TransactionStarted(place=Place.of_station("N-1", 1), observed_at=NOON)


@pytest.mark.parametrize("event", [STATUS, START])
def test_what_is_believed_of_a_station_holds_its_clock(event):
    # Quirk D11: some never date a status, but all date a transaction.
    fleet = Fleet()
    fleet.apply(event)
    assert fleet.stations["N-1"].clock is None
    fleet.apply(structs.replace(event, reported_at=NOON + timedelta(hours=2)))
    clock = fleet.stations["N-1"].clock
    assert clock is not None
    assert clock.ahead_s == 7200
