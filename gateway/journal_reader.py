"""Reading a folder of day files, from any process, while another one writes them.

Nothing in here writes, and damage in one file never hides the others: what can be read is
returned, and the rest is said in the log.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import structlog

from domain.journal import Entry, JournalUnavailableError
from domain.places import StationId
from domain.stores import StoreTooNewError
from gateway.journal_days import (
    SCHEMA,
    day_of,
    micros_of,
    newest_frames,
    newest_position,
    oldest_frames,
    read_after,
    read_at,
)
from gateway.sqlite_files import is_damage, open_reader, version_of

log = structlog.get_logger(__name__)

_DAY_FILE = re.compile(r"^\d{4}-\d{2}-\d{2}\.db$")


def day_files(folder: Path) -> list[Path]:
    """Return the folder's day files, oldest first. Positions ascend in the same order."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _DAY_FILE.match(path.name))


def day_of_file(path: Path) -> date:
    """Return the day a day file is named after: none of its entries is of a later day."""
    return date.fromisoformat(path.name[:10])


class JournalReader:
    """Reads the journal below `folder` read-only; sees new entries and files as they come.

    Methods raise `JournalUnavailableError` where the disk refuses, and `StoreTooNewError` for
    a file of a newer release. A damaged file gives what can be read of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def last_position(self) -> int:
        """Position of the newest stored entry; 0 for an empty journal."""
        for path in reversed(day_files(self._folder)):
            with _open_day(path) as file:
                position = newest_position(file) if file is not None else 0
                if position:
                    return position
        return 0

    def read(self, after: int = 0) -> Iterator[Entry]:
        """Yield the entries whose position is greater than `after`, in order.

        Entries stored while reading are yielded too, where they are there in time.
        """
        done: set[str] = set()
        while True:
            paths = [path for path in day_files(self._folder) if path.name not in done]
            if not paths:
                return
            for path in paths:
                done.add(path.name)
                with _open_day(path) as file:
                    for entry in read_after(file, after) if file is not None else ():
                        after = entry.position
                        yield entry

    def at(self, positions: Collection[int]) -> dict[int, Entry]:
        """Return the entries at these positions (some hundreds at most), where still there."""
        missing = {position for position in positions if position > 0}
        found: dict[int, Entry] = {}
        for path in reversed(day_files(self._folder)):
            if not missing:
                break
            with _open_day(path) as file:
                for entry in read_at(file, missing) if file is not None else ():
                    found[entry.position] = entry
                    missing.discard(entry.position)
        return found

    def frames(
        self, station: StationId, *, since: datetime | None = None, limit: int = 200
    ) -> list[Entry]:
        """Return a station's newest raw frames, oldest first, at most `limit`.

        With `since`, the oldest ones at or after that moment instead.
        """
        if since is not None:
            return self._oldest(station, since, limit)
        newest_first: list[Entry] = []
        for path in reversed(day_files(self._folder)):
            missing = limit - len(newest_first)
            if missing <= 0:
                break
            with _open_day(path) as file:
                if file is not None:
                    file.execute("BEGIN")  # blocks and the entries behind them: one moment
                    newest_first += newest_frames(file, station, limit=missing)
        return newest_first[::-1]

    def _oldest(self, station: StationId, since: datetime, limit: int) -> list[Entry]:
        first_day = day_of(micros_of(since))
        found: list[Entry] = []
        for path in day_files(self._folder):
            missing = limit - len(found)
            if missing <= 0:
                break
            if day_of_file(path) < first_day:
                continue
            with _open_day(path) as file:
                if file is not None:
                    file.execute("BEGIN")
                    found += oldest_frames(file, station, since=since, limit=missing)
        return found


@contextmanager
def _open_day(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Open one day file for reading; None where there is nothing of ours in it (yet).

    The `with` over it ends early at damage, or where retention deleted the file meanwhile.
    """
    connection: sqlite3.Connection | None = None
    version = 0
    try:
        connection = open_reader(path)
        version = version_of(connection)
    except sqlite3.Error as error:
        _tolerate(path, error)
    try:
        if version > len(SCHEMA):
            raise StoreTooNewError(str(path), found=str(version), known=str(len(SCHEMA)))
        yield connection if version else None
    except sqlite3.Error as error:
        _tolerate(path, error)
    finally:
        if connection is not None:
            connection.close()


def _tolerate(path: Path, error: sqlite3.Error) -> None:
    """Log what is wrong with one file alone; raise what is wrong with the disk."""
    if is_damage(error):
        log.error("journal file damaged", path=str(path), reason=str(error))
    elif path.exists():
        raise JournalUnavailableError(f"{path}: {error}") from error
    else:
        log.info("journal file gone while reading", path=str(path))
