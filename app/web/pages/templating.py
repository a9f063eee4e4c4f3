"""Rendering: Jinja2 with autoescape, and what every page of the console has at hand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from uuid import uuid4

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.web import assets
from app.web.context import context_of
from app.web.pages.moments import span, written
from app.web.principals import Principal, Scope, form_mark

TEMPLATES = Path(__file__).parent.parent / "templates"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["new_key"] = lambda: uuid4().hex
    environment.filters["written"] = written
    environment.filters["span"] = span
    return environment


def render(
    template: str,
    request: Request,
    values: Mapping[str, object],
    *,
    status: int = 200,
    principal: Principal | None = None,
) -> HTMLResponse:
    """Render a page. `principal` brings the marks of its forms and what it may do."""
    web = context_of(request)
    mark = ""
    if principal is not None and principal.session:
        mark = form_mark(web.reading.secret, principal.session)
    text = (
        _environment()
        .get_template(template)
        .render(
            product=web.settings.title,
            team_name=web.settings.team_name,
            phone=web.settings.phone,
            path=request.url.path,
            now=web.now(),
            has_assets=assets.is_complete(),
            principal=principal,
            may_write=principal is not None and principal.may(Scope.WRITE),
            is_core_up=web.link.is_up,
            core_reason=web.link.down_reason,
            mark=mark,
            **values,
        )
    )
    return HTMLResponse(text, status_code=status)
