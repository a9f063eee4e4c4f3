"""Opening SQLite files the way our stores need them: durable, versioned, one writer.

Every file is in WAL mode with synchronous=FULL: a commit that returned is on the disk. The
schema version is the file's `user_version`. Nothing in here knows what a table means.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

import structlog

from domain.stores import StoreTooNewError

log = structlog.get_logger(__name__)

PAGE_BYTES = 8192
"""Measured: a third faster than SQLite's 4096 with rows of 1.4 KB, as fast with small ones."""

CHECKPOINT_PAGES = 2000
"""A commit moves the log into the file by itself only past 16 MB; `compact` does it before."""

WAL_LIMIT_BYTES = 64 * 1024 * 1024
"""What the write-ahead log is cut back to after it was larger."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether SQLite says that the file itself is broken, not the disk or the moment."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in _DAMAGE


def open_writer(path: Path) -> sqlite3.Connection:
    """Open or create a file for its one writer. Transactions are begun and ended by hand.

    The connection may be used from any one thread at a time (a commit thread). Raises
    `sqlite3.Error`.
    """
    is_new = not path.exists()
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES:d}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA busy_timeout=5000")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES:d}")
        connection.execute(f"PRAGMA journal_size_limit={WAL_LIMIT_BYTES:d}")
    except sqlite3.Error:
        connection.close()
        raise
    if is_new:
        sync_folder(path.parent)  # the name itself must survive a power cut
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open an existing file read-only, also while another process writes it.

    Raises `sqlite3.OperationalError` where there is no such file.
    """
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout=5000")
    return connection


def checkpoint(path: Path) -> None:
    """Move a file's write-ahead log into it, as far as readers allow, without blocking writers.

    Raises `sqlite3.Error`, also where there is no such file.
    """
    uri = f"file:{quote(str(path.absolute()))}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        connection.close()


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version of a file; 0 for a file without any table of ours."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, path: Path, steps: tuple[str, ...]) -> None:
    """Bring a file to schema version `len(steps)`; `steps[n]` leads from version n to n + 1.

    A file that already held something is copied to `NAME.bak-vN` first. All steps are one
    transaction. Raises `StoreTooNewError` without touching a file of a newer release, and
    `sqlite3.Error` where the disk refuses.
    """
    found, known = version_of(connection), len(steps)
    if found == known:
        return
    if found > known:
        raise StoreTooNewError(str(path), found=str(found), known=str(known))
    if found > 0:
        copy = path.with_name(f"{path.name}.bak-v{found}")
        copy_database(connection, copy)
        log.info("store copied before migration", path=str(path), copy=str(copy))
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[found:]:
            for statement in step.split(";"):
                if statement.strip():
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version={known:d}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        connection.execute("ROLLBACK")
        raise
    if found > 0:
        log.info("store migrated", path=str(path), version=known, before=found)


def copy_database(connection: sqlite3.Connection, target: Path) -> None:
    """Copy a database as of one moment into a new single file, durably, under writers too.

    The copy appears under its name only when it is whole. Raises `sqlite3.Error` or `OSError`.
    """
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    copy = sqlite3.connect(part, isolation_level=None)
    try:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    except sqlite3.Error:
        copy.close()
        part.unlink(missing_ok=True)
        raise
    copy.close()
    with part.open("rb+") as handle:
        os.fsync(handle.fileno())
    part.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make created, renamed and deleted names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
