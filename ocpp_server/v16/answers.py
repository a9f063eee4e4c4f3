"""Answers to a 1.6 station: schema-valid, without extra members, prepared where constant. Pure.

We watch and never refuse a charging: every token is accepted, every transaction numbered
(quirks F1, F3).
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

import msgspec

from ocpp_server.moments import write_moment
from ocpp_server.reading import Reading

_DESCRIPTION_LIMIT = 255  # characters, the limit that later OCPP-J editions name
_TRANSACTION_NUMBERS = 2**31 - 1  # stations keep the number in 31 bits

NOTHING = b",{}]"
"""What stands behind the id in an answer that says nothing."""

SAYS_NOTHING = frozenset({"MeterValues", "StatusNotification"})
"""Actions that are answered so; where they conform they bring neither token nor secret."""

_ACCEPTED_TOKEN = b',{"idTagInfo":{"status":"Accepted"}}]'
_CONSTANT = {
    "Authorize": _ACCEPTED_TOKEN,
    "DataTransfer": b',{"status":"Accepted"}]',
    "SignCertificate": b',{"status":"Rejected"}]',
    "StopTransaction": _ACCEPTED_TOKEN,
}


def transaction_number(position: int) -> int:
    """Number a transaction by the journal position of its start: 1 to 2**31 - 1.

    It repeats only after two thousand million entries, and is the same under replay.
    """
    return (position - 1) % _TRANSACTION_NUMBERS + 1


def answer_to(
    reading: Reading, *, now: datetime, position: int, heartbeat_every_s: int
) -> bytes | None:
    """Return the frame that answers a reading; None where no answer is due."""
    raw_id = reading.raw_id
    if not raw_id:
        return None
    if reading.refusal:
        because = msgspec.json.encode(reading.because[:_DESCRIPTION_LIMIT])
        code = reading.refusal.encode()
        return b'[4,%b,"%b",%b,{}]' % (raw_id, code, because)
    return b"[3," + raw_id + _result(reading.action, now, position, heartbeat_every_s)


def _result(action: str, now: datetime, position: int, heartbeat_every_s: int) -> bytes:
    match action:
        case "Heartbeat":
            return _time_of(now)
        case "BootNotification":
            return b',{"status":"Accepted","currentTime":"%b","interval":%d}]' % (
                write_moment(now).encode(),
                heartbeat_every_s,
            )
        case "StartTransaction":
            return b',{"transactionId":%d,"idTagInfo":{"status":"Accepted"}}]' % (
                transaction_number(position)
            )
        case _:
            return _CONSTANT.get(action, NOTHING)


@lru_cache(maxsize=16)  # all answers of one turn of the loop share their moment
def _time_of(now: datetime) -> bytes:
    return b',{"currentTime":"%b"}]' % write_moment(now).encode()
