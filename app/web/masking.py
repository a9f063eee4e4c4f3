"""Frames for people's eyes: ids of cards, tokens, phone numbers and keys are left out. Pure.

Raw frames stay raw in the journal; a view shows these. What cannot be read as JSON is masked
by pattern, so that a broken frame gives nothing away either.
"""

from __future__ import annotations

import json
import re

MASK = "***"

_SECRET_MEMBERS = frozenset(
    [
        "idtag",
        "parentidtag",
        "idtoken",
        "groupidtoken",
        "masterpassgroupid",
        "additionalidtoken",
        "authorizationkey",
        "authkey",
        "password",
        "basicauthpassword",
        "apnpassword",
        "apnusername",
        "secret",
        "token",
        "apikey",
        "privatekey",
        "csr",
        "certificate",
        "certificatechain",
        "phone",
        "phonenumber",
        "email",
        "emaid",
        "contractid",
        "vid",
        "licenseplate",
        "username",
    ]
)
_SECRET_SETTINGS = re.compile(
    r"authorizationkey|password|secret|apn|\bkey\b|token|credential", re.IGNORECASE
)
_PHONE = re.compile(
    # A number with + is one; one with 00 only where it is grouped: meter readings begin so too.
    r"(?<![\w.:])(?:\+[1-9]\d{0,3}[ /().-]{0,2}|00[1-9]\d{0,3}[ /().-]{1,2})"
    r"(?:\d[ /()-]?){5,12}\d(?![\w:]|\.\d)"
)
_PAIR = re.compile(
    r'("(?:' + "|".join(sorted(_SECRET_MEMBERS)) + r')"\s*:\s*)'
    r'("(?:[^"\\]|\\.)*"?|\{[^{}]*\}?|[^,}\]\s]+)',
    re.IGNORECASE,
)
_DEPTH = 40
"""Nesting beyond which a frame is masked by pattern: no message of OCPP is near it."""


def mask_frame(frame: str) -> str:
    """Return a frame with everything personal or secret in it replaced by `***`."""
    try:
        parsed = json.loads(frame)
        masked = _mask(parsed, depth=0)
    except (ValueError, RecursionError):
        return mask_text(frame)
    if masked == parsed:
        return frame  # as it came, to the byte
    return json.dumps(masked, ensure_ascii=False, separators=(",", ":"))


def mask_text(text: str) -> str:
    """Mask what looks personal or secret in a text that is not JSON."""
    return _PHONE.sub(MASK, _PAIR.sub(rf'\g<1>"{MASK}"', text))


def _mask(value: object, *, depth: int) -> object:
    if depth > _DEPTH:
        raise ValueError("too deep")
    if isinstance(value, dict):
        return _mask_members(value, depth)
    if isinstance(value, list):
        return [_mask(one, depth=depth + 1) for one in value]
    if isinstance(value, str):
        if value[:1] in ("{", "["):  # a DataTransfer's text often is JSON again
            return mask_frame(value)
        return _PHONE.sub(MASK, value)
    return value


def _mask_members(members: dict[str, object], depth: int) -> dict[str, object]:
    # ChangeConfiguration, GetConfiguration and SetVariables name the setting beside its value.
    setting = members.get("key") or members.get("variable") or ""
    if isinstance(setting, dict):
        setting = setting.get("name") or ""
    is_secret = isinstance(setting, str) and bool(_SECRET_SETTINGS.search(setting))
    masked: dict[str, object] = {}
    for name, value in members.items():
        is_value = is_secret and name.casefold() in ("value", "attributevalue")
        if value not in (None, "") and (is_value or name.casefold() in _SECRET_MEMBERS):
            masked[name] = MASK
        else:
            masked[name] = _mask(value, depth=depth + 1)
    return masked
