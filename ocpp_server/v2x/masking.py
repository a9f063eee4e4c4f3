"""Secrets in received 2.x frames: what has to be blotted out before a frame is kept. Pure.

A device model may give away passwords: as a variable in a report, an event, or the answer to a
GetVariables. Its standard one is BasicAuthPassword; vendors have others.
"""

from __future__ import annotations

import re

import msgspec

from ocpp_server.masking import MASK, Json
from ocpp_server.v16.masking import mask_secrets as mask_v16

_WORDS = (
    "authorizationkey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "sharedkey",
)
_WIRE_WORDS = tuple(word.encode() for word in _WORDS)
_VALUES = frozenset({"actualValue", "attributeValue", "value"})
_VALUE = re.compile(
    rb'("(?:actualValue|attributeValue|value)"\s*:\s*)(?:"(?:[^"\\]|\\.)*(?:"|\Z)|[^,}\s]+)',
    re.IGNORECASE | re.DOTALL,
)


def is_secret(variable: str) -> bool:
    """Tell whether a variable of this name holds a secret."""
    name = variable.lower()
    return any(word in name for word in _WORDS)


def mask_secrets(frame: bytes) -> bytes:
    """Return the frame with the values of secret variables as `***`.

    A frame that names none comes back unchanged, byte for byte; one whose JSON is broken loses
    all its values.
    """
    said_lower = frame.lower()
    if not any(word in said_lower for word in _WIRE_WORDS):
        return frame
    try:
        said: Json = msgspec.json.decode(frame)
        masked = _masked(said, is_hidden=False)
        return frame if masked == said else mask_v16(msgspec.json.encode(masked))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return mask_v16(_VALUE.sub(rb'\1"***"', frame))


def _masked(value: Json, *, is_hidden: bool) -> Json:
    match value:
        case dict():
            named = value.get("variable")
            name = named.get("name") if isinstance(named, dict) else value.get("key")
            hides = is_hidden or (isinstance(name, str) and is_secret(name))
            return {
                key: MASK
                if is_secret(key) or (hides and key in _VALUES)
                else _masked(part, is_hidden=hides)
                for key, part in value.items()
            }
        case list():
            return [_masked(part, is_hidden=is_hidden) for part in value]
        case _:
            return value
