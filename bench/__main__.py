"""`python -m bench`: measure, print the tables, keep the figures as JSON.

`--quick` takes some minutes, without it three quarters of an hour. `--only live tls ...` picks
parts; `--only instructions --quick --at-most 110` is a gate that no load of the machine moves;
`--profile` shows where core spends its time instead; `--render FILE` prints the tables of kept
figures as Markdown.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import pstats
import shutil
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console

from bench import live, mix
from bench.node import package_version
from bench.parts import QUICK, SITES, WHOLE, Bench
from bench.tables import markdown, rich_tables

RESULTS = Path(__file__).parent / "results"
PARTS = {
    "live": "CPU per message and answer times beside the measures",
    "tls": "the same over TLS",
    "disk": "the same with 5 ms added to every fsync",
    "memory": "memory per connection, silent and at work",
    "hold": "15,000 stations in one process",
    "connect": "CPU per station that connects and boots",
    "storm": "10,000 stations with passwords back at once",
    "instructions": "instructions per message, for comparison on busy machines",
    "replay": "events per second of `foretell replay`",
    "engine": "the rules engine by itself: events per second, memory, longest step",
}
_LIBRARIES = ("ocpp", "websockets", "picows", "uvloop", "msgspec")

console = Console(highlight=False, width=140 if not os.isatty(1) else None)


def main() -> int:
    """Measure what was asked for; 1 where instructions are above what they may be."""
    wanted = _arguments()
    if wanted.render is not None:
        print(markdown(json.loads(wanted.render.read_text())), end="")
        return 0
    # Whole fleets of passwords are saved here: each would be a line.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    folder = Path(tempfile.mkdtemp(prefix="foretell-bench-"))
    try:
        if wanted.profile:
            _profile(folder)
            return 0
        scale = QUICK if wanted.quick else WHOLE
        scale = replace(scale, rounds=wanted.rounds or scale.rounds)
        results = _measure(set(wanted.only), Bench(scale, folder, console))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for table in rich_tables(results):
        console.print(table)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{results['taken_at'].replace(':', '')}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    console.print(f"kept as {path.parent.parent.name}/{path.parent.name}/{path.name}")
    return 0 if wanted.at_most is None else _gate(results, wanted.at_most)


def _gate(results: dict[str, Any], at_most: float) -> int:
    """Say whether the instructions in one process are within the limit; 0 where they are.

    Where they cannot be counted nothing is known, and nothing fails.
    """
    inside = results.get("instructions", {}).get("inside", {})
    if not inside:
        console.print("gate: instructions were not counted")
        return 0
    seen = next(iter(inside.values()))
    holds = bool(seen <= at_most)
    word = "within" if holds else "ABOVE"
    console.print(f"gate: {seen:.1f} thousand instructions per message, {word} {at_most:g}")
    return 0 if holds else 1


def _arguments() -> argparse.Namespace:
    parts = "; ".join(f"{name}: {words}" for name, words in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, epilog=f"Parts. {parts}."
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--only", nargs="+", choices=[*PARTS], default=[*PARTS], metavar="PART")
    parser.add_argument("--rounds", type=int, help="runs of each server")
    parser.add_argument(
        "--at-most", type=float, metavar="N", help="fail above N thousand instructions"
    )
    parser.add_argument("--profile", action="store_true", help="profile core, no figures")
    parser.add_argument("--render", type=Path, metavar="FILE", help="kept figures as Markdown")
    return parser.parse_args()


def _measure(parts: set[str], bench: Bench) -> dict[str, Any]:
    results: dict[str, Any] = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _LIBRARIES} | package_version(),
        "parts": sorted(parts),
    }
    if parts & {"live", "tls", "disk"}:
        results |= bench.alternated(parts)
    if "memory" in parts:
        results["memory"] = bench.memory()
    if "hold" in parts:
        results["hold"] = bench.hold()
    if "connect" in parts:
        results["connect"] = bench.connecting()
    if "storm" in parts:
        results["storm"] = bench.storm()
    if "instructions" in parts:
        results["instructions"] = bench.instructions()
    if "replay" in parts:
        results["replay"] = bench.replay()
    if "engine" in parts:
        results["engine"] = bench.engine()
    return results


def _profile(folder: Path) -> None:
    fleet = mix.write_fleet(folder / "fleet", live.CONNECTIONS, sites=SITES)
    figures = folder / "profile"
    live.profile(WHOLE.plan, folder, fleet, figures)
    pstats.Stats(str(figures)).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    sys.exit(main())
