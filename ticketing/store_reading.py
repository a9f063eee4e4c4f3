"""Reading the ticket store: lists and single things for pages, API and the outbox's numbers.

Every query can be narrowed to one customer; whoever answers a customer must do so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from domain.places import CustomerId, TicketId
from domain.tickets import Ticket, TicketState
from ticketing.store_cursor import MAX_PAGE, Order, paged, write_cursor
from ticketing.store_engine import engine_for, reasons, url_of
from ticketing.store_rows import (
    LoadedDesk,
    NoticeState,
    Page,
    StoredContact,
    StoredNotice,
    TicketFilter,
    TicketOrder,
    notice_of,
    ticket_of,
)
from ticketing.store_schema import (
    applied,
    contacts,
    meta,
    moment_of,
    notices,
    ticket_stations,
    tickets,
)
from ticketing.told import BEFORE_SEEN, COUNTED_KINDS, told_first_rate

AnyRow = Row[Any]  # a row's type is that of its columns, which SQLAlchemy does not tell

KEPT_AFTER_END = timedelta(hours=48)
"""Resolved and closed tickets go on to be loaded so long: a relapse within 24 hours reopens."""

KEYS_PER_QUERY = 500
"""So many keys are looked up at a time; SQLite takes at most 32,766 values in one query."""

POSITION, WATERMARK, LAST_NUMBER = "position", "watermark_us", "last_ticket_number"

_EVERYTHING = TicketFilter()


class TicketReader:
    """The ticket store, read-only: for the web process while core writes.

    `place` is the path of the SQLite file or a URL. Methods raise `StoreUnavailableError`
    where the store cannot be read, also where it does not exist yet, and `BadCursorError`.
    """

    def __init__(self, place: str | Path) -> None:
        self._reading = engine_for(url_of(place), is_writer=False)

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        self._reading.dispose()

    # --- tickets ------------------------------------------------------------------------------

    def tickets(
        self,
        where: TicketFilter = _EVERYTHING,
        *,
        order: TicketOrder = TicketOrder.DUE,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Ticket]:
        """Return a part of the list of tickets."""
        by = Order(
            f"tickets-{order}",
            tickets.c.due_order if order is TicketOrder.DUE else tickets.c.opened_at,
            tickets.c.id,
            is_backwards=order is TicketOrder.NEWEST,
        )
        query = select(tickets.c.document).where(*_conditions(where))
        rows, after = self._page(query, by, cursor, limit)
        return Page(tuple(ticket_of(row.document) for row in rows), after)

    def ticket(
        self, ticket: TicketId | str, *, customer: CustomerId | None = None
    ) -> Ticket | None:
        """Return one ticket; None where there is none, or none of this customer."""
        query = select(tickets.c.document).where(tickets.c.id == ticket)
        if customer is not None:
            query = query.where(tickets.c.customer == customer)
        rows = self._rows(query)
        return ticket_of(rows[0].document) if rows else None

    def ticket_counts(self, where: TicketFilter = _EVERYTHING) -> dict[TicketState, int]:
        """Return how many tickets are in each state; states without any count 0."""
        query = (
            select(tickets.c.state, func.count().label("counted"))
            .where(*_conditions(where))
            .group_by(tickets.c.state)
        )
        found = {row.state: int(row.counted) for row in self._rows(query)}
        return {state: found.get(state.value, 0) for state in TicketState}

    def told_first_rate(
        self, since: datetime, *, customer: CustomerId | None = None
    ) -> float | None:
        """Return the told-first rate of the tickets opened since a moment; None without any."""
        kinds = tuple(sorted(COUNTED_KINDS))
        opened = [
            *_conditions(TicketFilter(kinds=kinds, customer=customer)),
            tickets.c.opened_at >= since,
        ]
        called = [contacts.c.at >= since - BEFORE_SEEN]
        if customer is not None:
            called.append(contacts.c.customer == customer)
        found = self._rows(select(tickets.c.document).where(*opened))
        made = self._rows(select(contacts).where(*called))
        return told_first_rate(
            (ticket_of(row.document) for row in found), [_contact(row).event() for row in made]
        )

    # --- notices ------------------------------------------------------------------------------

    def notices(
        self,
        *,
        ticket: TicketId | str | None = None,
        customer: CustomerId | None = None,
        states: Sequence[NoticeState] = (),
        cursor: str | None = None,
        limit: int = 100,
        is_newest_first: bool = True,
    ) -> Page[StoredNotice]:
        """Return a part of the list of notices, by the moment they were written."""
        query = select(notices)
        if ticket is not None:
            query = query.where(notices.c.ticket == ticket)
        if customer is not None:
            query = query.where(notices.c.customer == customer)
        if states:
            query = query.where(notices.c.state.in_([state.value for state in states]))
        by = Order("notices", notices.c.at, notices.c.key, is_backwards=is_newest_first)
        rows, after = self._page(query, by, cursor, limit)
        return Page(tuple(_stored_notice(row) for row in rows), after)

    def notice(self, key: str, *, customer: CustomerId | None = None) -> StoredNotice | None:
        """Return one notice; None where there is none, or none to this customer."""
        query = select(notices).where(notices.c.key == key)
        if customer is not None:
            query = query.where(notices.c.customer == customer)
        rows = self._rows(query)
        return _stored_notice(rows[0]) if rows else None

    def notice_counts(self, *, customer: CustomerId | None = None) -> dict[NoticeState, int]:
        """Return how many notices are in each state of the outbox."""
        query = select(notices.c.state, func.count().label("counted")).group_by(notices.c.state)
        if customer is not None:
            query = query.where(notices.c.customer == customer)
        found = {row.state: int(row.counted) for row in self._rows(query)}
        return {state: found.get(state.value, 0) for state in NoticeState}

    # --- contacts -----------------------------------------------------------------------------

    def contacts(
        self,
        *,
        customer: CustomerId | None = None,
        ticket: TicketId | str | None = None,
        since: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
        is_newest_first: bool = True,
    ) -> Page[StoredContact]:
        """Return a part of the list of customers' contacts."""
        query = select(contacts)
        if customer is not None:
            query = query.where(contacts.c.customer == customer)
        if ticket is not None:
            query = query.where(contacts.c.ticket == ticket)
        if since is not None:
            query = query.where(contacts.c.at >= since)
        by = Order("contacts", contacts.c.at, contacts.c.key, is_backwards=is_newest_first)
        rows, after = self._page(query, by, cursor, limit)
        return Page(tuple(_contact(row) for row in rows), after)

    # --- where things stand -------------------------------------------------------------------

    def position(self) -> int:
        """Return the journal position up to which everything is in the store; 0 if empty."""
        return self._meta().get(POSITION, 0)

    def watermark(self) -> datetime | None:
        """Return the moment up to which every deadline is in the store; None if empty."""
        found = self._meta().get(WATERMARK)
        return None if found is None else moment_of(found)

    def load(self, *, now: datetime) -> LoadedDesk:
        """Return what the desk goes on from: tickets not closed, or ended within 48 hours."""
        since = now - KEPT_AFTER_END
        query = (
            select(tickets.c.document)
            .where(
                (tickets.c.state != TicketState.CLOSED.value)
                | (tickets.c.resolved_at >= since)
                | (tickets.c.closed_at >= since)
            )
            .order_by(tickets.c.opened_at, tickets.c.id)
        )
        with reasons(), self._reading.connect() as connection:  # one moment for both
            found = connection.execute(query).all()
            known = {row.name: int(row.value) for row in connection.execute(select(meta))}
        number = known.get(LAST_NUMBER)
        watermark = known.get(WATERMARK)
        return LoadedDesk(
            tickets=tuple(ticket_of(row.document) for row in found),
            next_number=None if number is None else number + 1,
            position=known.get(POSITION, 0),
            watermark=None if watermark is None else moment_of(watermark),
        )

    def is_applied(self, keys: Collection[str]) -> set[str]:
        """Return those of the keys that an earlier commit holds: nothing may be done twice."""
        with reasons(), self._reading.connect() as connection:
            return known_keys(connection, applied.c.key, keys)

    def _meta(self) -> dict[str, int]:
        return {row.name: int(row.value) for row in self._rows(select(meta))}

    def _rows(self, query: Select[Any]) -> Sequence[AnyRow]:
        with reasons(), self._reading.connect() as connection:
            return connection.execute(query).all()

    def _page(
        self, query: Select[Any], order: Order, cursor: str | None, limit: int
    ) -> tuple[Sequence[AnyRow], str | None]:
        """Return at most `limit` rows behind the cursor, and the cursor behind them."""
        limit = max(1, min(limit, MAX_PAGE))
        rows = self._rows(paged(query, order, cursor, limit))
        if len(rows) <= limit:
            return rows, None
        last = rows[limit - 1]
        return rows[:limit], write_cursor(order.list_name, last.sort_value, last.sort_id)


def known_keys(
    connection: Connection, column: ColumnElement[str], keys: Collection[str]
) -> set[str]:
    """Return those of the keys that stand in a column."""
    wanted = list(dict.fromkeys(keys))
    known: set[str] = set()
    for start in range(0, len(wanted), KEYS_PER_QUERY):
        part = wanted[start : start + KEYS_PER_QUERY]
        known.update(connection.scalars(select(column).where(column.in_(part))))
    return known


def _conditions(where: TicketFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for column, words in (
        (tickets.c.state, where.states),
        (tickets.c.kind, where.kinds),
        (tickets.c.severity, where.severities),
    ):
        if words:
            found.append(column.in_([word.value for word in words]))
    for column, word in (
        (tickets.c.customer, where.customer),
        (tickets.c.site, where.site),
        (tickets.c.taken_by, where.taken_by),
        (tickets.c.is_unresolved, where.is_unresolved),
    ):
        if word is not None:
            found.append(column == word)
    if where.station is not None:
        theirs = select(ticket_stations.c.ticket)
        found.append(tickets.c.id.in_(theirs.where(ticket_stations.c.station == where.station)))
    return found


def _stored_notice(row: AnyRow) -> StoredNotice:
    return StoredNotice(
        notice=notice_of(row.document),
        state=NoticeState(row.state),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        last_reason=row.last_reason,
        remote_id=row.remote_id,
        sent_at=row.sent_at,
    )


def _contact(row: AnyRow) -> StoredContact:
    return StoredContact(
        key=row.key,
        at=row.at,
        customer=row.customer,
        channel=row.channel,
        station=row.station,
        site=row.site,
        text=row.text,
        ticket=row.ticket,
    )
