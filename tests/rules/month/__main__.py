"""Run the month and print what was found: `python -m tests.rules.month [SEED]`."""

from __future__ import annotations

import sys
import time
from collections import Counter

from app.rule_files import load_rules
from domain.faults import Change, Decision
from rules.engine import Engine
from tests.rules.month import fleet, life, noise

DAYS = 42


def main(seed: int) -> None:
    catalogue, dictionary = load_rules()
    town = fleet.build(seed, DAYS)
    began = time.perf_counter()
    events = noise.noisy(town, life.live(town, seed, DAYS), seed, DAYS)
    made = time.perf_counter()
    engine = Engine(town.registry, catalogue, dictionary)
    found: Counter[str] = Counter()
    starts = sum(type(e).__name__ == "TransactionStarted" for e in events)
    for event in events:
        for decision in engine.step(event.observed_at, event).decisions:
            if isinstance(decision, Decision) and decision.change is Change.RAISED:
                fault = decision.fault
                found[fault.rule] += 1
                if (
                    fault.rule in ("silent",)
                    and found["silent"] < 5
                    or fault.rule
                    not in ("offline", "silent", "site-dark", "connection-flapping")
                ):
                    print(
                        decision.at, fault.rule, fault.place, fault.severity, decision.because
                    )
    done = time.perf_counter()
    print(len(town.bodies), "stations", len(events), "events", starts, "transactions")
    print(f"made in {made - began:.1f} s, run in {done - made:.1f} s")
    print(found)


main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
