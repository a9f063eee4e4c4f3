"""The teller: writes what is due about one ticket at one moment, to everybody it is due to.

Pure: a ticket goes in; the ticket as its readers now know it, notices and worries come out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from domain.faults import Fault
from domain.registry import Role
from domain.tickets import HistoryEntry, Known, Notice, NoticeReason, Reader, Ticket
from ticketing.holding import with_history, worst_first
from ticketing.notices import NoticeWriter, Unwritable, Written
from ticketing.occasions import Occasion, Sources
from ticketing.promise import next_update_at
from ticketing.quiet import QuietHours
from ticketing.readers import readers_of
from ticketing.telling import (
    TOLD_KINDS,
    Due,
    Manners,
    due_for,
    first_due,
    is_danger_news,
    news_among,
    told_faults,
)


class Told(msgspec.Struct, frozen=True):
    """What came of a telling. `worries` are for a person: each makes a task."""

    ticket: Ticket
    notices: tuple[Notice, ...] = ()
    worries: tuple[str, ...] = ()


class Teller:
    """Tells readers what they are due, in the words of the sources."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._writer = NoticeWriter(sources)

    def due_at(self, ticket: Ticket) -> datetime | None:
        """Return when somebody is next due to hear of the ticket, as things stand."""
        manners = self._manners(ticket)
        if ticket.kind not in TOLD_KINDS:
            return None
        if not ticket.audience:
            due = first_due(ticket, manners)
            return due.at if due else None
        dues = (due_for(ticket, reader, manners) for reader in ticket.audience)
        moments = [due.at for due in dues if due is not None]
        if not ticket.is_late:
            moments += self._broken_promises(ticket)
        return min(moments, default=None)

    def _broken_promises(self, ticket: Ticket) -> list[datetime]:
        """Return the promises after which their readers hear from us, as things stand."""
        manners = self._manners(ticket)
        return [
            reader.promise_at
            for reader in ticket.audience
            if reader.promise_at is not None
            and not reader.is_left_out
            and (due := due_for(ticket, reader, manners)) is not None
            and due.at > reader.promise_at
        ]

    def tell(self, ticket: Ticket, at: datetime) -> Told:
        """Write everything that is due until this moment."""
        worries: list[str] = []
        if not ticket.audience:
            due = first_due(ticket, self._manners(ticket))
            if due is None or due.at > at:
                return Told(ticket)
            ticket, worries = self._choose_audience(ticket, at)
        if not ticket.is_late and any(p <= at for p in self._broken_promises(ticket)):
            ticket = self._noted(ticket, at, "promise broken", "nothing could be written yet")
            ticket = msgspec.structs.replace(ticket, is_late=True)
        due_now = self._due_now(ticket, at)
        notices: list[Notice] = []
        site_names = tuple(r.name for r, _ in due_now if r.role == Role.SITE)
        for reader, due in due_now:
            names = tuple(name for name in site_names if name != reader.name)
            ticket, notice, worry = self._tell_one(ticket, reader, due, at, names)
            worries.extend(worry)
            if notice is not None:
                notices.append(notice)
        return Told(_summed_up(ticket, at, bool(notices)), tuple(notices), tuple(worries))

    def _manners(self, ticket: Ticket) -> Manners:
        settings = self._sources.settings
        return Manners(
            QuietHours(self._zone(ticket), settings.quiet_from, settings.quiet_until), settings
        )

    def _zone(self, ticket: Ticket) -> ZoneInfo:
        site = self._sources.registry.sites.get(ticket.site) if ticket.site else None
        return site.zone if site else ZoneInfo("UTC")

    def _choose_audience(self, ticket: Ticket, at: datetime) -> tuple[Ticket, list[str]]:
        registry = self._sources.registry
        customer = registry.customers.get(ticket.customer) if ticket.customer else None
        if customer is None:
            reason = "the station belongs to no registered customer"
            return self._untold(ticket, at, reason), []
        choice = readers_of(customer, ticket.site)
        for name in choice.unreachable:
            why = f"{name} has no address"
            ticket = self._noted(ticket, at, "reader skipped", why)
        if not choice.readers:
            reason = f"customer {customer.id} has no contact who reads about this site"
            return self._untold(ticket, at, reason), [reason]
        return msgspec.structs.replace(ticket, audience=choice.readers), []

    def _untold(self, ticket: Ticket, at: datetime, reason: str) -> Ticket:
        noted = self._noted(ticket, at, "nobody told", reason)
        return msgspec.structs.replace(noted, untold_because=reason)

    def _due_now(self, ticket: Ticket, at: datetime) -> list[tuple[Reader, Due]]:
        manners = self._manners(ticket)
        dues = ((reader, due_for(ticket, reader, manners)) for reader in ticket.audience)
        return [(reader, due) for reader, due in dues if due is not None and due.at <= at]

    def _tell_one(
        self,
        ticket: Ticket,
        reader: Reader,
        due: Due,
        at: datetime,
        site_names: tuple[str, ...],
    ) -> tuple[Ticket, Notice | None, list[str]]:
        faults = told_faults(ticket, at, self._manners(ticket))
        occasion = self._occasion(ticket, reader, due, at, faults)
        occasion = msgspec.structs.replace(occasion, told_at_site=site_names)
        written = self._writer.write(ticket, reader, occasion)
        knowing = self._knowing(reader, occasion, faults)
        if isinstance(written, Unwritable):
            why = f"{occasion.reason.value} to {reader.name}: {written.because}"
            ticket = self._noted(ticket, at, "notice not sent", why)
            knowing = msgspec.structs.replace(
                knowing, opened_at=reader.opened_at, is_left_out=True
            )
            return _with_reader(ticket, reader, knowing), None, [why]
        ticket = self._noted(
            ticket, at, "notice sent", f"{occasion.reason.value} to {reader.name}"
        )
        ticket = _with_reader(ticket, reader, knowing)
        ticket = _with_told(ticket, occasion)
        if occasion.is_late:
            ticket = msgspec.structs.replace(ticket, is_late=True)
        worries = [f"a danger notice went with {missing}" for missing in written.left_out]
        return ticket, _notice(ticket, reader, occasion, written), worries

    def _occasion(
        self, ticket: Ticket, reader: Reader, due: Due, at: datetime, faults: list[Fault]
    ) -> Occasion:
        is_late = due.promised_at is not None and at > due.promised_at
        if due.reason is NoticeReason.RESOLVED:
            return Occasion(
                reason=due.reason,
                at=at,
                faults=tuple(_known_faults(ticket, reader)),
                is_late=is_late,
            )
        gone: list[Fault] = []
        about = faults
        if due.reason is NoticeReason.ADDED:
            about = news_among(ticket, reader, faults)
        elif due.reason is NoticeReason.UPDATE:
            about, gone = _lasting_and_gone(ticket, reader, faults)
        promise_at = next_update_at(ticket.severity, at, self._zone(ticket)) if about else None
        return Occasion(
            reason=due.reason,
            at=at,
            faults=tuple(about or gone),
            promise_at=promise_at,
            is_danger=is_danger_news(reader, about),
            is_worse=due.is_worse,
            is_late=is_late,
            gone=tuple(gone),
        )

    def _knowing(self, reader: Reader, occasion: Occasion, faults: list[Fault]) -> Reader:
        """Return the reader after the notice: what they know, and when they hear next."""
        is_over = occasion.reason is NoticeReason.RESOLVED
        counted = () if occasion.is_danger else (occasion.at,)
        most = self._sources.settings.notices_at_most
        return msgspec.structs.replace(
            reader,
            opened_at=reader.opened_at or occasion.at,
            last_at=occasion.at,
            promise_at=occasion.promise_at,
            resolved_told_at=occasion.at if is_over else None,
            known=() if is_over else _known_after(reader, occasion, faults),
            sent_at=(*reader.sent_at, *counted)[-most:],
        )

    def _noted(self, ticket: Ticket, at: datetime, what: str, why: str) -> Ticket:
        entry = HistoryEntry(at=at, what=what, why=why)
        return with_history(ticket, entry, self._sources.settings.history_at_most)


def _known_after(
    reader: Reader, occasion: Occasion, faults: Iterable[Fault]
) -> tuple[Known, ...]:
    known = {} if reader.resolved_told_at else {k.fingerprint: k for k in reader.known}
    for fault in occasion.gone:
        known.pop(fault.fingerprint, None)
    for fault in faults:
        known[fault.fingerprint] = Known(fault.fingerprint, fault.severity, fault.is_danger)
    return tuple(known.values())


def _known_faults(ticket: Ticket, reader: Reader) -> list[Fault]:
    """Return the faults whose end is news; all of the ticket where each was told over."""
    known = {entry.fingerprint for entry in reader.known}
    faults = worst_first(held.fault for held in ticket.faults)
    return [fault for fault in faults if fault.fingerprint in known] or faults


def _lasting_and_gone(
    ticket: Ticket, reader: Reader, told: list[Fault]
) -> tuple[list[Fault], list[Fault]]:
    """Return what an update speaks of: faults that last, and known ones that do not any more.

    A fault the reader knows of lasts even where something else speaks for it by now.
    """
    known = {entry.fingerprint for entry in reader.known}
    spoken_of = {fault.fingerprint for fault in told} | known
    held = [h for h in ticket.faults if h.fault.fingerprint in spoken_of]
    lasting = worst_first(h.fault for h in held if h.is_active)
    return lasting, worst_first(h.fault for h in held if not h.is_active)


def _with_reader(ticket: Ticket, before: Reader, after: Reader) -> Ticket:
    audience = tuple(after if reader == before else reader for reader in ticket.audience)
    return msgspec.structs.replace(ticket, audience=audience)


def _with_told(ticket: Ticket, occasion: Occasion) -> Ticket:
    told = {fault.fingerprint: fault.severity for fault in occasion.faults}
    return msgspec.structs.replace(
        ticket,
        faults=tuple(
            msgspec.structs.replace(
                held, told_severity=told.get(held.fault.fingerprint, held.told_severity)
            )
            for held in ticket.faults
        ),
    )


def _summed_up(ticket: Ticket, at: datetime, has_written: bool) -> Ticket:
    opened = [r for r in ticket.audience if r.opened_at is not None]
    promises = [r.promise_at for r in opened if r.promise_at and not r.is_left_out]
    first_notice_at = ticket.first_notice_at or (at if has_written else None)
    return msgspec.structs.replace(
        ticket,
        readers=tuple(reader.address for reader in opened),
        first_notice_at=first_notice_at,
        next_update_at=min(promises, default=None),
    )


def _notice(ticket: Ticket, reader: Reader, occasion: Occasion, written: Written) -> Notice:
    if ticket.customer is None:
        raise AssertionError("a notice was written for a ticket without a customer")
    stamp = occasion.at.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return Notice(
        key=f"{ticket.id}/{occasion.reason.value}/{stamp}/{reader.channel}:{reader.address}",
        at=occasion.at,
        ticket=ticket.id,
        customer=ticket.customer,
        to=reader.address,
        channel=reader.channel,
        language=reader.language,
        reason=occasion.reason,
        subject=written.subject,
        text=written.text,
        is_danger=occasion.is_danger,
        name=reader.name,
    )
