"""Memory per connection: silent and at work, alone and all told; and many held at once."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.contenders import OURS, Start, ours
from bench.live import Plan
from bench.machine import rss_kb
from bench.servers import Stations

CONNECTIONS = 10_000
HELD = 15_000

_LOOKS = 20
"""How often the memory at work is looked at: the most is kept, for it moves with each turn."""


@dataclass
class Memory:
    """A server's resident memory, KB of 1,024 bytes.

    `empty_kb` is Foretell's without a fleet, for others as `ready_kb`: before anybody connects.
    """

    server: str
    connections: int
    connect_per_s: float
    empty_kb: int
    ready_kb: int
    idle_kb: int
    active_kb: int
    active_per_s: float
    unanswered: float


@dataclass
class Held:
    """Many stations in one process, each of which was asked for a sign of life at the end."""

    wanted: int
    connections: int
    connect_s: float
    ask_s: float
    idle_kb: int
    unanswered: float


def measure(
    name: str, start: Start, connections: int, plan: Plan, folder: Path
) -> dict[str, Any]:
    """Connect, boot and report, be silent, then speak as fast as is answered."""
    empty_kb = _empty_kb(plan, folder) if name == OURS else 0
    with start() as server, closing(Stations(server, folder)) as stations:
        time.sleep(plan.settle_s)
        ready_kb = rss_kb(server.main)
        connect_s = stations.connect(connections)
        time.sleep(plan.settle_s)
        idle_kb = rss_kb(server.main)
        stations.say("saturate")
        time.sleep(plan.warm_s)
        before = stations.say("mark")
        active_kb = 0
        for _ in range(_LOOKS):
            time.sleep(plan.busy_s / _LOOKS)
            active_kb = max(active_kb, rss_kb(server.main))
        after = stations.say("mark")
        stations.say("stop")
        rate = (after["answered"] - before["answered"]) / (after["at"] - before["at"])
        unanswered = after["wrong"] + after["lost"]
    return asdict(
        Memory(
            name,
            connections,
            connections / connect_s,
            empty_kb or ready_kb,
            ready_kb,
            idle_kb,
            active_kb,
            rate,
            unanswered,
        )
    )


def hold(start: Start, connections: int, plan: Plan, folder: Path) -> dict[str, Any]:
    """Hold many stations in one process, and see that each is still answered."""
    with start() as server, closing(Stations(server, folder)) as stations:
        connect_s = stations.connect(connections)
        time.sleep(plan.settle_s)
        before = stations.say("mark")
        ask_s = stations.say("ask")["took_s"]
        after = stations.say("mark")
        missing = connections - (after["answered"] - before["answered"])
        unanswered = missing + after["wrong"] + after["lost"]
        idle_kb = rss_kb(server.main)
        return asdict(Held(HELD, connections, connect_s, ask_s, idle_kb, unanswered))


def _empty_kb(plan: Plan, folder: Path) -> int:
    """Return core's memory without a fleet, nobody connected."""
    with ours(folder, None)() as server:
        time.sleep(plan.settle_s)
        return rss_kb(server.main)
