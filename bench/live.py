"""Runs over real sockets: CPU per message at saturation, answer times in an open loop."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.contenders import Start
from bench.machine import InstructionCounter, cpu_s
from bench.servers import Server, Stations, Surroundings, foretell
from bench.slow_disk import SlowDisk

CONNECTIONS = 1_000
QUIET_RATE = 1_000.0
"""Messages per second of the quiet run."""


@dataclass
class Plan:
    """How long to measure; seconds."""

    warm_s: float
    busy_s: float
    paced_s: float
    settle_s: float


@dataclass
class Busy:
    """One run at saturation. CPU in microseconds per message, by role and in sum."""

    messages_per_s: float
    cpu_us: dict[str, float]
    instructions: dict[str, float]
    server_share: float  # of one core, that the main process used
    stations_share: float  # of one core, that the load generator used


@dataclass
class Paced:
    """One run in an open loop."""

    wanted_per_s: float
    messages_per_s: float
    p50_ms: float
    p99_ms: float
    longest_pause_ms: float | None
    generator_late_ms: float


@dataclass
class Run:
    """All runs of one started server."""

    server: str
    busy: Busy
    half: Paced
    quiet: Paced
    counted: str = "none"
    connect_s: float = 0.0
    wrong: float = 0.0  # answers that were not the ones due, and connections lost
    fsyncs: tuple[int, int] = (0, 0)  # on the loop's thread, and beside it; on the slow disk


def run(
    name: str, start: Start, plan: Plan, folder: Path, disk: SlowDisk | None = None
) -> dict[str, Any]:
    """Start one server afresh and take all its measures. `disk` counts its fsyncs."""
    with start() as server, closing(Stations(server, folder)) as stations:
        connect_s = stations.connect(CONNECTIONS)
        before = disk.count(server.main) if disk is not None else (0, 0)
        busy, counted = _saturate(server, stations, plan)
        half = _pace(server, stations, busy.messages_per_s / 2, plan)
        quiet = _pace(server, stations, QUIET_RATE, plan)
        after = disk.count(server.main) if disk is not None else (0, 0)
        fsyncs = (after[0] - before[0], after[1] - before[1])
        marks = stations.say("mark")
        wrong = marks["wrong"] + marks["lost"]
        return asdict(Run(name, busy, half, quiet, counted, connect_s, wrong, fsyncs))


def profile(plan: Plan, folder: Path, fleet: Path, to: Path) -> None:
    """Saturate the service under cProfile; the figures are too high, their order is not."""
    with (
        foretell(Surroundings(fleet=fleet, profile=to), folder) as server,
        closing(Stations(server, folder)) as stations,
    ):
        stations.connect(CONNECTIONS)
        stations.say("saturate")
        time.sleep(plan.busy_s)
        stations.say("stop")


def _saturate(server: Server, stations: Stations, plan: Plan) -> tuple[Busy, str]:
    stations.say("saturate")
    time.sleep(plan.warm_s)
    counters = {"main": InstructionCounter([server.main])}
    if len(server.roles) > 1:
        counters["service"] = InstructionCounter(list(server.roles.values()))
    for counter in counters.values():
        counter.open()
    before = stations.say("mark")
    cpu_before = {role: cpu_s(pid) for role, pid in server.roles.items()}
    for counter in counters.values():
        counter.start()
    time.sleep(plan.busy_s)
    for counter in counters.values():
        counter.stop()
    cpu_after = {role: cpu_s(pid) for role, pid in server.roles.items()}
    after = stations.say("mark")
    stations.say("stop")
    counts = {name: counter.close() for name, counter in counters.items()}
    messages = after["answered"] - before["answered"]
    wall_s = after["at"] - before["at"]
    cpu_us = {
        role: (cpu_after[role] - cpu_before[role]) * 1e6 / messages for role in server.roles
    }
    main_us = cpu_us.get("core", next(iter(cpu_us.values())))
    busy = Busy(
        messages_per_s=messages / wall_s,
        cpu_us={**cpu_us, "main": main_us, "service": sum(cpu_us.values())},
        instructions={
            name: count / messages for name, count in counts.items() if count is not None
        },
        server_share=main_us * messages / wall_s / 1e6,
        stations_share=(after["cpu_s"] - before["cpu_s"]) / wall_s,
    )
    return busy, counters["main"].what


def _pace(server: Server, stations: Stations, rate: float, plan: Plan) -> Paced:
    stations.say(f"rate {rate}")
    time.sleep(min(1.0, plan.warm_s))
    before = stations.say("mark")
    time.sleep(plan.paced_s)
    after = stations.say("mark")
    pause_s = server.longest_pause_s()
    stations.say("stop")
    wall_s = after["at"] - before["at"]
    return Paced(
        wanted_per_s=rate,
        messages_per_s=(after["answered"] - before["answered"]) / wall_s,
        p50_ms=after["p50_ms"],
        p99_ms=after["p99_ms"],
        longest_pause_ms=None if pause_s is None else pause_s * 1e3,
        generator_late_ms=after["late_ms"],
    )
