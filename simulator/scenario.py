"""Scenarios: what goes wrong in the simulated fleet, and when.

A scenario file is YAML; `at` and all other times are real seconds, `at` from the start:

    name: a short story
    steps:
      - {at: 15, do: fault, station: A, connector: 1, code: GroundFailure}
      - {at: 20, do: fault, station: B, code: InternalError, status: "", text: "fan slow",
         vendor_id: acme, vendor_code: E17, for: 300}
      - {at: 600, do: clear, station: A, connector: 1}
      - {at: 30, do: drop, station: C}                    # dials again by itself
      - {at: 30, do: leave, station: C, for: 900}         # stays away; without `for` for good
      - {at: 60, do: outage, site: north, for: 840, power: true}
      - {at: 900, do: return, site: south}                # or station: ...
      - {at: 45, do: flap, station: D, connector: 1, times: 6, lasts: 35, pause: 40}
      - {at: 45, do: flicker, station: D, times: 6, every: 60}    # the connection flaps
      - {at: 80, do: boot-loop, station: E, times: 6, every: 45}
      - {at: 90, do: garbage, station: F, frame: "[2,broken"}
      - {at: 95, do: double, station: F}                  # a second connection, same id

`connector` is 0 (the station) by default, `code` OtherError, `status` Faulted; status "" is an
error code without Faulted. Unfolding turns steps into plain acts, in the order of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from simulator.acts import (
    Boot,
    Break,
    DialAgain,
    Drop,
    Moment,
    Return,
    Scenario,
    SendRaw,
    Turns,
    absence,
    fault,
    flap,
    outage,
    scenario_of,
)
from simulator.places import Report
from simulator.plan import FleetPlan


class ScenarioError(Exception):
    """A scenario that cannot be played; the message says where and what was expected."""


def read_scenario(path: Path, fleet: FleetPlan) -> Scenario:
    """Read a scenario file for a fleet.

    Raises ScenarioError where a step cannot be played, OSError where the file cannot be opened.
    """
    text = path.read_text(encoding="utf-8")
    try:
        document, root = yaml.safe_load(text), yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: not YAML: {error}") from error
    steps = document.get("steps") if isinstance(document, dict) else None
    if not isinstance(steps, list):
        raise ScenarioError(f"{path}: expected `steps`, a list")
    reader = _Reader(fleet)
    moments: list[Moment] = []
    for step, line in zip(steps, _lines_of_steps(root), strict=True):
        try:
            moments += reader.step(step)
        except ScenarioError as error:
            raise ScenarioError(f"{path}:{line}: {error}") from None
    return scenario_of(str(document.get("name", path.stem)), moments)


def _lines_of_steps(root: yaml.Node | None) -> list[int]:
    """The line each step begins on."""
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            if key.value == "steps":
                return [step.start_mark.line + 1 for step in value.value]
    return []


_REPORT = {"station", "connector", "code", "status", "text", "vendor_id", "vendor_code"}
_KEYS = {
    "fault": _REPORT | {"for"},
    "clear": {"station", "connector"},
    "drop": {"station"},
    "leave": {"station", "for", "power"},
    "outage": {"site", "for", "power"},
    "return": {"station", "site"},
    "flap": _REPORT | {"times", "lasts", "pause"},
    "flicker": {"station", "times", "every"},
    "boot-loop": {"station", "times", "every"},
    "garbage": {"station", "frame"},
    "double": {"station"},
}  # fmt: skip


class _Reader:
    """Reads steps against the fleet they are about."""

    def __init__(self, fleet: FleetPlan) -> None:
        self._evses = {station.id: station.evses for station in fleet.stations}
        self._sites = {site.id: [s.id for s in site.stations] for site in fleet.sites}

    def step(self, step: object) -> list[Moment]:
        if not isinstance(step, Mapping):
            raise ScenarioError("expected keys and values")
        kind = step.get("do")
        if kind not in _KEYS:
            raise ScenarioError(f"`do` is {kind!r}, expected one of {', '.join(_KEYS)}")
        unknown = set(step) - _KEYS[str(kind)] - {"at", "do"}
        if unknown:
            raise ScenarioError(f"unknown key {min(map(str, unknown))!r} for `do: {kind}`")
        at_s = self._number(step, "at")
        if kind in ("outage", "return"):
            return self._of_site(str(kind), at_s, step)
        return self._of_station(str(kind), at_s, self._station(step), step)

    def _of_site(self, kind: str, at_s: float, step: Mapping[object, object]) -> list[Moment]:
        if kind == "return" and "station" in step:
            return [Moment(at_s, Return(station=self._station(step)))]
        site = step.get("site")
        stations = self._sites.get(str(site))
        if stations is None:
            raise ScenarioError(f"site {site!r} is not in the fleet")
        if kind == "return":
            return [Moment(at_s, Return(station=station)) for station in stations]
        for_s, has_no_power = self._duration(step), bool(step.get("power", False))
        return outage(at_s, stations, for_s, loses_power=has_no_power)

    def _of_station(
        self, kind: str, at_s: float, station: str, step: Mapping[object, object]
    ) -> list[Moment]:
        match kind:
            case "fault":
                connector = self._connector(step, station)
                return fault(at_s, station, connector, _report(step), self._duration(step))
            case "clear":
                connector = self._connector(step, station)
                act = Break(station=station, connector=connector, report=None)
                return [Moment(at_s, act)]
            case "flap":
                turns = Turns(
                    self._times(step),
                    lasts_s=self._number(step, "lasts", 40.0),
                    pause_s=self._number(step, "pause", 40.0),
                )
                connector = self._connector(step, station)
                return flap(at_s, station, connector, _report(step), turns)
            case "leave":
                has_no_power = bool(step.get("power", False))
                for_s = self._duration(step)
                return absence(at_s, station, for_s, loses_power=has_no_power)
            case "flicker" | "boot-loop":
                act_of = Drop if kind == "flicker" else Boot
                gap_s = self._number(step, "every", 45.0)
                return [
                    Moment(at_s + turn * gap_s, act_of(station=station))
                    for turn in range(self._times(step))
                ]
            case "garbage":
                frame = str(step.get("frame", "[2,"))
                return [Moment(at_s, SendRaw(station=station, frame=frame))]
            case "drop":
                return [Moment(at_s, Drop(station=station))]
            case _:
                return [Moment(at_s, DialAgain(station=station))]

    def _station(self, step: Mapping[object, object]) -> str:
        station = str(step.get("station"))
        if station not in self._evses:
            raise ScenarioError(f"station {station!r} is not in the fleet")
        return station

    def _connector(self, step: Mapping[object, object], station: str) -> int:
        number = step.get("connector", 0)
        if not isinstance(number, int) or not 0 <= number <= self._evses[station]:
            raise ScenarioError(
                f"connector {number!r}: {station} has 0 to {self._evses[station]}"
            )
        return number

    def _number(
        self, step: Mapping[object, object], key: str, default: float | None = None
    ) -> float:
        value = step.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
            raise ScenarioError(f"`{key}` is {value!r}, expected seconds")
        return float(value)

    def _times(self, step: Mapping[object, object]) -> int:
        return max(1, int(self._number(step, "times", 4.0)))

    def _duration(self, step: Mapping[object, object]) -> float | None:
        return self._number(step, "for") if "for" in step else None


def _report(step: Mapping[object, object]) -> Report:
    return Report(
        code=str(step.get("code", "OtherError")),
        status=str(step.get("status", "Faulted")),
        vendor_id=str(step.get("vendor_id", "")),
        vendor_code=str(step.get("vendor_code", "")),
        text=str(step.get("text", "")),
    )
