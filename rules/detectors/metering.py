"""The detectors of meters: what a meter shows while a vehicle charges, and what it must not.

Every reading is looked at once (`rules.readings`) and handed to looks that are pure over the
little that is remembered of its EVSE (`rules.energy`, `rules.phases`):

- no-energy: Charging, and neither register nor power says that anything flows. A vehicle that
  got energy before is full; a limit, or a pause that station or vehicle tells of, is no fault.
  One vehicle may be the cause itself: with the second transaction in a row it is the station.
- meter-frozen: power flows, and the register stands still for longer than its step explains.
- meter-implausible: a register that jumps, falls, is negative or beyond any counter. One that
  begins anew with each transaction or another meter is none; nor is a watt-hour less (F5).
- phase-missing: one phase without current or voltage while the others have it.
- degraded: less power while it is hot. Less power alone is a vehicle near full.

A reading of the past (a backlog after a gap) only moves the register on. Numbers: fleet
statistics 2.6, kinds 19 to 23; quirks G4 to G6, K3, K5.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

from domain.beliefs import StationBelief
from domain.events import (
    Booted,
    MeterSampled,
    PlaceEvent,
    Status,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from domain.faults import ClearedBy, Severity
from domain.places import Place, StationId
from rules.catalogue import Detector, Rule
from rules.detectors.handlers import Handlers
from rules.energy import (
    FlowParameters,
    FrozenParameters,
    ImplausibleParameters,
    delivered_wh,
    frozen,
    implausible,
    is_empty,
    note_flow,
)
from rules.memory.metering import Metered
from rules.parameters import Parameters
from rules.phases import HeatParameters, PhaseParameters, hot, look_at_phases
from rules.readings import Reading
from rules.sighting import Sighting
from rules.workplace import Workplace

LATE = timedelta(minutes=5)
"""A reading older than this by the station's own clock is of the past, unless that clock is
known to be off."""

_CHARGING = "Charging"
# Taken out once: naming a member costs CPython 3.11 as much as ten comparisons.
_IS_CHARGING, _AVAILABLE, _OCCUPIED = Status.CHARGING, Status.AVAILABLE, Status.OCCUPIED
_Set = TypeVar("_Set", bound=Parameters)


class Meters:
    """Reads every meter value once, for all rules about meters."""

    def __init__(self, work: Workplace) -> None:
        self._fleet = work.fleet
        self._ledger = work.ledger
        self._registry = work.registry
        self._memory = work.state.metering
        self._readings = work.readings

        def of(detector: Detector, kind: type[_Set]) -> list[tuple[Rule, _Set]]:
            return [(rule, rule.set_for(kind)) for rule in work.catalogue.of(detector)]

        self._no_energy = of(Detector.NO_ENERGY, FlowParameters)
        self._frozen = of(Detector.METER_FROZEN, FrozenParameters)
        self._implausible = of(Detector.METER_IMPLAUSIBLE, ImplausibleParameters)
        self._phases = of(Detector.PHASE_MISSING, PhaseParameters)
        self._heat = of(Detector.DEGRADED, HeatParameters)
        # From these on a reading can show something; below it none of the rules is asked.
        jumps = [limit.slack_wh for _, limit in self._implausible]
        self._least_jump_wh = min(jumps, default=float("inf"))
        flows = [limit.energy_wh for _, limit in self._no_energy]
        self._most_flow_wh = max(flows, default=0.0)

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        return {
            MeterSampled: self.on_meter,
            StatusReported: self.on_status,
            TransactionStarted: self.on_started,
            TransactionUpdated: self.on_updated,
            TransactionEnded: self.on_ended,
            Booted: self.on_booted,
        }

    def on_meter(self, event: MeterSampled) -> None:
        """Read the meter, and look at everything it could show."""
        station = event.place.station
        if station is None:
            return
        evse = event.place.evse or self._only_evse(station)
        if not evse:
            return
        reading = self._readings.of(event)
        belief = self._fleet.belief(station)
        evses = self._memory.evses.get(station)
        metered = evses.get(evse) if evses is not None else None
        if metered is None:
            metered = self._metered(station, evse)
        place = event.place if event.place.evse else Place.of_station(station, evse)
        said_at = event.reported_at or event.observed_at
        if metered.register_at is not None and said_at < metered.register_at:
            return  # it was overtaken by a later one
        register, known = reading.register_wh, metered.register_wh
        if register is not None and (
            known is None or not 0 <= register - known <= self._least_jump_wh
        ):
            self._look_at_register(event, place, metered, reading, said_at)
        if event.observed_at - said_at > LATE and not _has_wrong_clock(belief):
            metered.read_at = None
        else:
            if metered.first_wh is None and evse in belief.transactions:
                metered.first_wh = belief.meter_wh.get(evse)  # as its begin told
            self._look_at_charging(event, place, metered, reading, belief)
        if register is not None:
            metered.register_wh, metered.register_at = register, said_at
            metered.register_in, metered.is_anew = event.transaction, False

    def on_status(self, event: StatusReported) -> None:
        """Whether it charges; a free place ends its transaction (quirk F4)."""
        metered = self._known(event.place)
        if metered is None or event.status is _OCCUPIED:
            return  # OCPP 2.x says no more than that a vehicle is there
        if event.status is _IS_CHARGING:
            if metered.charging_since is None:
                metered.charging_since = event.observed_at
            return
        metered.charging_since = metered.read_at = None
        if event.status is _AVAILABLE:
            _begin_anew(metered, event.observed_at)
        self._end_of_one_vehicle(event, metered)

    def on_started(self, event: TransactionStarted) -> None:
        """Another transaction: what one shows is counted anew."""
        metered = self._known(event.place)
        if metered is not None:
            _begin_anew(metered, event.observed_at)
            metered.token = event.id_token

    def on_updated(self, event: TransactionUpdated) -> None:
        """OCPP 2.x says here whether energy flows, and who holds it back."""
        metered = self._known(event.place)
        if metered is None or not event.charging_state:
            return
        if event.charging_state == _CHARGING:
            metered.charging_since = metered.charging_since or event.observed_at
            return
        metered.charging_since = metered.read_at = None
        self._end_of_one_vehicle(event, metered)

    def on_ended(self, event: TransactionEnded) -> None:
        """The transaction is over."""
        metered = self._known(event.place)
        if metered is not None:
            _begin_anew(metered, event.observed_at)
            self._end_of_one_vehicle(event, metered)
            for rule, _ in self._heat:
                self._end(rule, event.place, event)

    def on_booted(self, event: Booted) -> None:
        """Another serial number has another meter."""
        known = self._memory.serials.get(event.station, "")
        if event.serial:
            self._memory.serials[event.station] = event.serial
        if known and event.serial and event.serial != known:
            for metered in self._memory.evses.get(event.station, {}).values():
                metered.register_wh = metered.register_at = None

    # --- looks -------------------------------------------------------------------------------

    def _look_at_register(
        self,
        event: MeterSampled,
        place: Place,
        metered: Metered,
        reading: Reading,
        said_at: datetime,
    ) -> None:
        for rule, limit in self._implausible:
            why = implausible(
                metered, reading, limit, transaction=event.transaction, said_at=said_at
            )
            if why:  # a moment's finding: over when nothing like it comes for the clean time
                self._see(rule, place, event, event.observed_at, why)
                self._end(rule, place, event)

    def _look_at_charging(
        self,
        event: MeterSampled,
        place: Place,
        metered: Metered,
        reading: Reading,
        belief: StationBelief,
    ) -> None:
        at = event.observed_at
        state = belief.charging_state.get(place.evse)
        charges = belief.status.get(place.evse) is _IS_CHARGING or state == _CHARGING
        if charges and metered.charging_since is None:
            # In OCPP 2.x the status tells of the plug alone, perhaps hours before.
            is_told = belief.status.get(place.evse) is _IS_CHARGING
            told_at = belief.status_at.get(place.evse, at) if is_told else at
            metered.charging_since = max(told_at, metered.began_at or told_at)
        elif not charges:
            metered.charging_since = None
        note_flow(metered, reading, at)
        is_flowing = metered.flowed_wh >= self._most_flow_wh
        if charges and (not is_flowing or metered.is_empty or metered.empty_count):
            self._look_at_flow(event, place, metered, reading)
        self._look_at_hardware(event, place, metered, reading)

    def _look_at_hardware(
        self, event: MeterSampled, place: Place, metered: Metered, reading: Reading
    ) -> None:
        # Where nothing was found yet there is nothing to end: the most frequent case by far.
        is_tracked = bool(self._ledger.tracks_at(StationId(place.name)))
        for frozen_rule, limit in self._frozen:
            if metered.still_wh >= limit.energy_wh or is_tracked:
                why = frozen(metered, reading, limit)
                has_moved = reading.register_wh is not None and not metered.still_wh
                self._judge(frozen_rule, place, event, why, is_over=has_moved)
        for phase_rule, wants in self._phases:
            why, is_fine = look_at_phases(metered, reading, wants)
            if why or is_tracked:
                self._judge(phase_rule, place, event, why, is_over=is_fine)
        heat = reading.heat_c
        for heat_rule, warm in self._heat:
            if heat is not None and (heat >= warm.warm_c or is_tracked):
                why = hot(metered, reading, warm)
                self._judge(heat_rule, place, event, why, is_over=True)

    def _judge(
        self, rule: Rule, place: Place, event: MeterSampled, why: str, *, is_over: bool
    ) -> None:
        if why:
            self._see(rule, place, event, event.observed_at, why)
        elif is_over:
            self._end(rule, place, event)

    def _look_at_flow(
        self, event: MeterSampled, place: Place, metered: Metered, reading: Reading
    ) -> None:
        since = metered.charging_since
        for rule, limit in self._no_energy:
            if since is not None and is_empty(metered, reading, limit):
                if event.observed_at - since >= limit.looked_after:
                    metered.is_empty = True
                    self._see_empty(rule, place, event, since, metered)
                continue
            delivered = delivered_wh(metered, reading)
            if delivered is not None and delivered >= limit.energy_wh:
                metered.empty_count, metered.is_empty = 0, False
                self._end(rule, place, event)

    def _see_empty(
        self,
        rule: Rule,
        place: Place,
        event: MeterSampled,
        since: datetime,
        metered: Metered,
    ) -> None:
        times = metered.empty_count + 1
        why = f"charging without energy, {times} transactions in a row"
        severity = rule.severity if times > 1 else Severity.MINOR
        why = why if times > 1 else "charging without energy"
        self._see(rule, place, event, since, why, severity=severity)

    def _end_of_one_vehicle(self, event: PlaceEvent, metered: Metered) -> None:
        """What one vehicle alone showed goes with it."""
        if metered.empty_count + metered.is_empty <= 1:
            for rule, _ in self._no_energy:
                self._end(rule, event.place, event)

    # --- helpers -----------------------------------------------------------------------------

    def _see(
        self,
        rule: Rule,
        place: Place,
        event: MeterSampled,
        since: datetime,
        why: str,
        *,
        severity: Severity | None = None,
    ) -> None:
        sighting = Sighting(
            at=event.observed_at,
            since=since,
            codes=(rule.code,),
            severity=severity,
            position=event.position,
            why=why,
        )
        self._ledger.see(rule, place, sighting)

    def _end(self, rule: Rule, place: Place, event: PlaceEvent) -> None:
        if not self._ledger.tracks_at(StationId(place.name)):
            return  # by far the most frequent case
        at = event.observed_at
        self._ledger.end(rule, place, at, event.position, by=ClearedBy.EVIDENCE)

    def _metered(self, station: StationId, evse: int) -> Metered:
        evses = self._memory.evses.setdefault(station, {})
        metered = evses.get(evse)
        if metered is None:
            metered = evses[evse] = Metered()
        return metered

    def _known(self, place: Place) -> Metered | None:
        station = place.station
        return self._memory.evses.get(station, {}).get(place.evse) if station else None

    def _only_evse(self, station: StationId) -> int:
        """Return 1 where the station has no other EVSE: connector 0 speaks for it (G4)."""
        registered = self._registry.stations.get(station)
        return 1 if registered is not None and registered.evses == 1 else 0


def _has_wrong_clock(belief: StationBelief) -> bool:
    return belief.clock is not None and belief.clock.is_wrong


def _begin_anew(metered: Metered, at: datetime) -> None:
    """Count the transaction that is over, once, and forget what was its own."""
    if metered.is_empty:
        metered.empty_count += 1
    metered.began_at = at
    metered.charging_since = metered.first_wh = metered.read_at = None
    metered.flowed_wh = metered.still_wh = metered.top_w = 0.0
    metered.is_odd = metered.is_three = metered.is_empty = False
    metered.is_anew, metered.token = True, ""
