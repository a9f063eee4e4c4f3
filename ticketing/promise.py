"""Promises: when a reader hears from us next, by the severity of their ticket.

Business days are Monday to Friday without the holidays that are passed in.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.faults import Severity

MORNING = time(11)
AFTERNOON = time(16)
CRITICAL_AHEAD = timedelta(hours=2)
"""A promise for a critical ticket is at least this far away."""
MINOR_AFTER = timedelta(days=7)


def next_update_at(
    severity: Severity,
    now: datetime,
    zone: ZoneInfo,
    holidays: AbstractSet[date] = frozenset(),
) -> datetime:
    """Return when the next update is promised, in UTC and later than `now`.

    Critical: the next 11:00 or 16:00 of a business day that is at least two hours away. Major:
    16:00 of the next business day. Minor and below: 16:00 one week later. Local time of `zone`.
    """
    today = now.astimezone(zone).date()
    if severity is Severity.CRITICAL:
        return _next_critical(today, now, zone, holidays)
    if severity is Severity.MAJOR:
        return _moment(_business_day_after(today, holidays), AFTERNOON, zone)
    return _moment(today + MINOR_AFTER, AFTERNOON, zone)


def _next_critical(
    today: date, now: datetime, zone: ZoneInfo, holidays: AbstractSet[date]
) -> datetime:
    day = today if _is_business(today, holidays) else _business_day_after(today, holidays)
    while True:
        for clock in (MORNING, AFTERNOON):
            moment = _moment(day, clock, zone)
            if moment - now >= CRITICAL_AHEAD:
                return moment
        day = _business_day_after(day, holidays)


def _business_day_after(day: date, holidays: AbstractSet[date]) -> date:
    day += timedelta(days=1)
    while not _is_business(day, holidays):
        day += timedelta(days=1)
    return day


def _is_business(day: date, holidays: AbstractSet[date]) -> bool:
    return day.weekday() < 5 and day not in holidays


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
