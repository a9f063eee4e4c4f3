"""`python -m bench`: measure, print the table, keep the figures as JSON.

`--quick` takes under two minutes, without it under ten. `--only live idle replay` picks parts;
`--profile` shows where core spends its time instead; `--render FILE` prints the table of kept
figures as Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import pstats
import shutil
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import live, mix, replay
from bench.report import markdown, rich_table
from bench.servers import file_limit

RESULTS = Path(__file__).parent / "results"
PARTS = ("live", "idle", "replay")
IDLE_CONNECTIONS = 10_000
_SPARE_FILES = 500
_LIBRARIES = ("ocpp", "websockets", "picows", "uvloop", "msgspec")

console = Console(highlight=False, width=140 if not os.isatty(1) else None)


class Scale:
    """How much is measured."""

    def __init__(self, *, is_quick: bool) -> None:
        self.rounds = 2 if is_quick else 7
        self.plan = (
            live.Plan(warm_s=1, busy_s=3, paced_s=2, idle_settle_s=2)
            if is_quick
            else live.Plan(warm_s=2, busy_s=6, paced_s=5, idle_settle_s=5)
        )
        self.replays = 1 if is_quick else 3
        self.lines = 100_000 if is_quick else 300_000


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    parser.add_argument("--rounds", type=int, help="runs of each server")
    parser.add_argument("--profile", action="store_true", help="profile core, no figures")
    parser.add_argument("--render", type=Path, metavar="FILE", help="kept figures as Markdown")
    wanted = parser.parse_args()
    if wanted.render is not None:
        print(markdown(json.loads(wanted.render.read_text())), end="")
        return
    folder = Path(tempfile.mkdtemp(prefix="foretell-bench-"))
    try:
        if wanted.profile:
            _profile(folder)
            return
        scale = Scale(is_quick=wanted.quick)
        scale.rounds = wanted.rounds or scale.rounds
        results = _measure(wanted.only, scale, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    console.print(rich_table(results))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{results['taken_at'].replace(':', '')}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    console.print(f"kept as {path.parent.parent.name}/{path.parent.name}/{path.name}")


def _measure(parts: tuple[str, ...], scale: Scale, folder: Path) -> dict[str, Any]:
    results: dict[str, Any] = {
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _LIBRARIES},
    }
    room = file_limit(IDLE_CONNECTIONS + _SPARE_FILES) - _SPARE_FILES
    idle_connections = min(IDLE_CONNECTIONS, room)
    if idle_connections < IDLE_CONNECTIONS:
        console.print(f"only {idle_connections:,} idle stations: the limit of open files")
    busy_fleet, idle_fleet = live.write_fleets(folder, idle_connections)
    if "live" in parts:
        results["runs"] = _live(scale, folder, busy_fleet)
    if "idle" in parts:
        console.print(f"idle: {idle_connections:,} stations")
        results["idle"] = live.idle(idle_connections, scale.plan, folder, idle_fleet)
    if "replay" in parts:
        results["replay"] = _replay(scale, folder)
    return results


def _live(scale: Scale, folder: Path, fleet: Path) -> list[dict[str, Any]]:
    """Alternate the servers: what else the machine does falls on both."""
    runs = []
    for number in range(scale.rounds):
        for name in ("foretell", "readme"):
            run = live.run(name, scale.plan, folder, fleet)
            busy = run["busy"]
            console.print(
                f"run {number + 1} of {scale.rounds}: {name:9}"
                f" {busy['messages_per_s']:8,.0f} msg/s"
                f" {busy['cpu_us']['main']:7.1f} us/msg"
                f" {busy['instructions'].get('main', 0) / 1e3:8.1f} k instructions/msg"
            )
            runs.append(run)
    return runs


def _replay(scale: Scale, folder: Path) -> list[dict[str, Any]]:
    console.print(f"replay: {scale.lines:,} lines")
    fleet = mix.write_fleet(folder / "fleet-replay", replay.STATIONS, sites=live.SITES // 2)
    log = folder / "log.jsonl"
    replay.write_log(log, scale.lines)
    return [replay.run(log, fleet) for _ in range(scale.replays)]


def _profile(folder: Path) -> None:
    plan = Scale(is_quick=False).plan
    fleet, _ = live.write_fleets(folder, 1)
    figures = folder / "profile"
    live.profile(plan, folder, fleet, figures)
    pstats.Stats(str(figures)).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
