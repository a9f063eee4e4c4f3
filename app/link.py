"""The link: how the web process and the command line talk to core, over a Unix socket.

Moves the messages of `app.messages` and decides nothing. A frame is four bytes of length
(big endian) and one MessagePack document. Requests carry a number, so that many may be under
way at once; a subscriber gets `Changed` messages in between, and `Missed` from its own side
where some may have been lost: then it has to fetch again what it shows.
"""

from __future__ import annotations

from app.link_client import LinkClient
from app.link_server import Handler, LinkServer
from app.link_wire import LinkBusyError, LinkDownError, LinkError, LinkFailedError, Missed

__all__ = [
    "Handler",
    "LinkBusyError",
    "LinkClient",
    "LinkDownError",
    "LinkError",
    "LinkFailedError",
    "LinkServer",
    "Missed",
]
