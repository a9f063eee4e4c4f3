"""Reads the rule catalogue, the fault dictionary and the stories from YAML files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

import rules
from app.rule_yaml import Mistake, RawEntry, read_entries
from domain.remedies import Owner, Remedy, RemoteAction
from rules.catalogue import Catalogue, Rule, parse_rule
from rules.detectors import PARAMETERS
from rules.dictionary import Dictionary, VendorCode
from rules.stories import Story, parse_story
from rules.story_steps import StoryError

__all__ = [
    "SHIPPED",
    "WORDS_FILE",
    "Mistake",
    "RuleFiles",
    "RuleFilesError",
    "load_rules",
    "load_stories",
]

SHIPPED = Path(rules.__file__).parent
"""The folder of the rules that come with the product."""

WORDS_FILE = "words.yaml"
"""In the data directory: what people here classified. It goes before the shipped words."""

REMEDIES = "remedies.yaml"
_VERSION_BYTES = 6


class _RemedyRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of `remedies.yaml`."""

    code: str
    owner: tuple[Owner, ...]
    remote: RemoteAction
    part: str = ""
    agent: str = ""


class RuleFilesError(Exception):
    """Rule files that cannot be used."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class RuleFiles(msgspec.Struct, frozen=True):
    """What a folder of rules holds, and where each rule and word stands."""

    catalogue: Catalogue
    codes: tuple[tuple[Mistake, VendorCode], ...]
    where: dict[str, Mistake]  # by rule; `expected` is empty

    @property
    def dictionary(self) -> Dictionary:
        """The words as the detectors look them up."""
        return Dictionary(code for _, code in self.codes)


def load_rules(
    folder: Path | None = None, own_words: Path | None = None
) -> tuple[Catalogue, Dictionary]:
    """Read catalogue and dictionary of a folder (shipped ones where it has none).

    `own_words` is the file of what people here classified; it goes before the others. Raises
    `RuleFilesError` with every mistake found.
    """
    files = read_rules(folder, own_words)
    return files.catalogue, files.dictionary


def read_rules(folder: Path | None = None, own_words: Path | None = None) -> RuleFiles:
    """Do as `load_rules`, and say where everything stands."""
    base = folder or SHIPPED
    mistakes: list[Mistake] = []
    found: list[Rule] = []
    where: dict[str, Mistake] = {}
    for file in _yaml_files(base / "catalogue" if (base / "catalogue").is_dir() else base):
        if file.name in ("dictionary.yaml", REMEDIES):
            continue
        for entry in read_entries(file, mistakes):
            rule = _read_rule(file, entry, mistakes)
            if rule is not None and rule.name in where:
                twice = f"rule {rule.name} is there twice"
                mistakes.append(Mistake(str(file), entry.line_of("rule"), twice))
            elif rule is not None:
                found.append(rule)
                where[rule.name] = Mistake(str(file), entry.line, "")
    codes = read_words(own_words, mistakes) if own_words and own_words.exists() else []
    words = base / "dictionary.yaml"
    codes += read_words(words if words.exists() else SHIPPED / "dictionary.yaml", mistakes)
    helping = base / REMEDIES
    remedies = _read_remedies(helping if helping.exists() else SHIPPED / REMEDIES, mistakes)
    if not found and not mistakes:
        mistakes.append(Mistake(str(base), 1, "at least one rule in a .yaml file"))
    if mistakes:
        raise RuleFilesError(mistakes)
    catalogue = Catalogue(found, _version(found, codes, remedies), remedies)
    return RuleFiles(catalogue, tuple(codes), where)


def read_words(file: Path, mistakes: list[Mistake]) -> list[tuple[Mistake, VendorCode]]:
    """Read the entries of a dictionary file, each with where it stands."""
    codes = []
    for entry in read_entries(file, mistakes):
        try:
            code = msgspec.convert(entry.raw, VendorCode, strict=True)
        except msgspec.ValidationError as error:
            key = str(error).rpartition("`$.")[2].rstrip("`") if "`$." in str(error) else ""
            line = entry.line_of(key.partition("[")[0])
            mistakes.append(Mistake(str(file), line, f"a vendor word: {error}"))
        else:
            codes.append((Mistake(str(file), entry.line, ""), code))
    return codes


def _read_remedies(file: Path, mistakes: list[Mistake]) -> dict[str, Remedy]:
    remedies: dict[str, Remedy] = {}
    for entry in read_entries(file, mistakes):
        try:
            row = msgspec.convert(entry.raw, _RemedyRow, strict=True)
        except msgspec.ValidationError as error:
            mistakes.append(Mistake(str(file), entry.line, f"a remedy: {error}"))
        else:
            remedies[row.code] = Remedy(
                owners=row.owner, remote=row.remote, part=row.part, agent=row.agent
            )
    return remedies


def load_stories(folder: Path | None = None) -> list[tuple[Mistake, Story]]:
    """Read all stories of a folder, each with where it stands. Raises `RuleFilesError`."""
    base = folder or SHIPPED
    mistakes: list[Mistake] = []
    stories: list[tuple[Mistake, Story]] = []
    for file in _yaml_files(base / "stories"):
        for entry in read_entries(file, mistakes):
            try:
                stories.append((Mistake(str(file), entry.line, ""), parse_story(entry.raw)))
            except StoryError as error:
                line = entry.line_of(error.key)
                mistakes.append(Mistake(str(file), line, str(error)))
    if mistakes:
        raise RuleFilesError(mistakes)
    return stories


def _read_rule(file: Path, entry: RawEntry, mistakes: list[Mistake]) -> Rule | None:
    rule, wrong = parse_rule(entry.raw, PARAMETERS)
    mistakes += [
        Mistake(str(file), entry.line_of(w.key), f"rule {w.rule or '?'}, {w.key}: {w.expected}")
        for w in wrong
    ]
    return rule


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml")) if folder.is_dir() else []


def _version(
    found: Iterable[Rule],
    codes: Iterable[tuple[Mistake, VendorCode]],
    remedies: dict[str, Remedy],
) -> str:
    """Return what names these rules and words: comments and places do not change it."""
    content = msgspec.json.encode([list(found), [code for _, code in codes], remedies])
    return hashlib.blake2b(content, digest_size=_VERSION_BYTES).hexdigest()
