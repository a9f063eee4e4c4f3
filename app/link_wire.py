"""What travels over the link: frames, their limits, and the link's errors. No sockets."""

from __future__ import annotations

import asyncio

import msgspec

from app.messages import Answer, Changed, Request

FRAME_LIMIT = 64 * 1024 * 1024
"""Bytes in one frame. Longer ones are refused on both sides."""


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """A request under its number; numbers are the asker's own and not used twice."""

    id: int
    request: Request


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """The answer to the request of that number."""

    id: int
    answer: Answer


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """No answer to the request of that number: core failed over it."""

    id: int
    reason: str


class Missed(msgspec.Struct, frozen=True, tag="missed"):
    """Changes may have been lost (`reason` says why): fetch again what is shown."""

    reason: str


decode_ask = msgspec.msgpack.Decoder(Ask).decode
decode_answer = msgspec.msgpack.Decoder(Reply | Failure | Changed).decode
encode = msgspec.msgpack.Encoder().encode


class LinkError(Exception):
    """Something about the link; `reason` is a plain sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LinkDownError(LinkError):
    """Core cannot be reached, or went away before it answered."""


class LinkFailedError(LinkError):
    """Core was reached and could not answer: a fault of ours, its log has the traceback."""


class LinkBusyError(LinkError):
    """Another core listens on this path already."""


def frame(body: bytes) -> bytes:
    """Put the length in front. Raises LinkError for a body over the limit."""
    if len(body) > FRAME_LIMIT:
        raise LinkError(f"a frame of {len(body)} bytes is over the limit of {FRAME_LIMIT}")
    return len(body).to_bytes(4, "big") + body


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """Return the next frame's body. Raises IncompleteReadError at the end, or LinkError."""
    length = int.from_bytes(await reader.readexactly(4), "big")
    if length > FRAME_LIMIT:
        raise LinkError(f"a frame of {length} bytes is over the limit of {FRAME_LIMIT}")
    return await reader.readexactly(length)
