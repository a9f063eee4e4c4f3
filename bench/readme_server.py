"""The measure: a central system as the `ocpp` library's README builds one.

`websockets.serve`, one `ChargePoint` per connection, a handler per action, schema validation
as the library has it by default. No journal, no rules: it answers and forgets. Logging is left
unconfigured, which spares it the line per message that its examples print.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import Action, RegistrationStatus
from websockets.asyncio.server import ServerConnection
from websockets.typing import Subprotocol


class ReadmeChargePoint(ChargePoint):  # type: ignore[misc]  # the library has no types
    """Answers the four actions of the mix."""

    @on(Action.boot_notification)  # type: ignore[untyped-decorator]
    def on_boot(self, **_: object) -> object:
        return call_result.BootNotification(
            current_time=datetime.now(UTC).isoformat(),
            interval=300,
            status=RegistrationStatus.accepted,
        )

    @on(Action.heartbeat)  # type: ignore[untyped-decorator]
    def on_heartbeat(self) -> object:
        return call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())

    @on(Action.status_notification)  # type: ignore[untyped-decorator]
    def on_status(self, **_: object) -> object:
        return call_result.StatusNotification()

    @on(Action.meter_values)  # type: ignore[untyped-decorator]
    def on_meter_values(self, **_: object) -> object:
        return call_result.MeterValues()


async def _on_connect(connection: ServerConnection) -> None:
    if connection.subprotocol is None or connection.request is None:
        await connection.close()
        return
    station = connection.request.path.rpartition("/")[2]
    try:
        await ReadmeChargePoint(station, connection).start()
    except websockets.ConnectionClosed:
        return


async def _main() -> None:
    server = await websockets.serve(
        _on_connect, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")]
    )
    port = server.sockets[0].getsockname()[1]
    print(f"stations: ws://127.0.0.1:{port}/ocpp/<id>", flush=True)
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(_main())
