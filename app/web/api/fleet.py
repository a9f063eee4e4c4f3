"""Stations, faults, sites and customers: what is registered and what core believes now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from app.messages import CommandDone, FleetView, SendCommand
from app.views import FaultView, StationView, fault_view, moment, station_view
from app.web.api.prefix import PREFIX
from app.web.api.tickets import Cursor, Limit
from app.web.auth import Commander, Reader
from app.web.context import WebContext, context_of
from app.web.masking import mask_frame
from app.web.models import (
    CommandAnswer,
    CommandBody,
    CustomerView,
    FrameView,
    Page,
    SiteView,
)
from app.web.principals import Scope
from app.web.problems import ProblemError, missing, responses
from domain.beliefs import StationBelief
from domain.faults import Fault
from domain.journal import Entry, EntryKind
from domain.places import StationId
from domain.registry import Customer, Registry, Site

router = APIRouter(prefix=PREFIX, tags=["fleet"])
T = TypeVar("T")


def paged(
    things: Sequence[T], key: Callable[[T], str], *, cursor: str | None, limit: int
) -> tuple[Sequence[T], str | None]:
    """Return the part of a sorted list behind `cursor` (the key of the last one seen)."""
    start = 0 if cursor is None else sum(1 for thing in things if key(thing) <= cursor)
    part = things[start : start + limit]
    is_end = start + limit >= len(things)
    return part, None if is_end or not part else key(part[-1])


def beliefs_of(view: FleetView, registry: Registry) -> dict[str, StationBelief]:
    """Return what is believed of every station, the registered and silent ones included."""
    known = {belief.station: belief for belief in view.stations}
    for station in registry.stations:
        if station not in known:
            known[station] = StationBelief(station=station)
    return dict(sorted(known.items()))


def faults_by_station(view: FleetView) -> dict[str, list[Fault]]:
    """Group the active faults by their station."""
    grouped: dict[str, list[Fault]] = {}
    for fault in view.faults:
        if fault.place.station is not None:
            grouped.setdefault(fault.place.station, []).append(fault)
    return grouped


@router.get("/stations", responses=responses())
async def list_stations(
    request: Request,
    _: Reader,
    site: str | None = None,
    online: bool | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[StationView]:
    """List stations by id: the registered ones, and strangers that connected."""
    web = context_of(request)
    view, registry = await web.fleet_view(), web.registry
    faults = faults_by_station(view)
    shown = []
    for station, belief in beliefs_of(view, registry).items():
        of_site = registry.site_of(belief.station)
        if site is not None and (of_site is None or of_site.id != site):
            continue
        one = station_view(belief, faults.get(station, ()))
        if online is None or one["online"] is online:
            shown.append(one)
    part, after = paged(shown, lambda one: one["id"], cursor=cursor, limit=limit)
    return Page(items=list(part), next=after)


@router.get("/stations/{station_id}", responses=responses(404))
async def get_station(request: Request, _: Reader, station_id: str) -> StationView:
    """Return what is believed of one station."""
    web = context_of(request)
    view = await web.fleet_view()
    belief = belief_or_missing(view, web.registry, station_id)
    return station_view(belief, view.faults)


def belief_or_missing(view: FleetView, registry: Registry, name: str) -> StationBelief:
    """Return the belief of a station by any spelling. Raises ProblemError (404)."""
    station = registry.station_named(name) or StationId(name)
    for belief in view.stations:
        if belief.station == station:
            return belief
    if station in registry.stations:
        return StationBelief(station=station)
    raise missing(f"station {name}")


@router.get("/stations/{station_id}/frames", responses=responses(404))
def list_frames(
    request: Request,
    principal: Reader,
    station_id: str,
    since: Annotated[AwareDatetime | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    cursor: Cursor = None,
) -> Page[FrameView]:
    """List a station's raw frames: the newest, or with `since` the oldest from then on.

    Conforming heartbeats are folded and not listed. Masked without the scope `admin`.
    """
    web = context_of(request)
    station = web.registry.station_named(station_id) or StationId(station_id)
    after = 0
    if cursor is not None:
        since, after = _read_cursor(cursor)
    # Frames of the cursor's own moment may come again before the new ones.
    entries = web.reading.frames(station, since=since, limit=limit + (64 if after else 0))
    entries = [entry for entry in entries if entry.position > after][:limit]
    is_known = bool(entries) or station in web.registry.stations
    if not is_known and not web.reading.frames(station, since=None, limit=1):
        raise missing(f"station {station_id}")
    is_end = since is None or len(entries) < limit
    following = None if is_end else f"{moment(entries[-1].at)}~{entries[-1].position}"
    is_raw = principal.may(Scope.ADMIN)
    return Page(items=[frame_view(entry, is_raw=is_raw) for entry in entries], next=following)


def frame_view(entry: Entry, *, is_raw: bool) -> FrameView:
    """Show one frame, as it was or masked."""
    text = entry.body.decode(errors="replace")
    return FrameView(
        position=entry.position,
        at=moment(entry.at),
        direction="sent" if entry.kind is EntryKind.SENT else "received",
        frame=text if is_raw else mask_frame(text),
    )


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    at, _, position = cursor.partition("~")
    try:
        moment_of, number = datetime.fromisoformat(at), int(position)
    except ValueError:
        raise ProblemError(400, "this cursor is not one of ours") from None
    if moment_of.tzinfo is None:
        raise ProblemError(400, "this cursor is not one of ours")
    return moment_of, number


@router.post("/stations/{station_id}/commands", responses=responses(404, 409))
async def send_command(
    request: Request, principal: Commander, station_id: str, body: CommandBody
) -> CommandAnswer:
    """Send one OCPP command and wait for the station's answer."""
    web = context_of(request)
    station = web.registry.station_named(station_id) or StationId(station_id)
    command = SendCommand(
        station=station,
        action=body.action,
        payload=msgspec.json.encode(body.payload).decode(),
        timeout_s=body.timeout_s,
        who=principal.name,
    )
    # The command may wait for its turn and for the station to settle before its own time runs.
    answer = await web.ask(command, timeout_s=body.timeout_s * 2 + 60)
    if not isinstance(answer, CommandDone):
        raise ProblemError(500, f"core answered a command with {type(answer).__name__}")
    return CommandAnswer(outcome=answer.outcome, payload=_payload(answer.payload))


def _payload(text: str) -> object:
    """Read a station's answer; words that are no JSON are shown as they came."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


@router.get("/faults", responses=responses(404))
async def list_faults(
    request: Request,
    _: Reader,
    station: str | None = None,
    site: str | None = None,
    ticket: str | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[FaultView]:
    """List the active faults, oldest first; with `ticket`, all that ever were in it."""
    web = context_of(request)
    if ticket is not None:
        faults = await web.reading.off_loop(_faults_of_ticket, web, ticket)
    else:
        faults = list((await web.fleet_view()).faults)
    registry = web.registry
    if station is not None:
        faults = [fault for fault in faults if fault.place.station == station]
    if site is not None:
        faults = [fault for fault in faults if _site_id(registry, fault) == site]
    shown = sorted((fault_view(fault) for fault in faults), key=_fault_key)
    part, after = paged(shown, _fault_key, cursor=cursor, limit=limit)
    return Page(items=list(part), next=after)


def _faults_of_ticket(web: WebContext, ticket_id: str) -> list[Fault]:
    ticket = web.reading.ticket(ticket_id)
    if ticket is None:
        raise missing(f"ticket {ticket_id}")
    return [held.fault for held in ticket.faults]


def _site_id(registry: Registry, fault: Fault) -> str | None:
    site = registry.site_of(fault.place)
    return site.id if site else None


def _fault_key(fault: FaultView) -> str:
    return f"{fault['raised_at']}~{fault['place']}~{fault['rule']}"


@router.get("/sites", responses=responses())
def list_sites(
    request: Request,
    _: Reader,
    customer: str | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[SiteView]:
    """List the registered sites by id."""
    sites = sorted(context_of(request).registry.sites.values(), key=lambda site: site.id)
    sites = [site for site in sites if customer is None or site.customer == customer]
    part, after = paged(sites, lambda site: site.id, cursor=cursor, limit=limit)
    return Page(items=[_site_view(site) for site in part], next=after)


def _site_view(site: Site) -> SiteView:
    return SiteView(
        id=site.id,
        customer=site.customer,
        name=site.name,
        timezone=site.timezone,
        address=site.address,
        country=site.country,
        region=site.region,
        latitude=site.latitude,
        longitude=site.longitude,
        opening_hours=site.opening_hours,
        carrier=site.carrier,
        gateway=site.gateway,
        fuse_limit_a=site.fuse_limit_a,
        stations=[station.id for station in site.stations],
    )


@router.get("/customers", responses=responses())
def list_customers(
    request: Request, _: Reader, limit: Limit = 100, cursor: Cursor = None
) -> Page[CustomerView]:
    """List the registered customers by id."""
    registry = context_of(request).registry
    customers = sorted(registry.customers.values(), key=lambda customer: customer.id)
    part, after = paged(customers, lambda customer: customer.id, cursor=cursor, limit=limit)
    return Page(items=[_customer_view(registry, one) for one in part], next=after)


def _customer_view(registry: Registry, customer: Customer) -> CustomerView:
    return CustomerView(
        id=customer.id,
        name=customer.name,
        segment=customer.segment.value,
        language=customer.language,
        sites=[site.id for site in registry.sites_of(customer.id)],
    )
