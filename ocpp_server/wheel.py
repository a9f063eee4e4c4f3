"""One timer for all connections: a wheel of ticks, turned by its owner.

Ten thousand connections have pings, settle times and timeouts pending; a task or a timer of
the event loop for each would cost more memory than the connection itself. Nothing here reads a
clock: whoever owns the wheel turns it once per tick.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Action = Callable[[], None]


class Wheel:
    """Actions by the tick at which they are due. There is no cancelling: actions that have
    lost their reason find that out themselves when they run.
    """

    __slots__ = ("_slots", "_tick", "_tick_s")

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self._tick = 0
        self._slots: dict[int, list[Action]] = {}

    def after(self, delay_s: float, action: Action) -> None:
        """Have `action` run after at least `delay_s` seconds, to the next tick."""
        # The present tick has partly passed: one more keeps "at least" true.
        due = self._tick + 1 + max(0, math.ceil(delay_s / self._tick_s))
        self._slots.setdefault(due, []).append(action)

    def turn(self) -> list[Action]:
        """Move on by one tick and return the actions now due, in the order they were set."""
        self._tick += 1
        return self._slots.pop(self._tick, [])
