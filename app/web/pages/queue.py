"""The ticket queue: filters as they stand in the address, and rows as they are shown. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import msgspec

from app.web.pages.moments import span, written
from app.web.pages.words import (
    KIND_WORDS,
    STATE_WORDS,
    finding_of,
    place_words,
    site_of_ticket,
)
from domain.faults import Severity
from domain.places import CustomerId, PlaceKind, SiteId
from domain.registry import Registry, Site
from domain.tickets import Ticket, TicketKind, TicketState
from ticketing.phrasing import plain
from ticketing.store_rows import TicketFilter
from ticketing.wording import load_wording

UNRESOLVED = (TicketState.NEW, TicketState.OPEN, TicketState.WAITING)
MAIN_KINDS = tuple(kind for kind in TicketKind if kind is not TicketKind.TASK)


class QueueFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What the address asks for. Empty words mean "all"; `state` "" means unresolved."""

    tab: str = "tickets"  # tickets | tasks
    state: str = ""
    kind: str = ""
    customer: str = ""
    site: str = ""
    severity: str = ""
    mine: bool = False
    cursor: str = ""

    def query(self, who: str) -> TicketFilter:
        """Return the filter as the store is asked; `who` is meant by "mine"."""
        kinds = MAIN_KINDS if self.tab != "tasks" else (TicketKind.TASK,)
        if self.kind and self.tab != "tasks":
            kinds = tuple(kind for kind in MAIN_KINDS if kind.value == self.kind) or kinds
        return TicketFilter(
            states=_states(self.state),
            kinds=kinds,
            severities=(Severity(self.severity),) if self.severity else (),
            customer=CustomerId(self.customer) if self.customer else None,
            site=SiteId(self.site) if self.site else None,
            taken_by=who if self.mine else None,
        )

    def address(self, **changes: object) -> str:
        """Return the queue's address with some of the filters changed."""
        words = {**msgspec.structs.asdict(self), "cursor": "", **changes}
        if words["tab"] == "tickets":
            del words["tab"]
        pairs = [(name, "1" if word is True else word) for name, word in words.items() if word]
        return "/console/" + (f"?{urlencode(pairs)}" if pairs else "")

    @property
    def fragment(self) -> str:
        """The address of the rows alone, for live updates."""
        whole = self.address(cursor=self.cursor)
        return "/console/queue" + whole.removeprefix("/console/")

    @property
    def is_narrowed(self) -> bool:
        """True where any filter is set."""
        return bool(
            self.state or self.kind or self.customer or self.site or self.severity or self.mine
        )


def _states(word: str) -> tuple[TicketState, ...]:
    match word:
        case "":
            return UNRESOLVED
        case "resolved":
            return (TicketState.RESOLVED, TicketState.CLOSED)
        case _:
            return (TicketState(word),)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One ticket in the queue."""

    id: str
    severity: str
    state: str
    kind: str
    title: str
    finding: str  # what the codes of its active faults mean
    place: str
    site: str
    site_id: str
    customer: str
    customer_id: str
    since: str
    since_at: str
    since_title: str
    lasted: str  # of a ticket that is done; "" before
    ended: str  # "resolved Mon 5 Jan, 11:55"; "" before
    ended_at: str
    due: str
    due_title: str
    is_overdue: bool
    told: str  # "told" | "not told" | "" where there is nobody to tell
    marks: tuple[str, ...]
    taken_by: str


def row_of(ticket: Ticket, registry: Registry, now: datetime) -> Row:
    """Show one ticket in one line."""
    site = site_of_ticket(ticket, registry)
    zone = site.zone if site else UTC
    customer = registry.customers.get(ticket.customer) if ticket.customer else None
    due, is_overdue = due_words(ticket, now)
    due_at = ticket.next_update_at
    since_at = began_at(ticket)
    ended_at = None if ticket.state.is_unresolved else ticket.resolved_at or ticket.closed_at
    ended = "closed" if ticket.resolved_at is None else "resolved"
    return Row(
        id=ticket.id,
        severity=ticket.severity.value,
        state=STATE_WORDS[ticket.state],
        kind=KIND_WORDS[ticket.kind],
        title=short_title(ticket, site),
        finding=finding_of(codes_of(ticket), load_wording()),
        place=_place_beside(ticket, site, registry),
        site=site.title if site else (ticket.site or ""),
        site_id=ticket.site or "",
        customer=customer.name if customer else (ticket.customer or ""),
        customer_id=ticket.customer or "",
        since=span(now - since_at),
        since_at=since_at.isoformat(),
        since_title=written(since_at, zone),
        lasted="" if ended_at is None else span(ended_at - since_at),
        ended="" if ended_at is None else f"{ended} {written(ended_at, zone)}",
        ended_at="" if ended_at is None else ended_at.isoformat(),
        due=due,
        due_title="" if due_at is None else written(due_at, zone),
        is_overdue=is_overdue,
        told=told_words(ticket),
        marks=marks_of(ticket),
        taken_by=ticket.taken_by,
    )


def short_title(ticket: Ticket, site: Site | None) -> str:
    """Return the title without severity and site, which stand beside it on every page."""
    title = ticket.title
    if ticket.faults:  # titles of requests and tasks are people's words or have no severity
        first, _, rest = title.partition(" ")
        title = rest if first in {one.value for one in Severity} and rest else title
    return title if site is None else title.replace(f" @ {plain(site.title)}", "", 1)


def _place_beside(ticket: Ticket, site: Site | None, registry: Registry) -> str:
    """Name the place where neither the title nor the site's column does."""
    is_site = site is not None and ticket.place.kind is PlaceKind.SITE
    if is_site or ticket.place.name in ticket.title:
        return ""
    return place_words(ticket.place, registry)


def codes_of(ticket: Ticket) -> list[str]:
    """Return the codes of the active faults, else of all that were; the oldest first."""
    held = [one for one in ticket.faults if one.is_active] or ticket.faults
    return [code for one in held for code in one.fault.codes]


def began_at(ticket: Ticket) -> datetime:
    """Return since when it lasts: the oldest active fault's first moment, else the opening.

    Of a ticket that is done, the first moment of the oldest fault it had.
    """
    is_done = not ticket.state.is_unresolved
    seen = [held.fault.seen_at for held in ticket.faults if held.is_active or is_done]
    return min(seen, default=ticket.opened_at)


def due_words(ticket: Ticket, now: datetime) -> tuple[str, bool]:
    """Say when the promise to the customer falls due, and whether it is past."""
    due_at = ticket.next_update_at
    if due_at is None or not ticket.state.is_unresolved:
        return "", False
    if due_at < now:
        return f"{span(now - due_at)} late", True
    return f"in {span(due_at - now)}", False


def told_words(ticket: Ticket) -> str:
    """Say whether the customer heard of it from us; "" where there is nobody to tell."""
    if ticket.customer is None or ticket.kind not in (TicketKind.FAULT, TicketKind.SITE):
        return ""
    return "told" if ticket.first_notice_at is not None else "not told"


def marks_of(ticket: Ticket) -> tuple[str, ...]:
    """Return what stands out about a ticket."""
    marks = []
    if any(held.is_active and held.fault.is_danger for held in ticket.faults):
        marks.append("danger")
    if ticket.is_flapping:
        marks.append("flapping")
    if ticket.reopened:
        marks.append("reopened" if ticket.reopened == 1 else f"reopened {ticket.reopened}×")
    if ticket.is_late:
        marks.append("promise broken")
    if ticket.contacts:
        calls = len(ticket.contacts)
        mark = "customer got in touch"  # by phone or otherwise
        marks.append(mark if calls == 1 else f"{mark} {calls}×")
    return tuple(marks)
