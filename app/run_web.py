"""The web process, or the web part of one process: listen, say so, serve until told to stop."""

from __future__ import annotations

import asyncio
import os
from functools import lru_cache

from app.clock import SystemClock
from app.fleet_file import FleetFileError, read_fleet
from app.process_words import Ready, Report, StartError
from app.settings import Settings
from app.web.app import create_app
from app.web.run import listen, serve_web
from app.web.settings import WebSettings
from domain.registry import Registry

TOKEN_VARIABLE = "FORETELL_BOOTSTRAP_TOKEN"  # noqa: S105  a name, not a token


async def run_web(settings: Settings, report: Report, stop: asyncio.Event) -> None:
    """Serve HTTP until `stop`. Raises `StartError` where the address cannot be had."""

    @lru_cache(maxsize=1)
    def registry() -> Registry:
        return read_fleet(settings.fleet_path) if settings.fleet_path else Registry()

    try:
        registry()
        sock = listen(settings.host, settings.http.port)
    except (OSError, FleetFileError) as error:
        words = (
            f"cannot listen on {settings.host}, HTTP port {settings.http.port}: {error}; "
            "is another service running there? --http-port names another port"
        )
        raise StartError(words if isinstance(error, OSError) else str(error)) from error
    app = create_app(web_settings(settings), clock=SystemClock(), registry=registry)
    with sock:
        await serve_web(app, sock, stop, on_started=lambda port: report(Ready(http_port=port)))


def web_settings(settings: Settings) -> WebSettings:
    """Return the web's part of the settings."""
    return WebSettings(
        data_dir=settings.data,
        link_path=settings.link_path,
        demo=settings.demo,
        public_url="" if settings.http.public_url is None else settings.public_url,
        team_name=settings.texts.team_name,
        phone=settings.texts.phone,
        bootstrap_token=os.environ.get(TOKEN_VARIABLE, ""),
    )
