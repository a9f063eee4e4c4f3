"""The simulator's sense of time: alarms in order, driven by a real or a virtual clock.

Seconds count from the start of the run. Nothing in here sleeps or reads a system clock; the
live run (`live.py`) and the tests decide how time passes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count


class Alarm:
    """One act that is due at a moment, unless it is cancelled before."""

    __slots__ = ("act", "at_s")

    def __init__(self, at_s: float, act: Callable[[], None]) -> None:
        self.at_s = at_s
        self.act: Callable[[], None] | None = act

    def cancel(self) -> None:
        """Make the alarm do nothing. Harmless when it has rung or was cancelled already."""
        self.act = None


class Timeline:
    """Alarms in the order of their moments; equal moments ring in the order they were set."""

    def __init__(self, read_s: Callable[[], float], origin: datetime) -> None:
        """`read_s` gives the seconds since the start; `origin` is the start by the calendar."""
        self._read_s = read_s
        self._origin = origin
        self._heap: list[tuple[float, int, Alarm]] = []
        self._numbers = count()
        self.on_earlier: Callable[[float], None] | None = None
        """Told the moment of a new alarm that is due before every other."""

    @property
    def now_s(self) -> float:
        """Seconds since the start of the run."""
        return self._read_s()

    @property
    def wall(self) -> datetime:
        """The moment by the calendar, aware, UTC."""
        return self._origin + timedelta(seconds=self.now_s)

    @property
    def next_s(self) -> float | None:
        """When the next alarm is due; None when none is set."""
        while self._heap and self._heap[0][2].act is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def at(self, at_s: float, act: Callable[[], None]) -> Alarm:
        """Have `act` done at a moment; a moment in the past means as soon as possible."""
        alarm = Alarm(at_s, act)
        is_first = not self._heap or at_s < self._heap[0][0]
        heapq.heappush(self._heap, (at_s, next(self._numbers), alarm))
        if is_first and self.on_earlier is not None:
            self.on_earlier(at_s)
        return alarm

    def after(self, delay_s: float, act: Callable[[], None]) -> Alarm:
        """Have `act` done once `delay_s` seconds have passed."""
        return self.at(self.now_s + delay_s, act)

    def ring_next(self, until_s: float) -> float | None:
        """Ring the next alarm due by `until_s`; returns its moment, None if there is none."""
        due_s = self.next_s
        if due_s is None or due_s > until_s:
            return None
        alarm = heapq.heappop(self._heap)[2]
        act, alarm.act = alarm.act, None
        if act is not None:
            act()
        return due_s


class VirtualTimeline(Timeline):
    """A timeline whose clock stands still until it is told to run."""

    def __init__(self, origin: datetime) -> None:
        self._now_s = 0.0
        super().__init__(lambda: self._now_s, origin)

    def run_until(self, until_s: float) -> None:
        """Let time pass up to a moment; every alarm rings at exactly its own."""
        while (due_s := self.next_s) is not None and due_s <= until_s:
            self._now_s = max(self._now_s, due_s)
            self.ring_next(until_s)
        self._now_s = max(self._now_s, until_s)
