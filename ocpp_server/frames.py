"""The OCPP-J envelope: bytes in, one message, or the reason why it is none.

Decides nothing about actions. It forgives what real stations send (pretty-printed JSON, numeric
ids, two to five elements, broken strings) and raises nothing, whatever the bytes.
"""

from __future__ import annotations

import json
import math
import re
from itertools import islice

import msgspec

from domain.events import Breach

UNKNOWN_ID = b'"-1"'
"""Id of an answer to a call whose own id cannot be understood, as OCPP-J 2.0.1 has it."""


class Call(msgspec.Struct, frozen=True):
    """A request. `raw_id` is the id as it stood in the frame, to be echoed byte for byte.

    `payload` is JSON, b"" where the frame had none. `breaches` are those of the envelope.
    """

    raw_id: bytes
    message_id: str
    action: str
    payload: bytes
    breaches: tuple[Breach, ...] = ()


class CallResult(msgspec.Struct, frozen=True):
    """An answer to a command. `payload` is JSON, `{}` where the frame had none."""

    message_id: str
    payload: bytes


class CallError(msgspec.Struct, frozen=True):
    """A refusal of a command. `payload` is the JSON list of code, description and details."""

    message_id: str
    payload: bytes


class Send(msgspec.Struct, frozen=True):
    """A message that is never answered (OCPP 2.1, type 6). `payload` as in a call."""

    message_id: str
    action: str
    payload: bytes
    breaches: tuple[Breach, ...] = ()


class ResultRefused(msgspec.Struct, frozen=True):
    """The station could not use an answer of ours (OCPP 2.1, type 5), and says why."""

    message_id: str
    payload: bytes  # the JSON list of code, description and details


class NotAFrame(msgspec.Struct, frozen=True):
    """Bytes that gave no message, and why.

    `raw_id` and `action` are what could be salvaged of a call's head: an answer is due where
    `raw_id` is set. `is_quiet`: no more than a sign of life (empty text, `pong`; quirk A16).
    """

    because: str
    raw_id: bytes = b""
    action: str = ""
    is_quiet: bool = False


Frame = Call | CallResult | CallError | Send | ResultRefused | NotAFrame

_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_STRING = msgspec.json.Decoder(str)
_BLANK = b" \t\r\n\x00"
_PONGS = (b"", b"pong", b'"pong"')
_NUMBER_LIMIT = 255  # digits; no real number is longer, and Python refuses 4300
_HEAD = re.compile(
    rb'\A[\s\x00\xef\xbb\xbf]*\[\s*"?2"?\s*,\s*'
    rb'("(?:[^"\\]|\\.){0,255}"'
    rb"|-?(?:0|[1-9][0-9]{0,255})(?:\.[0-9]{1,50})?(?:[eE][+-]?[0-9]{1,4})?)"
    rb'\s*(?:,(?:\s*"([A-Za-z0-9_]{1,64})")?|\Z)',
    re.DOTALL,
)
_MEMBER = re.compile(
    rb'"(\w{1,40})"\s{0,9}:\s{0,9}(?:"((?:[^"\\]|\\.){0,255})"|(-?[0-9]{1,18}))', re.ASCII
)
_MEMBER_LIMIT = 50
# What printf makes of JSON: bare backslashes in strings, commas behind the last member, zeros
# before a member's number. A string is taken as a whole: nothing inside of one is a comma.
_SLIP = re.compile(
    r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|,(?=\s*[}\]])|(?:(?<=:)|(?<=: ))0+(?=[0-9])', re.DOTALL
)
_ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})?')
_MENDED_LIMIT = 65_536  # characters: mending a mebibyte would hold everybody up for a second
_NUMBER_START = b"-0123456789"
_KINDS = {b"2": 2, b"3": 3, b"4": 4, b"5": 5, b"6": 6}
_ODD_KINDS = {b'"2"': 2, b'"3"': 3, b'"4"': 4, b"2.0": 2, b"3.0": 3, b"4.0": 4}
_NOT_CLEAN = Breach("", "not clean JSON")


def head(frame: bytes) -> tuple[bytes, bytes] | None:
    """Return a call's id (without quotes) and action at a glance; None where it takes `read`.

    Holds only for frames that decode as JSON: the caller decodes the whole frame anyway.
    """
    parts = frame.split(b'"', 4)
    # An id that contains an escaped quote moves the parts: the third is then no bare comma.
    if len(parts) == 5 and parts[2] in (b",", b", ") and parts[0] in (b"[2,", b"[2, "):
        return parts[1], parts[3]
    return None


def read(frame: bytes) -> Frame:
    """Read one envelope. Never raises."""
    try:
        return _shape(_ELEMENTS.decode(frame), ())
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    except RecursionError:
        return _salvage(frame, "nested too deeply")
    if frame.strip(_BLANK).lower() in _PONGS:
        return NotAFrame("a sign of life", is_quiet=True)
    try:
        cleaned = _shape(_ELEMENTS.decode(clean_json(frame)), (_NOT_CLEAN,))
        return _with_own_id(cleaned, frame)
    except RecursionError:
        return _salvage(frame, "nested too deeply")
    except msgspec.ValidationError:
        return NotAFrame("not a list")
    except (ValueError, msgspec.DecodeError):
        return _salvage(frame, "not JSON")


def clean_json(raw: bytes) -> bytes:
    """Turn nearly-JSON into JSON: UTF-8 repaired, raw control characters and NaN taken out.

    Raises ValueError where it is not even nearly JSON, RecursionError where nested too deeply.
    """
    text = raw.decode("utf-8", "replace").strip("\ufeff \t\r\n\x00")
    try:
        value = _loaded(text)
    except ValueError:
        if len(text) > _MENDED_LIMIT:
            raise
        value = _loaded(_SLIP.sub(_mended, text))
    # Lone surrogates are legal escapes of JSON, but not text: they become question marks.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _loaded(text: str) -> object:
    return json.loads(
        text, strict=False, parse_int=_whole, parse_float=_finite, parse_constant=_nothing
    )


def _mended(slip: re.Match[str]) -> str:
    """Double the backslashes of a string that escape nothing; leave out any other slip."""
    if not slip[0].startswith('"'):
        return ""
    return _ESCAPE.sub(lambda escape: escape[0] if escape[1] else r"\\", slip[0])


def salvage_members(frame: bytes) -> dict[str, object]:
    """Find texts and integers by name in a broken frame; the first of each name counts."""
    members: dict[str, object] = {}
    for found in islice(_MEMBER.finditer(frame), _MEMBER_LIMIT):
        name, text, number = found.groups()
        value = int(number) if number is not None else text.decode("utf-8", "replace")
        members.setdefault(name.decode("ascii"), value)
    return members


def _whole(text: str) -> int | None:
    return int(text) if len(text) <= _NUMBER_LIMIT else None


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _nothing(_: str) -> None:
    return None


def _shape(elements: list[msgspec.Raw], breaches: tuple[Breach, ...]) -> Frame:
    """Sort the elements by message type. Raises the decoding errors of an id or action."""
    raw = [bytes(element) for element in elements]
    if not raw:
        return NotAFrame("an empty list")
    kind = _KINDS.get(raw[0])
    if kind is None:
        kind = _ODD_KINDS.get(raw[0])
        breaches = (*breaches, Breach("", "message type is not a plain number"))
    match kind:
        case 2:
            return _shape_call(raw, breaches)
        case 3 | 4 | 5:
            return _shape_answer(kind, raw)
        case 6:
            return _shape_send(raw, breaches)
        case _:
            return NotAFrame(f"message type {raw[0][:20].decode('utf-8', 'replace')}")


def _shape_call(raw: list[bytes], breaches: tuple[Breach, ...]) -> Frame:
    if len(raw) == 1:
        return NotAFrame("a call without an id")
    message_id = _id(raw[1])
    if message_id is None:
        action = _action_in(raw[2]) if len(raw) > 2 else ""
        return NotAFrame("a call with an id that is no text", UNKNOWN_ID, action)
    if len(raw) == 2 or not raw[2].startswith(b'"'):
        return NotAFrame("a call without an action", raw_id=raw[1])
    if len(raw) != 4:
        breaches = (*breaches, Breach("", f"a call of {len(raw)} elements instead of 4"))
    payload = raw[3] if len(raw) > 3 else b""
    return Call(raw[1], message_id, _STRING.decode(raw[2]), payload, breaches)


def _action_in(raw: bytes) -> str:
    return _STRING.decode(raw)[:64] if raw.startswith(b'"') else ""


def _shape_answer(kind: int, raw: list[bytes]) -> Frame:
    message_id = _id(raw[1]) if len(raw) > 1 else None
    if message_id is None:
        return NotAFrame("an answer without an id")
    if kind == 3:
        return CallResult(message_id, raw[2] if len(raw) > 2 else b"{}")
    refused = b"[" + b",".join(raw[2:]) + b"]"
    return CallError(message_id, refused) if kind == 4 else ResultRefused(message_id, refused)


def _shape_send(raw: list[bytes], breaches: tuple[Breach, ...]) -> Frame:
    message_id = _id(raw[1]) if len(raw) > 1 else None
    if message_id is None or len(raw) == 2 or not raw[2].startswith(b'"'):
        return NotAFrame("a sent message without an id or an action")
    if len(raw) != 4:
        why = f"a sent message of {len(raw)} elements instead of 4"
        breaches = (*breaches, Breach("", why))
    payload = raw[3] if len(raw) > 3 else b""
    return Send(message_id, _STRING.decode(raw[2]), payload, breaches)


def _with_own_id(cleaned: Frame, frame: bytes) -> Frame:
    """Give a call that had to be cleaned the id of the frame back, where it can be sent."""
    found = _HEAD.match(frame)
    if not isinstance(cleaned, Call) or found is None:
        return cleaned
    raw_id: bytes = found.group(1)
    if not raw_id.isascii() or min(raw_id) < ord(" "):
        return cleaned
    try:
        json.loads(raw_id)
    except ValueError:
        return cleaned
    return msgspec.structs.replace(cleaned, raw_id=raw_id)


def _id(raw: bytes) -> str | None:
    if raw.startswith(b'"'):
        return _STRING.decode(raw)
    if raw[:1] in _NUMBER_START:
        return raw.decode("ascii")
    return None


def _salvage(frame: bytes, because: str) -> NotAFrame:
    """Find id and action at the head of a broken call (quirk C8)."""
    found = _HEAD.match(frame)
    if found is None:
        return NotAFrame(because)
    raw_id, action = found.group(1), found.group(2) or b""
    try:
        _id(raw_id)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raw_id = UNKNOWN_ID
    return NotAFrame(because, raw_id=raw_id, action=action.decode("ascii"))
