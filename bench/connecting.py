"""What coming back costs: CPU per station that connects and boots, and what a storm needs.

In the storm every station has a generated password, checked against the access store.
"""

from __future__ import annotations

import json
import secrets
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.access import AccessReader, AccessStore, generate_password, hash_generated
from bench import mix
from bench.contenders import Start, ours
from bench.live import Plan
from bench.machine import cpu_s, peak_rss_kb, rss_kb
from bench.servers import Server, Stations
from domain.places import StationId

AT_ONCE = 1_000
"""Stations on their way in at one time."""

STATUSES = 3
"""What a station reports behind its boot: itself and two connectors."""

STORM = 10_000
STORM_STATUSES = 4
"""Itself and three connectors."""

SETTLED_AFTER_S = 95.0
"""A connection that is over is remembered by timers for up to 90 s; then its memory is free."""


@dataclass
class Connecting:
    """CPU of a server's main process per station, microseconds."""

    server: str
    stations: int
    boot_us: float
    boot_and_statuses_us: float
    boots_per_s: float


@dataclass
class Storm:
    """Several returns of all stations at once. Resident memory in KB of 1,024 bytes.

    `connected_kb` holds the level after each coming of all, `dropped_kb` the one after each
    loss of all connections, the first of them before anybody came; `settled_kb` is the level
    with all connected once nothing waits any more for what is over.
    """

    stations: int
    messages: int
    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    connected_kb: list[int] = field(default_factory=list)
    dropped_kb: list[int] = field(default_factory=list)
    settled_kb: int = 0
    settled_after_s: float = SETTLED_AFTER_S
    peak_kb: int = 0
    wrong: float = 0.0


def measure(name: str, start: Start, count: int, plan: Plan, folder: Path) -> dict[str, Any]:
    """Have stations connect and boot, then as many that report their statuses as well."""
    with start() as server, closing(Stations(server, folder)) as stations:
        boot_us, boots_per_s = _cost(server, stations, count, 0, plan)
        whole_us, _ = _cost(server, stations, count, STATUSES, plan)
        return asdict(Connecting(name, count, boot_us, whole_us, boots_per_s))


def _cost(
    server: Server, stations: Stations, count: int, statuses: int, plan: Plan
) -> tuple[float, float]:
    before = cpu_s(server.main)
    took_s = stations.connect(count, statuses=statuses, at_once=AT_ONCE)
    time.sleep(plan.settle_s / 4)  # what is done behind the answers belongs to it
    return (cpu_s(server.main) - before) * 1e6 / count, count / took_s


def storm(count: int, returns: int, plan: Plan, folder: Path, fleet: Path) -> dict[str, Any]:
    """Let all stations come, lose all at once, let all come back, several times."""
    data = Path(tempfile.mkdtemp(prefix="storm-", dir=folder))
    passwords = write_passwords(data, folder, count)
    storm = Storm(count, count * (1 + STORM_STATUSES))
    with (
        ours(folder, fleet, data)() as server,
        closing(Stations(server, folder, passwords)) as stations,
    ):
        time.sleep(plan.settle_s)
        storm.dropped_kb.append(rss_kb(server.main))
        _come(storm, server, stations, plan)
        for _ in range(returns):
            stations.say("drop")
            time.sleep(plan.settle_s)
            storm.dropped_kb.append(rss_kb(server.main))
            _come(storm, server, stations, plan)
        time.sleep(SETTLED_AFTER_S)
        storm.settled_kb = rss_kb(server.main)
        storm.peak_kb = peak_rss_kb(server.main)
    return asdict(storm)


def _come(storm: Storm, server: Server, stations: Stations, plan: Plan) -> None:
    """Let all stations come at once."""
    before = cpu_s(server.main)
    took_s = stations.connect(storm.stations, statuses=STORM_STATUSES, at_once=AT_ONCE)
    storm.seconds.append(took_s)
    storm.cpu_s.append(cpu_s(server.main) - before)
    time.sleep(plan.settle_s)
    storm.connected_kb.append(rss_kb(server.main))
    counters = stations.say("mark")
    storm.wrong = counters["wrong"] + counters["lost"]


def write_passwords(data: Path, folder: Path, count: int) -> Path:
    """Give stations generated passwords; return the file that tells the load generator."""
    data.mkdir(exist_ok=True)
    store = AccessStore(data)
    key = AccessReader(data).station_key
    passwords = {mix.station_name(number): generate_password() for number in range(count)}
    for name, password in passwords.items():
        hashed = hash_generated(password, key)
        store.save_station_password(StationId(name), password_hash=hashed)
    store.close()
    path = folder / f"passwords-{secrets.token_hex(4)}.json"
    path.write_text(json.dumps(passwords))
    return path
