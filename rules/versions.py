"""Versions of firmware as stations write them, and ranges of them. Pure.

`1.10` is later than `1.9`, `2.0-rc1` comes before `2.0`, and `v1.2`, `1.2.0` are the same.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PIECE = re.compile(r"\d+|[a-z]+")
_RANGE = re.compile(r"\s*(>=|<=|>|<|=)?\s*([0-9A-Za-z][^\s,<>=]*)\s*,?")
_BEFORE = frozenset({"alpha", "beta", "dev", "pre", "preview", "rc", "snapshot", "test"})
_MOST_DIGITS = 18
"""Of one number in a version: longer ones are dates and counters run together."""

_NUMBER = 3
_Key = tuple[tuple[int, int, str], ...]
_END: tuple[int, int, str] = (1, 0, "")


class BadRangeError(ValueError):
    """No range of versions; the message says what one looks like."""


class VersionRange:
    """A range such as `>=1.4 <2.0`, `1.2` (all of 1.2) or `=1.2.3`. Raises `BadRangeError`."""

    def __init__(self, text: str) -> None:
        self._parts: list[tuple[str, str]] = []
        at = 0
        while at < len(text.rstrip()):
            found = _RANGE.match(text, at)
            if found is None:
                raise BadRangeError(f"{text!r} is no range of versions such as `>=1.4 <2.0`")
            self._parts.append((found[1] or "", found[2]))
            at = found.end()

    def holds(self, version: str) -> bool:
        """Tell whether a version is in the range; one that is not known is in none."""
        if not version.strip():
            return not self._parts
        return all(_is_within(version, sign, limit) for sign, limit in self._parts)


def _is_within(version: str, sign: str, said: str) -> bool:
    key, limit = key_of(version), key_of(said)
    match sign:
        case ">=":
            return key >= limit
        case ">":
            return key > limit
        case "<=":
            return key <= limit
        case "<":
            return key < limit
        case "=":
            return key == limit
        case _:
            begun = _weights(said)
            return key == limit or _weights(version)[: len(begun)] == begun


@lru_cache(maxsize=4_096)
def key_of(version: str) -> _Key:
    """Return what versions are compared by."""
    key: list[tuple[int, int, str]] = []
    for weight in (*_weights(version), _END):
        while weight[0] != _NUMBER and key and key[-1] == (_NUMBER, 0, ""):
            key.pop()  # 1.2.0 is 1.2, and 2.0-rc1 comes before 2
        key.append(weight)
    return tuple(key)


def _weights(version: str) -> _Key:
    bare = version.casefold().strip().removeprefix("v")
    return tuple(_weight(piece) for piece in _PIECE.findall(bare))


def _weight(piece: str) -> tuple[int, int, str]:
    if piece.isdecimal():
        return (_NUMBER, int(piece[:_MOST_DIGITS]), "")
    return (0 if piece in _BEFORE else 2, 0, piece)


@lru_cache(maxsize=512)
def range_of(text: str) -> VersionRange:
    """Return a range. Raises `BadRangeError`."""
    return VersionRange(text)
