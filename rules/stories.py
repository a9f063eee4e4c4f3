"""Stories: timelines beside each rule that say what it finds, and when it stays quiet.

They are tests and documentation at once. Pure: parsed mappings in, mismatches out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from domain.events import AnyEvent, Connected, Disconnected, Heard, Ticked
from domain.faults import Decision, WorkFound
from domain.places import StationId
from domain.registry import Registry
from rules.catalogue import Catalogue
from rules.dictionary import Dictionary
from rules.engine import Engine
from rules.parameters import duration
from rules.story_sites import registry_of
from rules.story_steps import StoryError, events_of, span

LIFE_EVERY = timedelta(minutes=10)
"""How often the stations of a story with `alive: true` are heard beside what it tells of."""

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
"""Moment zero of every story: a Monday."""

WORK = frozenset({"hardware-replaced", "problem-proposal"})
"""What stories may tell of beside the rules of a catalogue: work found for us, which has no
patience or severity that somebody could set."""

_EXPECT_KEYS = {
    *("at", "change", "rule", "place", "severity", "codes"),
    *("inhibited_by", "part_of", "work"),
}


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """One timeline and what the rules make of it."""

    title: str
    rule: str
    steps: tuple[tuple[timedelta, AnyEvent], ...]
    until: timedelta
    expect: tuple[dict[str, Any], ...]
    registry: Registry

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
    until = span(raw["until"], "until") if "until" in raw else last_at
    if raw.get("alive") is True:
        steps = sorted([*steps, *_signs_of_life(steps, until)], key=lambda step: step[0])
    return Story(
        title=title,
        rule=str(raw.get("rule", "")),
        steps=tuple(steps),
        until=until,
        expect=_expectations(raw.get("expect")),
        registry=registry_of(raw.get("sites", {"S": {"A": 2}})),
    )


def _steps(raw: Mapping[str, Any]) -> Iterator[tuple[timedelta, AnyEvent]]:
    for key, value in raw.items():
        if str(key).startswith("at "):
            at = duration(str(key)[3:])
            if at is None:
                raise StoryError(f"{key!r}: expected `at <duration>` such as `at 40s`")
            for step in value if isinstance(value, list) else [value]:
                for moment, event in events_of(step, START + at):
                    yield moment - START, event


def _signs_of_life(
    steps: list[tuple[timedelta, AnyEvent]], until: timedelta
) -> Iterator[tuple[timedelta, AnyEvent]]:
    """Yield that each station is heard every ten minutes while its link is up."""
    up: set[StationId] = set()
    moves = iter([*steps, (until, Ticked(observed_at=START + until))])
    at, event = next(moves)
    turn = LIFE_EVERY
    while turn <= until:
        while at < turn:
            if isinstance(event, Connected):
                up.add(event.station)
            elif isinstance(event, Disconnected):
                up.discard(event.station)
            at, event = next(moves)
        for station in sorted(up):
            yield turn, Heard(observed_at=START + turn, station=station)
        turn += LIFE_EVERY


def _expectations(raw: object) -> tuple[dict[str, Any], ...]:
    if not isinstance(raw, list):
        raise StoryError("expect: a list is needed, [] where nothing happens")
    for entry in raw:
        if not isinstance(entry, Mapping) or not set(entry) <= _EXPECT_KEYS:
            raise StoryError(f"expect: keys are {', '.join(sorted(_EXPECT_KEYS))}")
    return tuple(dict(entry) for entry in raw)


def run_story(story: Story, catalogue: Catalogue, dictionary: Dictionary) -> list[str]:
    """Play a story and return what differs from its expectations; [] where all is as told."""
    engine = Engine(story.registry, catalogue, dictionary)
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
        return str(span(wanted[key], "at"))
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
        "part_of": fault.part_of,
    }


_STORY_KEYS = {"story", "rule", "until", "expect", "sites", "alive"}
