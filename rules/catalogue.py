"""The catalogue: rules as typed values, parsed once from plain mappings (YAML in the files).

A rule names a detector, its parameters, patience and severity. No expression is ever evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

import msgspec

from domain.faults import Severity

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Detector(StrEnum):
    """The detectors there are. Each is a class with handlers, named in its module."""

    REPORTED_FAULT = "reported-fault"
    OFFLINE = "offline"
    SILENT = "silent"
    CONNECTION_FLAPPING = "connection-flapping"
    SITE_DARK = "site-dark"


class Worsening(msgspec.Struct, frozen=True):
    """The severity a fault grows to when its condition has lasted `after`."""

    after: timedelta
    to: Severity


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A condition, the patience it deserves, and what it means.

    `scope` and `is_faulted` are parameters of reported-fault: "evse" or "station" or "" (both),
    and whether the status must be Faulted (False: an error code without Faulted).
    `window` and `count` are parameters of connection-flapping and site-dark.
    """

    name: str
    detector: Detector
    severity: Severity
    raise_after: timedelta
    clear_after: timedelta
    scope: str = ""
    is_faulted: bool = True
    worsens: Worsening | None = None
    window: timedelta = timedelta(minutes=3)
    count: int = 2
    flapping_clear_after: timedelta = timedelta(minutes=30)
    code: str = ""  # of findings that carry no code of their own
    advice: str = ""
    summary: str = ""
    version: int = 1


class RuleMistake(msgspec.Struct, frozen=True):
    """What is wrong with one rule, in words for its author."""

    rule: str
    key: str
    expected: str


def duration(text: str) -> timedelta | None:
    """Read `90s`, `2m`, `1.5h`, `1d`; None for anything else."""
    found = _DURATION.match(text.strip())
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]]) if found else None


def parse_rule(raw: Mapping[str, Any]) -> tuple[Rule | None, list[RuleMistake]]:
    """Read one rule; the list says everything that is wrong with it."""
    name = str(raw.get("rule", ""))
    mistakes = [
        RuleMistake(name, key, f"unknown key; expected one of {', '.join(sorted(_KEYS))}")
        for key in raw
        if key not in _KEYS
    ]
    mistakes += [
        RuleMistake(name, key, "missing, and required")
        for key in ("rule", "detector", "severity", "raise_after", "clear_after")
        if key not in raw
    ]
    values: dict[str, Any] = {}
    for key, value in raw.items():
        read = _KEYS.get(key)
        if read is None:
            continue
        field, reader, expected = read
        parsed = reader(value)
        if parsed is None:
            mistakes.append(RuleMistake(name, key, f"expected {expected}"))
        else:
            values[field] = parsed
    if mistakes:
        return None, mistakes
    return Rule(**values), []


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) else None


def _word(value: object) -> str | None:
    text = _text(value)
    return text if text and re.fullmatch(r"[a-z0-9-]+", text) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    return None


def _span(value: object) -> timedelta | None:
    return duration(value) if isinstance(value, str) else None


def _severity(value: object) -> Severity | None:
    return Severity(str(value)) if value in tuple(Severity) else None


def _detector(value: object) -> Detector | None:
    return Detector(str(value)) if value in tuple(Detector) else None


def _scope(value: object) -> str | None:
    return str(value) if value in ("evse", "station") else None


def _worsening(value: object) -> Worsening | None:
    if not isinstance(value, Mapping) or set(value) != {"after", "to"}:
        return None
    after, to = _span(value["after"]), _severity(value["to"])
    return Worsening(after, to) if after is not None and to is not None else None


_SPAN_WORDS = "a duration such as 90s, 2m, 1.5h or 1d"
_KEYS: dict[str, tuple[str, Any, str]] = {
    "rule": ("name", _word, "a name of small letters, digits and hyphens"),
    "summary": ("summary", _text, "a text"),
    "detector": ("detector", _detector, f"one of {', '.join(Detector)}"),
    "scope": ("scope", _scope, "evse or station"),
    "faulted": ("is_faulted", _flag, "true or false"),
    "severity": ("severity", _severity, f"one of {', '.join(Severity)}"),
    "raise_after": ("raise_after", _span, _SPAN_WORDS),
    "clear_after": ("clear_after", _span, _SPAN_WORDS),
    "flapping_clear_after": ("flapping_clear_after", _span, _SPAN_WORDS),
    "worsens": ("worsens", _worsening, "{after: <duration>, to: <severity>}"),
    "window": ("window", _span, _SPAN_WORDS),
    "count": ("count", _number, "a whole number of 1 or more"),
    "code": ("code", _text, "a fault code"),
    "advice": ("advice", _text, "a text for agents"),
    "version": ("version", _number, "a whole number of 1 or more"),
}


class Catalogue:
    """All rules by name, and by detector."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules: dict[str, Rule] = {rule.name: rule for rule in rules}

    def of(self, detector: Detector) -> tuple[Rule, ...]:
        """Return the rules that use a detector, in the order of the catalogue."""
        return tuple(rule for rule in self.rules.values() if rule.detector is detector)

    def one(self, detector: Detector) -> Rule | None:
        """Return the rule of a detector that is used once; None where there is none."""
        rules = self.of(detector)
        return rules[0] if rules else None
