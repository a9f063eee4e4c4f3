"""What a single value of the fleet file may be. Each reader takes text and returns the value.

A reader raises ValueError with what was expected, worded to follow "expected".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Read = Callable[[str], object]

LANGUAGES = ("de", "en")
"""Languages that notices can be written in."""

MAX_TEXT = 500
MAX_ID = 64
MAX_EVSES = 1_000

_BAD_IN_ID = re.compile(r"[\s/+#?%\x00-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_EMAIL = re.compile(r"[^@\s<>,;:\"()\\\x00-\x1f\x7f]+@[\w-]+(\.[\w-]+)+")
_PHONE = re.compile(r"\+?[0-9 ()/.\-]+")
_PLACE_PREFIXES = ("site:", "carrier:")

_DAY = r"(?:Mo|Tu|We|Th|Fr|Sa|Su|PH)"
_DAYS = rf"{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*"
_TIME = r"(?:[01]\d|2[0-4]):[0-5]\d"
_SPAN = rf"{_TIME}-{_TIME}"
_HOURS_RULE = re.compile(rf"(?:{_DAYS} )?(?:{_SPAN}(?:, ?{_SPAN})*)|{_DAYS} (?:off|closed)")


def text(written: str) -> str:
    """Read a line of text."""
    stripped = written.strip()
    if not stripped:
        raise ValueError("some text, not an empty one")
    if len(stripped) > MAX_TEXT:
        raise ValueError(f"at most {MAX_TEXT} characters")
    if _CONTROL.search(stripped):
        raise ValueError("text without control characters")
    return stripped


def identifier(written: str) -> str:
    """Read an id: it stands in addresses and topics, so what they use as marks is not in it."""
    if not 0 < len(written) <= MAX_ID:
        raise ValueError(f"an id of 1 to {MAX_ID} characters")
    odd = _BAD_IN_ID.search(written)
    if odd:
        raise ValueError(f"an id without {odd.group()!r} (no spaces, / + # ? %)")
    if written == "fleet" or written.startswith(_PLACE_PREFIXES):
        raise ValueError(f"an id that does not read like a place of ours, not {written!r}")
    return written


def word_of(words: Iterable[str]) -> Read:
    """Make a reader that takes one of the given words."""
    allowed = tuple(words)

    def read(written: str) -> str:
        if written not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}, not {written!r}")
        return written

    return read


def number_of_evses(written: str) -> int:
    """Read how many EVSEs a station has."""
    if not re.fullmatch(r"[0-9]{1,9}", written) or not 1 <= int(written) <= MAX_EVSES:
        raise ValueError(f"a whole number from 1 to {MAX_EVSES}, not {written!r}")
    return int(written)


def number_between(low: float, high: float) -> Read:
    """Make a reader of numbers within limits, both included."""

    def read(written: str) -> float:
        try:
            value = float(written)
        except ValueError:
            value = math.nan
        if not low <= value <= high or "_" in written:  # not true of nan
            raise ValueError(f"a number from {low:g} to {high:g}, not {written!r}")
        return value

    return read


def email(written: str) -> str:
    """Read an e-mail address: plausible, nothing that could add a header or a reader."""
    if len(written) > 254 or not _EMAIL.fullmatch(written):
        raise ValueError(f"an e-mail address such as desk@example.org, not {written!r}")
    return written


def phone(written: str) -> str:
    """Read a phone number: digits with the usual marks between them."""
    digits = sum(character.isdigit() for character in written)
    if not _PHONE.fullmatch(written) or not 3 <= digits <= 20:
        raise ValueError(f"a phone number such as +49 30 23125 001, not {written!r}")
    return written


@cache
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def timezone(written: str) -> str:
    """Read a time zone's name of the IANA database."""
    if not _is_zone(written):
        raise ValueError(f"a time zone such as Europe/Berlin, not {written!r}")
    return written


def shaped(pattern: str, such_as: str) -> Read:
    """Make a reader of codes: the pattern decides, the example explains."""
    shape = re.compile(pattern)

    def read(written: str) -> str:
        if not shape.fullmatch(written):
            raise ValueError(f"{such_as}, not {written!r}")
        return written

    return read


def opening_hours(written: str) -> str:
    """Read opening hours in the OpenStreetMap way: days, a space, times; rules by semicolon."""
    if written == "24/7":
        return written
    rules = [rule.strip() for rule in written.rstrip("; ").split(";")]
    for rule in rules:
        if not _HOURS_RULE.fullmatch(rule) or _is_too_late(rule):
            example = '"Mo-Fr 06:00-22:00; Sa 08:00-12:00" or "24/7"'
            raise ValueError(f"opening hours such as {example}, not {rule!r}")
    return written


def _is_too_late(rule: str) -> bool:
    return any(time > "24:00" for time in re.findall(_TIME, rule))


def topic_root(written: str) -> str:
    """Read an MQTT topic's beginning: levels by slash, no wildcards."""
    if re.search(r"[+#\s\x00]", written) or "" in written.split("/"):
        raise ValueError(f"topic levels such as stations/N-001, without + and #: {written!r}")
    return written
