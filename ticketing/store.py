"""The ticket store: desk state, outbox and journal position, changed in one transaction.

Exactly once in effect: a commit holds what was decided, what is to be sent, and up to which
journal position. What is replayed after a crash comes with the same keys and is skipped.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete

from ticketing.commands import Command
from ticketing.store_batch import Batch
from ticketing.store_cursor import BadCursorError
from ticketing.store_engine import StoreUnavailableError, engine_for, migrate, reasons, url_of
from ticketing.store_outbox import NoticeQueue
from ticketing.store_reading import TicketReader
from ticketing.store_rows import (
    Committed,
    LoadedDesk,
    NoticeState,
    Page,
    QueuedNotice,
    StoredContact,
    StoredNotice,
    TicketFilter,
    TicketOrder,
)
from ticketing.store_schema import applied

__all__ = [
    "BadCursorError",
    "Committed",
    "LoadedDesk",
    "NoticeState",
    "Page",
    "QueuedNotice",
    "StoreUnavailableError",
    "StoredContact",
    "StoredNotice",
    "TicketFilter",
    "TicketOrder",
    "TicketReader",
    "TicketStore",
]


class TicketStore(TicketReader):
    """The ticket store of the one process that writes it (core).

    Opening it migrates it; raises `StoreTooNewError` for one of a newer release and
    `StoreUnavailableError` where the database refuses. `outbox` is its queue of notices.
    """

    def __init__(self, place: str | Path) -> None:
        url = url_of(place)
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        self._writing = engine_for(url, is_writer=True)
        try:
            migrate(self._writing)
        except BaseException:
            self._writing.dispose()
            raise
        super().__init__(place)
        self.outbox = NoticeQueue(self._writing)

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        super().close()
        self._writing.dispose()

    def commit(
        self,
        commands: Sequence[Command] = (),
        *,
        applied_keys: Collection[str] = (),
        position: int,
        at: datetime,
        watermark: datetime | None = None,
        contacts: Sequence[StoredContact] = (),
    ) -> Committed:
        """Store the desk's commands and how far it has come, all or nothing.

        `applied_keys` are the keys of the decisions, contacts and actions behind the commands;
        the commands' own keys are remembered with them. A command, notice or contact whose key
        is there from an earlier commit is skipped. `position` and `watermark` never go back.
        `at` is when this is stored. Raises `StoreUnavailableError`: nothing was stored then,
        and the same call may be made again.
        """
        with reasons(), self._writing.begin() as connection:
            batch = Batch(connection, at=at, position=position)
            batch.sort_out(commands)
            batch.store_tickets()
            batch.store_notices()
            batch.store_contacts(contacts)
            batch.remember((*applied_keys, *batch.keys), watermark)
        return batch.committed()

    def forget_applied(self, before: datetime) -> int:
        """Forget keys applied before a moment, and return how many.

        Only for keys that no replay can repeat: older than the oldest snapshot in use.
        """
        with reasons(), self._writing.begin() as connection:
            return connection.execute(delete(applied).where(applied.c.at < before)).rowcount
