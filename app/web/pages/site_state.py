"""What works at a site at this moment: counts of EVSEs, for agents and for customers. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from domain.beliefs import StationBelief, is_usable
from domain.registry import Site


class SiteState(msgspec.Struct, frozen=True):
    """EVSEs of a site: how many there are, are ready or charging, are not, are not visible."""

    total: int
    usable: int
    broken: int
    unseen: int


def site_state(site: Site, beliefs: Mapping[str, StationBelief]) -> SiteState:
    """Count a site's EVSEs. One we cannot see counts as unseen, never as broken."""
    total = usable = broken = unseen = 0
    for station in site.stations:
        belief = beliefs.get(station.id)
        for number in range(1, station.evses + 1):
            total += 1
            match None if belief is None else is_usable(belief, number):
                case True:
                    usable += 1
                case False:
                    broken += 1
                case None:
                    unseen += 1
    return SiteState(total=total, usable=usable, broken=broken, unseen=unseen)
