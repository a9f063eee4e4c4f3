"""Logging in and out, and recording that a customer called."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import urlsplit
from uuid import uuid4

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from app.access import hash_password, verify_password
from app.messages import Done, RecordContact
from app.web.api.calls import refuse_strangers
from app.web.auth import SESSION_COOKIE, FormWriter, Reader, is_from_elsewhere, principal_of
from app.web.context import WebContext, context_of
from app.web.pages.search import find_places
from app.web.pages.templating import render
from app.web.pages.words import CHANNELS
from app.web.principals import Session, password_print, write_session
from app.web.problems import ProblemError
from domain.places import CustomerId, SiteId
from domain.registry import Registry

router = APIRouter(include_in_schema=False)

# argon2id takes 19 MiB and some 30 ms each: no more than two at once.
_hashing = asyncio.Semaphore(2)


@router.get("/")
def home() -> Response:
    """Lead to the console."""
    return RedirectResponse("/console/", status_code=303)


@router.get("/console")
def console_without_slash() -> Response:
    """Lead to the console."""
    return RedirectResponse("/console/", status_code=303)


def _inside(address: str) -> str:
    """Return an address of ours, else the console's: nobody is led elsewhere by a link."""
    parts = urlsplit(address)
    is_ours = not parts.scheme and not parts.netloc and address.startswith("/console")
    return address if is_ours and "\\" not in address else "/console/"


@router.get("/login")
def login_page(request: Request, next: str = "/console/") -> Response:
    """Show the login form; who is in already goes on."""
    if principal_of(request) is not None:
        return RedirectResponse(_inside(next), status_code=303)
    return render("login.html", request, {"next": _inside(next), "name": "", "mistake": ""})


@router.post("/login")
async def login(
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Log a person in. The answer does not tell whether name or password was wrong."""
    web = context_of(request)
    if is_from_elsewhere(request, web.settings.public_url):
        raise ProblemError(403, "another site sent this form")
    address = request.client.host if request.client else ""
    wait = web.login_limit.wait(name, address, web.now())
    if wait is not None:
        web.metrics.logins.labels("limited").inc()
        seconds = max(int(wait.total_seconds()), 1)
        mistake = f"Too many tries. Please wait {max(seconds // 60, 1)} min."
        values = {"next": _inside(next), "name": name, "mistake": mistake}
        page = render("login.html", request, values, status=429)
        page.headers["Retry-After"] = str(seconds)
        return page
    cookie = await _session_for(web, name, password)
    if cookie is None:
        web.login_limit.failed(name, address, web.now())
        web.metrics.logins.labels("refused").inc()
        mistake = "This name and password do not fit together."
        values = {"next": _inside(next), "name": name, "mistake": mistake}
        return render("login.html", request, values, status=401)
    web.login_limit.succeeded(name, address)
    web.metrics.logins.labels("accepted").inc()
    answer = RedirectResponse(_inside(next), status_code=303)
    answer.set_cookie(
        SESSION_COOKIE,
        cookie,
        max_age=int(web.settings.session_hours * 3600),
        httponly=True,
        samesite="lax",
        secure=web.settings.is_https,
    )
    return answer


async def _session_for(web: WebContext, name: str, password: str) -> str | None:
    user = await run_in_threadpool(web.reading.user, name)
    async with _hashing:
        if user is None:
            # As long as a real check takes: time must not tell which names there are.
            await run_in_threadpool(hash_password, password)
            return None
        is_right = await run_in_threadpool(verify_password, user.password_hash, password)
    if not is_right:
        return None
    return write_session(
        web.reading.secret, Session(user.name, web.now(), password_print(user.password_hash))
    )


@router.post("/logout")
def logout(request: Request) -> Response:
    """Log out."""
    web = context_of(request)
    if is_from_elsewhere(request, web.settings.public_url):
        raise ProblemError(403, "another site sent this form")
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@router.get("/console/contacts/new")
def call_page(
    request: Request,
    principal: Reader,
    customer: str = "",
    site: str = "",
    station: str = "",
    q: str = "",
) -> Response:
    """Record that a customer called: find the place, then say how they got in touch."""
    registry = context_of(request).registry
    customer, site = _completed(registry, customer, site, station)
    found = registry.customers.get(CustomerId(customer))
    values = {
        "customer": found,
        "site": registry.sites.get(SiteId(site)),
        "station": station if registry.station_named(station) else "",
        "q": q,
        "places": find_places(registry, q) if q and found is None else [],
        "channels": CHANNELS,
    }
    return render("call.html", request, values, principal=principal)


def _completed(registry: Registry, customer: str, site: str, station: str) -> tuple[str, str]:
    """Fill in the site of a station and the customer of a site."""
    known = registry.station_named(station) if station else None
    of_station = registry.site_of(known) if known else None
    if of_station is not None:
        return of_station.customer, of_station.id
    named = registry.sites.get(SiteId(site))
    return (named.customer, named.id) if named is not None else (customer, "")


def call_form(
    customer: Annotated[str, Form(max_length=100)] = "",
    site: Annotated[str, Form(max_length=100)] = "",
    station: Annotated[str, Form(max_length=100)] = "",
    channel: Annotated[str, Form(max_length=40)] = "phone",
    text: Annotated[str, Form(max_length=10_000)] = "",
) -> RecordContact:
    """Read the call from the form."""
    return RecordContact(
        customer=customer,
        channel=channel if channel in CHANNELS else "other",
        station=station or None,
        # The station says more than its site.
        site=None if station else (site or None),
        text=text.strip(),
    )


@router.post("/console/contacts/new")
async def record_call(
    request: Request,
    who: FormWriter,
    call: Annotated[RecordContact, Depends(call_form)],
    key: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Record the call, and go on to the ticket it went to.

    The same form sent twice within some minutes records one call (`app.web.once`); a form gone
    back to and changed is another call. A form without a key is always one.
    """
    web = context_of(request)
    refuse_strangers(web.registry, customer=call.customer, station=call.station, site=call.site)
    form = (who.name, key or uuid4().hex, call)
    answer = await web.calls.do(form, web.now(), lambda: web.ask(call))
    ticket = answer.reference if isinstance(answer, Done) else ""
    return RedirectResponse(f"/console/tickets/{ticket}" if ticket else "/console/", 303)
