"""The detector of a dark site: stations of one site that lose their links together."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.beliefs import Link
from domain.events import Connected, Disconnected, ServiceStarted, ServiceStopped
from domain.places import Place, SiteId, StationId
from domain.registry import Site
from rules.catalogue import Detector, Rule
from rules.detectors.handlers import Handlers
from rules.detectors.links import RESTART_GUARD
from rules.parameters import CountedParameters
from rules.sighting import Sighting
from rules.state import SiteWatch
from rules.workplace import Workplace

PARTIAL_HOLD = timedelta(minutes=30)
"""An outage that ends in part and starts again within 30 minutes is one."""


class DarkSites:
    """A site is dark when at least `count` stations, and at least half of those connected, were
    lost within `window` of each other. It ends when fewer than half of them are still away.
    """

    def __init__(self, work: Workplace) -> None:
        state, ledger = work.state, work.ledger
        self._rule = work.catalogue.one(Detector.SITE_DARK)
        limit = self._rule.set_for(CountedParameters) if self._rule else None
        self._limit = limit or CountedParameters()
        self._registry = work.registry
        self._state = state
        self._ledger = ledger
        # Whether it is still dark after a restart is looked at before its fault could clear.
        ledger.on_wake("site", self._look_after_restart, rank=1)
        if self._rule is not None:
            ledger.when_cleared(self._rule, self._forget)

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        if self._rule is None:
            return {}
        return {
            Disconnected: self.on_disconnected,
            Connected: self.on_connected,
            ServiceStopped: self.on_interrupted,
            ServiceStarted: self.on_started,
        }

    def on_disconnected(self, event: Disconnected) -> None:
        """Count who went with it."""
        site = self._registry.site_of(event.station)
        belief = self._state.fleet.belief(event.station)
        if self._rule is None or site is None or len(site.stations) < self._limit.count:
            return
        if belief.link is not Link.LOST or belief.lost_at != event.observed_at:
            return
        watch = self._state.sites.get(site.id)
        if watch is not None and self._is_still_dark(watch, event.station):
            self._see(self._rule, site, event.observed_at, event.observed_at)
            return
        together = self._lost_since(site, event.observed_at - self._limit.window)
        connected = len(together) + self._count_up(site)
        if len(together) >= self._limit.count and 2 * len(together) >= connected:
            watch = watch or SiteWatch()
            watch.members = sorted({*watch.members, *together})
            self._state.sites[site.id] = watch
            since = min(together.values())
            self._see(self._rule, site, event.observed_at, since, event.position)

    def on_connected(self, event: Connected) -> None:
        """See whether the outage is over, wholly or in part."""
        site = self._registry.site_of(event.station)
        watch = self._state.sites.get(site.id) if site else None
        if self._rule is None or site is None or watch is None:
            return
        away = self._away(watch)
        place = Place.of_site(site.id)
        track = self._ledger.find(self._rule, place)
        if track is None or track.raised_at is None:
            if len(away) < self._limit.count or 2 * len(away) < len(watch.members):
                self._ledger.end(self._rule, place, event.observed_at, event.position)
                del self._state.sites[site.id]
            return
        if not away:
            self._ledger.end(self._rule, place, event.observed_at, event.position)
            self._hold_clearing(site, event.observed_at + self._rule.clear_after)
        elif track.is_present and (
            len(away) < self._limit.count or 2 * len(away) < len(watch.members)
        ):
            self._ledger.end(self._rule, place, event.observed_at, event.position)
            self._hold_clearing(site, event.observed_at + PARTIAL_HOLD)

    def on_interrupted(self, event: ServiceStopped) -> None:
        """Our own outage begins: no site becomes dark, or light again, while it lasts."""
        self._ledger.forget_wakes("site")
        if self._rule is not None:
            self._ledger.hold((self._rule,))

    def on_started(self, event: ServiceStarted) -> None:
        """Look again once the stations had time to return to us."""
        if self._rule is None:
            return
        due_at = event.observed_at + RESTART_GUARD
        self._ledger.release((self._rule,), due_at)
        for site in self._registry.sites.values():
            if len(self._unknown(site)) >= self._limit.count:
                self._ledger.wake(due_at, "site", site.id)

    def _forget(self, place: Place) -> None:
        """The fault has cleared: its members are no longer one group."""
        self._state.sites.pop(SiteId(place.name), None)

    def _look_after_restart(self, at: datetime, key: str) -> None:
        site = self._registry.sites.get(SiteId(key))
        if site is None or self._rule is None:
            return
        unknown = self._unknown(site)
        if len(unknown) < self._limit.count or len(unknown) < self._count_up(site):
            return
        watch = self._state.sites.setdefault(site.id, SiteWatch())
        watch.members = sorted({*watch.members, *unknown})
        self._see(self._rule, site, at, min(unknown.values()))

    def _see(
        self, rule: Rule, site: Site, at: datetime, since: datetime, position: int = 0
    ) -> None:
        self._ledger.see(
            rule,
            Place.of_site(site.id),
            Sighting(
                at=at,
                since=since,
                codes=(rule.code,),
                position=position,
                stations=tuple(self._state.sites[site.id].members),
            ),
        )

    def _is_still_dark(self, watch: SiteWatch, station: StationId) -> bool:
        """Whether the group is (again) mostly away now; a late joiner attaches."""
        away = {*self._away(watch), station}
        members = {*watch.members, station}
        if len(away) < self._limit.count or 2 * len(away) < len(members):
            return False
        watch.members = sorted(members)
        return True

    def _hold_clearing(self, site: Site, due_at: datetime) -> None:
        if self._rule is not None:
            track = self._ledger.find(self._rule, Place.of_site(site.id))
            if track is not None and not track.is_present:
                self._ledger.postpone(track, due_at)

    def _away(self, watch: SiteWatch) -> list[StationId]:
        beliefs = self._state.fleet.stations
        return [
            station
            for station in watch.members
            if station in beliefs and beliefs[station].link is not Link.UP
        ]

    def _lost_since(self, site: Site, moment: datetime) -> dict[StationId, datetime]:
        lost = self._by_link(site, Link.LOST)
        return {station: at for station, at in lost.items() if at >= moment}

    def _unknown(self, site: Site) -> dict[StationId, datetime]:
        return self._by_link(site, Link.UNKNOWN)

    def _by_link(self, site: Site, link: Link) -> dict[StationId, datetime]:
        """The site's stations whose link is in that state, and when each was lost."""
        beliefs = [self._state.fleet.stations.get(station.id) for station in site.stations]
        return {
            belief.station: belief.lost_at
            for belief in beliefs
            if belief is not None and belief.link is link and belief.lost_at is not None
        }

    def _count_up(self, site: Site) -> int:
        beliefs = self._state.fleet.stations
        return sum(
            1
            for station in site.stations
            if station.id in beliefs and beliefs[station.id].link is Link.UP
        )
