"""One station of the load generator: a websocket client that is cheap for whoever runs it.

Its frames are prepared once and masked in advance; per message only eight bytes of id change.
Every answer is compared with the one that is due.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, cast

import msgspec

from bench import mix

if TYPE_CHECKING:
    from bench.stations import Field

_MASK = bytes((0x5A, 0xC3, 0x17, 0x9E))

Frame = tuple[bytes, bytes, bytes]
"""What stands before and behind the eight masked bytes of the id, and how its answer ends."""

_ENDINGS = {
    "StatusNotification": b",{}]",
    "MeterValues": b",{}]",
    "Heartbeat": b'"}]',  # of the moment
    "BootNotification": b"}]",  # of whichever field a server writes last
}


def _masked(payload: bytes) -> bytes:
    length = len(payload)
    mask = int.from_bytes((_MASK * (length // 4 + 1))[:length], "big")
    return (int.from_bytes(payload, "big") ^ mask).to_bytes(length, "big")


def prepare(action: str, payload: bytes) -> Frame:
    """Mask a call in advance, all but its id."""
    text = b'[2,"00000000","%b",%b]' % (action.encode(), payload)
    length = len(text)
    head = bytes((0x81, 0x80 | length)) if length < 126 else b"\x81\xfe" + length.to_bytes(2)
    masked = _masked(text)
    # The id begins at offset 4, so it is masked as if it stood at the beginning.
    return head + _MASK + masked[:4], masked[12:], _ENDINGS[action]


_DIGITS = [b"%04d" % number for number in range(10_000)]
_MASKED_DIGITS = [_masked(digits) for digits in _DIGITS]


class Station(asyncio.Protocol):
    """One station: a websocket client that has one call under way at most."""

    __slots__ = (
        "_conversation",
        "_count",
        "_ending",
        "_field",
        "_frames",
        "_id",
        "_is_let_go",
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
        self._ending = b""
        self._turn = number
        self._frames: list[Frame] = []
        self._received = b""
        self._is_open = False
        self._is_let_go = False
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
        name = mix.station_name(self._number)
        key = base64.b64encode(self._number.to_bytes(16))
        password = self._field.passwords.get(name)
        login = b""
        if password is not None:
            credentials = base64.b64encode(f"{name}:{password}".encode())
            login = b"Authorization: Basic %b\r\n" % credentials
        self._write(
            b"GET /ocpp/%b HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n"
            b"Sec-WebSocket-Protocol: ocpp1.6\r\n%b\r\n" % (name.encode(), key, login)
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self._field.lost += not self._is_let_go
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
            and data.endswith(self._ending)
            and not self._received
        ):
            self._answered()
            return
        self._received += data
        if not self._is_open and not self._open():
            return
        self._read_frames()

    def let_go(self) -> None:
        """Drop the connection without a word, as a network does that fails."""
        self._is_let_go = True
        if self._transport is not None:
            self._transport.abort()

    def send_next(self) -> None:
        """Send the next message of this station's round."""
        frames = self._frames
        self._turn += 1
        self._send(frames[self._turn % len(frames)])

    def _send(self, frame: Frame) -> None:
        count = self._count = (self._count + 1) % 10_000
        self.due = b'[3,"' + self._id + _DIGITS[count]
        self._ending = frame[2]
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
        elif not self._frames:
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
            self.booted.set_exception(ConnectionError(head.decode("latin-1")))
            return False
        self._is_open = True
        self._conversation = self._field.greeting.copy()
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
        elif opcode == 1 and self.due is not None and payload[3:].startswith(self.due[3:]):
            is_due = payload.startswith(self.due) and payload.endswith(self._ending)
            self._field.wrong += not is_due
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
