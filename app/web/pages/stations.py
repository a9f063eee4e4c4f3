"""The agents' console: all stations, and one. Every view has an address."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from app.web.api.fleet import belief_or_missing, beliefs_of, faults_by_station
from app.web.auth import Reader
from app.web.context import context_of
from app.web.pages.broken import clearing_words
from app.web.pages.frames import FRAMES_SHOWN, frame_lines
from app.web.pages.queue import row_of
from app.web.pages.station import StationFilter, StationRow, station_rows
from app.web.pages.station_line import station_line
from app.web.pages.templating import render
from app.web.problems import missing
from domain.beliefs import StationBelief
from domain.places import StationId

router = APIRouter(prefix="/console", include_in_schema=False)


def station_filter(
    q: Annotated[str, Query(max_length=100)] = "", state: str = "", page: int = 1
) -> StationFilter:
    """Read the stations' filters from the address."""
    known = state if state in ("faulted", "away", "up", "never") else ""
    return StationFilter(q=q.strip(), state=known, page=max(page, 1))


@router.get("/stations")
async def stations(
    request: Request,
    principal: Reader,
    filters: Annotated[StationFilter, Depends(station_filter)],
) -> Response:
    """Show all stations with their live state."""
    web = context_of(request)
    view = await web.fleet_or_none()
    rows: list[StationRow] = []
    if view is not None:
        rows = station_rows(
            beliefs_of(view, web.registry), faults_by_station(view), web.registry, web.now()
        )
    matching = [row for row in rows if filters.takes(row)]
    return render(
        "stations.html",
        request,
        {
            "rows": matching[filters.first : filters.first + filters.SIZE],
            "found": len(matching),
            "total": len(rows),
            "filters": filters,
        },
        principal=principal,
    )


@router.get("/stations/{station_id}")
async def station(request: Request, principal: Reader, station_id: str) -> Response:
    """Show one station: live state, open tickets, last frames."""
    web = context_of(request)
    view, registry = await web.fleet_or_none(), web.registry
    name = registry.station_named(station_id) or StationId(station_id)
    belief = StationBelief(station=name)
    if view is not None:
        belief = belief_or_missing(view, registry, station_id)
    elif name not in registry.stations:
        raise missing(f"station {station_id}")
    site = registry.site_of(name)
    registered = registry.stations.get(name)
    faults = [] if view is None else faults_by_station(view).get(name, [])

    def rendered() -> Response:
        zone = site.zone if site else UTC
        frames = frame_lines(web.reading.frames(name, limit=FRAMES_SHOWN), zone)
        now = web.now()
        tickets = web.reading.tickets_of_station(name)
        values = {
            "belief": belief,
            "is_known": view is not None,
            "line": station_line(belief, registered.evses if registered else 0, now),
            "registered": registered,
            "site": site,
            "zone": zone,
            "customer": registry.customer_of(name),
            "faults": [(fault, clearing_words(fault, zone)) for fault in faults],
            "tickets": [row_of(one, registry, now) for one in tickets],
            "frames": frames[::-1],
        }
        return render("station.html", request, values, principal=principal)

    return await run_in_threadpool(rendered)
