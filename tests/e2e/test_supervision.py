"""Starting, stopping, dying and coming back; wrong files; the same station twice at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e

BOOT = {"chargePointVendor": "Fine", "chargePointModel": "Normal"}
FAULTED = {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted"}


def is_alive(pid: int) -> bool:
    """Tell whether a process with this id runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def answers(url: str) -> bool:
    """Tell whether the service says over HTTP that it is ready."""
    try:
        return httpx.get(url + "/readyz", timeout=5.0).status_code == 200
    except httpx.HTTPError:
        return False


# --- starting and stopping --------------------------------------------------------------------


def test_from_start_to_stop_it_does_what_it_says(start_service, connect) -> None:
    service = start_service()
    assert httpx.get(service.url + "/healthz").status_code == 200
    assert answers(service.url)
    assert (service.data / "cli-token").stat().st_mode & 0o777 == 0o600
    station = connect(service, "N-001")
    assert station.call("b", "BootNotification", BOOT)[2]["status"] == "Accepted"
    assert station.call("h", "Heartbeat", {})[:2] == [3, "h"]
    children = service.children()
    began_s = time.monotonic()
    service.ask_to_stop()
    assert station.receive().code == 1001  # going away: stations dial again
    assert service.stop() == 0
    assert time.monotonic() - began_s < 5.0
    assert not any(is_alive(pid) for pid in children.values())
    assert "stopping" in service.out[-1]
    facts = service.facts()
    assert [fact["type"] for fact in facts] == [
        "ServiceStarted",
        "Connected",
        "Heard",
        "ServiceStopped",
    ]
    service.assert_no_bug()


def test_an_answer_that_is_due_leaves_before_it_stops(start_service, connect) -> None:
    service = start_service()
    stations = [connect(service, f"DRAIN-{number}") for number in range(50)]
    for station in stations:
        station.send(json.dumps([2, "last", "DataTransfer", {"vendorId": "x"}]))
    service.ask_to_stop()
    ends = [(station.receive(), station.receive()) for station in stations]
    assert service.stop() == 0
    kept = {str(entry.station) for entry in service.entries() if entry.kind == 1}
    for number, (answer, end) in enumerate(ends):
        if isinstance(answer, bytes):
            assert json.loads(answer) == [3, "last", {"status": "Accepted"}]
            assert f"DRAIN-{number}" in kept
            assert end.code == 1001
        else:  # it was told to go before its call was read: it will say it again
            assert answer.code == 1001
    service.assert_no_bug()


def test_a_second_service_on_the_same_data_is_refused_and_harms_nothing(
    start_service, run_foretell, connect
) -> None:
    service = start_service()
    ports = ("--ocpp-port", 0, "--http-port", 0)
    second = run_foretell("serve", "--data", service.data, *ports)
    assert second.returncode == 2, second.stdout + second.stderr
    assert "another service works on" in second.stderr
    assert "Traceback" not in second.stderr
    station = connect(service, "N-001")
    assert station.call("b", "BootNotification", BOOT)[2]["status"] == "Accepted"
    station.socket.close()
    assert answers(service.url)
    assert service.items("tickets") == []  # this machine's token still opens the door
    assert service.stop() == 0
    turns = [f["type"] for f in service.facts() if f["type"].startswith("Service")]
    assert turns == ["ServiceStarted", "ServiceStopped"]
    service.assert_no_bug()


def test_a_port_that_is_taken_is_named(run_foretell, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run_foretell("serve", "--data", tmp_path / "d", "--ocpp-port", port)
    assert done.returncode == 2
    assert str(port) in done.stderr
    assert "--ocpp-port" in done.stderr
    assert "Traceback" not in done.stderr


# --- dying ------------------------------------------------------------------------------------


def test_a_web_that_dies_comes_back_and_stations_notice_nothing(start_service, connect) -> None:
    service = start_service()
    station = connect(service, "N-001")
    killed = service.kill("web")
    assert station.call("1", "DataTransfer", {"vendorId": "x"})[:2] == [3, "1"]
    service.wait_for(lambda: any("web is back" in line for line in service.out), "web")
    assert any(line.startswith("web died (signal 9)") for line in service.out)
    assert answers(service.url)  # at the same address as before
    assert service.children()["web"] != killed
    assert station.call("2", "DataTransfer", {"vendorId": "x"})[:2] == [3, "2"]


def test_while_core_is_away_web_says_so(start_service) -> None:
    service = start_service()
    core = service.children()["core"]
    os.kill(core, signal.SIGSTOP)
    try:
        answer = httpx.get(service.url + "/readyz", timeout=10.0)
    finally:
        os.kill(core, signal.SIGCONT)
    assert answer.status_code == 503
    assert answer.json()["reasons"]
    service.wait_for(lambda: answers(service.url), "it to be ready again")


def test_without_its_supervisor_nothing_stays_behind(start_service, connect) -> None:
    service = start_service()
    station = connect(service, "N-001")
    children = service.children()
    service.process.kill()
    service.process.wait(10.0)
    assert station.receive().code == 1001
    service.wait_for(
        lambda: not any(is_alive(pid) for pid in children.values()), "both to end", 20.0
    )
    assert service.facts()[-1]["type"] == "ServiceStopped"


def test_a_start_after_a_supervisors_death_knows_everything(start_service, connect) -> None:
    service = start_service()
    station = connect(service, "N-001")
    station.call("f", "StatusNotification", FAULTED)
    service.wait_for(lambda: len(service.items("tickets")) > 0, "the ticket")
    before = service.items("tickets")
    for pid in (*service.children().values(), service.process.pid):
        os.kill(pid, signal.SIGKILL)
    service.process.wait(10.0)
    again = start_service(service.data)
    assert again.items("tickets") == before
    stations = {item["id"]: item for item in again.items("stations")}
    assert stations["N-001"]["status"] == {"1": "Faulted"}
    assert stations["N-001"]["online"] is None  # our outage: it may well be there


def test_dying_again_while_it_recovers_changes_nothing(start_service, connect) -> None:
    service = start_service()
    station = connect(service, "N-001")
    station.call("f", "StatusNotification", FAULTED)
    service.wait_for(lambda: len(list((service.data / "mail").glob("*.eml"))) > 0, "the mail")
    tickets, notices = service.items("tickets"), service.items("notices")
    killed = {service.kill("core")}
    for lives_s in (0.3, 0.7):  # importing, opening the stores, replaying: wherever it is
        service.wait_for(
            lambda: service.children().get("core", 0) not in {0, *killed}, "core to be started"
        )
        time.sleep(lives_s)
        killed.add(service.kill("core"))
    backs = sum("core is back" in line for line in service.out)
    service.wait_for(
        lambda: sum("core is back" in line for line in service.out) > backs, "core", 30.0
    )
    assert service.items("tickets") == tickets
    assert service.items("notices") == notices
    assert len(list((service.data / "mail").glob("*.eml"))) == len(notices)
    assert service.stop() == 0
    positions = [entry.position for entry in service.entries()]
    assert positions == sorted(set(positions))
    turns = [f["type"] for f in service.facts() if f["type"].startswith("Service")]
    assert turns == ["ServiceStarted", "ServiceStopped"] * (len(turns) // 2)
    service.assert_no_bug()


# --- the same station twice -------------------------------------------------------------------


def test_the_newer_connection_of_a_station_wins_and_nobody_is_offline(
    start_service, connect
) -> None:
    service = start_service()
    first = connect(service, "N-001")
    first.call("b", "BootNotification", BOOT)
    second = connect(service, "n-001")  # spelled otherwise, the same station
    assert first.receive().code == 1001
    first.socket.close()
    assert second.call("s", "StatusNotification", FAULTED) == [3, "s", {}]
    service.wait_for(
        lambda: service.metric("foretell_connections") == 1, "the first one to end", 10.0
    )
    facts = [fact["type"] for fact in service.facts("N-001") if fact["type"] != "Heard"]
    assert facts == ["Connected", "Connected"]
    online = {item["id"]: item["online"] for item in service.items("stations")}
    assert online["N-001"] is True
    second.socket.close()
    service.wait_for(
        lambda: service.facts("N-001")[-1]["type"] == "Disconnected", "the end of the second"
    )


# --- files that are wrong ---------------------------------------------------------------------

BAD_FLEET = """\
customers:
  - {id: acme, name: ACME}
sites:
  - id: north
    customer: nobody
    timezone: Europe/Berlin
    stations:
      - {id: N-001, evses: none}
"""

BAD_RULE = """\
- rule: connector-faulted
  summary: x
  detector: reported-fault
  severity: enormous
"""


def serve(run_foretell: Any, folder: Path, *options: object) -> Any:
    """Try to start a service that should refuse to."""
    ports = ("--ocpp-port", 0, "--http-port", 0)
    done = run_foretell("serve", "--data", folder / "data", *ports, *options)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_a_bad_fleet_file_is_told_with_its_lines(run_foretell, tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(BAD_FLEET)
    checked = run_foretell("fleet", "check", file)
    assert checked.returncode == 1
    told = checked.stdout.splitlines()
    assert any(line.startswith(f"{file}:5: ") for line in told), told
    assert any(line.startswith(f"{file}:8: ") for line in told), told
    served = serve(run_foretell, tmp_path, "--fleet", file)
    assert served.returncode == 2
    assert [line.strip() for line in served.stderr.splitlines() if ".yaml:" in line] == told


@pytest.mark.parametrize("text", ["a: [", "- 1", "\x00", "customers: 3"])
def test_a_fleet_file_that_is_none_is_told_too(run_foretell, tmp_path: Path, text) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(text)
    served = serve(run_foretell, tmp_path, "--fleet", file)
    assert served.returncode == 2
    assert f"{file}:1: " in served.stderr or f"{file}:2: " in served.stderr, served.stderr


def test_a_fleet_file_that_is_missing_is_named(run_foretell, tmp_path: Path) -> None:
    served = serve(run_foretell, tmp_path, "--fleet", tmp_path / "nowhere.yaml")
    assert served.returncode == 2
    assert "nowhere.yaml" in served.stderr


def test_bad_settings_are_told_with_file_and_line(run_foretell, tmp_path: Path) -> None:
    file = tmp_path / "foretell.toml"
    file.write_text('host = "127.0.0.1"\n[ocpp]\nport = "many"\nports = 3\n')
    served = serve(run_foretell, tmp_path, "--config", file)
    assert served.returncode == 2
    # --ocpp-port overrides the bad port; the unknown key stays.
    assert f"{file}:4: " in served.stderr
    assert "ports" in served.stderr
    file.write_text('host = "127.0.0.1\n')
    served = serve(run_foretell, tmp_path, "--config", file)
    assert served.returncode == 2
    assert f"{file}:1: " in served.stderr


def test_bad_rules_are_told_with_file_and_line(run_foretell, tmp_path: Path) -> None:
    rules = tmp_path / "rules" / "catalogue"
    rules.mkdir(parents=True)
    (rules / "own.yaml").write_text(BAD_RULE)
    served = serve(run_foretell, tmp_path, "--rules", rules.parent)
    assert served.returncode == 2
    assert f"{rules / 'own.yaml'}:1: " in served.stderr
    assert "severity" in served.stderr


def test_a_store_of_a_newer_release_is_not_touched(
    start_service, run_foretell, tmp_path: Path
) -> None:
    service = start_service()
    assert service.stop() == 0
    newest = max((service.data / "journal").glob("*.db"))
    with sqlite3.connect(newest) as file:
        file.execute("PRAGMA user_version=99")
    file.close()
    before = newest.read_bytes()
    done = run_foretell("serve", "--data", service.data, "--ocpp-port", 0, "--http-port", 0)
    assert done.returncode == 2
    assert "99" in done.stderr
    assert "Traceback" not in done.stderr
    assert newest.read_bytes() == before
