"""The REST API, /api/v1: lists, single things, and what people ask core to do."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from app.web.api import calls, fleet, notices, rules, tickets
from app.web.auth import describe_bearer, describe_cookie


def api_router() -> APIRouter:
    """Return all routes below /api/v1."""
    router = APIRouter(dependencies=[Depends(describe_bearer), Depends(describe_cookie)])
    for part in (tickets, fleet, notices, calls, rules):
        router.include_router(part.router)
    return router
