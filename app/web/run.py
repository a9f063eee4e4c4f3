"""Serving the application: uvicorn on a socket of ours until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from app.web.context import WebContext

DRAIN_S = 5
"""Seconds for answers under way once we are told to end."""


class _Server(uvicorn.Server):
    """A server that leaves the process's signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve_web(
    app: FastAPI,
    sock: socket.socket,
    stop: asyncio.Event,
    *,
    on_started: Callable[[int], None] | None = None,
) -> None:
    """Serve on a listening socket until `stop` is set; then answers under way may leave.

    `on_started` is called with the port once requests are answered. Signals are the caller's.
    """
    web: WebContext = app.state.web
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=DRAIN_S,
        server_header=False,
        # A proxy on this machine may say for whom it asks; logins are counted by address.
        proxy_headers=not web.settings.demo,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="http")
    stopping = asyncio.create_task(stop.wait(), name="until stopped")
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.02)
        if server.started and on_started is not None:
            on_started(sock.getsockname()[1])
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        # Open live streams would hold the end up until the time is over.
        web.hub.stop()
        server.should_exit = True
        await serving


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 lets the system choose. OSError: it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(512)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
