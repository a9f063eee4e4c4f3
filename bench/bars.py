"""The bars: what was asked of the endpoint, and whether the figures of a run hold it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.contenders import BARE, OURS, README, RPC, SLOW
from bench.figures import Read, Run, number, of, ratios

Results = dict[str, Any]


@dataclass(frozen=True)
class Bar:
    """A bar and what was seen. `at_least`: more is better; else less is."""

    what: str
    bar: float
    seen: float
    stretch: float | None = None
    at_least: bool = False

    @property
    def line(self) -> tuple[str, ...]:
        """The bar as a line of its table."""
        word = "at least" if self.at_least else "at most"
        stretch = "" if self.stretch is None else number(self.stretch)
        holds = self.seen >= self.bar if self.at_least else self.seen <= self.bar
        return (
            self.what,
            f"{word} {number(self.bar)}",
            stretch,
            number(self.seen),
            "yes" if holds else "no",
        )


def bars(results: Results) -> list[tuple[str, ...]]:
    """Return a line for every bar that the results have a figure for."""
    runs: list[Run] = results.get("runs", [])
    found = [*_live(runs), *_instructions(results), *_memory(results), *_many(results)]
    if replays := results.get("replay"):
        rate = median(each["lines"] / each["seconds"] for each in replays)
        found.append(Bar("replay, events per second", 30_000, rate, at_least=True))
    if engine := results.get("engine"):
        found += _engine(engine)
    return [bar.line for bar in found]


def _engine(engine: dict[str, Any]) -> Iterator[Bar]:
    rate = engine["events_per_s"]
    yield Bar("engine, events per second", 60_000, rate, at_least=True)
    yield Bar("engine, KB per station", 6, engine["kb_per_station"])
    dark = engine["storms"][0]
    yield Bar(f"engine, longest step, ms: {dark['storm']}", 5, dark["longest_ms"])


def _live(runs: list[Run]) -> Iterator[Bar]:
    def cpu(run: Run) -> float:
        return float(run["busy"]["cpu_us"]["main"])

    for name, words, bar, stretch in (
        (README, "the `ocpp` README server", 25, 50),
        (RPC, "`ocpp-rpc` strict", 1.5, 3),
    ):
        if seen := ratios(runs, name, OURS, cpu):
            what = f"times less CPU per message than {words}"
            yield Bar(what, bar, median(seen), stretch, at_least=True)
    quiet: Read = lambda run: float(run["quiet"]["p50_ms"])  # noqa: E731
    if seen := of(runs, OURS, quiet):
        yield Bar("answer time at 1,000 msg/s, p50, ms", 0.3, median(seen))
    if seen := of(runs, SLOW, lambda run: float(run["busy"]["messages_per_s"])):
        what = "messages per second with 5 ms more per fsync"
        yield Bar(what, 45_000, median(seen), at_least=True)


def _instructions(results: Results) -> Iterator[Bar]:
    counted = results.get("instructions", {})
    for layer, thousands in list(counted.get("inside", {}).items())[:1]:
        what = f"thousand instructions per message, in one process: {layer}"
        yield Bar(what, 110, thousands, 70)
    for figure in counted.get("over_sockets", ()):
        if figure["server"] == OURS:
            what = "thousand instructions per message, over sockets, without the kernel's"
            yield Bar(what, 110, figure["thousands"], 70)


def _memory(results: Results) -> Iterator[Bar]:
    for figure in results.get("memory", ()):
        count = figure["connections"]
        idle = (figure["idle_kb"] - figure["empty_kb"]) / count
        active = (figure["active_kb"] - figure["empty_kb"]) / count
        if figure["server"] == BARE:
            yield Bar("KB of a connection alone, silent", 12, idle)
            yield Bar("KB of a connection alone, at work", 18, active)
        elif figure["server"] == OURS:
            yield Bar("KB of a silent station, all told", 20, idle)


def _many(results: Results) -> Iterator[Bar]:
    if held := results.get("hold"):
        answered = held["connections"] - held["unanswered"]
        yield Bar("stations held in one process, all answered", 15_000, answered, at_least=True)
    for figure in results.get("connect", ()):
        if figure["server"] == OURS:
            yield Bar("CPU of connect + boot, us", 140, figure["boot_us"])
    if storm := results.get("storm"):
        what = f"storm of {storm['stations']:,} stations with passwords, s"
        yield Bar(what, 20, max(storm["seconds"]))
