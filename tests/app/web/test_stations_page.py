"""The list of stations with a fleet of 1,800: parts of it, found and turned by plain links."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from time import perf_counter

import pytest

from app.messages import FleetView, GetFleet
from domain.beliefs import Link, StationBelief
from domain.events import Status
from domain.faults import Fault, Severity
from domain.places import CustomerId, Place, SiteId, StationId
from domain.registry import Customer, Registry, Segment, Site, Station

HTML = {"accept": "text/html"}
NOW = datetime(2026, 1, 5, 11, 0, tzinfo=UTC)
SITES, PER_SITE, BROKEN_COUNT = 450, 4, 250
BYTES_LIMIT = 500_000
SECONDS_LIMIT = 0.15


def big_registry() -> Registry:
    return Registry(
        customers=(Customer(id=CustomerId("c"), name="Many & Co", segment=Segment.FLEET),),
        sites=tuple(
            Site(
                id=SiteId(f"s{site}"),
                customer=CustomerId("c"),
                timezone="Europe/Berlin",
                name=f"Depot {site:03}",
                stations=tuple(
                    Station(id=StationId(f"S{site:03}-{number}"), evses=2, vendor="Alfen")
                    for number in range(PER_SITE)
                ),
            )
            for site in range(SITES)
        ),
    )


def fleet_of(registry: Registry) -> FleetView:
    names = sorted(registry.stations)
    return FleetView(
        at=NOW,
        stations=tuple(
            StationBelief(
                station=name,
                link=Link.UP,
                last_heard_at=NOW,
                status={1: Status.AVAILABLE, 2: Status.CHARGING},
            )
            for name in names
        ),
        faults=tuple(
            Fault(
                fingerprint=name,
                rule="connector-faulted",
                place=Place.of_station(name, 1),
                episode=1,
                severity=Severity.MAJOR,
                codes=("CX014",),
                seen_at=NOW,
                raised_at=NOW,
            )
            for name in names[::-1][:BROKEN_COUNT]
        ),
    )


@pytest.fixture
async def big(make_world):
    """A demo with 1,800 stations, 250 of them with a fault."""
    registry = big_registry()
    made = make_world(demo=True, registry=registry)
    made.core.answers[GetFleet] = fleet_of(registry)
    async with made.core_up(), made.app.router.lifespan_context(made.app):
        yield made


def names_on(page: str) -> list[str]:
    return re.findall(r'class="row-link" href="/console/stations/([^"?]+)"', page)


async def test_a_large_fleet_comes_in_parts_the_troubled_first(big) -> None:
    seen: list[str] = []
    address, pages = "/console/stations", 0
    async with big.client() as client:
        while address:
            page = (await client.get(address, headers=HTML)).text
            assert len(page) < BYTES_LIMIT
            assert f"{SITES * PER_SITE} of {SITES * PER_SITE}" in page
            seen += names_on(page)
            pages += 1
            turned = re.search(r'href="([^"]+)">Next</a>', page)
            address = turned.group(1).replace("&amp;", "&") if turned else ""
    everyone = sorted(big.core.answers[GetFleet].stations, key=lambda one: one.station)
    names = [one.station for one in everyone]
    assert seen == [*names[-BROKEN_COUNT:], *names[:-BROKEN_COUNT]]
    assert pages == 18


async def test_the_troubled_and_the_wanted_are_one_link_or_search_away(big) -> None:
    async with big.client() as client:
        troubled = (await client.get("/console/stations?state=faulted", headers=HTML)).text
        wanted = (await client.get("/console/stations?q=depot+017", headers=HTML)).text
    assert f"{BROKEN_COUNT} of {SITES * PER_SITE}" in troubled
    assert names_on(wanted) == [f"S017-{number}" for number in range(PER_SITE)]


async def test_a_page_of_a_large_fleet_is_there_at_once(big) -> None:
    async with big.client() as client:
        await client.get("/console/stations", headers=HTML)  # templates and fleet view
        took = []
        for _ in range(5):
            began = perf_counter()
            await client.get("/console/stations", headers=HTML)
            took.append(perf_counter() - began)
    assert min(took) < SECONDS_LIMIT, took
