"""A strict station that others wrote: the npm package ocpp-rpc, which shares no code with us
and checks every message of both sides against the schemas it ships.

It says every action a station can say and answers every command there is, in each version. What
it says comes from its own schemas, so that an action of a later release is not forgotten.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e

STATION_JS = Path(__file__).parent / "data" / "ocpp_rpc_station.js"
NOW = "2026-01-05T08:00:00Z"

SCHEMAS = {
    "ocpp1.6": ("ocpp1_6.json", ".req", ".conf"),
    "ocpp2.0.1": ("ocpp2_0_1.json", ".req", ".conf"),
    "ocpp2.1": ("ocpp2_1.json", "Request", "Response"),
}

# What stations say in each version; the rest are commands, DataTransfer is both.
SAID_16 = frozenset(
    """Authorize BootNotification DataTransfer DiagnosticsStatusNotification
    FirmwareStatusNotification Heartbeat LogStatusNotification MeterValues
    SecurityEventNotification SignCertificate SignedFirmwareStatusNotification
    StartTransaction StatusNotification StopTransaction""".split()  # noqa: SIM905
)
SAID_201 = frozenset(
    """Authorize BootNotification ClearedChargingLimit DataTransfer FirmwareStatusNotification
    Get15118EVCertificate GetCertificateStatus Heartbeat LogStatusNotification MeterValues
    NotifyChargingLimit NotifyCustomerInformation NotifyDisplayMessages NotifyEVChargingNeeds
    NotifyEVChargingSchedule NotifyEvent NotifyMonitoringReport NotifyReport
    PublishFirmwareStatusNotification ReportChargingProfiles ReservationStatusUpdate
    SecurityEventNotification SignCertificate StatusNotification
    TransactionEvent""".split()  # noqa: SIM905
)
SAID_21 = SAID_201 | frozenset(
    """BatterySwap ClosePeriodicEventStream GetCertificateChainStatus NotifyDERAlarm
    NotifyDERStartStop NotifyPriorityCharging NotifySettlement OpenPeriodicEventStream
    PullDynamicScheduleUpdate ReportDERControl VatNumberValidation""".split()  # noqa: SIM905
)
SAID = {"ocpp1.6": SAID_16, "ocpp2.0.1": SAID_201, "ocpp2.1": SAID_21}

Schema = dict[str, Any]


@dataclass(frozen=True)
class Words:
    """One version's messages as the package has them: schemas of calls and of answers."""

    calls: dict[str, Schema]
    answers: dict[str, Schema]

    def plan(self, version: str) -> dict[str, Any]:
        """Return what the station is to say and to answer."""
        said = sorted(SAID[version] - {"BootNotification"})  # it has booted by then
        return {
            "say": [[action, example_of(self.calls[action])] for action in said],
            "obey": {
                action: example_of(self.answers[action]) for action in self.commands(version)
            },
        }

    def commands(self, version: str) -> list[str]:
        """Return what a station can be told."""
        return sorted(self.calls.keys() - SAID[version] | {"DataTransfer"})


def example_of(schema: Schema, root: Schema | None = None) -> Any:
    """Return the smallest value that a schema allows."""
    root = root or schema
    if "$ref" in schema:
        return example_of(root["definitions"][schema["$ref"].rpartition("/")[2]], root)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            required = schema.get("required", ())
            return {name: example_of(schema["properties"][name], root) for name in required}
        case "array":
            return [example_of(schema["items"], root)] * max(1, schema.get("minItems", 1))
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
        case _:
            text = {"date-time": NOW, "uri": "ftp://example.com/"}.get(schema.get("format", ""))
            return text or "x" * max(1, schema.get("minLength", 1))


@pytest.fixture(scope="module", params=SCHEMAS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def words(node_packages, version: str) -> Words:
    file, call, answer = SCHEMAS[version]
    path = node_packages[1] / "ocpp-rpc" / "lib" / "schemas" / file
    schemas = {s["$id"].removeprefix("urn:"): s for s in json.loads(path.read_text("utf-8"))}
    return Words(
        {name.removesuffix(call): s for name, s in schemas.items() if name.endswith(call)},
        {name.removesuffix(answer): s for name, s in schemas.items() if name.endswith(answer)},
    )


@pytest.fixture(scope="module")
def service(start_service) -> Any:
    return start_service()


StartStrict = Callable[[str, str, dict[str, Any]], "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def strict_station(node_packages, service, tmp_path_factory) -> Iterator[StartStrict]:
    """Start a strict station of an id, a version and a plan; it ends by itself after it."""
    node, modules = node_packages
    environment = os.environ | {"NODE_PATH": str(modules)}
    started: list[subprocess.Popen[str]] = []

    def start(station: str, version: str, plan: dict[str, Any]) -> subprocess.Popen[str]:
        path = tmp_path_factory.mktemp("plan") / "plan.json"
        path.write_text(json.dumps(plan))
        process = subprocess.Popen(
            [*node, str(STATION_JS), service.stations_url, station, version, str(path)],
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


@dataclass(frozen=True)
class Told:
    """What came of one station's life: its report, and our answers by command."""

    station: str
    report: dict[str, Any]
    commanded: dict[str, Any]

    @property
    def answers(self) -> dict[str, Any]:
        """Our last answer to each action."""
        return {step["action"]: step["answer"] for step in self.report["steps"]}

    def first(self, action: str) -> Any:
        """Return our first answer to an action: within the charging."""
        return next(s["answer"] for s in self.report["steps"] if s["action"] == action)


@pytest.fixture(scope="module")
def told(strict_station, service, version: str, words: Words) -> Told:
    station = f"STRICT-{version}"
    plan = words.plan(version)
    process = strict_station(station, version, plan)
    service.wait_for(
        lambda: any(b'"done"' in frame for frame in service.frames(station)), "its talk"
    )
    commanded = {
        action: command(service, station, action, example_of(words.calls[action]))
        for action in words.commands(version)
    }
    out, err = process.communicate(timeout=120.0)
    assert out, err
    return Told(station, json.loads(out), commanded)


def test_every_message_there_is_has_a_direction(words: Words, version: str) -> None:
    assert SAID[version] <= words.calls.keys()
    count = {"ocpp1.6": 26, "ocpp2.0.1": 40, "ocpp2.1": 55}[version]
    assert len(words.commands(version)) == count


def test_a_strict_station_finds_nothing_wrong_with_us(told: Told, service, version) -> None:
    assert told.report["failures"] == []
    assert told.report["protocol"] == version
    assert told.answers.keys() == SAID[version]
    service.assert_no_bug()


def test_it_is_answered_as_a_station_needs_it(told: Told, version: str) -> None:
    assert told.first("BootNotification")["status"] == "Accepted"
    assert told.first("DataTransfer") == {"status": "Accepted"}
    if version == "ocpp1.6":
        assert told.first("Authorize") == {"idTagInfo": {"status": "Accepted"}}
        assert told.first("StartTransaction")["transactionId"] > 0
        assert told.first("StopTransaction") == {"idTagInfo": {"status": "Accepted"}}
    else:
        assert told.first("Authorize")["idTokenInfo"]["status"] == "Accepted"


def test_every_command_reaches_it_and_its_answer_comes_back(
    told: Told, words: Words, version: str
) -> None:
    obey = words.plan(version)["obey"]
    assert {item["action"] for item in told.report["commands"]} == obey.keys()
    for action, answered in told.commanded.items():
        assert answered["outcome"] == "answered", (action, answered)
        assert answered["payload"].keys() == obey[action].keys(), action


def test_both_sides_of_it_are_in_the_journal(told: Told, service) -> None:
    received = b"".join(service.frames(told.station))
    sent = b"".join(service.frames(told.station, kind=2))
    for action in told.answers.keys() - {"Heartbeat"}:  # folded into one record a minute
        assert f'"{action}"'.encode() in received, action
    for action in told.commanded:
        assert f'"{action}"'.encode() in sent, action
