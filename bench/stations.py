"""The load generator: many stations on one loop, in a process of its own, and cheap.

Frames are prepared once and masked in advance; per message only eight bytes of id change. Every
answer is compared with the one that is due. Commands come on stdin, one per line; each is
answered by one line of JSON on stdout:

    connect N     connect, boot and report the first statuses of N more stations
    saturate      every station sends its next message as soon as the last one is answered
    rate X        X messages per second over all stations, open loop
    stop          send nothing more; answered once every message is
    mark          counters, and answer times since the last mark
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import resource
import sys
from array import array
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter, process_time
from typing import cast

import msgspec
import uvloop

from bench import mix

_MASK = bytes((0x5A, 0xC3, 0x17, 0x9E))
_AT_ONCE = 64
"""Handshakes under way at a time."""
_TICK_S = 0.001
_BACKLOG = 100_000
"""Messages that may be late in an open loop; beyond, the rate is simply not reached."""

Frame = tuple[bytes, bytes]


def _masked(payload: bytes) -> bytes:
    length = len(payload)
    mask = int.from_bytes((_MASK * (length // 4 + 1))[:length], "big")
    return (int.from_bytes(payload, "big") ^ mask).to_bytes(length, "big")


def _prepare(action: str, payload: bytes) -> Frame:
    """Return what stands before and behind the eight masked bytes of the id."""
    text = b'[2,"00000000","%b",%b]' % (action.encode(), payload)
    length = len(text)
    head = bytes((0x81, 0x80 | length)) if length < 126 else b"\x81\xfe" + length.to_bytes(2)
    masked = _masked(text)
    # The id begins at offset 4, so it is masked as if it stood at the beginning.
    return head + _MASK + masked[:4], masked[12:]


_DIGITS = [b"%04d" % number for number in range(10_000)]
_MASKED_DIGITS = [_masked(digits) for digits in _DIGITS]


class Field:
    """All stations, their counters and the pace."""

    def __init__(self) -> None:
        at = datetime.now(UTC)
        self.at = at
        self.stations: list[Station] = []
        self.rounds = {
            kind: [_prepare(kind, body) for body in bodies]
            for kind, bodies in mix.payloads(at).items()
        }
        self.answered = 0
        self.wrong = 0
        self.lost = 0
        self.bytes_sent = 0
        self.is_saturating = False
        self.takes_times = False
        self.times = array("d")
        self.waiting: deque[float] = deque()
        self._rate = 0.0
        self._due = 0.0
        self._ticked_at = 0.0
        self._next = 0
        self._most_late_s = 0.0

    async def connect(self, count: int, host: str, port: int) -> float:
        """Connect and boot more stations; return the seconds it took."""
        began = perf_counter()
        gate = asyncio.Semaphore(_AT_ONCE)
        first = len(self.stations)
        fresh = [Station(self, first + index) for index in range(count)]
        self.stations += fresh
        await asyncio.gather(*(self._connect_one(one, gate, host, port) for one in fresh))
        return perf_counter() - began

    async def _connect_one(
        self, station: Station, gate: asyncio.Semaphore, host: str, port: int
    ) -> None:
        loop = asyncio.get_running_loop()
        async with gate:
            await loop.create_connection(lambda: station, host, port)
            await asyncio.wait_for(station.booted, 60)

    def saturate(self) -> None:
        """Let every station send as fast as it is answered."""
        self.is_saturating, self.takes_times = True, False
        for station in self.stations:
            if station.due is None:
                station.send_next()

    def pace(self, rate: float) -> None:
        """Send so many messages per second from now on, over all stations in turn."""
        self.is_saturating, self.takes_times = False, True
        self._rate, self._due = rate, 0.0
        self._ticked_at = perf_counter()
        self.waiting.clear()
        self._tick()

    async def stop(self) -> None:
        """Send nothing more and wait until everything is answered."""
        self.is_saturating = False
        self._rate = 0.0
        self.waiting.clear()
        while any(station.due is not None and not station.is_lost for station in self.stations):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def mark(self) -> dict[str, float]:
        """Return the counters, and the answer times since the last mark."""
        times, self.times = sorted(self.times), array("d")
        late, self._most_late_s = self._most_late_s, 0.0
        marks = {
            "at": perf_counter(),
            "answered": self.answered,
            "wrong": self.wrong,
            "lost": self.lost,
            "bytes": self.bytes_sent,
            "cpu_s": process_time(),
            "waiting": len(self.waiting),
            "late_ms": late * 1e3,
        }
        if times:
            marks["p50_ms"] = times[len(times) // 2] * 1e3
            marks["p99_ms"] = times[len(times) * 99 // 100] * 1e3
        return marks

    def _tick(self) -> None:
        if not self._rate:
            return
        now = perf_counter()
        elapsed, self._ticked_at = now - self._ticked_at, now
        self._most_late_s = max(self._most_late_s, elapsed - _TICK_S)
        self._due = min(self._due + elapsed * self._rate, _BACKLOG)
        stations = self.stations
        while self._due >= 1:
            self._due -= 1
            station = stations[self._next]
            self._next = (self._next + 1) % len(stations)
            if station.due is None:
                station.sent_at = now
                station.send_next()
            elif len(self.waiting) < _BACKLOG:
                self.waiting.append(now)
        asyncio.get_running_loop().call_later(_TICK_S, self._tick)


class Station(asyncio.Protocol):
    """One station: a websocket client that has one call under way at most."""

    __slots__ = (
        "_conversation",
        "_count",
        "_field",
        "_frames",
        "_id",
        "_is_open",
        "_masked_id",
        "_number",
        "_received",
        "_transport",
        "_turn",
        "_write",
        "booted",
        "due",
        "is_lost",
        "sent_at",
    )

    def __init__(self, field: Field, number: int) -> None:
        self._field = field
        self._number = number
        self._id, self._masked_id = _DIGITS[number % 10_000], _MASKED_DIGITS[number % 10_000]
        self._count = 0
        self._turn = number
        self._frames: list[Frame] = []
        self._received = b""
        self._is_open = False
        self._transport: asyncio.Transport | None = None
        self._write: Callable[[bytes], None] = lambda _: None
        self._conversation: list[Frame] = []
        self.booted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.due: bytes | None = None  # how the awaited answer begins
        self.sent_at = 0.0
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._write = self._transport.write
        key = base64.b64encode(self._number.to_bytes(16))
        self._write(
            b"GET /ocpp/%b HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n"
            b"Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
            % (mix.station_name(self._number).encode(), key)
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self._field.lost += 1
        if not self.booted.done():
            self.booted.set_exception(ConnectionError(f"station {self._number} was refused"))

    def data_received(self, data: bytes) -> None:
        due = self.due
        # One whole short answer per read is what nearly always comes.
        if (
            due is not None
            and data[2:14] == due
            and data[0] == 0x81
            and data[1] == len(data) - 2
            and not self._received
        ):
            self._answered()
            return
        self._received += data
        if not self._is_open and not self._open():
            return
        self._read_frames()

    def send_next(self) -> None:
        """Send the next message of this station's round."""
        frames = self._frames
        self._turn += 1
        self._send(frames[self._turn % len(frames)])

    def _send(self, frame: Frame) -> None:
        count = self._count = (self._count + 1) % 10_000
        self.due = b'[3,"' + self._id + _DIGITS[count]
        whole = frame[0] + self._masked_id + _MASKED_DIGITS[count] + frame[1]
        self._field.bytes_sent += len(whole)
        self._write(whole)

    def _answered(self) -> None:
        self.due = None
        field = self._field
        field.answered += 1
        if field.is_saturating:
            self.send_next()
        elif self._conversation:
            self._send(self._conversation.pop())
            if not self._conversation:
                self._frames = self._own_round()
                self.booted.set_result(None)
        elif field.takes_times:
            field.times.append(perf_counter() - self.sent_at)
            if field.waiting:
                self.sent_at = field.waiting.popleft()
                self.send_next()

    def _own_round(self) -> list[Frame]:
        rounds = self._field.rounds
        kinds = mix.order(self._number)
        return [
            rounds[kind][(self._number + 7 * index) % len(rounds[kind])]
            for index, kind in enumerate(kinds)
        ]

    def _open(self) -> bool:
        head, found, self._received = self._received.partition(b"\r\n\r\n")
        if not found:
            self._received = head
            return False
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(head.decode("latin-1"))
        self._is_open = True
        at = self._field.at
        self._conversation = [
            *(_prepare("StatusNotification", mix.first_status(evse, at)) for evse in (2, 1, 0)),
            _prepare("BootNotification", mix.boot()),
        ]
        self._send(self._conversation.pop())
        return True

    def _read_frames(self) -> None:
        while len(self._received) >= 2:
            received = self._received
            length, start = received[1] & 0x7F, 2
            if length == 126:
                length, start = int.from_bytes(received[2:4]), 4
            if len(received) < start + length:
                return
            self._received = received[start + length :]
            self._take(received[0] & 0x0F, received[start : start + length])

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            self._write(bytes((0x8A, 0x80 | len(payload))) + _MASK + _masked(payload))
        elif opcode == 1 and self.due is not None and payload.startswith(self.due):
            self._answered()
        elif opcode == 1 and payload.startswith(b"[2,"):
            self._refuse(payload)
        elif opcode == 1:
            self._field.wrong += 1

    def _refuse(self, call: bytes) -> None:
        """Answer a command: this station knows none."""
        raw_id = bytes(msgspec.json.decode(call, type=list[msgspec.Raw])[1])
        text = b'[4,%b,"NotSupported","",{}]' % raw_id
        self._write(bytes((0x81, 0x80 | len(text))) + _MASK + _masked(text))


async def _obey(field: Field, host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        word, _, rest = line.decode().strip().partition(" ")
        answer: dict[str, float] = {}
        match word:
            case "connect":
                answer["took_s"] = await field.connect(int(rest), host, port)
            case "saturate":
                field.saturate()
            case "rate":
                field.pace(float(rest))
            case "stop":
                await field.stop()
            case "mark":
                answer = field.mark()
            case _:
                raise ValueError(word)
        print(json.dumps(answer), flush=True)


def main() -> None:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    wanted = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    async def run() -> None:
        await _obey(Field(), wanted.host, wanted.port)

    uvloop.run(run())


if __name__ == "__main__":
    main()
