"""An allowance: so many at once, then one every so often, counted per key. Pure.

The generic cell rate algorithm (ITU-T I.371): one number per key says it all, and a key that
used nothing for long takes no memory.
"""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")

MAX_KEYS = 50_000
"""Keys remembered; beyond it the one that was used longest ago starts afresh."""


class Allowance(Generic[K]):
    """Lets `burst` through at once and one more every `every_s` seconds, for each key.

    `now_s` is any clock that only goes forward, in seconds.
    """

    __slots__ = ("_every_s", "_full_at", "_max_keys", "_slack_s")

    def __init__(self, burst: int, every_s: float, max_keys: int = MAX_KEYS) -> None:
        self._every_s = every_s
        self._slack_s = (burst - 1) * every_s
        self._max_keys = max_keys
        # When a key's allowance will be whole again; the key used last stands last.
        self._full_at: dict[K, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def wait_s(self, key: K, now_s: float) -> float:
        """Return how long until `take` says yes, in seconds; 0.0 where it would now."""
        return max(0.0, self._full_at.get(key, now_s) - self._slack_s - now_s)

    def take(self, key: K, now_s: float) -> float:
        """Take one and return 0.0; where none is left, take nothing and return the wait."""
        wait_s = self.wait_s(key, now_s)
        if wait_s > 0:
            return wait_s
        full_at = max(self._full_at.pop(key, now_s), now_s) + self._every_s
        self._full_at[key] = full_at
        if len(self._full_at) > self._max_keys:
            del self._full_at[next(iter(self._full_at))]
        return 0.0
