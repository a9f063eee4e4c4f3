"""The words: fault sentences, phrases, patterns and the lists of words we do not send.

Parsed once at start from the YAML files beside this module; frozen values from then on.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import yaml

LANGUAGES = ("en", "de")
"""Languages with a full set of words; the first is used where another one is asked for."""

UNKNOWN_CODE = "OtherError"
"""Whose words are used for a code that has none of its own."""


class WordingError(Exception):
    """The words are incomplete or badly written; the message names file and key."""


class FaultText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code's sentences in one language. See the head of faults.yaml."""

    impact: str
    finding: str = ""
    reader_action: str = ""
    faulted: str = ""  # instead of the phrase made from `finding`


class FaultWords(msgspec.Struct, frozen=True):
    """What is said about one code. `level` is where `impact` holds ("" = everywhere)."""

    effect: str
    level: str
    agent: str
    texts: dict[str, FaultText]


class Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of notice in one language: a subject, and lines made of sentences."""

    subject: str
    lines: tuple[tuple[str, ...], ...]


class Turn(msgspec.Struct, frozen=True):
    """A turn of phrase we do not send. `is_error`: it stops an automatic notice."""

    kind: str
    id: str
    pattern: re.Pattern[str]
    say: str
    excepted: tuple[re.Pattern[str], ...]
    is_error: bool


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long and how loud a text may be. Counts of characters, words or marks."""

    subject_characters: int
    text_words: int
    sentence_words: dict[str, int]
    sentences: int
    impact_words: int
    reader_action_words: int
    agent_line_characters: int
    sms_characters: int
    questions: int
    apologies: int
    moments: dict[str, str]


class Wording(msgspec.Struct, frozen=True):
    """Every word that an automatic notice or a ticket's title is made of."""

    faults: dict[str, FaultWords]
    phrases: dict[str, dict[str, tuple[str, ...]]]
    patterns: dict[str, dict[str, Pattern]]
    turns: dict[str, tuple[Turn, ...]]
    limits: Limits

    def of_code(self, code: str) -> FaultWords:
        """Return a code's words, or those of an unnamed fault."""
        return self.faults.get(code) or self.faults[UNKNOWN_CODE]

    def phrase(self, group: str, key: str, language: str) -> str:
        """Return a phrase, its placeholders unfilled. KeyError where there is none."""
        return self.phrases[group][key][LANGUAGES.index(language)]

    def emergency_number(self, country: str) -> str:
        """Return the number to call in an emergency in a country."""
        numbers = self.phrases["emergency"]
        return numbers.get(country.upper(), numbers["default"])[0]


def language_or_default(language: str) -> str:
    """Return the language if there are words in it ("de-AT" counts as "de"), else English."""
    primary = language.replace("_", "-").partition("-")[0].casefold()
    return primary if primary in LANGUAGES else LANGUAGES[0]


@cache
def load_wording() -> Wording:
    """Read the words shipped with this package, once. Raises WordingError."""
    return parse_wording(
        {
            name: files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
            for name in ("faults", "phrases", "patterns", "limits", "check_en", "check_de")
        }
    )


def parse_wording(documents: dict[str, str]) -> Wording:
    """Build the words from YAML texts by file name. Raises WordingError naming the file."""
    try:
        trees = {name: yaml.safe_load(text) for name, text in documents.items()}
        return Wording(
            faults=_faults(trees["faults"]),
            phrases=msgspec.convert(
                trees["phrases"], dict[str, dict[str, tuple[str, ...]]], strict=False
            ),
            patterns=msgspec.convert(trees["patterns"], dict[str, dict[str, Pattern]]),
            turns={language: _turns(trees[f"check_{language}"]) for language in LANGUAGES},
            limits=msgspec.convert(trees["limits"], Limits),
        )
    except (yaml.YAMLError, msgspec.ValidationError, KeyError, re.error) as error:
        raise WordingError(f"the words cannot be used: {error}") from error


def _faults(tree: dict[str, Any]) -> dict[str, FaultWords]:
    faults: dict[str, FaultWords] = {}
    for code, row in tree.items():
        if "same_as" not in row:
            faults[code] = FaultWords(
                effect=row["effect"],
                level=row.get("level", ""),
                agent=row["agent"],
                texts={
                    language: msgspec.convert(row[language], FaultText)
                    for language in LANGUAGES
                },
            )
    for code, row in tree.items():
        if "same_as" in row:
            faults[code] = faults[row["same_as"]]
    return faults


def _turns(tree: dict[str, list[dict[str, Any]]]) -> tuple[Turn, ...]:
    return tuple(
        Turn(
            kind=kind,
            id=row["id"],
            pattern=re.compile(row["pattern"], re.IGNORECASE),
            say=row["say"],
            excepted=tuple(re.compile(p, re.IGNORECASE) for p in row.get("except", ())),
            is_error=row.get("level", "error") == "error",
        )
        for kind, rows in tree.items()
        for row in rows
    )
