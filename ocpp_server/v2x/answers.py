"""Answers to a 2.x station: valid by the schemas of both versions, without extra members. Pure.

We watch and never refuse a charging. What we cannot do (certificates, tariffs, schedules) is
refused in the answer's own words, never with an error.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from ocpp_server.moments import write_moment
from ocpp_server.reading import Reading

_DESCRIPTION_LIMIT = 255  # characters, OCPP-J 2.0.1 §4.2.3

_ACCEPTED = b'{"status":"Accepted"}'
_REJECTED = b'{"status":"Rejected"}'
_CONSTANT = {
    "Authorize": b'{"idTokenInfo":{"status":"Accepted"}}',
    "DataTransfer": _ACCEPTED,
    "Get15118EVCertificate": b'{"status":"Failed","exiResponse":""}',
    "GetCertificateStatus": b'{"status":"Failed"}',
    "NotifyEVChargingNeeds": _ACCEPTED,
    "NotifyEVChargingSchedule": _ACCEPTED,
    "OpenPeriodicEventStream": _ACCEPTED,
    "PullDynamicScheduleUpdate": _REJECTED,
    "SignCertificate": _REJECTED,
}


def answer_to(reading: Reading, *, now: datetime, heartbeat_every_s: int) -> bytes | None:
    """Return the frame that answers a reading; None where no answer is due."""
    raw_id = reading.raw_id
    if not raw_id:
        return None
    if reading.refusal:
        because = msgspec.json.encode(reading.because[:_DESCRIPTION_LIMIT])
        return b'[4,%b,"%b",%b,{}]' % (raw_id, reading.refusal.encode(), because)
    told = reading.told or _payload(reading.action, now, heartbeat_every_s)
    return b"[3,%b,%b]" % (raw_id, told)


def _payload(action: str, now: datetime, heartbeat_every_s: int) -> bytes:
    match action:
        case "Heartbeat":
            return b'{"currentTime":"%b"}' % write_moment(now).encode()
        case "BootNotification":
            return b'{"status":"Accepted","currentTime":"%b","interval":%d}' % (
                write_moment(now).encode(),
                heartbeat_every_s,
            )
        case _:
            return _CONSTANT.get(action, b"{}")
