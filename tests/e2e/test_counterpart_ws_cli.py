"""The npm package ocpp-ws-cli against the live service: its checks of transport, messages,
abuse and chaos in every version, and its fuzzer.

Each of its checks is named here with what we make of it, so that a release that adds, drops or
renames one shows.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")

PASSED = (
    "Server rejects invalid subprotocol",
    "Server handles malformed JSON gracefully",
    "Server handles empty array payload",
    "Graceful WebSocket close",
    "Rapid reconnect stability",
    "Heartbeat round-trip",
    "WebSocket ping/pong",
    "Server rejects invalid message type",
    "Server rejects unknown action (NotImplemented)",
    "Server ignores unmatched CALLRESULT gracefully",
    "Server rejects deeply nested JSON objects",
    "Server withstands massive JSON arrays",
    "Server handles Null Byte injection gracefully",
    "Server survives rapid heartbeat flood",
    "Server survives thundering herd (50 concurrent connects)",
    "Server handles abrupt TCP disconnect mid-message",
)

# What it wants and real stations cannot live with. Each is also asserted the other way round:
# what we do instead is meant.
AGAINST_REAL_STATIONS = {
    "Server requires subprotocol": "real stations offer none (quirk A1) and are taken on",
    "Server rejects oversized frames (>128KB)": "real stations send long answers in one frame "
    "(A15): the limit is 1 MiB",
    "Server enforces MessageId is a string": "an id that is a number is answered with that "
    "number (C4): refused, the station would say the same for ever",
    "Server rejects missing payload in CALL": "a missing payload is read as an empty one; a "
    "Heartbeat is never answered with an error: general rule 1 of the catalogue of quirks",
    "Server rejects non-object payload in CALL": "a Heartbeat is never answered with an error, "
    "whatever its payload: general rule 1 of the catalogue of quirks",
}

CHECKS_WITHIN_S = 120.0
FUZZ_FOR_S = 6.0
MOST_GROWTH_KIB = 32 * 1024
"""What core may grow by while it is fuzzed: its journal's caches, no more."""


@pytest.fixture(scope="module")
def service(start_service) -> Any:
    return start_service()


@pytest.fixture(scope="module")
def cli(node_packages) -> list[str]:
    """The command, up to its arguments."""
    node, modules = node_packages
    return [*node, str(modules / "ocpp-ws-cli" / "dist" / "index.js")]


@contextlib.contextmanager
def running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run it without a terminal; nothing of it is left behind."""
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=folder
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10.0)


def report_in(folder: Path) -> dict[str, Any]:
    """Return its report; what it said, where it wrote none."""
    reports = list(folder.glob("ocpp-*.json"))
    assert len(reports) == 1, (folder / "said").read_text("utf-8", "replace")[-2000:]
    report: dict[str, Any] = json.loads(reports[0].read_text("utf-8"))
    return report


@pytest.fixture(scope="module")
def checked(service, cli, tmp_path_factory) -> dict[str, dict[str, dict[str, Any]]]:
    """What came of each check, by version and name; the versions are checked side by side."""
    folders = {version: tmp_path_factory.mktemp("checked") for version in VERSIONS}
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(
                running(
                    [*cli, "test", "--endpoint", service.stations_url, "--suite", "all",
                     "--identity", f"CHECKED-{version}", "--protocol", version,
                     "--report", "json", "--report-dir", str(folder)],
                    folder,
                )
            )
            for version, folder in folders.items()
        ]  # fmt: skip
        for process in started:
            process.wait(CHECKS_WITHIN_S)
    return {
        version: {result["name"]: result for result in report_in(folder)["testResults"]}
        for version, folder in folders.items()
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_every_check_is_one_we_know(checked, version: str) -> None:
    assert set(checked[version]) == {*PASSED, *AGAINST_REAL_STATIONS}


@pytest.mark.parametrize("check", PASSED)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_check_of_others_passes(checked, version: str, check: str) -> None:
    result = checked[version][check]
    assert result["passed"], result


@pytest.mark.parametrize("check", AGAINST_REAL_STATIONS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_check_that_contradicts_real_stations_is_left_out(
    checked, version: str, check: str
) -> None:
    assert not checked[version][check]["passed"]
    pytest.skip(AGAINST_REAL_STATIONS[check])


@pytest.mark.parametrize(
    ("version", "code"), [("ocpp1.6", "FormationViolation"), ("ocpp2.0.1", "FormatViolation")]
)
def test_a_payload_that_is_no_object_is_refused_where_no_station_depends_on_it(
    service, connect, version: str, code: str
) -> None:
    station = connect(service, f"PAYLOAD-{version}", subprotocol=version)
    station.send('[2,"1","Authorize","NotAnObject"]')
    assert json.loads(station.receive())[:3] == [4, "1", code]


def test_the_checks_leave_no_connection_and_no_bug_behind(checked, service) -> None:
    service.wait_for(
        lambda: not any(item["online"] for item in service.items("stations")),
        "its connections to end",
    )
    service.assert_no_bug()


def test_the_fuzzer_drops_no_connection_and_costs_no_memory(
    service, cli, connect, tmp_path: Path
) -> None:
    before_kib = resident_kib(service.children()["core"])
    command = [*cli, "fuzz", "--endpoint", service.stations_url, "--workers", "10", "--flood",
               "--report", "json", "--report-dir", str(tmp_path)]  # fmt: skip
    with running(command, tmp_path) as fuzzer:
        time.sleep(FUZZ_FOR_S)
        answered_at = time.monotonic()
        neighbour = connect(service, "NEIGHBOUR")
        assert neighbour.call("1", "Heartbeat", {})[:2] == [3, "1"]
        waited_s = time.monotonic() - answered_at
        fuzzer.send_signal(signal.SIGINT)  # it ends by that alone, and reports
        service.wait_for(lambda: list(tmp_path.glob("ocpp-*.json")) != [], "its report")
    metrics = report_in(tmp_path)["metrics"]
    assert metrics["anomaliesSent"] > 500, metrics
    assert metrics["serverDrops"] == 0
    assert metrics["serverErrors"] > 0
    assert metrics["serverTolerated"] > 0
    assert waited_s < 2.0
    assert resident_kib(service.children()["core"]) - before_kib < MOST_GROWTH_KIB
    service.assert_no_bug()


def resident_kib(pid: int) -> int:
    """Return how much memory a process holds."""
    listed = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return int(listed.stdout)
