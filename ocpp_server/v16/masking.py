"""Secrets in received frames: what has to be blotted out before a frame is kept. Pure.

Of OCPP 1.6's own settings only `AuthorizationKey` is secret: the station's password. Some
stations give it away in a GetConfiguration answer.
"""

from __future__ import annotations

import re

_STRING = rb'"(?:[^"\\]|\\.)*(?:"|\Z)'
_OBJECT = re.compile(rb"\{(?:[^{}\"]|" + _STRING + rb")*(?:\}|\Z)", re.DOTALL)
_NAMED = re.compile(rb'"key"\s*:\s*"\s*authorizationkey\s*"', re.IGNORECASE)
_VALUE = re.compile(
    rb'("value"\s*:\s*)(?:' + _STRING + rb"|[^,}\s]+)", re.IGNORECASE | re.DOTALL
)


def mask_secrets(frame: bytes) -> bytes:
    """Return the frame with the value of every AuthorizationKey as `***`.

    Works on the text, so that a frame whose JSON is broken or cut gives nothing away either.
    Frames without a secret come back unchanged.
    """
    if _NAMED.search(frame) is None:
        return frame
    return _OBJECT.sub(_mask_object, frame)


def _mask_object(found: re.Match[bytes]) -> bytes:
    text = found.group()
    if _NAMED.search(text) is None:
        return text
    return _VALUE.sub(rb'\1"***"', text)
