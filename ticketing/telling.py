"""Telling: when a reader of a ticket is due to hear something, and why. Pure.

All of it follows from the ticket and from what each reader knows, so a ticket read back from
the store is told exactly as it would have been.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.faults import Fault, Severity
from domain.tickets import HeldFault, Known, NoticeReason, Reader, Ticket, TicketKind
from ticketing.holding import worst_first
from ticketing.quiet import QuietHours
from ticketing.readers import RINGING_CHANNELS
from ticketing.settings import DeskSettings

TOLD_KINDS = frozenset({TicketKind.FAULT, TicketKind.SITE})
"""Kinds of tickets that customers hear of by themselves."""

_ORDER = (
    NoticeReason.OPENED,
    NoticeReason.REOPENED,
    NoticeReason.ADDED,
    NoticeReason.UPDATE,
    NoticeReason.RESOLVED,
)


class Manners(msgspec.Struct, frozen=True):
    """What limits when we write: the site's quiet hours and the desk's settings."""

    hours: QuietHours
    settings: DeskSettings


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """One telling that is due at a moment unless something changes before it."""

    at: datetime
    reason: NoticeReason
    is_danger: bool = False  # a danger is the news
    is_worse: bool = False
    promised_at: datetime | None = None  # the promise it keeps, or breaks by coming later


def first_due(ticket: Ticket, manners: Manners) -> Due | None:
    """Return when a ticket that nobody was told of is due to be told; None: not yet."""
    blank = Reader(address="", name="", role="")
    return None if ticket.untold_because else due_for(ticket, blank, manners)


def due_for(ticket: Ticket, reader: Reader, manners: Manners) -> Due | None:
    """Return the next telling a reader is due, as things stand; None where there is none."""
    if ticket.kind not in TOLD_KINDS:
        return None
    if not ticket.state.is_unresolved:
        return _end_due(ticket, reader, manners)
    found = _news_due(ticket, reader, manners)
    if reader.is_left_out:
        found = [due for due in found if due.is_danger]
    elif reader.opened_at is not None and reader.resolved_told_at is None:
        found += _ongoing_due(ticket, reader, manners)
    return min(found, key=lambda due: (due.at, _ORDER.index(due.reason)), default=None)


def told_faults(ticket: Ticket, at: datetime, manners: Manners) -> list[Fault]:
    """Return the faults a notice at this moment speaks of, worst first."""
    return worst_first(
        held.fault
        for held in ticket.faults
        if (since := tellable_at(held, ticket, manners)) is not None and since <= at
    )


def news_among(ticket: Ticket, reader: Reader, faults: list[Fault]) -> list[Fault]:
    """Return those faults that the reader does not know of yet."""
    return [fault for fault in faults if not _is_known(ticket, reader, fault)]


def is_danger_news(reader: Reader, faults: list[Fault]) -> bool:
    """Tell whether one of the faults is a danger the reader does not know as one."""
    if reader.resolved_told_at is not None:
        return any(fault.is_danger for fault in faults)
    known = {entry.fingerprint for entry in reader.known if entry.is_danger}
    return any(fault.is_danger and fault.fingerprint not in known for fault in faults)


def tellable_at(held: HeldFault, ticket: Ticket, manners: Manners) -> datetime | None:
    """Return from when a fault may be told: at once from major on, minor later, info never.

    A minor one is told once it has been active for four hours, outside quiet hours. A fault
    that something else speaks for is not told.
    """
    fault = held.fault
    if not held.is_active or fault.inhibited_by is not None:
        return None
    changed_at = ticket.changed_at or fault.raised_at
    if fault.is_danger or fault.severity.rank >= Severity.MAJOR.rank:
        return changed_at
    if fault.severity is Severity.INFO:
        return None
    at = max(fault.raised_at + manners.settings.minor_told_after, changed_at)
    return manners.hours.end_after(at)


def _news_due(ticket: Ticket, reader: Reader, manners: Manners) -> list[Due]:
    reason = NoticeReason.ADDED
    if reader.opened_at is None:
        reason = NoticeReason.OPENED
    elif reader.resolved_told_at is not None:
        reason = NoticeReason.REOPENED
    found: list[Due] = []
    for held in ticket.faults:
        at = tellable_at(held, ticket, manners)
        if at is None:
            continue
        # A danger that could not be written is a person's matter by now: never tried twice.
        is_old = reason is NoticeReason.ADDED or reader.is_left_out
        if is_old and _is_known(ticket, reader, held.fault):
            continue
        is_danger = held.fault.is_danger
        if not is_danger:
            rings = reader.channel in RINGING_CHANNELS
            at = _fitting(at, reader, manners, keeps_quiet=rings)
        found.append(Due(at=at, reason=reason, is_danger=is_danger))
    return found


def _ongoing_due(ticket: Ticket, reader: Reader, manners: Manners) -> list[Due]:
    quiet = ticket.severity is not Severity.CRITICAL or reader.channel in RINGING_CHANNELS
    found: list[Due] = []
    known = {entry.fingerprint: entry for entry in reader.known}
    for held in ticket.faults:
        entry = known.get(held.fault.fingerprint)
        since = tellable_at(held, ticket, manners)
        if entry is None or since is None:
            continue
        if held.fault.is_danger and not entry.is_danger:
            found.append(
                Due(at=since, reason=NoticeReason.UPDATE, is_danger=True, is_worse=True)
            )
        elif held.fault.severity.rank > entry.severity.rank:
            at = _fitting(since, reader, manners, keeps_quiet=quiet)
            found.append(Due(at=at, reason=NoticeReason.UPDATE, is_worse=True))
    if reader.promise_at is not None:
        at = _fitting(reader.promise_at, reader, manners, keeps_quiet=quiet)
        found.append(Due(at=at, reason=NoticeReason.UPDATE, promised_at=reader.promise_at))
    return found


def _end_due(ticket: Ticket, reader: Reader, manners: Manners) -> Due | None:
    if ticket.resolved_at is None or reader.opened_at is None or reader.resolved_told_at:
        return None
    if reader.is_left_out:
        return None
    quiet = ticket.severity is not Severity.CRITICAL or reader.channel in RINGING_CHANNELS
    at = max(ticket.resolved_at, ticket.hold_until or ticket.resolved_at)
    return Due(
        at=_fitting(at, reader, manners, keeps_quiet=quiet),
        reason=NoticeReason.RESOLVED,
        promised_at=reader.promise_at,
    )


def _fitting(at: datetime, reader: Reader, manners: Manners, *, keeps_quiet: bool) -> datetime:
    """Return the first moment from `at` on that neither wakes nor swamps the reader."""
    settings = manners.settings
    recent = reader.sent_at[-settings.notices_at_most :]
    if len(recent) == settings.notices_at_most:
        at = max(at, recent[0] + settings.notices_within)
    return manners.hours.end_after(at) if keeps_quiet else at


def _is_known(ticket: Ticket, reader: Reader, fault: Fault) -> bool:
    """Tell whether the reader knows of the fault, or of the same one under another name.

    A station often reports one fault for itself and for an EVSE of it: the same code at the
    same station, once for the whole, is told once, unless the second one is a danger or worse.
    """
    known = {entry.fingerprint: entry for entry in reader.known}
    if fault.fingerprint in known:
        return True
    for held in ticket.faults:
        entry = known.get(held.fault.fingerprint)
        if entry is not None and _is_same_matter(held.fault, fault) and _says(entry, fault):
            return True
    return False


def _is_same_matter(known: Fault, other: Fault) -> bool:
    """Tell whether who knows of one fault knows of the other: parts of a station, or a cause.

    Of a site a cause is recognised after what it explains: its controller was lost and told of,
    and then the whole site turns out to be dark.
    """
    if known.place.station is None:
        return known.place == other.place and known.inhibited_by == other.name
    return _is_of_one_station(known, other)


def _is_of_one_station(one: Fault, other: Fault) -> bool:
    if one.place.station != other.place.station:
        return False
    is_nested = one.place == other.place or 0 in (one.place.evse, other.place.evse)
    return is_nested and not set(one.codes).isdisjoint(other.codes)


def _says(entry: Known, fault: Fault) -> bool:
    if fault.is_danger and not entry.is_danger:
        return False
    return entry.severity.rank >= min(fault.severity.rank, Severity.MAJOR.rank)
