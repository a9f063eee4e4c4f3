"""DataTransfer, from message to events: what vendors say outside the standard. Pure.

The message itself is kept always; what a dialect finds in it comes on top (quirk D13). It is
answered as accepted whatever it holds.
"""

from __future__ import annotations

import math
import re

from domain.events import (
    AnyEvent,
    Breach,
    ConfigurationReported,
    ErrorReport,
    MeterSampled,
    Sample,
    StatusReported,
    VendorDataReceived,
)
from domain.places import Place
from ocpp_server.masking import MASK, is_secret, mask_text
from ocpp_server.moments import read_moment
from ocpp_server.noise import is_no_error, text_of, vendor_code_of
from ocpp_server.scene import Scene, believed_number, place_at, text_in
from ocpp_server.status_words import status_meant
from ocpp_server.v16.messages import DataTransfer
from ocpp_server.vendor.codecs import Fields, decode
from ocpp_server.vendor.dialects import SHIPPED, Dialect, SampleAt, StatusAt

PAYLOAD_LIMIT = 65_536
"""Characters of a DataTransfer's data that its event keeps; the journal has the whole."""

SETTING_LIMIT = 500
"""Characters kept of one setting."""

_PILOT = {"A": False, "B": True, "C": True, "D": True}
_CONNECTOR = re.compile(r"[0-9]{1,4}", re.ASCII)


def vendor_data_received(message: DataTransfer, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a DataTransfer: what it says as it stands, and what its dialect finds in it."""
    payload = mask_text(text_in(message.data))
    message_id = text_in(message.message_id)
    if payload and is_secret(message_id):
        payload = MASK
    received = VendorDataReceived(
        station=scene.memory.station,
        vendor_id=text_in(message.vendor_id),
        message_id=message_id,
        payload=payload[:PAYLOAD_LIMIT],
        observed_at=scene.at,
        position=scene.position,
    )
    dialect = SHIPPED.find(received.vendor_id, message_id)
    if dialect is None:
        return (received,)
    found: list[AnyEvent] = []
    for fields in decode(dialect.codec, payload, dialect.each):
        if len(fields) >= dialect.least:
            found += events_in(dialect, fields, scene)
    if not found:
        scene.breaches.append(Breach("data", f"not as {dialect.name} has it"))
    return (received, *found)


def events_in(dialect: Dialect, fields: Fields, scene: Scene) -> list[AnyEvent]:
    """Return what fields say in a dialect; nothing where what must be there is not."""
    found: list[AnyEvent] = []
    if dialect.status is not None:
        if _CONNECTOR.fullmatch(fields.get(dialect.connector, "")) is None:
            return found
        if not fields.get(dialect.status.status):
            return found
    place = _place(dialect, fields, scene)
    moment = fields.get(dialect.moment, "")
    reported_at = read_moment(moment) if moment else None
    if dialect.status is not None:
        found.append(
            StatusReported(
                place=place,
                status=status_meant(fields[dialect.status.status]),
                error=_error(dialect.vendor, dialect.status, fields),
                has_vehicle=_PILOT.get(fields.get(dialect.status.pilot, "")[:1].upper()),
                reported_at=reported_at,
                observed_at=scene.at,
                position=scene.position,
            )
        )
    samples = tuple(filter(None, (_sample(at, fields) for at in dialect.samples)))
    if samples:
        found.append(
            MeterSampled(
                place=place,
                samples=samples,
                reported_at=reported_at,
                observed_at=scene.at,
                position=scene.position,
            )
        )
    return [*found, *_settings(dialect, fields, scene)]


def _place(dialect: Dialect, fields: Fields, scene: Scene) -> Place:
    number = fields.get(dialect.connector, "") if dialect.connector else ""
    if _CONNECTOR.fullmatch(number):
        return place_at(
            scene.memory.station, believed_number(int(number), "connectorId", scene)
        )
    transaction = fields.get(dialect.transaction, "") if dialect.transaction else ""
    return place_at(scene.memory.station, scene.memory.transactions.get(transaction, 0))


def _error(vendor: str, at: StatusAt, fields: Fields) -> ErrorReport | None:
    """Return the error; a number or text alone is none: real frames carry 1, "No error."."""
    code, text = fields.get(at.code, ""), text_of(fields.get(at.text, ""))
    is_alarm = bool(at.alarm) and fields.get(at.alarm, "").lower() == at.alarm_is.lower()
    if is_alarm:
        text = text or at.alarm_text
    if is_no_error(code):
        if not is_alarm:
            return None
        code = "OtherError"
    return ErrorReport(code, vendor, vendor_code_of(fields.get(at.vendor_code, "")), text)


def _sample(at: SampleAt, fields: Fields) -> Sample | None:
    try:
        value = float(fields.get(at.at, "").replace(",", "."))
    except ValueError:
        return None
    if not math.isfinite(value) or (at.is_zero_unread and value == 0):
        return None
    return Sample(at.measurand, value / at.per, at.unit, at.phase)


def _settings(dialect: Dialect, fields: Fields, scene: Scene) -> list[AnyEvent]:
    number = fields.get(dialect.connector, "") if dialect.connector else ""
    where = f"@{number}" if number else ""
    settings = {
        f"{dialect.vendor}{where}.{name}": MASK if is_secret(name) else value[:SETTING_LIMIT]
        for name in dialect.settings
        if (value := fields.get(name)) is not None
    }
    if not settings:
        return []
    return [
        ConfigurationReported(
            station=scene.memory.station,
            settings=settings,
            observed_at=scene.at,
            position=scene.position,
        )
    ]
