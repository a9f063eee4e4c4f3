"""Invents a fleet with the unevenness of real ones: a few large depots, many single boxes.

Sizes follow a parameter sheet drawn from published figures (stations per site at workplaces:
Asensio et al., Scientific Data 2021; sockets per public post: Source London 2014) and marked
assumptions. The same seed gives the same fleet.
"""

from __future__ import annotations

import math
from random import Random

from simulator.fleet_file import write_fleet_yaml
from simulator.owners import Estate, settle
from simulator.plan import FleetPlan, Link, Segment, SitePlan, StationPlan
from simulator.traits import LINK_SHARES, later_protocol_of, link_of, stream, traits_of
from simulator.vendors import VENDORS, Model, Vendor, model_named

__all__ = ["make_fleet", "write_fleet_yaml"]

_SITE_SHARES = {
    Segment.PRIVATE: 200,
    Segment.COMPANY: 190,
    Segment.FLEET: 50,
    Segment.PUBLIC: 60,
}
_WORKPLACE_SIZES = (*(1,) * 4, *(2,) * 6, *(3,) * 3, *(4,) * 5, *(6,) * 3, 8, 8, 12, 14)
"""Stations at each of 25 workplaces (Asensio et al. 2021)."""
_VENDOR_EXPONENT = 0.8
_CARRIERS = ("telco-a", "telco-b", "telco-c")
_GATEWAY_SHARES = {Segment.COMPANY: 0.5, Segment.FLEET: 0.8, Segment.PUBLIC: 0.3}
_GATEWAY_FROM = 3
_VOLTS = 230.0
_LETTERS = {
    Segment.PRIVATE: "H",
    Segment.COMPANY: "C",
    Segment.FLEET: "D",
    Segment.PUBLIC: "P",
}


def make_fleet(sites: int, seed: int, stations_per_site: int | None = None) -> FleetPlan:
    """Invent a fleet of so many sites; 500 of them have about 1,800 stations.

    `stations_per_site` gives every site that many stations instead of a draw.
    """
    estates = settle(_segments(sites), seed)
    plans = tuple(
        _site(seed, number, estate, stations_per_site)
        for number, estate in enumerate(estates.sites)
    )
    return FleetPlan(seed=seed, customers=estates.customers, sites=plans)


def _segments(sites: int) -> list[Segment]:
    """Share the sites out by largest remainder, in a fixed order, mixed evenly."""
    whole = sum(_SITE_SHARES.values())
    exact = {segment: sites * share / whole for segment, share in _SITE_SHARES.items()}
    counts = {segment: int(wish) for segment, wish in exact.items()}
    by_remainder = sorted(exact, key=lambda segment: counts[segment] - exact[segment])
    for segment in by_remainder[: sites - sum(counts.values())]:
        counts[segment] += 1
    return [segment for segment in Segment for _ in range(counts[segment])]


def _site(seed: int, number: int, estate: Estate, stations: int | None) -> SitePlan:
    segment = estate.segment
    id_ = f"{_LETTERS[segment].lower()}{number + 1:03d}"
    dice = stream(seed, id_, "site")
    carrier = dice.choice(_CARRIERS) if dice.random() < LINK_SHARES[segment][Link.LTE] else ""
    link = link_of(seed, id_, segment, carrier)
    models = _models(dice, segment, stations)
    vendors = _site_vendors(dice)
    plans = tuple(
        _station(seed, f"{id_.upper()}-{index + 1:02d}", segment, link, is_dc, vendors)
        for index, is_dc in enumerate(models)
    )
    has_gateway = len(plans) >= _GATEWAY_FROM and dice.random() < _GATEWAY_SHARES.get(
        segment, 0.0
    )
    return SitePlan(
        id=id_,
        customer=estate.customer,
        segment=segment,
        timezone=estate.area.timezone,
        link=link,
        stations=plans,
        name=estate.name,
        address=estate.address,
        country=estate.area.country,
        region=estate.area.region,
        latitude=round(estate.area.latitude + dice.uniform(-0.4, 0.4), 4),
        longitude=round(estate.area.longitude + dice.uniform(-0.4, 0.4), 4),
        opening_hours=_opening_hours(dice, segment),
        carrier=carrier,
        gateway=f"gw-{id_}" if has_gateway else "",
        fuse_limit_a=_fuse(segment, plans),
    )


def _models(dice: Random, segment: Segment, fixed: int | None) -> list[bool]:
    """Draw the stations of a site: for each, whether it is a DC one."""
    count = fixed or _station_count(dice, segment)
    if segment is Segment.FLEET:
        return [dice.random() < 0.10 for _ in range(count)]
    stations = [False] * count
    if segment is Segment.PUBLIC and fixed is None and dice.random() < 0.20:
        stations += [True] * dice.randint(1, 4)
    return stations


def _station_count(dice: Random, segment: Segment) -> int:
    match segment:
        case Segment.PRIVATE:
            return 2 if dice.random() < 0.05 else 1
        case Segment.COMPANY:
            return dice.choice(_WORKPLACE_SIZES)
        case Segment.FLEET:
            return min(60, max(4, round(math.exp(dice.gauss(math.log(10.0), 0.7)))))
        case Segment.PUBLIC:
            count = 1
            while count < 10 and dice.random() < 0.5:
                count += 1
            return count


def _site_vendors(dice: Random) -> list[Vendor]:
    """A site holds the AC stations of one vendor (80 %) or of two."""
    makers = [v for v in VENDORS if any(not model.is_dc for model in v.models)]
    weights = [1 / (rank + 1) ** _VENDOR_EXPONENT for rank in range(len(makers))]
    return dice.choices(makers, weights, k=1 if dice.random() < 0.8 else 2)


def _station(
    seed: int, id_: str, segment: Segment, link: Link, is_dc: bool, vendors: list[Vendor]
) -> StationPlan:
    dice = stream(seed, id_, "station")
    if is_dc:
        vendors = [v for v in VENDORS if any(model.is_dc for model in v.models)]
    vendor = dice.choice(vendors)
    model = dice.choice([model for model in vendor.models if model.is_dc == is_dc])
    return StationPlan(
        id=id_,
        evses=1 if is_dc else _evses(dice, segment),
        vendor=vendor.name,
        model=model.name,
        traits=traits_of(seed, id_, segment, vendor, link),
        later_protocol=later_protocol_of(seed, id_, segment),
    )


def _evses(dice: Random, segment: Segment) -> int:
    two_share = {
        Segment.PRIVATE: 0.0,
        Segment.COMPANY: 0.4,
        Segment.FLEET: 0.5,
        Segment.PUBLIC: 0.8,
    }[segment]
    return 2 if dice.random() < two_share else 1


def _opening_hours(dice: Random, segment: Segment) -> str:
    match segment:
        case Segment.COMPANY:
            return dice.choice(
                ("Mo-Fr 06:00-20:00", "Mo-Fr 07:00-19:00", "Mo-Fr 05:30-22:00; Sa 07:00-14:00")
            )
        case Segment.FLEET:
            return dice.choice(("Mo-Su 00:00-24:00", "Mo-Sa 04:00-23:00"))
        case Segment.PRIVATE | Segment.PUBLIC:
            return ""


def _fuse(segment: Segment, stations: tuple[StationPlan, ...]) -> int | None:
    """A company's or depot's fuse carries 40 % of what all EVSEs could draw at once."""
    if segment not in (Segment.COMPANY, Segment.FLEET):
        return None
    power_kw = sum(_model_of(plan).power_kw * plan.evses for plan in stations)
    ampere = 0.4 * power_kw * 1000 / (3 * _VOLTS)
    return max(35, 5 * math.ceil(ampere / 5))


def _model_of(plan: StationPlan) -> Model:
    vendor = next(vendor for vendor in VENDORS if vendor.name == plan.vendor)
    return model_named(vendor, plan.model)
