"""What every request needs at hand: one object, built once, hung on the application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from fastapi import Request

from app.link import LinkClient, LinkDownError, LinkFailedError
from app.messages import Answer, FleetView, Refusal
from app.messages import Request as LinkRequest
from app.web.live import FleetCache, Hub
from app.web.login_limit import LoginLimit
from app.web.metrics import WebMetrics
from app.web.once import Once
from app.web.problems import ProblemError, core_is_away
from app.web.reading import Reading
from app.web.settings import WebSettings
from domain.ports import Clock
from domain.registry import Registry


@dataclass(frozen=True, slots=True)
class WebContext:
    """Settings, stores, the link, and what is remembered between requests."""

    settings: WebSettings
    clock: Clock
    registry_of: Callable[[], Registry]
    reading: Reading
    link: LinkClient
    fleet: FleetCache
    hub: Hub
    metrics: WebMetrics
    login_limit: LoginLimit = field(default_factory=LoginLimit)
    calls: Once[Answer] = field(default_factory=Once)

    def now(self) -> datetime:
        """Return the present moment."""
        return self.clock.now()

    @property
    def registry(self) -> Registry:
        """Customers, sites and stations as of now."""
        return self.registry_of()

    async def ask(self, request: LinkRequest, *, timeout_s: float = 15.0) -> Answer:
        """Ask core. Raises ProblemError: 503 where it is away, 409 or 404 where it refuses."""
        try:
            answer = await self.link.ask(request, timeout_s=timeout_s)
        except LinkDownError as error:
            raise core_is_away(error.reason) from error
        except LinkFailedError as error:
            raise ProblemError(500, error.reason) from error
        if isinstance(answer, Refusal):
            raise ProblemError(404 if answer.is_missing else 409, answer.reason)
        return answer

    async def fleet_view(self) -> FleetView:
        """Return what core believes now. Raises ProblemError (503) where it is away."""
        try:
            return await self.fleet.view()
        except LinkDownError as error:
            raise core_is_away(error.reason) from error
        except LinkFailedError as error:
            raise ProblemError(500, error.reason) from error

    async def fleet_or_none(self, *, settled: bool = False) -> FleetView | None:
        """Return what core believes now; None where it is away: a page shows the rest.

        `settled` waits for changes that were just heard of, for up to a second.
        """
        try:
            return await (self.fleet.settled() if settled else self.fleet.view())
        except (LinkDownError, LinkFailedError):
            return None


def context_of(request: Request) -> WebContext:
    """Return the application's context."""
    return cast(WebContext, request.app.state.web)  # Starlette's state is untyped
