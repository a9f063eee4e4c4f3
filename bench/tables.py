"""From a run's figures to its tables, for a terminal and for the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from rich import table as rich

from bench.bars import bars
from bench.contenders import BARE, OURS, README, RPC, SLOW, TLS
from bench.figures import Read, Run, Table, number, of, ratios, spread

Results = dict[str, Any]

_NAMES = {
    OURS: "foretell",
    TLS: "over TLS",
    SLOW: "5 ms more per fsync",
    RPC: "`ocpp-rpc` strict",
    README: "`ocpp` README server",
    BARE: "connections alone",
}


def tables(results: Results) -> Iterator[Table]:
    """Yield the tables that the results have figures for, the bars first."""
    yield from _if_any(Table("Bars", ("bar", "stretch", "seen", "holds"), bars(results)))
    runs: list[Run] = results.get("runs", [])
    parts = results.get("parts", ())
    if "live" in parts and runs:
        yield _compared("Beside the measures", runs, (OURS, RPC, README), (RPC, README))
    if "tls" in parts and runs:
        yield _compared("What TLS costs", runs, (OURS, TLS), (TLS,))
    if "disk" in parts and runs:
        yield _slow_disk(runs)
    if "memory" in results:
        yield _memory(results["memory"])
    if "connect" in results:
        yield _connect(results["connect"])
    yield from _if_any(_many(results))
    if results.get("instructions", {}).get("inside"):
        yield _instructions(results["instructions"])
    if "replay" in results:
        yield _replay(results["replay"])
    if "engine" in results:
        yield _engine(results["engine"])


def markdown(results: Results) -> str:
    """Return the tables for the documentation."""
    lines: list[str] = []
    for table in tables(results):
        lines += [f"### {table.title}", "", f"| | {' | '.join(table.columns)} |"]
        lines += ["|" + "---|" * (1 + len(table.columns))]
        lines += [f"| {' | '.join(line)} |" for line in table.lines]
        lines += [""]
    return "\n".join(lines)


def rich_tables(results: Results) -> Iterator[rich.Table]:
    """Yield the tables for a terminal."""
    for table in tables(results):
        drawn = rich.Table("", *table.columns, title=table.title, title_justify="left")
        for line in table.lines:
            drawn.add_row(*line)
        yield drawn


def _if_any(table: Table) -> Iterator[Table]:
    if table.lines:
        yield table


def _compared(
    title: str, runs: list[Run], servers: tuple[str, ...], others: tuple[str, ...]
) -> Table:
    """Set servers beside each other, and how many times ours each other's figure is."""
    servers = tuple(name for name in servers if any(run["server"] == name for run in runs))
    others = tuple(name for name in others if name in servers)
    runs = [run for run in runs if run["server"] in servers]
    lines = [
        (
            what,
            *(spread(of(runs, name, read)) for name in servers),
            *(spread(ratios(runs, name, OURS, read)) for name in others),
        )
        for what, read in _costs(runs)
    ]
    empty = ("",) * len(others)
    lines += [
        (what, *(spread(of(runs, name, read)) for name in servers), *empty)
        for what, read in _SPEEDS
    ]
    lines.append(
        (
            "share of its core used at saturation, server / load generator",
            *(_shares([run for run in runs if run["server"] == name]) for name in servers),
            *empty,
        )
    )
    pauses = {
        name: [
            run["quiet"]["longest_pause_ms"]
            for run in runs
            if run["server"] == name and run["quiet"]["longest_pause_ms"] is not None
        ]
        for name in servers
    }
    longest = "longest pause of the loop in a whole run, ms"
    lines.append((longest, *(spread(pauses[name]) for name in servers), *empty))
    wrong = "wrong answers and lost connections"
    count = (number(sum(of(runs, name, lambda run: run["wrong"]))) for name in servers)
    lines.append((wrong, *count, *empty))
    columns = tuple(_NAMES[name] for name in servers)
    return Table(title, (*columns, *(f"{_NAMES[name]} / ours" for name in others)), lines)


def _costs(runs: list[Run]) -> list[tuple[str, Read]]:
    costs: list[tuple[str, Read]] = [
        ("CPU per message, main process, us", _cpu("main")),
        ("CPU per message, whole service, us", _cpu("service")),
    ]
    if all(run["busy"]["instructions"] for run in runs):
        what = f"thousand {runs[0]['counted']} per message"
        costs.append((f"{what}, main process", _thousands("main")))
        costs.append((f"{what}, whole service", _thousands("service")))
    return costs


_SPEEDS: list[tuple[str, Read]] = [
    ("messages per second at saturation", lambda run: run["busy"]["messages_per_s"]),
    ("answer time at half load, p50, ms", lambda run: run["half"]["p50_ms"]),
    ("answer time at half load, p99, ms", lambda run: run["half"]["p99_ms"]),
    ("answer time at 1,000 msg/s, p50, ms", lambda run: run["quiet"]["p50_ms"]),
    ("answer time at 1,000 msg/s, p99, ms", lambda run: run["quiet"]["p99_ms"]),
]


def _slow_disk(runs: list[Run]) -> Table:
    table = _compared("A disk that takes 5 ms longer", runs, (OURS, SLOW), ())
    lines = [*table.lines]
    fsyncs = [run["fsyncs"] for run in runs if run["server"] == SLOW]
    for what, index in (("on the loop's thread", 0), ("beside it", 1)):
        count = number(sum(counts[index] for counts in fsyncs))
        lines.append((f"fsyncs of core in all runs, {what}", "", count))
    return Table(table.title, table.columns, lines)


def _memory(figures: list[dict[str, Any]]) -> Table:
    order = [name for name in (BARE, OURS, RPC) if any(f["server"] == name for f in figures)]
    by_name = {figure["server"]: figure for figure in figures}

    def each(of_kb: str, less: str) -> tuple[str, ...]:
        return tuple(
            f"{(by_name[name][of_kb] - by_name[name][less]) / by_name[name]['connections']:.1f}"
            for name in order
        )

    count = figures[0]["connections"]
    lines = [
        (f"KB per station of {count:,}, silent", *each("idle_kb", "empty_kb")),
        ("of it since it connected", *each("idle_kb", "ready_kb")),
        ("KB per station, all at work", *each("active_kb", "empty_kb")),
        ("of it since it connected", *each("active_kb", "ready_kb")),
        (
            "messages per second meanwhile",
            *(number(by_name[name]["active_per_s"]) for name in order),
        ),
        (
            "stations connected, booted and reported per second",
            *(number(by_name[name]["connect_per_s"]) for name in order),
        ),
        (
            "before anybody connects, MB",
            *(f"{by_name[name]['ready_kb'] / 1024:.0f}" for name in order),
        ),
        (
            "wrong answers and lost connections",
            *(number(by_name[name]["unanswered"]) for name in order),
        ),
    ]
    return Table("Memory", tuple(_NAMES[name] for name in order), lines)


def _connect(figures: list[dict[str, Any]]) -> Table:
    lines = [
        ("CPU of connect + boot, us", *(number(f["boot_us"]) for f in figures)),
        (
            "CPU of connect + boot + 3 statuses, us",
            *(number(f["boot_and_statuses_us"]) for f in figures),
        ),
        ("connect + boot per second", *(number(f["boots_per_s"]) for f in figures)),
    ]
    title = f"Connecting, {figures[0]['stations']:,} stations, 1,000 at a time"
    return Table(title, tuple(_NAMES[f["server"]] for f in figures), lines)


def _many(results: Results) -> Table:
    lines: list[tuple[str, ...]] = []
    if held := results.get("hold"):
        count = f"{held['connections']:,}"
        lines += [
            (
                f"{count} stations held: all connected, booted, reported, s",
                f"{held['connect_s']:.1f}",
            ),
            ("one message of each, all answered after, s", f"{held['ask_s']:.2f}"),
            ("unanswered", number(held["unanswered"])),
            ("core's memory, MB", f"{held['idle_kb'] / 1024:.0f}"),
        ]
    if storm := results.get("storm"):
        lines += _storm(storm)
    return Table("Many at once", ("foretell",), lines)


def _storm(storm: dict[str, Any]) -> list[tuple[str, ...]]:
    first, *later = storm["connected_kb"]
    empty, *dropped = storm["dropped_kb"]
    per_station = [seconds * 1e6 / storm["stations"] for seconds in storm["cpu_s"]]
    return [
        (
            f"storm: {storm['stations']:,} stations with passwords, {storm['messages']:,} "
            "messages answered, s",
            spread(storm["seconds"]),
        ),
        ("CPU of core per station, us", spread(per_station)),
        ("unanswered", number(storm["wrong"])),
        ("core's memory before anybody came, MB", _megabytes(empty)),
        ("with all connected, first time, MB", _megabytes(first)),
        ("right after each further storm, MB", _megabytes(*later)),
        ("between storms, nobody connected, MB", _megabytes(*dropped)),
        (
            f"all connected, {storm['settled_after_s']:.0f} s after the last storm, MB",
            _megabytes(storm["settled_kb"]),
        ),
        ("the most it ever had, MB", _megabytes(storm["peak_kb"])),
    ]


def _megabytes(*kilobytes: int) -> str:
    return ", ".join(f"{kb / 1024:.0f}" for kb in kilobytes)


def _instructions(figures: dict[str, Any]) -> Table:
    lines = [
        (f"in one process: {layer}", number(thousands))
        for layer, thousands in figures["inside"].items()
    ]
    lines += [
        (f"over sockets, without the kernel's: {_NAMES[f['server']]}", number(f["thousands"]))
        for f in figures["over_sockets"]
    ]
    return Table("Instructions per message of the mix", ("thousand",), lines)


def _replay(replays: list[dict[str, Any]]) -> Table:
    count = replays[0]["lines"]
    lines = [
        ("events per second", spread([each["lines"] / each["seconds"] for each in replays])),
        (
            "the same as a whole process",
            spread([each["lines"] / each["process_s"] for each in replays]),
        ),
        ("its peak memory, MB", spread([each["peak_mb"] for each in replays])),
    ]
    return Table(f"Replay of {count:,} lines", ("foretell",), lines)


def _engine(figures: dict[str, Any]) -> Table:
    lines = [
        ("events per second, median of portions", number(figures["events_per_s"])),
        ("events per second, the best portion", number(figures["best_per_s"])),
        ("KB per station, as it lives", f"{figures['kb_per_station']:.1f}"),
        ("KB per station, all told after a restart", f"{figures['kb_after_restart']:.1f}"),
        ("snapshot, MB", f"{figures['snapshot_mb']:.1f}"),
        ("snapshot written, ms", number(figures["snapshot_write_ms"])),
        ("snapshot read, ms", number(figures["snapshot_read_ms"])),
    ]
    lines += [
        (
            f"longest step, ms: {storm['storm']} ({storm['decided']:,} decisions in it)",
            f"{storm['longest_ms']:.2f}",
        )
        for storm in figures["storms"]
    ]
    title = f"Rules engine, {figures['stations']:,} stations, {figures['events']:,} events"
    return Table(title, ("foretell",), lines)


def _cpu(part: str) -> Read:
    return lambda run: float(run["busy"]["cpu_us"][part])


def _thousands(part: str) -> Read:
    def read(run: Run) -> float:
        counts = run["busy"]["instructions"]
        return float(counts.get(part, counts["main"])) / 1e3

    return read


def _shares(runs: list[Run]) -> str:
    server = median(run["busy"]["server_share"] for run in runs)
    stations = median(run["busy"]["stations_share"] for run in runs)
    return f"{server:.0%} / {stations:.0%}"
