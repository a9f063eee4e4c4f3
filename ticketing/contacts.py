"""Contacts: where a customer's call belongs, and which fault a request was about. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from domain.events import ContactMade
from domain.faults import Fault
from domain.places import FLEET, Place, SiteId
from domain.registry import Registry
from domain.tickets import ContactNote, Ticket, TicketKind
from ticketing.book import Book

CONTACTS_AT_MOST = 200
"""Contacts a ticket carries, the newest; the store's list of contacts has every one."""

_CUSTOMERS_KINDS = (TicketKind.SITE, TicketKind.FAULT, TicketKind.REQUEST)


def fitting_ticket(contact: ContactMade, book: Book, registry: Registry) -> Ticket | None:
    """Return the unresolved ticket a contact is about; None where it is a new request.

    The station's own, then its site's; with a site, the site's own, then any at the site; with
    only a customer, theirs if there is exactly one. A ticket of another customer fits never.
    """
    if contact.station is not None:
        kinds = (TicketKind.FAULT, TicketKind.REQUEST)
        own = book.of_station(contact.station, kinds, contact.customer)
        site = registry.site_of(contact.station)
        if own is not None or site is None or site.customer != contact.customer:
            return own
        at_site = book.unresolved_for(Place.of_site(site.id))
        return at_site or _site_request(contact, site.id, book)
    if contact.site is not None:
        for kind in _CUSTOMERS_KINDS:
            ticket = book.of_site(contact.site, (kind,), contact.customer)
            if ticket is not None:
                return ticket
        return None
    theirs = book.of_customer(contact.customer, _CUSTOMERS_KINDS)
    return theirs[0] if len(theirs) == 1 else None


def request_for(
    fault: Fault, at: datetime, book: Book, registry: Registry, within: timedelta
) -> Ticket | None:
    """Return the request that a fault raised now explains: same place, not too old.

    Only one of the place's own customer: nobody else may be told of what happens there.
    """
    site = registry.site_of(fault.place)
    for request in book.requests():
        if site is not None and request.customer != site.customer:
            continue
        is_same = request.place == fault.place or (
            fault.place.station is not None
            and request.place == Place.of_station(fault.place.station)
        )
        is_near = site is not None and (
            request.place == Place.of_site(site.id)
            or (fault.place.station is None and request.site == site.id)
        )
        if (is_same or is_near) and _last_contact_at(request) + within >= at:
            return request
    return None


def with_contact(ticket: Ticket, contact: ContactMade) -> Ticket:
    """Return the ticket with a contact recorded; past the limit the oldest one goes."""
    note = ContactNote(
        at=contact.observed_at,
        channel=contact.channel,
        text=contact.text,
        station=contact.station,
        site=contact.site,
    )
    return msgspec.structs.replace(
        ticket,
        contacts=(*ticket.contacts, note)[-CONTACTS_AT_MOST:],
        first_contact_at=ticket.first_contact_at or contact.observed_at,
    )


def place_of(contact: ContactMade, registry: Registry) -> Place:
    """Return what a contact is about: a station, a site, the customer's only site, or all."""
    if contact.station is not None:
        return Place.of_station(contact.station)
    if contact.site is not None:
        return Place.of_site(contact.site)
    sites = registry.sites_of(contact.customer)
    return Place.of_site(sites[0].id) if len(sites) == 1 else FLEET


def _site_request(contact: ContactMade, site: SiteId, book: Book) -> Ticket | None:
    ticket = book.of_site(site, (TicketKind.REQUEST,), contact.customer)
    return ticket if ticket is not None and ticket.place == Place.of_site(site) else None


def _last_contact_at(request: Ticket) -> datetime:
    return max((note.at for note in request.contacts), default=request.opened_at)
