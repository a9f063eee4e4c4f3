"""The handover: an accepted socket goes to picows, which frames it from then on.

picows' protocol object is not its documented API, but its documented one refuses handshakes
that real stations send and hides who the peer is. The release is pinned, and
tests/contracts/test_picows_contract.py holds what is used here.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import structlog
from picows import (
    WSAutoPingStrategy,
    WSProtocolError,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined]

from ocpp_server.context import Context
from ocpp_server.front import Accept
from ocpp_server.limits import Counters
from ocpp_server.link import Link

log = structlog.get_logger(__name__)


def hand_over(
    transport: asyncio.Transport, accepted: Accept, link: Link, context: Context, late: bytes
) -> None:
    """Give an accepted socket to picows: answer 101, then deliver its frames to the link.

    `late` is what arrived while the gate decided.
    """

    def answer(_: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        headers = (
            {"Sec-WebSocket-Protocol": accepted.subprotocol} if accepted.subprotocol else None
        )
        response = WSUpgradeResponse.create_101_response(extra_headers=headers)
        return WSUpgradeResponseWithListener(response, link)

    protocol = new_protocol(answer, context)
    protocol.connection_made(transport)
    transport.set_protocol(protocol)
    feed(protocol, accepted.head + accepted.rest + late)
    if not transport.is_closing():
        transport.resume_reading()


def new_protocol(
    answer: Callable[[WSUpgradeRequest], WSUpgradeResponseWithListener], context: Context
) -> Any:  # noqa: ANN401 - picows' protocol object has no types
    """Build picows' protocol object for the server's side of one socket."""
    limits = context.limits
    return WSProtocol(
        None,  # host and port, for clients
        None,  # path, for clients
        False,  # is_client_side
        answer,
        _PicowsLog(context.counters),
        False,  # disconnect_on_exception: a bug of ours must not cost a station its link
        None,  # handshake timeout: the front has its own
        False,  # auto-ping: the wheel pings
        limits.ping_every_s,
        limits.ping_every_s,
        WSAutoPingStrategy.PING_WHEN_IDLE,
        False,  # auto-pong: it hides pings, and they are signs of life
        limits.max_message_bytes,
        None,  # extra headers, for clients
        limits.read_buffer_bytes,
    )


def feed(protocol: asyncio.BufferedProtocol, received: bytes) -> None:
    """Hand bytes to a buffered protocol as if they had just been read."""
    at = 0
    while at < len(received):
        room = memoryview(protocol.get_buffer(-1))
        chunk = received[at : at + len(room)]
        room[: len(chunk)] = chunk
        at += len(chunk)
        room.release()
        protocol.buffer_updated(len(chunk))


class _PicowsLog:
    """What picows wants to log, in our words: chatter dropped, exceptions of ours kept.

    picows swallows what its callbacks raise and tells its logger only, so this is the
    supervisor of everything that runs inside `Link`.
    """

    __slots__ = ("_counters",)

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the logging module's spelling
        return False

    def log(self, *_: object) -> None:
        pass

    debug = info = warning = log

    def error(self, message: str, *arguments: object) -> None:
        raised = sys.exc_info()[1]
        if isinstance(raised, WSProtocolError):
            log.info("websocket breach", said=message % arguments)
        else:
            self.exception(message, *arguments)

    def exception(self, message: str, *arguments: object) -> None:
        self._counters.failures += 1
        log.error("failure inside a link", said=message % arguments, exc_info=True)
