"""Customers' calls, and work planned at a place."""

from __future__ import annotations

from fastapi import APIRouter, Request

from app.messages import Done, PlanMaintenance, RecordContact
from app.web.api.prefix import PREFIX
from app.web.api.tickets import Cursor, Limit
from app.web.auth import Reader, Writer
from app.web.context import context_of
from app.web.models import (
    CallBody,
    CallView,
    MaintenanceBody,
    Page,
    Planned,
    Recorded,
)
from app.web.problems import ProblemError, responses
from domain.registry import Registry

router = APIRouter(prefix=PREFIX, tags=["contacts and maintenance"])


@router.get("/contacts", responses=responses(400))
def list_contacts(
    request: Request,
    _: Reader,
    customer: str | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[CallView]:
    """List customers' calls, the newest first."""
    found, after = context_of(request).reading.calls(
        customer=customer, cursor=cursor, limit=limit
    )
    return Page(items=found, next=after)


@router.post("/contacts", status_code=201, responses=responses(409))
async def record_contact(request: Request, _: Writer, body: CallBody) -> Recorded:
    """Record a customer's call; it goes to the ticket it fits, or opens a request."""
    web = context_of(request)
    refuse_strangers(web.registry, customer=body.customer, station=body.station, site=body.site)
    answer = await web.ask(RecordContact(**body.model_dump()))
    return Recorded(ticket=answer.reference if isinstance(answer, Done) else "")


@router.post("/maintenance", status_code=201, responses=responses(409))
async def plan_maintenance(request: Request, _: Writer, body: MaintenanceBody) -> Planned:
    """Say that work begins now at a site or station: its faults stay quiet until `until`."""
    web = context_of(request)
    if body.until <= web.now():
        raise ProblemError(422, "until: this moment has passed")
    refuse_strangers(web.registry, station=body.station, site=body.site)
    await web.ask(PlanMaintenance(**body.model_dump()))
    return Planned(until=body.until, site=body.site, station=body.station)


def refuse_strangers(
    registry: Registry,
    *,
    customer: str | None = None,
    station: str | None = None,
    site: str | None = None,
) -> None:
    """Raise ProblemError (422) for a customer, station or site that is not registered."""
    if customer is not None and customer not in registry.customers:
        raise ProblemError(422, f"customer: “{customer}” is not registered")
    if site is not None and site not in registry.sites:
        raise ProblemError(422, f"site: “{site}” is not registered")
    if station is not None and registry.station_named(station) is None:
        raise ProblemError(422, f"station: “{station}” is not registered")
