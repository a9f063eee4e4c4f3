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


# Taken out once: naming a member costs CPython 3.11 as much as ten comparisons.
_EVSE, _STATION, _FLEET = PlaceKind.EVSE, PlaceKind.STATION, PlaceKind.FLEET


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
            return cls(_EVSE, station, evse)
        return cls(_STATION, station)

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
        kind = self.kind
        # Members are single objects, and a NewType is called to no effect.
        return self.name if kind is _EVSE or kind is _STATION else None  # type: ignore[return-value]

    def __str__(self) -> str:
        """Write the place as the contracts do: `S`, `S/1`, `site:X`, `carrier:X`, `fleet`."""
        kind = self.kind
        if kind is _EVSE:
            return f"{self.name}/{self.evse}"
        if kind is _STATION:
            return self.name
        return "fleet" if kind is _FLEET else f"{kind}:{self.name}"


FLEET = Place(_FLEET)
