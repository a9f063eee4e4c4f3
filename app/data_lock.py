"""The lock on a data directory: one core at a time, for two writers would spoil each other.

It is the system's, not a file's being there: whatever ends a process, its lock is gone.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

LOCK_FILE = "core.lock"


class DataBusyError(OSError):
    """Another core works on this data directory; the message says which."""


class DataLock:
    """Held from construction to `close`. Raises `DataBusyError`, and OSError."""

    def __init__(self, data: Path) -> None:
        self._handle = os.open(data / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise DataBusyError(
                f"another service works on {data}: end it, or name another folder with --data"
            ) from None
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let others in."""
        os.close(self._handle)
