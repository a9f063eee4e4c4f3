"""What a connection leaves in memory: nothing that waits for a full collection."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
import websockets

from ocpp_server.connection import Connection

pytestmark = pytest.mark.e2e


def alive(kind: type) -> list[Any]:
    return [thing for thing in gc.get_objects() if type(thing) is kind]


async def test_a_connection_that_has_ended_is_gone_without_a_collection(serve: Any) -> None:
    served = await serve()
    gc.collect()
    gc.disable()
    try:
        async with websockets.connect(served.url(), subprotocols=["ocpp1.6"]):
            await served.until(lambda: served.endpoint.connections == 1)
            assert len(alive(Connection)) == 1
        await served.until(lambda: served.endpoint.connections == 0)
        assert alive(Connection) == []
    finally:
        gc.enable()


async def test_an_open_connection_keeps_nothing_of_its_admission(serve: Any) -> None:
    served = await serve()
    async with websockets.connect(served.url(), subprotocols=["ocpp1.6"]):
        await served.until(lambda: served.endpoint.connections == 1)
        await asyncio.sleep(0)
        # By type(): isinstance() asks a weak proxy's object, which may be gone.
        tasks = [thing for thing in gc.get_objects() if issubclass(type(thing), asyncio.Task)]
        names = [task.get_name() for task in tasks]
        assert [name for name in names if name.startswith("admit ")] == []


async def test_an_open_connection_keeps_no_head_of_its_handshake(serve: Any) -> None:
    served = await serve()
    async with websockets.connect(served.url(), subprotocols=["ocpp1.6"]) as station:
        await served.until(lambda: served.endpoint.connections == 1)
        heads = [thing for thing in gc.get_objects() if type(thing).__name__ == "CIMultiDict"]
        assert heads
        assert [dict(head) for head in heads if head] == []
        await station.send('[2,"1","Boot",{}]')
        assert await station.recv() == '[3,"1","Boot"]'
