"""Occasions: why one reader is written to, of what, and the place it is all about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from domain.faults import Fault
from domain.places import CustomerId, Place, TicketId
from domain.registry import Registry
from domain.tickets import NoticeReason
from ticketing.settings import DeskSettings
from ticketing.view import SiteView
from ticketing.wording import Wording

StatusPage = Callable[[CustomerId | None, TicketId], str]


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """Why we write now, and of which faults: worst first, at least one.

    `is_danger`: the danger is news to the reader. `promise_at`: when they hear next; None where
    the matter is over. `told_at_site`: site contacts who are written to at the same moment.
    """

    reason: NoticeReason
    at: datetime
    faults: tuple[Fault, ...]
    promise_at: datetime | None = None
    is_danger: bool = False
    is_worse: bool = False
    is_late: bool = False
    gone: tuple[Fault, ...] = ()  # known to the reader and over by now, while others last
    told_at_site: tuple[str, ...] = ()


class Sources(msgspec.Struct, frozen=True):
    """Where facts come from. `status_page` gives the address of a customer's page."""

    registry: Registry
    wording: Wording
    settings: DeskSettings
    status_page: StatusPage
    view: SiteView


def shared_place(place: Place, faults: tuple[Fault, ...]) -> Place:
    """Return the place, or its station where the faults are at several parts of it."""
    station = place.station
    parts = {fault.place for fault in faults if fault.place.station == station}
    return Place.of_station(station) if station is not None and len(parts) > 1 else place


def covers(place: Place, other: Place) -> bool:
    """Tell whether the other place is this one or part of it."""
    if place.station is None:
        return True
    return other == place or (place.evse == 0 and other.station == place.station)


def common_place(occasion: Occasion, registry: Registry) -> Place:
    """Return the place a notice is about: the lead's, or its station if that is affected.

    Once the matter is over, the station also stands for any two parts of it.
    """
    lead = occasion.faults[0]
    station = lead.place.station
    if station is None or lead.place.evse == 0:
        return lead.place
    is_over = occasion.reason is NoticeReason.RESOLVED
    places = {
        fault.place
        for fault in occasion.faults
        if fault.place.station == station and (is_over or fault.codes == lead.codes)
    }
    registered = registry.stations.get(station)
    is_whole = registered is not None and len(places) >= max(2, registered.evses)
    if is_whole or (is_over and len(places) > 1):
        return Place.of_station(station)
    return lead.place
