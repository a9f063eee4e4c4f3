"""What a soak holds against the service: memory by the hour, and what explains its growth."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.recovery import load_snapshot

_encode = msgspec.msgpack.Encoder().encode
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Sample:
    """One moment of a run. `blocks` are those of Python's allocator in use."""

    hour: float
    calls: int
    rss_bytes: int
    blocks: int
    objects: int
    state_bytes: int  # of the snapshot: what is believed, remembered and pending
    tickets: int  # that the desk still works with
    open_links: int
    journal_bytes: int


def take_sample(
    hour: float, *, calls: int, tickets: int, open_links: int, data: Path
) -> Sample:
    """Measure this process and its data."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        rss_bytes = int(file.read().split()[1]) * PAGE
    snapshot = data / "snapshot"
    return Sample(
        hour=hour,
        calls=calls,
        rss_bytes=rss_bytes,
        blocks=sys.getallocatedblocks(),
        objects=len(gc.get_objects()),
        state_bytes=snapshot.stat().st_size if snapshot.exists() else 0,
        tickets=tickets,
        open_links=open_links,
        journal_bytes=sum(path.stat().st_size for path in (data / "journal").iterdir()),
    )


BLOCKS_PER_STATE_KB = 80
"""What a kilobyte of snapshot may take in memory. Seen: 51 blocks, of some 20 bytes each once
they are packed into a snapshot."""

BLOCKS_PER_TICKET = 200
"""What a ticket may take beside it: its faults, its history, its place in lists. Seen: 121."""

BYTES_PER_BLOCK = 64
"""Of resident memory: small objects, their dictionaries and the allocator's rounding."""

SLACK_BLOCKS = 60_000
SLACK_BYTES = 12_000_000
"""For what is loaded when it is first needed (the schemas of an edition are 50,000 blocks), and
SQLite's pages. One object lost per call would be 1,200,000 blocks in two thirds of a day."""


class Watch:
    """Judges the samples of a run by their last two thirds.

    What is remembered per station has its limits (16 calls to be answered alike, say), and has
    to be full before growth tells anything. Growth must be explained by named state: what a
    snapshot holds of beliefs, faults and translations, and the tickets that the desk keeps
    until they close.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        later = samples[len(samples) // 3 :]
        self._first, self._last = later[0], later[-1]

    def breaches(self) -> list[str]:
        """Say what grew beyond the state that explains it."""
        first, last = self._first, self._last
        state_kb = max(0.0, (last.state_bytes - first.state_bytes) / 1000)
        tickets = max(0, last.tickets - first.tickets)
        explained = state_kb * BLOCKS_PER_STATE_KB + tickets * BLOCKS_PER_TICKET
        found = []
        blocks = last.blocks - first.blocks
        if blocks > explained + SLACK_BLOCKS:
            found.append(
                f"memory: {blocks:,} blocks more since hour {first.hour:.1f}, of which"
                f" {explained:,.0f} are explained"
            )
        rss = last.rss_bytes - first.rss_bytes
        if rss > explained * BYTES_PER_BLOCK + SLACK_BYTES:
            found.append(
                f"memory: {rss / 1e6:.1f} MB resident more since hour {first.hour:.1f}"
            )
        return found


def parts_of(data: Path) -> dict[str, int]:
    """Return the bytes of each part of the newest snapshot; nothing where there is none."""
    snapshot = load_snapshot(data / "snapshot")
    if snapshot is None:
        return {}
    size: Counter[str] = Counter()
    engine = snapshot.engine
    for name in engine.__struct_fields__:
        size[f"engine.{name}"] = len(_encode(getattr(engine, name)))
    for translation in snapshot.translations.values():
        for name in translation.__struct_fields__:
            size[f"translation.{name}"] += len(_encode(getattr(translation, name)))
    return dict(size)


def grown_parts(before: dict[str, int], after: dict[str, int]) -> str:
    """Say which parts of the state are largest, and how much of each came on top."""
    largest = sorted(after, key=after.__getitem__, reverse=True)[:8]
    return "state, MB: " + ", ".join(
        f"{name} {after[name] / 1e6:.2f} (+{(after[name] - before.get(name, 0)) / 1e6:.2f})"
        for name in largest
    )


def table(samples: Sequence[Sample]) -> str:
    """Return the samples as a table."""
    lines = ["  hour      calls   RSS MB     blocks    objects  state MB  tickets  journal MB"]
    lines += [
        f"{s.hour:6.2f} {s.calls:10,} {s.rss_bytes / 1e6:8.1f} {s.blocks:10,} {s.objects:10,}"
        f" {s.state_bytes / 1e6:9.2f} {s.tickets:8,} {s.journal_bytes / 1e6:11.1f}"
        for s in samples
    ]
    return "\n".join(lines)
