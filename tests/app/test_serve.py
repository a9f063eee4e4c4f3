"""The supervisor: whatever happens to it or to a process, the service comes back."""

import asyncio

import pytest

import app.serve
from app.process_words import Ready
from app.serve import Service
from app.settings import Settings


class Stumbling(Service):
    """A supervisor whose first attempts to start a process again fail in an odd way."""

    def __init__(self, settings, say):
        super().__init__(settings, say)
        self.attempts = 0
        self.is_back = asyncio.Event()

    async def _run_process(self, role, report):
        self.attempts += 1
        if self.attempts in (2, 3):
            raise BlockingIOError("too many processes")
        report(Ready(ocpp_port=9000))
        if self.attempts > 3:
            self.is_back.set()
            await self._stop.wait()
        return "signal 9"


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch):
    monkeypatch.setattr(app.serve, "RESTART_FIRST_S", 0.0)


async def test_a_process_that_could_not_be_started_again_is_tried_until_it_can(tmp_path):
    said = []
    service = Stumbling(Settings(data=tmp_path), said.append)
    await service._start_role("core", asyncio.Event())
    async with asyncio.timeout(5):
        await service.is_back.wait()
    await service.close()
    assert [line for line in said if "too many processes" in line]
    assert said[-1] == "core is back"


async def test_what_a_process_prints_by_mistake_does_not_end_its_supervision(
    tmp_path, monkeypatch
):
    child = tmp_path / "python"
    child.write_text("""#!/bin/sh
read settings
echo a library greets
echo '{"type":"ready","http_port":8123}'
cat >/dev/null
""")
    child.chmod(0o700)
    monkeypatch.setattr(app.serve.sys, "executable", str(child))
    service = Service(Settings(data=tmp_path), [].append)
    await service._start_role("web", asyncio.Event())
    assert service.settings.http.port == 8123
    await service.close()
