"""Core as a process: what the first start makes, and when."""

from __future__ import annotations

import asyncio
import socket

import pytest

from app.access import AccessReader
from app.process_words import Message, Ready, StartError
from app.run_core import run_core
from app.settings import Settings


def settings_for(data, port: int) -> Settings:
    return Settings(data=data, ocpp={"port": port})


async def started_with(settings: Settings) -> Ready:
    """Run core until it says that it is ready."""
    said: list[Message] = []
    stop = asyncio.Event()

    def report(message: Message) -> None:
        said.append(message)
        stop.set()

    await run_core(settings, report, stop)
    (ready,) = said
    assert isinstance(ready, Ready)
    return ready


async def test_the_admins_password_is_shown_by_the_start_that_made_it(tmp_path) -> None:
    tmp_path.joinpath("data").mkdir()
    first = await started_with(settings_for(tmp_path / "data", 0))
    second = await started_with(settings_for(tmp_path / "data", 0))
    assert first.admin_password
    assert not second.admin_password


async def test_a_start_that_fails_makes_no_admin_whose_password_nobody_saw(tmp_path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(StartError, match="--ocpp-port names another"):
            await started_with(settings_for(data, taken.getsockname()[1]))
        assert AccessReader(data).user("admin") is None
    assert (await started_with(settings_for(data, 0))).admin_password
