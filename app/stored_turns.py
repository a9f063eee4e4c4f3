"""What the pipeline decided, into the ticket store: in order, a transaction a turn.

While the store refuses, turns wait here and are tried again; core says so in its health, and
takes no snapshot, so that a restart would take the same decisions again.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from app.pipeline import Outcome, contact_key
from ticketing.store import StoreUnavailableError, TicketStore
from ticketing.store_rows import StoredContact

log = structlog.get_logger(__name__)


class StoredTurns:
    """The turns that are still to be stored, oldest first."""

    def __init__(self, store: TicketStore) -> None:
        self._store = store
        self._waiting: list[tuple[Outcome, int, datetime]] = []
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """Why the store cannot be written; "" while it can."""
        return self._trouble

    @property
    def is_behind(self) -> bool:
        """True while a turn waits to be stored."""
        return bool(self._waiting)

    def add(self, outcome: Outcome, position: int, at: datetime) -> None:
        """Store a turn: all that was decided up to a journal position, as of a moment."""
        self._waiting.append((outcome, position, at))
        self.store_waiting()

    def store_waiting(self) -> None:
        """Store what waits, until all is stored or the store refuses."""
        while self._waiting:
            outcome, position, at = self._waiting[0]
            try:
                self._store.commit(
                    outcome.commands,
                    applied_keys=outcome.keys,
                    position=position,
                    at=at,
                    watermark=at,
                    contacts=_contacts(outcome),
                )
            except StoreUnavailableError as error:
                if not self._trouble:
                    log.warning("tickets not stored, will try again", reason=str(error))
                self._trouble = str(error)
                return
            self._trouble = ""
            del self._waiting[0]


def _contacts(outcome: Outcome) -> list[StoredContact]:
    return [
        StoredContact(
            key=contact_key(contact),
            at=contact.observed_at,
            customer=contact.customer,
            channel=contact.channel,
            station=contact.station,
            site=contact.site,
            text=contact.text,
            ticket=ticket,
        )
        for contact, ticket in outcome.contacts
    ]
