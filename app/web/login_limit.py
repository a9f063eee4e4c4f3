"""How often a password may be tried: a count per name and address, pure, bounded."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

TRIES = 5
"""Failed tries within `WINDOW` after which a name from an address has to wait."""

WINDOW = timedelta(minutes=5)

TRIES_OF_ADDRESS = 30
"""Failed tries within `WINDOW` of one address, whatever the names."""

KEPT = 10_000
"""Names and addresses remembered; beyond that the longest unseen is forgotten."""


class LoginLimit:
    """Counts failed tries and says how long to wait."""

    def __init__(self) -> None:
        self._failed: OrderedDict[tuple[str, str], list[datetime]] = OrderedDict()

    def wait(self, name: str, address: str, now: datetime) -> timedelta | None:
        """Return how long this name from this address has to wait; None: it may try."""
        waits = [
            self._wait_of((name, address), TRIES, now),
            self._wait_of(("", address), TRIES_OF_ADDRESS, now),
        ]
        due = [wait for wait in waits if wait is not None]
        return max(due) if due else None

    def failed(self, name: str, address: str, now: datetime) -> None:
        """Count one wrong password."""
        for key in ((name, address), ("", address)):
            self._failed.setdefault(key, []).append(now)
            self._failed.move_to_end(key)
        while len(self._failed) > KEPT:
            self._failed.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of a name that got in."""
        self._failed.pop((name, address), None)

    def _wait_of(self, key: tuple[str, str], tries: int, now: datetime) -> timedelta | None:
        recent = [at for at in self._failed.get(key, []) if now - at < WINDOW]
        if not recent:
            self._failed.pop(key, None)
            return None
        self._failed[key] = recent[-tries:]
        if len(recent) < tries:
            return None
        return recent[-tries] + WINDOW - now
