"""The list of stations: rows and filters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode

import msgspec

from app.web.pages.moments import span
from app.web.pages.words import LINK_WORDS, status_words
from domain.beliefs import Link, StationBelief
from domain.faults import Fault, worst
from domain.registry import Registry


class StationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One station in the list."""

    id: str
    site: str
    customer: str
    vendor: str
    link: str
    is_online: bool
    is_never: bool
    evses: list[tuple[int, str]]
    severity: str  # worst active fault, "" = none
    faults: tuple[str, ...]
    is_clearing: bool  # it has faults, and the condition of all of them is gone
    last_heard: str
    is_registered: bool

    @property
    def searched(self) -> str:
        """What a search looks in."""
        return " ".join((self.id, self.site, self.customer, self.vendor)).casefold()


class StationFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What the address asks for."""

    SIZE: ClassVar[int] = 100

    q: str = ""
    state: str = ""  # faulted | away | up | never
    page: int = 1

    @property
    def first(self) -> int:
        """Index of the first row on this page."""
        return (self.page - 1) * self.SIZE

    def takes(self, row: StationRow) -> bool:
        """Tell whether a row belongs into the list."""
        if not all(word in row.searched for word in self.q.casefold().split()):
            return False
        match self.state:
            case "faulted":
                return bool(row.faults)
            case "away":
                return not row.is_online and not row.is_never
            case "up":
                return row.is_online
            case "never":
                return row.is_never
            case _:
                return True

    def address(self, **changes: object) -> str:
        """Return the list's address with some of the filters changed."""
        words = {"q": self.q, "state": self.state, "page": 1, **changes}
        if words["page"] == 1:
            del words["page"]
        pairs = [(name, word) for name, word in words.items() if word]
        return "/console/stations" + (f"?{urlencode(pairs)}" if pairs else "")


def station_rows(
    beliefs: Mapping[str, StationBelief],
    faults: Mapping[str, list[Fault]],
    registry: Registry,
    now: datetime,
) -> list[StationRow]:
    """Show every station, the worst first, then by id."""
    rows = [
        _row(belief, faults.get(station, []), registry, now)
        for station, belief in beliefs.items()
    ]
    ranks = {"critical": 0, "major": 1, "minor": 2, "info": 3, "": 4}
    return sorted(rows, key=lambda row: (ranks[row.severity], row.id))


def _row(
    belief: StationBelief, faults: list[Fault], registry: Registry, now: datetime
) -> StationRow:
    station = registry.stations.get(belief.station)
    site = registry.site_of(belief.station)
    customer = registry.customer_of(belief.station)
    heard = belief.last_heard_at
    vendor = belief.vendor or (station.vendor if station else "")
    model = belief.model or (station.model if station else "")
    return StationRow(
        id=belief.station,
        site=site.title if site else "",
        customer=customer.name if customer else "",
        vendor=f"{vendor} {model}".strip(),
        link=LINK_WORDS[belief.link],
        is_online=belief.link is Link.UP,
        is_never=belief.link is Link.NEVER,
        evses=status_words(belief, station.evses if station else 0),
        severity=worst(*(fault.severity for fault in faults)).value if faults else "",
        faults=tuple(sorted({code for fault in faults for code in fault.codes})),
        is_clearing=bool(faults) and all(fault.clean_since for fault in faults),
        last_heard="" if heard is None else span(now - heard),
        is_registered=station is not None,
    )
