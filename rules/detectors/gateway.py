"""The detectors of a lost site controller, and of our own broker.

A controller that said it is there and then went (its last will, or its own word) is lost; one
that was never heard of, or only ever said that it is away, is none. What it would have brought
is not known until it is back: the dwells of the stations behind it stand still, and their
silence is its own. Stations of the site with a link of their own are not concerned; where they
are dark as well, the dark site leads.

Where our own connection to the broker is gone, that is us: no controller becomes lost, or comes
back, while it lasts. Controllers leave their status and their last will with the broker, which
tells them again at once; those that lost the broker as well get `BROKER_GUARD` to return.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.events import (
    BrokerFound,
    BrokerLost,
    GatewayOffline,
    GatewayOnline,
    ServiceStarted,
    ServiceStopped,
)
from domain.faults import ClearedBy
from domain.places import FLEET, Place, SiteId, StationId
from rules.catalogue import WIDER, Detector
from rules.detectors.handlers import Handlers
from rules.detectors.links import RESTART_GUARD
from rules.sighting import Sighting
from rules.surroundings import BEHIND_GATEWAY
from rules.workplace import Workplace

BROKER_GUARD = timedelta(minutes=5)
"""Site controllers redial a broker that is back within this time (their usual wait between
attempts is a minute or two)."""


class Gateways:
    """Site controllers that were there and are not, and the broker between them and us."""

    def __init__(self, work: Workplace) -> None:
        self._registry = work.registry
        self._ledger = work.ledger
        self._known = work.state.outages.gateways
        self._lost = work.catalogue.one(Detector.GATEWAY_LOST)
        self._broker = work.catalogue.one(Detector.BROKER_LOST)
        self._narrow = [r for r in work.catalogue.rules.values() if r.detector not in WIDER]

    @property
    def handlers(self) -> Handlers:
        """The events these detectors listen to."""
        return {
            GatewayOnline: self.on_online,
            GatewayOffline: self.on_offline,
            BrokerLost: self.on_broker_lost,
            BrokerFound: self.on_broker_found,
            ServiceStopped: self.on_interrupted,
            ServiceStarted: self.on_started,
        }

    def on_online(self, event: GatewayOnline) -> None:
        """A controller is there: what it tells counts from now on."""
        if event.site not in self._registry.sites:
            return
        self._known[event.site] = True
        at = event.observed_at
        if self._lost is not None:
            place, by = Place.of_site(event.site), ClearedBy.REPORTED
            self._ledger.end(self._lost, place, at, event.position, by=by)
        for station in self._behind(event.site):
            self._ledger.resume(station, at, self._narrow)

    def on_offline(self, event: GatewayOffline) -> None:
        """A controller went, with everything behind it."""
        if self._lost is None or event.site not in self._known:
            return
        at, behind = event.observed_at, self._behind(event.site)
        for station in behind:
            self._ledger.suspend(station, at, self._narrow)
        site = self._registry.sites.get(event.site)
        named = site.gateway if site is not None and site.gateway else "the controller"
        sighting = Sighting(
            at=at,
            since=at,
            codes=(self._lost.code,),
            position=event.position,
            stations=tuple(sorted(behind)),
            why=f"{named} is offline; {len(behind)} stations are behind it",
        )
        self._ledger.see(self._lost, Place.of_site(event.site), sighting)

    def on_broker_lost(self, event: BrokerLost) -> None:
        """Our own way to all controllers is gone."""
        self._hold()
        if self._broker is not None:
            at = event.observed_at
            sighting = Sighting(
                at=at,
                since=at,
                codes=(self._broker.code,),
                position=event.position,
                why=": ".join(
                    part for part in ("our connection is gone", event.because) if part
                ),
            )
            self._ledger.see(self._broker, FLEET, sighting)

    def on_broker_found(self, event: BrokerFound) -> None:
        """Our own way to all controllers is back."""
        at = event.observed_at
        if self._broker is not None:
            self._ledger.end(self._broker, FLEET, at, event.position, by=ClearedBy.EVIDENCE)
        self._release(at + BROKER_GUARD)

    def on_interrupted(self, event: ServiceStopped) -> None:
        """While we are down no controller becomes lost."""
        self._hold()

    def on_started(self, event: ServiceStarted) -> None:
        """We are back: controllers get the time that stations get."""
        self._release(event.observed_at + RESTART_GUARD)

    def _hold(self) -> None:
        if self._lost is not None:
            self._ledger.hold((self._lost,))

    def _release(self, earliest: datetime) -> None:
        if self._lost is not None:
            self._ledger.release((self._lost,), earliest)

    def _behind(self, site: SiteId) -> list[StationId]:
        found = self._registry.sites.get(site)
        stations = found.stations if found is not None else ()
        return [station.id for station in stations if station.protocol == BEHIND_GATEWAY]
