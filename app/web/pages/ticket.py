"""One ticket as an agent reads it: what is broken, for whom, what was done and said. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from app.messages import FleetView
from app.web.pages.broken import FaultLine, fault_lines
from app.web.pages.moments import written
from app.web.pages.queue import Row, row_of
from app.web.pages.site_state import SiteState, site_state
from app.web.pages.station_line import StationLine, stations_beside
from app.web.pages.story import (
    CallLine,
    Happening,
    NoticeCard,
    call_lines,
    happening,
    notice_card,
)
from app.web.pages.words import site_of_ticket
from domain.beliefs import StationBelief
from domain.registry import Registry, Site
from domain.tickets import Notice, Ticket, TicketState

LIVE_STATIONS = 3
"""A ticket's page is fetched again when one of its first so many stations says something."""


class TicketPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on a ticket's page."""

    row: Row
    ticket: Ticket
    opened: str
    faults: list[FaultLine]
    site: Site | None
    site_state: SiteState | None
    stations: list[StationLine]
    customer_contacts: list[tuple[str, str, str, str]]  # name, role, email, phone
    calls: list[CallLine]
    notices: list[NoticeCard]
    timeline: list[Happening]
    wakes: str  # the events it is fetched again at, as htmx reads them
    can_take: bool
    can_close: bool
    close_words: str
    why_not_closed: str


def ticket_page(
    ticket: Ticket,
    notices: Sequence[Notice],
    registry: Registry,
    *,
    view: FleetView | None,
    who: str,
    now: datetime,
) -> TicketPage:
    """Put a ticket's page together. `view` is None while core cannot be asked."""
    site = site_of_ticket(ticket, registry)
    zone = site.zone if site else UTC
    customer = registry.customers.get(ticket.customer) if ticket.customer else None
    faults = fault_lines(
        ticket.faults,
        registry,
        zone,
        now,
        live=view.faults if view else (),
        is_told_of=ticket.customer is not None,
    )
    beliefs: dict[str, StationBelief] = {}
    if view is not None:
        beliefs = {one.station: one for one in view.stations}
    close_words, why_not = _closing(ticket, faults)
    return TicketPage(
        row=row_of(ticket, registry, now),
        ticket=ticket,
        opened=written(ticket.opened_at, zone),
        faults=faults,
        site=site,
        site_state=site_state(site, beliefs) if site and view else None,
        stations=stations_beside(ticket, site, beliefs, now) if view else [],
        customer_contacts=[
            (one.name, one.role.value.replace("_", " "), one.email, one.phone)
            for one in (customer.contacts if customer else ())
            if not one.sites or ticket.site is None or ticket.site in one.sites
        ],
        calls=call_lines(ticket.contacts, registry, zone),
        notices=[notice_card(notice, zone) for notice in notices],
        timeline=[happening(line, ticket, zone) for line in ticket.history],
        wakes=_wakes(ticket),
        can_take=ticket.state is not TicketState.CLOSED and ticket.taken_by != who,
        can_close=bool(close_words),
        close_words=close_words,
        why_not_closed=why_not,
    )  # fmt: skip


def _closing(ticket: Ticket, faults: Sequence[FaultLine]) -> tuple[str, str]:
    """Return the words of the button that ends a ticket, or why there is none."""
    active = [fault for fault in faults if fault.is_active]
    if ticket.state is TicketState.CLOSED:
        return "", ""
    lasting = [one for one in ticket.faults if one.is_active and not one.fault.person_may_end]
    if active and not lasting:
        return "Resolve", ""  # nobody but a person may ever say that it is over
    if active and all(fault.clearing for fault in active):
        return "", "No fault shows any more. The ticket resolves by itself if it stays so."
    if active:
        return "", "A fault is still active. The ticket resolves by itself once it has cleared."
    return ("Close" if ticket.state is TicketState.RESOLVED else "Resolve"), ""


def _wakes(ticket: Ticket) -> str:
    """Return the page's live triggers: that a fault is clean again only its station says."""
    names = [f"ticket-{ticket.id}", *(f"station-{one}" for one in ticket.stations), "notices"]
    names = [*names[: 1 + LIVE_STATIONS], names[-1]]
    # An id is a stranger's word: these would end the event's name within it.
    events = [f"sse:{name}" for name in dict.fromkeys(names) if not set(name) & set(" ,[")]
    return ", ".join([*events, "every 60s"])
