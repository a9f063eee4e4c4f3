"""The parts of a run: each measures one thing and returns its figures as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import (
    callgrind,
    connecting,
    contenders,
    engine,
    instructions,
    live,
    memory,
    mix,
    replay,
)
from bench.servers import file_limit

Figures = dict[str, Any]

SITES = 500
_SPARE_FILES = 500


@dataclass(frozen=True)
class Scale:
    """How much is measured. `is_quick` counts instructions of ours only."""

    rounds: int
    plan: live.Plan
    connects: int
    returns: int
    replays: int
    lines: int
    events: int
    is_quick: bool = False


QUICK = Scale(
    rounds=1,
    plan=live.Plan(warm_s=1, busy_s=3, paced_s=2, settle_s=2),
    connects=2_000,
    returns=1,
    replays=1,
    lines=100_000,
    events=200_000,
    is_quick=True,
)
WHOLE = Scale(
    rounds=5,
    plan=live.Plan(warm_s=2, busy_s=6, paced_s=5, settle_s=5),
    connects=5_000,
    returns=3,
    replays=3,
    lines=300_000,
    events=1_200_000,
)

ROUNDS_OF = {
    "live": (contenders.OURS, contenders.RPC, contenders.README),
    "tls": (contenders.OURS, contenders.TLS),
    "disk": (contenders.OURS, contenders.SLOW),
}
"""Which servers a part alternates; one that several parts want runs once per round."""


@dataclass(frozen=True)
class Bench:
    """One run of the bench: how much, where, and to whom progress is told."""

    scale: Scale
    folder: Path
    console: Console

    def alternated(self, parts: set[str]) -> Figures:
        """Alternate the servers: what else the machine does falls on all of them."""
        names = {name for part in parts for name in ROUNDS_OF.get(part, ())}
        fleet = self._fleet(live.CONNECTIONS)
        found = contenders.contenders(names, self.folder, fleet)
        self._tell(found.left_out)
        runs: list[Figures] = []
        for number in range(self.scale.rounds):
            for name, start in found.by_name.items():
                run = live.run(name, start, self.scale.plan, self.folder, found.disk)
                self.console.print(_line(number + 1, self.scale.rounds, run))
                runs.append(run)
        return {"runs": runs, "left_out": found.left_out}

    def memory(self) -> list[Figures]:
        """Measure connections alone, all told, and the measure that has a figure for it."""
        count = self._room(memory.CONNECTIONS)
        names = {contenders.BARE, contenders.OURS, contenders.RPC}
        found = contenders.contenders(names, self.folder, self._fleet(count))
        self._tell(found.left_out)
        figures = []
        for name, start in found.by_name.items():
            self.console.print(f"memory: {count:,} stations, {name}")
            figures.append(memory.measure(name, start, count, self.scale.plan, self.folder))
        return figures

    def hold(self) -> Figures:
        """Hold as many stations as are wanted in one process."""
        count = self._room(memory.HELD)
        self.console.print(f"held: {count:,} stations")
        start = contenders.ours(self.folder, self._fleet(count))
        return memory.hold(start, count, self.scale.plan, self.folder)

    def connecting(self) -> list[Figures]:
        """Measure what a station costs that connects and boots."""
        scale = self.scale
        names = {contenders.OURS, contenders.RPC}
        found = contenders.contenders(names, self.folder, self._fleet(2 * scale.connects))
        self._tell(found.left_out)
        figures = []
        for name, start in found.by_name.items():
            self.console.print(f"connect: {scale.connects:,} stations, twice, {name}")
            figures.append(
                connecting.measure(name, start, scale.connects, scale.plan, self.folder)
            )
        return figures

    def storm(self) -> Figures:
        """Let all stations come back at once, with passwords."""
        count, scale = self._room(connecting.STORM), self.scale
        self.console.print(f"storm: {count:,} stations, {scale.returns} returns of all")
        return connecting.storm(
            count, scale.returns, scale.plan, self.folder, self._fleet(count, evses=3)
        )

    def instructions(self) -> Figures:
        """Count instructions per message, without sockets and over them."""
        if not callgrind.is_here():
            self._tell([instructions.NOT_HERE])
            return {"left_out": [instructions.NOT_HERE]}
        self.console.print("instructions: in one process")
        layers = instructions.inside()
        for layer, thousands in layers.items():
            self.console.print(f"  {thousands:8.1f} thousand: {layer}")
        figures: Figures = {"inside": layers, "over_sockets": [], "left_out": []}
        for name in instructions.PORTIONS:
            if self.scale.is_quick and name != contenders.OURS:
                continue
            self.console.print(f"instructions: over sockets, {name}")
            fleet = self._fleet(live.CONNECTIONS)
            counted = instructions.over_sockets(name, self.folder, fleet)
            if isinstance(counted, str):
                self._tell([counted])
                figures["left_out"].append(counted)
            else:
                self.console.print(f"  {counted['thousands']:8.1f} thousand per message")
                figures["over_sockets"].append(counted)
        return figures

    def replay(self) -> list[Figures]:
        """Measure how fast a log is replayed."""
        scale = self.scale
        self.console.print(f"replay: {scale.lines:,} lines")
        fleet = mix.write_fleet(self.folder / "fleet-replay", replay.STATIONS, sites=SITES // 2)
        log = self.folder / "log.jsonl"
        replay.write_log(log, scale.lines)
        return [replay.run(log, fleet) for _ in range(scale.replays)]

    def engine(self) -> Figures:
        """Measure the rules engine by itself, over a busy day of a fleet."""
        scale = self.scale
        return engine.measure(scale.events, scale.rounds, self.console.print)

    def _fleet(self, stations: int, *, evses: int = 2) -> Path:
        """Return a fleet of so many stations, two or more at a site."""
        folder = self.folder / f"fleet-{stations}-{evses}"
        if not folder.exists():
            sites = SITES if stations <= 2 * SITES else stations // 4
            mix.write_fleet(folder, stations, sites=sites, evses=evses)
        return folder

    def _room(self, wanted: int) -> int:
        """Return how many connections the limit of open files leaves room for."""
        room = min(wanted, file_limit(wanted + _SPARE_FILES) - _SPARE_FILES)
        if room < wanted:
            self._tell([f"only {room:,} of {wanted:,} stations: the limit of open files"])
        return room

    def _tell(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self.console.print(sentence)


def _line(number: int, rounds: int, run: Figures) -> str:
    """Return what is said of a run while others follow."""
    busy = run["busy"]
    line = (
        f"run {number} of {rounds}: {run['server']:13} {busy['messages_per_s']:8,.0f} msg/s"
        f" {busy['cpu_us']['main']:7.1f} us/msg"
    )
    if (count := busy["instructions"].get("main")) is not None:
        line += f" {count / 1e3:8.1f} k instructions/msg"
    return line
