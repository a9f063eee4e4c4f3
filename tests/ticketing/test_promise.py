"""When the next update is promised. January 5 2026 is a Monday; Berlin is UTC+1 then."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.faults import Severity
from ticketing.promise import next_update_at

BERLIN = ZoneInfo("Europe/Berlin")


def local(day, hour, minute=0, month=1):
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (local(5, 8), local(5, 11)),
        (local(5, 9), local(5, 11)),  # exactly two hours away
        (local(5, 9, 1), local(5, 16)),
        (local(5, 14), local(5, 16)),
        (local(5, 14, 1), local(6, 11)),
        (local(9, 15), local(12, 11)),  # Friday afternoon -> Monday
        (local(10, 3), local(12, 11)),  # Saturday
        (local(5, 3), local(5, 11)),
    ],
)
def test_critical_is_promised_for_eleven_or_four_on_a_business_day(now, then):
    assert next_update_at(Severity.CRITICAL, now, BERLIN) == then


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (local(5, 9), local(6, 16)),
        (local(5, 23, 30), local(6, 16)),
        (local(9, 9), local(12, 16)),
        (local(11, 9), local(12, 16)),
    ],
)
def test_major_is_promised_for_four_on_the_next_business_day(now, then):
    assert next_update_at(Severity.MAJOR, now, BERLIN) == then


def test_minor_is_promised_for_four_a_week_later():
    assert next_update_at(Severity.MINOR, local(5, 9), BERLIN) == local(12, 16)


def test_holidays_are_no_business_days():
    holidays = {date(2026, 1, 6)}
    assert next_update_at(Severity.MAJOR, local(5, 9), BERLIN, holidays) == local(7, 16)
    assert next_update_at(Severity.CRITICAL, local(6, 8), BERLIN, holidays) == local(7, 11)


def test_four_in_the_afternoon_stays_four_when_the_clocks_change():
    friday = local(27, 9, month=3)  # summer time begins on Sunday, March 29
    assert next_update_at(Severity.MAJOR, friday, BERLIN) == local(30, 16, month=3)
    assert next_update_at(Severity.MAJOR, friday, BERLIN).astimezone(UTC).hour == 14


@given(
    now=st.integers(0, 6 * 365 * 24 * 60).map(
        lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    severity=st.sampled_from(Severity),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"]),
)
def test_a_promise_is_always_ahead_and_never_far(now, severity, zone):
    then = next_update_at(severity, now, ZoneInfo(zone))
    assert now < then <= now + timedelta(days=9)
    if severity is Severity.CRITICAL:
        assert then - now >= timedelta(hours=2)
    if severity in (Severity.CRITICAL, Severity.MAJOR):
        assert then.astimezone(ZoneInfo(zone)).weekday() < 5
