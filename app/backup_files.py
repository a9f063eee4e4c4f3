"""What a backup is made of: a manifest with checksums, in a folder or a tar file.

Knows files and sums, not stores. Nothing appears under its final name before it is whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

import msgspec

from gateway.sqlite_files import sync_folder

MANIFEST = "manifest.json"
FORMAT = 1

_NAME = re.compile(r"^(journal/)?[A-Za-z0-9][A-Za-z0-9._-]*$")
_TAR_NAMES = re.compile(r"\.(tar|tar\.gz|tgz)$")
_OTHER_ARCHIVES = re.compile(r"\.(zip|7z|gz|bz2|xz|zst)$")
_OWNER_ONLY = 0o600


class BackupError(Exception):
    """A backup or restore that was not done; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FileRecord(msgspec.Struct, frozen=True):
    """One file of a backup. `name` is its path below the data directory."""

    name: str
    size: int
    blake2b: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds."""

    format: int = FORMAT
    made_at: datetime | None = None
    tickets_position: int = 0
    journal_position: int = 0
    files: tuple[FileRecord, ...] = ()
    notes: tuple[str, ...] = ()


class Sink(Protocol):
    """Where a backup is put together. Files are written below `room`, then taken in."""

    room: Path

    def take(self, name: str) -> None:
        """Take in the file `room / name`."""

    def finish(self) -> None:
        """Give the backup its final name, durably."""

    def abort(self) -> None:
        """Leave nothing behind."""


class FolderSink:
    """A backup that is a folder."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.room = _fresh_folder(target.with_name(f"{target.name}.part"))

    def take(self, name: str) -> None:
        """Nothing to do: the file is where it belongs."""

    def finish(self) -> None:
        """Give the folder its final name."""
        for folder in (*(path for path in self.room.iterdir() if path.is_dir()), self.room):
            sync_folder(folder)
        self.room.rename(self._target)
        sync_folder(self._target.parent)

    def abort(self) -> None:
        """Delete the unfinished folder."""
        shutil.rmtree(self.room, ignore_errors=True)


class TarSink:
    """A backup that is a tar file. At most one file is copied beside it at a time."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._part = target.with_name(f"{target.name}.part")
        self.room = _fresh_folder(target.with_name(f"{target.name}.staging"))
        self._file = os.fdopen(
            os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY), "w+b"
        )
        self._tar = _new_tar(self._file, is_zipped=target.suffix != ".tar")

    def take(self, name: str) -> None:
        """Move the file into the archive."""
        self._tar.add(self.room / name, arcname=name, recursive=False)
        (self.room / name).unlink()

    def finish(self) -> None:
        """Close the archive and give it its final name."""
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.rename(self._target)
        sync_folder(self._target.parent)
        shutil.rmtree(self.room, ignore_errors=True)

    def abort(self) -> None:
        """Delete the unfinished archive."""
        with suppress(OSError):  # a full disk refuses its end, too
            self._tar.close()
        self._file.close()
        self._part.unlink(missing_ok=True)
        shutil.rmtree(self.room, ignore_errors=True)


def open_sink(target: Path) -> Sink:
    """Begin a backup at a name that is not taken. Raises `BackupError` and OSError."""
    if target.exists():
        raise BackupError(f"{target} exists already: name a new one")
    is_tar = bool(_TAR_NAMES.search(target.name))
    if not is_tar and _OTHER_ARCHIVES.search(target.name):
        raise BackupError(f"{target}: expected a name in .tar, .tar.gz or .tgz, or a folder's")
    target.parent.mkdir(parents=True, exist_ok=True)
    return TarSink(target) if is_tar else FolderSink(target)


def record_of(room: Path, name: str) -> FileRecord:
    """Return name, size and checksum of a file, and let only its owner read it."""
    path = room / name
    path.chmod(_OWNER_ONLY)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, _blake2b).hexdigest()
        os.fsync(file.fileno())
    return FileRecord(name, path.stat().st_size, digest)


def unpack(source: Path, folder: Path) -> Manifest:
    """Copy a backup's files below `folder`, each compared with the manifest; return that.

    Raises `BackupError` where a file is missing, differs, or has no business there.
    """
    try:
        found = {name: _unpack_file(folder, name, file) for name, file in _contents(source)}
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BackupError(f"{source} cannot be read: {error}") from error
    if MANIFEST not in found:
        raise BackupError(f"{source} is no backup of ours: it holds no {MANIFEST}")
    manifest = _read_manifest(source, folder / MANIFEST)
    del found[MANIFEST]
    _compare(source, manifest, found)
    return manifest


def _unpack_file(folder: Path, name: str, content: IO[bytes]) -> FileRecord:
    if not _NAME.match(name):
        raise BackupError(f"the backup holds a file of a strange name: {name!r}")
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        shutil.copyfileobj(content, file, 1024 * 1024)
    return record_of(folder, name)


def _read_manifest(source: Path, path: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.MsgspecError as error:
        raise BackupError(f"{source}: its {MANIFEST} cannot be read: {error}") from error
    finally:
        path.unlink()
    if manifest.format > FORMAT:
        raise BackupError(f"{source} was made by a newer release: restore it with that one")
    return manifest


def _compare(source: Path, manifest: Manifest, found: dict[str, FileRecord]) -> None:
    for record in manifest.files:
        copy = found.pop(record.name, None)
        if copy is None:
            raise BackupError(f"{source}: {record.name} is missing")
        if copy != record:
            raise BackupError(f"{source}: {record.name} differs from what was backed up")
    if found:
        raise BackupError(f"{source}: {min(found)} is not in its {MANIFEST}")


def _contents(source: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the files of a backup with their names, one open at a time."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file():
                with path.open("rb") as file:
                    yield str(path.relative_to(source)), file
        return
    with tarfile.open(source, "r:*") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                raise BackupError(f"{source} holds {member.name!r}, which is no file")
            yield member.name, content


def _new_tar(file: IO[bytes], *, is_zipped: bool) -> tarfile.TarFile:
    # Closed by its sink, which lives longer than any block here.
    if is_zipped:
        return tarfile.open(fileobj=file, mode="w:gz", compresslevel=6)
    return tarfile.open(fileobj=file, mode="w")


def _fresh_folder(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def _blake2b() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=32)
