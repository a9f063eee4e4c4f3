"""Beliefs: what we hold true about every station, as a pure projection of events.

No rule lives here and nothing is decided here; the engine asks, the web shows.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from domain.clocks import ClockBelief, judge_clock
from domain.events import (
    AnyEvent,
    Booted,
    BrokerFound,
    BrokerLost,
    CommandAnswered,
    Connected,
    ContactMade,
    DeafnessEnded,
    DeafnessNoticed,
    Disconnected,
    FaultDismissed,
    GatewayOffline,
    GatewayOnline,
    Heard,
    HeartbeatAgreed,
    MaintenancePlanned,
    MeterSampled,
    PingsStopped,
    PlaceEvent,
    ProtocolLearned,
    QueueBlocked,
    QueueMovedOn,
    RulesLoaded,
    ServiceStarted,
    ServiceStopped,
    SilenceSet,
    StationEvent,
    Status,
    StatusReported,
    Ticked,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from domain.places import StationId

CHARGED_WH = 100.0
"""Energy from which a transaction counts as a charge: below it nothing reached a vehicle."""

_AVAILABLE = Status.AVAILABLE  # taken out once: naming a member is slow (CPython 3.11)

HEARTBEAT_DEFAULT_S = 300.0
"""Interval assumed where no boot answer named one."""


_USABLE = frozenset(
    {
        Status.AVAILABLE,
        Status.PREPARING,
        Status.CHARGING,
        Status.SUSPENDED_EV,
        Status.SUSPENDED_EVSE,
        Status.FINISHING,
        Status.RESERVED,
        Status.OCCUPIED,
    }
)
"""Statuses of an EVSE that charges or could."""

_WHOLE_OUT = frozenset({Status.FAULTED, Status.UNAVAILABLE})
"""Statuses of connector 0 with which nothing at the station charges."""


class Link(StrEnum):
    """What we know of a station's connection."""

    NEVER = "never"  # has not connected since we know it
    UP = "up"
    LOST = "lost"  # it went while we were up
    UNKNOWN = "unknown"  # it went with our own outage and has not returned yet


class StationBelief(msgspec.Struct, kw_only=True, gc=False):
    """What we believe about one station. Keys of `status` are EVSE numbers, 0 the station."""

    station: StationId
    link: Link = Link.NEVER
    protocol: str = ""
    address: str = ""
    connected_at: datetime | None = None
    lost_at: datetime | None = None
    last_heard_at: datetime | None = None
    heartbeat_s: float = HEARTBEAT_DEFAULT_S
    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    booted_at: datetime | None = None
    status: dict[int, Status] = {}
    status_at: dict[int, datetime] = {}
    transactions: dict[int, str] = {}  # EVSE -> transaction running there, "" = number unknown
    meter_wh: dict[int, float] = {}  # EVSE -> register when its transaction began
    charged_at: dict[int, datetime] = {}  # EVSE -> when a transaction last ended with energy
    charging_state: dict[int, str] = {}  # EVSE -> as OCPP 2.x words it, while one runs there
    clock: ClockBelief | None = None  # None: it has written no moment yet
    deaf_since: datetime | None = None  # heard, and leaves our calls unanswered since then
    blocked_since: datetime | None = None  # one record of its queue comes again and again
    blocked_by: str = ""  # the action of that record
    is_unpinged: bool = False  # our pings cost it its connection (quirks A11, A17)


def is_usable(belief: StationBelief, evse: int) -> bool | None:
    """Tell whether an EVSE charges or could, by what its station says; None: not visible."""
    if belief.link is not Link.UP:
        return None
    if belief.status.get(0) in _WHOLE_OUT:
        return False
    status = belief.status.get(evse)
    return None if status is None or status is Status.UNKNOWN else status in _USABLE


class Fleet(msgspec.Struct):
    """Beliefs about all stations. `is_up`: whether our own service is believed to run."""

    stations: dict[StationId, StationBelief] = {}
    gateways: dict[str, bool] = {}  # site -> online; a site not in here was never heard of
    is_up: bool = True
    started_at: datetime | None = None  # of our service, the last time

    def belief(self, station: StationId) -> StationBelief:
        """Return what we believe about a station, beginning with nothing."""
        belief = self.stations.get(station)
        if belief is None:
            belief = self.stations[station] = StationBelief(station=station)
        return belief

    def apply(self, event: AnyEvent) -> None:
        """Take one event in. Order of arrival decides, never the station's own clock."""
        if type(event) is MeterSampled:  # most events by far
            self._hear(event)
            return
        match event:  # the most frequent first: every event of the field comes through here
            case PlaceEvent():
                belief = self._hear(event)
                if belief is not None:
                    _apply_at_place(belief, event)
            case CommandAnswered():
                pass  # our own side of the talk: no sign of life by itself
            case StationEvent():
                _apply_to_station(self.belief(event.station), event)
            case ServiceStopped() | ServiceStarted():
                self._interrupt(event)
            case GatewayOnline():
                self.gateways[event.site] = True
            case GatewayOffline():
                self.gateways[event.site] = False
            case (
                BrokerLost()
                | BrokerFound()
                | ContactMade()
                | MaintenancePlanned()
                | SilenceSet()
                | FaultDismissed()
                | RulesLoaded()
                | Ticked()
            ):
                pass

    def _hear(self, event: PlaceEvent) -> StationBelief | None:
        station = event.place.station
        if station is None:
            return None
        belief = self.stations.get(station) or self.belief(station)
        belief.last_heard_at = event.observed_at
        return belief

    def _interrupt(self, event: ServiceStopped | ServiceStarted) -> None:
        for belief in self.stations.values():
            if belief.link is Link.UP:
                belief.link = Link.UNKNOWN
                belief.lost_at = event.observed_at
        self.is_up = isinstance(event, ServiceStarted)
        if self.is_up:
            self.started_at = event.observed_at


def _apply_at_place(belief: StationBelief, event: PlaceEvent) -> None:
    evse = event.place.evse
    if event.reported_at is not None:  # of samples, which come most often, it is not judged
        belief.clock = judge_clock(belief.clock, event.reported_at, event.observed_at)
    match event:
        case StatusReported():
            belief.status[evse] = event.status
            belief.status_at[evse] = event.observed_at
            if event.status is _AVAILABLE and evse:
                belief.transactions.pop(evse, None)  # some never send a stop (quirk F4)
                belief.charging_state.pop(evse, None)
        case TransactionStarted():
            belief.transactions[evse] = event.transaction
            if event.meter_wh is not None:
                belief.meter_wh[evse] = event.meter_wh
        case TransactionUpdated():
            if evse:  # whose begin may have been before our time
                belief.transactions[evse] = event.transaction
                if event.charging_state:
                    belief.charging_state[evse] = event.charging_state
        case TransactionEnded():
            _end_transaction(belief, event)
        case _:
            pass


def _end_transaction(belief: StationBelief, event: TransactionEnded) -> None:
    for evse, transaction in list(belief.transactions.items()):
        if evse == event.place.evse or (transaction and transaction == event.transaction):
            del belief.transactions[evse]
            belief.charging_state.pop(evse, None)
            began_wh = belief.meter_wh.pop(evse, None)
            if began_wh is None or event.meter_wh is None:
                continue
            if event.meter_wh - began_wh >= CHARGED_WH:
                belief.charged_at[evse] = event.observed_at


def _apply_to_station(belief: StationBelief, event: StationEvent) -> None:
    now = event.observed_at
    match event:
        case Disconnected():
            if belief.link is Link.UP:
                belief.link = Link.LOST
                belief.lost_at = now
            return
        case Connected():
            belief.link = Link.UP
            belief.protocol = event.protocol
            belief.address = event.address or belief.address
            belief.connected_at = now
            belief.deaf_since = None  # a new connection is what cures it (quirk A12)
        case Heard():
            # Told up to a minute late: a frame may have been heard since.
            heard_at = event.last_at or now
            belief.last_heard_at = max(belief.last_heard_at or heard_at, heard_at)
            return
        case HeartbeatAgreed():
            belief.heartbeat_s = event.every_s
        case PingsStopped():
            belief.is_unpinged = True
            return  # our own doing: no sign of life
        case Booted():
            if (event.model, event.firmware) != (belief.model, belief.firmware):
                belief.is_unpinged = False  # who knows: it may stand pings now
            belief.vendor, belief.model = event.vendor, event.model
            belief.serial, belief.firmware = event.serial, event.firmware
            belief.booted_at = now
        case _:
            _apply_odd_life(belief, event)
    belief.last_heard_at = now


def _apply_odd_life(belief: StationBelief, event: StationEvent) -> None:
    match event:
        case ProtocolLearned():
            belief.protocol = event.protocol
        case DeafnessNoticed():
            belief.deaf_since = event.since_at
        case DeafnessEnded():
            belief.deaf_since = None
        case QueueBlocked():
            belief.blocked_since, belief.blocked_by = event.first_at, event.action
        case QueueMovedOn():
            belief.blocked_since, belief.blocked_by = None, ""
        case _:
            pass
