"""What the desk may ask about a site at the moment it writes, answered from the beliefs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.beliefs import StationBelief, is_usable
from domain.places import Place, SiteId
from domain.registry import Registry
from rules.engine import Engine
from rules.surroundings import BEHIND_GATEWAY


class BelievedSites:
    """`ticketing.view.SiteView` over the engine's beliefs and active faults."""

    def __init__(self, registry: Registry, engine: Engine) -> None:
        self._registry = registry
        self._engine = engine

    def points_at(self, site: SiteId) -> Mapping[Place, bool | None]:
        """Return for every EVSE whether it is ready or charging; None: not visible."""
        registered = self._registry.sites.get(site)
        if registered is None:
            return {}
        faulty = {fault.place for fault in self._engine.active_faults()}
        points: dict[Place, bool | None] = {}
        fleet = self._engine.fleet
        is_gateway_lost = fleet.gateways.get(site) is False
        for station in registered.stations:
            is_hidden = is_gateway_lost and station.protocol == BEHIND_GATEWAY
            belief = None if is_hidden else fleet.stations.get(station.id)
            whole = Place.of_station(station.id)
            for evse in range(1, station.evses + 1):
                place = Place.of_station(station.id, evse)
                points[place] = (
                    None
                    if belief is None
                    else _is_working(
                        belief, evse, is_faulty=not faulty.isdisjoint((whole, place))
                    )
                )
        return points

    def charged_at(self, place: Place, after: datetime) -> datetime | None:
        """Return when a transaction with energy last ended at the place since a moment."""
        station = place.station
        belief = self._engine.fleet.stations.get(station) if station else None
        if belief is None:
            return None
        moments = [
            at
            for evse, at in belief.charged_at.items()
            if at > after and place.evse in (0, evse)
        ]
        return max(moments, default=None)


def _is_working(belief: StationBelief, evse: int, *, is_faulty: bool) -> bool | None:
    usable = is_usable(belief, evse)
    return usable and not is_faulty
