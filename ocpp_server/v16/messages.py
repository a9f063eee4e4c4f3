"""The requests a 1.6 station may send, as strict as the published JSON schemas.

Fields without a default are required on the wire. Their types name `UnsetType` all the same:
the lenient path (`ocpp_server.repair`) builds these structs from broken payloads and leaves
what it could not read unset. JSON null is refused, as the schemas do.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from ocpp_server.moments import RFC3339
from ocpp_server.v16.words import (
    Context,
    ErrorCode,
    FirmwareStatus,
    LogStatus,
    Measurand,
    Phase,
    SignedFirmwareStatus,
    StatusWord,
    StopReason,
    Unit,
    UnitAtStop,
)

Text20 = Annotated[str, Meta(max_length=20)]
Text25 = Annotated[str, Meta(max_length=25)]
Text50 = Annotated[str, Meta(max_length=50)]
Text255 = Annotated[str, Meta(max_length=255)]
Timestamp = Annotated[str, Meta(pattern=RFC3339)]
# The schemas know no bounds; a number that no 64-bit register holds is a breach all the same,
# because what we keep and pass on has 64 bits.
Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class Message(Struct, frozen=True, forbid_unknown_fields=True, rename="camel", gc=False):
    """A request or a part of one; foreign members are breaches."""


class Authorize(Message, frozen=True):
    """Asks whether a token may charge."""

    id_tag: Text20 | UnsetType


class BootNotification(Message, frozen=True):
    """Introduces the station."""

    charge_point_vendor: Text20 | UnsetType
    charge_point_model: Text20 | UnsetType
    charge_point_serial_number: Text25 | UnsetType = UNSET
    charge_box_serial_number: Text25 | UnsetType = UNSET
    firmware_version: Text50 | UnsetType = UNSET
    iccid: Text20 | UnsetType = UNSET
    imsi: Text20 | UnsetType = UNSET
    meter_type: Text25 | UnsetType = UNSET
    meter_serial_number: Text25 | UnsetType = UNSET


class DataTransfer(Message, frozen=True):
    """Carries whatever a vendor likes."""

    vendor_id: Text255 | UnsetType
    message_id: Text50 | UnsetType = UNSET
    data: str | UnsetType = UNSET


class DiagnosticsStatusNotification(Message, frozen=True):
    """Says how a diagnostics upload stands."""

    status: Literal["Idle", "Uploaded", "UploadFailed", "Uploading"] | UnsetType


class FirmwareStatusNotification(Message, frozen=True):
    """Says how a firmware update stands."""

    status: FirmwareStatus | UnsetType


class Heartbeat(Message, frozen=True):
    """Says that the station is there."""


class SampledValue(Message, frozen=True):
    """One measured value, as text."""

    value: str | UnsetType
    context: Context | UnsetType = UNSET
    format: Literal["Raw", "SignedData"] | UnsetType = UNSET
    measurand: Measurand | UnsetType = UNSET
    phase: Phase | UnsetType = UNSET
    location: Literal["Cable", "EV", "Inlet", "Outlet", "Body"] | UnsetType = UNSET
    unit: Unit | UnsetType = UNSET


class SampledValueAtStop(Message, frozen=True):
    """One measured value inside a StopTransaction."""

    value: str | UnsetType
    context: Context | UnsetType = UNSET
    format: Literal["Raw", "SignedData"] | UnsetType = UNSET
    measurand: Measurand | UnsetType = UNSET
    phase: Phase | UnsetType = UNSET
    location: Literal["Cable", "EV", "Inlet", "Outlet", "Body"] | UnsetType = UNSET
    unit: UnitAtStop | UnsetType = UNSET


class MeterValue(Message, frozen=True):
    """The values of one moment."""

    timestamp: Timestamp | UnsetType
    sampled_value: Annotated[list[SampledValue], Meta(min_length=1)] | UnsetType


class MeterValueAtStop(Message, frozen=True):
    """The values of one moment inside a StopTransaction; there the list may be empty."""

    timestamp: Timestamp | UnsetType
    sampled_value: list[SampledValueAtStop] | UnsetType


class MeterValues(Message, frozen=True):
    """Brings measured values of one connector."""

    connector_id: Integer | UnsetType
    meter_value: Annotated[list[MeterValue], Meta(min_length=1)] | UnsetType
    transaction_id: Integer | UnsetType = UNSET


class StartTransaction(Message, frozen=True):
    """Says that a transaction began, and asks for its number."""

    connector_id: Integer | UnsetType
    id_tag: Text20 | UnsetType
    meter_start: Integer | UnsetType
    timestamp: Timestamp | UnsetType
    reservation_id: Integer | UnsetType = UNSET


class StatusNotification(Message, frozen=True):
    """Says how a connector, or (0) the station, stands."""

    connector_id: Integer | UnsetType
    error_code: ErrorCode | UnsetType
    status: StatusWord | UnsetType
    info: Text50 | UnsetType = UNSET
    timestamp: Timestamp | UnsetType = UNSET
    vendor_id: Text255 | UnsetType = UNSET
    vendor_error_code: Text50 | UnsetType = UNSET


class StopTransaction(Message, frozen=True):
    """Says that a transaction ended."""

    transaction_id: Integer | UnsetType
    timestamp: Timestamp | UnsetType
    meter_stop: Integer | UnsetType
    id_tag: Text20 | UnsetType = UNSET
    reason: StopReason | UnsetType = UNSET
    transaction_data: list[MeterValueAtStop] | UnsetType = UNSET


# --- the security extension (OCPP 1.6 security whitepaper, edition 3) -------------------------


class LogStatusNotification(Message, frozen=True):
    """Says how a log upload stands."""

    status: LogStatus | UnsetType
    request_id: Integer | UnsetType = UNSET


class SecurityEventNotification(Message, frozen=True):
    """Reports a security event."""

    kind: Text50 | UnsetType = field(name="type")
    timestamp: Timestamp | UnsetType
    tech_info: Text255 | UnsetType = UNSET


class SignCertificate(Message, frozen=True):
    """Asks for a certificate."""

    csr: Annotated[str, Meta(max_length=5500)] | UnsetType


class SignedFirmwareStatusNotification(Message, frozen=True):
    """Says how a signed firmware update stands."""

    status: SignedFirmwareStatus | UnsetType
    request_id: Integer | UnsetType = UNSET


REQUESTS: dict[str, type[Message]] = {
    request.__name__: request
    for request in (
        Authorize,
        BootNotification,
        DataTransfer,
        DiagnosticsStatusNotification,
        FirmwareStatusNotification,
        Heartbeat,
        LogStatusNotification,
        MeterValues,
        SecurityEventNotification,
        SignCertificate,
        SignedFirmwareStatusNotification,
        StartTransaction,
        StatusNotification,
        StopTransaction,
    )
}
"""Every action a 1.6 station may ask for, and the shape of its payload."""
