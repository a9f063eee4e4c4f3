"""Scenarios: logs written short, played through the real core, compared with what was promised.

A scenario file is a list. `log` lines are `[+DAYS] HH:MM[:SS] WHO WHAT`, in UTC, counted from
`starts` (2026-01-05, a Monday, where it is not given; Berlin is one hour ahead):

    08:00 N-001,N-002 connected [PROTOCOL]      08:00 N-001 disconnected [CODE]
    08:00 N-001 boot [INTERVAL]                 with our answer, where an interval is given
    08:00 N-001 beats until 12:00               a Heartbeat every 20 minutes, the end included
    08:00 N-001/1 Faulted [ERRORCODE] [vendorErrorCode=..] [vendorId=..] [info=..]
    08:00 N-001 received FRAME                  08:00 N-001 sent FRAME
    08:00 N-001 repeats TIMES SECONDS FRAME     {n}, {now} and {wh}, a register that rises
    08:00 maintenance PLACE until 12:00         08:00 contact CUSTOMER CHANNEL [PLACE] [: WORDS]
    08:00 service_stopped | service_started | tick
    ! TEXT                                      the line as it stands

`expect` names keys of the report. Its tickets (but `tasks`, which stand apart), notices and
faults are all there are, in order; each names some members: `has` and `lacks` are words of a
notice's text. Short forms:
`08:02 opened depot,projects` and `08:02 connector-faulted@N-001/1 cleared 08:20 by RULE@PLACE`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.fleet_file import read_fleet
from app.replay import run_logs
from app.rule_files import load_rules

HERE = Path(__file__).parent
MONDAY = "2026-01-05"
BEAT_EVERY = timedelta(minutes=20)
MOMENTS = {
    "at",
    "opened_at",
    "resolved_at",
    "closed_at",
    "next_update_at",
    "raised_at",
    "cleared_at",
    "seen_at",
    "last_heard_at",
}
_CLOCK = re.compile(r"(?:\+(\d+) )?(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?$")
_LINE = re.compile(r"((?:\+\d+ )?\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (.*)$", re.DOTALL)

Report = dict[str, Any]
Scenario = dict[str, Any]


class Clock:
    """Moments of one scenario: days and hours from its first midnight, in UTC."""

    def __init__(self, starts: str) -> None:
        self.midnight = datetime.fromisoformat(starts).replace(tzinfo=UTC)

    def at(self, text: str) -> datetime:
        """Read `HH:MM`, `HH:MM:SS` or `+DAYS HH:MM`."""
        found = _CLOCK.match(text.strip())
        assert found is not None, f"no moment: {text!r}"
        days, hours, minutes, seconds = found.groups()
        return self.midnight + timedelta(
            days=int(days or 0),
            hours=int(hours),
            minutes=int(minutes),
            seconds=float(seconds or 0),
        )

    def written(self, text: str) -> str:
        """Write a moment as the report does."""
        return written(self.at(text))


def written(at: datetime) -> str:
    text = at.replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


class Log:
    """The lines of one scenario, as JSON."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._number = 0

    def lines(self, short: list[str]) -> list[str]:
        """Return the log, in the order of time where it can be read."""
        timed: list[tuple[datetime, str]] = []
        latest = self._clock.midnight
        for entry in short:
            if entry.startswith("! "):
                timed.append((latest, entry[2:]))
                continue
            found = _LINE.match(entry)
            assert found is not None, f"no log line: {entry!r}"
            latest = self._clock.at(found[1])
            timed += [(at, json.dumps(line)) for at, line in self._expand(latest, found[2])]
        return [line for _, line in sorted(timed, key=lambda pair: pair[0])]

    def _expand(self, at: datetime, rest: str) -> Iterator[tuple[datetime, dict[str, Any]]]:
        who, _, what = rest.partition(" ")
        if who in ("service_stopped", "service_started", "tick"):
            yield self._line(at, event=who)
        elif who == "maintenance":
            place, _, until = what.partition(" until ")
            key = "station" if "-" in place else "site"
            ends = written(self._clock.at(until))
            yield self._line(at, event="maintenance", until=ends, **{key: place})
        elif who == "contact":
            yield self._contact(at, what)
        else:
            for station in who.split(","):
                yield from self._station(at, station, what)

    def _contact(self, at: datetime, what: str) -> tuple[datetime, dict[str, Any]]:
        head, _, text = what.partition(":")
        customer, channel, *place = head.split()
        about = {("station" if "-" in name else "site"): name for name in place}
        return self._line(
            at, event="contact", customer=customer, channel=channel, text=text.strip(), **about
        )

    def _station(
        self, at: datetime, who: str, what: str
    ) -> Iterator[tuple[datetime, dict[str, Any]]]:
        station, _, connector = who.partition("/")
        verb, _, rest = what.partition(" ")
        if connector:
            yield self._call(at, station, "StatusNotification", _status(connector, verb, rest))
        elif verb == "connected":
            extra = {"protocol": rest} if rest else {}
            yield self._line(at, event="connected", station=station, **extra)
        elif verb == "disconnected":
            extra = {"code": int(rest)} if rest else {}
            yield self._line(at, event="disconnected", station=station, **extra)
        elif verb in ("received", "sent"):
            yield self._line(at, event=verb, station=station, frame=rest)
        elif verb == "repeats":
            yield from self._repeats(at, station, rest)
        elif verb == "boot":
            yield from self._boot(at, station, rest)
        elif verb == "beats":
            until = self._clock.at(rest.removeprefix("until "))
            while at < until:
                yield self._call(at, station, "Heartbeat", {})
                at += BEAT_EVERY
            yield self._call(until, station, "Heartbeat", {})
        else:
            raise AssertionError(f"unknown: {who} {what}")

    def _repeats(
        self, at: datetime, station: str, rest: str
    ) -> Iterator[tuple[datetime, dict[str, Any]]]:
        times, seconds, frame = rest.split(" ", 2)
        for number in range(int(times)):
            moment = at + number * timedelta(seconds=float(seconds))
            said = frame.replace("{n}", str(number)).replace("{now}", written(moment))
            said = said.replace("{wh}", str(5000 + 117 * number))
            yield self._line(moment, event="received", station=station, frame=said)

    def _boot(
        self, at: datetime, station: str, interval: str
    ) -> Iterator[tuple[datetime, dict[str, Any]]]:
        boot = {
            "chargePointVendor": "Acme",
            "chargePointModel": "One",
            "firmwareVersion": "1.2.3",
        }
        yield self._call(at, station, "BootNotification", boot)
        if interval:
            answer = {
                "status": "Accepted",
                "currentTime": written(at),
                "interval": int(interval),
            }
            frame = json.dumps([3, str(self._number), answer])
            yield self._line(at, event="sent", station=station, frame=frame)

    def _call(
        self, at: datetime, station: str, action: str, payload: dict[str, Any]
    ) -> tuple[datetime, dict[str, Any]]:
        self._number += 1
        frame = json.dumps([2, str(self._number), action, payload])
        return self._line(at, event="received", station=station, frame=frame)

    def _line(self, at: datetime, **members: Any) -> tuple[datetime, dict[str, Any]]:
        return at, {"at": written(at), **members}


def _status(connector: str, status: str, rest: str) -> dict[str, Any]:
    words = re.findall(r"(\w+)=('[^']*'|\S+)|(\S+)", rest)
    payload: dict[str, Any] = {
        "connectorId": int(connector),
        "status": status,
        "errorCode": next((bare for _, _, bare in words if bare), "NoError"),
    }
    return payload | {key: value.strip("'") for key, value, _ in words if key}


def stories() -> list[tuple[str, Scenario]]:
    """All scenarios of this folder: (file and sentence, scenario). Scalars are texts."""
    found = []
    for file in sorted(HERE.glob("*.yaml")):
        if file.name == "fleets.yaml":
            continue
        scenarios = yaml.load(file.read_text("utf-8"), Loader=yaml.BaseLoader)
        found += [(f"{file.stem}: {one['scenario']}", one) for one in scenarios]
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "scenario" in metafunc.fixturenames:
        named = stories()
        metafunc.parametrize("scenario", [s for _, s in named], ids=[name for name, _ in named])


@pytest.fixture(scope="session")
def fleet_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The named fleets as files."""
    folder = tmp_path_factory.mktemp("fleets")
    text = (HERE / "fleets.yaml").read_text("utf-8")
    files = {}
    for name, fleet in yaml.safe_load(text).items():
        files[name] = folder / f"{name}.yaml"
        files[name].write_text(yaml.safe_dump(fleet, allow_unicode=True), "utf-8")
    return files


@pytest.fixture
def play(fleet_files: dict[str, Path], tmp_path: Path) -> Callable[[Scenario], Report]:
    """Play a scenario through `replay` and return the report it prints."""
    catalogue, dictionary = load_rules()

    def run(scenario: Scenario) -> Report:
        clock = Clock(scenario.get("starts", MONDAY))
        log = tmp_path / "log.jsonl"
        log.write_text("\n".join(Log(clock).lines(scenario["log"])) + "\n", "utf-8")
        until = clock.at(scenario["until"]) if "until" in scenario else None
        registry = read_fleet(fleet_files[scenario.get("fleet", "depot")])
        return run_logs([log], registry, catalogue, dictionary, until)

    return run


@pytest.fixture
def mismatches() -> Callable[[Scenario, Report], list[str]]:
    """Say in what a report differs from what a scenario expects; [] where it holds."""

    def compare(scenario: Scenario, report: Report) -> list[str]:
        clock = Clock(scenario.get("starts", MONDAY))
        expected = dict(scenario["expect"])
        wrong: list[str] = []
        readers = {"notices": _notices, "faults": _faults}
        tickets = report["tickets"]
        lists = report | {
            "tickets": [ticket for ticket in tickets if ticket["kind"] != "task"],
            "tasks": [ticket for ticket in tickets if ticket["kind"] == "task"],
        }
        for key in ("tickets", "tasks", "notices", "faults"):
            if key in expected:
                wanted = expected.pop(key)
                if key in readers:
                    wanted = [one for short in wanted for one in readers[key](short)]
                wrong += _list_differs(key, wanted, lists[key], clock)
        if "skipped" in expected:
            wanted = expected.pop("skipped")
            wrong += _list_differs("skipped", wanted, report["skipped"], clock)
        for wanted in expected.pop("stations", ()):
            actual = [s for s in report["stations"] if s["id"] == wanted["id"]]
            wrong += _list_differs(f"station {wanted['id']}", [wanted], actual, clock)
        for key, wanted in expected.items():
            if _plain(report[key]) != wanted:
                wrong.append(f"{key}: expected {wanted}, got {_plain(report[key])}")
        return wrong

    return compare


def _notices(short: Any) -> list[dict[str, Any]]:
    if isinstance(short, dict):
        head, rest = short.get("notice"), {k: v for k, v in short.items() if k != "notice"}
        return [one | rest for one in (_notices(head) if head else [{}])]
    at, reason, to = short.rsplit(" ", 2)
    return [{"at": at, "reason": reason, "to": reader} for reader in to.split(",")]


def _faults(short: Any) -> list[dict[str, Any]]:
    if isinstance(short, dict):
        return [short]
    found = re.fullmatch(
        r"(.+?) ([a-z-]+)@(\S+)(?: cleared ((?:\+\d+ )?\S+))?(?: by (\S+))?", short
    )
    assert found is not None, f"no fault: {short!r}"
    at, rule, place, cleared_at, by = found.groups()
    return [
        {
            "raised_at": at,
            "rule": rule,
            "place": place,
            "cleared_at": cleared_at or "null",
            "inhibited_by": by or "null",
        }
    ]


def _list_differs(
    what: str, wanted: list[dict[str, Any]], actual: list[dict[str, Any]], clock: Clock
) -> list[str]:
    wrong = []
    if len(wanted) != len(actual):
        wrong.append(f"{what}: expected {len(wanted)}, got {len(actual)}")
    for index, (one, other) in enumerate(zip(wanted, actual, strict=False)):
        for key, value in one.items():
            wrong += [
                f"{what}[{index}] {said}" for said in _member_differs(key, value, other, clock)
            ]
    if wrong:
        wrong.append(f"{what} are: " + "\n".join(json.dumps(one) for one in actual))
    return wrong


def _member_differs(
    key: str, value: Any, actual: dict[str, Any], clock: Clock
) -> Iterator[str]:
    if key in ("has", "lacks"):
        said = f"{actual['subject']}\n{actual['text']}"
        for words in [value] if isinstance(value, str) else value:
            if (words in said) is (key == "lacks"):
                yield f"{key} {words!r}: {said!r}"
        return
    if key in MOMENTS and value != "null":
        value = clock.written(value)
    got = _plain(actual[key])
    if key == "to" and "@" not in value and not value.startswith("+49"):
        got = got.partition("@")[0]
    if got != value:
        yield f"{key}: expected {value}, got {got}"


def _plain(value: Any) -> Any:
    """Return a value of the report as a scenario writes it: all scalars as texts."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value if isinstance(value, str) else json.dumps(value)
