"""The outbox's rows: which notices are due, and what became of each attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select, update

from ticketing.store_engine import reasons
from ticketing.store_rows import NoticeState, QueuedNotice, notice_of
from ticketing.store_schema import audit, notices

_QUEUED = NoticeState.QUEUED.value


class NoticeQueue:
    """Notices that wait for an attempt. One process at a time sends from it.

    Methods raise `StoreUnavailableError`; nothing was changed then. What is said about a notice
    that is not queued (any more) changes nothing: an answer that came late is harmless.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now: datetime, limit: int = 100) -> list[QueuedNotice]:
        """Return the queued notices whose next attempt is due, the longest due first."""
        query = (
            select(notices.c.document, notices.c.attempts, notices.c.last_reason)
            .where(notices.c.state == _QUEUED, notices.c.next_attempt_at <= now)
            .order_by(notices.c.next_attempt_at, notices.c.at, notices.c.key)
            .limit(limit)
        )
        with reasons(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            QueuedNotice(
                notice=notice_of(row.document),
                attempts=row.attempts,
                last_reason=row.last_reason,
            )
            for row in rows
        ]

    def next_attempt_at(self) -> datetime | None:
        """Return when the next queued notice is due; None where none is queued."""
        query = select(func.min(notices.c.next_attempt_at)).where(notices.c.state == _QUEUED)
        with reasons(), self._engine.connect() as connection:
            found: datetime | None = connection.scalar(query)
        return found

    def mark_sent(self, key: str, *, at: datetime, remote_id: str = "") -> bool:
        """Note that the outside has it. False where the notice was not queued."""
        return self._settle(
            key,
            at=at,
            why=remote_id,
            state=NoticeState.SENT.value,
            remote_id=remote_id,
            sent_at=at,
            next_attempt_at=None,
        )

    def mark_retry(self, key: str, *, at: datetime, next_at: datetime, reason: str) -> bool:
        """Note a failed attempt and when the next one is due."""
        return self._settle(
            key,
            at=at,
            why=reason,
            attempts=notices.c.attempts + 1,
            last_reason=reason,
            next_attempt_at=next_at,
        )

    def park(self, key: str, *, at: datetime, reason: str) -> bool:
        """Stop trying: a person has to look at it."""
        return self._settle(
            key,
            at=at,
            why=reason,
            state=NoticeState.PARKED.value,
            attempts=notices.c.attempts + 1,
            last_reason=reason,
            next_attempt_at=None,
        )

    def _settle(self, key: str, *, at: datetime, why: str, **changes: Any) -> bool:  # noqa: ANN401 - values of columns
        """Change one queued notice and write the audit line, in one transaction."""
        what = f"notice {changes.get('state', 'retry')}"
        change = (
            update(notices)
            .where(notices.c.key == key, notices.c.state == _QUEUED)
            .values(**changes)
            .returning(notices.c.ticket)
        )
        with reasons(), self._engine.begin() as connection:
            ticket = connection.scalar(change)
            if ticket is None:
                return False
            line = {"at": at, "position": 0, "what": what, "ticket": ticket, "key": key}
            connection.execute(audit.insert().values(**line, why=why))
        return True
