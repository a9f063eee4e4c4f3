"""The journal on disk: one SQLite file per UTC day, committed before anything is believed.

`append` returns once the entries are durable. It never stores half a batch, and after the disk
refused one it works again as soon as the disk does. Retention deletes files, never rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from math import inf
from pathlib import Path
from statistics import median
from time import perf_counter

import structlog

from domain.journal import Entry, JournalUnavailableError
from domain.places import StationId
from gateway.journal_blocks import OpenBlock, open_block
from gateway.journal_days import SCHEMA, StationNumbers, day_of, insert, micros_of
from gateway.journal_memory import MemoryJournal
from gateway.journal_reader import JournalReader, day_files, day_of_file
from gateway.journal_repair import FULL_CHECK_BYTES, damage_of, replace_damaged
from gateway.sqlite_files import checkpoint, is_damage, migrate, open_writer, sync_folder

__all__ = ["DayFileJournal", "JournalReader", "MemoryJournal"]

log = structlog.get_logger(__name__)

_PROBE_COMMITS = 7


class _Day:
    """The day file that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.day = day_of_file(path)
        self.connection = open_writer(path)
        try:
            migrate(self.connection, path, SCHEMA)
            self.numbers = StationNumbers(self.connection)
            self._block: OpenBlock | None = open_block(self.connection)
        except sqlite3.Error:
            self.connection.close()
            raise

    def append(self, entries: Sequence[Entry]) -> None:
        """Store a batch in one transaction, with a block where enough came together."""
        # Should the transaction fail, what the block then holds is read from the file again.
        block, self._block = self._block or open_block(self.connection), None
        is_committed = False
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            block.add(insert(self.connection, self.numbers, entries))
            if block.is_due:
                block.store(self.connection)
            self.connection.execute("COMMIT")
            is_committed = True
        finally:
            self.numbers.settle(is_committed=is_committed)
            if not is_committed and self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        self._block = OpenBlock() if block.is_due else block

    def close(self) -> None:
        """Cover the last entries with a block, empty the write-ahead log and close."""
        try:
            block = self._block or open_block(self.connection)
            if block.count:
                self.connection.execute("BEGIN IMMEDIATE")
                block.store(self.connection)
                self.connection.execute("COMMIT")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            # Nothing is lost: the entries are committed, only searched one by one.
            log.warning("journal file not tidied", path=str(self.path), reason=str(error))
        finally:
            self.connection.close()


class DayFileJournal:
    """The `Journal` port over files `YYYY-MM-DD.db` below `folder`; one writer at a time.

    Opening it checks the newest file, sets a damaged one aside and reads where the journal
    ends; it raises `JournalUnavailableError` where that cannot even be read, and
    `StoreTooNewError` for a file of a newer release. A disk that is full at start is met by
    the first append. `not_below` is a position known to have
    been given out (the ticket store's): none at or below it is given again.

    A batch goes into the file of its newest entry's day, whole; and never into a file older
    than the newest one, should the clock have been set back. So positions ascend over files.

    `append` may be called from a commit thread, reading from any thread.
    """

    def __init__(
        self,
        folder: Path,
        *,
        not_below: int = 0,
        full_check_bytes: int = FULL_CHECK_BYTES,
    ) -> None:
        self._folder = folder
        self._full_check_bytes = full_check_bytes
        self._today: _Day | None = None
        self._damage: str | None = None  # what an append found broken in the newest file
        self._warned_of: Path | None = None
        self._reader = JournalReader(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalUnavailableError(f"{folder}: {error}") from error
        try:
            self._open_newest()
            self.measured_commit_s = _measure_commit(folder)
        except (sqlite3.Error, OSError) as error:
            # A full disk is no reason to stay down: what is there can be read, and every
            # append tries again.
            log.error("journal not writable at start", folder=str(folder), reason=str(error))  # noqa: TRY400
            self.measured_commit_s = inf
        self._last = max(self._reader.last_position, not_below)

    measured_commit_s: float
    """Median of a few small commits at start, in seconds: above 0.001 use a commit thread.

    Infinite where the disk refused one."""

    @property
    def last_position(self) -> int:
        """Position of the newest entry handed in; 0 for an empty journal."""
        return self._last

    def append(self, entries: Sequence[Entry]) -> None:
        """Store the entries durably, all or none, before returning.

        Raises `JournalUnavailableError` where the disk refuses: nothing was stored then, and
        the same entries may be appended again.
        """
        if not entries:
            return
        _assert_ascending(self._last, entries)
        try:
            self._day_for(entries[-1]).append(entries)
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.Error) and is_damage(error):
                self._leave_damaged(str(error))
            raise JournalUnavailableError(str(error)) from error
        self._last = entries[-1].end

    def read(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries whose position is greater than `after`, in order."""
        return self._reader.read(after)

    def frames(
        self, station: StationId, *, since: datetime | None = None, limit: int = 200
    ) -> list[Entry]:
        """Return a station's newest raw frames, oldest first, at most `limit`.

        With `since`, the oldest ones at or after that moment instead.
        """
        return self._reader.frames(station, since=since, limit=limit)

    def drop_before(self, day: date) -> tuple[date, ...]:
        """Delete the files of the days before `day`, never the newest; return these days."""
        old = [path for path in day_files(self._folder)[:-1] if day_of_file(path) < day]
        return self._delete(old)

    def drop_over(self, max_bytes: int) -> tuple[date, ...]:
        """Delete oldest files, never the newest, until all take `max_bytes` or less."""
        paths = day_files(self._folder)
        sizes = {path: sum(part.stat().st_size for part in _parts(path)) for path in paths}
        total = sum(sizes.values())
        surplus: list[Path] = []
        for path in paths[:-1]:
            if total <= max_bytes:
                break
            surplus.append(path)
            total -= sizes[path]
        return self._delete(surplus)

    def compact(self) -> None:
        """Move the write-ahead log into the newest file, without holding an append up.

        Call it every few seconds from a worker thread: left alone the log grows to 16 MB and
        then one commit waits for the move.
        """
        for path in day_files(self._folder)[-1:]:
            try:
                checkpoint(path)
            except sqlite3.Error as error:
                log.warning("journal not compacted", path=str(path), reason=str(error))

    def close(self) -> None:
        """Tidy and close the file being written. Appending afterwards opens it again."""
        today, self._today = self._today, None
        if today is not None:
            today.close()

    def _open_newest(self) -> None:
        """Open the newest file that can be written to, setting damaged ones aside."""
        for path in day_files(self._folder)[-1:]:
            reason = self._damage or damage_of(path, full_check_bytes=self._full_check_bytes)
            if reason is not None:
                replace_damaged(path, reason)
                self._damage = None
            self._today = _Day(path)

    def _day_for(self, newest: Entry) -> _Day:
        day = day_of(micros_of(newest.at))
        if self._today is None:
            self._open_newest()
        if self._today is not None and day < self._today.day - timedelta(days=1):
            self._warn_of_clock(day, self._today)
        if self._today is None or day > self._today.day:
            fresh = _Day(self._folder / f"{day.isoformat()}.db")
            self.close()
            self._today = fresh
        return self._today

    def _warn_of_clock(self, day: date, newest: _Day) -> None:
        """Say once that a file lies in the future: retention waits until its day is over."""
        if self._warned_of != newest.path:
            self._warned_of = newest.path
            log.warning(
                "clock is behind the journal", day=day.isoformat(), file=str(newest.path)
            )

    def _leave_damaged(self, reason: str) -> None:
        """Drop the connection to a damaged file; the next append sets it aside."""
        self._damage = reason
        if self._today is not None:
            self._today.connection.close()
            self._today = None

    def _delete(self, paths: Sequence[Path]) -> tuple[date, ...]:
        days: list[date] = []
        for path in paths:
            for part in _parts(path):
                part.unlink(missing_ok=True)
            days.append(day_of_file(path))
            log.info("journal day deleted", day=days[-1].isoformat())
        if days:
            sync_folder(self._folder)
        return tuple(days)


def _parts(path: Path) -> list[Path]:
    """Return a day file with everything beside it: logs, copies, damaged ones."""
    return [part for part in path.parent.iterdir() if part.name.startswith(path.name)]


def _assert_ascending(last: int, entries: Sequence[Entry]) -> None:
    for entry in entries:
        if entry.position <= last:
            raise AssertionError(f"position {entry.position} after {last}: it must grow")
        last = entry.position if entry.answer is None else entry.position + 1


def _measure_commit(folder: Path) -> float:
    """Return the median seconds of a few real one-row commits in `folder`."""
    path = folder / "commit-probe.db"
    took: list[float] = []
    connection = open_writer(path)
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS probe (turn INTEGER)")
        for turn in range(_PROBE_COMMITS):
            began = perf_counter()
            connection.execute("INSERT INTO probe VALUES (?)", (turn,))
            took.append(perf_counter() - began)
    finally:
        connection.close()
        for part in _parts(path):
            part.unlink(missing_ok=True)
    return median(took)
