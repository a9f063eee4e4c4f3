"""What the system itself does to find out that a peer is gone. Socket options, no bytes."""

from __future__ import annotations

import asyncio
import socket


def keep_watch(transport: asyncio.BaseTransport, give_up_after_s: float) -> None:
    """Have the system drop a socket whose peer acknowledges nothing so long (RFC 5482)."""
    sock = transport.get_extra_info("socket")
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if sock is not None and option is not None:
        sock.setsockopt(socket.IPPROTO_TCP, option, int(give_up_after_s * 1000))


def keep_alive(transport: asyncio.BaseTransport, every_s: float) -> None:
    """Have the system probe a peer that gets no pings, below what a station's software sees."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, max(1, int(every_s)))
