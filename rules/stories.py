"""Stories: timelines beside each rule that say what it finds, and when it stays quiet.

They are tests and documentation at once. Pure: parsed mappings in, mismatches out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
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
    until = _until(raw["until"]) if "until" in raw else last_at
    if raw.get("alive") is True:
        steps = sorted([*steps, *_signs_of_life(steps, until)], key=lambda step: step[0])
    return Story(
        title=title,
        rule=str(raw.get("rule", "")),
        steps=tuple(steps),
        until=until,
        expect=_expectations(raw.get("expect")),
        registry=_registry(raw.get("sites", {"S": {"A": 2}})),
    )


def _until(raw: object) -> timedelta:
    try:
        return span(raw, "until")
    except StoryError as error:
        raise StoryError(str(error), "until") from None


def _registry(raw: object) -> Registry:
    try:
        if not isinstance(raw, Mapping):
            raise StoryError("a map of sites: {S: {A: 2}}")  # noqa: TRY301  told below
        return registry_of(raw)
    except (StoryError, ValueError, TypeError, LookupError) as error:
        raise StoryError(f"sites: {error}", "sites") from None


def _steps(raw: Mapping[str, Any]) -> Iterator[tuple[timedelta, AnyEvent]]:
    for key, value in raw.items():
        if str(key).startswith("at "):
            at = duration(str(key)[3:])
            if at is None:
                raise StoryError(f"{key!r}: expected `at <duration>` such as `at 40s`", key)
            for step in value if isinstance(value, list) else [value]:
                try:
                    for moment, event in events_of(step, START + at):
                        yield moment - START, event
                except StoryError as error:
                    raise StoryError(f"{key}: {error}", key) from None
                except (OverflowError, ValueError, TypeError) as error:
                    raise StoryError(f"{key}: cannot be read: {error}", key) from None


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
        raise StoryError("expect: a list is needed, [] where nothing happens", "expect")
    for entry in raw:
        if not isinstance(entry, Mapping) or not set(entry) <= _EXPECT_KEYS:
            keys = ", ".join(sorted(_EXPECT_KEYS))
            raise StoryError(f"expect: a map with keys of: {keys}", "expect")
        if "at" in entry:
            span(entry["at"], "expect, at")
    return tuple(dict(entry) for entry in raw)


class Told(msgspec.Struct, frozen=True):
    """One moment of a story: what was expected, what was decided, and what of it differs."""

    expected: str = ""
    was: str = ""
    wrong: tuple[str, ...] = ()  # keys whose values differ

    @property
    def is_as_told(self) -> bool:
        """True where all is as expected."""
        return bool(self.expected and self.was) and not self.wrong


def run_story(story: Story, catalogue: Catalogue, dictionary: Dictionary) -> list[str]:
    """Play a story and return what differs from its expectations; [] where all is as told."""
    return [
        difference
        for one in told_by(story, catalogue, dictionary)
        if (difference := _difference(one))
    ]


def told_by(story: Story, catalogue: Catalogue, dictionary: Dictionary) -> list[Told]:
    """Play a story and set what was decided beside what was expected, in order.

    Expectations that follow are tried where one is missed, so that a decision too few or too
    many does not make all later ones wrong.
    """
    engine = Engine(story.registry, catalogue, dictionary)
    decisions: list[Decision | WorkFound] = []
    for at, event in story.steps:
        decisions += engine.step(START + at, event).decisions
    decisions += engine.step(START + story.until).decisions
    told = [_told(one) for one in decisions if not _adds_to_work(one)]
    return _aligned(told, story.expect)


def _adds_to_work(decision: Decision | WorkFound) -> bool:
    """Tell whether it only counts what was found before: nothing new for a story."""
    return isinstance(decision, WorkFound) and bool(decision.about)


def _aligned(told: list[dict[str, Any]], expect: tuple[dict[str, Any], ...]) -> list[Told]:
    """Pair the two lists: as many that agree as can be, then those of one place and change."""
    pairs: list[Told] = []
    begin_told = begin_expect = 0
    for mine, theirs in [*_agreeing(told, expect), (len(told), len(expect))]:
        between = zip_longest(told[begin_told:mine], expect[begin_expect:theirs])
        pairs += [_pair(was, wanted) for was, wanted in between]
        if mine < len(told):
            pairs.append(_pair(told[mine], expect[theirs]))
        begin_told, begin_expect = mine + 1, theirs + 1
    return pairs


def _agreeing(
    told: list[dict[str, Any]], expect: tuple[dict[str, Any], ...]
) -> list[tuple[int, int]]:
    """Return the longest chain of positions at which what was told is what was expected."""
    best = [[0] * (len(expect) + 1) for _ in range(len(told) + 1)]
    same = [[not _wrong(was, wanted) for wanted in expect] for was in told]
    for i in range(len(told) - 1, -1, -1):
        for j in range(len(expect) - 1, -1, -1):
            skipped = max(best[i + 1][j], best[i][j + 1])
            best[i][j] = max(skipped, best[i + 1][j + 1] + 1) if same[i][j] else skipped
    chain: list[tuple[int, int]] = []
    i = j = 0
    while i < len(told) and j < len(expect):
        if same[i][j] and best[i][j] == best[i + 1][j + 1] + 1:
            chain.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return chain


def _pair(was: dict[str, Any] | None, wanted: dict[str, Any] | None) -> Told:
    if wanted is None:
        return Told(was=_line(was or {}))
    if was is None:
        return Told(expected=_line(wanted))
    return Told(_line(wanted), _line(was), _wrong(was, wanted))


def _wrong(was: dict[str, Any], wanted: dict[str, Any]) -> tuple[str, ...]:
    return tuple(key for key in wanted if str(was.get(key)) != _want(wanted, key))


def _difference(one: Told) -> str:
    if one.is_as_told:
        return ""
    if not one.expected:
        return f"not expected: {one.was}"
    if not one.was:
        return f"did not happen: {one.expected}"
    return f"expected {one.expected}, was {one.was} ({', '.join(one.wrong)})"


def _want(wanted: dict[str, Any], key: str) -> str:
    if key == "at":
        return str(span(wanted[key], "at"))
    return str(wanted[key])


def _line(entry: dict[str, Any]) -> str:
    said = {**entry, "at": _want(entry, "at")} if isinstance(entry.get("at"), str) else entry
    return ", ".join(f"{key} {value}" for key, value in said.items() if value is not None)


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
