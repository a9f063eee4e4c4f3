"""How large what is remembered of three stations may become, whatever they say."""

from __future__ import annotations

from tests.fuzz.house import START, House

TRANSLATION_BYTES = 256 * 1024
"""Of one station's translation, as a snapshot holds it: calls to be answered alike (16), open
transactions (64) and answers due (32), each with texts as long as they may be."""

ENGINE_BYTES = 1024 * 1024
"""Of the engine for three stations: beliefs, tracks of faults, memories of deadlines."""

TASKS_PER_DAY = 3 * (3 + 5)
"""Of three stations: changes of hardware and unknown words, each known for ever once told.
What is known of them is named state; only its pace has a limit."""

WARM_SAMPLES = 20
"""A thousand frames each: until every limit was met once."""

BLOCKS_GROWTH = 0.15
"""Share of the blocks in use that may come on top later, where named state explains none."""

BLOCKS_PER_BYTE = 0.25


class Growth:
    """What was seen of the memory over a run."""

    def __init__(self) -> None:
        self._samples: list[dict[str, int]] = []
        self._days = 0.0

    def look(self, house: House) -> None:
        """Take one sample."""
        self._days = (house.clock.at - START).total_seconds() / 86_400
        self._samples.append(house.state_bytes())

    def largest(self, part: str) -> int:
        """Return the most that a part ever took."""
        return max((sample[part] for sample in self._samples), default=0)

    def breaches(self) -> list[str]:
        """Say what grew beyond its limit."""
        found = []
        for part in self._samples[0] if self._samples else ():
            limit = _limit_of(part)
            if limit and self.largest(part) > limit:
                found.append(f"{part} took {self.largest(part):,} bytes, at most {limit:,}")
        tasks = self.largest("tasks") if self._samples else 0
        if tasks > TASKS_PER_DAY * (self._days + 1):
            found.append(f"{tasks} tasks in {self._days:.1f} days")
        warm, last = self._samples[WARM_SAMPLES:], self._samples[-1:]
        if len(warm) > WARM_SAMPLES:
            base = max(sample["blocks"] for sample in warm[: len(warm) // 2])
            named = sum(last[0][part] - warm[0][part] for part in ("desk", "work"))
            explained = max(0, named) * BLOCKS_PER_BYTE
            if last[0]["blocks"] > base * (1 + BLOCKS_GROWTH) + explained:
                found.append(f"blocks in use grew from {base:,} to {last[0]['blocks']:,}")
        return found

    def __str__(self) -> str:
        if not self._samples:
            return "no samples"
        return "  ".join(
            f"{part} {self._samples[-1][part]:,} (most {self.largest(part):,})"
            for part in self._samples[0]
        )


def _limit_of(part: str) -> int:
    if part.startswith("translation"):
        return TRANSLATION_BYTES
    return ENGINE_BYTES if part == "engine" else 0
