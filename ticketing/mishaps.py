"""Mishaps: what a bug of ours kept the desk from doing, as a task, so that a person does it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.events import ContactMade
from domain.faults import Decision, Severity, WorkFound
from domain.places import FLEET
from domain.tickets import Ticket, TicketKind
from ticketing.filing import Filing

RULE = "not-dealt-with"
"""What such tasks stand under."""

Given = Ticket | Decision | WorkFound | ContactMade
"""What can go wrong: what is due about a ticket, or an input."""


def open_mishap_task(filing: Filing, given: Given, error: Exception, at: datetime) -> None:
    """Open a task about what could not be dealt with: one a day per ticket or kind of input.

    None about such a task itself. The task belongs to no site and names the exception by its
    type alone: it has to come about whatever is broken, and may quote nobody.
    """
    if isinstance(given, Ticket) and RULE in given.rules:
        return
    about = given.id if isinstance(given, Ticket) else type(given).__name__
    key = f"task|{RULE}|{about}|{at.date().isoformat()}"
    if filing.book.has_key(key):
        return
    said = f"{_named(given)} could not be dealt with: {type(error).__name__}"
    task = msgspec.structs.replace(
        filing.new(TicketKind.TASK, FLEET, at, key),
        severity=Severity.MAJOR,
        rules=(RULE,),
        places=(str(FLEET),),
        title=f"{said}; look after it by hand",
    )
    why = f"{said}. The service's log has the details, and more of the kind if there are any."
    filing.save(filing.noted(task, at, "opened", why, evidence=_evidence_of(given)), key)


def _named(given: Given) -> str:
    match given:
        case Ticket():
            return given.id
        case Decision():
            return f"{given.fault.name} ({given.change.value})"
        case WorkFound():
            return f"{given.rule} {given.place}"
        case ContactMade():
            about = given.station or given.site or "no place"
            return f"A contact of customer {given.customer} about {about}"


def _evidence_of(given: Given) -> tuple[int, ...]:
    match given:
        case Ticket():
            return ()
        case Decision() | WorkFound():
            return given.evidence
        case ContactMade():
            return (given.position,) if given.position else ()
