"""The ledger of all faults: moves tracks and keeps their deadlines.

Detectors tell it that a condition begins or ends; it applies patience and asks `rulings` for
the decisions that follow. It never looks at an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from domain.faults import AnyDecision, Change, ClearedBy, Fault, WorkFound, worst
from domain.places import Place, PlaceKind, StationId
from domain.registry import Registry
from rules.catalogue import OF_LOST_LINKS, Catalogue, Rule
from rules.deadlines import TRACK, WINDOW, WINDOW_RANK, Deadlines
from rules.found import fault_of
from rules.rulings import Hook, RaisedHook, Rulings, clear_after, clear_words
from rules.sighting import Known, Sighting, describe
from rules.state import EngineState, Window
from rules.surroundings import Surroundings
from rules.tracks import Moved, Phase, Track

RECONNECT_SETTLE = timedelta(seconds=60)
"""A fault that came to its clearing time unseen clears no sooner than this after we see again:
a station that returns needs a moment to say what is still wrong."""

_RANK = {
    PlaceKind.FLEET: 0,
    PlaceKind.CARRIER: 1,
    PlaceKind.SITE: 2,
    PlaceKind.STATION: 3,
    PlaceKind.EVSE: 4,
}
"""Of deadlines at one moment the wider place's fires first, so that it can speak for others."""

# Taken out once: naming a member costs CPython 3.11 as much as ten comparisons.
_IDLE, _PENDING, _ACTIVE = Phase.IDLE, Phase.PENDING, Phase.ACTIVE
_NOTHING, _FLAPPING, _PERSON = Moved.NOTHING, Moved.FLAPPING, ClearedBy.PERSON

_LAST_RANK = 5
"""Of what detectors want to look at: after the faults of that moment."""

Wake = Callable[[datetime, str], None]


class Ledger:
    """All tracks of the engine, their deadlines and the decisions of the present step."""

    def __init__(self, registry: Registry, catalogue: Catalogue, state: EngineState) -> None:
        self._catalogue = catalogue
        self._state = state
        self._retired = [t for t in state.tracks.values() if t.rule not in catalogue.rules]
        state.tracks = {f: t for f, t in state.tracks.items() if t.rule in catalogue.rules}
        self._around = Surroundings(registry, catalogue, state)
        self._deadlines = Deadlines(self._is_due)
        self._rulings = Rulings(catalogue, state, self._around)
        self._asks: list[Place] = []
        self._wakes: dict[str, Wake] = {}
        self._wake_ranks: dict[str, int] = {}
        for track in state.tracks.values():
            self._schedule(track)
        for window in state.windows:
            self._deadlines.add(window.until, WINDOW_RANK, window.name, WINDOW)

    # --- what detectors call -------------------------------------------------------------

    def find(self, rule: Rule, place: Place) -> Track | None:
        """Return the track of a rule at a place; None where it was never seen."""
        # Asked with every status, and nearly every place is well: no fingerprint is made. One
        # that an earlier version of the rule found is the same fault for as long as it lasts.
        for track in self._around.tracks_beside(place):
            if track.rule == rule.name and track.place == place:
                return track
        return None

    def tracks_at(self, station: StationId) -> list[Track]:
        """Return all tracks of a station and its EVSEs."""
        return self._around.tracks_at(station)

    def tracks_of(self, rule: Rule) -> list[Track]:
        """Return all tracks of a rule: for what happens rarely."""
        return [track for track in self._state.tracks.values() if track.rule == rule.name]

    def see(self, rule: Rule, place: Place, sighting: Sighting) -> Track:
        """A condition holds at a place; without patience it raises at once."""
        track = self.find(rule, place) or self._new_track(rule, place)
        track = self._of_this_version(track, rule)
        at, was_active = sighting.at, track.phase is _ACTIVE
        if track.is_dismissed and sighting.is_danger:
            track.is_present = False  # a person ended something else
        is_new, moved = not track.is_present, _NOTHING
        known = Known.of(track) if was_active else None
        patience = _patience(rule, sighting)
        if is_new:
            moved = track.begin(at, patience, since=sighting.since, can_flap=sighting.can_flap)
            if rule.worsens is not None:
                track.worsens_at = sighting.since + rule.worsens.after
            self._guard(track, rule, at)
        describe(track, rule, sighting)
        if known is not None:
            if moved is _FLAPPING:
                self._rulings.decide(track, Change.FLAPPING, at, "four times within two hours")
            self._rulings.go_on(track, at, known, is_new=is_new, because=sighting.because)
        elif moved is _FLAPPING:
            self._rulings.raised(track, at, "four times within two hours")
        elif track.phase is _PENDING and (
            sighting.is_danger or (track.due_at is not None and track.due_at <= at)
        ):
            track.raise_now(at)
            waited = "lasted its patience" if patience else "at once"
            self._rulings.raised(track, at, "danger: at once" if sighting.is_danger else waited)
        track.watch_improvement(at, clear_after(track, rule))
        self._schedule(track)
        return track

    def reword(self, track: Track, rule: Rule, sighting: Sighting) -> None:
        """The words of what is present have another meaning now: it counts from here on."""
        if track.phase is not _IDLE and track.is_present:
            track.codes, track.unknown = [], []
            self.see(rule, track.place, sighting)

    def end(
        self,
        rule: Rule,
        place: Place,
        at: datetime,
        position: int = 0,
        *,
        by: ClearedBy = ClearedBy.REPORTED,
    ) -> None:
        """The condition is gone: forget a pending fault, let an active one begin to clear."""
        track = self.find(rule, place)
        if track is None or not track.is_present:
            return
        is_reboot = by is not _PERSON and self._around.has_booted_since(track)
        track.cleared_by = ClearedBy.REBOOT if is_reboot else by
        track.end(at, clear_after(track, rule))
        if track.phase is _IDLE:
            self._rulings.reassess_others(
                track, at
            )  # pending, it may have spoken for others already
            self._drop_blank(track)
        if track.phase is _ACTIVE:
            track.add_evidence(position)
            if rule.worsens is not None:
                track.worsens_at = None
        self._schedule(track)

    def end_error(
        self, rule: Rule, place: Place, key: str, at: datetime, position: int = 0
    ) -> None:
        """One of the errors of a condition is gone: the last one takes the condition with it.

        What is left may be less bad, and another fault's word may count for it now.
        """
        track = self.find(rule, place)
        if track is None or key not in track.keys:
            return
        track.keys.remove(key)
        track.causes.pop(key, None)
        track.said.pop(key, None)
        if not track.keys:
            self.end(rule, place, at, position)
        track.watch_improvement(at, clear_after(track, rule))
        if track.phase is _ACTIVE:
            self._rulings.reassess(track, at, "what it followed from has changed")
        self._rulings.reassess_others(track, at)
        self._schedule(track)

    def dismiss(self, rule: str, place: Place, at: datetime, position: int, why: str) -> None:
        """A person ended a fault: it clears now, and stays quiet as long as the same lasts."""
        known = self._catalogue.rules.get(rule)
        track = self.find(known, place) if known is not None else None
        if known is None or track is None or track.phase is not _ACTIVE:
            return
        if not known.person_may_end:
            return  # it would be back with the next report: it is repaired, or silenced
        track.add_evidence(position)
        track.cleared_by = ClearedBy.PERSON
        self._rulings.cleared(
            track, at, f"ended by a person: {why}" if why else "ended by a person"
        )

    def postpone(self, track: Track, due_at: datetime) -> None:
        """Move a track's deadline."""
        track.due_at = due_at
        self._schedule(track)

    def suspend(self, station: StationId, at: datetime, rules: Iterable[Rule]) -> None:
        """Stop the dwells of these rules at a station that went dark."""
        names = {rule.name for rule in rules}
        for track in self.tracks_at(station):
            if track.rule in names:
                track.suspend(at)

    def resume(self, station: StationId, at: datetime, rules: Iterable[Rule]) -> None:
        """Go on with the dwells of these rules at a station that is back."""
        names = {rule.name for rule in rules}
        for track in self.tracks_at(station):
            if track.rule in names and track.is_suspended:
                track.resume(at)
                self._schedule(track)

    def hold(self, rules: Iterable[Rule]) -> None:
        """Our own service went down: let no deadline of these rules fall due."""
        names = {rule.name for rule in rules}
        for track in self._state.tracks.values():
            if track.rule in names and track.next_at is not None:
                track.hold()

    def release(self, rules: Iterable[Rule], earliest: datetime) -> None:
        """Our own service is up again; nothing of these falls due before `earliest`."""
        names = {rule.name for rule in rules}
        for track in self._state.tracks.values():
            if track.rule in names:
                if track.next_at is not None:
                    track.hold()  # we were killed: nobody told us that we went down
                track.release(earliest)
                self._schedule(track)

    def put_off(self, track: Track, earliest: datetime) -> None:
        """Let a track neither become active nor worsen before `earliest`."""
        track.put_off(earliest)
        self._schedule(track)

    def guard(self, until: datetime) -> None:
        """The fault may be ours: let nothing of lost links become active before `until`."""
        self._state.outages.ours_until = until
        names = {r.name for r in self._catalogue.rules.values() if r.detector in OF_LOST_LINKS}
        for track in self._state.tracks.values():
            if track.rule in names and track.is_present and track.next_at is not None:
                track.put_off(until)
                self._schedule(track)

    def wake(self, at: datetime, name: str, key: str) -> None:
        """Call the handler registered as `name` with `key` when `at` has come.

        It takes the place of an earlier wish of that name and key, and survives a restart.
        """
        self._state.wakes.setdefault(name, {})[key] = at
        self._deadlines.add(at, self._wake_ranks[name], key, name)

    def wake_of(self, name: str, key: str) -> datetime | None:
        """Return when the handler `name` is called with `key`; None where it is not."""
        return self._state.wakes.get(name, {}).get(key)

    def forget_wakes(self, name: str) -> None:
        """Let no handler of that name be called any more."""
        self._state.wakes.pop(name, None)

    def on_wake(self, name: str, handler: Wake, *, rank: int = _LAST_RANK) -> None:
        """Register the handler for `wake(..., name, ...)`; a lower rank goes first."""
        self._wakes[name] = handler
        self._wake_ranks[name] = rank
        for key, at in self._state.wakes.get(name, {}).items():
            self._deadlines.add(at, rank, key, name)

    def when_cleared(self, rule: Rule, hook: Hook) -> None:
        """Call `hook` with the place whenever a fault of this rule has cleared."""
        self._rulings.when_cleared(rule, hook)

    def when_raised(self, hook: RaisedHook) -> None:
        """Call `hook` with the track of every fault that became active, and the moment."""
        self._rulings.when_raised(hook)

    def find_work(self, work: WorkFound) -> None:
        """Note work for us, once ever per key."""
        self._rulings.find_work(work)

    def ask_status(self, place: Place) -> None:
        """Wish that the station is asked, once and harmlessly, for the status of a place."""
        self._asks.append(place)

    def take_asks(self) -> tuple[Place, ...]:
        """Return the places to ask about since the last call."""
        asks, self._asks = tuple(self._asks), []
        return asks

    def confirm(self, track: Track, at: datetime, position: int) -> None:
        """A customer reports what is pending: it counts at once where its rule says so."""
        track.add_evidence(position)
        if not (self._rule(track).confirmed_by_customer and track.phase is _PENDING):
            return
        if track.is_present:
            track.raise_now(at)
            self._rulings.raised(track, at, "a customer reports it")
            self._schedule(track)

    def open_window(self, window: Window, at: datetime) -> None:
        """Begin a maintenance window or a silence, unless it is over already."""
        if window.until <= at:
            return
        self._state.windows.append(window)
        self._deadlines.add(window.until, WINDOW_RANK, window.name, WINDOW)

    # --- what the engine calls -------------------------------------------------------------

    def fire_until(self, now: datetime) -> None:
        """Fire every deadline up to and including `now`, each as of its own moment."""
        if self._retired:
            self._retire(now)
        if not self._deadlines.is_any_due(now):
            return
        for at, name, kind in self._deadlines.due(now):
            if kind == TRACK:
                self._fire(self._state.tracks[name], at)
            elif kind == WINDOW:
                self._close_windows(at)
            else:
                del self._state.wakes[kind][name]
                self._wakes[kind](at, name)

    def take_decisions(self) -> tuple[AnyDecision, ...]:
        """Return the decisions since the last call, in the order they were taken."""
        return self._rulings.take_decisions()

    @property
    def wake_at(self) -> datetime | None:
        """The next deadline; None where nothing is due ever."""
        return self._deadlines.next_at

    def active_faults(self) -> tuple[Fault, ...]:
        """Return all active faults as they stand."""
        return tuple(
            fault_of(track, self._catalogue)
            for track in self._state.tracks.values()
            if track.phase is _ACTIVE
        )

    # --- deadlines ---------------------------------------------------------------------------

    def _is_due(self, kind: str, name: str, at: datetime) -> bool:
        if kind == TRACK:
            track = self._state.tracks.get(name)
            return track is not None and track.next_at == at
        return kind == WINDOW or self.wake_of(kind, name) == at

    def _schedule(self, track: Track) -> None:
        due_at = track.next_at
        if due_at is not None:
            rank = _RANK[track.place.kind]
            self._deadlines.add(due_at, rank, track.fingerprint, TRACK)

    def _fire(self, track: Track, at: datetime) -> None:
        is_clearing = track.phase is _ACTIVE and not track.is_present
        if is_clearing and track.due_at == at and self._around.is_unseen(track):
            track.due_at, track.left = None, RECONNECT_SETTLE
            return
        if track.improves_at == at and self._around.is_unseen(track):
            track.improves_at, track.improves_left = None, RECONNECT_SETTLE
            self._schedule(track)
            return
        match track.fire(at):
            case Moved.RAISED:
                self._rulings.raised(track, at, "lasted its patience")
            case Moved.CLEARED:
                self._rulings.cleared(track, at, clear_words(track, self._rule(track)))
            case Moved.WORSENS:
                self._rulings.worsen(track)
                self._rulings.set_severity(
                    track, worst(track.severity, track.base), at, "lasts on"
                )
            case Moved.IMPROVES:
                self._rulings.improve(track, at)
            case _:
                pass
        self._schedule(track)

    def _close_windows(self, at: datetime) -> None:
        names = self._around.close_windows(at)
        for track in list(self._state.tracks.values()):
            if track.phase is _ACTIVE and track.inhibited_by in names:
                self._rulings.reassess(track, at, "the window ended")

    # --- moves -------------------------------------------------------------------------------

    def _guard(self, track: Track, rule: Rule, at: datetime) -> None:
        """While the fault may be ours, no lost link counts for anybody."""
        until = self._state.outages.ours_until
        if until is not None and at < until and rule.detector in OF_LOST_LINKS:
            track.put_off(until)

    def _drop_blank(self, track: Track) -> None:
        """Forget a condition that ended within its patience: nobody will ask for it."""
        if track.is_blank:
            del self._state.tracks[track.fingerprint]
            self._around.drop(track)

    def _retire(self, at: datetime) -> None:
        """Clear what was found by rules that were taken out of the catalogue."""
        retired, self._retired = self._retired, []
        for track in retired:
            if track.phase is _ACTIVE:
                track.cleared_by = ClearedBy.PERSON
                self._rulings.decide(track, Change.CLEARED, at, "its rule was taken out")
                self._rulings.reassess_others(track, at)
                self._rulings.improve_site(track, at)

    def _of_this_version(self, track: Track, rule: Rule) -> Track:
        """A rule in a new version finds faults of its own once the last one is over."""
        fingerprint = _fingerprint(rule, track.place)
        if track.phase is not _IDLE or track.fingerprint == fingerprint:
            return track
        del self._state.tracks[track.fingerprint]
        self._around.drop(track)
        return self._new_track(rule, track.place)

    def _new_track(self, rule: Rule, place: Place) -> Track:
        fingerprint = _fingerprint(rule, place)
        track = Track(rule=rule.name, place=place, fingerprint=fingerprint)
        self._state.tracks[fingerprint] = track
        self._around.add(track)
        return track

    def _rule(self, track: Track) -> Rule:
        return self._catalogue.rules[track.rule]


def _patience(rule: Rule, sighting: Sighting) -> timedelta:
    if sighting.is_danger:
        return timedelta(0)
    return rule.raise_after if sighting.raise_after is None else sighting.raise_after


def _fingerprint(rule: Rule, place: Place) -> str:
    return f"{rule.name}@{place}~{rule.version}"
