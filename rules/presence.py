"""Who is connected, counted by site, carrier, customer and the whole fleet.

Follows from the beliefs alone, so nothing of it is kept in the state; counting at every change
spares the detectors of wider causes a look over the fleet at every lost link. Only registered
stations count: a stranger has no site that it could share with others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import takewhile

from domain.beliefs import Fleet, Link
from domain.events import Connected, Disconnected, Event, ServiceStarted, ServiceStopped
from domain.places import FLEET, Place, StationId
from domain.registry import Registry, Site

WHOLE_FLEET = str(FLEET)


class Presence:
    """The stations whose link is up, and how many of each group."""

    def __init__(self, registry: Registry, fleet: Fleet) -> None:
        self._registry = registry
        self._fleet = fleet
        self._groups = {site.id: _groups_of(site) for site in registry.sites.values()}
        self.up: set[StationId] = set()
        self.up_in: dict[str, int] = {}
        for belief in fleet.stations.values():
            if belief.link is Link.UP:
                self._come(belief.station)

    @property
    def handlers(self) -> dict[type[Event], Callable[..., None]]:
        """The events it listens to: before every detector."""
        return {
            Connected: self.on_connected,
            Disconnected: self.on_disconnected,
            ServiceStopped: self.on_interrupted,
            ServiceStarted: self.on_interrupted,
        }

    def on_connected(self, event: Connected) -> None:
        """Somebody more."""
        self._come(event.station)

    def on_disconnected(self, event: Disconnected) -> None:
        """Somebody less."""
        self._go(event.station)

    def on_interrupted(self, event: ServiceStopped | ServiceStarted) -> None:
        """Nobody is connected any more, by our own doing."""
        self.up.clear()
        self.up_in.clear()

    def groups_of(self, station: StationId) -> tuple[str, ...]:
        """Return what the station belongs to: `site:S`, `customer:C`, `fleet`, `carrier:N`."""
        site = self._registry.site_of(station)
        return self._groups[site.id] if site is not None else ()

    def away(self, stations: Iterable[StationId]) -> set[StationId]:
        """Return those of the stations that are not connected."""
        return {station for station in stations if station not in self.up}

    def with_link(self, link: Link) -> dict[StationId, datetime]:
        """Return the registered stations that were lost that way, the first lost first."""
        lost = self.lost_among(self._registry.stations, link)
        return dict(sorted(lost.items(), key=lambda pair: (pair[1], pair[0])))

    def lost_among(
        self, stations: Iterable[StationId], link: Link
    ) -> dict[StationId, datetime]:
        """Return those of the stations that were lost that way, and when."""
        beliefs = (self._fleet.stations.get(station) for station in stations)
        return {
            belief.station: belief.lost_at
            for belief in beliefs
            if belief is not None and belief.link is link and belief.lost_at is not None
        }

    def _come(self, station: StationId) -> None:
        groups = self.groups_of(station)
        if groups and station not in self.up:
            self.up.add(station)
            for group in groups:
                self.up_in[group] = self.up_in.get(group, 0) + 1

    def _go(self, station: StationId) -> None:
        if station in self.up:
            self.up.discard(station)
            for group in self.groups_of(station):
                self.up_in[group] -= 1


class Losses:
    """Stations lost within a span of time of the latest one, and how many of each group.

    They stand in the order of their loss, so that the old ones are found at the front; a clock
    of ours that goes back breaks the order, and then all of them are looked at.
    """

    def __init__(self, window: timedelta, presence: Presence) -> None:
        self._window = window
        self._presence = presence
        self._newest: datetime | None = None
        self._is_ordered = True
        self.at: dict[StationId, datetime] = {}
        self.count_in: dict[str, int] = {}

    def add(self, station: StationId, at: datetime) -> None:
        """A station was lost; those that were lost long before it are forgotten."""
        self.drop(station)
        self.at[station] = at
        for group in self._presence.groups_of(station):
            self.count_in[group] = self.count_in.get(group, 0) + 1
        self._is_ordered = self._is_ordered and (self._newest is None or self._newest <= at)
        self._newest = at
        for old in list(self._before(at - self._window)):
            self.drop(old)

    def drop(self, station: StationId) -> None:
        """The station is back."""
        if self.at.pop(station, None) is not None:
            for group in self._presence.groups_of(station):
                self.count_in[group] -= 1
                if not self.count_in[group]:
                    del self.count_in[group]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.at)

    def _before(self, moment: datetime) -> Iterator[StationId]:
        if self._is_ordered:
            old = takewhile(lambda pair: pair[1] < moment, self.at.items())
            return (station for station, _ in old)
        return (station for station, at in self.at.items() if at < moment)


def _groups_of(site: Site) -> tuple[str, ...]:
    groups = (str(Place.of_site(site.id)), f"customer:{site.customer}", WHOLE_FLEET)
    return (*groups, str(Place.of_carrier(site.carrier))) if site.carrier else groups
