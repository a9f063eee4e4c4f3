"""From runs to a table: medians with their range, ratios of runs that followed each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.table import Table

Results = dict[str, Any]
Run = dict[str, Any]


@dataclass
class Row:
    """One line of the table, in words."""

    what: str
    ours: str
    theirs: str = ""
    ratio: str = ""


def rows(results: Results) -> list[Row]:
    """Return all lines that the results have figures for."""
    lines: list[Row] = []
    runs: list[Run] = results.get("runs", [])
    ours = [run for run in runs if run["server"] == "foretell"]
    theirs = [run for run in runs if run["server"] == "readme"]
    if ours and theirs:
        lines += _live(ours, theirs)
    if "idle" in results:
        lines += _idle(results["idle"])
    if "replay" in results:
        lines += _replay(results["replay"])
    return lines


def _live(ours: list[Run], theirs: list[Run]) -> list[Row]:
    counted = ours[0]["counted"]
    lines = [
        _compare("CPU per message, core, us", ours, theirs, _cpu("main")),
        _compare("CPU per message, whole service, us", ours, theirs, _cpu("service")),
    ]
    if counted != "none":
        lines += [
            _compare(
                f"thousand {counted} per message, core",
                ours,
                theirs,
                _thousands("main"),
            ),
            _compare(
                f"thousand {counted} per message, whole service",
                ours,
                theirs,
                _thousands("service"),
            ),
        ]
    lines.append(
        Row(
            "messages per second at saturation",
            _spread([run["busy"]["messages_per_s"] for run in ours]),
            _spread([run["busy"]["messages_per_s"] for run in theirs]),
        )
    )
    lines.append(
        Row(
            "share of its core used then, server / load generator",
            _shares(ours),
            _shares(theirs),
        )
    )
    for name, words in (("half", "half load"), ("quiet", "1,000 msg/s")):
        for figure in ("p50_ms", "p99_ms"):
            title = f"answer time at {words}, {figure[:3]}, ms"
            lines.append(
                Row(
                    title,
                    _spread([run[name][figure] for run in ours]),
                    _spread([run[name][figure] for run in theirs]),
                )
            )
    pauses = [run["quiet"]["longest_pause_ms"] for run in ours]
    longest = _spread([pause for pause in pauses if pause is not None])
    lines.append(Row("longest pause of the loop in a whole run, ms", longest))
    wrong = sum(run["busy"]["wrong"] + run["busy"]["lost"] for run in (*ours, *theirs))
    lines.append(Row("wrong answers and lost connections", f"{wrong:.0f}"))
    return lines


def _idle(idle: dict[str, Any]) -> list[Row]:
    return [
        Row(
            f"memory per idle station of {idle['connections']:,}, all told, KB",
            f"{idle['all_told_kb']:.1f}",
        ),
        Row(
            "of it for the connection and what it said, KB", f"{idle['per_connection_kb']:.1f}"
        ),
        Row(
            "connect + boot + 3 statuses, stations per second", f"{idle['connect_per_s']:,.0f}"
        ),
        Row("core without stations, MB", f"{idle['core_empty_kb'] / 1024:.0f}"),
    ]


def _replay(replays: list[dict[str, Any]]) -> list[Row]:
    lines = replays[0]["lines"]
    return [
        Row(
            f"replay of {lines:,} lines, events per second",
            _spread([replay["lines"] / replay["seconds"] for replay in replays]),
        ),
        Row(
            "the same as a whole process, events per second",
            _spread([replay["lines"] / replay["process_s"] for replay in replays]),
        ),
        Row("its peak memory, MB", _spread([replay["peak_mb"] for replay in replays])),
    ]


def _compare(what: str, ours: list[Run], theirs: list[Run], of: Callable[[Run], float]) -> Row:
    pairs = [(of(here), of(there)) for here, there in zip(ours, theirs, strict=False)]
    return Row(
        what,
        _spread([here for here, _ in pairs]),
        _spread([there for _, there in pairs]),
        _spread([there / here for here, there in pairs]),
    )


def _cpu(part: str) -> Callable[[Run], float]:
    return lambda run: float(run["busy"]["cpu_us"][part])


def _thousands(part: str) -> Callable[[Run], float]:
    def read(run: Run) -> float:
        counts = run["busy"]["instructions"]
        return float(counts.get(part, counts["main"])) / 1e3

    return read


def _shares(runs: list[Run]) -> str:
    server = median(run["busy"]["server_share"] for run in runs)
    stations = median(run["busy"]["stations_share"] for run in runs)
    return f"{server:.0%} / {stations:.0%}"


def _spread(figures: Sequence[float]) -> str:
    """Write the median, and in brackets the range where there is one."""
    if not figures:
        return "-"
    middle = _number(median(figures))
    if len(figures) == 1:
        return middle
    return f"{middle} ({_number(min(figures))} to {_number(max(figures))})"


def _number(figure: float) -> str:
    if figure >= 1000:
        return f"{figure:,.0f}"
    return f"{figure:.3g}" if figure < 100 else f"{figure:.0f}"


def rich_table(results: Results) -> Table:
    """Return the table for a terminal."""
    table = Table("", "foretell", "ocpp README", "ratio", title="Foretell, measured")
    for row in rows(results):
        table.add_row(row.what, row.ours, row.theirs, row.ratio)
    return table


def markdown(results: Results) -> str:
    """Return the table for the documentation."""
    lines = ["| | foretell | `ocpp` README server | ratio |", "|---|---|---|---|"]
    lines += [
        f"| {row.what} | {row.ours} | {row.theirs} | {row.ratio} |" for row in rows(results)
    ]
    return "\n".join(lines) + "\n"
