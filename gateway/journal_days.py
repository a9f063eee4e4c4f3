"""One day's journal file: its schema, and reading and writing entries in it.

Frames are found by station through blocks: for every few thousand entries one row per station
lists where its frames are. A plain index on the station would rewrite one page per entry and
made the journal two to three times slower; blocks are only ever appended.

A call and the answer that follows it are two entries in one row: a row costs more than what is
in it. Files of the first schema, which has a row for each, are read as they are.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import chain

from domain.journal import Entry, EntryKind
from domain.places import StationId
from gateway.journal_blocks import Row, newest_block
from gateway.sqlite_files import version_of

SCHEMA: tuple[str, ...] = (
    """
    CREATE TABLE stations (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE entries (
        position INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        station INTEGER,
        body BLOB NOT NULL
    );
    CREATE TABLE blocks (
        last INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        newest_at INTEGER NOT NULL
    );
    CREATE TABLE block_frames (
        block INTEGER NOT NULL,
        station INTEGER NOT NULL,
        offsets BLOB NOT NULL,
        PRIMARY KEY (block, station)
    ) WITHOUT ROWID;
    """,
    # What we answered to the frame in `body`: the entry after it, of the same moment.
    "ALTER TABLE entries ADD COLUMN answer BLOB",
)
"""Step n leads from schema version n to n + 1 (see `gateway.sqlite_files.migrate`)."""

CHUNK_ENTRIES = 2000
"""So many entries are fetched at a time: a long read never holds the log back."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US

_ROWS_AT_ONCE = 32  # one statement for so many takes a sixth off the work per row
_INSERT = (
    "INSERT INTO entries (position, at, kind, station, body, answer) VALUES (?, ?, ?, ?, ?, ?)"
)
_INSERT_SOME = _INSERT + ", (?, ?, ?, ?, ?, ?)" * (_ROWS_AT_ONCE - 1)
_ANSWERS_FROM = 2  # the schema version that has answers beside their calls
_JOINED = "entries e LEFT JOIN stations s ON s.id = e.station"
_IS_FRAME = f"e.kind IN ({EntryKind.RECEIVED:d}, {EntryKind.SENT:d})"

_Named = tuple[int, int, int, str | None, bytes, bytes | None]


def micros_of(at: datetime) -> int:
    """Return microseconds since 1970 in UTC, exactly."""
    gone = at - _EPOCH
    return (gone.days * 86_400 + gone.seconds) * _SECOND_US + gone.microseconds


def moment_of(micros: int) -> datetime:
    """Return the moment that many microseconds after 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def day_of(micros: int) -> date:
    """Return the UTC day a moment falls on."""
    return date.fromordinal(_EPOCH.toordinal() + micros // _DAY_US)


class StationNumbers:
    """The numbers one file gives its stations. New ones are kept only once committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._known: dict[str, int] = {
            name: number for number, name in connection.execute("SELECT id, name FROM stations")
        }
        self._fresh: dict[str, int] = {}

    def number(self, station: str) -> int:
        """Return the station's number, giving it one where it has none."""
        number = self._known.get(station)
        if number is None:
            number = self._known[station] = len(self._known) + 1
            self._fresh[station] = number
        return number

    def store(self, connection: sqlite3.Connection) -> None:
        """Write the numbers given since the last commit, inside the caller's transaction."""
        if self._fresh:
            connection.executemany(
                "INSERT INTO stations (name, id) VALUES (?, ?)", self._fresh.items()
            )

    def settle(self, *, is_committed: bool) -> None:
        """Keep the new numbers, or forget them with the transaction that failed."""
        if not is_committed:
            for name in self._fresh:
                del self._known[name]
        self._fresh = {}


def insert(
    connection: sqlite3.Connection, numbers: StationNumbers, entries: Sequence[Entry]
) -> list[Row]:
    """Insert entries, inside the caller's transaction; return them as the table has them."""
    rows = _rows(numbers, entries)
    numbers.store(connection)
    whole = len(rows) - len(rows) % _ROWS_AT_ONCE
    for start in range(0, whole, _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        connection.execute(_INSERT_SOME, list(chain.from_iterable(some)))
    if whole < len(rows):
        connection.executemany(_INSERT, rows[whole:])
    return rows


def _rows(numbers: StationNumbers, entries: Sequence[Entry]) -> list[Row]:
    """Return the rows for entries; an answer stands in the row of its call."""
    number = numbers.number
    rows: list[Row] = []
    at: datetime | None = None
    micros = 0
    for entry in entries:
        if entry.at is not at:  # entries of one turn of the loop share their moment
            at = entry.at
            micros = micros_of(at)
        station = entry.station
        known = None if station is None else number(station)
        # What sqlite3 takes as it is: an enum's number, and even bytes, it first looks up among
        # its adapters, at the cost of an exception each; copied into a bytearray it does not.
        kind, body = 0 + entry.kind, bytearray(entry.body)
        answer = None if entry.answer is None else bytearray(entry.answer)
        rows.append((entry.position, micros, kind, known, body, answer))
    return rows


def newest_position(connection: sqlite3.Connection) -> int:
    """Return the position of the file's newest entry; 0 where it has none."""
    newest = connection.execute(
        f"SELECT position, {_answer_in(connection)} FROM entries e"  # noqa: S608 - constants
        " ORDER BY position DESC LIMIT 1"
    ).fetchone()
    return 0 if newest is None else int(newest[0]) + (newest[1] is not None)


def read_after(connection: sqlite3.Connection, after: int) -> Iterator[Entry]:
    """Yield the file's entries after a position, chunk by chunk; sees what comes meanwhile."""
    columns = _columns(connection)
    while True:
        rows: list[_Named] = []
        damage: sqlite3.Error | None = None
        try:
            for row in connection.execute(
                # From `after` itself on: its answer is the entry behind it.
                f"SELECT {columns} FROM {_JOINED} WHERE e.position >= ?"  # noqa: S608
                " ORDER BY e.position LIMIT ?",
                (after, CHUNK_ENTRIES),
            ):
                rows.append(row)  # noqa: PERF402 - an error must not lose the rows before it
        except sqlite3.Error as error:
            damage = error
        for row in rows:
            for entry in _entries(row):
                if entry.position > after:
                    after = entry.position
                    yield entry
        if damage is not None:
            raise damage
        if len(rows) < CHUNK_ENTRIES:
            return


def read_at(connection: sqlite3.Connection, positions: Collection[int]) -> Iterator[Entry]:
    """Yield those of the file's entries that stand at these positions, in order."""
    wanted = set(positions)
    # An answer stands in the row of its call, one position before it.
    rows = sorted(wanted | {position - 1 for position in wanted})
    marks = ", ".join("?" * len(rows))
    for row in connection.execute(
        f"SELECT {_columns(connection)} FROM {_JOINED}"  # noqa: S608 - constants and marks
        f" WHERE e.position IN ({marks}) ORDER BY e.position",
        rows,
    ):
        yield from (entry for entry in _entries(row) if entry.position in wanted)


def read_back(connection: sqlite3.Connection, after: int, *, limit: int) -> Iterator[Entry]:
    """Yield the file's newest entries, newest first, down to a position: `limit` rows."""
    rows = connection.execute(
        f"SELECT {_columns(connection)} FROM {_JOINED}"  # noqa: S608 - constants
        " WHERE e.position >= ? ORDER BY e.position DESC LIMIT ?",
        (after, limit),
    )
    for row in rows:
        for entry in reversed(_entries(row)):
            if entry.position > after:
                yield entry


def newest_frames(
    connection: sqlite3.Connection, station: StationId, *, limit: int
) -> list[Entry]:
    """Return a station's newest frames in this file, newest first, at most `limit`."""
    number = _number_of(connection, station)
    if number is None or limit <= 0:
        return []
    rows = connection.execute(
        f"SELECT {_columns(connection)} FROM {_JOINED}"  # noqa: S608 - constants
        f" WHERE e.position > ? AND e.station = ? AND {_IS_FRAME}"
        " ORDER BY e.position DESC LIMIT ?",
        (newest_block(connection), number, limit),
    ).fetchall()
    found = [entry for row in rows for entry in reversed(_entries(row))]
    blocks = connection.execute(
        "SELECT b.first, f.offsets FROM blocks b CROSS JOIN block_frames f"
        " ON f.block = b.last AND f.station = ? ORDER BY b.last DESC",
        (number,),
    )
    for first, packed in blocks:
        missing = limit - len(found)
        if missing <= 0:
            break
        listed = [first + offset for offset in array("I", packed)[-missing:]]
        found += reversed(_at_positions(connection, listed))
    return found[:limit]


def oldest_frames(
    connection: sqlite3.Connection, station: StationId, *, since: datetime, limit: int
) -> list[Entry]:
    """Return a station's oldest frames at or after a moment in this file, oldest first."""
    number = _number_of(connection, station)
    if number is None or limit <= 0:
        return []
    micros = micros_of(since)
    covered = newest_block(connection)
    found: list[Entry] = []
    blocks = connection.execute(
        "SELECT b.first, f.offsets FROM blocks b CROSS JOIN block_frames f"
        " ON f.block = b.last AND f.station = ? WHERE b.newest_at >= ? ORDER BY b.last",
        (number, micros),
    )
    for first, packed in blocks:
        listed = _at_positions(connection, [first + offset for offset in array("I", packed)])
        found += [entry for entry in listed if entry.at >= since]
        if len(found) >= limit:
            return found[:limit]
    rows = connection.execute(
        f"SELECT {_columns(connection)} FROM {_JOINED}"  # noqa: S608 - constants
        f" WHERE e.position > ? AND e.station = ? AND e.at >= ? AND {_IS_FRAME}"
        " ORDER BY e.position LIMIT ?",
        (covered, number, micros, limit - len(found)),
    ).fetchall()
    found += [entry for row in rows for entry in _entries(row)]
    return found[:limit]


def _at_positions(connection: sqlite3.Connection, positions: Sequence[int]) -> list[Entry]:
    columns = _columns(connection)
    query = f"SELECT {columns} FROM {_JOINED} WHERE e.position = ?"  # noqa: S608 - constants
    rows = (connection.execute(query, (position,)).fetchone() for position in positions)
    return [entry for row in rows if row is not None for entry in _entries(row)]


def _columns(connection: sqlite3.Connection) -> str:
    return f"e.position, e.at, e.kind, s.name, e.body, {_answer_in(connection)}"


def _answer_in(connection: sqlite3.Connection) -> str:
    """Name the answer's column; days before the present one keep the schema they have."""
    return "e.answer" if version_of(connection) >= _ANSWERS_FROM else "NULL"


def _number_of(connection: sqlite3.Connection, station: StationId) -> int | None:
    found = connection.execute("SELECT id FROM stations WHERE name = ?", (station,)).fetchone()
    return None if found is None else int(found[0])


def _entries(row: _Named) -> tuple[Entry, ...]:
    """Return what a row holds: one entry, or a call and its answer."""
    position, micros, kind, name, body, answer = row
    station = None if name is None else StationId(name)
    return Entry(position, moment_of(micros), EntryKind(kind), station, body, answer).apart()
