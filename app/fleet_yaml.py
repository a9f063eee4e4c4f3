"""YAML into marked nodes, from the parser's events: bounded, without recursion or surprises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

import yaml

from app.fleet_tree import Entry, Mapping, Mark, Mistake, Node, Scalar, Sequence

# The C parser where PyYAML was built with it: ten times as fast on a large fleet.
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_DEPTH = 16
"""Nesting at which reading stops. A fleet file needs six."""

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
"""What YAML 1.1 reads as nothing when it is written without quotes."""


class _StopError(Exception):
    """Reading cannot go on; the mistake says why."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def read_yaml(text: str, file: str) -> tuple[Node | None, list[Mistake]]:
    """Read one YAML document. The node is None where the file is empty or cannot be read."""
    builder = _Builder(file)
    try:
        for event in _events(text, file):
            builder.take(event)
    except _StopError as stop:
        return None, [*builder.mistakes, stop.mistake]
    return builder.root, builder.mistakes


def _events(text: str, file: str) -> Iterator[yaml.Event]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise _StopError(_syntax_mistake(error, text, file)) from None
    except yaml.YAMLError as error:
        raise _StopError(_character_mistake(error, text, file)) from None


def _syntax_mistake(error: yaml.MarkedYAMLError, text: str, file: str) -> Mistake:
    where = error.problem_mark or error.context_mark
    line = where.line + 1 if where else 0
    lines = text.splitlines()
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return Mistake(Mark(file, line), "expected spaces: tabs cannot indent YAML")
    said = " ".join(part for part in (error.context, error.problem) if part)
    return Mistake(Mark(file, line), f"expected YAML: {said}")


def _character_mistake(error: yaml.YAMLError, text: str, file: str) -> Mistake:
    odd = re.search(
        r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text
    )
    if odd is None:
        return Mistake(Mark(file, 0), f"expected YAML: {error}")
    line = text.count("\n", 0, odd.start()) + 1
    code = f"U+{ord(odd.group()):04X}"
    return Mistake(Mark(file, line), f"expected text: a control character ({code}) stands here")


class _Builder:
    """Puts events together into nodes, with a stack of the open ones."""

    def __init__(self, file: str) -> None:
        self.root: Node | None = None
        self.mistakes: list[Mistake] = []
        self._file = file
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []  # the key an open map waits on a value for
        self._anchors: dict[str, Node] = {}
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event in. Raises `_StopError` where reading cannot go on."""
        match event:
            case yaml.ScalarEvent():
                plain = not event.style and event.value in NULLS
                self._place(Scalar(self._mark(event), event.value, is_null=plain), event.anchor)
            case yaml.SequenceStartEvent():
                self._begin(Sequence(self._mark(event)), event.anchor)
            case yaml.MappingStartEvent():
                self._begin(Mapping(self._mark(event)), event.anchor)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._open.pop()
                self._keys.pop()
            case yaml.AliasEvent():
                self._place(self._anchored(event), None)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._stop(self._mark(event), "expected one YAML document, not several")
            case _:
                pass

    def _begin(self, node: Sequence | Mapping, anchor: str | None) -> None:
        if len(self._open) >= MAX_DEPTH:
            self._stop(node.mark, f"expected at most {MAX_DEPTH} levels of nesting")
        self._place(node, anchor)
        self._open.append(node)
        self._keys.append(None)

    def _place(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        match self._open[-1]:
            case Sequence(items=items):
                items.append(node)
            case Mapping(entries=entries):
                self._place_in_map(entries, node)

    def _place_in_map(self, entries: dict[str, Entry], node: Node) -> None:
        key = self._keys[-1]
        if key is None:
            if not isinstance(node, Scalar):
                self._stop(node.mark, "expected a plain word as key")
            self._keys[-1] = node
            return
        self._keys[-1] = None
        first = entries.get(key.text)
        if first is not None:
            said = (
                f"expected each key once: {key.text!r} again, first in line {first.mark.line}"
            )
            self.mistakes.append(Mistake(key.mark, said))
            return
        entries[key.text] = Entry(key.mark, node)

    def _anchored(self, event: yaml.AliasEvent) -> Node:
        node = self._anchors.get(event.anchor or "")
        if node is None or any(node is opened for opened in self._open):
            self._stop(self._mark(event), f"expected a known anchor, not *{event.anchor}")
        return node

    def _mark(self, event: yaml.Event) -> Mark:
        return Mark(self._file, event.start_mark.line + 1 if event.start_mark else 0)

    def _stop(self, mark: Mark, expected: str) -> NoReturn:
        raise _StopError(Mistake(mark, expected))
