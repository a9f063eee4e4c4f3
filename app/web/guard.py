"""What every answer carries and every request obeys: security headers, size limit, numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.metrics import WebMetrics

log = structlog.get_logger(__name__)

BODY_LIMIT = 1024 * 1024
"""Bytes of a request's body; nothing we take is near it."""

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware around the whole application, and the one supervisor of each request.

    `apologise` makes the answer where the application failed; the traceback is in the log.
    """

    def __init__(self, app: ASGIApp, *, apologise: Callable[[Request], Response]) -> None:
        self._app = app
        self._apologise = apologise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless its body is too large to be read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = asyncio.get_running_loop().time()
        is_begun = False

        async def sending(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            if message["type"] == "http.response.start":
                _add_headers(message, scope["path"])
                _count(scope, message["status"], began)
            await send(message)

        status = _refusal(scope)
        if status is not None:
            await _refuse(sending, status)
            return
        try:
            await self._app(scope, receive, sending)
        except Exception:
            log.exception("request failed", path=scope["path"])
            if is_begun:
                raise  # half an answer is out: only the end of the connection tells
            await self._apologise(Request(scope))(scope, receive, sending)


def _count(scope: MutableMapping[str, Any], status: int, began: float) -> None:
    metrics: WebMetrics = scope["app"].state.web.metrics
    # The route's pattern, never the path: a label per ticket would fill the memory.
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    metrics.requests.labels(route, method, str(status)).inc()
    seconds = asyncio.get_running_loop().time() - began
    metrics.seconds.labels(route).observe(seconds)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _refusal(scope: MutableMapping[str, Any]) -> int | None:
    """Return the status for a body that is too large or of unknown length; None: read it."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return 411
    length = headers.get(b"content-length", b"0")
    return 413 if not length.isdigit() or int(length) > BODY_LIMIT else None


async def _refuse(send: Send, status: int) -> None:
    title = "Length Required" if status == 411 else "Content Too Large"
    detail = f"a request's body needs a length and may have {BODY_LIMIT} bytes"
    body = (
        f'{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}",'
        '"instance":"","errors":[]}'
    ).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _add_headers(message: Message, path: str) -> None:
    headers = message.setdefault("headers", [])
    present = {name.lower() for name, _ in headers}
    wanted = dict(_HEADERS)
    # The address of a customer's page is its key: it goes to nobody else.
    wanted["referrer-policy"] = "no-referrer" if path.startswith("/s/") else "same-origin"
    if path.startswith("/s/"):
        wanted["x-robots-tag"] = "noindex, nofollow"
    if not path.startswith("/static/"):
        wanted["cache-control"] = "no-store"
    for name, value in wanted.items():
        if name.encode() not in present:
            headers.append((name.encode(), value.encode()))
