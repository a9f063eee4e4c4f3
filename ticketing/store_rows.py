"""What the ticket store hands out and takes in, and how tickets and notices become rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec

from domain.events import ContactMade
from domain.faults import Severity
from domain.places import CustomerId, SiteId, StationId, TicketId
from domain.tickets import Notice, Ticket, TicketKind, TicketState
from ticketing.store_schema import NO_DUE_US, micros_of

T = TypeVar("T")

_NUMBER = re.compile(r"(\d+)$")
_ticket_decoder = msgspec.json.Decoder(Ticket)
_notice_decoder = msgspec.json.Decoder(Notice)


class NoticeState(StrEnum):
    """Where a notice stands in the outbox."""

    QUEUED = "queued"
    SENT = "sent"
    PARKED = "parked"  # a person has to look at it


class TicketOrder(StrEnum):
    """How a list of tickets is sorted."""

    DUE = "due"  # the promise that falls due next first, tickets without one last
    NEWEST = "newest"  # opened last first
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFilter:
    """Which tickets a list holds. Empty tuples and None leave everything in."""

    states: tuple[TicketState, ...] = ()
    kinds: tuple[TicketKind, ...] = ()
    severities: tuple[Severity, ...] = ()
    is_unresolved: bool | None = None
    customer: CustomerId | None = None
    site: SiteId | None = None
    station: StationId | None = None
    taken_by: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, and the cursor for the next one; None at the end."""

    items: tuple[T, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNotice:
    """A notice with what became of it."""

    notice: Notice
    state: NoticeState
    attempts: int
    next_attempt_at: datetime | None
    last_reason: str
    remote_id: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedNotice:
    """A notice whose next attempt is due; `attempts` counts those that failed."""

    notice: Notice
    attempts: int
    last_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredContact:
    """One time a customer got in touch. `key` makes a repeat harmless."""

    key: str
    at: datetime
    customer: CustomerId
    channel: str
    station: StationId | None = None
    site: SiteId | None = None
    text: str = ""
    ticket: TicketId | None = None  # the one it went to

    def event(self) -> ContactMade:
        """Return the event this was stored for."""
        return ContactMade(
            observed_at=self.at,
            customer=self.customer,
            channel=self.channel,
            station=self.station,
            site=self.site,
            text=self.text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a commit stored that was not there before, and the keys it had already."""

    tickets: tuple[TicketId, ...] = ()
    notices: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedDesk:
    """What the desk needs to go on where the last commit left it.

    `tickets` are in order of opening. `next_number` is one more than the highest number in a
    ticket's id, None in an empty store. `position` is the journal position, and `watermark`
    the moment for deadlines, up to which everything is in the store.
    """

    tickets: tuple[Ticket, ...]
    next_number: int | None
    position: int
    watermark: datetime | None


def due_at(ticket: Ticket) -> datetime | None:
    """Return when the ticket's next promise falls due; None where nothing is promised."""
    return ticket.next_update_at if ticket.state.is_unresolved else None


def number_of(ticket: TicketId) -> int:
    """Return the number at the end of a ticket's id; 0 where there is none."""
    found = _NUMBER.search(ticket)
    return int(found.group(1)) if found else 0


def ticket_row(ticket: Ticket, *, updated_at: datetime) -> dict[str, Any]:
    """Return the row of a ticket; Any: a row's values are what its columns take."""
    due = due_at(ticket)
    return {
        "id": ticket.id,
        "customer": ticket.customer,
        "site": ticket.site,
        "kind": ticket.kind.value,
        "state": ticket.state.value,
        "is_unresolved": ticket.state.is_unresolved,
        "severity": ticket.severity.value,
        "taken_by": ticket.taken_by,
        "opened_at": ticket.opened_at,
        "due_order": NO_DUE_US if due is None else micros_of(due),
        "updated_at": updated_at,
        "resolved_at": ticket.resolved_at,
        "closed_at": ticket.closed_at,
        "document": msgspec.json.encode(ticket).decode(),
    }


def ticket_of(document: str) -> Ticket:
    """Read a ticket, also one stored by an older release (missing fields get defaults)."""
    return _ticket_decoder.decode(document)


def notice_row(notice: Notice) -> dict[str, Any]:
    """Return the row of a fresh notice, due at once."""
    return {
        "key": notice.key,
        "ticket": notice.ticket,
        "customer": notice.customer,
        "reader": notice.to,
        "channel": notice.channel,
        "reason": notice.reason.value,
        "at": notice.at,
        "document": msgspec.json.encode(notice).decode(),
        "state": NoticeState.QUEUED.value,
        "attempts": 0,
        "next_attempt_at": notice.at,
        "last_reason": "",
        "remote_id": "",
        "sent_at": None,
    }


def contact_row(contact: StoredContact) -> dict[str, Any]:
    """Return the row of a contact."""
    return {field.name: getattr(contact, field.name) for field in fields(contact)}


def notice_of(document: str) -> Notice:
    """Read a notice, also one stored by an older release."""
    return _notice_decoder.decode(document)
