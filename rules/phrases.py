"""Phrases in what a station says: where they stand, and whether what they name begins or ends.

Stations write for people: in sentences, in lists, in CamelCase. A phrase is looked for in a
plain form of all that. `Emergency button released` names an emergency that is over, and so does
a phrase of its own that an entry says undoes another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from rules.vendor_words import StationKind, VendorCode

LENGTH_LIMIT = 1_000
"""Characters of a text in which phrases are looked for; OCPP allows 50 to 500."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_GAP = re.compile(r"[\s_\-]+")
_BREAK = re.compile(r"[;,|\n]|\.(?=\s|$)")
# Right after a phrase, with nothing but such words between: "emergency BUTTON WAS released".
# With anything else there it counts: in doubt a danger goes on.
_FILLERS = (
    r"button|switch|stop|knob|push|state|status|situation|condition|signal|sensor|input"
    r"|error|fault|alarm|event|problem|active|is|was|has|been|now|again"
)
_OVER = re.compile(
    rf"(?:\W*\b(?:{_FILLERS})\b)*[\s:=(\[\"']*\b"
    r"(?:released|resolved|cleared|restored|recovered|reconnected|deactivated|inactive|ended"
    r"|gone|false|(?:over|normal|ok|reset)(?=\W*(?:\Z|[;,|\n]))|reset(?= by| done)"
    r"|not (?:active|activated|pressed|triggered|detected|present))\b"
)
_OVER_BEFORE = re.compile(
    r"\b(?:resolved?|cleared?|deactivated?|recovered from|end of|no|not|without)(?: the)?\W*\Z"
)


class Told(msgspec.Struct, frozen=True):
    """What phrases tell: entries that hold, and the codes that are over with this message."""

    begun: tuple[VendorCode, ...] = ()
    is_over: frozenset[str] = frozenset()


class _Hit(msgspec.Struct, frozen=True):
    start: int
    end: int
    entry: VendorCode


class Phrases:
    """Finds the phrases of a dictionary in what stations say."""

    def __init__(self, entries: Iterable[VendorCode]) -> None:
        self._entries = [
            (re.compile(entry.text or re.escape(plain(entry.phrase)), re.IGNORECASE), entry)
            for entry in entries
        ]

    def read(self, said: str, kind: StationKind) -> Told:
        """Say what is told by a station of a kind."""
        text = plain(said[:LENGTH_LIMIT])
        if not text:
            return Told()
        begun: list[VendorCode] = []
        over: set[str] = set()
        last = 0
        for hit in self._hits(text, kind):
            entry = hit.entry
            is_over = _is_over(text[last : hit.start], text[hit.end :])
            last = hit.end
            if entry.ends:
                begun = [e for e in begun if not entry.undoes or e.phrase != entry.undoes]
                over.add(entry.ends)
            elif is_over and entry.meaning not in ("", "none"):
                begun = [e for e in begun if e is not entry]
                over.add(entry.meaning)
            else:
                begun.append(entry)
        over -= {entry.meaning for entry in begun}
        return Told(tuple(begun), frozenset(over))

    def _hits(self, text: str, kind: StationKind) -> list[_Hit]:
        """Find every phrase, in order, without those that are only part of a longer one."""
        hits = [
            _Hit(*found.span(), entry)
            for shape, entry in self._entries
            if entry.fits(kind)
            for found in shape.finditer(text)
        ]
        hits.sort(key=lambda hit: (hit.start, -hit.end, -hit.entry.specificity))
        kept: list[_Hit] = []
        reach = 0
        for hit in hits:
            if hit.end > reach:
                kept.append(hit)
                reach = hit.end
        return kept


def plain(said: str) -> str:
    """Return what was said in lower case, its CamelCase, hyphens and underscores as blanks."""
    lines = _HUMP.sub(" ", said).splitlines()
    return "\n".join(_GAP.sub(" ", line).strip() for line in lines).casefold()


def says_over(said: str, word: str) -> bool:
    """Tell whether a text says of a word in it that this is over: `Error X resolved`."""
    text = plain(said[:LENGTH_LIMIT])
    name = plain(word)
    at = text.find(name) if name else -1
    while at >= 0:
        end = at + len(name)
        if not text[at - 1 : at].isalnum() and _OVER.match(text[end:]) is not None:
            return True
        at = text.find(name, end)
    return False


def _is_over(before: str, after: str) -> bool:
    """Tell whether the words around a phrase say that it is over."""
    return (
        _OVER.match(after) is not None
        or _OVER_BEFORE.search(_BREAK.split(before)[-1]) is not None
    )
