"""`make chaos`: the whole core through seeded chaos, each seed checked from outside.

Prints the seeds that fail, each with what failed; exit 1 where any did. `--seeds 500`,
`--from 1000`, and `--only SEED` to look at one again.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed

from domain.faults import Change, Decision
from tests.simulation.chaos.checks import check_all
from tests.simulation.chaos.delivery import timeline_of
from tests.simulation.chaos.house import CATALOGUE
from tests.simulation.chaos.places import fleet


def main() -> int:
    """Live through the seeds that were asked for; 1 where something does not hold."""
    wanted = _arguments()
    seeds = wanted.only or range(wanted.first, wanted.first + wanted.seeds)
    started, raised, failed = time.monotonic(), Counter[str](), list[int]()
    with ProcessPoolExecutor(max_workers=wanted.workers) as pool:
        runs = {pool.submit(live, seed): seed for seed in seeds}
        for run in as_completed(runs):
            wrong, found = run.result()
            raised.update(found)
            if wrong:
                failed.append(runs[run])
                print(f"seed {runs[run]}: {wrong}", flush=True)
    for rule, count in sorted(raised.items()):
        print(f"{count:8,} {rule}")
    quiet = sorted({*CATALOGUE.rules} - {*raised})
    print(f"never raised: {', '.join(quiet) or 'none'}")
    took = time.monotonic() - started
    print(f"{len(seeds)} seeds, {len(failed)} failed, {took:.0f} s")
    return 1 if failed else 0


def live(seed: int) -> tuple[str, Counter[str]]:
    """Return what did not hold for a seed, "" where all did; and what was raised how often."""
    registry = fleet()
    timeline = timeline_of(registry, sorted(CATALOGUE.rules), seed)
    try:
        house = check_all(registry, timeline, seed)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other seeds go on
        return f"{type(error).__name__}: {error}", Counter()
    return "", Counter(
        decision.fault.rule
        for decision in house.decisions
        if isinstance(decision, Decision) and decision.change is Change.RAISED
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.chaos")
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first of them")
    parser.add_argument("--only", type=int, nargs="+", help="these and no others")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
