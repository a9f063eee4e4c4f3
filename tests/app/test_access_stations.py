"""Which stations core lets in, by its settings, over real websockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets

from app.access import generate_password, hash_generated
from app.core import Core
from app.settings import Settings
from domain.places import StationId
from ocpp_server.refusal import RefusalReason

pytestmark = pytest.mark.e2e

FLEET = """\
customers: [{id: c, name: C}]
sites:
  - id: s
    customer: c
    timezone: UTC
    stations: [{id: N-001, evses: 1}, {id: N-002, evses: 1}]
"""
BOOT = (
    '[2,"1","BootNotification",'
    '{"chargePointVendor":"V","chargePointModel":"M","chargePointSerialNumber":"n-002"}]'
)


class Service:
    """A running core whose station N-001 has a generated password."""

    def __init__(self, core: Core, port: int) -> None:
        self.core = core
        self.port = port
        self.password = generate_password()
        access = core.parts.access
        stored = hash_generated(self.password, access.station_key)
        access.save_station_password(StationId("N-001"), password_hash=stored)

    async def boot(self, path: str, *, login: str = "") -> tuple[str, ...]:
        """Connect and boot; return who is connected then."""
        address = f"ws://{login}@127.0.0.1" if login else "ws://127.0.0.1"
        async with websockets.connect(
            f"{address}:{self.port}{path}", subprotocols=["ocpp1.6"]
        ) as station:
            await station.send(BOOT)
            assert '"Accepted"' in await station.recv()
            return self.core.endpoint.connected_stations()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator:
    running: list[Core] = []

    async def started(**ocpp: object) -> Service:
        tmp_path.joinpath("fleet.yaml").write_text(FLEET)
        core = Core(Settings.model_validate({"data": tmp_path, "ocpp": {"port": 0, **ocpp}}))
        running.append(core)
        return Service(core, (await core.start()).ocpp)

    yield started
    for core in running:
        await core.close(drain_s=0.5)


async def test_a_generated_password_lets_its_station_in_and_nobody_else(start) -> None:
    service = await start()

    assert await service.boot("/ocpp/N-001", login=f"N-001:{service.password}") == ("N-001",)
    for login in ("", "N-001:", "N-001:wrong"):
        with pytest.raises(websockets.InvalidStatus, match="401"):
            await service.boot("/ocpp/N-001", login=login)
    assert service.core.endpoint.counters.refusals == {RefusalReason.BAD_PASSWORD: 3}


async def test_an_empty_password_is_enough_where_the_settings_say_so(start) -> None:
    service = await start(allow_empty_password=True)

    assert await service.boot("/ocpp/N-001", login="N-001:") == ("N-001",)


async def test_strangers_come_in_unless_the_settings_say_otherwise(start) -> None:
    service = await start()

    assert await service.boot("/ocpp/NEW") == ("NEW",)


async def test_where_strangers_are_refused_they_get_404_and_the_fleet_comes_in(start) -> None:
    service = await start(unknown_stations="refuse")

    with pytest.raises(websockets.InvalidStatus, match="404"):
        await service.boot("/ocpp/NEW")
    assert await service.boot("/ocpp/n-002") == ("N-002",)
    assert service.core.endpoint.counters.refusals == {RefusalReason.UNKNOWN_STATION: 1}


@pytest.mark.parametrize("path", ["/ocppN-002", "/ocpp/N-002N-002", "/ocpp/N-002/N-002", "/"])
async def test_a_station_is_known_however_it_writes_its_address(start, path: str) -> None:
    service = await start(unknown_stations="refuse")

    assert await service.boot(path) == ("N-002",)
