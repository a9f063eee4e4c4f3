"""The ledger of all faults: moves tracks, keeps their deadlines, writes the decisions.

Detectors tell it that a condition begins or ends; it applies patience, danger, severity and
inhibition, and answers with decisions that carry their reason. It never looks at an event.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from domain.codes import DANGER
from domain.events import ErrorReport
from domain.faults import AnyDecision, Change, Decision, Fault, Severity, WorkFound, worst
from domain.places import Place, PlaceKind, SiteId, StationId
from domain.registry import Registry
from rules.catalogue import Catalogue, Detector, Rule
from rules.impact import can_nobody_charge, speaks_for
from rules.state import EngineState, Window
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

Wake = Callable[[datetime, str], None]
Hook = Callable[[Place], None]


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector saw: a condition at a place, and what is known of it."""

    at: datetime
    since: datetime
    codes: tuple[str, ...]
    severity: Severity | None = None  # what the dictionary knows; None: the rule's
    error: ErrorReport | None = None
    unknown: tuple[str, ...] = ()
    position: int = 0
    can_flap: bool = False
    is_danger: bool = False
    is_flapping: bool = False  # the condition itself is a flapping one


class Ledger:
    """All tracks of the engine, their deadlines and the decisions of the present step."""

    def __init__(self, registry: Registry, catalogue: Catalogue, state: EngineState) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._state = state
        self._decisions: list[AnyDecision] = []
        self._heap: list[tuple[datetime, int, str, str]] = []
        self._wakes: dict[str, Wake] = {}
        self._when_cleared: dict[str, Hook] = {}
        self._by_station: dict[str, list[Track]] = {}
        self._by_site: dict[str, list[Track]] = {}
        for track in state.tracks.values():
            self._index(track)
            self._schedule(track)
        for window in state.windows:
            self._push(window.until, 9, window.name, "window")

    # --- what detectors call -------------------------------------------------------------

    def find(self, rule: Rule, place: Place) -> Track | None:
        """Return the track of a rule at a place; None where it was never seen."""
        return self._state.tracks.get(_fingerprint(rule, place))

    def tracks_at(self, station: StationId) -> list[Track]:
        """Return all tracks of a station and its EVSEs."""
        return self._by_station.get(station, [])

    def see(self, rule: Rule, place: Place, sighting: Sighting) -> Track:
        """A condition holds at a place; without patience it raises at once."""
        track = self.find(rule, place) or self._new_track(rule, place)
        at = sighting.at
        is_new = not track.is_present
        was_active = track.phase is Phase.ACTIVE
        becomes_danger = sighting.is_danger and not track.is_danger
        is_recoded = was_active and not set(sighting.codes) <= set(track.codes)
        patience = timedelta(0) if sighting.is_danger else rule.raise_after
        if is_new:
            moved = track.begin(at, patience, since=sighting.since, can_flap=sighting.can_flap)
        else:
            moved = Moved.NOTHING
        self._describe(track, rule, sighting)
        if is_new and rule.worsens is not None and not was_active:
            track.worsens_at = sighting.since + rule.worsens.after
        if moved is Moved.FLAPPING and was_active:
            self._decide(track, Change.FLAPPING, at, "four times within two hours")
        elif moved is Moved.FLAPPING:
            self._raised(track, at, "four times within two hours")
        elif track.phase is Phase.PENDING and (
            sighting.is_danger or (track.due_at is not None and track.due_at <= at)
        ):
            track.raise_now(at)
            self._raised(track, at, "danger: at once" if sighting.is_danger else "at once")
        elif was_active and becomes_danger:
            self._set_severity(track, Severity.CRITICAL, at, "a danger code was added")
        elif is_recoded:
            self._decide(track, Change.RECODED, at, "another code was reported")
        if was_active and is_new:
            self._reassess(track, at, "it is back")
        self._schedule(track)
        return track

    def end(self, rule: Rule, place: Place, at: datetime, position: int = 0) -> None:
        """The condition is gone: forget a pending fault, let an active one begin to clear."""
        track = self.find(rule, place)
        if track is None or not track.is_present:
            return
        track.end(at, rule.flapping_clear_after if track.is_flapping else rule.clear_after)
        if track.phase is Phase.ACTIVE:
            track.add_evidence(position)
            if rule.worsens is not None:
                track.worsens_at = None
        self._schedule(track)

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
            if track.rule in names and track.left is not None:
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
                track.release(earliest)
                self._schedule(track)

    def wake(self, at: datetime, name: str, key: str) -> None:
        """Call the handler registered as `name` with `key` when `at` has come."""
        self._push(at, 2 if name == "site" else 5, key, name)

    def on_wake(self, name: str, handler: Wake) -> None:
        """Register the handler for `wake(..., name, ...)`."""
        self._wakes[name] = handler

    def when_cleared(self, rule: Rule, hook: Hook) -> None:
        """Call `hook` with the place whenever a fault of this rule has cleared."""
        self._when_cleared[rule.name] = hook

    def find_work(self, work: WorkFound) -> None:
        """Note work for us, once ever per key."""
        if work.key not in self._state.known_work:
            self._state.known_work.append(work.key)
            self._decisions.append(work)

    def open_window(self, window: Window) -> None:
        """Begin a maintenance window or a silence."""
        self._state.windows.append(window)
        self._push(window.until, 9, window.name, "window")

    # --- what the engine calls -------------------------------------------------------------

    def fire_until(self, now: datetime) -> None:
        """Fire every deadline up to and including `now`, each as of its own moment."""
        while self._heap and self._heap[0][0] <= now:
            at, _, name, kind = heapq.heappop(self._heap)
            if kind == "track":
                self._fire(self._state.tracks[name], at)
            elif kind == "window":
                self._close_windows(at)
            else:
                self._wakes[kind](at, name)

    def take_decisions(self) -> tuple[AnyDecision, ...]:
        """Return the decisions since the last call, in the order they were taken."""
        decisions, self._decisions = tuple(self._decisions), []
        return decisions

    @property
    def wake_at(self) -> datetime | None:
        """The next deadline; None where nothing is due ever."""
        while self._heap:
            at, _, name, kind = self._heap[0]
            if kind != "track" or self._state.tracks[name].next_at == at:
                return at
            heapq.heappop(self._heap)
        return None

    def active_faults(self) -> tuple[Fault, ...]:
        """Return all active faults as they stand."""
        return tuple(
            _fault(track, self._catalogue.rules[track.rule])
            for track in self._state.tracks.values()
            if track.phase is Phase.ACTIVE and track.rule in self._catalogue.rules
        )

    # --- deadlines ---------------------------------------------------------------------------

    def _schedule(self, track: Track) -> None:
        due_at = track.next_at
        if due_at is not None:
            self._push(due_at, _RANK[track.place.kind], track.fingerprint, "track")

    def _push(self, at: datetime, rank: int, name: str, kind: str) -> None:
        heapq.heappush(self._heap, (at, rank, name, kind))

    def _fire(self, track: Track, at: datetime) -> None:
        if track.next_at is None or track.next_at > at:
            return  # a deadline that was moved or taken back
        if self._is_clearing_unseen(track, at):
            track.due_at, track.left = None, RECONNECT_SETTLE
            return
        match track.fire(at):
            case Moved.RAISED:
                self._raised(track, at, "lasted its patience")
            case Moved.CLEARED:
                self._cleared(track, at)
            case Moved.WORSENS:
                worsens = self._rule(track).worsens
                if worsens is not None:
                    track.base = worst(track.base, worsens.to)
                    self._set_severity(track, worst(track.severity, worsens.to), at, "lasts on")
            case _:
                pass
        self._schedule(track)

    def _is_clearing_unseen(self, track: Track, at: datetime) -> bool:
        """True where the clean time would end while nothing can be known of the station."""
        station = track.place.station
        if track.is_present or track.phase is not Phase.ACTIVE or station is None:
            return False
        if track.due_at is None or track.due_at > at:
            return False
        return self._state.fleet.belief(station).link.value == "unknown"

    def _close_windows(self, at: datetime) -> None:
        over = [window for window in self._state.windows if window.until <= at]
        self._state.windows = [w for w in self._state.windows if w.until > at]
        if not over:
            return
        names = {window.name for window in over}
        for track in list(self._state.tracks.values()):
            if track.phase is Phase.ACTIVE and track.inhibited_by in names:
                self._reassess(track, at, "the window ended")

    # --- moves -------------------------------------------------------------------------------

    def _raised(self, track: Track, at: datetime, because: str) -> None:
        track.severity = self._severity_of(track, at)
        track.inhibited_by = self._inhibitor_of(track)
        self._decide(track, Change.RAISED, at, because)
        for word in track.unknown:
            self._find_unknown(track, word, at)
        if track.is_danger and (track.inhibited_by or "").startswith("maintenance@"):
            self._find_danger(track, at)
        self._reassess_others(track, at)
        self._schedule(track)

    def _cleared(self, track: Track, at: datetime) -> None:
        rule = self._rule(track)
        span = rule.flapping_clear_after if track.is_flapping else rule.clear_after
        self._decide(track, Change.CLEARED, at, f"clean for {_span(span)}", cleared_at=at)
        track.forget()
        if track.rule in self._when_cleared:
            self._when_cleared[track.rule](track.place)
        self._reassess_others(track, at)
        self._improve_site(track, at)

    def _set_severity(self, track: Track, severity: Severity, at: datetime, why: str) -> None:
        if severity is track.severity:
            return
        change = Change.WORSENED if severity.rank > track.severity.rank else Change.IMPROVED
        track.severity = severity
        self._decide(track, change, at, why)

    def _describe(self, track: Track, rule: Rule, sighting: Sighting) -> None:
        track.codes = sorted({*track.codes, *sighting.codes})
        track.unknown = list(dict.fromkeys([*track.unknown, *sighting.unknown]))
        track.is_danger = track.is_danger or sighting.is_danger
        track.is_flapping = track.is_flapping or sighting.is_flapping
        base = sighting.severity or rule.severity
        track.base = base if track.phase is not Phase.ACTIVE else worst(track.base, base)
        track.add_evidence(sighting.position, sighting.error)

    def _reassess_others(self, track: Track, at: datetime) -> None:
        """The track began or ceased to speak for others: see who is affected."""
        if track.place.kind is PlaceKind.SITE:
            site = self._registry.sites.get(SiteId(track.place.name))
            stations = [station.id for station in site.stations] if site else []
        elif track.place.kind is PlaceKind.STATION:
            stations = [StationId(track.place.name)]
        else:
            return
        for station in stations:
            for other in list(self.tracks_at(station)):
                if other is not track and other.phase is Phase.ACTIVE:
                    self._reassess(other, at, f"{track.rule} at {track.place}")

    def _reassess(self, track: Track, at: datetime, because: str) -> None:
        inhibitor = self._inhibitor_of(track)
        if inhibitor == track.inhibited_by:
            return
        if inhibitor is None and not track.is_present:
            return  # it is clearing: there is nothing left to tell anybody
        if track.inhibited_by is None and _is_window(inhibitor):
            return  # a ticket that was open before a window stays open
        track.inhibited_by = inhibitor
        change = Change.RELEASED if inhibitor is None else Change.INHIBITED
        self._decide(track, change, at, because)

    def _inhibitor_of(self, track: Track) -> str | None:
        for other in self._wider(track):
            if other.phase is not Phase.IDLE and speaks_for(
                other, track, self._detector(other), self._detector(track)
            ):
                return f"{other.rule}@{other.place}"
        window = self._window_over(track)
        return window.name if window else None

    def _wider(self, track: Track) -> list[Track]:
        site = self._registry.site_of(track.place)
        wider = list(self._by_site.get(site.id, ())) if site else []
        station = track.place.station
        if station is not None:
            wider += [
                other
                for other in self.tracks_at(station)
                if other is not track and other.place.kind is PlaceKind.STATION
            ]
        return wider

    def _window_over(self, track: Track) -> Window | None:
        windows = [w for w in self._state.windows if self._covers(w, track)]
        return max(windows, key=lambda window: window.until) if windows else None

    def _covers(self, window: Window, track: Track) -> bool:
        if window.rule not in ("", track.rule):
            return False
        station = track.place.station
        if window.place == track.place:
            return True
        if window.place.kind is PlaceKind.STATION:
            return station == window.place.name
        site = self._registry.site_of(track.place)
        return (
            window.place.kind is PlaceKind.SITE
            and site is not None
            and (site.id == window.place.name)
        )

    # --- severity ----------------------------------------------------------------------------

    def _severity_of(self, track: Track, at: datetime) -> Severity:
        if track.is_danger:
            return Severity.CRITICAL
        if self._blocks_charging(track) and self._can_nobody_charge(track, at):
            return Severity.CRITICAL
        worsens = self._rule(track).worsens
        if worsens is not None and track.worsens_at is not None and track.worsens_at <= at:
            track.worsens_at = None
            track.base = worst(track.base, worsens.to)
        return track.base

    def _blocks_charging(self, track: Track) -> bool:
        rule = self._rule(track)
        is_faulted = rule.detector is Detector.REPORTED_FAULT and rule.is_faulted
        return is_faulted and track.base.rank >= Severity.MAJOR.rank

    def _can_nobody_charge(self, track: Track, at: datetime) -> bool:
        site = self._registry.site_of(track.place)
        if site is None:
            return False
        blocked = {
            other.place
            for station in site.stations
            for other in self.tracks_at(station.id)
            if self._blocks_charging(other)
            and (
                other.phase is Phase.ACTIVE
                or (other.due_at is not None and other.due_at <= at and other.is_present)
            )
        }
        return can_nobody_charge(site, blocked)

    def _improve_site(self, track: Track, at: datetime) -> None:
        """One place can charge again: what was critical only for the site is less so now."""
        site = self._registry.site_of(track.place)
        if site is None:
            return
        for station in site.stations:
            for other in self.tracks_at(station.id):
                if other.phase is Phase.ACTIVE and other.is_present and not other.is_danger:
                    severity = self._severity_of(other, at)
                    if severity.rank < other.severity.rank:
                        self._set_severity(
                            other, severity, at, "another place can charge again"
                        )

    # --- decisions ---------------------------------------------------------------------------

    def _decide(
        self,
        track: Track,
        change: Change,
        at: datetime,
        because: str,
        cleared_at: datetime | None = None,
    ) -> None:
        key = f"{track.fingerprint}#{track.episode}:{change}"
        if change not in (Change.RAISED, Change.CLEARED):
            track.changes += 1
            key = f"{key}:{track.changes}"
        window = self._window_over(track)
        self._decisions.append(
            Decision(
                key=key,
                change=change,
                fault=_fault(track, self._rule(track), cleared_at),
                at=at,
                because=because,
                evidence=tuple(track.evidence),
                quiet_until=window.until if window else None,
            )
        )

    def _find_unknown(self, track: Track, word: str, at: datetime) -> None:
        vendor = track.errors[-1].vendor_id if track.errors else ""
        self.find_work(
            WorkFound(
                key=f"unknown-code:{vendor.casefold()}:{word.casefold()}",
                rule="unknown-code",
                place=track.place,
                at=at,
                detail=f"Vendor code {word!r} of {vendor or 'an unnamed vendor'}",
                codes=("unknown-code",),
                evidence=tuple(track.evidence),
            )
        )

    def _find_danger(self, track: Track, at: datetime) -> None:
        self.find_work(
            WorkFound(
                key=f"danger:{track.fingerprint}#{track.episode}",
                rule="danger-in-maintenance",
                place=track.place,
                at=at,
                detail=f"Danger reported during planned work: {', '.join(track.codes)}",
                codes=tuple(track.codes),
                severity=Severity.CRITICAL,
                evidence=tuple(track.evidence),
            )
        )

    def _new_track(self, rule: Rule, place: Place) -> Track:
        fingerprint = _fingerprint(rule, place)
        track = Track(rule=rule.name, place=place, fingerprint=fingerprint)
        self._state.tracks[fingerprint] = track
        self._index(track)
        return track

    def _index(self, track: Track) -> None:
        if track.place.station is not None:
            self._by_station.setdefault(track.place.name, []).append(track)
        elif track.place.kind is PlaceKind.SITE:
            self._by_site.setdefault(track.place.name, []).append(track)

    def _rule(self, track: Track) -> Rule:
        return self._catalogue.rules[track.rule]

    def _detector(self, track: Track) -> Detector:
        return self._rule(track).detector


def _fingerprint(rule: Rule, place: Place) -> str:
    return f"{rule.name}@{place}~{rule.version}"


def _is_window(inhibitor: str | None) -> bool:
    return inhibitor is not None and inhibitor.startswith(("maintenance@", "silence@"))


def _fault(track: Track, rule: Rule, cleared_at: datetime | None = None) -> Fault:
    if track.seen_at is None or track.raised_at is None:
        raise AssertionError(f"{track.fingerprint} has no episode")
    return Fault(
        fingerprint=track.fingerprint,
        rule=track.rule,
        place=track.place,
        episode=track.episode,
        severity=track.severity,
        codes=tuple(track.codes),
        seen_at=track.seen_at,
        raised_at=track.raised_at,
        cleared_at=cleared_at,
        is_danger=track.is_danger,
        is_flapping=track.is_flapping,
        inhibited_by=track.inhibited_by,
        errors=tuple(track.errors),
        advice=rule.advice,
    )


def _span(span: timedelta) -> str:
    seconds = span.total_seconds()
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"


def is_danger(codes: Iterable[str]) -> bool:
    """Tell whether any of the codes means danger to people."""
    return any(code in DANGER for code in codes)
