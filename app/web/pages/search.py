"""Finding a customer, site or station by a few letters. Pure."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from domain.registry import Registry

FOUND_LIMIT = 20


class FoundPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that fits, and the address of its call form."""

    kind: str  # "Customer" | "Site" | "Station"
    name: str
    detail: str
    address: str


def find_places(registry: Registry, wanted: str) -> list[FoundPlace]:
    """Return customers, then sites, then stations in whose words all wanted words occur."""
    words = wanted.casefold().split()
    if not words:
        return []

    def fits(*texts: str) -> bool:
        whole = " ".join(texts).casefold()
        return all(word in whole for word in words)

    found = [
        FoundPlace(
            kind="Customer",
            name=customer.name,
            detail=customer.id,
            address=_address(customer=customer.id),
        )
        for customer in registry.customers.values()
        if fits(customer.name, customer.id)
    ]
    for site in registry.sites.values():
        owner = registry.customers[site.customer].name
        if fits(site.title, site.id, site.address, owner):
            found.append(
                FoundPlace(
                    kind="Site",
                    name=site.title,
                    detail=", ".join(part for part in (owner, site.address) if part),
                    address=_address(site=site.id),
                )
            )
        found += [
            FoundPlace(
                kind="Station",
                name=station.id,
                detail=f"{site.title}, {owner}",
                address=_address(station=station.id),
            )
            for station in site.stations
            if fits(station.id, site.title, owner)
        ]
    order = {"Customer": 0, "Site": 1, "Station": 2}
    found.sort(key=lambda place: (order[place.kind], place.name))
    return found[:FOUND_LIMIT]


def _address(**words: str) -> str:
    return f"/console/contacts/new?{urlencode(words)}"
