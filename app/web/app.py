"""The web application: puts routes, stores and the link together. No rule lives here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from app.link import LinkClient
from app.web import health
from app.web.api import api_router
from app.web.auth import Reader, require
from app.web.context import WebContext
from app.web.errors import add_error_answers, apologise
from app.web.guard import Guard
from app.web.live import FleetCache, Hub
from app.web.metrics import WebMetrics
from app.web.pages import console, customers, people, stations
from app.web.pages.docs import routes_of
from app.web.pages.templating import render
from app.web.principals import Principal
from app.web.principals import Scope as PrincipalScope
from app.web.problems import Problem
from app.web.reading import Reading
from app.web.settings import WebSettings
from domain.ports import Clock
from domain.registry import Registry

log = structlog.get_logger(__name__)

STATIC = Path(__file__).parent / "static"


def create_app(
    settings: WebSettings, *, clock: Clock, registry: Callable[[], Registry]
) -> FastAPI:
    """Build the application. It connects to core when it starts, and works while core is away.

    The stores are core's: while their files are not there yet, answers say so (503).
    """
    app = FastAPI(
        title=settings.title,
        version=_version(),
        summary="Stations, faults, tickets and what customers were told.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.web = context_for(settings, clock=clock, registry=registry)
    app.include_router(health.router)
    app.include_router(api_router())
    app.include_router(people.router)
    app.include_router(console.router)
    app.include_router(stations.router)
    app.include_router(customers.router)
    _add_description(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    add_error_answers(app)
    app.add_middleware(Guard, apologise=apologise)
    return app


def context_for(
    settings: WebSettings, *, clock: Clock, registry: Callable[[], Registry]
) -> WebContext:
    """Return what requests need at hand; nothing is opened or connected yet."""
    link = LinkClient(settings.link_path)
    fleet = FleetCache(link)
    return WebContext(
        settings=settings,
        clock=clock,
        registry_of=registry,
        reading=Reading(settings.data_dir),
        link=link,
        fleet=fleet,
        hub=Hub(link, fleet),
        metrics=WebMetrics(),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    web: WebContext = app.state.web
    async with web.link:
        following = asyncio.create_task(web.hub.run(), name="follow changes")
        following.add_done_callback(_end_is_a_mistake)
        try:
            yield
        finally:
            web.hub.stop()
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            web.reading.close()


def _end_is_a_mistake(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("live updates ended", exc_info=task.exception())


def _version() -> str:
    try:
        return version("foretell")
    except PackageNotFoundError:
        return "0"


def _add_description(app: FastAPI) -> None:
    """Add /openapi.json and /docs, made from it without anything from elsewhere."""

    @app.get("/openapi.json", include_in_schema=False)
    def openapi_json(_: Reader) -> Response:
        return JSONResponse(app.openapi())

    @app.get("/docs", include_in_schema=False)
    def docs(
        request: Request,
        principal: Annotated[Principal, Depends(require(PrincipalScope.READ))],
    ) -> Response:
        described = routes_of(app.openapi())
        return render("docs.html", request, {"groups": described}, principal=principal)

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, summary=app.summary, routes=app.routes
            )
            _say_problems(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    # FastAPI documents this replacement of its method.
    app.openapi = described  # type: ignore[method-assign]


def _say_problems(schema: dict[str, Any]) -> None:
    """Name the real shape of errors: FastAPI describes its own 422, which we never send."""
    parts = schema.setdefault("components", {}).setdefault("schemas", {})
    parts.pop("HTTPValidationError", None)
    parts.pop("ValidationError", None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    parts.update(problem.pop("$defs", {}))
    parts["Problem"] = problem
    shape = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in schema["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if status.startswith(("4", "5")) and "model" not in answer:
                    content = answer.get("content", {})
                    is_own = "NotReady" in str(content)
                    answer["content"] = (
                        shape
                        if not is_own
                        else {"application/problem+json": next(iter(content.values()))}
                    )
