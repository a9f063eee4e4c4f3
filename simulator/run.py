"""Runs a simulated fleet against a central system, and the `simulate` command's whole work."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.console import Console

from simulator.acts import Moment, Scenario
from simulator.counters import Counters, FrameLog
from simulator.demo import demo_scenario
from simulator.director import direct
from simulator.fleet_file import FleetFileError, read_fleet_yaml
from simulator.live import LiveTimeline, PicowsDialer
from simulator.plan import FleetPlan
from simulator.scenario import ScenarioError, read_scenario
from simulator.station import Station
from simulator.world import World

CONNECTS_PER_S = 150.0
PROGRESS_EVERY_S = 1.0
DEMO_SPEED = 60.0
"""A simulated day in 24 minutes."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How a run goes: seconds since its start, totals so far, the newest scenario act."""

    at_s: float
    counters: Counters
    newest: Moment | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What a whole run came to, and how long it took in seconds."""

    duration_s: float
    counters: Counters


async def run(  # noqa: PLR0913 - settings of one run, all but three by keyword
    url: str,
    fleet_file: Path | FleetPlan,
    scenario: Path | Scenario | None = None,
    *,
    speed: float = DEMO_SPEED,
    seed: int = 1,
    duration_s: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    password: str | None = None,
    frame_log: Path | None = None,
    connects_per_s: float = CONNECTS_PER_S,
    return_within_s: float = 20.0,
    with_cars: bool = True,
    sample_every_s: float | None = None,
    stop: asyncio.Event | None = None,
) -> Summary:
    """Simulate a fleet until `duration_s` is over, `stop` is set, or the task is cancelled.

    Without a scenario the built-in one is played; an empty `Scenario` plays none. `speed` says
    how much faster than the clock daily life goes. `return_within_s` bounds the random pause
    before lost stations dial again; `with_cars` lets daily life go on, `sample_every_s` adds
    meter values of every EVSE at that gap, for load. A central system that is away is waited
    for. Raises FleetFileError, ScenarioError or OSError for files that cannot be used.
    """
    fleet = (
        fleet_file
        if isinstance(fleet_file, FleetPlan)
        else await asyncio.to_thread(read_fleet_yaml, fleet_file, seed)
    )
    script = _script(scenario, fleet, seed, duration_s)
    log = FrameLog(frame_log) if frame_log is not None else None
    timeline = LiveTimeline(asyncio.get_running_loop())
    dialer = PicowsDialer(url, connects_per_s=connects_per_s, password=password)
    counters = Counters()
    world = World(
        timeline=timeline,
        dialer=dialer,
        counters=counters,
        frame_log=log,
        seed=seed,
        speed=speed,
        return_within_s=return_within_s,
        sample_every_s=sample_every_s,
    )
    show = _Show(timeline, counters, log, on_progress)
    stations = _stations(fleet, world)
    counters.station_count = len(stations)
    direct(script, stations, timeline, counters, show.remember)
    dialling = asyncio.create_task(dialer.run())
    try:
        for station in _in_dialling_order(stations, script):
            station.start(with_cars=with_cars)
        await show.watch(dialling, duration_s, stop)
    finally:
        timeline.stop()
        dialling.cancel()
        await asyncio.wait([dialling])
        await dialer.hang_up()
        if log is not None:
            log.close()
    return Summary(timeline.now_s, counters.copy())


def _script(
    scenario: Path | Scenario | None, fleet: FleetPlan, seed: int, duration_s: float | None
) -> Scenario:
    match scenario:
        case None:
            return demo_scenario(fleet, seed, duration_s)
        case Path():
            return read_scenario(scenario, fleet)
        case Scenario():
            return scenario


def _stations(fleet: FleetPlan, world: World) -> dict[str, Station]:
    return {
        plan.id: Station(plan, site.segment, world)
        for site in fleet.sites
        for plan in site.stations
    }


def _in_dialling_order(stations: dict[str, Station], script: Scenario) -> list[Station]:
    """Those the scenario needs soon dial first: its first act may come before all are up."""
    cast = [stations[id_] for id_ in script.stations if id_ in stations]
    wanted = {station.id for station in cast}
    return cast + [station for id_, station in stations.items() if id_ not in wanted]


class _Show:
    """Tells how the run goes, once a second, and knows when it is over."""

    def __init__(
        self,
        timeline: LiveTimeline,
        counters: Counters,
        log: FrameLog | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._timeline = timeline
        self._counters = counters
        self._log = log
        self._on_progress = on_progress
        self._newest: Moment | None = None

    def remember(self, moment: Moment) -> None:
        """Keep the newest act for the next report."""
        self._newest = moment

    async def watch(
        self, dialling: asyncio.Task[None], duration_s: float | None, stop: asyncio.Event | None
    ) -> None:
        """Report until the run is over. A dialer that fails ends the run with its error."""
        over = stop or asyncio.Event()
        stopping = asyncio.create_task(over.wait())
        try:
            while not over.is_set():
                left_s = PROGRESS_EVERY_S
                if duration_s is not None:
                    left_s = min(left_s, duration_s - self._timeline.now_s)
                if left_s <= 0:
                    break
                await asyncio.wait(
                    [dialling, stopping], timeout=left_s, return_when=asyncio.FIRST_COMPLETED
                )
                if dialling.done():
                    dialling.result()
                self._report()
        finally:
            stopping.cancel()
            self._report()

    def _report(self) -> None:
        if self._log is not None:
            self._log.flush()
        if self._on_progress is not None:
            now_s = self._timeline.now_s
            self._on_progress(Progress(now_s, self._counters.copy(), self._newest))


def simulate(  # noqa: PLR0913 - one argument for each option of the command
    url: str,
    fleet: Path,
    scenario: Path | None = None,
    speed: float = DEMO_SPEED,
    duration_s: float | None = None,
    seed: int = 1,
    password: str | None = None,
    frame_log: Path | None = None,
) -> int:
    """Run the `simulate` command until Ctrl-C or its duration; returns the exit status.

    0: done. 2: a file that cannot be opened or used, told on stderr.
    """
    console = Console(stderr=True)

    async def main() -> Summary:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return await run(
            url,
            fleet,
            scenario,
            speed=speed,
            seed=seed,
            duration_s=duration_s,
            password=password,
            frame_log=frame_log,
            stop=stop,
            on_progress=lambda progress: _show_line(console, progress),
        )

    return _with_files_checked(console, main)


def _with_files_checked(
    console: Console, main: Callable[[], Coroutine[None, None, Summary]]
) -> int:
    try:
        summary = uvloop.run(main())
    except (FleetFileError, ScenarioError, OSError) as error:
        console.print(str(error), style="red", markup=False)
        return 2
    console.print()
    line = describe(summary.counters, summary.duration_s)
    console.print(line, markup=False, soft_wrap=True)
    return 0


def describe(counters: Counters, at_s: float) -> str:
    """Put the totals of a run into one line."""
    missing = counters.station_count - counters.up_count
    refused = f"; refused, latest: {counters.refused_because}" if missing else ""
    return (
        f"{at_s:6.0f} s  {counters.up_count}/{counters.station_count} stations connected, "
        f"{counters.sent_count} messages, {counters.answered_count} answers, "
        f"{counters.error_count} errors, {counters.unanswered_count} unanswered, "
        f"{counters.transaction_count} transactions, {counters.step_count} scenario steps"
        + (refused if counters.refused_because else "")
    )


def _show_line(console: Console, progress: Progress) -> None:
    every_s = 1 if console.is_terminal else 30
    if int(progress.at_s) % every_s == 0:
        end = "\r" if console.is_terminal else "\n"
        console.print(describe(progress.counters, progress.at_s), end=end, markup=False)
        sys.stderr.flush()
