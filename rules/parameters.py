"""What a rule may set for its detector: typed values, each with a default and a check.

A detector's parameters are a frozen struct; the type of each field says how its YAML value is
read and what is expected where it cannot be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

_PART = r"(\d+(?:\.\d+)?)(ms|s|m|h|d)"
_PARTS = re.compile(_PART)
_DURATION = re.compile(rf"^(?:{_PART})+$")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SPAN_WORDS = "a duration such as 90s, 2m, 1.5h or 1d"
LONGEST = timedelta(days=36_525)
"""Of any duration that a rule or a story names."""
MOST = 1_000_000_000
"""Of any count that a rule names."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """A detector with nothing to set. Others inherit and add fields, each with a default."""


class ReportedFaultParameters(Parameters, frozen=True, kw_only=True):
    """`scope`: the station, its EVSEs, or ("") both. `faulted`: whether the status must be
    Faulted; false means an error code beside another status."""

    scope: Literal["", "evse", "station"] = ""
    faulted: bool = True


class CountedParameters(Parameters, frozen=True, kw_only=True):
    """So many within a span of time."""

    window: timedelta = timedelta(minutes=3)
    count: int = 2


class OfflineParameters(Parameters, frozen=True, kw_only=True):
    """`late_models`: words of vendor or model whose stations redial late; after our own
    start they count as offline no sooner than `late_after`."""

    late_models: tuple[str, ...] = ()
    late_after: timedelta = timedelta(minutes=45)


class GroupParameters(CountedParameters, frozen=True, kw_only=True):
    """So many stations within a span of time, and so large a share of those connected.

    `sites`: at so many sites at least, where the group has several.
    """

    share: float = 0.5
    sites: int = 1


def duration(text: str) -> timedelta | None:
    """Read `90s`, `2m`, `1.5h`, `1d`, `1h30m`; None for anything else, and beyond `LONGEST`."""
    if not _DURATION.match(text.strip()):
        return None
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PARTS.findall(text))
    return timedelta(seconds=seconds) if seconds <= LONGEST.total_seconds() else None


def names_of(kind: type[Parameters]) -> tuple[str, ...]:
    """Return what a rule can set for a detector with these parameters."""
    return tuple(field.name for field in msgspec.structs.fields(kind))


def read_parameters(
    kind: type[Parameters], raw: Mapping[str, object]
) -> tuple[Parameters | None, dict[str, str]]:
    """Read a rule's parameters. The mapping says for each wrong key what was expected."""
    types = get_type_hints(kind)
    values: dict[str, object] = {}
    wrong: dict[str, str] = {}
    for name, value in raw.items():
        read, expected = reader_of(types[name])
        parsed = read(value)
        if parsed is None:
            wrong[name] = expected
        else:
            values[name] = parsed
    return (None, wrong) if wrong else (kind(**values), wrong)


def reader_of(kind: object) -> tuple[Callable[[Any], object | None], str]:
    """Return what reads a value of a type (None: it is not one), and what it expects."""
    if get_origin(kind) is Literal:
        words = get_args(kind)
        return _one_of(words), "one of " + ", ".join(str(word) for word in words if word)
    if get_origin(kind) is tuple:
        return read_words, "a list of words"
    return _READERS[kind]


def read_span(value: object) -> timedelta | None:
    """Read a duration; None where it is none."""
    return duration(value) if isinstance(value, str) else None


def read_count(value: object) -> int | None:
    """Read a whole number of 1 or more; None where it is none."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST:
        return value
    return None


def read_amount(value: object) -> float | None:
    """Read a number of 0 or more; None where it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12:
        return float(value)
    return None


def read_flag(value: object) -> bool | None:
    """Read true or false; None for anything else."""
    return value if isinstance(value, bool) else None


def read_text(value: object) -> str | None:
    """Read a text, without the space around it; None where it is none."""
    return value.strip() if isinstance(value, str) else None


def read_words(value: object) -> tuple[str, ...] | None:
    """Read a list of texts; None where it is none."""
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return tuple(value)
    return None


def _one_of(words: tuple[object, ...]) -> Callable[[object], object | None]:
    return lambda value: value if value in words else None


_READERS: dict[object, tuple[Callable[[Any], object | None], str]] = {
    timedelta: (read_span, SPAN_WORDS),
    int: (read_count, "a whole number of 1 or more"),
    float: (read_amount, "a number of 0 or more"),
    bool: (read_flag, "true or false"),
    str: (read_text, "a text"),
}
