"""The told-first rate: how often we were quicker than the customer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.events import ContactMade
from domain.tickets import Ticket, TicketKind

COUNTED_KINDS = frozenset({TicketKind.FAULT, TicketKind.SITE, TicketKind.REQUEST})
BEFORE_SEEN = timedelta(hours=2)
"""A contact up to this long before the fault was seen counts as before our notice."""


def told_first_rate(
    tickets: Iterable[Ticket], contacts: Iterable[ContactMade] = ()
) -> float | None:
    """Return the share of tickets whose first notice left before the first contact.

    Counted are tickets of kind fault, site and request with a notice or a contact; None where
    there are none. `contacts` adds those that were recorded in no ticket or in another one: the
    customer's, about the ticket's station or site, from two hours before its first fault was
    seen until its first notice.
    """
    made = list(contacts)
    verdicts = [
        was_told_first(ticket, made)
        for ticket in tickets
        if ticket.kind in COUNTED_KINDS and _counts(ticket, made)
    ]
    return sum(verdicts) / len(verdicts) if verdicts else None


def was_told_first(ticket: Ticket, contacts: Iterable[ContactMade] = ()) -> bool:
    """Tell whether our first notice about a ticket left before the customer got in touch."""
    if ticket.first_notice_at is None:
        return False
    called_at = _first_contact_at(ticket, contacts)
    return called_at is None or ticket.first_notice_at < called_at


def _counts(ticket: Ticket, contacts: list[ContactMade]) -> bool:
    return ticket.first_notice_at is not None or (
        _first_contact_at(ticket, contacts) is not None
    )


def _first_contact_at(ticket: Ticket, contacts: Iterable[ContactMade]) -> datetime | None:
    moments = [contact.observed_at for contact in contacts if _is_about(contact, ticket)]
    if ticket.first_contact_at is not None:
        moments.append(ticket.first_contact_at)
    return min(moments, default=None)


def _is_about(contact: ContactMade, ticket: Ticket) -> bool:
    if contact.customer != ticket.customer or not ticket.faults:
        return False
    seen_at = min(held.fault.seen_at for held in ticket.faults)
    until = ticket.first_notice_at or ticket.resolved_at
    if contact.observed_at < seen_at - BEFORE_SEEN or (until and contact.observed_at > until):
        return False
    if contact.station is not None:
        return contact.station in ticket.stations
    return contact.site is not None and contact.site == ticket.site
