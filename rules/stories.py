"""Stories: timelines beside each rule that say what it finds, and when it stays quiet.

They are tests and documentation at once. Pure: parsed mappings in, mismatches out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from domain.events import (
    AnyEvent,
    Booted,
    Connected,
    Disconnected,
    ErrorCleared,
    ErrorRaised,
    ErrorReport,
    Heard,
    HeartbeatAgreed,
    MaintenancePlanned,
    ServiceStarted,
    ServiceStopped,
    Status,
    StatusReported,
)
from domain.faults import Decision, WorkFound
from domain.places import CustomerId, Place, SiteId, StationId
from domain.registry import Customer, Registry, Site, Station
from rules.catalogue import Catalogue
from rules.dictionary import Dictionary
from rules.engine import Engine
from rules.parameters import duration

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
"""Moment zero of every story: a Monday."""

WORK = frozenset({"hardware-replaced"})
"""What stories may tell of beside the rules of a catalogue: work found for us, which has no
patience or severity that somebody could set."""

_STEP_KEYS = {
    "station",
    "site",
    "evse",
    "status",
    "error",
    "vendor",
    "vendor_code",
    "text",
    "link",
    "heard",
    "heartbeat",
    "boot",
    "service",
    "maintenance",
    "raised",
    "cleared",
    "severity",
}
_EXPECT_KEYS = {"at", "change", "rule", "place", "severity", "codes", "inhibited_by", "work"}


class StoryError(Exception):
    """A story that cannot be read; the message says what was expected."""


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """One timeline and what the rules make of it."""

    title: str
    rule: str
    steps: tuple[tuple[timedelta, AnyEvent], ...]
    until: timedelta
    expect: tuple[dict[str, Any], ...]
    registry_sites: dict[str, dict[str, int]]

    @property
    def is_quiet(self) -> bool:
        """True for a story in which its rule raises nothing."""
        return not any(
            e.get("rule") == self.rule and e.get("change") == "raised" for e in self.expect
        )


def parse_story(raw: Mapping[str, Any]) -> Story:
    """Read one story. Raises `StoryError`."""
    title = raw.get("story")
    if not isinstance(title, str):
        raise StoryError("a story begins with `story: <what happens, in a sentence>`")
    unknown = [k for k in raw if k not in _STORY_KEYS and not str(k).startswith("at ")]
    if unknown:
        raise StoryError(
            f"unknown key {unknown[0]!r}; expected {', '.join(sorted(_STORY_KEYS))}"
        )
    steps = sorted(_steps(raw), key=lambda step: step[0])
    last_at = steps[-1][0] if steps else timedelta(0)
    return Story(
        title=title,
        rule=str(raw.get("rule", "")),
        steps=tuple(steps),
        until=_span(raw["until"], "until") if "until" in raw else last_at,
        expect=_expectations(raw.get("expect")),
        registry_sites=raw.get("sites", {"S": {"A": 2}}),
    )


def _steps(raw: Mapping[str, Any]) -> Iterator[tuple[timedelta, AnyEvent]]:
    for key, value in raw.items():
        if str(key).startswith("at "):
            at = duration(str(key)[3:])
            if at is None:
                raise StoryError(f"{key!r}: expected `at <duration>` such as `at 40s`")
            for step in value if isinstance(value, list) else [value]:
                yield at, _event(step, START + at)


def _expectations(raw: object) -> tuple[dict[str, Any], ...]:
    if not isinstance(raw, list):
        raise StoryError("expect: a list is needed, [] where nothing happens")
    for entry in raw:
        if not isinstance(entry, Mapping) or not set(entry) <= _EXPECT_KEYS:
            raise StoryError(f"expect: keys are {', '.join(sorted(_EXPECT_KEYS))}")
    return tuple(dict(entry) for entry in raw)


def run_story(story: Story, catalogue: Catalogue, dictionary: Dictionary) -> list[str]:
    """Play a story and return what differs from its expectations; [] where all is as told."""
    engine = Engine(_registry(story), catalogue, dictionary)
    decisions: list[Decision | WorkFound] = []
    for at, event in story.steps:
        decisions += engine.step(START + at, event).decisions
    decisions += engine.step(START + story.until).decisions
    told = [_told(decision) for decision in decisions]
    return list(_differences(told, story.expect))


def _differences(
    told: list[dict[str, Any]], expect: tuple[dict[str, Any], ...]
) -> Iterator[str]:
    for number in range(max(len(told), len(expect))):
        if number >= len(expect):
            yield f"not expected: {_line(told[number])}"
        elif number >= len(told):
            yield f"did not happen: {_line(expect[number])}"
        else:
            wanted, was = expect[number], told[number]
            wrong = {
                key: was.get(key) for key in wanted if str(was.get(key)) != _want(wanted, key)
            }
            if wrong:
                yield f"expected {_line(wanted)}, was {_line(was)}"


def _want(wanted: dict[str, Any], key: str) -> str:
    if key == "at":
        return str(_span(wanted[key], "at"))
    return str(wanted[key])


def _line(entry: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in entry.items() if value is not None)


def _told(decision: Decision | WorkFound) -> dict[str, Any]:
    if isinstance(decision, WorkFound):
        return {
            "at": decision.at - START,
            "work": decision.rule,
            "place": str(decision.place),
            "codes": list(decision.codes),
        }
    fault = decision.fault
    return {
        "at": decision.at - START,
        "change": decision.change.value,
        "rule": fault.rule,
        "place": str(fault.place),
        "severity": fault.severity.value,
        "codes": list(fault.codes),
        "inhibited_by": fault.inhibited_by,
    }


def _registry(story: Story) -> Registry:
    customer = CustomerId("customer")
    sites = tuple(
        Site(
            id=SiteId(site),
            customer=customer,
            timezone="Europe/Berlin",
            stations=tuple(Station(id=StationId(s), evses=n) for s, n in stations.items()),
        )
        for site, stations in story.registry_sites.items()
    )
    return Registry((Customer(id=customer, name="Customer"),), sites)


def _event(step: object, at: datetime) -> AnyEvent:
    if not isinstance(step, Mapping) or not set(step) <= _STEP_KEYS:
        raise StoryError(f"a step is a map with keys of: {', '.join(sorted(_STEP_KEYS))}")
    event = _told_of_link(step, at) or _told_of_place(step, at)
    if event is None:
        raise StoryError("a step needs status, raised, link, heard, heartbeat, boot or service")
    return event


def _told_of_link(step: Mapping[str, Any], at: datetime) -> AnyEvent | None:
    station = StationId(str(step.get("station", "A")))
    if "service" in step:
        return _service(step["service"], at)
    if "heartbeat" in step:
        every = _span(step["heartbeat"], "heartbeat").total_seconds()
        return HeartbeatAgreed(observed_at=at, station=station, every_s=every)
    if "boot" in step:
        return _boot(step["boot"], station, at)
    if step.get("link") == "up":
        return Connected(observed_at=at, station=station)
    if step.get("link") == "lost":
        return Disconnected(observed_at=at, station=station, code=1006)
    return Heard(observed_at=at, station=station) if step.get("heard") else None


def _told_of_place(step: Mapping[str, Any], at: datetime) -> AnyEvent | None:
    station = StationId(str(step.get("station", "A")))
    place = Place.of_station(station, int(step.get("evse", 0)))
    if "maintenance" in step:
        until = at + _span(step["maintenance"], "maintenance")
        where = Place.of_site(SiteId(str(step["site"]))) if "site" in step else place
        return MaintenancePlanned(observed_at=at, place=where, until=until)
    if "raised" in step:
        error, severity = ErrorReport(code=str(step["raised"])), step.get("severity")
        return ErrorRaised(observed_at=at, place=place, error=error, severity=severity)
    if "cleared" in step:
        error = ErrorReport(code=str(step["cleared"]))
        return ErrorCleared(observed_at=at, place=place, error=error)
    if "status" in step:
        status, said = _status(step["status"]), _error(step)
        return StatusReported(observed_at=at, place=place, status=status, error=said)
    return None


def _boot(said: object, station: StationId, at: datetime) -> AnyEvent:
    keys = {"vendor", "model", "serial", "firmware"}
    if not isinstance(said, Mapping) or not set(said) <= keys:
        raise StoryError(f"boot: a map with keys of: {', '.join(sorted(keys))}")
    return Booted(
        observed_at=at,
        station=station,
        vendor=str(said.get("vendor", "")),
        model=str(said.get("model", "")),
        serial=str(said.get("serial", "")),
        firmware=str(said.get("firmware", "")),
    )


def _service(word: object, at: datetime) -> AnyEvent:
    if word == "stopped":
        return ServiceStopped(observed_at=at)
    if word == "started":
        return ServiceStarted(observed_at=at)
    raise StoryError("service: stopped or started")


def _status(word: object) -> Status:
    if word not in tuple(Status):
        raise StoryError(f"status: one of {', '.join(Status)}")
    return Status(str(word))


def _error(step: Mapping[str, Any]) -> ErrorReport | None:
    if not {"error", "vendor_code", "text"} & set(step):
        return None
    return ErrorReport(
        code=str(step.get("error", "")),
        vendor_id=str(step.get("vendor", "")),
        vendor_code=str(step.get("vendor_code", "")),
        text=str(step.get("text", "")),
    )


def _span(value: object, key: str) -> timedelta:
    span = duration(value) if isinstance(value, str) else None
    if span is None:
        raise StoryError(f"{key}: expected a duration such as 90s, 2m or 1h")
    return span


_STORY_KEYS = {"story", "rule", "until", "expect", "sites"}
