from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import SLEW, ManualClock, SystemClock, TurnClock

START_S = 1_767_600_000.0  # 2026-01-05T08:00:00Z


class Readings:
    """A wall clock and a steady clock, moved by hand."""

    def __init__(self) -> None:
        self.wall = START_S
        self.steady = 1_000.0

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def readings() -> Readings:
    return Readings()


@pytest.fixture
def clock(readings: Readings) -> SystemClock:
    return SystemClock(wall_s=lambda: readings.wall, steady_s=lambda: readings.steady)


def seconds_since_start(clock: SystemClock) -> float:
    return clock.now().timestamp() - START_S


def test_it_starts_at_the_wall_clock_in_utc(clock: SystemClock) -> None:
    assert clock.now() == datetime.fromtimestamp(START_S, UTC)
    assert clock.now().tzinfo is UTC


def test_it_follows_a_wall_clock_that_behaves(clock: SystemClock, readings: Readings) -> None:
    readings.pass_time(3_600)
    assert seconds_since_start(clock) == pytest.approx(3_600, abs=1e-5)
    assert clock.drift_s == pytest.approx(0, abs=1e-5)


def test_a_jump_ahead_does_not_make_hours_pass(clock: SystemClock, readings: Readings) -> None:
    readings.wall += 7_200
    readings.pass_time(10)
    assert seconds_since_start(clock) == pytest.approx(10 * (1 + SLEW), abs=1e-5)
    assert clock.drift_s == pytest.approx(7_200 - 0.1, abs=1e-5)


def test_a_jump_back_does_not_stop_time(clock: SystemClock, readings: Readings) -> None:
    readings.wall -= 7_200
    readings.pass_time(10)
    assert seconds_since_start(clock) == pytest.approx(10 * (1 - SLEW), abs=1e-5)
    assert clock.drift_s == pytest.approx(-7_200 + 0.1, abs=1e-5)


def test_a_small_difference_is_gone_after_a_while(
    clock: SystemClock, readings: Readings
) -> None:
    readings.wall += 0.5
    for _ in range(60):
        readings.pass_time(1)
        clock.now()
    assert clock.drift_s == pytest.approx(0, abs=1e-5)
    assert clock.now().timestamp() == pytest.approx(readings.wall, abs=1e-5)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1_000),  # time that passes
            st.floats(-100_000, 100_000),  # what somebody does to the wall clock
        ),
        max_size=30,
    )
)
def test_it_never_runs_backwards_and_never_strays_more_than_the_slew(
    steps: list[tuple[float, float]],
) -> None:
    readings = Readings()
    clock = SystemClock(wall_s=lambda: readings.wall, steady_s=lambda: readings.steady)
    before = clock.now()
    for elapsed, jump in steps:
        readings.pass_time(elapsed)
        readings.wall += jump
        now = clock.now()
        assert now >= before
        passed = (now - before).total_seconds()
        assert abs(passed - elapsed) <= SLEW * elapsed + 1e-5
        before = now


def test_after_a_restart_it_goes_on_from_where_it_was_and_slews_back(
    clock: SystemClock, readings: Readings
) -> None:
    ahead = datetime.fromtimestamp(START_S + 100, UTC)
    clock.not_before(ahead)
    assert clock.now() >= ahead
    readings.pass_time(1_000)
    assert seconds_since_start(clock) == pytest.approx(100 + 1_000 * (1 - SLEW), abs=1e-5)
    clock.not_before(ahead)  # a moment that has passed changes nothing
    assert seconds_since_start(clock) == pytest.approx(1_090, abs=1e-5)


def test_the_real_one_moves_and_is_close_to_the_wall_clock() -> None:
    clock = SystemClock()
    first = clock.now()
    assert clock.now() >= first
    assert abs((datetime.now(UTC) - first).total_seconds()) < 5


def test_a_manual_clock_moves_only_when_told_and_only_ahead() -> None:
    at = datetime(2026, 1, 5, 8, tzinfo=UTC)
    clock = ManualClock(at)
    assert clock.now() == at
    assert clock.advance(timedelta(minutes=5)) == at + timedelta(minutes=5) == clock.now()
    with pytest.raises(ValueError, match="backwards"):
        clock.set(at)
    with pytest.raises(ValueError, match="time zone"):
        ManualClock(datetime(2026, 1, 5, 8))  # noqa: DTZ001 - the mistake under test


# --- one reading per turn of the loop -----------------------------------------------------


def turn_clock(readings: Readings) -> TurnClock:
    return TurnClock(wall_s=lambda: readings.wall, steady_s=lambda: readings.steady)


async def test_a_turn_of_the_loop_is_one_moment_and_the_next_turn_another(
    readings: Readings,
) -> None:
    clock = turn_clock(readings)
    clock.follow(asyncio.get_running_loop())

    first = clock.now()
    readings.pass_time(0.25)
    assert clock.now() is first

    await asyncio.sleep(0)
    assert clock.now() - first == timedelta(seconds=0.25)


async def test_without_a_loop_every_reading_is_its_own(readings: Readings) -> None:
    clock = turn_clock(readings)
    before = clock.now()
    readings.pass_time(1)
    assert clock.now() - before == timedelta(seconds=1)

    clock.follow(asyncio.get_running_loop())
    in_turn = clock.now()
    clock.leave()
    readings.pass_time(1)
    assert clock.now() - in_turn == timedelta(seconds=1)


async def test_a_turn_is_never_before_what_is_on_disk(readings: Readings) -> None:
    clock = turn_clock(readings)
    clock.follow(asyncio.get_running_loop())
    ahead = clock.now() + timedelta(minutes=1)

    clock.not_before(ahead)

    assert clock.now() >= ahead
