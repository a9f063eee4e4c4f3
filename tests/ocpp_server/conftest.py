"""Fakes of the ports around a connection, and the ways tests talk to a live endpoint."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import msgspec
import pytest
import uvloop

from domain.events import AnyEvent, ProtocolLearned, StatusReported
from domain.journal import Entry, EntryKind
from domain.places import Place, StationId
from ocpp_server.connection import Connection
from ocpp_server.context import Context
from ocpp_server.gate import OpenGate
from ocpp_server.limits import Counters, Limits
from ocpp_server.listener import Endpoint
from ocpp_server.protocol import Reaction
from ocpp_server.wheel import Wheel

STATION = StationId("N-001")
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class FakeClock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.at = START
        self.reads = 0

    def now(self) -> datetime:
        self.reads += 1
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class FakeRecorder:
    """Keeps everything in lists; commits when told, or at once where `is_eager`."""

    def __init__(self, *, is_eager: bool = False) -> None:
        self.entries: list[Entry] = []
        self.events: list[AnyEvent] = []
        self.signs_of_life: Counter[str] = Counter()
        self.is_accepting = True
        self.is_eager = is_eager
        self._position = 0
        self._after: list[tuple[Callable[[bytes], None], bytes]] = []

    def take_position(self) -> int:
        return self._position + 1

    def record(self, entry: Entry, events: tuple[AnyEvent, ...] = ()) -> None:
        assert self.is_accepting, "recorded although the journal cannot be written"
        assert entry.position == self._position + 1, "positions must follow each other"
        self._position = entry.position
        self.entries.append(entry)
        self.events.extend(events)

    def exchange(
        self,
        call: Entry,
        events: tuple[AnyEvent, ...],
        answer: bytes,
        send: Callable[[bytes], None],
    ) -> None:
        self.record(call, events)
        told = Entry(self.take_position(), call.at, EntryKind.SENT, call.station, answer)
        self.record(told)
        self.after_commit(send, answer)

    def after_commit(self, send: Callable[[bytes], None], frame: bytes) -> None:
        self._after.append((send, frame))
        if self.is_eager:
            asyncio.get_running_loop().call_soon(self.commit)

    def heard(self, station: StationId) -> None:
        self.signs_of_life[station] += 1

    def commit(self) -> None:
        after, self._after = self._after, []
        for send, frame in after:
            send(frame)

    def lose(self) -> None:
        """The commit failed: nothing that waited for it will ever be sent."""
        self._after.clear()

    def bodies(self, kind: EntryKind) -> list[bytes]:
        return [entry.body for entry in self.entries if entry.kind is kind]

    def facts(self) -> list[str]:
        return [msgspec.json.decode(body)["type"] for body in self.bodies(EntryKind.FACT)]


class EchoDialect:
    """A dialect of four words, so that tests of the transport need no OCPP.

    `[2,id,action,payload]` is answered `[3,id,action]`; action Heartbeat is a heartbeat, Boot a
    boot, `Status` reports the EVSE in its payload, `Learned` a protocol; 3 and 4 are answers.
    Anything else gives no answer.
    """

    def __init__(self, station: StationId = STATION, protocol: str = "ocpp1.6") -> None:
        self.station = station
        self.protocol = protocol

    def receive(self, frame: bytes, *, now: datetime, position: int) -> Reaction:
        if frame in (b"", b"pong"):
            return Reaction(frame, is_heartbeat=True)
        try:
            said = msgspec.json.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Reaction(frame)
        match said:
            case [2, str(number), str(action), *payload]:
                answer = msgspec.json.encode([3, number, action])
                events: tuple[AnyEvent, ...] = ()
                if action == "Learned":
                    events = (
                        ProtocolLearned(
                            station=self.station,
                            protocol=payload[0],
                            observed_at=now,
                            position=position,
                        ),
                    )
                if action == "Status":
                    place = Place.of_station(self.station, payload[0])
                    events = (
                        StatusReported(
                            place=place, status="Available", observed_at=now, position=position
                        ),
                    )
                return Reaction(
                    frame,
                    events,
                    answer,
                    is_heartbeat=action == "Heartbeat",
                    is_boot=action == "Boot",
                )
            case [3, str(number), payload]:
                return Reaction(frame, result_of=number, result=msgspec.json.encode(payload))
            case [4, str(number), *rest]:
                return Reaction(
                    frame, result_of=number, result=msgspec.json.encode(rest), is_error=True
                )
        return Reaction(frame)

    def call(self, message_id: str, action: str, payload: bytes) -> bytes:
        return b'[2,"%b","%b",%b]' % (message_id.encode(), action.encode(), payload)


class FakeWire:
    """Remembers what a connection asked of its socket."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.is_reading = True

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def pause(self) -> None:
        self.is_reading = False

    def resume(self) -> None:
        self.is_reading = True


class House:
    """One connection with fakes all around, in virtual time."""

    def __init__(self, limits: Limits | None = None, *, evses: int = 2) -> None:
        self.clock = FakeClock()
        self.recorder = FakeRecorder()
        self.wire = FakeWire()
        self.counters = Counters()
        self.limits = limits or Limits()
        self.wheel = Wheel(self.limits.tick_s)
        self._last_id = 0
        self.context = Context(
            self.recorder, self.clock, self.limits, self.counters, self.wheel, self._new_id
        )
        self.connection = self.connect(evses=evses)

    def connect(self, *, evses: int = 2, protocol: str = "ocpp1.6") -> Connection:
        self.wire = FakeWire()
        return Connection(
            STATION,
            EchoDialect(),
            self.wire,
            self.context,
            protocol=protocol,
            address="192.0.2.7:5000",
            evses=evses,
        )

    def say(self, frame: bytes) -> None:
        """The station says one message, and its turn of the loop commits."""
        self.connection.receive(frame, self.clock.now())
        self.recorder.commit()

    def boot(self) -> None:
        self.say(b'[2,"b","Boot",{}]')

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / self.limits.tick_s)):
            self.clock.advance(self.limits.tick_s)
            for action in self.wheel.turn():
                action()
            self.recorder.commit()

    def _new_id(self) -> str:
        self._last_id += 1
        return f"m{self._last_id}"


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def make_house() -> type[House]:
    return House


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run this folder's tests on the loop that the service runs on."""
    return {"uvloop": uvloop.new_event_loop}


class Served:
    """A live endpoint on a loopback port."""

    def __init__(self, endpoint: Endpoint, recorder: FakeRecorder, port: int) -> None:
        self.endpoint = endpoint
        self.recorder = recorder
        self.port = port
        self.counters = endpoint.counters

    def url(self, path: str = "/ocpp/N-001", scheme: str = "ws") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    async def until(self, is_so: Callable[[], bool], timeout_s: float = 5.0) -> None:
        """Wait until something became true; fail where it does not."""
        async with asyncio.timeout(timeout_s):
            while not is_so():
                await asyncio.sleep(0.002)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., object]]:
    opened: list[Endpoint] = []

    async def start(
        *,
        gate: object = None,
        limits: Limits | None = None,
        ssl: object = None,
        make_dialect: Callable[..., object] = EchoDialect,
        **other: object,
    ) -> Served:
        recorder = FakeRecorder(is_eager=True)
        limits = limits or Limits(tick_s=0.01, close_wait_s=0.2)
        endpoint = Endpoint(
            recorder, FakeClock(), gate or OpenGate(), make_dialect, limits, **other
        )
        opened.append(endpoint)
        port = await endpoint.start("127.0.0.1", 0, ssl)
        return Served(endpoint, recorder, port)

    yield start
    for endpoint in opened:
        await endpoint.close(drain_s=1.0)


class RawStation:
    """A station at the level of bytes: handshakes and frames that no library would send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, sent: bytes) -> None:
        self.writer.write(sent)

    async def handshake(self, head: bytes | None = None) -> bytes:
        self.write(head if head is not None else head_with())
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)

    def frame(
        self,
        payload: bytes,
        *,
        opcode: int = 1,
        is_final: bool = True,
        rsv: int = 0,
        length: int | None = None,
    ) -> None:
        self.write(frame_of(payload, opcode=opcode, is_final=is_final, rsv=rsv, length=length))

    async def read_frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the server's next frame."""
        first, second = await asyncio.wait_for(self.reader.readexactly(2), 5)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        return first & 0xF, await self.reader.readexactly(size)

    async def read_close(self) -> int:
        """Return the code of the close frame that must come next."""
        opcode, payload = await self.read_frame()
        assert opcode == 8, (opcode, payload)
        return int.from_bytes(payload[:2], "big")

    async def read_to_end(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 5)

    def reset(self) -> None:
        """Close with a RST, as a machine that lost its state does."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self) -> None:
        self.writer.close()


def head_with(
    *lines: str,
    target: str = "/ocpp/N-001",
    upgrade: bool = True,
    connection: bool = True,
    key: bool = True,
    end: str = "\r\n",
) -> bytes:
    """Build a request head; what a real station left out can be left out."""
    head = [f"GET {target} HTTP/1.1", "Host: 127.0.0.1"]
    if upgrade:
        head.append("Upgrade: websocket")
    if connection:
        head.append("Connection: Upgrade")
    if key:
        head.append("Sec-WebSocket-Key: " + base64.b64encode(b"0123456789abcdef").decode())
    head += lines
    return (end.join(head) + end + end).encode("latin-1")


def frame_of(
    payload: bytes,
    *,
    opcode: int = 1,
    is_final: bool = True,
    rsv: int = 0,
    length: int | None = None,
) -> bytes:
    """Build a masked frame; `length` is what the header claims, where that is not the truth."""
    size = len(payload) if length is None else length
    head = bytes([(0x80 if is_final else 0) | rsv << 4 | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += b"\xfe" + struct.pack("!H", size)
    else:
        head += b"\xff" + struct.pack("!Q", size)
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


@pytest.fixture
async def dial() -> AsyncIterator[Callable[..., object]]:
    opened: list[RawStation] = []

    async def connect(port: int, *, ssl: object = None) -> RawStation:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=ssl)
        station = RawStation(reader, writer)
        opened.append(station)
        return station

    yield connect
    for station in opened:
        station.writer.transport.abort()


@pytest.fixture
def wire_words() -> SimpleNamespace:
    """The byte builders, for tests that cannot import this file."""
    return SimpleNamespace(head_with=head_with, frame_of=frame_of)
