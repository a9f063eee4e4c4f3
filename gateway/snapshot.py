"""The snapshot: one value on disk, whole or not at all, with the one before it kept.

A snapshot only shortens a restart. Whatever is wrong with it is logged and answered with the
previous one or with None; the journal holds everything it would have saved reading.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from struct import Struct

import structlog

from gateway.sqlite_files import sync_folder

log = structlog.get_logger(__name__)

FORMAT = 1
"""Version of what the payload means. Raise it with every change that old payloads break on."""

_MAGIC = b"FORETELL"
_HEADER = Struct("<8sIQ32s")  # magic, format, length of the payload, its BLAKE2b


def write_snapshot(path: Path, payload: bytes, *, version: int = FORMAT) -> None:
    """Replace the snapshot at `path` durably; the one before becomes `NAME.previous`.

    A crash at any moment leaves a whole snapshot behind. Raises `OSError` where the disk
    refuses; the snapshots that were there stay.
    """
    part = _beside(path, ".part")
    header = _HEADER.pack(_MAGIC, version, len(payload), _checksum(payload))
    try:
        with part.open("wb") as file:
            file.write(header)
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
    if path.exists():
        path.replace(_beside(path, ".previous"))
    part.replace(path)
    sync_folder(path.parent)


def read_snapshot(path: Path, *, version: int = FORMAT) -> bytes | None:
    """Return the newest whole payload of this format; None where there is none.

    Never raises for what is in the files: a torn, foreign or older one is logged and passed by.
    """
    for candidate in (path, _beside(path, ".previous")):
        try:
            content = candidate.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("snapshot not readable", path=str(candidate), reason=str(error))
            continue
        reason = _defect(content, version)
        if reason is None:
            return content[_HEADER.size :]
        log.warning("snapshot passed by", path=str(candidate), reason=reason)
    return None


def _defect(content: bytes, version: int) -> str | None:
    """Return why a file's content is not a snapshot of this format, or None."""
    if len(content) < _HEADER.size:
        return "shorter than its header"
    magic, found, length, checksum = _HEADER.unpack_from(content)
    if magic != _MAGIC:
        return "not a snapshot"
    if found != version:
        return f"format {found}, wanted {version}"
    payload = content[_HEADER.size :]
    if len(payload) != length:
        return f"{len(payload)} bytes of {length}"
    if _checksum(payload) != checksum:
        return "checksum differs"
    return None


def _checksum(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=32).digest()


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
