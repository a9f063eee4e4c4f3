"""The block that is being filled: where the frames since the last block are, by station.

It is kept in memory while entries are written, so that no entry is read back to be listed.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterable

from domain.journal import EntryKind

BLOCK_ENTRIES = 4096
"""So many entries at most are without a block, and searched one by one."""

MAX_OFFSET = 2**32 - 1

_LAST_FRAME_KIND = EntryKind.SENT  # RECEIVED and SENT are frames, whatever comes after is not

Row = tuple[int, int, int, int | None, bytes | bytearray, bytes | bytearray | None]
"""An entry as it stands in its table: position, moment, kind, station's number, body, and the
body of the entry after it where that one is the answer to this one."""


class OpenBlock:
    """Entries that no stored block covers yet. `store` inside a transaction ends it."""

    __slots__ = ("_first", "_frames", "_last", "_newest_at", "count")

    def __init__(self) -> None:
        self._frames: defaultdict[int, list[int]] = defaultdict(list)
        self._first = self._last = self._newest_at = 0
        self.count = 0

    @property
    def is_due(self) -> bool:
        """Whether enough entries came together."""
        return self.count >= BLOCK_ENTRIES

    def add(self, rows: Iterable[Row]) -> None:
        """Note rows, in the order of their positions."""
        frames, last_kind, newest_at = self._frames, int(_LAST_FRAME_KIND), self._newest_at
        position = self._last
        count = 0
        for position, at, kind, station, _, _ in rows:
            if not count:
                self._first = self._first or position
            count += 1
            if at > newest_at:
                newest_at = at
            if kind <= last_kind and station is not None:
                frames[station].append(position)
        self._last, self._newest_at = position, newest_at
        self.count += count

    def store(self, connection: sqlite3.Connection) -> None:
        """Write the block, inside the caller's transaction; nothing where it is empty.

        Nothing either where the positions have a gap that no offset can span: these entries
        stay to be searched one by one.
        """
        first, last = self._first, self._last
        if not self.count or last - first > MAX_OFFSET:
            return
        connection.execute(
            "INSERT INTO blocks VALUES (?, ?, ?)", (last, first, self._newest_at)
        )
        connection.executemany(
            "INSERT INTO block_frames VALUES (?, ?, ?)",
            [
                (last, station, array("I", [at - first for at in positions]).tobytes())
                for station, positions in sorted(self._frames.items())
            ],
        )


def open_block(connection: sqlite3.Connection) -> OpenBlock:
    """Return the block of a file's entries that none covers yet."""
    block = OpenBlock()
    block.add(
        connection.execute(
            "SELECT position, at, kind, station, x'', NULL FROM entries WHERE position > ?"
            " ORDER BY position",
            (newest_block(connection),),
        )
    )
    return block


def newest_block(connection: sqlite3.Connection) -> int:
    """Return the newest position that a block covers; 0 where there is none."""
    return connection.execute("SELECT max(last) FROM blocks").fetchone()[0] or 0
