"""Writes a station's messages as frames, the way its vendor does.

The messages are the `ocpp` library's own classes for OCPP 1.6; a vendor's quirks change what
comes out, and only where the vendor's data says so may a frame break the schema.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from random import Random
from uuid import UUID

from ocpp.charge_point import remove_nones, serialize_as_dict, snake_to_camel_case

from simulator.vendors import IdStyle, Quirks, StampStyle

Payload = dict[str, object]
"""The body of a message, with the names of the standard."""

_OFFSET = timezone(timedelta(hours=1))
_NO_ERROR = "NoError"


def payload_of(message: object) -> Payload:
    """Turn a message of the `ocpp` library into its JSON members, unset ones left out."""
    members: Payload = snake_to_camel_case(remove_nones(serialize_as_dict(message)))
    return members


class Dresser:
    """Writes the frames of one station. Holds its message counter and nothing else."""

    def __init__(self, quirks: Quirks, dice: Random) -> None:
        self._quirks = quirks
        self._dice = dice
        self._number = 0

    def restart(self) -> None:
        """Forget the message counter, as a boot does."""
        self._number = 0

    def message_id(self) -> str:
        """Return the next message id."""
        match self._quirks.id_style:
            case IdStyle.UUID:
                return str(UUID(int=self._dice.getrandbits(128), version=4))
            case IdStyle.COUNTER:
                self._number += 1
                return str(self._number)
            case IdStyle.DIGITS:
                return f"{self._dice.randrange(10**10):010d}"

    def stamp(self, moment: datetime) -> str:
        """Write a moment."""
        match self._quirks.stamp_style:
            case StampStyle.SECONDS:
                return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            case StampStyle.MILLIS:
                return (
                    moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
                )
            case StampStyle.OFFSET:
                return moment.astimezone(_OFFSET).isoformat(timespec="seconds")

    def call(self, message_id: str, action: str, payload: Payload) -> str:
        """Write a CALL."""
        return self._json([2, message_id, action, self._dressed(action, payload)])

    def result(self, message_id: object, payload: Payload) -> str:
        """Write a CALLRESULT."""
        return self._json([3, message_id, payload])

    def error(self, message_id: object, code: str, description: str) -> str:
        """Write a CALLERROR."""
        return self._json([4, message_id, code, description, {}])

    def _json(self, frame: list[object]) -> str:
        if self._quirks.is_pretty:
            return json.dumps(frame, indent=2)
        return json.dumps(frame, separators=(",", ":"))

    def _dressed(self, action: str, payload: Payload) -> Payload:
        quirks = self._quirks
        match action:
            case "StatusNotification":
                is_healthy = payload.get("errorCode") == _NO_ERROR
                payload |= dict(quirks.every_status)
                # What a vendor writes for "nothing wrong" never hides what a fault says.
                payload |= dict(quirks.healthy if is_healthy else quirks.breaking_faults)
                if not quirks.has_status_stamp:
                    payload.pop("timestamp", None)
            case "BootNotification":
                payload |= dict(quirks.boot) | dict(quirks.breaking_boot)
            case "MeterValues" if quirks.has_numeric_samples:
                _make_samples_numeric(payload)
        return payload


def _make_samples_numeric(payload: Payload) -> None:
    for entry in _objects(payload.get("meterValue")):
        for sample in _objects(entry.get("sampledValue")):
            sample["value"] = float(str(sample["value"]))


def _objects(value: object) -> list[Payload]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
