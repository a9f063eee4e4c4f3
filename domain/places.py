"""Places: where a fact applies, from one EVSE to the whole fleet. No rules, no I/O."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

import msgspec

StationId = NewType("StationId", str)
SiteId = NewType("SiteId", str)
CustomerId = NewType("CustomerId", str)
TicketId = NewType("TicketId", str)


class PlaceKind(StrEnum):
    """How wide a place is."""

    EVSE = "evse"
    STATION = "station"
    SITE = "site"
    CARRIER = "carrier"
    FLEET = "fleet"


class Place(msgspec.Struct, frozen=True, cache_hash=True, order=True, gc=False):
    """A station, one EVSE of it, a site, a carrier, or the whole fleet.

    `name` is the id of the station, site or carrier ("" for the fleet); `evse` counts from 1
    and is 0 for everything else. OCPP 1.6 connector n is EVSE n, connector 0 the station.
    """

    kind: PlaceKind
    name: str = ""
    evse: int = 0

    @classmethod
    def of_station(cls, station: StationId, evse: int = 0) -> Place:
        """Return the station, or its EVSE where `evse` is 1 or more."""
        if evse > 0:
            return cls(PlaceKind.EVSE, station, evse)
        return cls(PlaceKind.STATION, station)

    @classmethod
    def of_site(cls, site: SiteId) -> Place:
        """Return the place of a whole site."""
        return cls(PlaceKind.SITE, site)

    @classmethod
    def of_carrier(cls, name: str) -> Place:
        """Return the place of a carrier: what all sites that use it share."""
        return cls(PlaceKind.CARRIER, name)

    @property
    def station(self) -> StationId | None:
        """The station this place is or belongs to; None for anything wider."""
        if self.kind in (PlaceKind.EVSE, PlaceKind.STATION):
            return StationId(self.name)
        return None

    def __str__(self) -> str:
        """Write the place as the contracts do: `S`, `S/1`, `site:X`, `carrier:X`, `fleet`."""
        match self.kind:
            case PlaceKind.STATION:
                return self.name
            case PlaceKind.EVSE:
                return f"{self.name}/{self.evse}"
            case PlaceKind.FLEET:
                return "fleet"
            case _:
                return f"{self.kind}:{self.name}"


FLEET = Place(PlaceKind.FLEET)
