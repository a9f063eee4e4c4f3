"""The messages we read, as far as we read them: what the types made from the schemas look like.

The types are made at start-up (`v2x.types`), so a type checker cannot see them. These protocols
stand for them; a test holds every field here against every made type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import UnsetType


class Evse(Protocol):
    """A part of a station. `id` counts from 1; 0 is the station."""

    id: int | UnsetType
    connector_id: int | UnsetType


class Named(Protocol):
    """A variable, by its name."""

    name: str | UnsetType
    instance: str | UnsetType


class Component(Named, Protocol):
    """A part of the device model."""

    evse: Evse | UnsetType


class IdToken(Protocol):
    """What a driver identifies with."""

    id_token: str | UnsetType


class Unit(Protocol):
    """A unit, and the power of ten that its value is multiplied by."""

    unit: str | UnsetType
    multiplier: int | UnsetType


class SampledValue(Protocol):
    """One measured value."""

    value: float | UnsetType
    context: str | UnsetType
    measurand: str | UnsetType
    phase: str | UnsetType
    unit_of_measure: Unit | UnsetType


class MeterValue(Protocol):
    """The values of one moment."""

    timestamp: str | UnsetType
    sampled_value: Sequence[SampledValue] | UnsetType


class Authorize(Protocol):
    """Asks whether a token may charge."""

    id_token: IdToken | UnsetType


class ChargingStation(Protocol):
    """What a station says of itself."""

    model: str | UnsetType
    vendor_name: str | UnsetType
    serial_number: str | UnsetType
    firmware_version: str | UnsetType


class BootNotification(Protocol):
    """Introduces the station."""

    charging_station: ChargingStation | UnsetType
    reason: str | UnsetType


class DataTransfer(Protocol):
    """Carries whatever a vendor likes. `data` is JSON of any shape."""

    vendor_id: str | UnsetType
    message_id: str | UnsetType
    data: object


class WithStatus(Protocol):
    """Says how a firmware update or a log upload stands."""

    status: str | UnsetType


class MeterValues(Protocol):
    """Brings measured values of one EVSE, or (0) of the main meter."""

    evse_id: int | UnsetType
    meter_value: Sequence[MeterValue] | UnsetType


class StatusNotification(Protocol):
    """Says how a connector stands."""

    timestamp: str | UnsetType
    connector_status: str | UnsetType
    evse_id: int | UnsetType
    connector_id: int | UnsetType


class Transaction(Protocol):
    """How a transaction stands."""

    transaction_id: str | UnsetType
    charging_state: str | UnsetType
    stopped_reason: str | UnsetType


class TransactionEvent(Protocol):
    """Says that a transaction began, went on or ended."""

    event_type: str | UnsetType
    timestamp: str | UnsetType
    seq_no: int | UnsetType
    offline: bool | UnsetType
    transaction_info: Transaction | UnsetType
    evse: Evse | UnsetType
    id_token: IdToken | UnsetType
    meter_value: Sequence[MeterValue] | UnsetType


class EventEntry(Protocol):
    """What happened to one variable of one component. 2.1 adds `severity`."""

    event_id: int | UnsetType
    timestamp: str | UnsetType
    trigger: str | UnsetType
    cause: int | UnsetType
    actual_value: str | UnsetType
    tech_code: str | UnsetType
    tech_info: str | UnsetType
    cleared: bool | UnsetType
    variable_monitoring_id: int | UnsetType
    component: Component | UnsetType
    variable: Named | UnsetType


class NotifyEvent(Protocol):
    """Brings entries of what happened."""

    event_data: Sequence[EventEntry] | UnsetType


class VariableMonitoring(Protocol):
    """One monitor on a variable."""

    id: int | UnsetType
    severity: int | UnsetType


class MonitoringEntry(Protocol):
    """The monitors on one variable of one component."""

    component: Component | UnsetType
    variable: Named | UnsetType
    variable_monitoring: Sequence[VariableMonitoring] | UnsetType


class NotifyMonitoringReport(Protocol):
    """Tells which monitors are set."""

    monitor: Sequence[MonitoringEntry] | UnsetType


class Attribute(Protocol):
    """One attribute of a variable, such as its actual value."""

    type: str | UnsetType
    value: str | UnsetType
    mutability: str | UnsetType


class ReportEntry(Protocol):
    """One variable of one component."""

    component: Component | UnsetType
    variable: Named | UnsetType
    variable_attribute: Sequence[Attribute] | UnsetType


class NotifyReport(Protocol):
    """Tells a part of the device model."""

    report_data: Sequence[ReportEntry] | UnsetType


class SecurityEventNotification(Protocol):
    """Reports a security event."""

    type: str | UnsetType
    timestamp: str | UnsetType
    tech_info: str | UnsetType


class DerAlarm(Protocol):
    """Reports a fault of the grid, or its end (2.1)."""

    control_type: str | UnsetType
    grid_event_fault: str | UnsetType
    alarm_ended: bool | UnsetType
    timestamp: str | UnsetType
    extra_info: str | UnsetType


class StreamData(Protocol):
    """What a stream brings: the monitor it is for."""

    id: int | UnsetType
    variable_monitoring_id: int | UnsetType


class OpenStream(Protocol):
    """Opens a stream of values of one monitor (2.1)."""

    constant_stream_data: StreamData | UnsetType


class CloseStream(Protocol):
    """Closes a stream (2.1)."""

    id: int | UnsetType


class StreamValue(Protocol):
    """One value of a stream; `t` is seconds after the message's base time."""

    t: float | UnsetType
    v: str | UnsetType


class Stream(Protocol):
    """Values of a stream (2.1), the oldest first."""

    id: int | UnsetType
    basetime: str | UnsetType
    data: Sequence[StreamValue] | UnsetType


class VatNumberValidation(Protocol):
    """Asks whether a VAT number is valid (2.1)."""

    vat_number: str | UnsetType


class HashData(Protocol):
    """What identifies a certificate."""

    hash_algorithm: str | UnsetType
    issuer_name_hash: str | UnsetType
    issuer_key_hash: str | UnsetType
    serial_number: str | UnsetType


class CertificateStatusQuestion(Protocol):
    """Asks for the status of one certificate of a chain (2.1)."""

    source: str | UnsetType
    certificate_hash_data: HashData | UnsetType


class GetCertificateChainStatus(Protocol):
    """Asks for the status of a chain of certificates (2.1)."""

    certificate_status_requests: Sequence[CertificateStatusQuestion] | UnsetType
