"""The reference page of the rules: from the catalogue and the detectors' own words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec

from app.rule_files import read_rules
from rules.catalogue import Detector, Rule
from rules.detectors import PARAMETERS
from rules.found import in_words
from rules.parameters import Parameters

INTRO = """\
# Rules

What comes with the product. A rule names a detector, its parameters, how long a condition has
to last before it counts, and how bad it is. [Change or add one](../how-to/add-a-rule.md).
`foretell rules show RULE` lists its stories, too.

A fault is cleared once its condition has been gone for the time named, a flapping one after
half an hour. Severity can be worse than the rule says: danger, and a site where nothing else
can charge, are critical.
"""


def rules_reference() -> str:
    """Return the page below its heading comment: the rules, then the detectors."""
    lines: list[str] = []
    for rule in read_rules().catalogue.rules.values():
        lines += _rule(rule)
    lines += ["## Detectors", "", *_detectors()]
    return "\n".join(lines)


def _rule(rule: Rule) -> Iterator[str]:
    yield f"## {rule.name}"
    yield ""
    yield rule.summary
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    yield f"| detector | `{rule.detector}` |"
    yield f"| severity | {rule.severity.value} |"
    yield f"| counts after | {_span(rule.raise_after)} |"
    yield f"| cleared after | {_span(rule.clear_after)} |"
    if rule.worsens is not None:
        yield f"| worsens | to {rule.worsens.to} after {_span(rule.worsens.after)} |"
    for key in ("stops_charging", "confirmed_by_customer", "person_may_end", "code", "advice"):
        if value := getattr(rule, key):
            yield f"| {key} | {_plain(value)} |"
    for key, value in msgspec.structs.asdict(rule.parameters).items():
        yield f"| {key} | {_plain(value)} |"
    yield ""


def _detectors() -> Iterator[str]:
    yield "What a rule can set for each, and the value without it."
    yield ""
    yield "| detector | parameters |"
    yield "| --- | --- |"
    for detector in Detector:
        said = ", ".join(_parameters(PARAMETERS[detector])) or "none"
        yield f"| `{detector}` | {said} |"


def _parameters(kind: type[Parameters]) -> Iterator[str]:
    made = kind()
    for field in msgspec.structs.fields(kind):
        value = getattr(made, field.name)
        yield f"`{field.name}` ({_plain(value)})"


def _plain(value: object) -> str:
    if isinstance(value, timedelta):
        return _span(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,g}"
    if isinstance(value, tuple | list):
        return ", ".join(str(one) for one in value) or "none"
    return str(value).replace("|", "\\|").replace("\n", " ") if value != "" else "any"


def _span(span: timedelta) -> str:
    for unit, seconds in (("days", 86_400), ("hours", 3_600)):
        count = span.total_seconds() / seconds
        if count >= 2 and count == int(count):
            return f"{int(count)} {unit}"
    return in_words(span)
