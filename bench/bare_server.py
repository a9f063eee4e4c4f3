"""Connections alone: the OCPP endpoint with nothing behind it.

Every message is read, checked and answered as ever; nothing is journalled, believed or decided.
What a connection costs here, it costs without registry, beliefs and rules.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import uvloop

from app.clock import SystemClock
from app.file_limit import raise_file_limit
from app.interpret import Interpreter
from app.logs import set_up_logs
from app.settings_parts import LogSettings
from domain.events import AnyEvent
from domain.journal import Entry
from domain.places import StationId
from ocpp_server.gate import OpenGate
from ocpp_server.listener import Endpoint
from ocpp_server.protocol import Dialect
from ocpp_server.v16.dialect import Dialect16


class ForgetfulRecorder:
    """Takes everything, keeps nothing, and answers at the end of the turn."""

    is_accepting = True

    def __init__(self) -> None:
        self._position = 0
        self._sends: list[tuple[Callable[[bytes], None], bytes]] = []

    def take_position(self) -> int:
        return self._position + 1

    def record(self, entry: Entry, events: tuple[AnyEvent, ...] = ()) -> None:
        self._position = entry.position

    def exchange(
        self,
        call: Entry,
        events: tuple[AnyEvent, ...],
        answer: bytes,
        send: Callable[[bytes], None],
    ) -> None:
        self._position = call.position + 1
        self.after_commit(send, answer)

    def after_commit(self, send: Callable[[bytes], None], frame: bytes) -> None:
        if not self._sends:
            asyncio.get_running_loop().call_soon(self._answer)
        self._sends.append((send, frame))

    def heard(self, station: StationId) -> None:
        pass

    def _answer(self) -> None:
        sends, self._sends = self._sends, []
        for send, frame in sends:
            send(frame)


async def _main() -> None:
    raise_file_limit()
    set_up_logs(LogSettings(level="warning"), "core")
    memory = Interpreter()

    def make_dialect(station: StationId, protocol: str) -> Dialect:
        return Dialect16(station, memory.connected(station, protocol), heartbeat_every_s=300)

    endpoint = Endpoint(ForgetfulRecorder(), SystemClock(), OpenGate(), make_dialect)
    port = await endpoint.start("127.0.0.1", 0)
    gc.collect()
    gc.freeze()
    print(f"stations: ws://127.0.0.1:{port}/ocpp/<id>", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_main())
