"""A live endpoint on loopback, and peers that break every rule of HTTP and RFC 6455."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from app.interpret import Interpreter
from domain.journal import Entry
from domain.places import StationId
from ocpp_server.gate import OpenGate
from ocpp_server.limits import Limits
from ocpp_server.listener import Endpoint
from ocpp_server.protocol import Dialect
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v16.dialect import Dialect16
from tests.fuzz.heads import drawn_head, head_of
from tests.fuzz.house import Clock, FoundError, Recorder
from tests.fuzz.mutations import mutated

STATION = "F-16"
WITHIN_S = 5.0
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011})
_PEERS_CODES = (
    b"",
    b"\x03",
    b"\x03\xe8",
    b"\x00\x00",
    b"\x0b\xb8ok",
    b"\xff\xff\xff",
    b"\x03\xed",
)


class _LoopRecorder(Recorder):
    """Answers leave in the next turn, as after a commit; nothing is kept."""

    def record(self, entry: Entry, events: tuple[object, ...] = ()) -> None:
        self.position = entry.position

    def exchange(
        self,
        call: Entry,
        events: tuple[object, ...],
        answer: bytes,
        send: Callable[[bytes], None],
    ) -> None:
        self.position = call.position + 1
        self.after_commit(send, answer)

    def after_commit(self, send: Callable[[bytes], None], frame: bytes) -> None:
        asyncio.get_running_loop().call_soon(send, frame)


@dataclass
class Script:
    """What one peer does. `due` are calls that must be answered if it kept to the rules."""

    chunks: list[bytes]
    is_slow: bool = False
    is_legal: bool = False
    is_greeted: bool = False  # the handshake is one that has to be accepted
    due: list[str] = field(default_factory=list)


class Wire:
    """The endpoint under attack. Use it as an async context manager."""

    def __init__(self) -> None:
        self.interpreter = Interpreter()
        self.recorder = _LoopRecorder()
        limits = Limits(
            protocols=("ocpp2.1", "ocpp2.0.1", "ocpp1.6"),
            tick_s=0.01,
            close_wait_s=0.2,
            head_timeout_s=1.0,
            handshakes=10**9,
            failed_handshakes=10**9,
        )
        self.endpoint = Endpoint(self.recorder, Clock(), OpenGate(), self._make_dialect, limits)
        self.port = 0

    def _make_dialect(self, station: StationId, protocol: str) -> Dialect:
        translation = self.interpreter.connected(station, protocol)
        return (Dialect16 if protocol == "ocpp1.6" else Dialect2x)(station, translation)

    async def __aenter__(self) -> Wire:
        self.port = await self.endpoint.start("127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.endpoint.close(drain_s=1.0)

    async def play(self, script: Script) -> None:
        """Let a peer do as its script says, then hang up. Raises `FoundError`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(WITHIN_S):
                received = await _play(script, reader, writer)
        except TimeoutError:
            raise FoundError("the socket stays open after its peer hung up") from None
        finally:
            writer.transport.abort()
        _check_received(script, received)
        if self.endpoint.counters.failures:
            raise FoundError("an exception of ours inside the endpoint")

    async def settle(self) -> None:
        """Wait until nothing of the peers is left. Raises `FoundError`."""
        endpoint = self.endpoint
        try:
            async with asyncio.timeout(WITHIN_S):
                while endpoint.links or endpoint._receptions or endpoint.connected_stations():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise FoundError(
                f"left: {len(endpoint.links)} links, {len(endpoint._receptions)} receptions,"
                f" {endpoint.connected_stations()}"
            ) from None


async def _play(
    script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes:
    reading = asyncio.ensure_future(_read_all(reader))
    try:
        for chunk in script.chunks:
            pieces = (
                [chunk[i : i + 1] for i in range(len(chunk))] if script.is_slow else [chunk]
            )
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0)
        await writer.drain()
        if script.is_legal:
            await asyncio.sleep(0.05)
        if writer.can_write_eof():
            writer.write_eof()
    except (ConnectionError, RuntimeError):
        pass  # it closed on us, as it may
    return await reading


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    try:
        while piece := await reader.read(65536):
            found += piece
    except ConnectionError:
        pass
    return bytes(found)


def _check_received(script: Script, received: bytes) -> None:
    head, mark, rest = received.partition(b"\r\n\r\n")
    if received and not (mark and head.startswith(b"HTTP/1.1 ")):
        raise FoundError(f"answered with {received[:60]!r}")
    if not head.startswith(b"HTTP/1.1 101"):
        if script.is_greeted:
            raise FoundError(f"a good handshake was answered {head[:60]!r}")
        return
    answered: list[str] = []
    closed = None
    for opcode, payload in _frames(rest):
        if opcode == 8:
            closed = int.from_bytes(payload[:2], "big")
        elif opcode == 1:
            said = msgspec.json.decode(payload)
            answered += [said[1]] if said[0] in (3, 4) else []
        elif opcode not in (9, 10):
            raise FoundError(f"we sent opcode {opcode}")
    if closed is not None and not script.is_legal and closed not in _CLOSE_CODES | {3000}:
        raise FoundError(f"closed with {closed}")
    # A heartbeat is answered at once, other calls after their commit: whoever does not wait for
    # one answer before the next call may get them in another order.
    if script.is_legal and (closed is not None or sorted(answered) != script.due):
        raise FoundError(f"answered {answered} instead of {script.due}, closed {closed}")


def _frames(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    at = 0
    while at < len(data):
        if len(data) - at < 2 or data[at + 1] & 0x80 or data[at] & 0x70:
            raise FoundError(f"no frame of a server: {data[at : at + 20]!r}")
        size, start = data[at + 1], at + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, start = int.from_bytes(data[start : start + width], "big"), start + width
        found.append((data[at] & 15, data[start : start + size]))
        at = start + size
    return found


# --- scripts ------------------------------------------


def drawn_script(dice: random.Random) -> Script:
    """Draw what a peer does."""
    if dice.randrange(4) == 0:
        script = Script([drawn_head(dice)], is_slow=dice.randrange(3) == 0)
        if dice.randrange(3) == 0:
            script.chunks.append(_odd_frame(dice))
        return script
    protocol = dice.choice(("ocpp1.6", "ocpp2.0.1", "ocpp2.1"))
    script = Script([head_of(STATION, protocol)], is_greeted=True, is_legal=True)
    for number in range(dice.randrange(1, 8)):
        if dice.randrange(3):
            script.chunks += _legal_message(dice, script, number)
        else:
            script.chunks.append(_odd_frame(dice))
            script.is_legal = False
    if dice.randrange(3) == 0:
        script.chunks = [b"".join(script.chunks)]
    script.is_slow = sum(map(len, script.chunks)) < 2500 and dice.randrange(4) == 0
    return script


def _legal_message(dice: random.Random, script: Script, number: int) -> list[bytes]:
    """A call, whole or in fragments with control frames between them."""
    action = dice.choice(("Heartbeat", "MeterValues", "SecurityEventNotification"))
    script.due.append(str(number))
    text = b'[2,"%d","%b",{}]' % (number, action.encode())
    kind = dice.choice((1, 1, 1, 2))
    if dice.randrange(3):
        return [frame_of(kind, text, dice)]
    cuts = sorted(dice.randrange(len(text) + 1) for _ in range(dice.randrange(1, 6)))
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = []
    for index, part in enumerate(parts):
        is_last = index == len(parts) - 1
        found.append(frame_of(kind if index == 0 else 0, part, dice, is_final=is_last))
        if not is_last and dice.randrange(2):
            found.append(frame_of(dice.choice((9, 10)), b"x" * dice.randrange(126), dice))
    return found


def _odd_frame(dice: random.Random) -> bytes:
    """Something that a peer must not send, or a message that makes no sense."""
    match dice.randrange(10):
        case 0:
            return frame_of(1, mutated(dice)[:60_000], dice)
        case 1:
            return frame_of(dice.choice((1, 2, 9, 0)), b"[]", dice, rsv=dice.randrange(1, 8))
        case 2:
            return frame_of(dice.choice((3, 4, 7, 11, 15)), b"x", dice)
        case 3:
            return frame_of(9, b"x" * 126, dice)
        case 4:
            return frame_of(dice.choice((8, 9)), b"x", dice, is_final=False)
        case 5:
            return frame_of(
                1, b"[]", dice, claims=dice.choice((2**20 + 1, 2**31, 2**63, 2**64 - 1))
            )
        case 6:
            return frame_of(0, b"y", dice, is_final=bool(dice.randrange(2)))
        case 7:
            return frame_of(1, b'[2,"u","Heartbeat",{}]', dice, is_masked=False)
        case 8:
            return frame_of(8, dice.choice(_PEERS_CODES), dice)
        case _:
            return bytes(dice.choices(range(256), k=dice.randrange(1, 40)))


def frame_of(
    opcode: int,
    payload: bytes,
    dice: random.Random,
    *,
    is_final: bool = True,
    rsv: int = 0,
    is_masked: bool = True,
    claims: int | None = None,
) -> bytes:
    """Build a frame; `claims` is the length its header gives, where that is a lie."""
    size = len(payload) if claims is None else claims
    first = bytes(((0x80 if is_final else 0) | rsv << 4 | opcode,))
    flag = 0x80 if is_masked else 0
    if size < 126:
        head = first + bytes((flag | size,))
    elif size < 1 << 16:
        head = first + bytes((flag | 126,)) + struct.pack("!H", size)
    else:
        head = first + bytes((flag | 127,)) + struct.pack("!Q", size)
    if not is_masked:
        return head + payload
    mask = dice.randbytes(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
