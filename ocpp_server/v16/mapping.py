"""From 1.6 messages to events: what each request means in our words. Pure.

The same functions serve conforming messages and repaired ones, where any field may be UNSET and
any word may be outside its list.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import UNSET

from domain.events import (
    AnyEvent,
    AuthorizationAsked,
    Booted,
    Breach,
    DiagnosticsStatusReported,
    ErrorReport,
    FirmwareStatusReported,
    Heard,
    MeterSampled,
    SecurityEventReported,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
)
from domain.places import Place
from ocpp_server.begun import Begun, Stop, is_overtaken
from ocpp_server.calls import Mapping
from ocpp_server.masking import mask_text
from ocpp_server.memory import AnswerDue
from ocpp_server.moments import read_moment
from ocpp_server.noise import is_no_error, text_of, vendor_code_of
from ocpp_server.scene import Scene, moment_of, number_in, place_at, place_of, text_in
from ocpp_server.status_words import status_meant
from ocpp_server.v16.messages import (
    Authorize,
    BootNotification,
    DiagnosticsStatusNotification,
    FirmwareStatusNotification,
    Heartbeat,
    LogStatusNotification,
    MeterValue,
    MeterValueAtStop,
    MeterValues,
    SecurityEventNotification,
    SignCertificate,
    SignedFirmwareStatusNotification,
    StartTransaction,
    StatusNotification,
    StopTransaction,
)
from ocpp_server.v16.meters import read_samples
from ocpp_server.vendor.received import vendor_data_received

_IDLE_NUMBERS = (0, -1)  # sent while no transaction runs, or for one nobody numbered (quirk F2)


def status_reported(message: StatusNotification, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a StatusNotification; nothing where it names neither status nor error."""
    if message.status is UNSET and message.error_code is UNSET:
        return ()
    return (
        StatusReported(
            place=place_of(message.connector_id, scene),
            status=status_meant(text_in(message.status)),
            error=_error_of(message),
            reported_at=moment_of(message.timestamp, "timestamp", scene),
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def _error_of(message: StatusNotification) -> ErrorReport | None:
    """Return the error as worded, noise taken out; None where nothing but noise is left."""
    vendor_code = "" if message.vendor_error_code is UNSET else message.vendor_error_code
    text = "" if message.info is UNSET else message.info
    vendor_code = vendor_code and vendor_code_of(vendor_code)
    text = text and text_of(text)
    code = text_in(message.error_code)
    if is_no_error(code):
        if not vendor_code and not text:
            return None
        code = "NoError"
    return ErrorReport(code, text_in(message.vendor_id), vendor_code, text)


def meter_sampled(message: MeterValues, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read MeterValues: one event per moment that has a readable sample."""
    place = place_of(message.connector_id, scene)
    number = message.transaction_id
    transaction = "" if number is UNSET or number in _IDLE_NUMBERS else str(number)
    values = () if message.meter_value is UNSET else message.meter_value
    return tuple(_sampled(values, "meterValue", place, transaction, scene))


def _sampled(
    values: Iterable[MeterValue | MeterValueAtStop],
    path: str,
    place: Place,
    transaction: str,
    scene: Scene,
) -> list[AnyEvent]:
    """Read the values of each moment; a moment without a readable one gives nothing."""
    events: list[AnyEvent] = []
    for index, value in enumerate(values):
        if value.sampled_value is UNSET:
            continue
        breaches: list[Breach] = []
        samples = read_samples(value.sampled_value, breaches)
        if breaches:
            scene.breaches += [
                Breach(f"{path}[{index}].sampledValue{breach.field}", breach.why)
                for breach in breaches
            ]
        if not samples:
            continue
        reported_at = None if value.timestamp is UNSET else read_moment(value.timestamp)
        if reported_at is None:
            reported_at = moment_of(value.timestamp, f"{path}[{index}].timestamp", scene)
        events.append(
            MeterSampled(
                place=place,
                samples=samples,
                transaction=transaction,
                reported_at=reported_at,
                observed_at=scene.at,
                position=scene.position,
            )
        )
    return events


def transaction_started(message: StartTransaction, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a StartTransaction. Its number follows with our answer."""
    place = place_of(message.connector_id, scene)
    id_token, meter_wh = text_in(message.id_tag), number_in(message.meter_start)
    reported_at = moment_of(message.timestamp, "timestamp", scene)
    is_old = is_overtaken(reported_at, place.evse, scene.memory.begun.values())
    scene.memory.expect(
        AnswerDue(
            message_id=scene.message_id,
            action="StartTransaction",
            position=scene.position,
            place=place,
            id_token=id_token,
            meter_wh=meter_wh,
            reported_at=reported_at,
            is_old=is_old,
        )
    )
    if is_old:  # out of a backlog: what runs now is newer
        return ()
    scene.memory.begins(
        Begun(
            evse=place.evse,
            heard_at=scene.at,
            at=reported_at,
            meter_wh=meter_wh,
            id_token=id_token,
        )
    )
    return (
        TransactionStarted(
            place=place,
            id_token=id_token,
            meter_wh=meter_wh,
            reported_at=reported_at,
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def transaction_ended(message: StopTransaction, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a StopTransaction, known to us or not, with the samples it may bring (before it)."""
    stop = Stop(
        number="" if message.transaction_id is UNSET else str(message.transaction_id),
        at=moment_of(message.timestamp, "timestamp", scene),
        meter_wh=number_in(message.meter_stop),
        id_token=text_in(message.id_tag),
    )
    evse = scene.memory.ended(stop)
    place = place_at(scene.memory.station, evse or 0)
    values = () if message.transaction_data is UNSET else message.transaction_data
    sampled = _sampled(values, "transactionData", place, stop.number, scene)
    ended = TransactionEnded(
        place=place,
        transaction=stop.number,
        reason=text_in(message.reason),
        meter_wh=stop.meter_wh,
        is_foreign=evse is None,
        reported_at=stop.at,
        observed_at=scene.at,
        position=scene.position,
    )
    return (*sampled, ended)


def booted(message: BootNotification, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a BootNotification. The heartbeat interval follows with our answer."""
    station = scene.memory.station
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
            vendor=text_in(message.charge_point_vendor),
            model=text_in(message.charge_point_model),
            serial=text_in(message.charge_point_serial_number)
            or text_in(message.charge_box_serial_number),
            firmware=text_in(message.firmware_version),
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def authorization_asked(message: Authorize, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read an Authorize."""
    return token_presented(text_in(message.id_tag), scene)


def token_presented(id_token: str, scene: Scene) -> tuple[AnyEvent, ...]:
    """Say that a token asks to charge. Whether it may follows with our answer."""
    station = scene.memory.station
    scene.memory.expect(
        AnswerDue(
            message_id=scene.message_id,
            action="Authorize",
            position=scene.position,
            place=place_at(station, 0),
            id_token=id_token,
        )
    )
    return (
        AuthorizationAsked(
            station=station, id_token=id_token, observed_at=scene.at, position=scene.position
        ),
    )


def security_event_reported(
    message: SecurityEventNotification, scene: Scene
) -> tuple[AnyEvent, ...]:
    """Read a SecurityEventNotification."""
    return (
        SecurityEventReported(
            station=scene.memory.station,
            kind=text_in(message.kind),
            text=mask_text(text_in(message.tech_info)),
            reported_at=moment_of(message.timestamp, "timestamp", scene),
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def firmware_status_reported(
    message: FirmwareStatusNotification | SignedFirmwareStatusNotification, scene: Scene
) -> tuple[AnyEvent, ...]:
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


def diagnostics_status_reported(
    message: DiagnosticsStatusNotification | LogStatusNotification, scene: Scene
) -> tuple[AnyEvent, ...]:
    """Read how a diagnostics or log upload stands; nothing where it does not say."""
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


def heard(message: Heartbeat | SignCertificate, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a request that says no more than that the station is there."""
    return (Heard(station=scene.memory.station, observed_at=scene.at, position=scene.position),)


MAPPINGS: dict[str, Mapping] = {
    "Authorize": authorization_asked,
    "BootNotification": booted,
    "DataTransfer": vendor_data_received,
    "DiagnosticsStatusNotification": diagnostics_status_reported,
    "FirmwareStatusNotification": firmware_status_reported,
    "Heartbeat": heard,
    "LogStatusNotification": diagnostics_status_reported,
    "MeterValues": meter_sampled,
    "SecurityEventNotification": security_event_reported,
    "SignCertificate": heard,
    "SignedFirmwareStatusNotification": firmware_status_reported,
    "StartTransaction": transaction_started,
    "StatusNotification": status_reported,
    "StopTransaction": transaction_ended,
}
"""What every request means."""
