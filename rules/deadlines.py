"""Deadlines in the order in which they fall due. Entries that were overtaken stay and are
recognised when they come up: a heap is cheaper to leave than to search.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime

TRACK = "track"
WINDOW = "window"
WINDOW_RANK = 9

IsValid = Callable[[str, str, datetime], bool]
"""Tells of a kind, a name and a moment whether that deadline still holds."""


class Deadlines:
    """A queue of (moment, rank, name, kind).

    Of deadlines at one moment the lower rank comes first: the wider place, so that it can speak
    for others. The rest of the order is by name, so that it is the same after a restart.
    """

    def __init__(self, is_valid: IsValid) -> None:
        self._heap: list[tuple[datetime, int, str, str]] = []
        self._is_valid = is_valid

    def add(self, at: datetime, rank: int, name: str, kind: str) -> None:
        """Add a deadline."""
        heapq.heappush(self._heap, (at, rank, name, kind))

    def is_any_due(self, now: datetime) -> bool:
        """Tell whether `due` may yield anything: cheap, for it is asked before every event."""
        heap = self._heap
        return bool(heap) and heap[0][0] <= now

    def due(self, now: datetime) -> Iterator[tuple[datetime, str, str]]:
        """Yield (moment, name, kind) up to and including `now`, those added meanwhile too."""
        while self._heap and self._heap[0][0] <= now:
            at, _, name, kind = heapq.heappop(self._heap)
            if self._is_valid(kind, name, at):
                yield at, name, kind

    @property
    def next_at(self) -> datetime | None:
        """The next deadline that still holds; None where nothing is due ever."""
        while self._heap:
            at, _, name, kind = self._heap[0]
            if self._is_valid(kind, name, at):
                return at
            heapq.heappop(self._heap)
        return None
