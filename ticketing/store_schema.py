"""The ticket store's tables, as they stand after the newest migration.

Written so that PostgreSQL can take the same statements: moments are microseconds in a BIGINT,
documents are JSON text. Columns beside a document are copies for lists and never the truth.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

NO_DUE_US = 2**62
"""The place of tickets without a promise in the order of promises: behind all others."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros_of(at: datetime) -> int:
    """Return microseconds since 1970 in UTC, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def moment_of(micros: int) -> datetime:
    """Return the moment that many microseconds after 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


class Moment(TypeDecorator[datetime]):
    """An aware moment, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Turn a moment into what is stored."""
        return None if value is None else micros_of(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Turn what is stored into a moment."""
        return None if value is None else moment_of(value)


metadata = MetaData()

tickets = Table(
    "tickets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("customer", Text),
    Column("site", Text),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("is_unresolved", Boolean(create_constraint=False), nullable=False),
    Column("severity", Text, nullable=False),
    Column("taken_by", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("due_order", BigInteger, nullable=False),  # when a promise falls due, or NO_DUE_US
    Column("updated_at", Moment, nullable=False),
    Column("resolved_at", Moment),
    Column("closed_at", Moment),
    Column("document", Text, nullable=False),
    Index("tickets_by_due", "is_unresolved", "due_order", "id"),
    Index("tickets_by_state", "is_unresolved", "state", "kind"),  # counts, from it alone
    Index("tickets_open_by_opened", "is_unresolved", "opened_at", "id"),
    Index("tickets_by_opened", "opened_at", "id"),
    Index("tickets_of_site_by_due", "site", "due_order", "id"),
    Index("tickets_of_customer_by_due", "customer", "due_order", "id"),
    Index("tickets_of_customer_by_opened", "customer", "opened_at", "id"),
    Index("tickets_by_resolved", "resolved_at"),
)

ticket_stations = Table(
    "ticket_stations",
    metadata,
    Column("station", Text, primary_key=True),
    Column("ticket", Text, ForeignKey("tickets.id"), primary_key=True),
)

notices = Table(
    "notices",
    metadata,
    Column("key", Text, primary_key=True),
    Column("ticket", Text, ForeignKey("tickets.id"), nullable=False),
    Column("customer", Text, nullable=False),
    Column("reader", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("document", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Moment),
    Column("last_reason", Text, nullable=False),
    Column("remote_id", Text, nullable=False),
    Column("sent_at", Moment),
    Index("notices_by_attempt", "state", "next_attempt_at"),
    Index("notices_of_ticket", "ticket", "at", "key"),
    Index("notices_of_customer", "customer", "at", "key"),
    Index("notices_by_at", "at", "key"),
)

applied = Table(
    "applied",
    metadata,
    Column("key", Text, primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    Column("position", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    # SQLite numbers rows by itself only in a column of type INTEGER.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("audit_of_ticket", "ticket", "number"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("customer", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("station", Text),
    Column("site", Text),
    Column("text", Text, nullable=False),
    Column("ticket", Text),
    Index("contacts_by_at", "at", "key"),
    Index("contacts_of_customer", "customer", "at", "key"),
    Index("contacts_of_ticket", "ticket", "at", "key"),
)

meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
