"""The journal's entries, and the port through which everything that happened is kept.

An entry is the raw frame, or one event that had no frame. Journal, `replay` logs and a restart
all read the same entries, so the same code runs over all three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Protocol

import msgspec

from domain.places import StationId


class EntryKind(IntEnum):
    """What an entry's body is. Numbers are stored: never renumber."""

    RECEIVED = 1  # a raw frame from a station
    SENT = 2  # a raw frame of ours
    FACT = 3  # one event of domain.events as JSON


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One line of the journal. `position` grows by one per entry and never repeats.

    `answer` is set only where a frame is handed in together with what we answered: the answer
    is an entry of its own, the next one, and comes back as one.
    """

    position: int
    at: datetime
    kind: EntryKind
    station: StationId | None
    body: bytes
    answer: bytes | None = None

    @property
    def end(self) -> int:
        """The position of the entry, or of its answer where it has one."""
        return self.position if self.answer is None else self.position + 1

    def apart(self) -> tuple[Entry, ...]:
        """Return the entry as it comes back: alone, or followed by its answer."""
        if self.answer is None:
            return (self,)
        call = Entry(self.position, self.at, self.kind, self.station, self.body)
        told = Entry(self.position + 1, self.at, EntryKind.SENT, self.station, self.answer)
        return call, told


class Journal(Protocol):
    """Where entries are kept before anything believes them."""

    @property
    def last_position(self) -> int:
        """Position of the newest entry handed in; 0 for an empty journal."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Store the entries durably, all or none, before returning.

        Raises `JournalUnavailableError` where the disk refuses: nothing was stored then.
        """

    def read(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries whose position is greater than `after`, in order."""

    def frames(
        self, station: StationId, *, since: datetime | None = None, limit: int = 200
    ) -> list[Entry]:
        """Return a station's newest raw frames, oldest first, at most `limit`.

        With `since`, the oldest ones at or after that moment instead.
        """


class JournalUnavailableError(Exception):
    """The journal could not be written; `reason` is what the store said."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
