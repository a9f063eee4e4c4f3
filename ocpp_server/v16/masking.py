"""Secrets in received frames: what has to be blotted out before a frame is kept. Pure.

Of OCPP 1.6's own settings only `AuthorizationKey` is secret: the station's password. Vendors
have more (of the Wi-Fi, of an upload, of their own pages), and some stations give them all away
in a GetConfiguration answer.
"""

from __future__ import annotations

import re

_SECRET = re.compile(
    rb"password|passphrase|passwd|secret|authorizationkey|privatekey|sharedkey", re.IGNORECASE
)

# Each of these takes a string as a whole, so that no text makes them look at it twice.
_STRING = rb'"(?:[^"\\]|\\.)*(?:"|\Z)'
_OBJECT = re.compile(rb"\{(?:[^{}\"]|" + _STRING + rb")*(?:\}|\Z)", re.DOTALL)
_NAMED = re.compile(rb'"key"\s*:\s*(' + _STRING + rb")", re.IGNORECASE | re.DOTALL)
_VALUE = re.compile(
    rb'("value"\s*:\s*)(?:' + _STRING + rb"|[^,}\s]+)", re.IGNORECASE | re.DOTALL
)
_MEMBER = re.compile(
    rb"(" + _STRING + rb")(?:(\s*:\s*)(?:" + _STRING + rb'|[^"\[{,}\s][^,}\s]*))?', re.DOTALL
)


def mask_secrets(frame: bytes) -> bytes:
    """Return the frame with the value of every secret setting and member as `***`.

    Works on the text, so that a frame whose JSON is broken or cut gives nothing away either.
    Frames without a secret come back unchanged.
    """
    if _SECRET.search(frame) is None:
        return frame
    return _OBJECT.sub(_mask_object, _MEMBER.sub(_mask_member, frame))


def _mask_member(found: re.Match[bytes]) -> bytes:
    name, colon = found.groups()
    if colon is None or _SECRET.search(name) is None:
        return found.group()
    return b'%b%b"***"' % (name, colon)


def _mask_object(found: re.Match[bytes]) -> bytes:
    text = found.group()
    if not any(_SECRET.search(named.group(1)) for named in _NAMED.finditer(text)):
        return text
    return _VALUE.sub(rb'\1"***"', text)
