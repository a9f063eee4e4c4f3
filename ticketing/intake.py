"""Intake: which ticket a decision, a finding or a contact belongs to, and what it does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

import msgspec

from domain.events import ContactMade
from domain.faults import Change, Decision, Fault, Severity, WorkFound
from domain.places import FLEET, Place, PlaceKind
from domain.tickets import Ticket, TicketKind
from ticketing.contacts import fitting_ticket, place_of, request_for, with_contact
from ticketing.filing import Filing
from ticketing.holding import (
    active_faults,
    reopened,
    resolved,
    with_fault,
    with_link,
    with_listed,
)

_KIND_OF_PLACE = {
    PlaceKind.EVSE: TicketKind.FAULT,
    PlaceKind.STATION: TicketKind.FAULT,
    PlaceKind.SITE: TicketKind.SITE,
    PlaceKind.CARRIER: TicketKind.FLEET,
    PlaceKind.FLEET: TicketKind.FLEET,
}


class Intake:
    """Takes faults, work and contacts into tickets. One instance per desk."""

    def __init__(self, filing: Filing) -> None:
        self._filing = filing
        self._book = filing.book
        # Faults whose station or site speaks for them before its own fault is active and has a
        # ticket.
        self._waiting: dict[str, dict[str, Fault]] = {}

    def remember(self, faults: Iterable[Fault]) -> None:
        """After a start: take up the active faults that wait for their station's own."""
        for fault in faults:
            by = fault.inhibited_by
            holder = self._book.with_fault(fault.fingerprint)
            is_held = holder is not None and holder.state.is_unresolved
            if by is not None and _is_within(by, fault.place) and not is_held:
                self._waiting.setdefault(by, {})[fault.fingerprint] = fault

    def decide(self, decision: Decision, at: datetime) -> None:
        """Do to the tickets what a decision of the engine says."""
        fault = decision.fault
        self._stop_waiting(fault)
        holder = self._book.with_fault(fault.fingerprint)
        ticket = holder if holder is not None and holder.state.is_unresolved else None
        match decision.change:
            case Change.RAISED:
                self._raise(decision, at)
            case Change.CLEARED:
                if ticket is not None:
                    self._clear(ticket, decision, at)
            case (
                Change.RELEASED
                | Change.INHIBITED
                | Change.WORSENED
                | Change.IMPROVED
                | Change.RECODED
                | Change.FLAPPING
                | Change.LINKED
            ):
                if ticket is None:
                    self._change_elsewhere(decision, at)
                else:
                    self._filing.save(self._held(ticket, decision, at), decision.key)
                    if decision.change is Change.INHIBITED:
                        self._list(decision, at)
            case _:
                assert_never(decision.change)
        self._link(decision, at)

    def open_work(self, work: WorkFound, at: datetime) -> None:
        """Open a task for us, once per key; or add to one that is there."""
        if work.about:
            self._add_work(work, at)
            return
        if self._book.has_key(work.key):
            return
        task = self._filing.new(TicketKind.TASK, work.place, at, work.key)
        task = msgspec.structs.replace(
            task,
            severity=work.severity,
            rules=(work.rule,),
            codes=tuple(sorted(work.codes)),
            places=(str(work.place),),
            stations=work.stations or task.stations,
            title=f"{work.rule} {work.place}: {work.detail}",
        )
        task = self._filing.noted(task, at, "opened", work.detail, evidence=work.evidence)
        self._filing.save(task, work.key)

    def _add_work(self, work: WorkFound, at: datetime) -> None:
        task = self._book.with_key(work.about)
        if task is None or not task.state.is_unresolved:
            return
        # Its stations stay those of its place, as with every ticket; the line names the others.
        title = f"{work.rule} {task.place}: {work.detail}"
        task = msgspec.structs.replace(task, title=title)
        why = f"{work.detail} ({', '.join(work.stations)})" if work.stations else work.detail
        task = self._filing.noted(task, at, "seen again", why, evidence=work.evidence)
        self._filing.save(task, work.key)

    def record(self, contact: ContactMade, at: datetime, position: int) -> None:
        """Record a contact in the ticket it is about, or open a request."""
        filing = self._filing
        key = _contact_key(contact, position)
        ticket = fitting_ticket(contact, self._book, filing.registry)
        if ticket is None:
            place = place_of(contact, filing.registry)
            ticket = msgspec.structs.replace(
                filing.new(TicketKind.REQUEST, place, at, key),
                severity=Severity.MINOR,
                customer=contact.customer,
                title=f"Request by {contact.channel}: {contact.text or 'no words noted'}",
            )
        evidence = (position,) if position else ()
        noted = filing.noted(
            ticket, at, "contact", f"{contact.channel}: {contact.text}", evidence=evidence
        )
        filing.save(with_contact(noted, contact), key)

    # --- faults -----------------------------------------------------------------------------

    def _change_elsewhere(self, decision: Decision, at: datetime) -> None:
        """A fault without a ticket of its own changed: a wider cause spoke or speaks for it."""
        is_free = decision.fault.inhibited_by is None
        if decision.change in (Change.RELEASED, Change.INHIBITED) or not is_free:
            self._raise(decision, at)

    def _raise(self, decision: Decision, at: datetime) -> None:
        fault, by = decision.fault, decision.fault.inhibited_by
        if by is None:
            self._open_or_join(decision, at)
            return
        own = self._book.unresolved_for(fault.place)
        speaker = self._book.speaking_for(by)
        if not _is_within(by, fault.place) or (speaker is not None and speaker != own):
            self._list(decision, at)
        elif own is not None and speaker is not None:
            self._filing.save(self._held(own, decision, at), decision.key)
        else:
            self._waiting.setdefault(by, {})[fault.fingerprint] = fault

    def _list(self, decision: Decision, at: datetime) -> None:
        """Note a fault in the ticket of the wider cause that speaks for it, if that has one."""
        fault = decision.fault
        speaker = self._book.speaking_for(fault.inhibited_by or "")
        if speaker is None or fault.name in speaker.listed:
            return
        if any(held.fault.fingerprint == fault.fingerprint for held in speaker.faults):
            return
        if speaker.kind is TicketKind.FLEET and _is_affecting(speaker, fault):
            return  # much of the fleet is affected: its stations say it, once
        listed = self._filing.noted(
            with_listed(speaker, fault),
            at,
            "fault listed",
            fault.name,
            evidence=decision.evidence,
        )
        self._filing.save(listed, f"{decision.key}|{speaker.id}")

    def _link(self, decision: Decision, at: datetime) -> None:
        """Link the fault's ticket and that of the wider cause it is part of, both ways."""
        fault = decision.fault
        wider = self._book.speaking_for(fault.part_of or "")
        own = self._book.with_fault(fault.fingerprint)
        if (
            wider is None
            or own is None
            or not own.state.is_unresolved
            or wider.id in own.linked
        ):
            return
        for one, other in ((own, wider), (wider, own)):
            why = f"{fault.name} is part of {fault.part_of}"
            noted = self._filing.noted(one, at, f"linked to {other.id}", why)
            self._filing.save(with_link(noted, other), f"{decision.key}|link {one.id}")

    def _open_or_join(self, decision: Decision, at: datetime) -> None:
        fault, filing = decision.fault, self._filing
        ticket = self._book.unresolved_for(fault.place)
        ticket = ticket or self._explained_request(fault, at) or self._relapsed(fault, at)
        if ticket is None:
            kind = _KIND_OF_PLACE[fault.place.kind]
            ticket = filing.new(kind, _ticket_place(fault.place), at, decision.key)
        ticket = self._held(ticket, decision, at)
        for other in self._waiting.pop(fault.name, {}).values():
            ticket = filing.noted(ticket, at, "fault joined", other.name)
            ticket = with_fault(ticket, other, at)
        filing.save(ticket, decision.key)

    def _explained_request(self, fault: Fault, at: datetime) -> Ticket | None:
        """Return the request that this fault explains, as the fault's ticket."""
        registry = self._filing.registry
        within = self._filing.settings.request_joins_within
        request = request_for(fault, at, self._book, registry, within)
        if request is None:
            return None
        site = registry.site_of(fault.place)
        return msgspec.structs.replace(
            request,
            kind=_KIND_OF_PLACE[fault.place.kind],
            place=_ticket_place(fault.place),
            site=site.id if site else request.site,
        )

    def _relapsed(self, fault: Fault, at: datetime) -> Ticket | None:
        ticket = self._book.with_fault(fault.fingerprint)
        if ticket is None or ticket.resolved_at is None or ticket.state.is_unresolved:
            return None
        if at >= ticket.resolved_at + self._filing.settings.relapse_within:
            return None
        return self._filing.noted(reopened(ticket), at, "reopened", f"{fault.name} is back")

    def _clear(self, ticket: Ticket, decision: Decision, at: datetime) -> None:
        after = self._held(ticket, decision, at)
        if not active_faults(after):
            after = resolved(after, at, decision.quiet_until)
            why = "its last active fault has cleared"
            after = self._filing.noted(after, at, "resolved", why)
        self._filing.save(after, decision.key)

    def _held(self, ticket: Ticket, decision: Decision, at: datetime) -> Ticket:
        what = f"fault {decision.change.value}"
        why = f"{decision.fault.name}: {decision.because}"
        noted = self._filing.noted(
            ticket,
            at,
            what,
            why,
            evidence=decision.evidence,
            rules_version=decision.rules_version,
        )
        return with_fault(noted, decision.fault, at)

    def _stop_waiting(self, fault: Fault) -> None:
        for name, waiting in list(self._waiting.items()):
            if waiting.pop(fault.fingerprint, None) is not None and not waiting:
                del self._waiting[name]


def _is_affecting(wider: Ticket, fault: Fault) -> bool:
    """Tell whether a ticket names every station that a fault concerns."""
    station = fault.place.station
    concerned = fault.stations if station is None else (station,)
    return bool(concerned) and {*concerned} <= {*wider.stations}


def _ticket_place(place: Place) -> Place:
    station = place.station
    return place if station is None else Place.of_station(station)


def _is_within(name: str, place: Place) -> bool:
    """Tell whether RULE@PLACE names a fault of the same station, or the very same wider place.

    Windows name their place the same way; they are nobody's fault.
    """
    rule, _, where = name.partition("@")
    if rule in ("maintenance", "silence"):
        return False
    if place.station is None:
        return where == str(place)
    return where.partition("/")[0] == str(Place.of_station(place.station))


def _contact_key(contact: ContactMade, position: int) -> str:
    about = contact.station or contact.site or FLEET
    return f"contact|{position}|{contact.observed_at.isoformat()}|{contact.customer}|{about}"
