"""Filing: gives tickets their numbers, keeps them in the book and says so in commands."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.faults import Severity
from domain.places import Place, TicketId
from domain.registry import Registry
from domain.tickets import HistoryEntry, Ticket, TicketKind, TicketState
from ticketing.book import Book, NextDue
from ticketing.commands import Command, OpenTicket, ResolveTicket, UpdateTicket
from ticketing.holding import with_history
from ticketing.settings import DeskSettings
from ticketing.titles import ticket_title
from ticketing.wording import Wording

NO_PHONE = "no value for phone"
"""Ends the worry about a notice of danger that had no number to name."""

FIRST_NUMBER = 1001


class Filing:
    """The tickets of a desk and the commands about them that have not been handed out yet."""

    def __init__(
        self, registry: Registry, wording: Wording, settings: DeskSettings, next_due: NextDue
    ) -> None:
        self.registry = registry
        self.settings = settings
        self.book = Book(next_due)
        self.next_number = FIRST_NUMBER
        self.commands: list[Command] = []
        self._wording = wording

    def new(self, kind: TicketKind, place: Place, at: datetime, key: str) -> Ticket:
        """Return a new ticket for a place, with the next number. It is not kept yet."""
        site = self.registry.site_of(place)
        number, self.next_number = self.next_number, self.next_number + 1
        station = place.station
        return Ticket(
            id=TicketId(f"T-{number}"),
            kind=kind,
            state=TicketState.NEW,
            severity=Severity.INFO,
            title="",
            opened_at=at,
            place=place,
            customer=site.customer if site else None,
            site=site.id if site else None,
            stations=() if station is None else (station,),
            key=key,
        )

    def save(self, ticket: Ticket, key: str | None = None) -> None:
        """Keep a ticket as it stands now, and say so in one command.

        Without a key of what caused it, the command is named by ticket and revision.
        """
        before = self.book.tickets.get(ticket.id)
        ticket = msgspec.structs.replace(
            ticket,
            title=ticket_title(ticket, self.registry, self._wording),
            revision=ticket.revision + 1,
        )
        self.book.put(ticket)
        key = key or f"{ticket.id}#{ticket.revision}"
        if before is None:
            self.commands.append(OpenTicket(ticket, key))
        elif ticket.state is TicketState.RESOLVED and before.state.is_unresolved:
            self.commands.append(ResolveTicket(ticket, key))
        else:
            self.commands.append(UpdateTicket(ticket, key))

    def noted(
        self,
        ticket: Ticket,
        at: datetime,
        what: str,
        why: str,
        *,
        evidence: tuple[int, ...] = (),
        rules_version: str = "",
    ) -> Ticket:
        """Return the ticket with one more line of its history."""
        entry = HistoryEntry(
            at=at, what=what, why=why, evidence=evidence, rules_version=rules_version
        )
        return with_history(ticket, entry, self.settings.history_at_most)

    def open_task(self, about: Ticket, at: datetime, worry: str) -> None:
        """Open a task for us about another ticket, once per worry.

        A number that is not set is one task, however many notices go without it.
        """
        is_setting = worry.endswith(NO_PHONE)
        key = f"task|{NO_PHONE}" if is_setting else f"task|{about.id}|{worry}"
        if self.book.has_key(key):
            return
        task = msgspec.structs.replace(
            self.new(TicketKind.TASK, about.place, at, key),
            rules=("notice-needs-a-person",),
            places=(str(about.place),),
            stations=about.stations,
            customer=about.customer,
            site=about.site,
            title="Set texts.phone: notices of danger go without a number to call"
            if is_setting
            else f"A notice about {about.id} needs a person: {worry}",
        )
        self.save(self.noted(task, at, "opened", worry), key)
