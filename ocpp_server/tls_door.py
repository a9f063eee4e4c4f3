"""The TLS door: accepts sockets on the TLS port and shakes hands before a reception begins.

The event loop's own server drops a socket whose handshake fails without a word, and with it
the address of a station that cannot get in. Here every failure is counted and told with its
reason and an advice, and each handshake uses the certificate that is in force by then.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import structlog

from ocpp_server.addresses import written
from ocpp_server.limits import BACKLOG
from ocpp_server.reception import Reception
from ocpp_server.refusal import RefusalReason
from ocpp_server.tls import ServerTls, advice_on

if TYPE_CHECKING:
    from ocpp_server.listener import Endpoint

log = structlog.get_logger(__name__)

_AT_ONCE = 100
"""Sockets accepted in one turn of the loop; the others wait in the system's queue."""

_PAUSE_S = 1.0
"""How long nothing is accepted after the system refused us a socket (too many open files)."""


class TlsDoor:
    """One listening socket for stations that speak TLS."""

    def __init__(self, endpoint: Endpoint, listening: socket.socket, tls: ServerTls) -> None:
        listening.setblocking(False)
        self._endpoint = endpoint
        self._listening = listening
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._shaking_hands: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._open()

    @property
    def port(self) -> int:
        """Where it listens."""
        bound: int = self._listening.getsockname()[1]
        return bound

    def close(self) -> None:
        """Accept nobody any more, and let go of those who are still shaking hands."""
        if self._listening.fileno() < 0:
            return
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()
        for task in self._shaking_hands:
            task.cancel()

    def _open(self) -> None:
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, peer = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return  # all are in, or one thought better of it
            except OSError as error:
                log.warning("nobody is accepted for a moment", why=str(error))
                self._loop.remove_reader(self._listening)
                self._pause = self._loop.call_later(_PAUSE_S, self._open)
                return
            self._let_in(accepted, written(peer))

    def _let_in(self, accepted: socket.socket, address: str) -> None:
        if len(self._shaking_hands) >= self._endpoint.limits.max_receptions:
            self._endpoint.counters.dropped += 1
            accepted.close()
            return
        accepted.setblocking(False)
        task = self._loop.create_task(
            self._shake_hands(accepted, address), name=f"tls {address}"
        )
        self._shaking_hands.add(task)
        task.add_done_callback(self._shaking_hands.discard)

    async def _shake_hands(self, accepted: socket.socket, address: str) -> None:
        endpoint = self._endpoint
        try:
            await self._loop.connect_accepted_socket(
                lambda: Reception(endpoint),
                accepted,
                ssl=self._tls.context,
                ssl_handshake_timeout=endpoint.limits.tls_timeout_s,
            )
        except OSError as error:
            self._tell(error, address)
        except Exception:
            endpoint.counters.failures += 1
            log.exception("tls failed", address=address)

    def _tell(self, error: OSError, address: str) -> None:
        endpoint = self._endpoint
        endpoint.counters.refused += 1
        endpoint.counters.refusals[RefusalReason.TLS_FAILED] += 1
        if endpoint.restraint.take_line(address, self._loop.time()):
            reason, details, advice = advice_on(error)
            log.info(
                "tls failed", reason=reason, details=details, advice=advice, address=address
            )


async def open_doors(endpoint: Endpoint, host: str, port: int, tls: ServerTls) -> list[TlsDoor]:
    """Listen on every address that a host name means. OSError: one of them cannot be had."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    listening: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((each[0], each[4]) for each in found):
            if listening:  # on the same port, also where the system chose it
                port = listening[0].getsockname()[1]
            listening.append(_listen(family, (address[0], port, *address[2:])))
    except OSError:
        for each in listening:
            each.close()
        raise
    return [TlsDoor(endpoint, each, tls) for each in listening]


def _listen(family: int, address: tuple[object, ...]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:  # the same name may mean an IPv4 address as well
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
