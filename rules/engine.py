"""The engine: events in, decisions out. Pure: the clock is an argument, nothing is sent.

`step` fires what fell due before the event, believes the event, and lets the detectors look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from domain.beliefs import Fleet
from domain.events import (
    AnyEvent,
    Connected,
    Disconnected,
    Event,
    FaultDismissed,
    MaintenancePlanned,
    PlaceEvent,
    RulesLoaded,
    SilenceSet,
    StationEvent,
)
from domain.faults import Fault, Step, WorkFound
from domain.places import Place, StationId
from domain.registry import Registry
from rules.catalogue import Catalogue
from rules.detectors import WATCHERS
from rules.detectors.links import Links
from rules.detectors.reported import ReportedFaults
from rules.dictionary import Dictionary
from rules.ledger import Ledger
from rules.presence import Presence
from rules.state import EngineState, Window
from rules.workplace import Workplace

OnFailure = Callable[[object, Exception], None]
"""Told of what could not be dealt with, and the exception."""


class Engine:
    """The rules engine over one registry and catalogue.

    `on_failure` is told of an event that a bug of ours could not deal with, and the engine goes
    on with the next one; without it the exception is raised.
    """

    def __init__(
        self,
        registry: Registry,
        catalogue: Catalogue,
        dictionary: Dictionary,
        state: EngineState | None = None,
        on_failure: OnFailure | None = None,
    ) -> None:
        self._registry = registry
        self._on_failure = on_failure
        self._state = state or EngineState()
        for station in registry.stations:
            self._state.fleet.belief(station)
        self._arrange(catalogue, dictionary)

    def _arrange(self, catalogue: Catalogue, dictionary: Dictionary) -> None:
        """Build ledger and detectors where the state stands."""
        registry = self._registry
        self._rules = (catalogue, dictionary)
        self._ledger = Ledger(registry, catalogue, self._state)
        presence = Presence(registry, self._state.fleet)
        work = Workplace(registry, catalogue, dictionary, self._state, self._ledger, presence)
        watchers = [watcher(work) for watcher in WATCHERS]
        self._reported = next(w for w in watchers if isinstance(w, ReportedFaults))
        self._links = next(watcher for watcher in watchers if isinstance(watcher, Links))
        self._handlers: dict[type[Event], list[Callable[..., None]]] = {
            MaintenancePlanned: [self._on_maintenance],
            SilenceSet: [self._on_silence],
            FaultDismissed: [self._on_dismissed],
            Connected: [self._on_connected],
        }
        for listener in (presence, *watchers):
            for kind, handler in listener.handlers.items():
                self._handlers.setdefault(kind, []).append(handler)

    def use(self, rules: tuple[Catalogue, Dictionary], event: RulesLoaded) -> Step:
        """Go on with other rules and words from an event on; faults and dwells stay.

        What a rule that is gone had found is cleared. What is known of active faults is read
        again with the new words: a code somebody has just explained changes its ticket.
        """
        before = self.step(event.observed_at)
        self._arrange(*rules)
        self._state.rules_version = self.rules_version
        self._reported.read_again(event.observed_at, event.position)
        after = self.step(event.observed_at)
        return Step((*before.decisions, *after.decisions), after.wake_at)

    @property
    def rules(self) -> tuple[Catalogue, Dictionary]:
        """The rules and words that decide now."""
        return self._rules

    @property
    def rules_version(self) -> str:
        """What names them."""
        return self._rules[0].version

    @property
    def fleet(self) -> Fleet:
        """What is believed now; read it, never change it."""
        return self._state.fleet

    @property
    def wake_at(self) -> datetime | None:
        """The next moment at which a step without an event decides something."""
        return self._ledger.wake_at

    def active_faults(self) -> tuple[Fault, ...]:
        """Return all faults that are active now."""
        return self._ledger.active_faults()

    def step(self, now: datetime, event: AnyEvent | None = None) -> Step:
        """Take one event, or let time pass until `now`."""
        return self.step_many(now, () if event is None else (event,))

    def step_many(self, now: datetime, events: Iterable[AnyEvent]) -> Step:
        """Take events in order, then let time pass until `now`.

        A deadline that falls on an event's moment fires before the event. Decisions come in the
        order they were taken; `wake_at` is later than `now`, or None.
        """
        ledger, fleet, handlers = self._ledger, self._state.fleet, self._handlers
        silent = self._links.silent_stations
        for event in events:
            try:
                ledger.fire_until(event.observed_at)
                fleet.apply(event)
                for handler in handlers.get(type(event), ()):
                    handler(event)
                if silent:
                    self._end_silence(event)
            # One poisoned event must stop neither the others nor, at a restart, the service.
            except Exception as error:
                if self._on_failure is None:
                    raise
                self._on_failure(event, error)
        self._fire_until(now)
        wake_at = ledger.wake_at
        if wake_at is not None and wake_at <= now:
            raise AssertionError(f"asked to be woken at {wake_at}, which is not after {now}")
        return Step(ledger.take_decisions(), wake_at)

    def _fire_until(self, now: datetime) -> None:
        while True:
            try:
                self._ledger.fire_until(now)
            except Exception as error:
                if self._on_failure is None:
                    raise
                self._on_failure(now, error)  # that deadline is taken out; go on with the next
            else:
                return

    def take_asks(self) -> tuple[Place, ...]:
        """Return the places whose status a station should be asked for, each once."""
        return self._ledger.take_asks()

    @property
    def state(self) -> EngineState:
        """The whole memory, for a snapshot; give it to a new engine to go on from there."""
        return self._state

    def _end_silence(self, event: AnyEvent) -> None:
        station: StationId | None = None
        if isinstance(event, PlaceEvent):
            station = event.place.station
        elif isinstance(event, StationEvent) and not isinstance(event, Disconnected):
            station = event.station
        if station is not None and station in self._links.silent_stations:
            self._links.heard(station, event.observed_at, event.position)

    def _on_connected(self, event: Connected) -> None:
        if event.station in self._registry.stations:
            return
        self._ledger.find_work(
            WorkFound(
                key=f"unknown-station:{event.station}",
                rule="unknown-station",
                place=Place.of_station(event.station),
                at=event.observed_at,
                detail=f"Station {event.station} is not in the registry",
                evidence=(event.position,) if event.position else (),
            )
        )

    def _on_maintenance(self, event: MaintenancePlanned) -> None:
        window = Window("maintenance", event.place, event.until)
        self._ledger.open_window(window, event.observed_at)

    def _on_silence(self, event: SilenceSet) -> None:
        window = Window("silence", event.place, event.until, event.rule)
        self._ledger.open_window(window, event.observed_at)

    def _on_dismissed(self, event: FaultDismissed) -> None:
        why = ": ".join(said for said in (event.who, event.why) if said)
        at = event.observed_at
        self._ledger.dismiss(event.rule, event.place, at, event.position, why)
