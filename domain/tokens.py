"""Tokens: who may charge, as a list says. Pure: where the list is kept is others' business.

A token is what a driver identifies with: OCPP 1.6's idTag, 2.x's idToken with its type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

ID_LIMIT = 255
"""Characters of an id, as OCPP 2.1 has it (2.0.1: 36, 1.6: 20)."""

GROUP_LIMIT = 36
"""Characters of a group, as OCPP 2.0.1 has it."""

NO_AUTHORIZATION = "NoAuthorization"
"""The 2.x type of a charging for which nobody was asked, at the press of a button say."""

KINDS = (
    "Central",
    "DirectPayment",
    "eMAID",
    "EVCCID",
    "ISO14443",
    "ISO15693",
    "KeyCode",
    "Local",
    "MacAddress",
    NO_AUTHORIZATION,
    "VIN",
)
"""Types of tokens, as the appendices of OCPP 2.0.1 and 2.1 list them."""

# A 1.6 station names no type; what it reads are cards.
_CARDS = ("", "ISO14443", "ISO15693")


class TokenStatus(StrEnum):
    """What a list says of a token, in OCPP's words. 1.6 has no UNKNOWN and says Invalid."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT = "ConcurrentTx"
    UNKNOWN = "Unknown"


LISTED = tuple(status for status in TokenStatus if status is not TokenStatus.UNKNOWN)
"""What a list may say; UNKNOWN is what is not in it."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a list. `kind` is the 2.x type, "" for any; `group` allows for each other.

    From `expires_at` on, an accepted token is an expired one.
    """

    id: str
    kind: str = ""
    status: TokenStatus = TokenStatus.ACCEPTED
    group: str = ""
    expires_at: datetime | None = None
    note: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What makes it one token: id and type, as they are compared."""
        return key_of(self.id), key_of(self.kind)


class Standing(msgspec.Struct, frozen=True):
    """What may be told of a token that was presented."""

    status: TokenStatus
    group: str = ""
    expires_at: datetime | None = None


Authorize = Callable[[str, str, datetime], Standing]
"""From a presented id, its type ("" where none was named) and the moment, to its standing."""


def key_of(text: str) -> str:
    """Return an id or type as it is compared: without case (CiString) or blanks around it."""
    return text.strip().casefold()


def standing_of(listed: Sequence[Token], kind: str, now: datetime) -> Standing:
    """Say how a presented token stands; `listed` are the entries with its id, of every type."""
    token = _entry_for(listed, kind)
    if token is None:
        is_free = key_of(kind) == key_of(NO_AUTHORIZATION)
        return Standing(TokenStatus.ACCEPTED if is_free else TokenStatus.UNKNOWN)
    status = token.status
    is_over = token.expires_at is not None and token.expires_at <= now
    if is_over and status is TokenStatus.ACCEPTED:
        status = TokenStatus.EXPIRED
    return Standing(status, token.group, token.expires_at)


def _entry_for(listed: Sequence[Token], kind: str) -> Token | None:
    """Return the entry that is meant: of the presented type, else of any."""
    by_kind = {key_of(token.kind): token for token in listed}
    if key_of(kind):
        return by_kind.get(key_of(kind)) or by_kind.get("")
    for card in _CARDS:
        if key_of(card) in by_kind:
            return by_kind[key_of(card)]
    return by_kind[min(by_kind)] if by_kind else None
