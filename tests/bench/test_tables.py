"""From a run's figures to the tables of the documentation."""

from __future__ import annotations

from bench.__main__ import _gate
from bench.bars import bars
from bench.contenders import BARE, OURS, README, RPC, SLOW, TLS
from bench.figures import number, ratios, spread
from bench.tables import markdown, rich_tables


def run(server: str, cpu_us: float, **more: object) -> dict:
    paced = {"p50_ms": 0.2, "p99_ms": 1.5, "longest_pause_ms": None}
    return {
        "server": server,
        "busy": {
            "messages_per_s": 1e6 / cpu_us,
            "cpu_us": {"main": cpu_us, "service": cpu_us},
            "instructions": {},
            "server_share": 0.97,
            "stations_share": 0.3,
        },
        "half": paced,
        "quiet": paced,
        "counted": "none",
        "wrong": 0.0,
        "fsyncs": (0, 0),
        **more,
    }


def memory(server: str, *, idle_kb: int, active_kb: int) -> dict:
    return {
        "server": server,
        "connections": 10_000,
        "connect_per_s": 2_000.0,
        "empty_kb": 40_000,
        "ready_kb": 50_000,
        "idle_kb": idle_kb,
        "active_kb": active_kb,
        "active_per_s": 40_000.0,
        "unanswered": 0.0,
    }


WHOLE = {
    "parts": ["live", "tls", "disk"],
    "runs": [
        run(server, cpu_us, **more)
        for round_us in (20.0, 21.0)
        for server, cpu_us, more in (
            (OURS, round_us, {}),
            (RPC, 1.6 * round_us, {}),
            (README, 600.0, {}),
            (TLS, 1.3 * round_us, {}),
            (SLOW, 1.05 * round_us, {"fsyncs": (0, 900)}),
        )
    ],
    "memory": [
        memory(BARE, idle_kb=150_000, active_kb=170_000),
        memory(OURS, idle_kb=200_000, active_kb=260_000),
    ],
    "hold": {
        "wanted": 15_000,
        "connections": 15_000,
        "connect_s": 9.0,
        "ask_s": 0.5,
        "idle_kb": 330_000,
        "unanswered": 0.0,
    },
    "connect": [
        {
            "server": OURS,
            "stations": 5_000,
            "boot_us": 138.0,
            "boot_and_statuses_us": 250.0,
            "boots_per_s": 3_000.0,
        }
    ],
    "storm": {
        "stations": 10_000,
        "messages": 50_000,
        "seconds": [9.0, 11.0],
        "cpu_s": [5.0, 6.0],
        "connected_kb": [240_000, 250_000],
        "dropped_kb": [110_000, 230_000, 231_000],
        "settled_kb": 241_000,
        "settled_after_s": 95.0,
        "peak_kb": 260_000,
        "wrong": 0.0,
    },
    "instructions": {
        "inside": {"everything but sockets": 99.0, "without the journal": 80.0},
        "over_sockets": [{"server": OURS, "thousands": 115.0, "messages": 10_000}],
        "left_out": [],
    },
    "replay": [{"lines": 300_000, "seconds": 4.0, "process_s": 5.0, "peak_mb": 700.0}],
}


def test_a_spread_is_the_median_with_its_range() -> None:
    assert spread([3.0, 1.0, 2.0]) == "2 (1 to 3)"
    assert spread([0.12345]) == "0.123"
    assert spread([]) == ""


def test_numbers_have_as_many_digits_as_mean_something() -> None:
    assert [number(each) for each in (0, 0.14159, 28.71, 143.6, 52_121.4)] == [
        "0", "0.142", "28.7", "144", "52,121",
    ]  # fmt: skip


def test_a_ratio_is_that_of_runs_of_one_round() -> None:
    runs = [run(OURS, 20.0), run(RPC, 30.0), run(OURS, 40.0), run(RPC, 50.0)]
    assert ratios(runs, RPC, OURS, lambda one: one["busy"]["cpu_us"]["main"]) == [1.5, 1.25]


def test_every_bar_is_said_with_what_was_seen_and_whether_it_holds() -> None:
    by_name = {line[0]: line[1:] for line in bars(WHOLE)}
    assert by_name["times less CPU per message than `ocpp-rpc` strict"] == (
        "at least 1.5", "3", "1.6", "yes",
    )  # fmt: skip
    assert by_name["KB of a connection alone, silent"] == ("at most 12", "", "11", "yes")
    assert by_name["KB of a silent station, all told"] == ("at most 20", "", "16", "yes")
    slow = by_name["messages per second with 5 ms more per fsync"]
    assert slow == ("at least 45,000", "", "46,485", "yes")
    over_sockets = "thousand instructions per message, over sockets, without the kernel's"
    assert by_name[over_sockets] == ("at most 110", "70", "115", "no")
    assert len(by_name) == 13


def test_the_tables_are_markdown_with_as_many_cells_in_every_line() -> None:
    text = markdown(WHOLE)
    titles = [line for line in text.splitlines() if line.startswith("### ")]
    assert len(titles) == 9
    for block in text.split("### ")[1:]:
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) == 1, block
    assert "| CPU per message, main process, us | 20.5 (20 to 21) | 32.8 (32 to 33.6) |" in text
    assert "| fsyncs of core in all runs, beside it |  | 1,800 |" in text
    assert len(list(rich_tables(WHOLE))) == 9


def test_what_was_not_measured_has_no_table() -> None:
    assert markdown({"parts": ["live"], "runs": []}) == ""
    only_ours = {"parts": ["live"], "runs": [run(OURS, 20.0)]}
    assert "ocpp-rpc" not in markdown(only_ours)


def test_the_gate_fails_only_where_more_was_counted_than_may_be() -> None:
    assert _gate(WHOLE, at_most=99.0) == 0
    assert _gate(WHOLE, at_most=98.9) == 1
    assert _gate({"instructions": {"left_out": ["no valgrind"]}}, at_most=1.0) == 0
