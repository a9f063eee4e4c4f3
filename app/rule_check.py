"""What can be wrong with a folder of rules beyond its YAML: stories, words, advice.

Reads files and compares; it plays no story.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from app.rule_files import Mistake, RuleFiles, RuleFilesError, load_stories, read_rules
from domain.codes import MREC, OWN, V16_ONLY
from rules.catalogue import Rule
from rules.stories import WORK, Story
from ticketing.wording import LANGUAGES, Wording, load_wording
from ticketing.wording_check import check_text

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_OPTIONAL = re.compile(r"\[([^|\]]*)(?:\|([^\]]*))?\]")
_KNOWN_PLACEHOLDERS = frozenset(
    {"place", "at_place", "place_subject", "place_object", "site_name", "phone"}
    | {"station", "evse", "emergency_number"}
)
"""What a fault's sentences may be filled with; `ticketing.facts` has the values."""


def mistakes_in(folder: Path | None) -> list[Mistake]:
    """Return everything wrong with a folder of rules; the files themselves come first."""
    mistakes: list[Mistake] = []
    files, stories = None, None
    try:
        files = read_rules(folder)
    except RuleFilesError as error:
        mistakes += error.mistakes
    try:
        stories = load_stories(folder)
    except RuleFilesError as error:
        mistakes += error.mistakes
    if files is None:
        return mistakes
    if stories is not None:
        mistakes += _of_stories(files, stories)
    return [*mistakes, *_of_rules(files), *_of_words(files)]


def _of_stories(files: RuleFiles, stories: list[tuple[Mistake, Story]]) -> Iterator[Mistake]:
    for where, story in stories:
        if story.rule not in files.catalogue.rules and story.rule not in WORK:
            said = f"story of a rule that is not there: {story.rule!r}"
            yield Mistake(where.file, where.line, said)
    wanted = {False: "one in which it raises", True: "one in which it stays quiet"}
    told = {(story.rule, story.is_quiet) for _, story in stories}
    for name, where in files.where.items():
        for is_quiet, words in wanted.items():
            if (name, is_quiet) not in told:
                said = f"rule {name} needs a story more: {words}"
                yield Mistake(where.file, where.line, said)


def _of_rules(files: RuleFiles) -> Iterator[Mistake]:
    wording = load_wording()
    for rule in files.catalogue.rules.values():
        where = files.where[rule.name]
        for said in (*_missing_texts(rule), *_unworded(rule.code, wording)):
            yield Mistake(where.file, where.line, f"rule {rule.name}: {said}")


def _missing_texts(rule: Rule) -> Iterator[str]:
    if not rule.advice:
        yield "advice: what an agent should look at first"
    if not rule.summary:
        yield "summary: what it finds, in a sentence"


def _of_words(files: RuleFiles) -> Iterator[Mistake]:
    """Each meaning in the dictionary is a code that somebody can be told about."""
    wording = load_wording()
    first = {code.meaning: where for where, code in reversed(files.codes)}
    for meaning, where in first.items():
        for said in _unworded("" if meaning == "none" else meaning, wording):
            yield Mistake(where.file, where.line, f"a vendor word: {said}")


def wording_mistakes(wording: Wording) -> list[str]:
    """Return what is missing or unfit in the words for the codes that any rule can carry."""
    return [said for code in sorted(MREC | V16_ONLY | OWN) for said in _unworded(code, wording)]


def _unworded(code: str, wording: Wording) -> Iterator[str]:
    if not code:
        return
    words = wording.faults.get(code)
    if words is None:
        yield f"code {code!r} has no words: one of those in the wording of faults"
        return
    if not words.agent:
        yield f"code {code}: a line for agents"
    for language in LANGUAGES:
        text = words.texts.get(language)
        if text is None or not text.impact:
            yield f"code {code}: a sentence for customers in {language!r}"
            continue
        for said in (text.impact, text.finding, text.reader_action, text.faulted):
            yield from (f"code {code}, {language}: {why}" for why in _unfit(said, language))


def _unfit(said: str, language: str) -> Iterator[str]:
    unknown = sorted(set(_PLACEHOLDER.findall(said)) - _KNOWN_PLACEHOLDERS)
    if unknown:
        known = ", ".join(sorted(_KNOWN_PLACEHOLDERS))
        yield f"no placeholder {{{unknown[0]}}}; there are {known}"
    for one in _spoken(said):
        for finding in check_text(one, language, load_wording()):
            if finding.is_error:
                yield f"{finding.rule}: {finding.said!r}"


def _spoken(said: str) -> Iterator[str]:
    """Yield a sentence as it reads with a value for `[with {phone}|without]`, and without."""
    for part in dict.fromkeys((_OPTIONAL.sub(r"\1", said), _OPTIONAL.sub(r"\2", said))):
        yield _PLACEHOLDER.sub("Nn", part)
