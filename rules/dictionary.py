"""The fault dictionary: what a station's own error words mean in canonical codes.

Decides the code and what is known about it. It never drops a word: what it does not know is
`OtherError`, and the unknown vendor words are named so that a person can classify them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from domain.codes import OTHER
from domain.events import ErrorReport
from domain.faults import Severity
from domain.remedies import Remedy
from rules.phrases import Phrases, says_over
from rules.vendor_words import (
    StationKind,
    VendorCode,
    bare_of,
    canonical,
    mrec_in,
    mrecs_named,
    tokens,
)

__all__ = ["Dictionary", "Meaning", "StationKind", "VendorCode", "canonical", "mrec_in"]

_REMEMBERED = 2_048
"""Reports whose meaning is kept at hand: most are sent again and again."""


class Meaning(msgspec.Struct, frozen=True):
    """What an error report means. No codes: it reports no error."""

    codes: tuple[str, ...] = ()
    severity: Severity | None = None
    unknown: tuple[str, ...] = ()  # vendor words nobody has classified yet
    is_harmless: bool = False  # its words are known to report no error, or the end of one
    remedy: Remedy | None = None  # what the words themselves say helps, beyond their codes


class Dictionary:
    """Look-ups from raw words to canonical codes."""

    def __init__(self, vendor_codes: Iterable[VendorCode] = ()) -> None:
        self._words: dict[str, list[VendorCode]] = {}
        self._shapes: list[VendorCode] = []
        phrases: list[VendorCode] = []
        for entry in vendor_codes:
            if entry.phrase or entry.text:
                phrases.append(entry)
            elif entry.shape:
                self._shapes.append(entry)
            else:
                for word in entry.words or (entry.word,):
                    self._words.setdefault(_key(word), []).append(entry)
        self._phrases = Phrases(phrases)
        self._meaning = lru_cache(_REMEMBERED)(self._read)

    def meaning(self, error: ErrorReport | None, kind: StationKind | str = "") -> Meaning:
        """Say what a report means, in canonical codes (sorted, each once).

        `kind` is what is known of the station, as registered or booted (or only its vendor and
        model, as a text): many send no vendorId.
        """
        if error is None:
            return Meaning()
        return self._meaning(error, StationKind(kind) if isinstance(kind, str) else kind)

    def _read(self, error: ErrorReport, station: StationKind) -> Meaning:
        kind = station.saying(error.vendor_id)
        found = _Found()
        said: list[str] = []
        odd = [name for name in tokens(error.code) if _code(name) is None]
        for token in (*odd, *tokens(error.vendor_code)):
            if says_over(error.text, token):
                found.is_harmless = True  # errorCode says what is left, if anything is
                continue
            entry, code = self._lookup(kind, token), _code(token)
            if entry is not None:
                found.add(entry)
            elif code is None:
                said.append(token)
            elif code != OTHER:
                found.name(code)
        said_of_it = "\n".join((*said, error.text))
        phrases = self._phrases.read(said_of_it, kind)
        for entry in phrases.begun:
            found.add(entry)
        for code in mrecs_named(error.text):
            if not says_over(error.text, code):
                found.name(code)
        found.is_harmless |= bool(phrases.is_over)
        found.name_all(tokens(error.code), over=phrases.is_over)
        is_explained = bool(phrases.begun or phrases.is_over)
        unknown = () if is_explained else tuple(w for w in dict.fromkeys(said) if w not in odd)
        is_harmless = found.is_harmless and not found.codes
        return Meaning(
            tuple(sorted(found.codes)), found.severity, unknown, is_harmless, found.remedy
        )

    def _lookup(self, kind: StationKind, word: str) -> VendorCode | None:
        """Return the entry that names most of what is known; of equals the first."""
        best: VendorCode | None = None
        for entry in self._words.get(_key(word), ()):
            if entry.fits(kind) and (best is None or entry.specificity > best.specificity):
                best = entry
        if best is not None:
            return best
        for entry in self._shapes:
            if entry.fits(kind) and entry.has_shape(word):
                return entry
        return None


def _code(word: str) -> str | None:
    return canonical(word) or mrec_in(word)


def _key(word: str) -> str:
    """Return a word as it is looked up: numbers without the zeros before them."""
    bare = bare_of(word)
    return bare.lstrip("0") if bare.isdecimal() else bare


class _Found:
    """What the words of one report come to."""

    def __init__(self) -> None:
        self.codes: set[str] = set()
        self.is_harmless = False
        self._severities: list[Severity | None] = []
        self._remark: Severity | None = None  # of an entry that names no code
        self.remedy: Remedy | None = None

    @property
    def severity(self) -> Severity | None:
        """The worst that is known; None where the status decides, of one code at least."""
        known = [severity for severity in self._severities if severity is not None]
        worst = max(known, key=lambda severity: severity.rank) if known else None
        if None not in self._severities or worst in (Severity.MAJOR, Severity.CRITICAL):
            return worst or self._remark
        return None

    def add(self, entry: VendorCode) -> None:
        """Take in what an entry says."""
        if entry.remedy is not None:
            self.remedy = self.remedy.over(entry.remedy) if self.remedy else entry.remedy
        if entry.meaning == "none":
            self.is_harmless = True
        elif entry.meaning == "":
            self._remark = entry.severity
        else:
            self.codes.add(entry.meaning)
            self._severities.append(entry.severity)

    def name(self, code: str) -> None:
        """Take in a code that the station itself named."""
        if code not in self.codes:
            self.codes.add(code)
            self._severities.append(None)

    def name_all(self, named: Iterable[str], *, over: frozenset[str]) -> None:
        """Take in errorCode: OtherError only where nothing says it better."""
        codes = [_code(name) or OTHER for name in named]
        for code in codes:
            if code != OTHER and code not in over:
                self.name(code)
        if OTHER in codes and not self.codes and not self.is_harmless:
            self.codes.add(OTHER)
