"""What we use of picows beyond its documented API. A new release must pass this first.

Should it not: the `websockets` library's documented sans-IO protocol is the way back.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import picows
import pytest
import uvloop
from picows.picows import WSProtocol

HEAD = (
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
LIMIT = 4096


class Seen(picows.WSListener):
    """Writes down what picows calls."""

    def __init__(self) -> None:
        self.frames: list[tuple[Any, ...]] = []
        self.is_connected = False
        self.is_over = False
        self.raises: Exception | None = None
        self.paused = 0

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        self.is_connected = True

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        self.frames.append(
            (
                frame.msg_type.name,
                bool(frame.fin),
                (bool(frame.rsv1), bool(frame.rsv2), bool(frame.rsv3)),
                frame.get_payload_as_bytes(),
                bool(frame.last_in_buffer),
            )
        )
        if self.raises is not None:
            raise self.raises

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        self.is_over = True

    def pause_writing(self) -> None:
        self.paused += 1


class Sink:
    """A logger as picows wants one; keeps what it was told as an error."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        return False

    def log(self, *_: object) -> None: ...

    debug = info = warning = log

    def error(self, message: str, *arguments: object) -> None:
        self.errors.append(message % arguments)

    exception = error


class Peer:
    """Both ends of one socket that picows serves."""

    def __init__(self, seen: Seen, log: Sink, protocol: Any, reader: Any, writer: Any) -> None:
        self.seen, self.log, self.protocol = seen, log, protocol
        self.reader, self.writer = reader, writer

    @property
    def transport(self) -> picows.WSTransport:
        return self.protocol.transport

    def feed(self, received: bytes) -> None:
        at = 0
        while at < len(received):
            room = memoryview(self.protocol.get_buffer(-1))
            chunk = received[at : at + len(room)]
            room[: len(chunk)] = chunk
            at += len(chunk)
            self.protocol.buffer_updated(len(chunk))

    async def read(self, size: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(size), 5)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.001)


def frame_of(payload: bytes, opcode: int = 1, first: int = 0x80, claim: int = 0) -> bytes:
    size = claim or len(payload)
    head = bytes([first | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += b"\xfe" + struct.pack("!H", size)
    else:
        head += b"\xff" + struct.pack("!Q", size)
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def on_uvloop(story: Callable[[Peer], Awaitable[None]]) -> None:
    """Tell a story about a socket that was handed over to picows after its accept."""

    async def run() -> None:
        seen, log = Seen(), Sink()
        handed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        class Front(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                response = picows.WSUpgradeResponse.create_101_response()
                protocol = WSProtocol(
                    None, None, False,
                    lambda request: picows.WSUpgradeResponseWithListener(response, seen),
                    log, False, None, False, 60, 60,
                    picows.WSAutoPingStrategy.PING_WHEN_IDLE, False, LIMIT, None, 2048,
                )  # fmt: skip
                protocol.connection_made(transport)
                transport.set_protocol(protocol)
                handed.set_result(protocol)

        server = await asyncio.get_running_loop().create_server(Front, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        peer = Peer(seen, log, await handed, reader, writer)
        peer.feed(HEAD)
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert head.startswith(b"HTTP/1.1 101 ")
            assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
            await story(peer)
        finally:
            writer.transport.abort()
            server.close()
            await asyncio.sleep(0.01)

    uvloop.run(run())


def test_the_pinned_release_is_the_one_this_ran_against() -> None:
    assert picows.__version__ == "2.3.1"


def test_a_socket_can_be_handed_over_and_its_frames_arrive_through_the_loop() -> None:
    async def story(peer: Peer) -> None:
        assert peer.seen.is_connected
        peer.writer.write(frame_of(b"hello"))
        await until(lambda: bool(peer.seen.frames))
        assert peer.seen.frames == [("TEXT", True, (False,) * 3, b"hello", True)]
        peer.transport.send(picows.WSMsgType.TEXT, b"answer")
        assert await peer.read(8) == b"\x81\x06answer"

    on_uvloop(story)


def test_frames_are_delivered_one_by_one_and_the_last_of_a_read_is_marked() -> None:
    async def story(peer: Peer) -> None:
        peer.feed(frame_of(b"a", first=0) + frame_of(b"b", 0) + frame_of(b"c", 9))
        assert peer.seen.frames == [
            ("TEXT", False, (False,) * 3, b"a", False),
            ("CONTINUATION", True, (False,) * 3, b"b", False),
            ("PING", True, (False,) * 3, b"c", True),
        ]

    on_uvloop(story)


def test_pings_are_delivered_and_not_answered_behind_our_back() -> None:
    async def story(peer: Peer) -> None:
        peer.feed(frame_of(b"p", 9) + frame_of(b"q", 10))
        peer.transport.send_pong(b"mine")
        assert await peer.read(6) == b"\x8a\x04mine"
        assert [frame[0] for frame in peer.seen.frames] == ["PING", "PONG"]

    on_uvloop(story)


def test_reserved_bits_are_delivered_for_us_to_judge() -> None:
    async def story(peer: Peer) -> None:
        peer.feed(frame_of(b"x", first=0xC0))
        assert peer.seen.frames[0][2] == (True, False, False)

    on_uvloop(story)


def test_a_frame_over_the_limit_is_closed_by_picows_and_said_so_in_the_handshake() -> None:
    async def story(peer: Peer) -> None:
        peer.feed(frame_of(b"x" * 10, claim=LIMIT + 1))
        assert peer.transport.is_close_frame_sent
        assert peer.transport.close_handshake.sent.code is picows.WSCloseCode.MESSAGE_TOO_BIG
        assert (await peer.read(4))[2:] == struct.pack("!H", 1009)
        assert peer.seen.frames == []
        await until(lambda: peer.seen.is_over)

    on_uvloop(story)


@pytest.mark.parametrize(
    "breach", [b"\x81\x01x", b"\x83\x80abcd", b"\x09\x80abcd", b"\x88\x81abcdx"]
)
def test_breaches_that_picows_sees_itself_close_with_1002(breach: bytes) -> None:
    async def story(peer: Peer) -> None:
        peer.feed(frame_of(b"before") + breach)
        assert [frame[3] for frame in peer.seen.frames] == [b"before"]
        assert peer.transport.close_handshake.sent.code is picows.WSCloseCode.PROTOCOL_ERROR
        assert len(peer.log.errors) == 1

    on_uvloop(story)


def test_a_listener_that_raises_keeps_its_socket_and_the_logger_is_told() -> None:
    async def story(peer: Peer) -> None:
        peer.seen.raises = RuntimeError("a bug")
        peer.feed(frame_of(b"1") + frame_of(b"2"))
        assert [frame[3] for frame in peer.seen.frames] == [b"1", b"2"]
        assert len(peer.log.errors) == 2
        assert not peer.transport.is_close_frame_sent

    on_uvloop(story)


def test_a_close_frame_is_delivered_with_its_code_and_left_to_us() -> None:
    async def story(peer: Peer) -> None:
        peer.feed(frame_of(b"\x0f\xa1why", 8))
        assert peer.seen.frames[0][0] == "CLOSE"
        assert not peer.transport.is_close_frame_sent
        assert peer.transport.close_handshake.recv.code.value == 4001
        peer.transport.send_close(picows.WSCloseCode.OK)
        assert await peer.read(4) == b"\x88\x02\x03\xe8"
        peer.transport.send(picows.WSMsgType.TEXT, b"late")  # ignored
        peer.transport.disconnect()
        assert await peer.reader.read() == b""
        assert peer.seen.is_over

    on_uvloop(story)


def test_unread_bytes_over_the_high_water_mark_pause_the_listener() -> None:
    async def story(peer: Peer) -> None:
        peer.transport.underlying_transport.set_write_buffer_limits(high=10_000)
        for _ in range(1000):
            peer.transport.send(picows.WSMsgType.TEXT, b"x" * 100_000)
            if peer.seen.paused:
                break
        assert peer.seen.paused == 1
        peer.transport.disconnect(graceful=False)

    on_uvloop(story)
