"""Shortening: what a text over the limits goes without, so that it can be sent all the same."""

from __future__ import annotations

from ticketing.facts import Facts
from ticketing.phrasing import fill
from ticketing.wording import Pattern, Wording
from ticketing.wording_check import fits, without_names

_FALL_AWAY = (
    "decision",
    "told_at_site",
    "no_action",
    "meanwhile",
    "reader_action",
    "also_short",
    "also",
)
"""What a text over the limits loses first, in this order, where the facts do not keep it."""

_LAST_RESORT = ("action", "call_us", "meanwhile", "also", "since")
"""What it loses then, kept or not: better a plainer notice than none. Never the impact, the
promise or, of a danger, what to do."""


def lines_of(pattern: Pattern, values: dict[str, str]) -> list[str]:
    """Return the lines of a notice: no sentence without its values, no line without one."""
    lines = []
    for sentences in pattern.lines:
        filled = [said for sentence in sentences if (said := fill(sentence, values))]
        if filled:
            lines.append(" ".join(filled))
    return lines


def fitting(pattern: Pattern, facts: Facts, language: str, wording: Wording) -> dict[str, str]:
    """Return the values with which the text fits the limits, as far as that can be."""
    values = dict(facts.values)
    first = [_step(name, facts) for name in _FALL_AWAY if name not in facts.kept]
    last = [{name: ""} for name in _LAST_RESORT]
    for step in (*first, *last):
        text = "\n".join(lines_of(pattern, values))
        bare = without_names(text, facts.names, language, wording)
        if fits(text, bare, wording.limits):
            break
        values |= step
    return values


def _step(name: str, facts: Facts) -> dict[str, str]:
    """Return the values that one step of falling away changes."""
    match name:
        case "no_action":
            return {"reader_action": ""} if facts.asks_nothing else {}
        case "also_short":
            return {"also": facts.also_short}
        case _:
            return {name: ""}


def subject_of(pattern: Pattern, values: dict[str, str], wording: Wording) -> str:
    """Return the subject, shortened from its end: first by the site, then as it must be.

    The effect stands in front and always stays.
    """
    most = wording.limits.subject_characters
    subject = ""
    for place in (values["place_full"], values["place"]):
        subject = fill(pattern.subject, values | {"place_full": place})
        if len(subject) <= most:
            return subject
    return f"{subject[: most - 1].rstrip(' ,:')}…"
