"""Finding out who asks: token, session cookie, or this machine itself in a demo."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Form, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from app.access import token_digest
from app.web.context import WebContext, context_of
from app.web.principals import (
    ALL_SCOPES,
    ROLE_SCOPES,
    Principal,
    Scope,
    is_form_mark,
    password_print,
    read_session,
    scopes_of,
)
from app.web.problems import ProblemError

SESSION_COOKIE = "foretell_session"
MARK_HEADER = "x-form-mark"

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

# For the API's description only: who asks is found out below.
describe_bearer = HTTPBearer(auto_error=False, description="An API token.")
describe_cookie = APIKeyCookie(
    name=SESSION_COOKIE, auto_error=False, description="A person's login."
)


def is_loopback(request: Request) -> bool:
    """Tell whether a request comes from this machine and was not handed on by a proxy."""
    if request.client is None or "forwarded" in request.headers:
        return False
    if any(name.startswith("x-forwarded") for name in request.headers):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _is_local_name(request: Request) -> bool:
    """Tell whether the address asked for is this machine's own.

    A strange site can make its name point here (DNS rebinding); its name then says so.
    """
    name = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_from_elsewhere(request: Request, settings_url: str) -> bool:
    """Tell whether a browser says that another site sent this request."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    if origin is None:
        return False
    own = {request.headers.get("host", ""), urlsplit(settings_url).netloc}
    # A sandboxed page says "null": that has no address, and neither may an unset setting match.
    return urlsplit(origin).netloc not in own - {""}


def principal_of(request: Request) -> Principal | None:
    """Return who asks; None for a stranger. Reads stores: call it off the event loop.

    Raises ProblemError (401) for a token nobody has: wrong is not the same as none.
    """
    web = context_of(request)
    header = request.headers.get("authorization")
    if header is not None:
        return _of_token(web, header)
    person = _of_cookie(web, request.cookies.get(SESSION_COOKIE, ""))
    if person is not None:
        return person
    if web.settings.demo and is_loopback(request) and _is_local_name(request):
        return Principal(name="demo", scopes=ALL_SCOPES, session="demo", by_demo=True)
    return None


def _of_token(web: WebContext, header: str) -> Principal:
    kind, _, token = header.partition(" ")
    token = token.strip()
    if kind.casefold() == "bearer" and token:
        own = web.settings.bootstrap_token
        if own and hmac.compare_digest(own.encode(), token.encode()):
            return Principal(name="automation", scopes=ALL_SCOPES)
        stored = web.reading.token(token_digest(token))
        if stored is not None:
            return Principal(name=stored.name, scopes=scopes_of(tuple(stored.scopes)))
    raise ProblemError(
        401,
        "this token is not known",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def _of_cookie(web: WebContext, cookie: str) -> Principal | None:
    if not cookie:
        return None
    lasts = timedelta(hours=web.settings.session_hours)
    session = read_session(web.reading.secret, cookie, now=web.now(), lasts=lasts)
    if session is None:
        return None
    user = web.reading.user(session.name)
    if user is None or password_print(user.password_hash) != session.password_print:
        return None
    scopes = ROLE_SCOPES.get(user.role, frozenset())
    return Principal(name=user.name, scopes=scopes, session=cookie)


def require(scope: Scope) -> Callable[[Request], Principal]:
    """Return a dependency: the principal, if they may; else ProblemError 401 or 403."""

    def allowed(request: Request) -> Principal:
        principal = principal_of(request)
        if principal is None:
            raise ProblemError(
                401,
                "this needs a login or an API token",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if not principal.may(scope):
            raise ProblemError(403, f"this needs the scope “{scope.value}”")
        if request.method not in _SAFE and principal.session:
            _refuse_other_sites(request, principal)
        return principal

    return allowed


def _refuse_other_sites(request: Request, principal: Principal) -> None:
    """A browser sends its cookie along whoever asks for it: only our own pages may."""
    web = context_of(request)
    if is_from_elsewhere(request, web.settings.public_url):
        raise ProblemError(403, "another site sent this request")
    is_api = request.url.path.startswith("/api/")
    if is_api and not principal.by_demo:
        mark = request.headers.get(MARK_HEADER, "")
        if not is_form_mark(web.reading.secret, principal.session, mark):
            raise ProblemError(403, "with a login in place of a token, X-Form-Mark is needed")


def require_form(scope: Scope) -> Callable[..., Principal]:
    """Return a dependency for forms: as `require`, and the form came from our own page."""
    check = require(scope)

    def allowed(request: Request, mark: Annotated[str, Form()] = "") -> Principal:
        principal = check(request)
        if principal.session:
            web = context_of(request)
            if not is_form_mark(web.reading.secret, principal.session, mark):
                raise ProblemError(403, "this form is too old: go back, reload, and try again")
        return principal

    return allowed


Reader = Annotated[Principal, Depends(require(Scope.READ))]
Writer = Annotated[Principal, Depends(require(Scope.WRITE))]
Commander = Annotated[Principal, Depends(require(Scope.COMMAND))]
Admin = Annotated[Principal, Depends(require(Scope.ADMIN))]
FormWriter = Annotated[Principal, Depends(require_form(Scope.WRITE))]
