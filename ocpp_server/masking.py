"""Secrets in frames and commands: what has to be blotted out before they are kept. Pure.

A password may be a member (`"password": "x"`), a setting (`{"key": "AuthorizationKey", "value":
"x"}`), a variable of OCPP 2.x (`{"variable": {"name": "BasicAuthPassword"}, "attributeValue":
"x"}`), or stand inside a text, be it JSON, pairs or prose. Everything else stays as it came, to
the byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

from ocpp_server.secret_words import (
    MASK,
    is_secret,
    masked_broken,
    masked_words,
    may_hold_secret,
)

__all__ = ["MASK", "is_secret", "kept_answer", "mask_secrets", "mask_text", "masked_payload"]

MAX_KEPT_ANSWER = 2_000
"""Characters of an answer kept in its event; the journal has the whole frame."""

_NAMING = frozenset(
    {"id", "item", "key", "messageid", "name", "param", "parameter", "setting", "variable"}
)
_VALUES = frozenset({"actualvalue", "attributevalue", "data", "val", "value"})
_HARMLESS = frozenset({b"true", b"false", b"null", b'""', b'"***"'})
_WIRE_MASK = b'"***"'

# A string is taken as a whole, cut ones too, so that no text makes this look at it twice.
_TOKEN = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[{}\[\],:]|[^\s"{}\[\],:]+', re.DOTALL
)

_Spans = list[tuple[int, int, bytes]]


@dataclass(slots=True)
class _Open:
    """An object or list that the scan is in."""

    is_object: bool
    is_hidden: bool  # below the name of a secret: nothing in it is kept
    member: str = ""  # of the object around it
    name: str | None = None  # of the member whose value comes next
    said: str = ""  # the last string, in case it turns out to be a name
    hides: bool = False  # it names a secret setting: its values are not kept
    values: _Spans = field(default_factory=list)


def mask_secrets(frame: bytes) -> bytes:
    """Return a frame, or any JSON, with every secret as `***`.

    One that names none comes back unchanged. Broken or cut JSON gives nothing away either.
    """
    if not may_hold_secret(frame):
        return frame
    masked = _scanned(frame)
    return masked if _is_json(frame) else masked_broken(masked)


def mask_text(text: str) -> str:
    """Return a text of a station with every secret as `***`; it may be JSON again."""
    raw = text.encode("utf-8", "replace")
    if not may_hold_secret(raw):
        return text
    if text.lstrip()[:1] not in ("{", "["):
        return masked_words(text)
    masked = _scanned(raw).decode("utf-8", "replace")
    return masked if _is_json(raw) else masked_words(masked)


def masked_payload(payload: bytes) -> bytes:
    """Return a command's payload as it may be kept. `payload` is a JSON object."""
    return mask_secrets(payload)


def kept_answer(body: bytes) -> str:
    """Return the payload of an answer's frame as its event keeps it, "" if unreadable.

    `body` is the frame after the dialect masked it: a CALLRESULT's payload, or what follows
    the message id of a CALLERROR as a list.
    """
    try:
        frame = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return ""
    said = b",".join(bytes(part) for part in frame[2:])
    text = said.decode("utf-8", "replace")
    return (text if len(frame) == 3 else f"[{text}]")[:MAX_KEPT_ANSWER]


def _is_json(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _scanned(frame: bytes) -> bytes:
    """Replace each secret by its mask; go through the text once."""
    masks: _Spans = []
    stack = [_Open(is_object=False, is_hidden=False)]
    for token in _TOKEN.finditer(frame):
        match token.group():
            case b"{" | b"[" as bracket:
                _open(stack, is_object=bracket == b"{")
            case b"}" | b"]":
                _close(stack, masks)
            case b":":
                top = stack[-1]
                top.name = top.said if top.is_object else None
            case b",":
                stack[-1].name = None
            case said:
                _note(stack, said, token.span(), masks)
    while len(stack) > 1:
        _close(stack, masks)
    return _replaced(frame, masks)


def _open(stack: list[_Open], *, is_object: bool) -> None:
    top = stack[-1]
    name = top.name or ""
    is_hidden = top.is_hidden or is_secret(name)
    stack.append(_Open(is_object=is_object, is_hidden=is_hidden, member=name.lower()))


def _close(stack: list[_Open], masks: _Spans) -> None:
    if len(stack) == 1:
        return
    done, top = stack.pop(), stack[-1]
    top.name = None
    if done.hides:
        masks.extend(done.values)
        return
    # The shorter into the longer, in whatever order: deep nesting costs no more than width.
    fewer, more = sorted((done.values, top.values), key=len)
    more.extend(fewer)
    top.values = more


def _note(stack: list[_Open], raw: bytes, span: tuple[int, int], masks: _Spans) -> None:
    """Take in a string, number or word: a name, the name of a setting, or a value."""
    top = stack[-1]
    is_name = top.is_object and top.name is None
    said = _decoded(raw) if raw.startswith(b'"') else ""
    if is_name:
        top.said = said
        return
    name = (top.name or "").lower()
    is_shared = name == "key" and top.member == "vpn"  # of SetNetworkProfile
    if top.is_hidden or is_shared or is_secret(name):
        if raw not in _HARMLESS:
            masks.append((*span, _WIRE_MASK))
        return
    if name in _NAMING and said:
        if is_secret(said):
            # OCPP 2.x: {"variable": {"name": ...}, "attributeValue": ...}.
            owner = stack[-2] if top.member == "variable" else top
            owner.hides = True
        return
    if name == "mutability" and said == "WriteOnly":
        top.hides = True  # what can only be written is not meant to be read
    inner = mask_text(said) if said else ""
    if inner != said:
        masks.append((*span, msgspec.json.encode(inner)))
    if name in _VALUES and raw not in _HARMLESS:
        top.values.append((*span, _WIRE_MASK))


def _decoded(raw: bytes) -> str:
    """Return what a string says, a cut one too; its raw text where its escapes are broken."""
    whole = raw if len(raw) > 1 and raw.endswith(b'"') else raw + b'"'
    if b"\\" in raw:
        for text in (whole, raw + b'"'):
            try:
                return msgspec.json.decode(text, type=str)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
    return whole[1:-1].decode("utf-8", "replace")


def _replaced(frame: bytes, masks: _Spans) -> bytes:
    if not masks:
        return frame
    parts: list[bytes] = []
    at = 0
    # Where a text is masked in part and as a whole, the whole counts.
    for start, end, instead in sorted(masks, key=lambda m: (m[0], m[2] != _WIRE_MASK)):
        if start >= at:
            parts += (frame[at:start], instead)
            at = end
    return b"".join((*parts, frame[at:]))
