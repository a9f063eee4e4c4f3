"""Tickets and notices: the record people work on, and what we write to customers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from domain.faults import Fault, Severity
from domain.places import CustomerId, Place, SiteId, StationId, TicketId


class TicketKind(StrEnum):
    """What a ticket is about."""

    FAULT = "fault"  # one station or part of it
    SITE = "site"  # a site, its gateway, its power or network
    FLEET = "fleet"  # us, or a carrier across customers
    PROBLEM = "problem"  # the cause behind repeated episodes, accepted by a person
    REQUEST = "request"  # a customer's own
    TASK = "task"  # work for us


class TicketState(StrEnum):
    """new -> open -> waiting -> resolved -> closed; `new` until a person takes it."""

    NEW = "new"
    OPEN = "open"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"

    @property
    def is_unresolved(self) -> bool:
        """True while work or waiting goes on."""
        return self in (TicketState.NEW, TicketState.OPEN, TicketState.WAITING)


class NoticeReason(StrEnum):
    """Why we are writing to someone. Shown in the notice itself."""

    OPENED = "opened"
    ADDED = "added"  # another fault joined
    UPDATE = "update"  # promised by now, or it became worse
    RESOLVED = "resolved"  # all faults cleared
    REOPENED = "reopened"
    RETRACTED = "retracted"  # the notice itself was wrong
    DIGEST = "digest"
    PLANNED = "planned"


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a ticket's append-only history: what, by whom ("foretell": us), and why."""

    at: datetime
    what: str  # "opened", "fault raised", "notice sent", "contact", "taken", "note", ...
    who: str = "foretell"
    why: str = ""
    evidence: tuple[int, ...] = ()  # journal positions
    rules_version: str = ""  # the rules and words that decided, where they did


class HeldFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault inside a ticket: as last decided, and what its readers know of it."""

    fault: Fault
    told_severity: Severity | None = None  # None: not told yet

    @property
    def is_active(self) -> bool:
        """True until its clean time was over."""
        return self.fault.cleared_at is None


class ContactNote(msgspec.Struct, frozen=True, kw_only=True):
    """One time a customer got in touch about a ticket."""

    at: datetime
    channel: str
    text: str = ""
    station: StationId | None = None
    site: SiteId | None = None


class Known(msgspec.Struct, frozen=True):
    """What a reader was last told of one fault."""

    fingerprint: str
    severity: Severity
    is_danger: bool = False


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """One person who reads the notices of a ticket, and what they know from us so far."""

    address: str
    name: str
    role: str
    channel: str = "email"
    language: str = "en"
    opened_at: datetime | None = None  # when they got `opened`; None: it still waits
    last_at: datetime | None = None  # of our last notice to them
    promise_at: datetime | None = None  # when they hear next, as that notice said
    resolved_told_at: datetime | None = None  # of `resolved`; None while they know of a fault
    known: tuple[Known, ...] = ()
    sent_at: tuple[datetime, ...] = ()  # notices of the last hours that count for the cap
    is_left_out: bool = False  # a notice could not be written: a person writes to them instead


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """The incident's record: one cause, one or more faults, everything said and done."""

    id: TicketId
    kind: TicketKind
    state: TicketState
    severity: Severity
    title: str
    opened_at: datetime
    place: Place  # what it was opened for: station, site or fleet
    customer: CustomerId | None = None
    site: SiteId | None = None
    stations: tuple[StationId, ...] = ()
    places: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    faults: tuple[HeldFault, ...] = ()  # newest state of each (fingerprint), active or not
    listed: tuple[str, ...] = ()  # RULE@PLACE of faults a wider cause speaks for
    linked: tuple[TicketId, ...] = ()  # of one cause with this one, and told apart
    contacts: tuple[ContactNote, ...] = ()  # the newest; the store's list has every one
    history: tuple[HistoryEntry, ...] = ()
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    reopened: int = 0
    is_flapping: bool = False
    is_late: bool = False  # a promise of it was broken
    taken_by: str = ""
    next_update_at: datetime | None = None  # the promise made in the last notice
    first_notice_at: datetime | None = None
    first_contact_at: datetime | None = None
    readers: tuple[str, ...] = ()  # addresses that got `opened`
    key: str = ""  # of the decision that opened it
    audience: tuple[Reader, ...] = ()  # who is written to; empty until something is to be told
    changed_at: datetime | None = (
        None  # when its faults last changed: what is told, is told then
    )
    hold_until: datetime | None = None  # `resolved` waits for the end of a maintenance window
    worst: Severity | None = None  # the worst severity it ever had
    untold_because: str = ""  # why nobody could be written to, where that is so
    revision: int = 0  # counts the commands about this ticket; makes their keys


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person. `key` makes a repeated send harmless."""

    key: str
    at: datetime
    ticket: TicketId
    customer: CustomerId
    to: str
    channel: str
    language: str
    reason: NoticeReason
    subject: str
    text: str
    is_danger: bool = False
    name: str = ""  # the reader's
