"""What tests of every room share: how a missing server is dealt with."""

from __future__ import annotations

import os
from typing import NoReturn, Protocol

import pytest
import structlog

# A traceback with the values of all variables, structlog's default, holds whole fleets: writing
# one takes longer than any test may.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ],
)


class MissingServer(Protocol):
    """Ends a test whose server cannot be had."""

    def __call__(self, server: str, reason: str) -> NoReturn:
        """Skip with the reason, or fail where FORETELL_REQUIRE_SERVERS names the server."""


@pytest.fixture(scope="session")
def missing_server() -> MissingServer:
    """Skip a test for want of a server ("smtp", "browser"), or fail where it is required."""
    required = os.environ.get("FORETELL_REQUIRE_SERVERS", "").replace(" ", "").split(",")

    def end(server: str, reason: str) -> NoReturn:
        if server in required:
            pytest.fail(f"{server} is required here: {reason}", pytrace=False)
        pytest.skip(f"no {server}: {reason}")

    return end
