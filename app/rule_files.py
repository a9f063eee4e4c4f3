"""Reads the rule catalogue, the fault dictionary and the stories from YAML files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

import rules
from rules.catalogue import Catalogue, Rule, parse_rule
from rules.detectors import PARAMETERS
from rules.dictionary import Dictionary, VendorCode
from rules.stories import Story, parse_story
from rules.story_steps import StoryError

SHIPPED = Path(rules.__file__).parent
"""The folder of the rules that come with the product."""


class Mistake(msgspec.Struct, frozen=True):
    """One thing wrong in a file, for the person who wrote it. `line` counts from 1."""

    file: str
    line: int
    expected: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.expected}"


class RuleFilesError(Exception):
    """Rule files that cannot be used."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class _LinedLoader(yaml.SafeLoader):
    """A loader that leaves the line of every mapping in it under `__line__`."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep=deep)
        mapping["__line__"] = node.start_mark.line + 1
        return mapping


def load_rules(folder: Path | None = None) -> tuple[Catalogue, Dictionary]:
    """Read catalogue and dictionary of a folder (shipped ones where it has none).

    Raises `RuleFilesError` with every mistake found.
    """
    base = folder or SHIPPED
    mistakes: list[Mistake] = []
    found: list[Rule] = []
    for file in _yaml_files(base / "catalogue" if (base / "catalogue").is_dir() else base):
        if file.name == "dictionary.yaml":
            continue
        for line, raw in _entries(file, mistakes):
            rule, wrong = parse_rule(raw, PARAMETERS)
            mistakes += [
                Mistake(str(file), line, f"rule {w.rule or '?'}, {w.key}: {w.expected}")
                for w in wrong
            ]
            if rule is not None and any(rule.name == other.name for other in found):
                mistakes.append(Mistake(str(file), line, f"rule {rule.name} is there twice"))
            elif rule is not None:
                found.append(rule)
    words = base / "dictionary.yaml"
    codes = _read_dictionary(words if words.exists() else SHIPPED / "dictionary.yaml", mistakes)
    if not found and not mistakes:
        mistakes.append(Mistake(str(base), 1, "at least one rule in a .yaml file"))
    if mistakes:
        raise RuleFilesError(mistakes)
    return Catalogue(found), Dictionary(codes)


def load_stories(folder: Path | None = None) -> list[tuple[Mistake, Story]]:
    """Read all stories of a folder, each with where it stands. Raises `RuleFilesError`."""
    base = folder or SHIPPED
    mistakes: list[Mistake] = []
    stories: list[tuple[Mistake, Story]] = []
    for file in _yaml_files(base / "stories"):
        for line, raw in _entries(file, mistakes):
            try:
                stories.append((Mistake(str(file), line, ""), parse_story(_unlined(raw))))
            except StoryError as error:
                mistakes.append(Mistake(str(file), line, str(error)))
    if mistakes:
        raise RuleFilesError(mistakes)
    return stories


def _read_dictionary(file: Path, mistakes: list[Mistake]) -> list[VendorCode]:
    codes = []
    for line, raw in _entries(file, mistakes):
        try:
            codes.append(msgspec.convert(raw, VendorCode, strict=True))
        except msgspec.ValidationError as error:
            mistakes.append(Mistake(str(file), line, f"a vendor word: {error}"))
    return codes


def _yaml_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml")) if folder.is_dir() else []


def _entries(file: Path, mistakes: list[Mistake]) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        loaded = yaml.load(file.read_bytes(), Loader=_LinedLoader)  # noqa: S506  a SafeLoader
    except OSError as error:
        mistakes.append(Mistake(str(file), 1, f"a file that can be read ({error.strerror})"))
        return
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it is nested too deep"
        mistakes.append(Mistake(str(file), mark.line + 1 if mark else 1, f"YAML: {problem}"))
        return
    if not isinstance(loaded, list):
        mistakes.append(Mistake(str(file), 1, "a list of entries, each beginning with `- `"))
        return
    for entry in loaded:
        if isinstance(entry, dict):
            yield entry.pop("__line__", 1), _unlined(entry)
        else:
            mistakes.append(Mistake(str(file), 1, f"a map for each entry, not {entry!r}"))


def _unlined(value: Any) -> Any:  # noqa: ANN401  YAML is any shape until parsed
    if isinstance(value, dict):
        return {key: _unlined(inner) for key, inner in value.items() if key != "__line__"}
    if isinstance(value, list):
        return [_unlined(inner) for inner in value]
    return value
