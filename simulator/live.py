"""The shell: real connections (picows) and real time (the event loop)."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections import deque
from datetime import UTC, datetime
from urllib.parse import quote

from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)

from simulator.timeline import Timeline
from simulator.wire import WireListener

SUBPROTOCOL = "ocpp1.6"
HANDSHAKE_TIMEOUT_S = 15.0
HANDSHAKES_AT_ONCE = 64
GOODBYE_S = 2.0
"""How long the last frames of a run may take to leave."""
_READ_BUFFER_BYTES = 2048
_FRAME_LIMIT_BYTES = 1024 * 1024
_TURN_S = 0.02
"""How long alarms may ring before frames get their turn."""

log = logging.getLogger(__name__)


class LiveTimeline(Timeline):
    """A timeline that follows the event loop's clock. Call `stop` at the end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        start_s = loop.time()
        super().__init__(lambda: loop.time() - start_s, datetime.now(UTC))
        self._loop = loop
        self._start_s = start_s
        self._handle: asyncio.TimerHandle | None = None
        self._handle_s = float("inf")
        self._is_ringing = False
        self.on_earlier = self._arm

    def stop(self) -> None:
        """Ring no more alarms."""
        self.on_earlier = None
        if self._handle is not None:
            self._handle.cancel()

    def _arm(self, at_s: float) -> None:
        if self._is_ringing or at_s >= self._handle_s:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._handle_s = at_s
        self._handle = self._loop.call_at(self._start_s + at_s, self._ring)

    def _ring(self) -> None:
        began_s = self.now_s
        self._is_ringing = True
        try:
            while self.ring_next(began_s) is not None and self.now_s - began_s < _TURN_S:
                pass
        finally:
            # Also after an act that raised: the others' time goes on.
            self._is_ringing = False
            self._handle, self._handle_s = None, float("inf")
            next_s = self.next_s
            if next_s is not None and self.on_earlier is not None:
                self._arm(max(next_s, self.now_s))


class PicowsDialer:
    """Opens websockets at a limited pace: so many a second, so many handshakes at once.

    `url` is where the central system listens; `{id}` in it stands for the station's id, which
    else is added as the last path segment. With a password each station uses Basic auth.
    """

    def __init__(self, url: str, *, connects_per_s: float, password: str | None = None) -> None:
        self._url = url if "{id}" in url else url.rstrip("/") + "/{id}"
        self._password = password
        self._gap_s = 1.0 / connects_per_s
        self._waiting: deque[tuple[str, WireListener]] = deque()
        self._arrived = asyncio.Event()
        self._free = asyncio.Semaphore(HANDSHAKES_AT_ONCE)
        self._wires: set[PicowsWire] = set()

    def dial(self, station: str, listener: WireListener) -> None:
        """Put a station in the line of those that dial."""
        self._waiting.append((station, listener))
        self._arrived.set()

    async def run(self) -> None:
        """Serve the line until cancelled; connections that stand go on standing."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                if not self._waiting:
                    self._arrived.clear()
                    await self._arrived.wait()
                await self._free.acquire()
                station, listener = self._waiting.popleft()
                tasks.create_task(self._connect(station, listener))
                await asyncio.sleep(self._gap_s)

    async def hang_up(self) -> None:
        """Close every connection in good order; whatever lingers is dropped."""
        wires = list(self._wires)
        for wire in wires:
            wire.hang_up()
        if wires:
            ends = [asyncio.create_task(wire.wait_closed()) for wire in wires]
            _, lingering = await asyncio.wait(ends, timeout=GOODBYE_S)
            for end in lingering:
                end.cancel()
            for wire in list(self._wires):
                wire.abort()

    async def _connect(self, station: str, listener: WireListener) -> None:
        wire = PicowsWire(listener, self._wires)
        headers = [("Sec-WebSocket-Protocol", SUBPROTOCOL)]
        if self._password is not None:
            token = base64.b64encode(f"{station}:{self._password}".encode()).decode()
            headers.append(("Authorization", f"Basic {token}"))
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                await ws_connect(
                    lambda: wire,
                    self._url.replace("{id}", quote(station, safe="")),
                    extra_headers=headers,
                    max_frame_size=_FRAME_LIMIT_BYTES,
                    read_buffer_init_size=_READ_BUFFER_BYTES,
                    websocket_handshake_timeout=HANDSHAKE_TIMEOUT_S,
                )
        except (WSError, OSError, TimeoutError) as error:
            if not wire.was_open:
                listener.refused(f"{type(error).__name__}: {error}")
        finally:
            self._free.release()


class PicowsWire(WSListener):
    """One websocket, as picows tells of it and as a station uses it."""

    def __init__(self, listener: WireListener, open_wires: set[PicowsWire]) -> None:
        super().__init__()
        self._listener = listener
        self._open_wires = open_wires
        self._transport: WSTransport | None = None
        self._parts: list[bytes] = []
        self.was_open = False

    # --- what picows calls --------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake is over."""
        self._transport = transport
        self.was_open = True
        self._open_wires.add(self)
        self._listener.opened(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame came; texts in parts are put together."""
        kind = frame.msg_type
        if kind in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION):
            self._parts.append(frame.get_payload_as_bytes())
            if frame.fin:
                text = b"".join(self._parts).decode("utf-8", "replace")
                self._parts.clear()
                self._listener.received(self, text)
        elif kind is WSMsgType.CLOSE:
            # An empty close frame has no code that may be sent back.
            code = frame.get_close_code()
            transport.send_close(WSCloseCode.OK if code is WSCloseCode.NO_INFO else code)
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The TCP connection is over."""
        self._transport = None
        self._open_wires.discard(self)
        self._listener.closed(self, "connection closed")

    # --- what the station calls ---------------------------------------------------------------

    def send(self, frame: str) -> None:
        """Send a text frame. Does nothing once the connection is gone."""
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, frame.encode())

    def ping(self) -> None:
        """Send a websocket ping."""
        if self._transport is not None:
            self._transport.send_ping()

    def close(self) -> None:
        """Close in good order, with a close frame."""
        if self._transport is not None:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()

    def abort(self) -> None:
        """Vanish: the TCP connection ends without a close frame."""
        if self._transport is not None:
            self._transport.disconnect(False)

    def hang_up(self) -> None:
        """Close at the end of a run; nobody is told any more."""
        self._listener = _NOBODY
        self.close()

    async def wait_closed(self) -> None:
        """Return once the TCP connection is over."""
        if self._transport is not None:
            await self._transport.wait_disconnected()


class _Nobody:
    """Listens to nothing."""

    def opened(self, wire: object) -> None: ...
    def received(self, wire: object, frame: str) -> None: ...
    def closed(self, wire: object, because: str) -> None: ...
    def refused(self, because: str) -> None: ...


_NOBODY = _Nobody()
