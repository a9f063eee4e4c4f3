"""The detectors of a station's link: offline, silent, and one that comes and goes.

Conditions only, never patience; our own outages count for nobody. The rule of offline names the
models that redial late, with the patience they get: FoxESS is silent for 6 to 19 minutes and
more after its central system was away (quirk J4), and with the usual half hour such a station
at the far end of that would be told of for nothing. Those that wait fifteen minutes for an
answer and then dial again (quirk J17) are within the half hour, and those that do not return at
all before a power cycle (quirk J6) are offline.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.beliefs import Link, StationBelief
from domain.events import (
    Connected,
    Disconnected,
    HeartbeatAgreed,
    ServiceStarted,
    ServiceStopped,
)
from domain.faults import ClearedBy
from domain.places import Place, StationId
from rules.catalogue import Detector, Rule
from rules.detectors.handlers import Handlers
from rules.parameters import CountedParameters, OfflineParameters
from rules.sighting import Sighting
from rules.workplace import Workplace

SILENT_INTERVALS = 3
SILENT_LEAST = timedelta(minutes=15)
"""An open connection is silent after max(3 x heartbeat interval, 15 min)."""

RESTART_GUARD = timedelta(minutes=25)
"""After our own start no lost link counts before this: some stations redial after 6 to 19
minutes and more."""


class Links:
    """Offline, silent and flapping connections."""

    def __init__(self, work: Workplace) -> None:
        catalogue, state, ledger = work.catalogue, work.state, work.ledger
        self._fleet = work.fleet
        self._registry = work.registry
        self._state = state
        self._ledger = ledger
        self._offline = catalogue.one(Detector.OFFLINE)
        self._silent = catalogue.one(Detector.SILENT)
        self._flapping = catalogue.one(Detector.CONNECTION_FLAPPING)
        self._reported = catalogue.reported
        self._silent_stations = {
            StationId(track.place.name)
            for track in state.tracks.values()
            if self._silent and track.rule == self._silent.name and track.is_present
        }
        ledger.on_wake("silent", self._look_at_silence)

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        return {
            Connected: self.on_connected,
            Disconnected: self.on_disconnected,
            HeartbeatAgreed: self.on_heartbeat_agreed,
            ServiceStopped: self.on_interrupted,
            ServiceStarted: self.on_started,
        }

    @property
    def silent_stations(self) -> set[StationId]:
        """Stations whose silence is a fault now; any sign of life of theirs ends it."""
        return self._silent_stations

    def on_connected(self, event: Connected) -> None:
        """The link is back: nothing is offline, suspended dwells go on."""
        place = Place.of_station(event.station)
        at = event.observed_at
        for rule in (self._offline, self._flapping):
            if rule is not None:
                self._ledger.end(rule, place, at, event.position, by=ClearedBy.EVIDENCE)
        self._ledger.resume(event.station, at, self._every_rule())
        self._watch_silence(self._fleet.belief(event.station), at)

    def on_disconnected(self, event: Disconnected) -> None:
        """The link went: a lost one, unless it was replaced or never open."""
        belief = self._fleet.belief(event.station)
        at = event.observed_at
        if belief.link is not Link.LOST or belief.lost_at != at:
            return
        self._ledger.suspend(event.station, at, self._reported)
        if self._flapping is not None and event.station in self._registry.stations:
            self._count_loss(self._flapping, event)
        if self._offline is not None:
            self._lose(self._offline, event.station, at, event.position)
        if self._silent is not None:
            track = self._ledger.find(self._silent, Place.of_station(event.station))
            if track is not None:
                self._ledger.suspend(event.station, at, (self._silent,))

    def on_heartbeat_agreed(self, event: HeartbeatAgreed) -> None:
        """Another interval: silence may be due sooner."""
        belief = self._fleet.belief(event.station)
        if belief.link is Link.UP:
            self._watch_silence(belief, event.observed_at)

    def on_interrupted(self, event: ServiceStopped) -> None:
        """Our own outage begins: all links are gone, and none of them counts while it lasts."""
        self._lose_unknown(event.observed_at)
        self._ledger.hold(self._link_rules())

    def on_started(self, event: ServiceStarted) -> None:
        """We are back: dwells of lost links go on, but end no sooner than the guard."""
        at = event.observed_at
        self._lose_unknown(at)
        self._ledger.release(self._link_rules(), at + RESTART_GUARD)
        if self._offline is not None:
            for station in self._registry.stations:
                late_after = self._late_after(self._offline, station)
                track = self._ledger.find(self._offline, Place.of_station(station))
                if late_after is not None and track is not None and track.is_present:
                    self._ledger.put_off(track, at + late_after)

    def heard(self, station: StationId, at: datetime, position: int) -> None:
        """A station whose silence was a fault spoke again."""
        if self._silent is not None:
            self._silent_stations.discard(station)
            place = Place.of_station(station)
            self._ledger.end(self._silent, place, at, position, by=ClearedBy.EVIDENCE)

    def _lose(self, rule: Rule, station: StationId, at: datetime, position: int) -> None:
        if station not in self._registry.stations:
            return  # a stranger is a task already, and nobody's to be told about
        self._ledger.see(
            rule,
            Place.of_station(station),
            Sighting(
                at=at,
                since=at,
                codes=(rule.code,),
                position=position,
                # The contract names the patience of a loss; after our own outage it names
                # the least one, and some models take longer (quirk J4).
                raise_after=None if self._fleet.is_up else self._late_after(rule, station),
            ),
        )

    def _late_after(self, rule: Rule, station: StationId) -> timedelta | None:
        """Return the patience of a model that redials late; None where it is the rule's."""
        limit = rule.set_for(OfflineParameters)
        registered, belief = self._registry.stations.get(station), self._fleet.belief(station)
        known = (registered, belief) if registered is not None else (belief,)
        make = " ".join(f"{one.vendor} {one.model}" for one in known).casefold()
        is_late = any(word.casefold() in make for word in limit.late_models)
        return max(limit.late_after, rule.raise_after) if is_late else None

    def _lose_unknown(self, at: datetime) -> None:
        if self._offline is None:
            return
        for belief in self._fleet.stations.values():
            if belief.link is Link.UNKNOWN and belief.lost_at == at:
                self._lose(self._offline, belief.station, at, 0)

    def _count_loss(self, rule: Rule, event: Disconnected) -> None:
        at = event.observed_at
        limit = rule.set_for(CountedParameters)
        losses = self._state.losses.get(event.station, [])
        recent = [*(loss for loss in losses if at - loss <= limit.window), at][-limit.count :]
        self._state.losses[event.station] = recent
        place = Place.of_station(event.station)
        track = self._ledger.find(rule, place)
        if len(recent) < limit.count and (track is None or track.raised_at is None):
            return
        self._ledger.see(
            rule,
            place,
            Sighting(
                at=at,
                since=recent[0],
                codes=(rule.code,),
                position=event.position,
                is_flapping=True,
            ),
        )

    def _watch_silence(self, belief: StationBelief, at: datetime) -> None:
        if self._silent is not None and belief.station in self._registry.stations:
            due_at = max(self._silence_due_at(self._silent, belief), at)
            known = self._ledger.wake_of("silent", belief.station)
            if known is None or due_at < known:
                self._ledger.wake(due_at, "silent", belief.station)

    def _look_at_silence(self, at: datetime, key: str) -> None:
        station = StationId(key)
        belief = self._fleet.belief(station)
        if belief.link is not Link.UP or self._silent is None:
            return
        due_at = self._silence_due_at(self._silent, belief)
        if due_at > at:
            self._ledger.wake(due_at, "silent", station)
            return
        since = belief.last_heard_at or at
        self._silent_stations.add(station)
        self._ledger.see(
            self._silent,
            Place.of_station(station),
            Sighting(at=at, since=since, codes=(self._silent.code,)),
        )

    def _silence_due_at(self, rule: Rule, belief: StationBelief) -> datetime:
        heard_at = belief.last_heard_at or belief.connected_at
        if heard_at is None:
            raise AssertionError(f"{belief.station} is connected and was never heard")
        limit = max(SILENT_INTERVALS * timedelta(seconds=belief.heartbeat_s), SILENT_LEAST)
        return heard_at + max(rule.raise_after, limit)

    def _link_rules(self) -> list[Rule]:
        return [rule for rule in (self._offline, self._silent, self._flapping) if rule]

    def _every_rule(self) -> list[Rule]:
        return [*self._reported, *self._link_rules()]
