"""Where the link's socket is: at its path, or behind a pointer file where that is too long."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from pathlib import Path

from app.link_wire import LinkBusyError

PATH_LIMIT = 100
"""Bytes of a Unix socket's path that work everywhere (macOS takes 104, Linux 108)."""


def _is_short(path: Path) -> bool:
    return len(os.fsencode(path)) <= PATH_LIMIT


def resolve(path: Path) -> Path:
    """Return the socket behind `path`: itself, or what the pointer file there names."""
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return Path(path.read_text("utf-8").strip())
    except OSError:
        return path
    return path


def _is_answering(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def bind(path: Path) -> tuple[socket.socket, Path]:
    """Bind a socket for `path`, readable by this user only; return it and where it is."""
    old = resolve(path)
    if old.exists() and _is_short(old) and _is_answering(old):
        raise LinkBusyError(f"another core is listening on {path}")
    old.unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    place = path
    if not _is_short(path):
        place = Path(tempfile.mkdtemp(prefix="foretell-")) / "link"
        path.touch(mode=0o600)
        path.write_text(str(place), "utf-8")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(place))
        # Nobody can connect before listen(), so there is no moment with wider rights.
        place.chmod(0o600)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock, place
