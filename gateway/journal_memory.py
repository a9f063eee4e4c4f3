"""A journal in memory, for replay and tests: the same promises, but nothing survives."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain

from domain.journal import Entry, EntryKind
from domain.places import StationId

_FRAMES = (EntryKind.RECEIVED, EntryKind.SENT)


class MemoryJournal:
    """The `Journal` port over a list."""

    def __init__(self, *, not_below: int = 0) -> None:
        self._entries: list[Entry] = []
        self._last = not_below

    @property
    def last_position(self) -> int:
        """Position of the newest entry handed in; 0 for an empty journal."""
        return self._last

    def append(self, entries: Sequence[Entry]) -> None:
        """Store the entries, all or none."""
        last = self._last
        for entry in entries:
            if entry.position <= last:
                raise AssertionError(f"position {entry.position} after {last}: it must grow")
            last = entry.end
        self._entries += chain.from_iterable(entry.apart() for entry in entries)
        self._last = last

    def read(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries whose position is greater than `after`, in order."""
        index = bisect_right(self._entries, after, key=lambda entry: entry.position)
        while index < len(self._entries):
            yield self._entries[index]
            index += 1

    def frames(
        self, station: StationId, *, since: datetime | None = None, limit: int = 200
    ) -> list[Entry]:
        """Return a station's newest raw frames, oldest first, at most `limit`.

        With `since`, the oldest ones at or after that moment instead.
        """
        found = [e for e in self._entries if e.station == station and e.kind in _FRAMES]
        if since is not None:
            return [entry for entry in found if entry.at >= since][:limit]
        return found[-limit:] if limit > 0 else []
