"""Entries of the fault dictionary, and the words that need none: names of codes.

Data, and look-ups.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from domain.codes import MREC, MREC_NAMES, MREC_OF_V16, OWN, V16_ONLY
from domain.faults import Severity
from domain.remedies import Owner, Remedy, RemoteAction
from rules.versions import range_of

_MREC_IN_WORD = re.compile(
    r"(?:^|[/.\s])(?:CX[ _-]?0*|MREC[ _-]?0*)(\d{1,2})(?!\d)", re.IGNORECASE
)
_MREC_IN_TEXT = re.compile(r"(?<![A-Za-z0-9])CX(0\d\d)(?![A-Za-z0-9])", re.IGNORECASE)
# Several errors in one message: MREC asks for ';', EVgo's older list for ','.
_SEPARATORS = re.compile(r"[;,|\n]")
_MOST_TOKENS = 16
# Beside other codes; the endpoint has taken out what says nothing as a whole.
_NOTHING = re.compile(
    r"(?:0x)?0+|none\.?|null|nil|n/?a|-|ok|no[ _-]?(?:error|fault|failure|alarm)s?\.?",
    re.IGNORECASE,
)


_MEANINGS = MREC | V16_ONLY | OWN | {"", "none"}


class StationKind(msgspec.Struct, frozen=True):
    """What is known of a station's kind, and of the vendor a message names; all lower case."""

    make: str = ""  # vendors and models, wherever they were named
    firmware: str = ""
    protocol: str = ""  # as in "ocpp1.6"

    def saying(self, vendor_id: str) -> StationKind:
        """Return the kind with the vendor that a message names."""
        return StationKind(f"{vendor_id} {self.make}".casefold(), self.firmware, self.protocol)


class VendorCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One vendor's word, or a phrase in its text, and what it means.

    `vendor` and `model` are looked for, as words, in the vendorId and in what is known of the
    station, `firmware` is a range such as `>=1.4 <2.0`, `protocol` how its name begins; "" fits
    every one, and of those that fit the entry that names more of these counts. `owner`, `part`,
    `remote` and `agent` say what is known beyond the code (`domain.remedies`).

    One of `word`, `words` (a whole vendor code), `shape` (an expression for it), `phrase`
    (part of what is said) and `text` (a regular expression for such a part) is set; a word goes
    before a shape, the longer of two phrases before the shorter. Case, hyphens, underscores and
    CamelCase do not matter but in shapes; `text` is written for the plain form, in lower case.
    `example` is a frame with the first of the words in it. Raises ValueError for what is no
    expression, no range or no code, and where not one way of saying it is set.
    """

    meaning: str = ""  # a canonical code, "none" (reports no fault), "" (says nothing about it)
    word: str = ""
    words: tuple[str, ...] = ()
    shape: str = ""
    phrase: str = ""
    text: str = ""
    vendor: str = ""
    severity: Severity | None = None  # known to differ from what the status alone says
    ends: str = ""  # the code that is over with this phrase, although errorCode may name it
    undoes: str = ""  # the phrase that is over with this one, where both are in one message
    source: str = ""
    example: str = ""
    make: str = ""  # of the example's station, where the frame names no vendor
    model: str = ""
    firmware: str = ""
    protocol: str = ""
    owner: tuple[Owner, ...] = ()
    part: str = ""
    remote: RemoteAction | None = None
    agent: str = ""

    def __post_init__(self) -> None:
        ways = (self.word, self.words, self.shape, self.phrase, self.text)
        if sum(map(bool, ways)) != 1:
            raise ValueError("one of word, words, shape, phrase and text")
        for code in (self.meaning, self.ends):
            if code not in _MEANINGS:
                raise ValueError(f"{code} is no code")
        range_of(self.firmware)
        for shape in (self.shape, self.text):
            try:
                re.compile(shape)
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(f"shape {shape!r} is no expression: {error}") from error

    def fits(self, kind: StationKind) -> bool:
        """Tell whether the entry is for a kind of station."""
        make = kind.make
        if self.vendor and _word(self.vendor).search(make) is None:
            return False
        if self.model and _word(self.model).search(make) is None:
            return False
        if self.protocol and not kind.protocol.startswith(self.protocol.casefold()):
            return False
        return not self.firmware or range_of(self.firmware).holds(kind.firmware)

    @property
    def specificity(self) -> int:
        """How much it names of the stations it is for."""
        return sum(map(bool, (self.vendor, self.model, self.firmware, self.protocol)))

    @property
    def remedy(self) -> Remedy | None:
        """What helps, as far as the entry itself says so."""
        if not (self.owner or self.part or self.remote or self.agent):
            return None
        return Remedy(
            owners=self.owner,
            remote=self.remote,
            part=self.part,
            agent=self.agent,
            source=self.source,
        )

    def has_shape(self, word: str) -> bool:
        """Tell whether a whole vendor code has this entry's shape."""
        return _shape(self.shape).fullmatch(word) is not None


@lru_cache(maxsize=512)
def _word(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9]){re.escape(word.casefold())}(?![a-z0-9])")


@lru_cache(maxsize=512)
def _shape(shape: str) -> re.Pattern[str]:
    return re.compile(shape, re.IGNORECASE)


def tokens(said: str) -> list[str]:
    """Return the words of a list, in order, without those that say nothing."""
    words = (word.strip() for word in _SEPARATORS.split(said))
    return [word for word in words if word and not is_nothing(word)][:_MOST_TOKENS]


def is_nothing(word: str) -> bool:
    """Tell whether a word names no error."""
    return _NOTHING.fullmatch(word) is not None


def canonical(name: str) -> str | None:
    """Return the canonical code of the name of an error, in any case and spacing.

    The names are those of OCPP 1.6 and 1.5 and of ChargeX. None if it is no such name.
    """
    return _CANONICAL.get(bare_of(name))


def mrec_in(text: str) -> str | None:
    """Find an MREC code in a vendor's word such as `CX014` or `board/MREC2GroundFailure`."""
    found = _MREC_IN_WORD.search(text)
    code = f"CX{int(found[1]):03}" if found else ""
    return code if code in MREC else None


def mrecs_named(text: str) -> list[str]:
    """Return the MREC codes that a text for people names, each in full: `CX014`."""
    return [code for number in _MREC_IN_TEXT.findall(text) if (code := f"CX{number}") in MREC]


def bare_of(name: str) -> str:
    """Return the letters and digits of a name in lower case: spelling apart, its identity."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


_CANONICAL: dict[str, str] = {
    **{bare_of(name): code for code, name in MREC_NAMES.items()},
    **{bare_of(name): code for name, code in MREC_OF_V16.items()},
    **{bare_of(name): name for name in V16_ONLY},
    **{bare_of(code): code for code in MREC},
    # Names of OCPP 1.5 that arrive unchanged from controllers of that age.
    "mode3error": "EVCommunicationError",
}
