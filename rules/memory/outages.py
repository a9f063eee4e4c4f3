"""Memory of causes wider than a station: gateways, carriers, ourselves, bad firmware.

Bounded by the registry: one entry per gateway, carrier or version that has something to say.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.places import SiteId, StationId


class Group(msgspec.Struct):
    """The stations that were lost together and share a cause, while it lasts or clears."""

    members: list[StationId] = []


class Striking(msgspec.Struct):
    """A version of a model at which one code is raised: when each station raised it last."""

    raised_at: dict[StationId, datetime] = {}
    evidence: dict[StationId, int] = {}  # journal position of each


class Outages(msgspec.Struct):
    """What is remembered of outages.

    `ours_until`: a fleet-wide drop was seen; until then no lost link counts for anybody.
    """

    gateways: dict[SiteId, bool] = {}  # those that were online at some time
    power: dict[SiteId, dict[StationId, datetime]] = {}  # who reported that mains were lost
    carriers: dict[str, Group] = {}
    dropped: dict[str, Group] = {}  # of the whole fleet: one entry at most
    ours_until: datetime | None = None
    versions: dict[str, Striking] = {}  # by vendor, model, firmware, rule and code
