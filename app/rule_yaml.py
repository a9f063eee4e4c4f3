"""Reads lists of entries from YAML files that people write, with the line of every mistake.

Nothing a file holds raises: what cannot be read is a `Mistake`, and the rest is read on.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

MOST_BYTES = 4_000_000
"""Of one file: what people write by hand is a hundredth of it."""

_UNREADABLE = (ValueError, OverflowError, LookupError, AttributeError, TypeError)
"""What PyYAML raises for a number of 5,000 digits, for 2026-99-99 or for `!!int ""`."""


class Mistake(msgspec.Struct, frozen=True):
    """One thing wrong in a file, for the person who wrote it. `line` counts from 1."""

    file: str
    line: int
    expected: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.expected}"


class RawEntry(msgspec.Struct, frozen=True):
    """One map of a file's list: where it begins, where each of its keys stands, and it."""

    line: int
    lines: dict[str, int]
    raw: dict[str, Any]

    def line_of(self, key: str) -> int:
        """Return the line of a key; the entry's own where it has none."""
        return self.lines.get(key, self.line)


class _Loader(yaml.SafeLoader):
    """A safe loader that knows the lines of keys, and notes keys that are there twice."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self.lines: dict[int, tuple[int, dict[str, int]]] = {}
        self.twice: list[tuple[int, str]] = []

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401  YAML is any shape
        try:
            return super().construct_object(node, deep=deep)
        except _UNREADABLE:
            said = reprlib.repr(getattr(node, "value", ""))
            raise yaml.constructor.ConstructorError(
                problem=f"{said} cannot be read; quote it if it is a text",
                problem_mark=node.start_mark,
            ) from None

    def construct_map(self, node: yaml.MappingNode) -> Iterator[dict[Any, Any]]:
        made: dict[Any, Any] = {}
        yield made
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                if key.value in lines:
                    self.twice.append((line, key.value))
                lines.setdefault(key.value, line)
        self.lines[id(made)] = (node.start_mark.line + 1, lines)
        made.update(self.construct_mapping(node))


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_map)


def read_entries(file: Path, mistakes: list[Mistake]) -> Iterator[RawEntry]:
    """Yield the maps of a file's list; what is wrong with the file goes into `mistakes`."""
    loader, loaded = _load(file, mistakes)
    if loader is None:
        return
    mistakes += [
        Mistake(str(file), line, f"{key!r} once in this entry: it is there twice")
        for line, key in loader.twice
    ]
    if not isinstance(loaded, list):
        mistakes.append(Mistake(str(file), 1, "a list of entries, each beginning with `- `"))
        return
    for entry in loaded:
        if isinstance(entry, dict):
            line, lines = loader.lines.get(id(entry), (1, {}))
            yield RawEntry(line, lines, {_text(key): entry[key] for key in entry})
        else:
            said = reprlib.repr(entry)
            mistakes.append(Mistake(str(file), 1, f"a map for each entry, not {said}"))


def _load(file: Path, mistakes: list[Mistake]) -> tuple[_Loader | None, object]:
    try:
        if file.stat().st_size > MOST_BYTES:
            mistakes.append(Mistake(str(file), 1, f"at most {MOST_BYTES:,} bytes"))
            return None, None
        text = file.read_bytes()
    except OSError as error:
        mistakes.append(Mistake(str(file), 1, f"a file that can be read ({error.strerror})"))
        return None, None
    try:
        loader = _Loader(text)
        return loader, loader.get_single_data()
    except (yaml.YAMLError, RecursionError, UnicodeError) as error:
        mistakes.append(Mistake(str(file), _line_of(error, text), f"YAML: {_words(error)}"))
        return None, None


def _line_of(error: Exception, text: bytes) -> int:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return int(mark.line) + 1
    position = getattr(error, "position", None)  # of a byte or sign that no text holds
    return text[:position].count(b"\n") + 1 if isinstance(position, int) else 1


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    return str(reason)


def _text(key: object) -> str:
    return key if isinstance(key, str) else reprlib.repr(key)
