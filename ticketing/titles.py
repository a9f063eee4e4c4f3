"""Titles: a ticket in one line, for agents."""

from __future__ import annotations

from domain.registry import Registry
from domain.tickets import Ticket, TicketKind
from ticketing.holding import active_faults, worst_first
from ticketing.phrasing import plain, saying_of
from ticketing.wording import Wording

_PLACES_AT_MOST = 3


def ticket_title(ticket: Ticket, registry: Registry, wording: Wording) -> str:
    """Return severity, codes, places @ site: effect; for requests and tasks what it is about.

    At most as many characters as the wording's limit for agents' lines.
    """
    site = registry.sites.get(ticket.site) if ticket.site else None
    where = f" @ {plain(site.title)}" if site else ""
    if not ticket.faults:
        return ticket.title[: wording.limits.agent_line_characters]
    faults = worst_first(active_faults(ticket)) or worst_first(h.fault for h in ticket.faults)
    effect = wording.phrase("effect", saying_of(faults[0], wording, "en").effect, "en")
    codes = "+".join(dict.fromkeys(code for fault in faults for code in fault.codes))
    is_whole_site = ticket.kind is TicketKind.SITE and bool(where)  # it is named there
    places = "" if is_whole_site else _places(ticket)
    said = " ".join(part for part in (ticket.severity.value, codes, places) if part)
    return f"{said}{where}: {effect}"[: wording.limits.agent_line_characters]


def _places(ticket: Ticket) -> str:
    more = len(ticket.places) - _PLACES_AT_MOST
    if ticket.kind is TicketKind.FLEET and ticket.stations:
        return f"{ticket.place} ({len(ticket.stations)} stations)"
    if ticket.kind is TicketKind.FLEET or not ticket.places:
        return str(ticket.place)
    shown = ", ".join(ticket.places[:_PLACES_AT_MOST])
    return f"{shown} and {more} more" if more > 0 else shown
