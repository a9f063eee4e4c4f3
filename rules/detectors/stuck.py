"""The detector of a status that lasts too long for anything that could explain it.

One rule for each kind of getting stuck, because each has its own explanations and patience:

- preparing: a vehicle seems to be there and nothing starts (quirk K8). A driver who has
  forgotten the card takes 5 to 50 minutes (fleet statistics 2.6, kind 12). In OCPP 2.x it is
  Occupied without a transaction since it became so, or with one in which nothing but the plug
  has come yet; a vehicle that stays after its transaction is only parked.
- reserved: longer than any reservation.
- unavailable: out of use without a command of ours, and not for an update it told of. What we
  took out of use stays explained until it has another status. A whole station that is out is
  one fault of the station.
- suspended: the station holds back power without a charging profile of ours. Load management
  and night tariffs do so for hours, at homes until the morning (2.3, 2.5).
- finishing: not free again although the vehicle was unplugged, as the transaction's stop reason
  says, or the pilot line where a station tells of it (sequence S9). Without that word somebody
  is only parked.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from domain.beliefs import StationBelief
from domain.events import (
    CommandAnswered,
    PlaceEvent,
    Status,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from domain.faults import ClearedBy
from domain.places import Place, StationId
from rules.catalogue import Detector, Rule
from rules.detectors.handlers import Handlers
from rules.parameters import Parameters
from rules.sighting import Sighting
from rules.workplace import Workplace

UNPLUGGED = "EVDisconnected"
"""The stop reason that says the vehicle is gone (OCPP 1.6 §7.36, 2.x ReasonEnumType)."""

COMMANDED_FOR = timedelta(hours=24)
"""A command of ours explains a status for so long."""

# Taken out once: naming a member costs CPython 3.11 as much as ten comparisons.
_AVAILABLE, _FINISHING, _UNAVAILABLE = Status.AVAILABLE, Status.FINISHING, Status.UNAVAILABLE
_UNKNOWN, _SUSPENDED_EVSE = Status.UNKNOWN, Status.SUSPENDED_EVSE

_AT_REST = frozenset({Status.AVAILABLE, Status.CHARGING, Status.SUSPENDED_EV})
_SUSPENDED, _CONNECTED = "SuspendedEVSE", "EVConnected"
_WAITING = frozenset({_SUSPENDED, _CONNECTED})
_UNDER_WAY = frozenset({"Charging", "SuspendedEV", _SUSPENDED})
"""Charging states of OCPP 2.x (ChargingStateEnumType)."""

UPDATING_FOR = timedelta(hours=4)
"""An update that goes on explains a station out of use for so long: then it is stuck."""

_KINDS = Literal["preparing", "reserved", "unavailable", "suspended", "finishing"]
_STATUSES: dict[str, frozenset[Status]] = {
    "preparing": frozenset({Status.PREPARING, Status.OCCUPIED}),
    "reserved": frozenset({Status.RESERVED}),
    "unavailable": frozenset({Status.UNAVAILABLE}),
    "suspended": frozenset({Status.SUSPENDED_EVSE, Status.OCCUPIED}),
    "finishing": frozenset({Status.FINISHING, Status.OCCUPIED}),
}


class StuckParameters(Parameters, frozen=True, kw_only=True):
    """`status`: the kind of getting stuck. `segments`: only at sites of these customers."""

    status: _KINDS = "preparing"
    segments: tuple[str, ...] = ()


class StuckStatuses:
    """Statuses that last: the condition begins with the status, the rule's patience does the
    rest."""

    def __init__(self, work: Workplace) -> None:
        rules = work.catalogue.of(Detector.STUCK_STATUS)
        self._rules = {rule.name: rule for rule in rules}
        self._by_status: dict[Status, list[tuple[Rule, StuckParameters]]] = {}
        for rule in rules:
            wants = rule.set_for(StuckParameters)
            for status in _STATUSES[wants.status]:
                self._by_status.setdefault(status, []).append((rule, wants))
        self._registry = work.registry
        self._fleet = work.fleet
        self._ledger = work.ledger
        self._memory = work.state.lives

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        if not self._rules:
            return {}
        return {
            StatusReported: self.on_status,
            TransactionStarted: self.on_started,
            TransactionUpdated: self.on_updated,
            TransactionEnded: self.on_ended,
            CommandAnswered: self.on_command,
        }

    def on_status(self, event: StatusReported) -> None:
        """A status: it may be one that has to end."""
        station, evse = event.place.station, event.place.evse
        if station is None:
            return
        memory = self._memory
        if event.status is _AVAILABLE and memory.unplugged:
            memory.unplugged.pop(str(event.place), None)
        elif event.has_vehicle is not None and event.status is _FINISHING:
            memory.unplugged[str(event.place)] = not event.has_vehicle
        if event.status is not _UNAVAILABLE and memory.taken_out:
            memory.taken_out.pop(str(event.place), None)
        if event.status in _AT_REST and not self._ledger.tracks_at(station):
            return  # by far the most frequent case
        belief = self._fleet.belief(station)
        self._judge(event, belief, evse)
        if evse == 0:  # the whole station went out of use, or came back
            for number in sorted(belief.status):
                if number:
                    self._judge(event, belief, number)

    def on_started(self, event: TransactionStarted) -> None:
        """A transaction runs: whatever was waited for has come."""
        station, evse = event.place.station, event.place.evse
        if station is None or not evse:
            return
        self._memory.unplugged.pop(str(event.place), None)
        if self._ledger.tracks_at(station):
            self._judge(event, self._fleet.belief(station), evse)

    def on_updated(self, event: TransactionUpdated) -> None:
        """OCPP 2.x says here who holds the power back, or that nobody has begun to charge."""
        station, evse = event.place.station, event.place.evse
        if station is None or not evse:
            return
        state = event.charging_state
        if state in _UNDER_WAY:
            self._memory.unplugged[str(event.place)] = False  # from here on it only parks
        if state in _WAITING or self._ledger.tracks_at(station):
            self._judge(event, self._fleet.belief(station), evse)

    def on_ended(self, event: TransactionEnded) -> None:
        """A transaction is over; whether the vehicle is, its reason says."""
        station, evse = event.place.station, event.place.evse
        if station is None or not evse:
            return
        belief = self._fleet.belief(station)
        if belief.status.get(evse, _AVAILABLE) is not _AVAILABLE:
            self._memory.unplugged[str(event.place)] = event.reason == UNPLUGGED
        self._judge(event, belief, evse)

    def on_command(self, event: CommandAnswered) -> None:
        """Remember what we asked for: it explains what follows."""
        if event.outcome != "answered":
            return
        if event.action == "ChangeAvailability":
            self._memory.switched[event.station] = event.observed_at
        elif event.action == "SetChargingProfile":
            self._memory.limited[event.station] = event.observed_at

    def _judge(self, event: PlaceEvent, belief: StationBelief, evse: int) -> None:
        is_own = event.place.evse == evse
        place = event.place if is_own else Place.of_station(belief.station, evse)
        status = belief.status.get(evse, _UNKNOWN)
        at = event.observed_at
        holding = [
            rule
            for rule, wants in self._by_status.get(status, ())
            if self._holds(wants, belief, place, at)
        ]
        for rule in holding:
            self._see(rule, place, status, event)
        is_told = isinstance(event, StatusReported)
        by = ClearedBy.REPORTED if is_told else ClearedBy.EVIDENCE
        for track in self._ledger.tracks_at(belief.station):
            ended = self._rules.get(track.rule)
            if ended is not None and ended not in holding and track.place == place:
                self._ledger.end(ended, place, at, event.position, by=by)

    def _holds(
        self, wants: StuckParameters, belief: StationBelief, place: Place, at: datetime
    ) -> bool:
        """Tell whether nothing explains a status that is of the wanted kind."""
        station, evse = belief.station, place.evse
        if wants.segments:  # most rules are for everybody
            customer = self._registry.customer_of(place)
            if customer is None or customer.segment not in wants.segments:
                return False
        match wants.status:
            case "unavailable":
                is_whole = belief.status.get(0) is _UNAVAILABLE
                return (evse == 0 or not is_whole) and not self._is_explained(place, at)
            case "preparing":
                # Told of an end since it became so: the vehicle is only parked.
                is_begun = evse in belief.transactions
                is_waiting = belief.charging_state.get(evse) == _CONNECTED
                is_open = not is_begun or is_waiting
                return evse > 0 and is_open and str(place) not in self._memory.unplugged
            case "suspended":
                is_16 = belief.status.get(evse) is _SUSPENDED_EVSE
                is_held = is_16 or belief.charging_state.get(evse) == _SUSPENDED
                return is_held and not _is_recent(self._memory.limited.get(station), at)
            case "finishing":
                return (
                    self._memory.unplugged.get(str(place), False)
                    and evse not in belief.transactions
                )
            case _:
                return True

    def _is_explained(self, place: Place, at: datetime) -> bool:
        """Tell whether we took the place out of use, or it installs an update."""
        station = StationId(place.name)
        update = self._memory.updates.get(station)
        if update is not None and at - update.told_at <= UPDATING_FOR:
            return True
        if str(place) in self._memory.taken_out:
            return True
        if _is_recent(self._memory.switched.get(station), at):
            self._memory.taken_out[str(place)] = True  # for as long as it stays out
            return True
        return False

    def _see(self, rule: Rule, place: Place, status: Status, event: PlaceEvent) -> None:
        at = event.observed_at
        sighting = Sighting(
            at=at,
            since=at,
            codes=(rule.code,),
            position=event.position,
            why=f"{status} without an end",
        )
        self._ledger.see(rule, place, sighting)


def _is_recent(moment: datetime | None, at: datetime) -> bool:
    return moment is not None and at - moment <= COMMANDED_FOR
