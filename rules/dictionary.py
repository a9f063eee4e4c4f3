"""The fault dictionary: what a station's own error words mean in canonical codes.

Decides the code and what is known about it. It never drops a word: what it does not know is
`OtherError`, and the unknown vendor words are named so that a person can classify them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from domain.codes import MREC, MREC_OF_V16, OTHER, V16_ONLY
from domain.events import ErrorReport
from domain.faults import Severity

_MREC_IN_TEXT = re.compile(r"(?:^|/)(?:CX0*|MREC)(\d{1,2})(?!\d)", re.IGNORECASE)
# Several errors in one message: MREC asks for ';', EVgo's older list for ','.
_SEPARATORS = re.compile(r"[;,]")
_MOST_TOKENS = 16


class VendorCode(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor's word, or a phrase in its text, and what it means.

    `vendor` is compared with the vendorId and with the station's make; "" matches every vendor.
    One of `word`, `words` (the whole vendor code), `shape` (a regular expression for it) and
    `phrase` (part of code or text) is set; a word goes before a shape. Raises ValueError for a
    shape that is no expression. `example` is a frame with the first of the words in it.
    """

    meaning: str = ""  # a canonical code, "none" (reports no fault), "" (says nothing about it)
    word: str = ""
    words: tuple[str, ...] = ()
    shape: str = ""
    phrase: str = ""
    vendor: str = ""
    severity: Severity | None = None  # known to differ from what the status alone says
    ends: str = ""  # the code that is over with this phrase, although errorCode may name it
    source: str = ""
    example: str = ""
    make: str = ""  # of the example's station, where the frame names no vendor

    def __post_init__(self) -> None:
        try:
            re.compile(self.shape)
        except re.error as error:
            raise ValueError(f"shape {self.shape!r} is no expression: {error}") from error


class Meaning(msgspec.Struct, frozen=True):
    """What an error report means. No codes: it reports no error."""

    codes: tuple[str, ...] = ()
    severity: Severity | None = None
    unknown: tuple[str, ...] = ()  # vendor words nobody has classified yet


class Dictionary:
    """Look-ups from raw words to canonical codes."""

    def __init__(self, vendor_codes: Iterable[VendorCode] = ()) -> None:
        self._words: dict[str, list[VendorCode]] = {}
        self._phrases: list[VendorCode] = []
        self._shapes: list[tuple[re.Pattern[str], VendorCode]] = []
        for entry in vendor_codes:
            if entry.phrase:
                self._phrases.append(entry)
            elif entry.shape:
                self._shapes.append((re.compile(entry.shape, re.IGNORECASE), entry))
            else:
                for word in entry.words or (entry.word,):
                    self._words.setdefault(word.casefold(), []).append(entry)

    def meaning(self, error: ErrorReport | None, make: str = "") -> Meaning:
        """Say what a report means, in canonical codes (sorted, each once).

        `make` is the station's vendor as registered or booted: many send no vendorId.
        """
        if error is None:
            return Meaning()
        vendor = f"{error.vendor_id} {make}".casefold()
        codes: set[str] = set()
        unknown: list[str] = []
        known = self._phrases_in(error, vendor)
        for token in _tokens(error.vendor_code):
            entry = self._lookup(vendor, token)
            mrec = mrec_in(token)
            if entry is not None:
                known.append(entry)
            elif mrec is not None:
                codes.add(mrec)
            elif canonical(token) is None and not known:
                unknown.append(token)
        codes |= {entry.meaning for entry in known if entry.meaning not in ("", "none")}
        is_harmless = any(entry.meaning == "none" for entry in known)
        codes |= _named_code(error.code, is_explained=bool(codes) or is_harmless)
        codes -= {entry.ends for entry in known}
        severities = [entry.severity for entry in known if entry.severity is not None]
        severity = max(severities, key=lambda s: s.rank) if severities else None
        return Meaning(tuple(sorted(codes)), severity, tuple(unknown))

    def _lookup(self, vendor: str, word: str) -> VendorCode | None:
        for entry in self._words.get(word.casefold(), ()):
            if entry.vendor.casefold() in vendor:
                return entry
        for shape, entry in self._shapes:
            if entry.vendor.casefold() in vendor and shape.fullmatch(word):
                return entry
        return None

    def _phrases_in(self, error: ErrorReport, vendor: str) -> list[VendorCode]:
        said = f"{error.vendor_code} {error.text}".casefold()
        return [
            entry
            for entry in self._phrases
            if entry.phrase.casefold() in said
            and entry.vendor.casefold() in vendor
            and self._lookup(vendor, error.vendor_code) is None
        ]


def _named_code(name: str, *, is_explained: bool) -> set[str]:
    """The code that errorCode itself names; OtherError only where nothing says it better."""
    if not name or name.casefold() == "noerror":
        return set()
    named = canonical(name) or mrec_in(name) or OTHER
    return set() if named == OTHER and is_explained else {named}


def canonical(name: str) -> str | None:
    """Return the canonical code of an OCPP 1.6 error code, ignoring case; None if not one."""
    return _CANONICAL.get(name.casefold())


def mrec_in(text: str) -> str | None:
    """Find an MREC code in a vendor's word such as `CX014` or `board/MREC2GroundFailure`."""
    found = _MREC_IN_TEXT.search(text)
    code = f"CX{int(found[1]):03}" if found else ""
    return code if code in MREC else None


def _tokens(vendor_code: str) -> list[str]:
    tokens = (token.strip() for token in _SEPARATORS.split(vendor_code))
    return [token for token in tokens if token][:_MOST_TOKENS]


_CANONICAL: dict[str, str] = {
    **{name.casefold(): code for name, code in MREC_OF_V16.items()},
    **{name.casefold(): name for name in V16_ONLY},
    **{code.casefold(): code for code in MREC},
    # Names of OCPP 1.5 that arrive unchanged from controllers of that age.
    "mode3error": "EVCommunicationError",
    "mode3 error": "EVCommunicationError",
}
