"""What stands around a fault: wider causes, maintenance windows, and the rest of its site.

Answers questions over the topology of the registry; changes nothing but the list of windows.
"""

from __future__ import annotations

from datetime import datetime

from domain.beliefs import Link
from domain.faults import Severity
from domain.places import PlaceKind, SiteId, StationId
from domain.registry import Registry
from rules.catalogue import Catalogue, Detector
from rules.impact import can_nobody_charge, speaks_for
from rules.parameters import ReportedFaultParameters
from rules.state import EngineState, Window
from rules.tracks import Phase, Track


class Surroundings:
    """Tracks by station and site, and what they mean for each other."""

    def __init__(self, registry: Registry, catalogue: Catalogue, state: EngineState) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._state = state
        self._by_station: dict[str, list[Track]] = {}
        self._by_site: dict[str, list[Track]] = {}
        for track in state.tracks.values():
            self.add(track)

    def add(self, track: Track) -> None:
        """Take a new track into the index."""
        if track.place.station is not None:
            self._by_station.setdefault(track.place.name, []).append(track)
        elif track.place.kind is PlaceKind.SITE:
            self._by_site.setdefault(track.place.name, []).append(track)

    def drop(self, track: Track) -> None:
        """Take a track that is forgotten out of the index."""
        index = self._by_station if track.place.station is not None else self._by_site
        name = track.place.name
        others = [other for other in index.get(name, ()) if other is not track]
        if others:
            index[name] = others
        else:
            index.pop(name, None)

    def tracks_at(self, station: StationId) -> list[Track]:
        """Return all tracks of a station and its EVSEs."""
        return self._by_station.get(station, [])

    def inhibitor_of(self, track: Track) -> str | None:
        """Return who speaks for the track: RULE@PLACE, a window's name, or None."""
        for other in self._wider(track):
            if other.phase is not Phase.IDLE and speaks_for(
                other, track, self._detector(other), self._detector(track)
            ):
                return f"{other.rule}@{other.place}"
        window = self.window_over(track)
        return window.name if window else None

    def window_over(self, track: Track) -> Window | None:
        """Return the longest window over the track's place; None where there is none."""
        windows = [w for w in self._state.windows if self._covers(w, track)]
        return max(windows, key=lambda window: window.until) if windows else None

    def close_windows(self, at: datetime) -> set[str]:
        """Forget the windows that are over, and return their names."""
        over = {window.name for window in self._state.windows if window.until <= at}
        self._state.windows = [w for w in self._state.windows if w.until > at]
        return over

    def spoken_for_by(self, track: Track) -> list[Track]:
        """Return the active tracks that the track could begin or cease to speak for."""
        if track.place.kind is PlaceKind.SITE:
            site = self._registry.sites.get(SiteId(track.place.name))
            stations = [station.id for station in site.stations] if site else []
        elif track.place.station is not None:
            stations = [track.place.station]
        else:
            return []
        is_evse = track.place.kind is PlaceKind.EVSE
        return [
            other
            for station in stations
            for other in self.tracks_at(station)
            if other is not track
            and other.phase is Phase.ACTIVE
            and (not is_evse or other.place == track.place)
        ]

    def blocks_charging(self, track: Track) -> bool:
        """Tell whether the track keeps its place from charging (major or worse)."""
        rule = self._catalogue.rules[track.rule]
        stops = rule.stops_charging
        if stops is None:
            stops = (
                rule.detector is Detector.REPORTED_FAULT
                and rule.set_for(ReportedFaultParameters).faulted
            )
        return stops and track.base.rank >= Severity.MAJOR.rank

    def leaves_nobody_charging(self, track: Track, at: datetime) -> bool:
        """Tell whether with the track no EVSE of its site is left that can charge.

        Faults that become active at this very moment count, whichever is looked at first.
        """
        site = self._registry.site_of(track.place)
        if site is None or not self.blocks_charging(track):
            return False
        blocked = {
            other.place
            for other in self._tracks_of_site(track)
            if self.blocks_charging(other)
            and other.is_present  # one that is clearing can charge already
            and (
                other.phase is Phase.ACTIVE or (other.due_at is not None and other.due_at <= at)
            )
        }
        return can_nobody_charge(site, blocked)

    def is_site_told(self, track: Track) -> bool:
        """Tell whether another active fault of the site is critical already."""
        return any(
            other.severity is Severity.CRITICAL and other.phase is Phase.ACTIVE
            for other in self._tracks_of_site(track)
            if other is not track and other.is_present and not other.is_danger
        )

    def worse_than_alone(self, track: Track) -> list[Track]:
        """Return active tracks of the same site whose severity may rest on the track."""
        return [
            other
            for other in self._tracks_of_site(track)
            if other.phase is Phase.ACTIVE and other.is_present and not other.is_danger
        ]

    def is_unseen(self, track: Track) -> bool:
        """Tell whether nothing can be known of the track's station since our own outage."""
        station = track.place.station
        return station is not None and self._state.fleet.belief(station).link is Link.UNKNOWN

    def has_booted_since(self, track: Track) -> bool:
        """Tell whether the track's station started anew after it was last seen to hold."""
        station = track.place.station
        belief = self._state.fleet.stations.get(station) if station is not None else None
        booted_at = belief.booted_at if belief is not None else None
        return booted_at is not None and track.last_at is not None and booted_at > track.last_at

    def _tracks_of_site(self, track: Track) -> list[Track]:
        site = self._registry.site_of(track.place)
        stations = site.stations if site else ()
        return [other for station in stations for other in self.tracks_at(station.id)]

    def _wider(self, track: Track) -> list[Track]:
        site = self._registry.site_of(track.place)
        wider = list(self._by_site.get(site.id, ())) if site else []
        station = track.place.station
        if station is not None:
            wider += [
                other
                for other in self.tracks_at(station)
                if other is not track
                and (other.place.kind is PlaceKind.STATION or other.place == track.place)
            ]
        return wider

    def _covers(self, window: Window, track: Track) -> bool:
        if window.rule not in ("", track.rule):
            return False
        if window.place == track.place:
            return True
        if window.place.kind is PlaceKind.STATION:
            return track.place.station == window.place.name
        site = self._registry.site_of(track.place)
        is_site = window.place.kind is PlaceKind.SITE
        return is_site and site is not None and site.id == window.place.name

    def _detector(self, track: Track) -> Detector:
        return self._catalogue.rules[track.rule].detector
