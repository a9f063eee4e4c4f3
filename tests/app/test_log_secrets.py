"""No log shows the values of variables: a password would be among them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
import structlog

from app.cli_common import quiet_logs
from app.logs import set_up_logs
from app.settings_parts import LogSettings

SECRET = "".join(("Geheim", "-4711"))  # not whole in a line of code, which a traceback shows


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    kept, handlers = structlog.get_config(), logging.root.handlers[:]
    yield
    structlog.configure(**kept)
    logging.root.handlers[:] = handlers
    structlog.contextvars.clear_contextvars()


def as_service(form: Literal["console", "json"]) -> Callable[[], None]:
    return lambda: set_up_logs(LogSettings(format=form), "core")


@pytest.mark.parametrize("set_up", [quiet_logs, as_service("console"), as_service("json")])
def test_a_traceback_shows_where_and_never_which_values(
    set_up: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    set_up()

    def check(password: str) -> None:
        raise RuntimeError("on purpose")

    try:
        check(SECRET)
    except RuntimeError:
        structlog.get_logger("test").exception("admission failed")

    said = capsys.readouterr().err
    assert "admission failed" in said
    assert "in check" in said
    assert SECRET not in said
