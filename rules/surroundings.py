"""What stands around a fault: wider causes, maintenance windows, and the rest of its site.

Answers questions over the topology of the registry; changes nothing but the list of windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from domain.beliefs import Link
from domain.faults import Severity
from domain.places import FLEET, Place, PlaceKind, SiteId, StationId
from domain.registry import Registry
from rules.catalogue import OF_LOST_LINKS, Catalogue, Detector, Rule
from rules.impact import can_nobody_charge, is_part_of, speaks_for
from rules.parameters import ReportedFaultParameters
from rules.state import EngineState, Window
from rules.tracks import Phase, Track

BEHIND_GATEWAY = "mqtt"
"""The protocol of stations that reach us through the controller of their site."""

_MOST_CAUSES = 16
"""So many errors in a row may name each other as their cause; more are a circle to us."""

_Key = TypeVar("_Key")


class Surroundings:
    """Tracks by station and site, and what they mean for each other."""

    def __init__(self, registry: Registry, catalogue: Catalogue, state: EngineState) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._state = state
        self._stopping = {r.name for r in catalogue.rules.values() if _stops_charging(r)}
        self._by_station: dict[str, list[Track]] = {}
        self._wide: dict[Place, list[Track]] = {}
        for track in state.tracks.values():
            self.add(track)

    def add(self, track: Track) -> None:
        """Take a new track into the index."""
        if track.place.station is not None:
            self._by_station.setdefault(track.place.name, []).append(track)
        else:
            self._wide.setdefault(track.place, []).append(track)

    def drop(self, track: Track) -> None:
        """Take a track that is forgotten out of the index."""
        if track.place.station is not None:
            _drop(self._by_station, track.place.name, track)
        else:
            _drop(self._wide, track.place, track)

    def tracks_at(self, station: StationId) -> list[Track]:
        """Return all tracks of a station and its EVSEs."""
        return self._by_station.get(station, [])

    def tracks_beside(self, place: Place) -> Sequence[Track]:
        """Return all tracks at a place; where it is of a station, at all of that station."""
        if place.station is not None:
            return self._by_station.get(place.name, ())
        return self._wide.get(place, ())

    def inhibitor_of(self, track: Track) -> str | None:
        """Return who speaks for the track: RULE@PLACE, a window's name, or None."""
        detector = self._detector(track)
        for other in self._wider(track):
            if (
                other.phase is not Phase.IDLE
                and speaks_for(other, track, self._detector(other), detector)
                and self._reaches(other, track)
            ):
                return other.name
        window = self.window_over(track)
        return window.name if window else None

    def wider_of(self, track: Track) -> str | None:
        """Return the wider cause that an active fault is part of and is told apart from."""
        site = self._registry.site_of(track.place)
        if site is None or not site.carrier or track.inhibited_by is not None:
            return None
        return next(
            (
                other.name
                for other in self._wide.get(Place.of_carrier(site.carrier), ())
                if is_part_of(other, track, self._detector(other), self._detector(track))
                and self._is_affected(track, other)
            ),
            None,
        )

    def parts_of(self, track: Track) -> list[Track]:
        """Return the active tracks that could be part of a carrier's outage."""
        if track.place.kind is not PlaceKind.CARRIER:
            return []
        sites = {
            site.id: site
            for station in track.stations
            if (site := self._registry.site_of(station)) is not None
        }
        found = [t for id in sites for t in self._wide.get(Place.of_site(id), ())]
        found += [t for station in track.stations for t in self.tracks_at(station)]
        return [part for part in found if part.phase is Phase.ACTIVE]

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
        place, found = track.place, list[Track]()
        if place.station is not None:
            found = self.tracks_at(place.station)
        elif place.kind is PlaceKind.SITE:
            site = self._registry.sites.get(SiteId(place.name))
            found = [*self._wide.get(place, ())]
            for station in site.stations if site else ():
                found += self.tracks_at(station.id)
        elif place.kind is PlaceKind.FLEET:
            found = [t for t in self._state.tracks.values() if self._is_of_links(t)]
        return [other for other in found if other is not track and other.phase is Phase.ACTIVE]

    def blocks_charging(self, track: Track) -> bool:
        """Tell whether the track keeps its place from charging (major or worse)."""
        return track.rule in self._stopping and track.base.rank >= Severity.MAJOR.rank

    def leaves_nobody_charging(self, track: Track, at: datetime) -> bool:
        """Tell whether with the track no EVSE of its site is left that can charge.

        Faults that become active at this very moment count, whichever is looked at first.
        """
        site = self._registry.site_of(track.place)
        if site is None or not self.blocks_charging(track):
            return False
        # Asked with every fault of a big site: the first station that can charge decides.
        return all(can_nobody_charge(s, self._blocked_at(s.id, at)) for s in site.stations)

    def _blocked_at(self, station: StationId, at: datetime) -> set[int]:
        return {
            track.place.evse
            for track in self.tracks_at(station)
            if track.is_present  # one that is clearing can charge already
            and (
                track.phase is Phase.ACTIVE or (track.due_at is not None and track.due_at <= at)
            )
            and self.blocks_charging(track)
        }

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
        wider = [*self._wide.get(FLEET, ())]
        site = self._registry.site_of(track.place)
        if site is not None:
            wider += self._wide.get(Place.of_site(site.id), ())
        if track.place.station is not None:
            wider += self.tracks_at(track.place.station)
        return [other for other in wider if other is not track]

    def _reaches(self, wider: Track, track: Track) -> bool:
        """Tell whether the wider cause has to do with the track's place.

        A site controller speaks for the stations behind it and not for those with a link of
        their own. Errors that name each other as their cause speak for nobody in a circle.
        """
        station = track.place.station
        if station is None:
            return True
        if self._detector(wider) is Detector.GATEWAY_LOST:
            return self._registry.stations[station].protocol == BEHIND_GATEWAY
        return not self._rests_on(wider, track)

    def _rests_on(self, track: Track, other: Track) -> bool:
        """Tell whether the other one speaks for the track already, directly or in the end."""
        for _ in range(_MOST_CAUSES):
            if track.inhibited_by is None:
                return False
            if track.inhibited_by == other.name:
                return True
            near = self.tracks_at(StationId(other.place.name))
            by = next((t for t in near if t.name == track.inhibited_by), None)
            if by is None:
                return False
            track = by
        return True

    def _is_affected(self, track: Track, wider: Track) -> bool:
        """Tell whether a wider cause is known to affect the place of a track."""
        station = track.place.station
        if station is not None:
            return station in wider.stations
        return not set(track.stations).isdisjoint(wider.stations)

    def _is_of_links(self, track: Track) -> bool:
        return self._detector(track) in OF_LOST_LINKS

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


def _stops_charging(rule: Rule) -> bool:
    if rule.stops_charging is not None:
        return rule.stops_charging
    is_reported = rule.detector is Detector.REPORTED_FAULT
    return is_reported and rule.set_for(ReportedFaultParameters).faulted


def _drop(index: dict[_Key, list[Track]], key: _Key, track: Track) -> None:
    others = [other for other in index.get(key, ()) if other is not track]
    if others:
        index[key] = others
    else:
        index.pop(key, None)
