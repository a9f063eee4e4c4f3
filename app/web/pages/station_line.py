"""A station in one line: its connection, its EVSEs, when it was heard. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from app.web.pages.moments import span
from app.web.pages.words import LINK_WORDS, status_words
from domain.beliefs import StationBelief
from domain.registry import Site
from domain.tickets import Ticket

STATIONS_SHOWN = 50
"""Stations listed beside one ticket: those it concerns first, then the rest of the site."""


class StationLine(msgspec.Struct, frozen=True, kw_only=True):
    """One station's live state."""

    id: str
    link: str
    is_online: bool
    evses: list[tuple[int, str]]
    last_heard: str
    is_concerned: bool


def station_line(
    belief: StationBelief, evses: int, now: datetime, *, is_concerned: bool = False
) -> StationLine:
    """Show one station's live state in a line."""
    heard = belief.last_heard_at
    return StationLine(
        id=belief.station,
        link=LINK_WORDS[belief.link],
        is_online=belief.link.value == "up",
        evses=status_words(belief, evses),
        last_heard="never heard" if heard is None else f"heard {span(now - heard)} ago",
        is_concerned=is_concerned,
    )


def stations_beside(
    ticket: Ticket, site: Site | None, beliefs: Mapping[str, StationBelief], now: datetime
) -> list[StationLine]:
    """Show the stations a ticket concerns, then those of its site."""
    registered = {station.id: station.evses for station in site.stations} if site else {}
    names = list(dict.fromkeys([*ticket.stations, *registered]))[:STATIONS_SHOWN]
    return [
        station_line(
            beliefs.get(name) or StationBelief(station=name),
            registered.get(name, 0),
            now,
            is_concerned=name in ticket.stations,
        )
        for name in names
    ]
