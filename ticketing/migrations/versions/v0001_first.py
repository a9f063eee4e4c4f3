"""The first tables: tickets, the outbox of notices, applied keys, audit, contacts, meta."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    _create_tickets()
    _create_notices()
    _create_records()


def _create_tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("customer", sa.Text),
        sa.Column("site", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("is_unresolved", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("taken_by", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("due_order", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("resolved_at", sa.BigInteger),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("tickets_by_due", "tickets", ["is_unresolved", "due_order", "id"])
    op.create_index("tickets_by_state", "tickets", ["is_unresolved", "state", "kind"])
    op.create_index("tickets_open_by_opened", "tickets", ["is_unresolved", "opened_at", "id"])
    op.create_index("tickets_of_site_by_due", "tickets", ["site", "due_order", "id"])
    op.create_index("tickets_by_opened", "tickets", ["opened_at", "id"])
    op.create_index("tickets_of_customer_by_due", "tickets", ["customer", "due_order", "id"])
    op.create_index("tickets_of_customer_by_opened", "tickets", ["customer", "opened_at", "id"])
    op.create_index("tickets_by_resolved", "tickets", ["resolved_at"])
    op.create_table(
        "ticket_stations",
        sa.Column("station", sa.Text, primary_key=True),
        sa.Column("ticket", sa.Text, sa.ForeignKey("tickets.id"), primary_key=True),
    )


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("ticket", sa.Text, sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("reader", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger),
        sa.Column("last_reason", sa.Text, nullable=False),
        sa.Column("remote_id", sa.Text, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
    )
    op.create_index("notices_by_attempt", "notices", ["state", "next_attempt_at"])
    op.create_index("notices_of_ticket", "notices", ["ticket", "at", "key"])
    op.create_index("notices_of_customer", "notices", ["customer", "at", "key"])
    op.create_index("notices_by_at", "notices", ["at", "key"])


def _create_records() -> None:
    op.create_table(
        "applied",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_applied_at", "applied", ["at"])
    op.create_table(
        "audit",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
        ),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("ticket", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("audit_of_ticket", "audit", ["ticket", "number"])
    op.create_table(
        "contacts",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("station", sa.Text),
        sa.Column("site", sa.Text),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("ticket", sa.Text),
    )
    op.create_index("contacts_by_at", "contacts", ["at", "key"])
    op.create_index("contacts_of_customer", "contacts", ["customer", "at", "key"])
    op.create_index("contacts_of_ticket", "contacts", ["ticket", "at", "key"])
    op.create_table(
        "meta",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
