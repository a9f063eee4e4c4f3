"""The rule lab: list and show rules, check the files, tell every rule its stories."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from app.cli_common import say_table
from app.rule_files import Mistake, RuleFilesError, load_rules, load_stories
from rules.catalogue import Catalogue, Rule
from rules.found import in_words
from rules.stories import WORK, Story, run_story

FOUND_MISTAKES = 1
DONE = 0


class UnknownRuleError(Exception):
    """There is no rule of that name; the message lists those there are."""


def main(action: str, *, folder: Path | None, rule: str = "", as_json: bool = False) -> int:
    """Do one of list, show, check, test. Returns 1 where check or test found mistakes.

    list and show raise `RuleFilesError` for files they cannot use.
    """
    console = Console(highlight=False, soft_wrap=True)
    if action in ("check", "test"):
        mistakes = _mistakes(folder, runs_stories=action == "test")
        if as_json:
            _say_json({"mistakes": [msgspec.structs.asdict(mistake) for mistake in mistakes]})
        else:
            for mistake in mistakes:
                console.print(str(mistake), markup=False)
            console.print(_verdict(mistakes, folder), markup=False)
        return FOUND_MISTAKES if mistakes else DONE
    catalogue, _ = load_rules(folder)
    if action == "list":
        _list(catalogue, as_json=as_json)
    else:
        _show(catalogue, folder, rule, console, as_json=as_json)
    return DONE


def _mistakes(folder: Path | None, *, runs_stories: bool) -> list[Mistake]:
    try:
        catalogue, dictionary = load_rules(folder)
        stories = load_stories(folder)
    except RuleFilesError as error:
        return error.mistakes
    mistakes = [
        Mistake(where.file, where.line, f"story of a rule that is not there: {story.rule!r}")
        for where, story in stories
        if story.rule not in catalogue.rules and story.rule not in WORK
    ]
    if runs_stories:
        mistakes += [
            Mistake(where.file, where.line, f"{story.title}: {difference}")
            for where, story in stories
            for difference in run_story(story, catalogue, dictionary)
        ]
    else:
        mistakes += _missing_stories(catalogue, [story for _, story in stories], folder)
    return mistakes


def _missing_stories(
    catalogue: Catalogue, stories: list[Story], folder: Path | None
) -> list[Mistake]:
    wanted = {False: "one in which it raises", True: "one in which it stays quiet"}
    return [
        Mistake(str(folder or "rules"), 1, f"rule {name} needs a story more: {words}")
        for name in catalogue.rules
        for is_quiet, words in wanted.items()
        if not any(s.rule == name and s.is_quiet is is_quiet for s in stories)
    ]


def _verdict(mistakes: list[Mistake], folder: Path | None) -> str:
    if mistakes:
        return f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
    catalogue, _ = load_rules(folder)
    return f"{len(catalogue.rules)} rules, {len(load_stories(folder))} stories: all right"


def _list(catalogue: Catalogue, *, as_json: bool) -> None:
    if as_json:
        _say_json([_as_plain(rule) for rule in catalogue.rules.values()])
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
        _say_json({**_as_plain(rule), "stories": [story.title for story in stories]})
        return
    for key, value in _as_plain(rule).items():
        if value not in ("", None):
            console.print(f"{key:>22}: {value}", markup=False)
    console.print("\nstories:")
    for story in stories:
        console.print(f"  - {story.title}", markup=False)


def _as_plain(rule: Rule) -> dict[str, Any]:
    plain = msgspec.structs.asdict(rule)
    del plain["parameters"]
    plain |= msgspec.structs.asdict(rule.parameters)
    if rule.worsens is not None:
        plain["worsens"] = f"{rule.worsens.to} after {in_words(rule.worsens.after)}"
    return {
        key: in_words(value) if isinstance(value, timedelta) else value
        for key, value in plain.items()
    }


def _say_json(document: object) -> None:
    sys.stdout.buffer.write(
        msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"
    )
