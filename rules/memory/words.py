"""Memory of vendor words that wait for a person to classify them: how far each has spread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

MOST_WORDS = 2_000
"""Words that are counted; the one that was said least lately makes room."""

MOST_STATIONS = 50
MOST_SAMPLES = 5

_TOLD_AT = frozenset({2, 5, 10, 20, 50})
"""So many stations, or times, are news to whoever will classify it; then every 100 times."""
_TIMES_STEP = 100


class WordSeen(msgspec.Struct):
    """Where and how often a word became part of an active fault."""

    first_at: datetime
    last_at: datetime
    times: int = 0
    stations: list[str] = []
    samples: list[int] = []  # journal positions: of the first few stations

    @property
    def is_full(self) -> bool:
        """Whether there may be more stations than are named."""
        return len(self.stations) >= MOST_STATIONS

    def count(self, station: str, evidence: Sequence[int], at: datetime) -> bool:
        """Count one more; tell whether that is news."""
        self.times += 1
        self.last_at = at
        is_new = station not in self.stations and not self.is_full
        if is_new:
            self.stations.append(station)
            if len(self.samples) < MOST_SAMPLES and evidence:
                self.samples.append(evidence[-1])
        is_round = self.times in _TOLD_AT or self.times % _TIMES_STEP == 0
        return is_round or (is_new and len(self.stations) in _TOLD_AT)


def seen_word(words: dict[str, WordSeen], key: str, at: datetime) -> WordSeen:
    """Return what is known of a word, making room for a new one."""
    seen = words.get(key)
    if seen is None:
        if len(words) >= MOST_WORDS:
            del words[min(words, key=lambda one: (words[one].last_at, one))]
        seen = words[key] = WordSeen(first_at=at, last_at=at)
    return seen
