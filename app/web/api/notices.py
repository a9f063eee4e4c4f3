"""Notices: what was written to whom."""

from __future__ import annotations

from fastapi import APIRouter, Request

from app.views import NoticeView, notice_view
from app.web.api.prefix import PREFIX
from app.web.api.tickets import Cursor, Limit
from app.web.auth import Reader
from app.web.context import context_of
from app.web.models import Page
from app.web.problems import responses

router = APIRouter(prefix=PREFIX, tags=["notices"])


@router.get("/notices", responses=responses(400))
def list_notices(
    request: Request,
    _: Reader,
    ticket: str | None = None,
    customer: str | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[NoticeView]:
    """List notices, the newest first."""
    found, after = context_of(request).reading.notices(
        ticket=ticket, customer=customer, cursor=cursor, limit=limit
    )
    return Page(items=[notice_view(notice) for notice in found], next=after)
