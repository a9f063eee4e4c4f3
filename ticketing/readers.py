"""Readers: who of a customer's contacts is written to about a ticket."""

from __future__ import annotations

import msgspec

from domain.places import SiteId
from domain.registry import Contact, Customer, Role, Segment
from domain.tickets import Reader

RINGING_CHANNELS = frozenset({"sms"})
"""Channels that wake people: they keep quiet hours for everything but danger."""

_ORDER = (Role.SITE, Role.PROJECT_MANAGER, Role.OWNER)


class Choice(msgspec.Struct, frozen=True):
    """The readers of a ticket, and the names of those who lack an address."""

    readers: tuple[Reader, ...]
    unreachable: tuple[str, ...] = ()


def readers_of(customer: Customer, site: SiteId | None) -> Choice:
    """Choose who reads notices about a site of the customer, site contacts first.

    Role `site`: those who name the site or none. Project managers of companies and fleets.
    Owners of private customers, and of others where nobody else can be reached. Billing never.
    A channel and address is written to once, however many contacts share it.
    """
    entitled = [c for c in customer.contacts if _is_entitled(c, customer.segment, site)]
    if not any(contact.address for contact in entitled):
        entitled += [c for c in customer.contacts if c.role is Role.OWNER and c not in entitled]
    entitled.sort(key=lambda contact: _ORDER.index(contact.role))
    readers: dict[tuple[str, str], Reader] = {}
    for contact in entitled:
        if contact.address:
            readers.setdefault(
                (contact.channel, contact.address), _reader_from(contact, customer)
            )
    return Choice(
        tuple(readers.values()),
        tuple(contact.name for contact in entitled if not contact.address),
    )


def _is_entitled(contact: Contact, segment: Segment, site: SiteId | None) -> bool:
    match contact.role:
        case Role.SITE:
            return not contact.sites or site in contact.sites
        case Role.PROJECT_MANAGER:
            return segment is not Segment.PRIVATE
        case Role.OWNER:
            return segment is Segment.PRIVATE
        case Role.BILLING:
            return False


def _reader_from(contact: Contact, customer: Customer) -> Reader:
    return Reader(
        address=contact.address,
        name=contact.name,
        role=contact.role.value,
        channel=contact.channel,
        language=contact.language or customer.language,
    )
