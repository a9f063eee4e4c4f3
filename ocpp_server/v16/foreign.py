"""OCPP 2.x messages on a connection where 1.6 was understood (quirks A1, A2, J1). Pure.

Read as far as it is simple, so that nothing is lost and the station gets an answer it accepts.
"""

from __future__ import annotations

from domain.events import AnyEvent, Booted, Breach, Status, StatusReported
from domain.places import Place
from ocpp_server.memory import AnswerDue
from ocpp_server.moments import read_moment
from ocpp_server.repair import as_text
from ocpp_server.v16.scene import Scene

_STATUS = {
    "Available": Status.AVAILABLE,
    "Occupied": Status.OCCUPIED,
    "Reserved": Status.RESERVED,
    "Unavailable": Status.UNAVAILABLE,
    "Faulted": Status.FAULTED,
}

ANSWERED_EMPTY = frozenset(
    {
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyReport",
        "PublishFirmwareStatusNotification",
        "ReportChargingProfiles",
        "ReservationStatusUpdate",
        "TransactionEvent",
    }
)
"""Requests of OCPP 2.0.1 that `{}` answers by its schemas."""


def read(action: str, payload: dict[str, object], scene: Scene) -> tuple[AnyEvent, ...] | None:
    """Return the events of a 2.x message, or None where the payload is not one."""
    if action == "BootNotification" and "chargingStation" in payload:
        events = _boot(payload, scene)
    elif action == "StatusNotification" and "connectorStatus" in payload:
        events = _status(payload, scene)
    else:
        return None
    if not scene.memory.protocol.startswith("ocpp2"):
        scene.breaches.append(Breach("", "a message of OCPP 2.x"))
    return events


def _boot(payload: dict[str, object], scene: Scene) -> tuple[AnyEvent, ...]:
    if not scene.memory.protocol:
        scene.memory.protocol = "ocpp2.0.1"
    told = payload["chargingStation"]
    members = told if isinstance(told, dict) else {}
    scene.memory.expect(
        AnswerDue(
            message_id=scene.message_id,
            action="BootNotification",
            position=scene.position,
            place=Place.of_station(scene.memory.station),
        )
    )
    return (
        Booted(
            station=scene.memory.station,
            vendor=as_text(members.get("vendorName", "")),
            model=as_text(members.get("model", "")),
            serial=as_text(members.get("serialNumber", "")),
            firmware=as_text(members.get("firmwareVersion", "")),
            reason=as_text(payload.get("reason", "")),
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def _status(payload: dict[str, object], scene: Scene) -> tuple[AnyEvent, ...]:
    evse = payload.get("evseId")
    timestamp = payload.get("timestamp")
    return (
        StatusReported(
            place=Place.of_station(scene.memory.station, evse if isinstance(evse, int) else 0),
            status=_STATUS.get(as_text(payload["connectorStatus"]), Status.UNKNOWN),
            reported_at=read_moment(timestamp) if isinstance(timestamp, str) else None,
            observed_at=scene.at,
            position=scene.position,
        ),
    )
