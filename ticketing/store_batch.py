"""One commit of the ticket store being put together, inside its transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, assert_never

import structlog
from sqlalchemy import Connection, Insert, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from domain.places import TicketId
from domain.tickets import Notice, Ticket
from ticketing.commands import Command, OpenTicket, ResolveTicket, SendNotice, UpdateTicket
from ticketing.store_reading import LAST_NUMBER, POSITION, WATERMARK, known_keys
from ticketing.store_rows import (
    Committed,
    StoredContact,
    contact_row,
    notice_row,
    number_of,
    ticket_of,
    ticket_row,
)
from ticketing.store_schema import (
    applied,
    audit,
    contacts,
    meta,
    micros_of,
    notices,
    ticket_stations,
    tickets,
)

log = structlog.get_logger(__name__)

_WORDS: dict[type[OpenTicket | UpdateTicket | ResolveTicket], str] = {
    OpenTicket: "ticket opened",
    UpdateTicket: "ticket changed",
    ResolveTicket: "ticket resolved",
}


class Batch:
    """One commit being put together inside its transaction."""

    def __init__(self, connection: Connection, *, at: datetime, position: int) -> None:
        self._connection = connection
        self._at = at
        self._position = position
        self._tickets: dict[TicketId, Ticket] = {}  # as they stand after the last command
        self._notices: dict[str, Notice] = {}
        self._new_contacts: list[str] = []
        self._audit: list[dict[str, Any]] = []  # Any: a row's values are what its columns take
        self._repeated: list[str] = []
        self.keys: list[str] = []

    def sort_out(self, commands: Sequence[Command]) -> None:
        """Sort commands into tickets and notices, leaving out those that are there already."""
        known = self._known(applied, [c.key for c in commands if not _is_notice(c)])
        known_notices = self._known(notices, [c.key for c in commands if _is_notice(c)])
        for command in commands:
            key = command.key
            match command:
                case OpenTicket() | UpdateTicket() | ResolveTicket():
                    ticket = command.ticket
                    if key in known and not self._is_newer(ticket, key):
                        self._repeated.append(key)
                        continue
                    self._tickets[ticket.id] = ticket
                    self.keys.append(key)
                    self._note(
                        _WORDS[type(command)],
                        ticket.id,
                        key,
                        f"{ticket.state} {ticket.severity}",
                    )
                case SendNotice(notice):
                    if key in known_notices or key in self._notices:
                        self._repeated.append(key)
                        continue
                    self._notices[key] = notice
                    self._note("notice queued", notice.ticket, key, notice.reason.value)
                case _:
                    assert_never(command)

    def store_tickets(self) -> None:
        """Insert or replace tickets, and which stations they concern."""
        if not self._tickets:
            return
        changed = self._tickets.values()
        self._insert(
            tickets, [ticket_row(t, updated_at=self._at) for t in changed], replace=True
        )
        self._insert(
            ticket_stations,
            [
                {"station": s, "ticket": t.id}
                for t in changed
                for s in dict.fromkeys(t.stations)
            ],
        )
        self._raise_to(LAST_NUMBER, max(number_of(ticket) for ticket in self._tickets))

    def store_notices(self) -> None:
        """Queue the new notices."""
        self._insert(notices, [notice_row(notice) for notice in self._notices.values()])

    def store_contacts(self, made: Sequence[StoredContact]) -> None:
        """Insert the new contacts."""
        known = self._known(contacts, [contact.key for contact in made])
        for contact in made:
            if contact.key in known:
                self._repeated.append(contact.key)
                continue
            known.add(contact.key)
            self._new_contacts.append(contact.key)
            self._connection.execute(contacts.insert(), contact_row(contact))
            self._note("contact", contact.ticket or "", contact.key, contact.channel)

    def remember(self, keys: Collection[str], watermark: datetime | None) -> None:
        """Write keys, audit lines, position and watermark."""
        place = {"at": self._at, "position": self._position}
        self._insert(applied, [{"key": key, **place} for key in dict.fromkeys(keys)])
        if self._audit:
            self._connection.execute(audit.insert(), self._audit)
        self._raise_to(POSITION, self._position)
        if watermark is not None:
            self._raise_to(WATERMARK, micros_of(watermark))

    def committed(self) -> Committed:
        """Return what became of it."""
        return Committed(
            tickets=tuple(self._tickets),
            notices=tuple(self._notices),
            contacts=tuple(self._new_contacts),
            repeated=tuple(self._repeated),
        )

    def _note(self, what: str, ticket: str, key: str, why: str) -> None:
        place = {"at": self._at, "position": self._position}
        self._audit.append({**place, "what": what, "ticket": ticket, "key": key, "why": why})

    def _known(self, table: Table, keys: Collection[str]) -> set[str]:
        return known_keys(self._connection, table.c.key, keys)

    def _is_newer(self, ticket: Ticket, key: str) -> bool:
        """Tell whether a ticket went on since it was stored, though its key is there.

        A repeat is never newer, and its ticket is there. What is newer would be lost by a key
        that was given twice: that is our mistake, but the ticket is worth more than the rule.
        """
        row = select(tickets.c.document).where(tickets.c.id == ticket.id)
        stored = self._connection.scalar(row)
        if stored is not None and ticket_of(stored).revision >= ticket.revision:
            return False
        log.error("key given twice", key=key, ticket=ticket.id, revision=ticket.revision)
        return True

    def _raise_to(self, name: str, value: int) -> None:
        """Set a number of `meta`, unless it is higher already."""
        found = self._connection.scalar(select(meta.c.value).where(meta.c.name == name))
        if found is None or value > found:
            self._insert(meta, [{"name": name, "value": value}], replace=True)

    def _insert(
        self, table: Table, rows: Sequence[dict[str, Any]], *, replace: bool = False
    ) -> None:
        """Insert rows; of those whose primary key is there, keep the old or the new one."""
        if rows:
            self._connection.execute(
                upsert(table, dialect=self._connection.dialect.name, replace=replace), rows
            )


@cache
def upsert(table: Table, *, dialect: str, replace: bool) -> Insert:
    """Return an insert that, where the primary key is there, keeps or replaces the old row."""
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    if not replace:
        return insert.on_conflict_do_nothing()
    keys = [column.name for column in table.primary_key]
    others = {c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key}
    return insert.on_conflict_do_update(index_elements=keys, set_=others)


def _is_notice(command: Command) -> bool:
    return isinstance(command, SendNotice)
