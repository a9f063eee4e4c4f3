"""Events: immutable facts from the field and from people, in the past tense.

Both protocols are translated into these words; nothing behind them knows which one spoke.
`observed_at` is our clock and decides; `reported_at` is theirs and is only kept.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from domain.places import CustomerId, Place, SiteId, StationId


class Status(StrEnum):
    """What a station says about an EVSE or itself (the words of OCPP 1.6 §7.7)."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EVSE = "SuspendedEVSE"
    SUSPENDED_EV = "SuspendedEV"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"
    OCCUPIED = "Occupied"  # OCPP 2.x says no more than that
    UNKNOWN = "Unknown"  # a word outside every list; the raw one is in the journal


class ErrorReport(msgspec.Struct, frozen=True, cache_hash=True, gc=False):
    """An error as the station worded it, raw. `None` and "" mean it was not said."""

    code: str = ""  # OCPP 1.6 errorCode
    vendor_id: str = ""
    vendor_code: str = ""
    text: str = ""


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One measured value in its base unit (Wh, W, A, V, Celsius, Percent, Hz)."""

    measurand: str
    value: float
    unit: str
    phase: str = ""
    context: str = "Sample.Periodic"


class Breach(msgspec.Struct, frozen=True, gc=False):
    """One way in which a message broke its schema, and was read all the same."""

    field: str  # a path such as "status" or "meterValue[0].timestamp"
    why: str


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True, gc=False):
    """One fact. `position` is the journal entry that holds its evidence (0: none).

    Events hold values only and can never be part of a cycle: the garbage collector, which
    would visit each of them, leaves them alone.
    """

    observed_at: datetime
    position: int = 0


class StationEvent(Event, frozen=True, kw_only=True):
    """One fact about one station. Every one of them is also a sign of life."""

    station: StationId


class PlaceEvent(Event, frozen=True, kw_only=True):
    """One fact about a station or one of its EVSEs. `reported_at`: the station's own clock."""

    place: Place
    reported_at: datetime | None = None


# --- the link -----------------------------------------------------------------------------


class Connected(StationEvent, frozen=True, kw_only=True):
    """A connection opened. A connection that was open before is replaced, not lost.

    `is_assumed`: nothing was agreed on, and what the station says will tell its `protocol`.
    `certificate_until`: its client certificate ends then (security profile 3).
    """

    protocol: str = "ocpp1.6"
    address: str = ""
    is_assumed: bool = False
    certificate_until: datetime | None = None


class ProtocolLearned(StationEvent, frozen=True, kw_only=True):
    """A station with which nothing was agreed on showed by its words what it speaks."""

    protocol: str


class PingsStopped(StationEvent, frozen=True, kw_only=True):
    """Pings cost the station its connection several times in a row: it gets none any more."""


class Disconnected(StationEvent, frozen=True, kw_only=True):
    """The newest connection of the station closed. `code`: RFC 6455 close code, if any."""

    code: int | None = None


class Heard(StationEvent, frozen=True, kw_only=True):
    """The station gave a sign of life and nothing else worth an event.

    Conforming heartbeats, pings and pongs fold into one of these per station and minute.
    """

    first_at: datetime | None = None
    last_at: datetime | None = None  # None: observed_at
    count: int = 1
    longest_gap_s: float = 0.0


class HeartbeatAgreed(StationEvent, frozen=True, kw_only=True):
    """The boot answer named a heartbeat interval, in seconds."""

    every_s: float


class GatewayOnline(Event, frozen=True, kw_only=True):
    """The controller of a site said that it is there."""

    site: SiteId


class GatewayOffline(Event, frozen=True, kw_only=True):
    """The controller of a site went away (last will, or said so)."""

    site: SiteId


class BrokerLost(Event, frozen=True, kw_only=True):
    """Our own connection to the MQTT broker went: of no site controller anything is known."""

    because: str = ""


class BrokerFound(Event, frozen=True, kw_only=True):
    """Our own connection to the MQTT broker is back."""


# --- what stations say ----------------------------------------------------------------------


class Booted(StationEvent, frozen=True, kw_only=True):
    """The station introduced itself. This neither ends a transaction nor clears a fault."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    reason: str = ""


class StatusReported(PlaceEvent, frozen=True, kw_only=True):
    """A station reported the status of a place, with an error where it named one."""

    status: Status
    error: ErrorReport | None = None
    has_vehicle: bool | None = None  # as the pilot line shows, where a station tells it


class ErrorRaised(PlaceEvent, frozen=True, kw_only=True):
    """An error began, reported apart from any status (OCPP 2.x NotifyEvent, MQTT)."""

    error: ErrorReport
    key: str = ""  # what the matching ErrorCleared names; "" = the error code
    severity: int | None = None  # as the station rates it: 0 danger .. 9 debug (OCPP 2.x)
    cause: str = ""  # key of the error that caused this one, where the station says so


class ErrorCleared(PlaceEvent, frozen=True, kw_only=True):
    """An error that was raised apart from any status ended."""

    error: ErrorReport
    key: str = ""


class MeterSampled(PlaceEvent, frozen=True, kw_only=True):
    """Measured values of one moment at one place."""

    samples: tuple[Sample, ...]
    transaction: str = ""


class TransactionStarted(PlaceEvent, frozen=True, kw_only=True):
    """A transaction began. `transaction` is "" while its number is not known."""

    transaction: str = ""
    id_token: str = ""
    meter_wh: float | None = None


class TransactionUpdated(PlaceEvent, frozen=True, kw_only=True):
    """A transaction went on (OCPP 2.x), with the charging state where one was given."""

    transaction: str
    charging_state: str = ""


class TransactionEnded(PlaceEvent, frozen=True, kw_only=True):
    """A transaction ended, whether or not we knew of it.

    `is_foreign`: we never heard of it, and no transaction that we know of can be meant.
    """

    transaction: str = ""
    reason: str = ""
    meter_wh: float | None = None
    is_foreign: bool = False


class AuthorizationAsked(StationEvent, frozen=True, kw_only=True):
    """A station asked whether a token may charge. `is_accepted`: our answer, once given.

    `refused_as` is the answer's own word where it was a refusal: Invalid, Blocked, ...
    """

    id_token: str = ""
    is_accepted: bool | None = None
    refused_as: str = ""


class ComponentReported(PlaceEvent, frozen=True, kw_only=True):
    """An OCPP 2.x NotifyEvent entry about one variable of one component."""

    component: str
    variable: str
    value: str
    trigger: str = ""
    severity: int | None = None  # 2.1: 0 danger .. 9 debug
    tech_code: str = ""
    tech_info: str = ""
    is_cleared: bool = False
    event_id: str = ""
    cause_id: str = ""


class SecurityEventReported(StationEvent, frozen=True, kw_only=True):
    """A station reported a security event."""

    kind: str
    text: str = ""
    reported_at: datetime | None = None


class FirmwareStatusReported(StationEvent, frozen=True, kw_only=True):
    """A firmware update moved on."""

    status: str


class DiagnosticsStatusReported(StationEvent, frozen=True, kw_only=True):
    """A diagnostics or log upload moved on."""

    status: str


class ConfigurationReported(StationEvent, frozen=True, kw_only=True):
    """A station told some of its settings. Secrets are masked before the journal."""

    settings: dict[str, str]


class VendorDataReceived(StationEvent, frozen=True, kw_only=True):
    """A DataTransfer: vendor words we keep and, where a profile knows them, read."""

    vendor_id: str
    message_id: str = ""
    payload: str = ""


class Unreadable(StationEvent, frozen=True, kw_only=True):
    """A frame or payload gave no message. `said` is its beginning, `because` the reason."""

    said: str
    because: str


class MessageFlagged(StationEvent, frozen=True, kw_only=True):
    """A message was read in spite of breaches of its schema."""

    action: str
    breaches: tuple[Breach, ...]


class DeafnessNoticed(StationEvent, frozen=True, kw_only=True):
    """A station left our calls unanswered, one after the other, and was heard afterwards.

    `since_at` is when the first of them left.
    """

    unanswered_count: int
    since_at: datetime


class DeafnessEnded(StationEvent, frozen=True, kw_only=True):
    """A station that was deaf answered a call of ours."""


class QueueBlocked(StationEvent, frozen=True, kw_only=True):
    """A station says one record again and again although it was answered (quirk F1).

    Whatever else waits in its queue does not come through. Said once per record: `count` is how
    often it had come by then, `first_at` when it came first.
    """

    action: str
    count: int
    first_at: datetime


class QueueMovedOn(StationEvent, frozen=True, kw_only=True):
    """Another record came from a station whose queue was blocked by one of this action."""

    action: str


class CommandAnswered(StationEvent, frozen=True, kw_only=True):
    """A command of ours was answered, refused, or never answered (`outcome` says which)."""

    action: str
    outcome: str  # "answered", "error", "timeout", "gone"
    answer: str = ""


# --- people and ourselves -------------------------------------------------------------------


class ContactMade(Event, frozen=True, kw_only=True):
    """A customer got in touch, by themselves."""

    customer: CustomerId
    channel: str
    station: StationId | None = None
    site: SiteId | None = None
    text: str = ""


class MaintenancePlanned(Event, frozen=True, kw_only=True):
    """Work begins now at a site or station and lasts until a moment."""

    place: Place
    until: datetime
    note: str = ""


class SilenceSet(Event, frozen=True, kw_only=True):
    """A person muted a place (and, where given, one rule) until a moment."""

    place: Place
    until: datetime
    rule: str = ""
    note: str = ""


class FaultDismissed(Event, frozen=True, kw_only=True):
    """A person ended a fault that may never be said to be over, and said why."""

    rule: str
    place: Place
    who: str = ""
    why: str = ""


class RulesLoaded(Event, frozen=True, kw_only=True):
    """From now on other rules or words decide; `version` names them, `who` had them loaded."""

    version: str
    who: str = ""


class ServiceStarted(Event, frozen=True, kw_only=True):
    """Our service came up; what happened since it stopped is not known."""


class ServiceStopped(Event, frozen=True, kw_only=True):
    """Our service went down; every connection ended with it, by our doing."""


class Ticked(Event, frozen=True, kw_only=True):
    """Nothing happened but time."""


AnyEvent = (
    Connected
    | ProtocolLearned
    | PingsStopped
    | Disconnected
    | Heard
    | HeartbeatAgreed
    | GatewayOnline
    | GatewayOffline
    | BrokerLost
    | BrokerFound
    | Booted
    | StatusReported
    | ErrorRaised
    | ErrorCleared
    | MeterSampled
    | TransactionStarted
    | TransactionUpdated
    | TransactionEnded
    | AuthorizationAsked
    | ComponentReported
    | SecurityEventReported
    | FirmwareStatusReported
    | DiagnosticsStatusReported
    | ConfigurationReported
    | VendorDataReceived
    | Unreadable
    | MessageFlagged
    | DeafnessNoticed
    | DeafnessEnded
    | QueueBlocked
    | QueueMovedOn
    | CommandAnswered
    | ContactMade
    | MaintenancePlanned
    | SilenceSet
    | FaultDismissed
    | RulesLoaded
    | ServiceStarted
    | ServiceStopped
    | Ticked
)
