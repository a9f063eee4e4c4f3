"""What tests of every room share: how a missing server is dealt with."""

from __future__ import annotations

import os
from typing import NoReturn, Protocol

import pytest


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
