"""What interpreting one station's frames has to remember between frames. Pure data.

It can be put into a snapshot. Everything in it has a limit: the oldest is forgotten first.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.places import Place, StationId
from ocpp_server.begun import Begun, Stop, is_given, number_meant, unnumbered
from ocpp_server.queues import Queue
from ocpp_server.repeats import Earlier
from ocpp_server.v2x.remembered import Memory2x

DUE_LIMIT = 32
"""Calls whose answers (of ours) still mean something; one is answered before the next."""

TRANSACTION_LIMIT = 64
"""Open transactions remembered, for the EVSE of a stop that names only the number."""

OVER_LIMIT = 16
"""Ended transactions remembered: their stops may come again, and mean nothing else."""


class AnswerDue(msgspec.Struct, frozen=True, kw_only=True):
    """A call whose answer will carry a fact: where it belongs when the answer comes.

    `position` is the call's: the answer's facts carry it, live as well as read back later.
    `is_old` marks a begin that a newer transaction at its EVSE has overtaken.
    """

    message_id: str
    action: str
    place: Place
    id_token: str = ""
    meter_wh: float | None = None
    position: int = 0
    reported_at: datetime | None = None
    is_old: bool = False


class Memory(msgspec.Struct, kw_only=True):
    """One station's. `protocol` is the subprotocol, "" where none was agreed."""

    station: StationId
    protocol: str = ""
    due: list[AnswerDue] = []
    transactions: dict[str, int] = {}  # number -> EVSE
    begun: dict[str, Begun] = {}  # number -> how it began, of those that run
    v2x: Memory2x | None = None  # what only OCPP 2.x needs
    over: list[str] = []  # numbers of transactions that ended
    glimpse: tuple[datetime | None, float, float] | None = None  # of its last meter values
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

    def begins(self, begun: Begun) -> None:
        """Remember a transaction whose number is not known yet, or never told (in a log)."""
        self.started(unnumbered(begun.evse), begun)

    def started(self, transaction: str, begun: Begun) -> None:
        """Remember where a transaction runs. An EVSE has one at most (quirk F4)."""
        self.transactions.pop(unnumbered(begun.evse), None)
        self.begun.pop(unnumbered(begun.evse), None)
        if begun.evse:
            for number, where in list(self.transactions.items()):
                if where == begun.evse:
                    self._forget(number)
        self.transactions[transaction] = begun.evse
        self.begun[transaction] = begun
        if len(self.transactions) > TRANSACTION_LIMIT:
            self._forget(next(iter(self.transactions)))

    def remember_old(self, transaction: str) -> None:
        """Remember a transaction that was over when we heard of it: its stop ends no other."""
        self.transactions[transaction] = 0
        if len(self.transactions) > TRANSACTION_LIMIT:
            self._forget(next(iter(self.transactions)))

    def ended(self, stop: Stop) -> int | None:
        """Return and forget the EVSE of a transaction; None where we never heard of it.

        A stop that comes again is the station's: 0.
        """
        number: str | None = stop.number
        if number not in self.transactions:
            is_again = stop.number in self.over
            number = number_meant(stop, self.begun.items(), is_again=is_again)
            if number is None:
                return 0 if is_again else None
        if is_given(stop.number):
            self.over = [*self.over, stop.number][-OVER_LIMIT:]
        return self._forget(number)

    def _forget(self, number: str) -> int:
        self.begun.pop(number, None)
        return self.transactions.pop(number)
