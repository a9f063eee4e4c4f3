"""What people may do to a ticket, and what becomes of it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

import msgspec

from domain.faults import Fault
from domain.tickets import HistoryEntry, Ticket, TicketState
from ticketing.commands import Action, AddNote, CloseTicket, RefusedError, TakeTicket
from ticketing.holding import active_faults, resolved

_SAY_WHY = "Say why: the next person has to understand how this ended."


def acted_on(ticket: Ticket, action: Action, at: datetime) -> tuple[Ticket, HistoryEntry]:
    """Return the ticket after a person's action, and the line for its history.

    Raises RefusedError where it cannot be done; the message says what to do instead.
    """
    match action:
        case TakeTicket():
            return _taken(ticket, action, at)
        case AddNote():
            return _noted(ticket, action, at)
        case CloseTicket():
            return _closed(ticket, action, at)
        case _:
            assert_never(action)


def to_dismiss(ticket: Ticket, action: CloseTicket) -> tuple[Fault, ...]:
    """Return the active faults that closing a ticket ends: those that nothing else may end.

    They are ended before the ticket is closed, in the engine that found them. Raises
    RefusedError as `acted_on` does; where nothing is active, there is nothing to end.
    """
    active = active_faults(ticket)
    lasting = [fault for fault in active if not fault.person_may_end]
    if lasting:
        raise RefusedError(
            f"{lasting[0].name} is still active: closing {ticket.id} would not end it. Repair"
            " it, or silence the place; the ticket resolves when the fault has cleared."
        )
    if active and not action.why.strip():
        raise RefusedError(_SAY_WHY)
    return tuple(active)


def _taken(ticket: Ticket, action: TakeTicket, at: datetime) -> tuple[Ticket, HistoryEntry]:
    if not ticket.state.is_unresolved:
        raise RefusedError(
            f"Ticket {ticket.id} is {ticket.state.value}; there is nothing left to take."
            " Add a note instead."
        )
    state = TicketState.OPEN if ticket.state is TicketState.NEW else ticket.state
    taken = msgspec.structs.replace(ticket, state=state, taken_by=action.who)
    return taken, HistoryEntry(at=at, what="taken", who=action.who)


def _noted(ticket: Ticket, action: AddNote, at: datetime) -> tuple[Ticket, HistoryEntry]:
    if not action.text.strip():
        raise RefusedError("The note is empty; write what the next person needs to know.")
    return ticket, HistoryEntry(at=at, what="note", who=action.who, why=action.text)


def _closed(ticket: Ticket, action: CloseTicket, at: datetime) -> tuple[Ticket, HistoryEntry]:
    if to_dismiss(ticket, action):
        raise RefusedError(f"A fault of {ticket.id} came up just now: look at it once more.")
    if not action.why.strip():
        raise RefusedError(_SAY_WHY)
    if ticket.state is TicketState.CLOSED:
        raise RefusedError(f"Ticket {ticket.id} is closed already.")
    entry = HistoryEntry(at=at, what="closed", who=action.who, why=action.why)
    if ticket.state is TicketState.RESOLVED:
        after = msgspec.structs.replace(ticket, state=TicketState.CLOSED, closed_at=at)
        return after, entry
    return resolved(ticket, at), msgspec.structs.replace(entry, what="resolved")
