"""Draws what makes stations differ: heartbeats, meters, clocks, links.

Every draw takes a seeded stream of its own, named after the place, so that the same station has
the same traits whether its fleet was invented here or read from a file, and a change of one
process leaves the others alone. Shares are assumptions calibrated on published figures.
"""

from __future__ import annotations

import math
from random import Random

from simulator.plan import Link, Segment, Traits
from simulator.vendors import Vendor

_HEARTBEATS_S = (60, 300, 900, 1800, 3600, 14400, 86400)
_HEARTBEAT_SHARES = (0.10, 0.45, 0.20, 0.10, 0.08, 0.05, 0.02)
_NEVER_HEARTBEAT_SHARE = 0.06
_METERS_S = (10, 30, 60, 300, 900)
_METER_SHARES = (0.03, 0.12, 0.45, 0.20, 0.20)

_DROPS_PER_MONTH = {Link.WIFI: 12.0, Link.LTE: 6.0, Link.ETHERNET: 1.5}
_DROPS_SHAPE = 0.45
"""Gamma shape: the worst tenth of the stations makes 57 % of all drops."""

LINK_SHARES: dict[Segment, dict[Link, float]] = {
    Segment.PRIVATE: {Link.WIFI: 0.70, Link.LTE: 0.10, Link.ETHERNET: 0.20},
    Segment.COMPANY: {Link.WIFI: 0.15, Link.LTE: 0.40, Link.ETHERNET: 0.45},
    Segment.FLEET: {Link.WIFI: 0.05, Link.LTE: 0.35, Link.ETHERNET: 0.60},
    Segment.PUBLIC: {Link.WIFI: 0.02, Link.LTE: 0.78, Link.ETHERNET: 0.20},
}
"""Share of each kind of link by kind of site."""

PROTOCOL_SHARES: dict[Segment, dict[str, float]] = {
    Segment.PRIVATE: {"ocpp1.6": 0.70, "ocpp2.0.1": 0.05, "mqtt": 0.25},
    Segment.COMPANY: {"ocpp1.6": 0.86, "ocpp2.0.1": 0.12, "ocpp2.1": 0.01, "mqtt": 0.01},
    Segment.FLEET: {"ocpp1.6": 0.78, "ocpp2.0.1": 0.20, "ocpp2.1": 0.02},
    Segment.PUBLIC: {"ocpp1.6": 0.85, "ocpp2.0.1": 0.15},
}
"""Share of each protocol by kind of site, for the day the simulator speaks them all."""


def stream(seed: int, *names: str) -> Random:
    """Return the random stream of one named process at one place."""
    return Random("/".join((str(seed), *names)))


def link_of(seed: int, site: str, segment: Segment, carrier: str) -> Link:
    """Return how a site is linked: a site with a carrier by LTE, others by their draw."""
    if carrier:
        return Link.LTE
    shares = LINK_SHARES[segment]
    wifi_share = shares[Link.WIFI] / (shares[Link.WIFI] + shares[Link.ETHERNET])
    is_wifi = stream(seed, site, "link").random() < wifi_share
    return Link.WIFI if is_wifi else Link.ETHERNET


def later_protocol_of(seed: int, station: str, segment: Segment) -> str:
    """Return the protocol a station would speak in the full mix."""
    shares = PROTOCOL_SHARES[segment]
    return stream(seed, station, "protocol").choices(list(shares), list(shares.values()))[0]


def traits_of(seed: int, station: str, segment: Segment, vendor: Vendor, link: Link) -> Traits:
    """Draw the traits of one station."""
    dice = stream(seed, station, "traits")
    heartbeat_s: float | None = dice.choices(_HEARTBEATS_S, _HEARTBEAT_SHARES)[0]
    if dice.random() < _NEVER_HEARTBEAT_SHARE:
        heartbeat_s = None
    return Traits(
        firmware=dice.choice(vendor.firmwares),
        serial=f"{dice.randrange(10**8):08d}",
        heartbeat_s=heartbeat_s,
        obeys_boot_interval=dice.random() < 0.7,
        spares_heartbeats=dice.random() < 1 / 3,
        meter_s=dice.choices(_METERS_S, _METER_SHARES)[0],
        meters_idle=dice.random() < 0.5,
        boots_on_return=dice.random() < 0.5,
        clock_offset_s=_clock_offset(dice),
        chatter_s=dice.uniform(120.0, 1200.0) if dice.random() < 0.10 else None,
        arrival_factor=_arrival_factor(dice, segment),
        drops_per_month=dice.gammavariate(_DROPS_SHAPE, _DROPS_PER_MONTH[link] / _DROPS_SHAPE),
    )


def _clock_offset(dice: Random) -> float:
    """Three in a hundred clocks are off by minutes, one by whole hours."""
    share = dice.random()
    if share < 0.03:
        return dice.choice((-1.0, 1.0)) * dice.uniform(61.0, 600.0)
    if share < 0.04:
        return dice.choice((-2.0, -1.0, 1.0, 2.0)) * 3600.0
    return 0.0


def _arrival_factor(dice: Random, segment: Segment) -> float:
    """Between EVSEs of a kind: Gamma at homes, log-normal elsewhere, each with mean 1."""
    if segment is Segment.PRIVATE:
        return dice.gammavariate(4.0, 0.25)
    sigma = {Segment.COMPANY: 0.6, Segment.FLEET: 0.2, Segment.PUBLIC: 0.7}[segment]
    return math.exp(dice.gauss(-sigma * sigma / 2, sigma))
