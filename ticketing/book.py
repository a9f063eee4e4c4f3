"""The book: tickets the desk still works with, by station, site, fault and due time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from datetime import datetime

from domain.faults import Fault
from domain.places import CustomerId, Place, PlaceKind, SiteId, StationId, TicketId
from domain.tickets import Ticket, TicketKind

NextDue = Callable[[Ticket], datetime | None]


class Book:
    """Tickets by every way the desk looks for them. `next_due` says when one is due again.

    Closed tickets are forgotten once they can no longer be reopened or told of.
    """

    def __init__(self, next_due: NextDue) -> None:
        self._next_due = next_due
        self.tickets: dict[TicketId, Ticket] = {}
        self._unresolved: dict[object, dict[TicketId, None]] = {}
        self._with_fault: dict[str, TicketId] = {}
        self._speaking: dict[str, TicketId] = {}
        self._keys: dict[str, TicketId] = {}
        self._due: dict[TicketId, datetime | None] = {}
        self._heap: list[tuple[datetime, int, TicketId]] = []

    def put(self, ticket: Ticket) -> None:
        """Take a ticket in as it stands now, in place of what it was."""
        before = self.tickets.get(ticket.id)
        if before is not None:
            self._unlist(before)
        self.tickets[ticket.id] = ticket
        self._keys[ticket.key] = ticket.id
        for held in ticket.faults:
            if self._is_newest(held.fault, ticket.id):
                self._with_fault[held.fault.fingerprint] = ticket.id
        if ticket.state.is_unresolved:
            for shelf in _shelves(ticket):
                self._unresolved.setdefault(shelf, {})[ticket.id] = None
            for name in _spoken_for(ticket):
                self._speaking[name] = ticket.id
        self._schedule(ticket)

    def forget(self, ticket: Ticket) -> None:
        """Let go of a ticket that is over for good."""
        self._unlist(ticket)
        for held in ticket.faults:
            if self._with_fault.get(held.fault.fingerprint) == ticket.id:
                del self._with_fault[held.fault.fingerprint]
        self._keys.pop(ticket.key, None)
        self._due.pop(ticket.id, None)
        del self.tickets[ticket.id]

    def has_key(self, key: str) -> bool:
        """Tell whether one of the tickets was opened with this key."""
        return key in self._keys

    def with_key(self, key: str) -> Ticket | None:
        """Return the ticket that was opened with this key, while it can still change."""
        ticket = self._keys.get(key)
        return self.tickets[ticket] if ticket is not None else None

    def unresolved_for(self, place: Place) -> Ticket | None:
        """Return the ticket that the faults of a place share: its station's, or its own."""
        if place.station is not None:
            return self._oldest(("station", place.station), (TicketKind.FAULT,))
        return self._oldest(("place", place), (TicketKind.SITE, TicketKind.FLEET))

    def with_fault(self, fingerprint: str) -> Ticket | None:
        """Return the ticket that last held a fault, whatever became of it."""
        ticket = self._with_fault.get(fingerprint)
        return self.tickets[ticket] if ticket is not None else None

    def speaking_for(self, name: str) -> Ticket | None:
        """Return the unresolved ticket in which RULE@PLACE is active or listed."""
        ticket = self._speaking.get(name)
        return self.tickets[ticket] if ticket is not None else None

    def of_station(
        self, station: StationId, kinds: Iterable[TicketKind], customer: CustomerId
    ) -> Ticket | None:
        """Return the oldest unresolved ticket of a customer, or of none, for a station."""
        return _theirs(self._on(("station", station), kinds), customer)

    def of_site(
        self, site: SiteId, kinds: Iterable[TicketKind], customer: CustomerId
    ) -> Ticket | None:
        """Return the oldest unresolved ticket of a customer at a site, whatever part of it."""
        return _theirs(self._on(("site", site), kinds), customer)

    def of_customer(self, customer: CustomerId, kinds: Iterable[TicketKind]) -> list[Ticket]:
        """Return a customer's unresolved tickets, oldest first."""
        return self._on(("customer", customer), kinds)

    def requests(self) -> list[Ticket]:
        """Return the unresolved requests, oldest first."""
        return self._on(("kind", TicketKind.REQUEST), (TicketKind.REQUEST,))

    def due_until(self, at: datetime) -> tuple[datetime, Ticket] | None:
        """Take the ticket that is due first, if that is not later than `at`."""
        while self._heap and self._heap[0][0] <= at:
            due, _, ticket = heapq.heappop(self._heap)
            if self._due.get(ticket) == due:
                self._due[ticket] = None
                return due, self.tickets[ticket]
        return None

    def next_due_at(self) -> datetime | None:
        """Return when the next ticket is due; None where none ever is."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _is_newest(self, fault: Fault, ticket: TicketId) -> bool:
        """Tell whether no other ticket holds a later stay of the fault."""
        holder = self._with_fault.get(fault.fingerprint, ticket)
        if holder == ticket:
            return True
        return all(
            held.fault.raised_at <= fault.raised_at
            for held in self.tickets[holder].faults
            if held.fault.fingerprint == fault.fingerprint
        )

    def _schedule(self, ticket: Ticket) -> None:
        due = self._next_due(ticket)
        if due == self._due.get(ticket.id):
            return
        self._due[ticket.id] = due
        if due is not None:
            heapq.heappush(self._heap, (due, _number(ticket), ticket.id))

    def _unlist(self, ticket: Ticket) -> None:
        for shelf in _shelves(ticket):
            standing = self._unresolved.get(shelf)
            if standing is not None:
                standing.pop(ticket.id, None)
                if not standing:
                    del self._unresolved[shelf]
        for name in _spoken_for(ticket):
            if self._speaking.get(name) == ticket.id:
                del self._speaking[name]

    def _on(self, shelf: object, kinds: Iterable[TicketKind]) -> list[Ticket]:
        wanted = frozenset(kinds)
        found = [self.tickets[ticket] for ticket in self._unresolved.get(shelf, ())]
        return sorted((t for t in found if t.kind in wanted), key=_number)

    def _oldest(self, shelf: object, kinds: Iterable[TicketKind]) -> Ticket | None:
        return next(iter(self._on(shelf, kinds)), None)


def _theirs(tickets: list[Ticket], customer: CustomerId) -> Ticket | None:
    return next((t for t in tickets if t.customer in (None, customer)), None)


def _shelves(ticket: Ticket) -> list[object]:
    shelves: list[object] = [("kind", ticket.kind), ("place", ticket.place)]
    if ticket.place.kind in (PlaceKind.STATION, PlaceKind.EVSE):
        shelves.append(("station", ticket.place.station))
    if ticket.site is not None:
        shelves.append(("site", ticket.site))
    if ticket.customer is not None:
        shelves.append(("customer", ticket.customer))
    return shelves


def _spoken_for(ticket: Ticket) -> list[str]:
    return [*(held.fault.name for held in ticket.faults if held.is_active), *ticket.listed]


def _number(ticket: Ticket) -> int:
    return int(ticket.id.rpartition("-")[2])
