"""EVBox's evbStatusNotification: the real status, as comma-separated text in a DataTransfer.

Layout and meaning come from live captures of 2024 to 2026: 25 tokens at the top level, `{...}`
counting as one. Read here: 1 connector, 2 status, 3 errorCode, 4 info, 5 vendor error number,
6 LED colour, 14 timestamp. A number other than 0 is no error by itself: real frames carry 1
with "No error."; a red LED or an errorCode is.
"""

from __future__ import annotations

import re

import msgspec

from domain.events import ErrorReport
from ocpp_server.noise import is_no_error, text_of, vendor_code_of

VENDOR_ID = "EV-BOX"
MESSAGE_ID = "evbStatusNotification"

_TOKEN = re.compile(r"\{[^{}]*\}|[^,{}]+|(?<=,)(?=,)|(?<=,)\Z")
_LEAST_TOKENS = 6
_LENGTH_LIMIT = 2000  # characters; real ones have about 160
_CONNECTOR = re.compile(r"[0-9]{1,4}\Z", re.ASCII)


class EvboxStatus(msgspec.Struct, frozen=True):
    """What one evbStatusNotification says. `moment` is the station's text, "" without one."""

    connector: int
    status: str
    error: ErrorReport | None
    moment: str


def is_status(vendor_id: str, message_id: str) -> bool:
    """Tell whether a DataTransfer is an evbStatusNotification."""
    return vendor_id.upper() == VENDOR_ID and message_id == MESSAGE_ID


def read_status(payload: str) -> EvboxStatus | None:
    """Read the payload; None where it is not such a text."""
    if len(payload) > _LENGTH_LIMIT:
        return None
    tokens = [token.strip() for token in _TOKEN.findall(payload)]
    if len(tokens) < _LEAST_TOKENS or not _CONNECTOR.match(tokens[0]):
        return None
    connector, status, code, text, number, led = tokens[:6]
    error = None
    if not is_no_error(code) or led.lower() == "red":
        error = ErrorReport(
            "OtherError" if is_no_error(code) else code,
            VENDOR_ID,
            vendor_code_of(number),
            text_of(text) or ("LED red" if led.lower() == "red" else ""),
        )
    return EvboxStatus(int(connector), status, error, tokens[13] if len(tokens) > 13 else "")
