"""How a ticket changes with its faults: pure functions from one frozen ticket to the next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from domain.faults import Fault, Severity, worst
from domain.places import StationId, TicketId
from domain.tickets import HeldFault, HistoryEntry, Ticket, TicketState


def with_fault(ticket: Ticket, fault: Fault, at: datetime) -> Ticket:
    """Return the ticket with the newest state of a fault, and all that follows from it renewed.

    Severity is the worst of the active faults, and once none is active the worst it ever had.
    """
    told = next(
        (h.told_severity for h in ticket.faults if h.fault.fingerprint == fault.fingerprint),
        None,
    )
    others = [h for h in ticket.faults if h.fault.fingerprint != fault.fingerprint]
    faults = (*others, HeldFault(fault=fault, told_severity=told))
    active = [held.fault.severity for held in faults if held.is_active]
    ever = worst(fault.severity, ticket.worst or Severity.INFO)
    station = fault.place.station
    stations = fault.stations if station is None else (*fault.stations, station)
    return msgspec.structs.replace(
        ticket,
        faults=faults,
        places=_joined(ticket.places, (str(fault.place),)),
        rules=_joined(ticket.rules, (fault.rule,)),
        codes=_joined(ticket.codes, fault.codes),
        stations=_joined(ticket.stations, stations),
        severity=worst(*active) if active else ever,
        worst=ever,
        is_flapping=ticket.is_flapping or fault.is_flapping,
        changed_at=at,
        untold_because="",
    )


def with_listed(ticket: Ticket, fault: Fault) -> Ticket:
    """Return a wider cause's ticket with a fault it speaks for, and that fault's station."""
    station = fault.place.station
    return msgspec.structs.replace(
        ticket,
        listed=_joined(ticket.listed, (fault.name,)),
        stations=_joined(ticket.stations, () if station is None else (station,)),
    )


def with_link(ticket: Ticket, other: Ticket) -> Ticket:
    """Return the ticket linked to another one of the same cause, in the order of numbers.

    A ticket for us alone (no customer is told by it) shows the stations of its links as well.
    """
    numbered = {_number_of(id): id for id in (*ticket.linked, other.id)}
    is_ours = ticket.customer is None
    return msgspec.structs.replace(
        ticket,
        linked=tuple(numbered[number] for number in sorted(numbered)),
        stations=_joined(ticket.stations, other.stations if is_ours else ()),
    )


def with_history(ticket: Ticket, entry: HistoryEntry, at_most: int) -> Ticket:
    """Return the ticket with one more line; past `at_most` the oldest but the first goes."""
    history = (*ticket.history, entry)
    if len(history) > at_most:
        history = (history[0], *history[2:])
    return msgspec.structs.replace(ticket, history=history)


def resolved(ticket: Ticket, at: datetime, hold_until: datetime | None = None) -> Ticket:
    """Return the ticket resolved; `hold_until` is when its notice may go at the earliest."""
    return msgspec.structs.replace(
        ticket,
        state=TicketState.RESOLVED,
        resolved_at=at,
        changed_at=at,
        next_update_at=None,
        hold_until=hold_until if hold_until is not None and hold_until > at else None,
    )


def reopened(ticket: Ticket) -> Ticket:
    """Return a resolved ticket as it goes on: open for whoever had taken it, else new."""
    return msgspec.structs.replace(
        ticket,
        state=TicketState.OPEN if ticket.taken_by else TicketState.NEW,
        reopened=ticket.reopened + 1,
        resolved_at=None,
        closed_at=None,
        hold_until=None,
    )


def active_faults(ticket: Ticket) -> list[Fault]:
    """Return the faults that are active, inhibited ones too."""
    return [held.fault for held in ticket.faults if held.is_active]


def worst_first(faults: Iterable[Fault]) -> list[Fault]:
    """Order faults by how much they matter: danger, severity, the wider place."""
    return sorted(
        faults,
        key=lambda fault: (
            not fault.is_danger,
            -fault.severity.rank,
            str(fault.place).partition("/")[0],
            fault.place.evse,
            fault.rule,
        ),
    )


def _number_of(ticket: TicketId) -> int:
    return int(ticket.rpartition("-")[2])


def _joined(
    have: tuple[str, ...] | tuple[StationId, ...],
    more: tuple[str, ...] | tuple[StationId, ...],
) -> tuple[StationId, ...]:
    return tuple(StationId(name) for name in sorted({*have, *more}))
