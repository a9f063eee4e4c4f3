"""The clock: the one place that reads the time. Everybody else is handed it.

It decides nothing; it only makes sure that our time passes evenly, whatever is done to the
machine's wall clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

_moment_of = datetime.fromtimestamp

SLEW = 0.01
"""Share of the elapsed time by which we approach the wall clock (adjtime's order of size)."""


def _find_steady_seconds() -> Callable[[], float]:
    """Return what reads seconds that never run backwards and go on while we are suspended.

    CLOCK_BOOTTIME where there is one (Linux): CLOCK_MONOTONIC stands still in a suspend, and
    afterwards every moment we write down would be too early by that much.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    return time.monotonic


_steady_seconds = _find_steady_seconds()


class SystemClock:
    """The machine's time, made even: anchored to the monotonic clock, slewed to the wall clock.

    A jump of the wall clock (an operator, NTP after a long outage) neither fires every deadline
    at once nor holds them back: our time goes on at its pace and approaches the wall clock by
    at most `SLEW` of the time that passes. What is left shows in `drift_s`; a difference too
    large to wait for ends with a restart. For one thread: reading it moves its anchor.
    """

    def __init__(
        self,
        *,
        wall_s: Callable[[], float] = time.time,
        steady_s: Callable[[], float] = _steady_seconds,
    ) -> None:
        self._wall_s = wall_s
        self._steady_s = steady_s
        self._anchor_s = steady_s()
        self._ours_s = wall_s()
        self._drift_s = 0.0

    def now(self) -> datetime:
        """Return the present moment, aware, UTC; never less than it returned before."""
        # Comparisons instead of min() and max(): this is read once per message at least.
        steady = self._steady_s()
        elapsed = steady - self._anchor_s
        if elapsed > 0.0:
            self._anchor_s = steady
        else:
            elapsed = 0.0
        ours = self._ours_s + elapsed
        drift = self._wall_s() - ours
        most = SLEW * elapsed
        if drift > most:
            slew = most
        elif drift < -most:
            slew = -most
        else:
            slew = drift
        self._ours_s = ours = ours + slew
        self._drift_s = drift - slew
        return _moment_of(ours, UTC)

    def not_before(self, moment: datetime) -> None:
        """Never say less than `moment`: what is on disk may be ahead of the wall clock."""
        self._ours_s = max(self._ours_s, moment.timestamp())

    @property
    def drift_s(self) -> float:
        """Seconds by which the wall clock was ahead of ours at the last `now()`."""
        return self._drift_s


class TurnClock(SystemClock):
    """The machine's time, read once per turn of the event loop: a turn is one moment.

    Outside of a loop (before `follow`, after `leave`) every `now` is a reading of its own.
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _moment: datetime | None = None

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on one reading lasts until the loop's present turn ends."""
        self._loop = loop

    def leave(self) -> None:
        """Follow no loop any more."""
        self._loop = self._moment = None

    def now(self) -> datetime:
        """Return the moment of the present turn, aware, UTC; never less than before."""
        moment = self._moment
        if moment is None:
            moment = super().now()
            if self._loop is not None:
                self._moment = moment
                self._loop.call_soon(self._turn_over)
        return moment

    def not_before(self, moment: datetime) -> None:
        """Never say less than `moment`: what is on disk may be ahead of the wall clock."""
        super().not_before(moment)
        self._moment = None

    def _turn_over(self) -> None:
        self._moment = None


class ManualClock:
    """A clock that stands still until it is moved: for tests, replay and virtual time."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            message = "a moment needs a time zone"
            raise ValueError(message)
        self._now = at.astimezone(UTC)

    def now(self) -> datetime:
        """Return the moment it was set to, aware, UTC."""
        return self._now

    def set(self, at: datetime) -> None:
        """Move to `at`. ValueError for a moment before the present one."""
        if at < self._now:
            message = f"a clock does not run backwards: {at} is before {self._now}"
            raise ValueError(message)
        self._now = at.astimezone(UTC)

    def advance(self, by: timedelta) -> datetime:
        """Let `by` pass and return the new moment."""
        self.set(self._now + by)
        return self._now
