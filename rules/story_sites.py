"""The sites of a story: from a map of YAML to a registry. Pure.

`sites: {S: {A: 2}}` is a site S with a station A of two EVSEs. Where more has to be said, a
site has `stations` and keys of the fleet file, and so has a station.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.places import CustomerId, SiteId, StationId
from domain.registry import Customer, Registry, Segment, Site, Station
from rules.story_steps import CUSTOMER, StoryError

_SITE_KEYS = {
    *("stations", "customer", "segment", "timezone", "country", "region"),
    *("opening_hours", "carrier", "gateway", "fuse_limit_a"),
}
_STATION_KEYS = {"evses", "vendor", "model", "protocol"}


def registry_of(sites: Mapping[str, Any]) -> Registry:
    """Return the registry of a story's sites. Raises `StoryError`."""
    customers: dict[CustomerId, Customer] = {}
    found: list[Site] = []
    for name, raw in sites.items():
        site = _described(raw)
        customer = CustomerId(str(site.get("customer", CUSTOMER)))
        if site.get("segment", "company") not in tuple(Segment):
            raise StoryError(f"segment: one of {', '.join(Segment)}")
        segment = Segment(site.get("segment", "company"))
        customers[customer] = Customer(id=customer, name="Customer", segment=segment)
        limit = site.get("fuse_limit_a")
        found.append(
            Site(
                id=SiteId(name),
                customer=customer,
                timezone=str(site.get("timezone", "Europe/Berlin")),
                country=str(site.get("country", "")),
                region=str(site.get("region", "")),
                opening_hours=str(site.get("opening_hours", "")),
                carrier=str(site.get("carrier", "")),
                gateway=str(site.get("gateway", "")),
                fuse_limit_a=None if limit is None else float(limit),
                stations=tuple(_station(*one) for one in site["stations"].items()),
            )
        )
    return Registry(tuple(customers.values()), tuple(found))


def _described(raw: object) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise StoryError("sites: a map of stations and their EVSEs for each site")
    if "stations" not in raw:
        return {"stations": raw}
    if not set(raw) <= _SITE_KEYS or not isinstance(raw["stations"], Mapping):
        raise StoryError(f"a site is a map with keys of: {', '.join(sorted(_SITE_KEYS))}")
    return raw


def _station(name: str, raw: object) -> Station:
    said: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {"evses": raw}
    if not set(said) <= _STATION_KEYS or not isinstance(said.get("evses", 1), int):
        raise StoryError(
            f"a station is its number of EVSEs, or a map of {', '.join(sorted(_STATION_KEYS))}"
        )
    return Station(
        id=StationId(name),
        evses=said.get("evses", 1),
        vendor=str(said.get("vendor", "")),
        model=str(said.get("model", "")),
        protocol=str(said.get("protocol", "ocpp")),
    )
