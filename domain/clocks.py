"""What we hold true about a station's clock, judged by the moments it writes. Pure.

Our clock decides everything; theirs is kept, shown, and called wrong where it is (quirks E1 to
E4, K4). A moment from the future can only come from a clock that is ahead. One from the past
may be late news as well, out of a backlog or the time of the last change: only a lag that stays
the same while the station's moments move on is its clock's.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

WRONG_FROM = timedelta(seconds=60)
"""Difference from which a clock is wrong: below it are networks and rounding."""

LATE_COUNT = 3
"""Moments of one lag, each later than the one before, that make it the clock's."""


class ClockBelief(msgspec.Struct, frozen=True, gc=False):
    """A station's clock. `ahead_s` is None until something told it; negative: it is behind.

    The rest is a lag that may yet turn out to be the clock's: how large, how often seen, and
    the last moment that showed it.
    """

    ahead_s: float | None = None
    lag_s: float = 0.0
    lag_count: int = 0
    lagging_at: datetime | None = None

    @property
    def is_wrong(self) -> bool:
        """Tell whether the clock is known to be off by more than `WRONG_FROM`."""
        return self.ahead_s is not None and abs(self.ahead_s) > WRONG_FROM.total_seconds()


def judge_clock(
    clock: ClockBelief | None, reported_at: datetime, observed_at: datetime
) -> ClockBelief:
    """Return what a moment that a station wrote says about its clock."""
    ahead = reported_at - observed_at
    if ahead >= -WRONG_FROM:
        return ClockBelief(ahead.total_seconds())
    lag_s = -ahead.total_seconds()
    before = clock or ClockBelief()
    last_at = before.lagging_at
    if last_at is None or abs(lag_s - before.lag_s) > WRONG_FROM.total_seconds():
        return ClockBelief(before.ahead_s, lag_s, 1, reported_at)
    if reported_at - last_at < WRONG_FROM:
        return before  # the same moment again, or a burst of them: nothing new
    count = min(before.lag_count + 1, LATE_COUNT)
    known = -lag_s if count == LATE_COUNT else before.ahead_s
    return ClockBelief(known, lag_s, count, reported_at)
