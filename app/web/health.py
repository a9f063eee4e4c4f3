"""Health, readiness and numbers: for supervisors, load balancers and Prometheus."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field

from app.link import LinkDownError, LinkFailedError
from app.messages import GetHealth, Health
from app.web.auth import is_loopback, principal_of
from app.web.context import WebContext, context_of
from app.web.principals import Scope
from app.web.problems import MEDIA_TYPE, Problem, ProblemError, responses, title_of

router = APIRouter(tags=["health"])

ASK_WITHIN_S = 3.0


class Alive(BaseModel):
    """The web process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """Stations are taken on, stores reachable, the journal writable."""

    status: Literal["ready"] = "ready"


class NotReady(Problem):
    """Why the service is not ready, one sentence each."""

    reasons: list[str] = Field(default=[])


@router.get("/healthz")
async def healthz() -> Alive:
    """Tell that this process lives. No login."""
    return Alive()


@router.get(
    "/readyz",
    responses={503: {"model": NotReady, "description": "Not ready, with the reasons"}},
    response_model=Ready,
)
async def readyz(request: Request) -> Response:
    """Tell whether core takes stations on; 503 with the reasons where not. No login."""
    web = context_of(request)
    _, reasons = await ask_health(web)
    reasons += await web.reading.off_loop(web.reading.troubles)
    if not reasons:
        return JSONResponse(Ready().model_dump())
    problem = NotReady(
        title=title_of(503),
        status=503,
        detail="; ".join(reasons),
        instance="/readyz",
        reasons=reasons,
    )
    return JSONResponse(
        problem.model_dump(),
        status_code=503,
        media_type=MEDIA_TYPE,
        headers={"Retry-After": "2"},
    )


async def ask_health(web: WebContext) -> tuple[str, list[str]]:
    """Return core's metrics and the reasons why it is not ready; none when it is."""
    try:
        answer = await web.link.ask(GetHealth(), timeout_s=ASK_WITHIN_S)
    except (LinkDownError, LinkFailedError) as error:
        return "", [error.reason]
    if not isinstance(answer, Health):
        return "", [f"core answered {type(answer).__name__} when asked for its health"]
    if answer.is_ready:
        return answer.metrics, []
    return answer.metrics, list(answer.reasons) or ["core is not ready and did not say why"]


def local_or_reader(request: Request) -> None:
    """Let this machine and readers in. Raises ProblemError 401 or 403."""
    if is_loopback(request):
        return
    principal = principal_of(request)
    if principal is None:
        raise ProblemError(401, "from elsewhere this needs an API token")
    if not principal.may(Scope.READ):
        raise ProblemError(403, "this needs the scope “read”")


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=responses(),
)
async def metrics(request: Request, _: Annotated[None, Depends(local_or_reader)]) -> Response:
    """Return core's and this process's numbers in Prometheus' text format."""
    web = context_of(request)
    core_text, _reasons = await ask_health(web)
    web.metrics.core_up.set(1 if core_text or web.link.is_up else 0)
    web.metrics.listeners.set(web.hub.listeners)
    text = (core_text.rstrip("\n") + "\n" if core_text else "") + web.metrics.text()
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")
