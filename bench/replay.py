"""Replay: how many lines of a log a second, as a function and as a whole process.

Run as a module it is the child that calls the function, so that nothing else shares its memory.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import msgspec

from bench import mix
from bench.machine import pinned
from bench.servers import SERVER_CORE

STATIONS = 500
BETWEEN_S = 60.0
"""From one message of a station to its next; 300,000 lines are ten hours of the fleet."""


@dataclass
class Replayed:
    """One replay of a log. The whole process starts Python, reads files and prints JSON."""

    lines: int
    seconds: float
    cpu_s: float
    process_s: float
    process_cpu_s: float
    peak_mb: float


def write_log(path: Path, lines: int) -> None:
    """Write a log of the mix: every station connects, boots, and says one message a minute."""
    start = datetime(2026, 1, 5, tzinfo=UTC)
    rounds = [mix.endless(number, start) for number in range(STATIONS)]
    with path.open("wb") as file:
        for number in range(lines):
            station = number % STATIONS
            at = start + timedelta(seconds=number * BETWEEN_S / STATIONS)
            turn = number // STATIONS
            action, payload = (
                ("BootNotification", mix.boot()) if turn == 0 else next(rounds[station])
            )
            frame = b'[2,"%d","%b",%b]' % (turn, action.encode(), payload)
            line = {
                "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "station": mix.station_name(station),
                "event": "received",
                "frame": frame.decode(),
            }
            file.write(msgspec.json.encode(line) + b"\n")


def run(log: Path, fleet: Path) -> dict[str, Any]:
    """Replay a log twice: called in a child, and as the command."""
    inside = json.loads(_spend([sys.executable, "-m", "bench.replay", str(log), str(fleet)])[0])
    command = [sys.executable, "-m", "app", "replay", str(log), "--fleet", str(fleet), "--json"]
    printed, process_s, process_cpu_s = _spend(command)
    report = json.loads(printed)
    if report["lines"] != inside["lines"] or report["skipped"] or report["unreadable"]:
        raise RuntimeError("the log was not read as it was meant")
    return asdict(Replayed(**inside, process_s=process_s, process_cpu_s=process_cpu_s))


def _spend(command: list[str]) -> tuple[str, float, float]:
    """Run a command to its end; return what it printed, its seconds and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = perf_counter()
    done = subprocess.run(
        pinned(SERVER_CORE, command), capture_output=True, text=True, check=True
    )
    took = perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, took, cpu


def main(log: Path, fleet: Path) -> None:
    """Replay in this process and print what it took."""
    from app.fleet_file import read_fleet
    from app.replay import run_logs
    from app.rule_files import load_rules

    registry = read_fleet(fleet)
    catalogue, dictionary = load_rules(None)
    began, cpu = perf_counter(), process_time()
    report = run_logs([log], registry, catalogue, dictionary)
    took, spent = perf_counter() - began, process_time() - cpu
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {"lines": report["lines"], "seconds": took, "cpu_s": spent, "peak_mb": peak_mb}
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
