"""From 2.x messages to events: what each request means in our words. Pure.

The same functions serve conforming messages and repaired ones, where any field may be UNSET and
any word may be outside its list, and both versions: they differ in what is not read here.
"""

from __future__ import annotations

from msgspec import UNSET

from domain.events import (
    AnyEvent,
    Booted,
    ConfigurationReported,
    DiagnosticsStatusReported,
    FirmwareStatusReported,
    SecurityEventReported,
    StatusReported,
)
from ocpp_server.calls import Mapping
from ocpp_server.masking import MASK, is_secret, mask_text
from ocpp_server.memory import AnswerDue
from ocpp_server.repair import as_text
from ocpp_server.scene import Scene, moment_of, place_at, text_in
from ocpp_server.v2x.asked import chain_status_asked, vat_number_asked
from ocpp_server.v2x.notified import (
    der_alarm,
    events_notified,
    full_name,
    monitors_reported,
    stream_closed,
    stream_opened,
    stream_told,
)
from ocpp_server.v2x.places import (
    evse_in,
    note_moment,
    place_of_component,
    status_of,
    whole_status,
)
from ocpp_server.v2x.shapes import (
    Attribute,
    Authorize,
    BootNotification,
    DataTransfer,
    NotifyReport,
    ReportEntry,
    SecurityEventNotification,
    StatusNotification,
    WithStatus,
)
from ocpp_server.v2x.transactions import meter_sampled, transaction_told
from ocpp_server.v16.mapping import token_presented
from ocpp_server.v16.messages import DataTransfer as DataTransfer16
from ocpp_server.vendor.received import vendor_data_received

SETTING_LIMIT = 500
"""Characters kept of a setting's value; the journal has the whole."""


def status_reported(message: StatusNotification, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a StatusNotification; nothing where it names no status."""
    if message.connector_status is UNSET:
        return ()
    evse = evse_in(message.evse_id, message.connector_id, scene)
    connector = 0 if message.connector_id is UNSET else message.connector_id
    status = status_of(message.connector_status)
    reported_at = moment_of(message.timestamp, "timestamp", scene)
    note_moment(scene.memory, evse, connector, reported_at, scene.at)
    return (
        StatusReported(
            place=place_at(scene.memory.station, evse),
            status=whole_status(scene.memory, evse, connector, status),
            reported_at=reported_at,
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def booted(message: BootNotification, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a BootNotification. The heartbeat interval follows with our answer.

    A station tells the status of every connector after a boot: what they said before is
    forgotten, so that one that is gone does not count for ever.
    """
    station, said = scene.memory.station, message.charging_station
    if scene.memory.v2x is not None:
        scene.memory.v2x.connectors = {}
        scene.memory.v2x.reported_at = {}
    scene.memory.expect(
        AnswerDue(
            message_id=scene.message_id,
            action="BootNotification",
            place=place_at(station, 0),
            position=scene.position,
        )
    )
    return (
        Booted(
            station=station,
            vendor="" if said is UNSET else text_in(said.vendor_name),
            model="" if said is UNSET else text_in(said.model),
            serial="" if said is UNSET else text_in(said.serial_number),
            firmware="" if said is UNSET else text_in(said.firmware_version),
            reason=text_in(message.reason),
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def authorization_asked(message: Authorize, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read an Authorize."""
    token = message.id_token
    return token_presented("" if token is UNSET else text_in(token.id_token), scene)


def vendor_data(message: DataTransfer, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a DataTransfer as 1.6 does: vendors put the same into both."""
    return vendor_data_received(
        DataTransfer16(
            message.vendor_id,
            message.message_id,
            UNSET if message.data is UNSET else as_text(message.data),
        ),
        scene,
    )


def security_event(message: SecurityEventNotification, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a SecurityEventNotification."""
    return (
        SecurityEventReported(
            station=scene.memory.station,
            kind=text_in(message.type),
            text=mask_text(text_in(message.tech_info)),
            reported_at=moment_of(message.timestamp, "timestamp", scene),
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def firmware_status(message: WithStatus, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read how a firmware update stands; nothing where it does not say."""
    if message.status is UNSET:
        return ()
    return (
        FirmwareStatusReported(
            station=scene.memory.station,
            status=message.status,
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def log_status(message: WithStatus, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read how a log upload stands; nothing where it does not say."""
    if message.status is UNSET:
        return ()
    return (
        DiagnosticsStatusReported(
            station=scene.memory.station,
            status=message.status,
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def configuration_reported(message: NotifyReport, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a part of the device model: `Component/instance@EVSE.Variable/instance` -> value.

    Attributes other than the actual value are marked, as in `#Target`. Secrets are `***`.
    """
    entries = () if message.report_data is UNSET else message.report_data
    settings: dict[str, str] = {}
    for entry in entries:
        name = _setting_name(entry, scene)
        attributes = () if entry.variable_attribute is UNSET else entry.variable_attribute
        for attribute in attributes:
            if attribute.value is not UNSET:
                kind = text_in(attribute.type)
                mark = f"#{kind}" if kind not in ("", "Actual") else ""
                settings[name + mark] = _setting_value(attribute, name)
    if not settings:
        return ()
    return (
        ConfigurationReported(
            station=scene.memory.station,
            settings=settings,
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def _setting_name(entry: ReportEntry, scene: Scene) -> str:
    evse = place_of_component(entry.component, scene).evse
    where = f"@{evse}" if evse else ""
    return f"{full_name(entry.component)}{where}.{full_name(entry.variable)}"


def _setting_value(attribute: Attribute, name: str) -> str:
    # A variable that can only be written is one that is not meant to be read.
    if is_secret(name) or attribute.mutability == "WriteOnly":
        return MASK
    return text_in(attribute.value)[:SETTING_LIMIT]


def heard(message: object, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a request that says no more than that the station is there."""
    return ()


MAPPINGS: dict[str, Mapping] = {
    "Authorize": authorization_asked,
    "BootNotification": booted,
    "ClosePeriodicEventStream": stream_closed,
    "DataTransfer": vendor_data,
    "FirmwareStatusNotification": firmware_status,
    "GetCertificateChainStatus": chain_status_asked,
    "LogStatusNotification": log_status,
    "MeterValues": meter_sampled,
    "NotifyDERAlarm": der_alarm,
    "NotifyEvent": events_notified,
    "NotifyMonitoringReport": monitors_reported,
    "NotifyPeriodicEventStream": stream_told,
    "NotifyReport": configuration_reported,
    "OpenPeriodicEventStream": stream_opened,
    "PublishFirmwareStatusNotification": firmware_status,
    "SecurityEventNotification": security_event,
    "StatusNotification": status_reported,
    "TransactionEvent": transaction_told,
    "VatNumberValidation": vat_number_asked,
    **dict.fromkeys(
        (
            "BatterySwap",
            "ClearedChargingLimit",
            "Get15118EVCertificate",
            "GetCertificateStatus",
            "Heartbeat",
            "NotifyChargingLimit",
            "NotifyCustomerInformation",
            "NotifyDERStartStop",
            "NotifyDisplayMessages",
            "NotifyEVChargingNeeds",
            "NotifyEVChargingSchedule",
            "NotifyPriorityCharging",
            "NotifySettlement",
            "PullDynamicScheduleUpdate",
            "ReportChargingProfiles",
            "ReportDERControl",
            "ReservationStatusUpdate",
            "SignCertificate",
        ),
        heard,
    ),
}
"""What every request means, in both versions."""
