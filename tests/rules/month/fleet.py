"""Sixty sites of the parameter sheet (fleet statistics 2.1): who is there, and how used.

Every draw has a named stream of its own, so that changing one process leaves the others alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from domain.places import CustomerId, Place, SiteId, StationId
from domain.registry import Customer, Registry, Segment, Site, Station

SITES = {"private": 22, "company": 22, "depot": 7, "public": 9}
"""About the shares of 2.1: 40, 38, 10 and 12 per cent; a little more public for its noise."""

_STATIONS_AT_WORK = (1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 6, 6, 6, 8, 8, 12)


class Use(StrEnum):
    """What kind of place an EVSE is, as 2.2 has them."""

    PRIVATE = "private"
    COMPANY = "company"
    DEPOT = "depot"
    PUBLIC_AC = "public AC"
    PUBLIC_DC = "public DC"


RATES = {Use.PRIVATE: 0.45, Use.COMPANY: 0.65, Use.DEPOT: 0.95, Use.PUBLIC_AC: 0.7}
RATES[Use.PUBLIC_DC] = 5.0
_SPREAD = {Use.PRIVATE: 0.5, Use.COMPANY: 0.6, Use.DEPOT: 0.2, Use.PUBLIC_AC: 0.7}


@dataclass(frozen=True)
class Body:
    """One station: its traits for the whole run."""

    id: StationId
    site: SiteId
    use: Use
    evses: int
    is_2x: bool
    link: str  # wifi | lte | ethernet
    clock_s: float
    meter_s: int
    power_w: float
    model: str
    is_nightly: bool  # restarts every night at ten past four
    drops: float  # frailty of its link
    rates: tuple[float, ...] = ()  # plug-ins a day, per EVSE

    def place(self, evse: int) -> Place:
        """Return one of its EVSEs."""
        return Place.of_station(self.id, evse)


@dataclass
class Town:
    """The sites, and what is true of each for the whole run."""

    registry: Registry
    bodies: list[Body] = field(default_factory=list)
    managed: set[SiteId] = field(default_factory=set)  # with load management
    closed: dict[SiteId, tuple[int, int]] = field(default_factory=dict)  # days away


def build(seed: int, days: int) -> Town:
    """Return the town of a seed."""
    sites: list[Site] = []
    town = Town(Registry())
    for kind, count in SITES.items():
        for number in range(count):
            draw = Random(f"{seed}:site:{kind}:{number}")
            sites.append(_site(town, kind, number, draw, days))
    customers = tuple(
        Customer(id=CustomerId(kind), name=kind, segment=segment)
        for kind, segment in (
            ("private", Segment.PRIVATE),
            ("company", Segment.COMPANY),
            ("depot", Segment.FLEET),
            ("public", Segment.COMPANY),
        )
    )
    town.registry = Registry(customers, tuple(sites))
    return town


def _site(town: Town, kind: str, number: int, draw: Random, days: int) -> Site:
    name = SiteId(f"{kind}-{number}")
    bodies = [_body(name, kind, index, draw) for index in range(_stations(kind, draw))]
    if kind == "public" and draw.random() < 0.35:
        bodies += [_body(name, "dc", 90 + i, draw) for i in range(draw.randint(1, 3))]
    town.bodies += bodies
    if kind in ("company", "depot") and len(bodies) >= 3 and draw.random() < 0.6:
        town.managed.add(name)
    away = {"company": 0.1, "private": 0.2}.get(kind, 0.0)
    if draw.random() < away:
        length = 14 if kind == "company" else draw.randint(5, 14)
        town.closed[name] = (days - 18, days - 18 + length)
    amperes = sum(body.evses * body.power_w / 690 for body in bodies)
    return Site(
        id=name,
        customer=CustomerId(kind),
        timezone="Europe/Berlin",
        country="DE",
        fuse_limit_a=max(amperes * 0.9, 20.0) if kind in ("company", "depot") else None,
        carrier=draw.choice(["telco-a", "telco-b"]),
        stations=tuple(Station(id=body.id, evses=body.evses) for body in bodies),
    )


def _stations(kind: str, draw: Random) -> int:
    match kind:
        case "private":
            return 1 + (draw.random() < 0.05)
        case "company":
            return draw.choice(_STATIONS_AT_WORK)
        case "depot":
            return max(4, min(20, round(draw.lognormvariate(math.log(9), 0.6))))
        case _:
            return 1 + min(int(draw.expovariate(1.0)), 5)


def _body(site: SiteId, kind: str, index: int, draw: Random) -> Body:
    uses = {"private": Use.PRIVATE, "company": Use.COMPANY, "depot": Use.DEPOT}
    use = uses.get(kind, Use.PUBLIC_DC if kind == "dc" else Use.PUBLIC_AC)
    evses = 1 if use in (Use.PRIVATE, Use.PUBLIC_DC) else 1 + (draw.random() < 0.5)
    spread = _SPREAD.get(use, 0.5)
    clock = draw.random()
    offset = 7200.0 if clock < 0.01 else draw.uniform(-280, 280) if clock < 0.06 else 0.0
    return Body(
        id=StationId(f"{site}-{index}"),
        site=site,
        use=use,
        evses=evses,
        is_2x=draw.random() < 0.15,
        link=draw.choice(["wifi", "lte", "lte", "ethernet"]),
        clock_s=offset,
        meter_s=draw.choice([60, 300, 300, 600]),
        power_w=draw.choice([50_000.0, 150_000.0]) if use is Use.PUBLIC_DC else 11_000.0,
        model=draw.choice(["M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8"]),
        is_nightly=draw.random() < 0.05,
        drops=min(draw.gammavariate(0.45, 1 / 0.45), 6.0),
        rates=tuple(
            RATES[use] * draw.lognormvariate(-spread * spread / 2, spread) for _ in range(evses)
        ),
    )
