"""The agents' console: queue and tickets. Every view has an address."""

from __future__ import annotations

from datetime import UTC
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from app.messages import ActOnTicket, FleetView
from app.web.api.tickets import action_key
from app.web.auth import FormWriter, Reader
from app.web.context import WebContext, context_of
from app.web.pages.frames import (
    FRAMES_SHOWN,
    FrameLine,
    evidence_of,
    frame_lines,
    frames_wanted,
)
from app.web.pages.queue import QueueFilter, row_of
from app.web.pages.templating import render
from app.web.pages.ticket import ticket_page
from app.web.principals import Principal
from app.web.problems import ProblemError, missing
from domain.faults import Severity
from domain.places import SiteId, StationId
from domain.tickets import Ticket, TicketKind, TicketState
from ticketing.commands import Action, AddNote, CloseTicket, TakeTicket

router = APIRouter(prefix="/console", include_in_schema=False)

ROWS = 100
"""Tickets on one page of the queue."""


def _known(word: str, words: type[StrEnum]) -> str:
    """Return a filter's word if there is such a one, else ""."""
    return word if word in {one.value for one in words} else ""


def queue_filter(request: Request) -> QueueFilter:
    """Read the queue's filters from the address; a word nobody knows shows everything."""
    words = request.query_params
    return QueueFilter(
        tab="tasks" if words.get("tab") == "tasks" else "tickets",
        state=_known(words.get("state", ""), TicketState),
        kind=_known(words.get("kind", ""), TicketKind),
        customer=words.get("customer", ""),
        site=words.get("site", ""),
        severity=_known(words.get("severity", ""), Severity),
        mine=bool(words.get("mine")),
        cursor=words.get("cursor", "")[:500],
    )


Filters = Annotated[QueueFilter, Depends(queue_filter)]


@router.get("/")
def queue_page(request: Request, principal: Reader, filters: Filters) -> Response:
    """Show the ticket queue."""
    web = context_of(request)
    registry = web.registry
    values = {
        **_queue(web, principal, filters),
        "customers": sorted(registry.customers.values(), key=lambda one: one.name.casefold()),
        "site": registry.sites.get(SiteId(filters.site)),
    }
    return render("queue.html", request, values, principal=principal)


@router.get("/queue")
def queue_fragment(request: Request, principal: Reader, filters: Filters) -> Response:
    """Show the queue's rows alone, for live updates."""
    web = context_of(request)
    values = _queue(web, principal, filters)
    return render("_queue.html", request, values, principal=principal)


def _queue(web: WebContext, principal: Principal, filters: QueueFilter) -> dict[str, object]:
    found, after = web.reading.tickets(
        filters.query(principal.name), cursor=filters.cursor or None, limit=ROWS
    )
    registry, now = web.registry, web.now()
    rows = [row_of(ticket, registry, now) for ticket in found]
    return {
        "rows": rows,
        "next": after,
        "filters": filters,
        "counts": web.reading.counts(),
    }


@router.get("/tickets/{ticket_id}")
async def ticket(request: Request, principal: Reader, ticket_id: str) -> Response:
    """Show one ticket."""
    view = await context_of(request).fleet_or_none()
    return await _ticket(request, principal, ticket_id, "ticket.html", view)


@router.get("/tickets/{ticket_id}/live")
async def ticket_fragment(request: Request, principal: Reader, ticket_id: str) -> Response:
    """Show what changes on a ticket's page, for live updates."""
    view = await context_of(request).fleet_or_none(settled=True)
    return await _ticket(request, principal, ticket_id, "_ticket.html", view)


async def _ticket(
    request: Request,
    principal: Principal,
    ticket_id: str,
    template: str,
    view: FleetView | None,
) -> Response:
    web = context_of(request)

    def rendered() -> Response:
        found = web.reading.ticket(ticket_id)
        if found is None:
            raise missing(f"ticket {ticket_id}")
        notices, _ = web.reading.notices(ticket=ticket_id, limit=200)
        page = ticket_page(
            found,
            sorted(notices, key=lambda notice: (notice.at, notice.to)),
            web.registry,
            view=view,
            who=principal.name,
            now=web.now(),
        )
        frames = _frames_beside(web, found)
        return render(template, request, {"page": page, "frames": frames}, principal=principal)

    return await run_in_threadpool(rendered)


def _frames_beside(web: WebContext, found: Ticket) -> list[tuple[StationId, list[FrameLine]]]:
    evidence = evidence_of(found)
    site = web.registry.sites.get(found.site) if found.site else None
    zone = site.zone if site else UTC
    return [
        (
            station,
            frame_lines(
                web.reading.frames(station, since=since, limit=FRAMES_SHOWN), zone, evidence
            ),
        )
        for station, since in frames_wanted(found)
    ]


def _back(ticket_id: str) -> RedirectResponse:
    return RedirectResponse(f"/console/tickets/{quote(ticket_id, safe='')}", status_code=303)


async def _act(request: Request, action: Action) -> Response:
    await context_of(request).ask(ActOnTicket(action))
    return _back(action.ticket)


@router.post("/tickets/{ticket_id}/take")
async def take(
    request: Request, who: FormWriter, ticket_id: str, key: Annotated[str, Form()] = ""
) -> Response:
    """Take the ticket."""
    action = TakeTicket(ticket=ticket_id, who=who.name, key=action_key(who, key))
    return await _act(request, action)


@router.post("/tickets/{ticket_id}/notes")
async def add_note(
    request: Request,
    who: FormWriter,
    ticket_id: str,
    text: Annotated[str, Form(max_length=10_000)] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Write an internal note."""
    if not text.strip():
        return _back(ticket_id)
    action = AddNote(
        ticket=ticket_id, who=who.name, text=text.strip(), key=action_key(who, key)
    )
    return await _act(request, action)


@router.post("/tickets/{ticket_id}/close")
async def close(
    request: Request,
    who: FormWriter,
    ticket_id: str,
    why: Annotated[str, Form(max_length=2_000)] = "",
    key: Annotated[str, Form()] = "",
) -> Response:
    """Resolve or close the ticket."""
    if not why.strip():
        raise ProblemError(422, "say why it is closed: the next reader will want to know")
    action = CloseTicket(
        ticket=ticket_id, who=who.name, why=why.strip(), key=action_key(who, key)
    )
    return await _act(request, action)


@router.get("/events")
async def events(request: Request, _: Reader) -> Response:
    """Stream what changes to an open page (server-sent events)."""
    hub = context_of(request).hub
    if hub.is_full:
        raise ProblemError(503, "too many pages are open", headers={"Retry-After": "30"})
    return StreamingResponse(
        hub.events(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
