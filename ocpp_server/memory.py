"""What interpreting one station's frames has to remember between frames. Pure data.

It can be put into a snapshot. Everything in it has a limit: the oldest is forgotten first.
"""

from __future__ import annotations

import msgspec

from domain.places import Place, StationId
from ocpp_server.queues import Queue
from ocpp_server.repeats import Earlier
from ocpp_server.v2x.remembered import Memory2x

DUE_LIMIT = 32
"""Calls whose answers (of ours) still mean something; one is answered before the next."""

TRANSACTION_LIMIT = 64
"""Open transactions remembered, for the EVSE of a stop that names only the number."""


class AnswerDue(msgspec.Struct, frozen=True, kw_only=True):
    """A call whose answer will carry a fact: where it belongs when the answer comes.

    `position` is the call's: the answer's facts carry it, live as well as read back later.
    """

    message_id: str
    action: str
    place: Place
    id_token: str = ""
    meter_wh: float | None = None
    position: int = 0


class Memory(msgspec.Struct, kw_only=True):
    """One station's. `protocol` is the subprotocol, "" where none was agreed."""

    station: StationId
    protocol: str = ""
    due: list[AnswerDue] = []
    transactions: dict[str, int] = {}  # number -> EVSE
    v2x: Memory2x | None = None  # what only OCPP 2.x needs
    queue: Queue | None = None  # of records that have to be acknowledged
    earlier: list[Earlier] = []  # answered calls of this connection, in case they come again

    def of_2x(self) -> Memory2x:
        """Return what has to be remembered of OCPP 2.x, beginning with nothing."""
        if self.v2x is None:
            self.v2x = Memory2x()
        return self.v2x

    def expect(self, due: AnswerDue) -> None:
        """Remember a call until its answer; the same call said again takes its place."""
        self.due = [
            other
            for other in self.due
            if other.message_id != due.message_id or other.action != due.action
        ]
        self.due.append(due)
        if len(self.due) > DUE_LIMIT:
            del self.due[0]

    def answered(self, message_id: str) -> AnswerDue | None:
        """Return and forget the oldest call of that id; None where no answer is due."""
        for index, due in enumerate(self.due):
            if due.message_id == message_id:
                return self.due.pop(index)
        return None

    def started(self, transaction: str, evse: int) -> None:
        """Remember where a transaction runs. An EVSE has one at most (quirk F4)."""
        stale = [number for number, where in self.transactions.items() if where == evse]
        for number in stale:
            del self.transactions[number]
        self.transactions[transaction] = evse
        if len(self.transactions) > TRANSACTION_LIMIT:
            del self.transactions[next(iter(self.transactions))]

    def ended(self, transaction: str) -> int:
        """Return and forget the EVSE of a transaction; 0 where we never heard of it."""
        return self.transactions.pop(transaction, 0)
