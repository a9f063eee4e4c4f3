"""Calls said again: a station that missed our answer repeats its call, id and payload alike.

Such a call is answered as it was before and tells nothing new (quirk C2, and stations that
resend a StartTransaction after every timeout). The same id with another payload is another call
(quirk C3). Only calls that count something are looked at: the frequent ones may be read twice.
Pure data; a snapshot holds it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec

from ocpp_server.frames import head

REPEAT_LIMIT = 16
"""Calls remembered per connection; the oldest is forgotten first."""

REPEAT_WITHIN = timedelta(minutes=1)
"""For calls without a moment of their own in the payload: stations whose message ids never
change say "the same" whenever a card is shown or they boot, and want the present time."""

FRAME_LIMIT = 16_384
"""Bytes; a longer frame (a DataTransfer with a file in it) is always read as new."""

_DATED = frozenset({"StartTransaction", "StopTransaction", "TransactionEvent"})
_COUNTED = frozenset(
    name.encode() for name in _DATED | {"Authorize", "BootNotification", "DataTransfer"}
)
_ODD_HEAD = re.compile(
    rb'\s*\[\s*2\s*,\s*(?:"(?:[^"\\]|\\.){0,255}"|-?[0-9]{1,255})\s*,\s*"(\w{1,64})"', re.ASCII
)


class Earlier(msgspec.Struct, frozen=True, gc=False):
    """A call that was answered, and what its answer was made of.

    `digest` is of the whole frame: id, action and payload. `told`: see `Reading`.
    """

    digest: bytes
    action: str
    raw_id: bytes
    at: datetime
    position: int
    is_2x: bool = False
    told: bytes = b""


def digest_of(frame: bytes) -> bytes:
    """Return what tells a frame from every other; b"" where repeats of it do not matter."""
    seen = head(frame)
    if seen is not None:
        name = seen[1]
    else:
        odd = _ODD_HEAD.match(frame)
        name = b"" if odd is None else odd[1]
    if name not in _COUNTED or len(frame) > FRAME_LIMIT:
        return b""
    return blake2b(frame, digest_size=12).digest()


def earlier_of(digest: bytes, earlier: list[Earlier], at: datetime) -> Earlier | None:
    """Return the call that a frame repeats; None where it is new."""
    for call in reversed(earlier):
        if call.digest == digest:
            is_dated = call.action in _DATED
            return call if is_dated or at - call.at < REPEAT_WITHIN else None
    return None


def note(call: Earlier, earlier: list[Earlier]) -> None:
    """Remember a call; one of the same digest gives way to it."""
    earlier[:] = [other for other in earlier if other.digest != call.digest]
    earlier.append(call)
    if len(earlier) > REPEAT_LIMIT:
        del earlier[0]
