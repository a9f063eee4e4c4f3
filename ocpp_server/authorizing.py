"""What stations are told of tokens where a list decides: the answer and its words. Pure.

A call is never refused for its token: the answer stays a CALLRESULT, a start always gets its
number, and only `idTagInfo` (2.x: `idTokenInfo`) says what the list says (quirks F1, F3). It
says so of a start that is hours old, too: stations keep that answer in their authorization
cache, so that "Accepted" would let a stranger's card in the next time without asking.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.tokens import Authorize, Standing, TokenStatus
from ocpp_server import frames
from ocpp_server.calls import UNDECODABLE
from ocpp_server.frames import Call
from ocpp_server.moments import write_moment
from ocpp_server.reading import Reading
from ocpp_server.repair import as_text
from ocpp_server.repeats import REPEAT_LIMIT

ASKING = frozenset({"Authorize", "StartTransaction", "StopTransaction", "TransactionEvent"})
"""Calls that present a token, and whose answers say what becomes of it."""

_PARENT_LIMIT = 20  # characters of a parentIdTag: OCPP 1.6 §7.28, CiString20Type
_ACCEPTED_INFO = b'Info":{"status":"Accepted"}'
_GROUP_KIND = "Central"  # groups are ours, no card has one


class Doorkeeper:
    """Says on one connection what the list says; a call said again hears the same again."""

    __slots__ = ("_authorize", "_told")

    def __init__(self, authorize: Authorize) -> None:
        self._authorize = authorize
        self._told: dict[int, bytes] = {}  # position of a call -> what its answer said

    def settled(
        self, answer: bytes, reading: Reading, frame: bytes, *, now: datetime, position: int
    ) -> bytes:
        """Return the answer with the token's standing in the place of "Accepted"."""
        head, accepted, tail = answer.rpartition(_ACCEPTED_INFO)
        if reading.action not in ASKING or not accepted:
            return answer
        if reading.repeats is not None:
            position = reading.repeats.position
        told = self._told.get(position)
        if told is None:
            told = self._decide(reading, frame, now)
            self._told[position] = told
            if len(self._told) > REPEAT_LIMIT:
                del self._told[next(iter(self._told))]
        return b'%bInfo":%b%b' % (head, told, tail)

    def _decide(self, reading: Reading, frame: bytes, now: datetime) -> bytes:
        token, kind = presented_in(frame)
        if reading.action == "StopTransaction" and not token:
            standing = Standing(TokenStatus.ACCEPTED)  # stopped by no token: nobody to judge
        else:
            standing = self._authorize(token, kind, now)
        return _worded_2x(standing) if reading.is_2x else _worded_16(standing)


def presented_in(frame: bytes) -> tuple[str, str]:
    """Return id and type of the token in a call, "" for what it does not say. Never raises."""
    envelope = frames.read(frame)
    if not isinstance(envelope, Call):
        return _token_of(frames.salvage_members(frame))
    try:
        payload = msgspec.json.decode(envelope.payload)
    except UNDECODABLE:
        try:
            payload = msgspec.json.decode(frames.clean_json(envelope.payload))
        except (ValueError, *UNDECODABLE):
            return _token_of(frames.salvage_members(frame))
    if isinstance(payload, list) and len(payload) == 1:
        payload = payload[0]
    return _token_of(payload)


def _token_of(payload: object) -> tuple[str, str]:
    """Read the token of a payload, whatever the spelling of its members."""
    members = _members(payload)
    said = members.get("idtag", members.get("idtoken"))
    if isinstance(said, dict):
        token = _members(said)
        return _text(token.get("idtoken")), _text(token.get("type"))
    return _text(said), ""


def _members(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        return {}
    return {str(name).casefold(): member for name, member in value.items()}


def _text(value: object) -> str:
    return "" if value is None else as_text(value)


def _worded_16(standing: Standing) -> bytes:
    status = standing.status
    said: dict[str, str] = {
        "status": TokenStatus.INVALID if status is TokenStatus.UNKNOWN else status
    }
    if standing.expires_at is not None:
        said["expiryDate"] = write_moment(standing.expires_at)
    # A longer one is no value of 1.6 at all; without it a card stands for itself.
    if standing.group and len(standing.group) <= _PARENT_LIMIT:
        said["parentIdTag"] = standing.group
    return msgspec.json.encode(said)


def _worded_2x(standing: Standing) -> bytes:
    said: dict[str, object] = {"status": standing.status}
    if standing.expires_at is not None:
        said["cacheExpiryDateTime"] = write_moment(standing.expires_at)
    if standing.group:
        said["groupIdToken"] = {"idToken": standing.group, "type": _GROUP_KIND}
    return msgspec.json.encode(said)
