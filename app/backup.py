"""Copying every store while the service runs, and putting a copy back.

Order makes a copy consistent: the snapshot first, then the tickets, the journal last. So the
journal holds at least everything the tickets have applied, and the snapshot is not ahead of
them; a start from the copy replays the rest, as after a crash.
"""

from __future__ import annotations

import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from app.access import ACCESS_FILE, SECRET_FILE
from app.backup_files import (
    MANIFEST,
    BackupError,
    FileRecord,
    Manifest,
    Sink,
    open_sink,
    record_of,
    unpack,
)
from app.token_store import TOKENS_FILE
from domain.stores import StoreUnavailableError
from gateway.journal_days import newest_position
from gateway.journal_reader import day_files
from gateway.sqlite_files import copy_database, is_damage, open_reader, sync_folder
from ticketing.store import TicketReader

__all__ = ["BackupError", "BackupReport", "backup", "restore"]

log = structlog.get_logger(__name__)

TICKETS_FILE = "tickets.db"
JOURNAL_FOLDER = "journal"

_PLAIN = (
    "snapshot",
    "snapshot.previous",
    SECRET_FILE,
    "foretell.toml",
    "fleet.yaml",
    "words.yaml",
)
_DATABASES = (TICKETS_FILE, ACCESS_FILE, TOKENS_FILE, "telemetry.db")
_STAGING = ".restoring"


class BackupReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup or a restore did.

    `notes` are sentences for a person: what was damaged, or is not as it should be.
    """

    place: str
    file_count: int
    size_bytes: int
    tickets_position: int
    journal_position: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{self.place}: {self.file_count} files, {self.size_bytes / 1e6:.1f} MB,"
            f" journal up to {self.journal_position}, tickets up to {self.tickets_position}"
        ]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def backup(data_dir: Path, target: Path, *, at: datetime | None = None) -> BackupReport:
    """Copy all stores of `data_dir` to `target`, also while the service writes them.

    `target` is a folder or a file named `.tar`, `.tar.gz` or `.tgz`; nothing may be there yet.
    It appears under its name only once it is whole. It holds the signing key and everything
    customers and stations said: only its owner may read it. `at` is noted in the manifest.
    Raises `BackupError`.
    """
    if not (data_dir / TICKETS_FILE).exists():
        raise BackupError(f"{data_dir} holds no {TICKETS_FILE}: nothing to back up")
    try:
        sink = open_sink(target)
        try:
            manifest = _copy_all(data_dir, sink, at)
            sink.finish()
        except BaseException:
            sink.abort()
            raise
    except (OSError, sqlite3.Error, StoreUnavailableError) as error:
        raise BackupError(f"backup to {target} failed: {error}") from error
    report = _report(target, manifest)
    log.info("backup made", place=str(target), files=report.file_count)
    return report


def restore(source: Path, data_dir: Path) -> BackupReport:
    """Put a backup's stores into `data_dir`, which must be empty or not there.

    Every file is compared with the manifest before the first one appears under its name.
    Raises `BackupError`; `data_dir` is as empty as before then.
    """
    if not source.exists():
        raise BackupError(f"{source}: there is no such backup")
    if data_dir.exists() and (not data_dir.is_dir() or any(data_dir.iterdir())):
        raise BackupError(f"{data_dir} is not empty: restore into a new data directory")
    staging = data_dir / _STAGING
    try:
        staging.mkdir(parents=True, mode=0o700)
        try:
            manifest = unpack(source, staging)
            for path in sorted(staging.iterdir()):
                path.rename(data_dir / path.name)
        finally:
            shutil.rmtree(staging)
        sync_folder(data_dir)
    except OSError as error:
        raise BackupError(f"restore to {data_dir} failed: {error}") from error
    report = _report(data_dir, manifest)
    log.info("backup restored", place=str(data_dir), files=report.file_count)
    return report


class _Copying:
    """One backup being made."""

    def __init__(self, data_dir: Path, sink: Sink) -> None:
        self._data_dir = data_dir
        self._sink = sink
        self.files: list[FileRecord] = []
        self.notes: list[str] = []

    def plain(self, name: str) -> None:
        """Copy a file that is only ever replaced whole; one that is not there is left out."""
        try:
            shutil.copyfile(self._data_dir / name, self._sink.room / name)
        except FileNotFoundError:
            return
        self._take(name)

    def database(self, name: str) -> int:
        """Copy a database as of one moment; return the position it reached.

        One that is not there is left out. A damaged one is copied as it is, with a note.
        """
        source, copy = self._data_dir / name, self._sink.room / name
        copy.parent.mkdir(exist_ok=True)
        position = 0
        try:
            connection = open_reader(source)
            try:
                copy_database(connection, copy)
            finally:
                connection.close()
            position = _position_in(copy)
        except sqlite3.Error as error:
            if not source.exists():
                return 0
            if not is_damage(error):
                raise
            self.notes.append(f"{name} is damaged and was copied as it is: {error}")
            shutil.copyfile(source, copy)
        self._take(name)
        return position

    def _take(self, name: str) -> None:
        self.files.append(record_of(self._sink.room, name))
        self._sink.take(name)


def _copy_all(data_dir: Path, sink: Sink, at: datetime | None) -> Manifest:
    copying = _Copying(data_dir, sink)
    for name in _PLAIN:
        copying.plain(name)
    tickets_position = max(copying.database(name) for name in _DATABASES)
    journal_position = 0
    for path in day_files(data_dir / JOURNAL_FOLDER):
        reached = copying.database(f"{JOURNAL_FOLDER}/{path.name}")
        journal_position = max(journal_position, reached)
    if journal_position < tickets_position:
        copying.notes.append(
            f"the journal ends at {journal_position}, before the tickets at {tickets_position}:"
            " part of it was lost before this backup"
        )
    manifest = Manifest(
        made_at=at,
        tickets_position=tickets_position,
        journal_position=journal_position,
        files=tuple(copying.files),
        notes=tuple(copying.notes),
    )
    (sink.room / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    record_of(sink.room, MANIFEST)  # on the disk, and for its owner only
    sink.take(MANIFEST)
    return manifest


def _position_in(copy: Path) -> int:
    """Return the journal position a copied store reached; 0 where it knows none."""
    if copy.name == TICKETS_FILE:
        reader = TicketReader(copy)
        try:
            return reader.position()
        finally:
            reader.close()
    if copy.parent.name != JOURNAL_FOLDER:
        return 0
    connection = open_reader(copy)
    try:
        return newest_position(connection)
    finally:
        connection.close()


def _report(place: Path, manifest: Manifest) -> BackupReport:
    return BackupReport(
        place=str(place),
        file_count=len(manifest.files),
        size_bytes=sum(record.size for record in manifest.files),
        tickets_position=manifest.tickets_position,
        journal_position=manifest.journal_position,
        notes=manifest.notes,
    )
