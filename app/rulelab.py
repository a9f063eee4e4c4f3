"""The rule lab: list and show rules, check the files, tell every rule its stories."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from app.cli_common import say_table
from app.rule_check import mistakes_in
from app.rule_files import Mistake, RuleFilesError, load_stories, read_rules
from rules.catalogue import Catalogue, Rule
from rules.dictionary import Dictionary
from rules.found import in_words
from rules.stories import Story, Told, told_by

FOUND_MISTAKES = 1
DONE = 0


class UnknownRuleError(Exception):
    """There is no rule of that name; the message lists those there are."""


class Missed(msgspec.Struct, frozen=True):
    """A story that did not come out as told: where it stands, and its timeline."""

    file: str
    line: int
    story: str
    timeline: tuple[Told, ...]


def main(action: str, *, folder: Path | None, rule: str = "", as_json: bool = False) -> int:
    """Do one of list, show, check, test. Returns 1 where check or test found mistakes.

    list and show raise `RuleFilesError` for files they cannot use.
    """
    console = Console(highlight=False, soft_wrap=True)
    if action == "check":
        return _check(folder, console, as_json=as_json)
    if action == "test":
        return _test(folder, console, as_json=as_json)
    catalogue = read_rules(folder).catalogue
    if action == "list":
        _list(catalogue, as_json=as_json)
    else:
        _show(catalogue, folder, rule, console, as_json=as_json)
    return DONE


def _check(folder: Path | None, console: Console, *, as_json: bool) -> int:
    mistakes = mistakes_in(folder)
    if as_json:
        _say_json({"mistakes": [msgspec.structs.asdict(mistake) for mistake in mistakes]})
    else:
        _say_mistakes(mistakes, console)
        if not mistakes:
            catalogue = read_rules(folder).catalogue
            _say_all_right(console, catalogue, load_stories(folder))
    return FOUND_MISTAKES if mistakes else DONE


def _test(folder: Path | None, console: Console, *, as_json: bool) -> int:
    try:
        files, stories = read_rules(folder), load_stories(folder)
    except RuleFilesError as error:
        if as_json:
            found = [msgspec.structs.asdict(mistake) for mistake in error.mistakes]
            _say_json({"mistakes": found, "missed": []})
        else:
            _say_mistakes(error.mistakes, console)
        return FOUND_MISTAKES
    missed = list(_missed(stories, files.catalogue, files.dictionary))
    if as_json:
        mistakes = [_as_mistake(one) for one in missed]
        _say_json({"mistakes": mistakes, "missed": [msgspec.to_builtins(m) for m in missed]})
        return FOUND_MISTAKES if missed else DONE
    for one in missed:
        _say_missed(one, console)
    if missed:
        _say(console, f"{len(missed)} of {len(stories)} stories did not come out as told")
        return FOUND_MISTAKES
    _say_all_right(console, files.catalogue, stories)
    return DONE


def _missed(
    stories: list[tuple[Mistake, Story]], catalogue: Catalogue, dictionary: Dictionary
) -> Iterator[Missed]:
    for where, story in stories:
        told = told_by(story, catalogue, dictionary)
        if not all(one.is_as_told for one in told):
            yield Missed(where.file, where.line, story.title, tuple(told))


def _as_mistake(missed: Missed) -> dict[str, Any]:
    """Return the first difference, in the shape of the mistakes of `check`."""
    first = next(one for one in missed.timeline if not one.is_as_told)
    said = f"expected {first.expected or 'nothing'}, was {first.was or 'nothing'}"
    mistake = Mistake(missed.file, missed.line, f"{missed.story}: {said}")
    return msgspec.structs.asdict(mistake)


def _say_missed(missed: Missed, console: Console) -> None:
    """Show what was expected and what was, one moment after the other, the first difference
    marked with `>`."""
    _say(console, f"{missed.file}:{missed.line}: {missed.story}")
    is_first = True
    for one in missed.timeline:
        if one.is_as_told:
            _say(console, f"    as told   {one.was}")
            continue
        mark, is_first = ("  >" if is_first else "   "), False
        _say(console, f"{mark} expected  {one.expected or 'nothing'}")
        ending = f"   (differs: {', '.join(one.wrong)})" if one.wrong else ""
        _say(console, f"    was       {one.was or 'nothing'}{ending}")
    _say(console, "")


def _say_mistakes(mistakes: list[Mistake], console: Console) -> None:
    for mistake in mistakes:
        _say(console, str(mistake))
    if mistakes:
        _say(console, f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}")


def _say_all_right(
    console: Console, catalogue: Catalogue, stories: list[tuple[Mistake, Story]]
) -> None:
    counts = f"{len(catalogue.rules)} rules, {len(stories)} stories"
    _say(console, f"{counts}: all right (version {catalogue.version})")


def _list(catalogue: Catalogue, *, as_json: bool) -> None:
    if as_json:
        _say_json([as_plain(rule) for rule in catalogue.rules.values()])
        return
    say_table(
        ("rule", "severity", "raised after", "cleared after", "what"),
        [
            (
                rule.name,
                rule.severity.value,
                in_words(rule.raise_after),
                in_words(rule.clear_after),
                rule.summary,
            )
            for rule in catalogue.rules.values()
        ],
    )


def _show(
    catalogue: Catalogue, folder: Path | None, name: str, console: Console, *, as_json: bool
) -> None:
    rule = catalogue.rules.get(name)
    if rule is None:
        known = ", ".join(sorted(catalogue.rules))
        raise UnknownRuleError(f"there is no rule {name!r}; there are {known}")
    stories = [story for _, story in load_stories(folder) if story.rule == name]
    if as_json:
        _say_json({**as_plain(rule), "stories": [story.title for story in stories]})
        return
    for key, value in as_plain(rule).items():
        if value not in ("", None):
            _say(console, f"{key:>22}: {value}")
    _say(console, "\nstories:")
    for story in stories:
        kind = "stays quiet" if story.is_quiet else "raises"
        _say(console, f"  - {kind}: {story.title}")


def as_plain(rule: Rule) -> dict[str, Any]:
    """Return a rule as texts, numbers and lists, its parameters among them."""
    plain = msgspec.structs.asdict(rule)
    del plain["parameters"]
    plain |= msgspec.structs.asdict(rule.parameters)
    if rule.worsens is not None:
        plain["worsens"] = f"{rule.worsens.to} after {in_words(rule.worsens.after)}"
    return {
        key: in_words(value) if isinstance(value, timedelta) else value
        for key, value in plain.items()
    }


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False)


def _say_json(document: object) -> None:
    sys.stdout.buffer.write(
        msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"
    )
