"""Quiet hours in the site's own time."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketing.quiet import QuietHours

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(BERLIN, time(21), time(7))


def local(hour, minute=0, day=5, month=1):
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        (local(20, 59), local(20, 59)),
        (local(21), local(7, day=6)),
        (local(23, 30), local(7, day=6)),
        (local(0), local(7)),
        (local(6, 59), local(7)),
        (local(7), local(7)),
        (local(22, day=28, month=3), local(7, day=29, month=3)),  # the clocks change in between
    ],
)
def test_the_end_of_the_quiet_hours_a_moment_lies_in(moment, end):
    assert NIGHT.end_after(moment.astimezone(UTC)) == end


def test_hours_within_one_day_and_none_at_all():
    noon = QuietHours(BERLIN, time(12), time(13))
    assert noon.end_after(local(12, 30)) == local(13)
    assert not noon.are_at(local(13))
    assert not QuietHours(BERLIN, time(7), time(7)).are_at(local(7))


@given(
    st.integers(0, 2 * 365 * 24 * 60).map(
        lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    )
)
def test_the_end_is_never_quiet_never_before_and_within_a_night(moment):
    end = NIGHT.end_after(moment)
    assert not NIGHT.are_at(end)
    assert moment <= end <= moment + timedelta(hours=11)
