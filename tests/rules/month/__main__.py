"""Run a month and print what was found: `python -m tests.rules.month [SEED [FAULTS]]`."""

from __future__ import annotations

import sys
from collections import Counter

from tests.rules.month.run import month

DAYS = 42


def main(seed: int, each: int) -> None:
    """Play it, and say what was raised, and of each kind of fault how many were found."""
    played = month(seed, DAYS, each)
    print(f"{played.stations} stations, {played.events} events, {played.starts} transactions")
    for fault in played.unexplained:
        print("?", fault.raised_at, fault.rule, fault.place, fault.severity, fault.why)
    for kind, hits in played.recall.items():
        print(f"{kind}: {sum(hits)} of {len(hits)}")
    print(Counter(fault.rule for fault in played.raised))


main(int(sys.argv[1]) if len(sys.argv) > 1 else 1, int(sys.argv[2]) if sys.argv[2:] else 0)
