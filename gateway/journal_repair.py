"""Damaged day files: noticing them at start, setting them aside, saving what can be read.

A damaged file never stops the service: it is renamed to `NAME.corrupt-N`, the entries that can
still be read go into a fresh file of the same name, and the log says how many those were.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import structlog

from domain.journal import Entry
from gateway.journal_blocks import OpenBlock
from gateway.journal_days import SCHEMA, StationNumbers, insert, read_after, read_back
from gateway.sqlite_files import is_damage, migrate, open_reader, open_writer, sync_folder

log = structlog.get_logger(__name__)

FULL_CHECK_BYTES = 512 * 1024 * 1024
"""A file up to this size is checked whole at start, a larger one at its end only: a start must
not wait minutes for a check that reading does as well."""

TAIL_ENTRIES = 1000
"""So many of the newest entries are read at start where the whole file is not."""

_SALVAGE_BATCH = 1000
_BEHIND_ENTRIES = 100_000


def damage_of(path: Path, *, full_check_bytes: int = FULL_CHECK_BYTES) -> str | None:
    """Return what is broken in a day file, or None where nothing was found.

    Raises `sqlite3.Error` where the disk, and not the file, is at fault.
    """
    try:
        connection = open_reader(path)
        try:
            if path.stat().st_size <= full_check_bytes:
                answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
                return None if answer == "ok" else answer
            connection.execute(
                "SELECT sum(length(body)) FROM"
                " (SELECT body FROM entries ORDER BY position DESC LIMIT ?)",
                (TAIL_ENTRIES,),
            ).fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        if is_damage(error):
            return str(error)
        raise
    return None


def replace_damaged(path: Path, reason: str) -> Path:
    """Put a fresh file with what can be read in a damaged one's place; return where that is.

    Raises `sqlite3.Error` or OSError where the disk refuses the fresh file: the damaged one is
    still in its place then, and this may be called again.
    """
    fresh = path.with_name(f"{path.name}.salvage")
    for left in path.parent.glob(f"{fresh.name}*"):
        left.unlink()
    count = _salvage(path, fresh)
    aside = _set_aside(path)
    fresh.rename(path)
    sync_folder(path.parent)
    log.error(
        "journal file damaged, set aside",
        path=str(path),
        aside=str(aside),
        reason=reason,
        saved_count=count,
    )
    return aside


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _salvage(damaged: Path, path: Path) -> int:
    """Copy what can be read of a damaged file into a fresh one; return how many entries."""
    fresh = open_writer(path)
    try:
        migrate(fresh, path, SCHEMA)
        numbers = StationNumbers(fresh)
        saved = 0
        entries = _readable(damaged)
        while batch := list(islice(entries, _SALVAGE_BATCH)):
            fresh.execute("BEGIN IMMEDIATE")
            block = OpenBlock()
            block.add(insert(fresh, numbers, batch))
            block.store(fresh)
            fresh.execute("COMMIT")
            numbers.settle(is_committed=True)
            saved += len(batch)
    finally:
        fresh.close()
    return saved


def _readable(damaged: Path) -> Iterator[Entry]:
    """Yield the entries before the damage, then the newest ones behind it, in order."""
    last = 0
    try:
        connection = open_reader(damaged)
    except sqlite3.Error as error:
        log.warning("journal file cannot be opened", path=str(damaged), reason=str(error))
        return
    try:
        for entry in _until_damage(read_after(connection, 0)):
            last = entry.position
            yield entry
        behind = list(_until_damage(read_back(connection, last, limit=_BEHIND_ENTRIES)))
    finally:
        connection.close()
    yield from reversed(behind)


def _until_damage(entries: Iterator[Entry]) -> Iterator[Entry]:
    try:
        yield from entries
    except (sqlite3.Error, ValueError) as error:  # ValueError: a kind or moment that cannot be
        log.warning("journal file readable up to here", reason=str(error))
