"""The fleet as it stands in files: text with marks, before anything is believed of it.

YAML and CSV are both read into these nodes, so that one reader checks both and can say which
line is wrong. Values stay the text they were written as: `NO` is a country, not a boolean.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """Where something stands. `line` counts from 1; 0 where the whole file is meant."""

    file: str
    line: int

    def __str__(self) -> str:
        """Write it as editors and compilers do: `file:line`."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing that is wrong in a file, and what was expected there."""

    mark: Mark
    expected: str

    @property
    def file(self) -> str:
        """The file, as it was named to us."""
        return self.mark.file

    @property
    def line(self) -> int:
        """The line, counting from 1; 0 where the whole file is meant."""
        return self.mark.line

    def __str__(self) -> str:
        """Write it as `file:line: what was expected`."""
        return f"{self.mark}: {self.expected}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as text. `is_null`: nothing was written, or a plain `~` or `null`."""

    mark: Mark
    text: str
    is_null: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    mark: Mark
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a map and what stands there."""

    mark: Mark  # of the key
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """A map. A key that came twice is a mistake; the first one is kept."""

    mark: Mark
    entries: dict[str, Entry] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class FoundFleet:
    """What files hold: the fleet's map (None where it cannot be read) and what is wrong so far.

    `strays` are rows whose owner is not there, each with the key of the list it belongs in.
    """

    root: Node | None
    mistakes: list[Mistake]
    strays: list[tuple[str, Mapping]] = field(default_factory=list)


def kind_of(node: Node) -> str:
    """Name a node's kind in a sentence for people."""
    match node:
        case Mapping():
            return "a map"
        case Sequence():
            return "a list"
        case Scalar(is_null=True):
            return "nothing"
        case Scalar():
            return f"{_short(node.text)!r}"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
