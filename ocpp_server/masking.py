"""What of a command and its answer may be kept: passwords and keys become `***`. Pure."""

from __future__ import annotations

import re

import msgspec

MASK = "***"

MAX_KEPT_ANSWER = 2_000
"""Characters of an answer kept in its event; the journal has the whole frame."""

_SECRET = re.compile(
    r"password|passphrase|secret|authorizationkey|privatekey|^pin$", re.IGNORECASE
)
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")  # ftp://user:password@host

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def masked_payload(payload: bytes) -> bytes:
    """Return a command's payload as it may be kept. `payload` is a JSON object."""
    return msgspec.json.encode(_masked(msgspec.json.decode(payload)))


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


def _masked(value: Json) -> Json:
    match value:
        case dict():
            # {"key": "AuthorizationKey", "value": "..."}; 2.x nests the name one deeper.
            name = value.get("key")
            hides_value = isinstance(name, str) and _is_secret(name)
            variable = value.get("variable")
            if isinstance(variable, dict):
                hides_value |= _is_secret(str(variable.get("name", "")))
            return {
                key: MASK
                if _is_secret(key) or (hides_value and key in ("value", "attributeValue"))
                else _masked(part)
                for key, part in value.items()
            }
        case list():
            return [_masked(part) for part in value]
        case str():
            return _USERINFO.sub(f"{MASK}@", value)
        case _:
            return value


def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None
