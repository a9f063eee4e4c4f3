"""Tickets: the list, one of them, and what people do to them."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Header, Query, Request

from app.explain import ExplanationView, Rules, explanation_of, positions_of
from app.messages import ActOnTicket, GetRules, RulesInForce
from app.views import TicketView, fault_view, moment, ticket_view
from app.web.api.prefix import PREFIX
from app.web.auth import Reader, Writer
from app.web.context import WebContext, context_of
from app.web.models import (
    CallView,
    CloseBody,
    HistoryLine,
    NoteBody,
    Page,
    TicketDetail,
)
from app.web.principals import Principal, Scope
from app.web.problems import ProblemError, missing, responses
from domain.faults import Severity
from domain.places import CustomerId, SiteId
from domain.tickets import Ticket, TicketKind, TicketState
from ticketing.commands import Action, AddNote, CloseTicket, TakeTicket
from ticketing.store_rows import TicketFilter

router = APIRouter(prefix=PREFIX, tags=["tickets"])

_KEY = Header(description="A repeat with the same key does nothing twice.", max_length=200)
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(max_length=500)]


def ticket_query(
    state: Annotated[list[TicketState] | None, Query()] = None,
    kind: Annotated[list[TicketKind] | None, Query()] = None,
    severity: Annotated[list[Severity] | None, Query()] = None,
    customer: str | None = None,
    site: str | None = None,
    taken_by: str | None = None,
) -> TicketFilter:
    """Read the filters of a list of tickets."""
    return TicketFilter(
        states=tuple(state or ()),
        kinds=tuple(kind or ()),
        severities=tuple(severity or ()),
        customer=None if customer is None else CustomerId(customer),
        site=None if site is None else SiteId(site),
        taken_by=taken_by,
    )


@router.get("/tickets", responses=responses(400))
def list_tickets(
    request: Request,
    _: Reader,
    query: Annotated[TicketFilter, Depends(ticket_query)],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[TicketView]:
    """List tickets; the promise that falls due next comes first."""
    found, after = context_of(request).reading.tickets(query, cursor=cursor, limit=limit)
    return Page(items=[ticket_view(ticket) for ticket in found], next=after)


@router.get("/tickets/{ticket_id}", responses=responses(404))
def get_ticket(request: Request, _: Reader, ticket_id: str) -> TicketDetail:
    """Return one ticket with its faults, history and contacts."""
    ticket = context_of(request).reading.ticket(ticket_id)
    if ticket is None:
        raise missing(f"ticket {ticket_id}")
    return ticket_detail(ticket)


@router.get("/tickets/{ticket_id}/explanation", responses=responses(404))
async def explain_ticket(
    request: Request, principal: Reader, ticket_id: str
) -> ExplanationView:
    """Explain a ticket: each decision with its reason and frames, and who was told or why not.

    Frames are masked without the scope `admin`.
    """
    web = context_of(request)
    reading = web.reading
    ticket = await reading.off_loop(reading.ticket, ticket_id)
    if ticket is None:
        raise missing(f"ticket {ticket_id}")
    notices = await reading.off_loop(reading.notices_of, ticket_id)
    entries = await reading.off_loop(reading.entries, positions_of(ticket))
    rules = await _known_rules(web)
    return explanation_of(ticket, notices, entries, rules, is_raw=principal.may(Scope.ADMIN))


async def _known_rules(web: WebContext) -> Rules:
    """Return the rules in force; none while core is away: the rest is told without them."""
    try:
        answer = await web.ask(GetRules())
    except ProblemError:
        return Rules()
    return (
        Rules.of(answer.version, answer.rules) if isinstance(answer, RulesInForce) else Rules()
    )


def ticket_detail(ticket: Ticket) -> TicketDetail:
    """Show everything in a ticket."""
    return TicketDetail(
        ticket=ticket_view(ticket),
        faults=[fault_view(held.fault) for held in ticket.faults],
        history=[
            HistoryLine(
                at=moment(line.at),
                what=line.what,
                who=line.who,
                why=line.why,
                evidence=list(line.evidence),
            )
            for line in ticket.history
        ],
        contacts=[
            CallView(
                at=moment(call.at),
                customer=ticket.customer,
                ticket=ticket.id,
                channel=call.channel,
                station=call.station,
                site=call.site,
                text=call.text,
            )
            for call in ticket.contacts
        ],
    )


def action_key(principal: Principal, given: str | None) -> str:
    """Return the key of an action: the asker's own, kept apart by name, or a new one."""
    return f"person:{principal.name}:{given or uuid4().hex}"


@router.post("/tickets/{ticket_id}/take", responses=responses(404, 409))
async def take_ticket(
    request: Request,
    principal: Writer,
    ticket_id: str,
    idempotency_key: Annotated[str | None, _KEY] = None,
) -> TicketView:
    """Take a ticket: it is yours, and open."""
    key = action_key(principal, idempotency_key)
    return await _act(request, TakeTicket(ticket=ticket_id, who=principal.name, key=key))


@router.post("/tickets/{ticket_id}/notes", responses=responses(404, 409))
async def add_note(
    request: Request,
    principal: Writer,
    ticket_id: str,
    body: NoteBody,
    idempotency_key: Annotated[str | None, _KEY] = None,
) -> TicketView:
    """Write an internal note. No customer reads it."""
    key = action_key(principal, idempotency_key)
    note = AddNote(ticket=ticket_id, who=principal.name, text=body.text, key=key)
    return await _act(request, note)


@router.post("/tickets/{ticket_id}/close", responses=responses(404, 409))
async def close_ticket(
    request: Request,
    principal: Writer,
    ticket_id: str,
    body: CloseBody,
    idempotency_key: Annotated[str | None, _KEY] = None,
) -> TicketView:
    """Resolve a request or task, or close a resolved ticket.

    It ends faults that only a person can end; 409 while another fault is active.
    """
    key = action_key(principal, idempotency_key)
    close = CloseTicket(ticket=ticket_id, who=principal.name, why=body.why, key=key)
    return await _act(request, close)


async def _act(request: Request, action: Action) -> TicketView:
    web = context_of(request)
    await web.ask(ActOnTicket(action))
    ticket = await web.reading.off_loop(web.reading.ticket, action.ticket)
    if ticket is None:
        raise missing(f"ticket {action.ticket}")
    return ticket_view(ticket)
