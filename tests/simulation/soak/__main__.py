"""`make soak`: the whole service through simulated days, checked from outside.

Real front, gate, picows, connections, recorder, journal (synchronous=FULL), beliefs, engine,
desk and outbox in one process; virtual are time, threads and the sockets' kernel. Exit 1 on a
breach.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog

from app.clock import TurnClock
from app.core import Core
from app.settings import Settings
from domain.events import ServiceStarted, ServiceStopped
from domain.journal import Entry, EntryKind
from gateway.journal import DayFileJournal
from tests.simulation.soak.oddness import Expected
from tests.simulation.soak.stations import Station
from tests.simulation.soak.traits import draw_traits, station_name
from tests.simulation.soak.virtual import VirtualLoop
from tests.simulation.soak.watch import Sample, Watch, grown_parts, parts_of, table, take_sample
from tests.simulation.soak.words import WORDS, odd_frames
from tests.simulation.soak.world import START, Tally, World

HOUR_S = 3600.0
ANSWER_WITHIN_S = 10.0
"""Virtual: an answer leaves with its turn's commit, so any wait at all is one too long."""


def main() -> int:
    """Run a soak; return the exit status."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0, help="simulated")
    parser.add_argument("--stations", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="where the data stays; else it is removed")
    parser.add_argument("--trace", action="store_true", help="name what grew (slow)")
    wanted = parser.parse_args()
    folder = wanted.data or Path(tempfile.mkdtemp(prefix="soak-"))
    told: list[str] = []
    structlog.configure(processors=[_note_errors(told)], cache_logger_on_first_use=False)
    loop = VirtualLoop()
    try:
        breaches = loop.run_until_complete(_soak(loop, wanted, folder))
    finally:
        loop.close()
        if wanted.data is None:
            shutil.rmtree(folder, ignore_errors=True)
    breaches += [f"logged: {line}" for line in told]
    for breach in breaches:
        print(f"BREACH {breach}")
    print("failed" if breaches else "held")
    return 1 if breaches else 0


def _note_errors(told: list[str]) -> Any:
    def note(_: object, level: str, event: dict[str, Any]) -> Any:
        if level in ("error", "critical", "exception"):
            told.append(str(event)[:2000])
        raise structlog.DropEvent

    return note


async def _soak(loop: VirtualLoop, wanted: argparse.Namespace, folder: Path) -> list[str]:
    hours, seed = wanted.hours, wanted.seed
    print(f"soak: {hours} h of {wanted.stations} stations, seed {seed}, data in {folder}")
    settings = Settings(
        data=folder / "data",
        fleet=_write_fleet(folder / "fleet", wanted.stations),
        ocpp={"port": 0},
        journal={"retention_days": 1},
        texts={"phone": "110"},
    )
    old_day = _leave_an_old_day(settings.data / "journal")
    start_s = START.timestamp()
    clock = TurnClock(wall_s=lambda: start_s + loop.time(), steady_s=loop.time)
    core = Core(settings, clock)
    await core.start()
    world = World(loop, core.endpoint)
    dice = random.Random(seed)
    odd = {words.protocol: odd_frames(words.protocol) for words in WORDS}
    stations = [
        Station(
            draw_traits(number, words, odd[words.protocol], dice),
            world,
            random.Random(f"{seed} {number}"),
        )
        for number in range(wanted.stations)
        for words in (WORDS[number % 4 % 3],)  # half of them speak 1.6
    ]
    samples = await _live(wanted, world, core, stations, settings.data)
    await world.rest()
    breaches = _breaches(core, world, stations) + Watch(samples).breaches()
    if old_day.exists() and hours > 0.1:
        breaches.append("retention left a day of last week")
    print(table(samples))
    _print_totals(core, world.tally)
    await core.close()
    days = {(START + timedelta(hours=h)).date() for h in (0.0, hours)}
    found = {path.stem for path in (settings.data / "journal").glob("????-??-??.db")}
    if missing := {str(day) for day in days} - found:
        breaches.append(f"no journal of {sorted(missing)}: {sorted(found)}")
    return breaches


async def _live(
    wanted: argparse.Namespace, world: World, core: Core, stations: list[Station], data: Path
) -> list[Sample]:
    """Let the hours pass and look each time one is over (often, where there are few)."""
    every = min(1.0, wanted.hours / 8)
    samples: list[Sample] = []
    trace = _Trace() if wanted.trace else None
    began = time.perf_counter()
    parts: dict[str, int] = {}
    while world.now_s < wanted.hours * HOUR_S:
        await world.run_until(min(world.now_s + every * HOUR_S, wanted.hours * HOUR_S))
        # Nobody else needs to know how many tickets the desk still holds.
        book = core.parts.pipeline.desk._book
        sample = take_sample(
            world.now_s / HOUR_S,
            calls=world.tally.calls,
            tickets=len(book.tickets),
            open_links=core.endpoint.connections,
            data=data,
        )
        samples.append(sample)
        if world.now_s <= wanted.hours * HOUR_S / 3:
            parts = parts_of(data)
        if trace is not None:
            trace.look(len(samples))
        overdue = sum(station.overdue_s > ANSWER_WITHIN_S for station in stations)
        if overdue:
            world.tally.breach(f"{overdue} calls without an answer at hour {sample.hour:.2f}")
        print(
            f"hour {sample.hour:5.2f}  {sample.calls:9,} calls  "
            f"{world.tally.answered:9,} answered  {sample.open_links:5} connected  "
            f"{sample.rss_bytes / 1e6:6.1f} MB  {time.perf_counter() - began:5.0f} s",
            flush=True,
        )
    print(grown_parts(parts, parts_of(data)))
    return samples


def _breaches(core: Core, world: World, stations: list[Station]) -> list[str]:
    """Hold what was counted on both sides against each other."""
    tally, counters, metrics = world.tally, core.endpoint.counters, core.metrics
    found = list(tally.breaches)
    due = sum(station.overdue_s > 0 for station in stations)
    if tally.calls != tally.answered + tally.gone + due:
        found.append(f"{tally.calls} calls, {tally.answered} answered, {tally.gone} gone")
    if due:
        found.append(f"{due} calls were never answered")
    if counters.failures or core.parts.failures.count:
        found.append(f"bugs: {counters.failures} in links, {core.parts.failures.count} beyond")
    expected: Expected = world.tally.expected
    if metrics.unreadable != expected.unreadable:
        found.append(f"unreadable: {metrics.unreadable}, expected {expected.unreadable}")
    if metrics.nonconforming > expected.flagged:
        found.append(f"flagged: {metrics.nonconforming}, at most {expected.flagged} are odd")
    for name in ("oversize", "rsv", "violations", "overrun", "unacknowledged", "dropped"):
        if value := getattr(counters, name):
            found.append(f"{name}: {value}")
    return found


def _print_totals(core: Core, tally: Tally) -> None:
    counters = core.endpoint.counters
    print(
        f"{tally.calls:,} calls, {tally.answered:,} answered, {tally.gone:,} lost with their "
        f"connection; {tally.odd:,} odd frames; {tally.connections:,} connections, "
        f"{counters.replaced:,} replaced, {counters.half_open:,} found half open, "
        f"{tally.refused:,} refused; {counters.pings:,} pings and pongs, "
        f"{tally.commands:,} commands; {core.metrics.unreadable:,} unreadable, "
        f"{core.metrics.nonconforming:,} flagged"
    )


class _Trace:
    """Which lines allocated what is more now than after the first quarter hour of samples."""

    def __init__(self) -> None:
        import tracemalloc

        tracemalloc.start(4)
        self._first: Any = None

    def look(self, count: int) -> None:
        import tracemalloc

        present = tracemalloc.take_snapshot()
        if count == 3:
            self._first = present
        elif self._first is not None:
            for line in present.compare_to(self._first, "lineno")[:12]:
                print(f"    {line}")


def _write_fleet(folder: Path, stations: int) -> Path:
    """Write the stations as a fleet of sites with four each."""
    folder.mkdir(parents=True)
    sites = range((stations + 3) // 4)
    tables = {
        "customers": ["id,name", *(f"c{n},Customer {n}" for n in sites)],
        "contacts": [
            "customer,name,role,email",
            *(f"c{n},Desk,site,desk{n}@soak.example" for n in sites),
        ],
        "sites": [
            "id,customer,name,timezone",
            *(f"s{n},c{n},Site {n},Europe/Berlin" for n in sites),
        ],
        "stations": [
            "id,site,evses",
            *(f"{station_name(n)},s{n // 4},{1 + n % 2}" for n in range(stations)),
        ],
    }
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


def _leave_an_old_day(folder: Path) -> Path:
    """Leave a journal of last week behind: retention has to take it."""
    journal = DayFileJournal(folder)
    at = START - timedelta(days=7)
    facts = [
        ServiceStarted(observed_at=at, position=1),
        ServiceStopped(observed_at=at, position=2),
    ]
    journal.append(
        [Entry(f.position, at, EntryKind.FACT, None, msgspec.json.encode(f)) for f in facts]
    )
    journal.close()
    return folder / f"{at.date().isoformat()}.db"


if __name__ == "__main__":
    sys.exit(main())
