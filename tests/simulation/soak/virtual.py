"""Virtual time for the whole service in one process: a loop that leaps, sockets with no kernel.

Where nothing is left to do the loop's clock leaps to the next timer, so a day passes as fast
as its work is done. What the service does beside its loop (fsync, snapshot, retention) is done
in line: the same run gives the same journal, whatever the machine.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

from ocpp_server.handover import feed


class _LeapingSelector(selectors.BaseSelector):
    """Asks the real selector without waiting; where it would wait, time has passed instead."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready and timeout is None:
            raise RuntimeError("virtual time stands still: nothing is left that could happen")
        if not ready and timeout:
            self.now_s += timeout
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Any:
        return self._real.get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` begins at 0 and leaps; threads are not used."""

    def __init__(self) -> None:
        self._leaping = _LeapingSelector()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now_s

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:
        """Do it here and now: what a commit thread does takes no virtual time."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - the awaiting side gets it
            done.set_exception(error)
        return done


class _KernelSocket:
    """What picows and we set on a socket; nobody is there to take note."""

    def fileno(self) -> int:
        return -1

    def setsockopt(self, *_: object) -> None: ...

    def getsockopt(self, *_: object) -> int:
        return 0


_SOCKET = _KernelSocket()


class VirtualSocket(asyncio.Transport):
    """Our side of a station's TCP connection.

    `to_station(data)` gets what we write, in a turn of its own; b"" says that we closed.
    `send` is the station's side of it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.BaseProtocol,
        address: tuple[str, int],
        to_station: Callable[[bytes], None],
    ) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._address = address
        self._to_station = to_station
        self._unread: list[bytes] = []
        self._is_reading = True
        self._is_over = False
        protocol.connection_made(self)

    def send(self, data: bytes) -> None:
        """The station sends bytes: they reach the protocol at once, unless it does not read."""
        if self._is_over:
            return
        if not self._is_reading:
            self._unread.append(data)
        elif isinstance(self._protocol, asyncio.BufferedProtocol):
            feed(self._protocol, data)
        else:
            self._protocol.data_received(data)  # type: ignore[attr-defined]

    def lose(self) -> None:
        """The station's side is gone."""
        self._end()

    # --- asyncio.Transport ------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        match name:
            case "socket":
                return _SOCKET
            case "peername":
                return self._address
            case "ssl_object":
                return self  # so that picows writes through us and to no file descriptor
            case _:
                return default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._is_over:
            self._loop.call_soon(self._to_station, bytes(data))

    def pause_reading(self) -> None:
        self._is_reading = False

    def resume_reading(self) -> None:
        self._is_reading = True
        waiting, self._unread = self._unread, []
        for data in waiting:
            self._loop.call_soon(self.send, data)

    def is_reading(self) -> bool:
        return self._is_reading

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_write_buffer_limits(self, high: Any = None, low: Any = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._is_over

    def close(self) -> None:
        self._end()

    def abort(self) -> None:
        self._end()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._loop.call_soon(self._to_station, b"")
            self._loop.call_soon(self._protocol.connection_lost, None)
