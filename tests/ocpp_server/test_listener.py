"""The endpoint over real sockets on loopback: handshakes, frames, closes as stations do."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import websockets
from structlog.testing import capture_logs

from domain.events import Connected, Disconnected
from domain.journal import EntryKind
from ocpp_server import listener
from ocpp_server.gate import Admitted, Refused
from ocpp_server.limits import Limits
from ocpp_server.refusal import RefusalReason
from ocpp_server.tls import ServerTls

pytestmark = pytest.mark.e2e

FAST = {"tick_s": 0.01, "close_wait_s": 0.2}

# --- handshakes ----------------------------------------------------------------------------


async def test_a_common_client_connects_talks_and_leaves(serve: Any) -> None:
    served = await serve()
    async with websockets.connect(served.url(), subprotocols=["ocpp1.6"]) as station:
        assert station.subprotocol == "ocpp1.6"
        assert "sec-websocket-extensions" not in station.response.headers
        await station.send('[2,"1","Boot",{}]')
        assert await station.recv() == '[3,"1","Boot"]'
        assert served.endpoint.connected_stations() == ("N-001",)
    await served.until(lambda: served.endpoint.connections == 0)

    assert served.recorder.facts() == ["Connected", "Disconnected"]
    connected, disconnected = served.recorder.events
    assert isinstance(connected, Connected)
    assert connected.address.startswith("127.0.0.1:")
    assert isinstance(disconnected, Disconnected)
    assert disconnected.code == 1000


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Connection: keep-alive, Upgrade"],
        ["Connection: keep-alive", "Sec-WebSocket-Protocol: ocpp1.6"],
    ],
)
async def test_a_station_without_a_proper_connection_header_is_taken_on(
    serve: Any, dial: Any, wire_words: SimpleNamespace, lines: list[str]
) -> None:
    served = await serve()
    station = await dial(served.port)
    answer = await station.handshake(wire_words.head_with(*lines, connection=False))

    assert answer.startswith(b"HTTP/1.1 101 ")
    station.frame(b'[2,"1","A"]')
    assert await station.read_frame() == (1, b'[3,"1","A"]')


async def test_a_station_that_offers_no_subprotocol_gets_no_such_header(
    serve: Any, dial: Any
) -> None:
    served = await serve()
    station = await dial(served.port)

    assert b"sec-websocket-protocol" not in (await station.handshake()).lower()


async def test_a_station_that_offers_only_others_is_taken_on_and_logged(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve()
    station = await dial(served.port)
    with capture_logs() as logged:
        answer = await station.handshake(
            wire_words.head_with("Sec-WebSocket-Protocol: ocpp1.5, soap")
        )

    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-protocol" not in answer.lower()
    assert [line["offered"] for line in logged if line["event"] == "no common subprotocol"] == [
        ("ocpp1.5", "soap")
    ]


async def test_frames_that_come_with_the_head_are_not_lost(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve()
    station = await dial(served.port)
    early = wire_words.frame_of(b'[2,"1","A"]') + wire_words.frame_of(b"x" * 5000)
    await station.handshake(wire_words.head_with() + early)

    assert await station.read_frame() == (1, b'[3,"1","A"]')
    await served.until(lambda: b"x" * 5000 in served.recorder.bodies(EntryKind.RECEIVED))


async def test_a_head_that_comes_byte_by_byte_is_understood(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve()
    station = await dial(served.port)
    for byte in wire_words.head_with(end="\n"):
        station.write(bytes([byte]))
        await asyncio.sleep(0)

    assert (await station.handshake(b"")).startswith(b"HTTP/1.1 101 ")


async def test_tls_on_the_plain_port_is_closed_at_once_and_counted(
    serve: Any, dial: Any
) -> None:
    served = await serve()
    station = await dial(served.port)
    station.write(b"\x16\x03\x01\x02\x00\x01")

    assert await station.read_to_end() == b""
    assert served.counters.tls_on_plain == 1
    assert served.counters.refusals == {RefusalReason.TLS_ON_PLAIN_PORT: 1}


async def test_a_probe_gets_a_cheap_answer(serve: Any, dial: Any) -> None:
    served = await serve()
    station = await dial(served.port)
    station.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert (await station.read_to_end()).startswith(b"HTTP/1.1 426 ")
    assert (served.counters.http_probe, served.counters.refused) == (1, 1)


async def test_a_head_that_never_ends_is_given_up(serve: Any, dial: Any) -> None:
    served = await serve(limits=Limits(head_timeout_s=0.05, **FAST))
    station = await dial(served.port)
    station.write(b"GET /ocpp/N-001 HTTP/1.1\r\n")

    assert (await station.read_to_end()).startswith(b"HTTP/1.1 408 ")
    assert served.counters.refusals == {RefusalReason.HEAD_TIMEOUT: 1}


async def test_nobody_is_taken_on_while_the_journal_cannot_be_written(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve()
    served.recorder.is_accepting = False
    station = await dial(served.port)
    station.write(wire_words.head_with())

    assert (await station.read_to_end()).startswith(b"HTTP/1.1 503 ")


async def test_more_stations_than_allowed_are_asked_to_come_back(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve(limits=Limits(max_connections=1, **FAST))
    first, second = await dial(served.port), await dial(served.port)
    await first.handshake()
    second.write(wire_words.head_with(target="/ocpp/N-002"))

    assert (await second.read_to_end()).startswith(b"HTTP/1.1 503 ")
    assert served.counters.refusals == {RefusalReason.TOO_MANY_CONNECTIONS: 1}


# --- the gate ------------------------------------------------------------------------------


class SlowGate:
    """Decides when told; keeps what it was asked."""

    def __init__(self, decision: Admitted | Refused | Exception) -> None:
        self.decision = decision
        self.asked: list[tuple[Any, ...]] = []
        self.certificates: list[tuple[str, ...] | None] = []
        self.may_go = asyncio.Event()

    async def admit(
        self, *asked: Any, certificate_names: tuple[str, ...] | None
    ) -> Admitted | Refused:
        self.asked.append(asked)
        self.certificates.append(certificate_names)
        await self.may_go.wait()
        if isinstance(self.decision, Exception):
            raise self.decision
        return self.decision


async def test_the_gate_sees_who_asks_and_names_the_station(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    gate = SlowGate(Admitted("N-001"))
    gate.may_go.set()
    served = await serve(gate=gate)
    station = await dial(served.port)
    await station.handshake(
        wire_words.head_with("Authorization: Basic dXNlcjpwYXNz", target="/ocpp/n-001")
    )

    ((name, user, password, address),) = gate.asked
    assert (name, user, password) == ("n-001", "user", "pass")
    assert address.startswith("127.0.0.1:")
    assert served.endpoint.connected_stations() == ("N-001",)


async def test_frames_sent_while_the_gate_decides_are_not_lost(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    gate = SlowGate(Admitted("N-001"))
    served = await serve(gate=gate)
    station = await dial(served.port)
    station.write(wire_words.head_with())
    await served.until(lambda: bool(gate.asked))
    station.frame(b'[2,"1","A"]')
    await asyncio.sleep(0.02)
    (reception,) = served.endpoint._receptions
    assert not reception._received  # a flood would stay in the peer's own memory
    gate.may_go.set()
    await station.handshake(b"")

    assert await station.read_frame() == (1, b'[3,"1","A"]')


async def test_bytes_that_slip_through_the_pause_are_not_lost_either(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    gate = SlowGate(Admitted("N-001"))
    served = await serve(gate=gate)
    station = await dial(served.port)
    station.write(wire_words.head_with())
    await served.until(lambda: bool(gate.asked))
    (reception,) = served.endpoint._receptions
    frame = wire_words.frame_of(b'[2,"1","A"]')
    reception.data_received(frame[:5])
    reception.data_received(frame[5:])
    gate.may_go.set()
    await station.handshake(b"")

    assert await station.read_frame() == (1, b'[3,"1","A"]')


async def test_a_journal_that_fails_while_the_gate_decides_refuses_the_station(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    gate = SlowGate(Admitted("N-001"))
    served = await serve(gate=gate)
    station = await dial(served.port)
    station.write(wire_words.head_with())
    await served.until(lambda: bool(gate.asked))
    served.recorder.is_accepting = False
    gate.may_go.set()

    assert (await station.read_to_end()).startswith(b"HTTP/1.1 503 ")


async def test_a_stop_does_not_wait_for_the_gate(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    gate = SlowGate(Admitted("N-001"))
    served = await serve(gate=gate)
    station = await dial(served.port)
    station.write(wire_words.head_with())
    await served.until(lambda: bool(gate.asked))
    (reception,) = served.endpoint._receptions
    await served.endpoint.close(drain_s=0.1)

    assert reception._admission is not None
    with pytest.raises(asyncio.CancelledError):
        await reception._admission


async def test_a_wrong_password_is_401_and_says_which_scheme(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    gate = SlowGate(Refused(401, RefusalReason.BAD_PASSWORD))
    gate.may_go.set()
    served = await serve(gate=gate)
    station = await dial(served.port)
    station.write(wire_words.head_with())
    answer = await station.read_to_end()

    assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert b'WWW-Authenticate: Basic realm="ocpp"' in answer
    assert served.recorder.entries == []


async def test_a_gate_that_fails_costs_one_handshake_not_the_service(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    gate = SlowGate(RuntimeError("a bug"))
    gate.may_go.set()
    served = await serve(gate=gate)
    station = await dial(served.port)
    with capture_logs() as logged:
        station.write(wire_words.head_with())
        assert (await station.read_to_end()).startswith(b"HTTP/1.1 500 ")

    assert served.counters.failures == 1
    assert any(line["event"] == "admission failed" and line["exc_info"] for line in logged)


async def test_a_dialect_that_cannot_be_built_costs_one_handshake_not_a_socket(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve()
    served.endpoint._make_dialect = lambda station, protocol: {}[station]
    station = await dial(served.port)
    station.write(wire_words.head_with())

    assert (await station.read_to_end()).startswith(b"HTTP/1.1 500 ")
    assert served.counters.failures == 1
    assert not served.endpoint._receptions


async def test_a_gate_that_never_decides_is_not_waited_for(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve(
        gate=SlowGate(Admitted("N-001")), limits=Limits(admission_timeout_s=0.05, **FAST)
    )
    station = await dial(served.port)
    station.write(wire_words.head_with())

    assert (await station.read_to_end()).startswith(b"HTTP/1.1 503 ")


# --- messages ------------------------------------------------------------------------------


async def test_fragments_become_one_message_with_pings_in_between(
    serve: Any, dial: Any
) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    station.frame(b'[2,"1"', is_final=False)
    station.frame(b"are you there", opcode=9)
    station.frame(b',"A"', opcode=0, is_final=False)
    station.frame(b"]", opcode=0)

    assert await station.read_frame() == (10, b"are you there")
    assert await station.read_frame() == (1, b'[3,"1","A"]')
    assert served.recorder.signs_of_life == {"N-001": 1}


async def test_binary_frames_with_json_are_read(serve: Any, dial: Any) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    station.frame(b'[2,"1","A"]', opcode=2)

    assert await station.read_frame() == (1, b'[3,"1","A"]')


@pytest.mark.parametrize("odd", [b"", b"pong", b"\xff\xfe\x00", b"{", b"[" * 50_000])
async def test_odd_texts_close_nothing(serve: Any, dial: Any, odd: bytes) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    station.frame(odd)
    station.frame(b'[2,"1","A"]')

    assert await station.read_frame() == (1, b'[3,"1","A"]')


async def test_several_messages_in_one_read_share_one_moment_and_keep_their_order(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    reads_before = served.endpoint.context.clock.reads
    station.write(
        b"".join(wire_words.frame_of(b'[2,"%d","A"]' % number) for number in range(50))
    )
    answers = [await station.read_frame() for _ in range(50)]

    assert answers == [(1, b'[3,"%d","A"]' % number) for number in range(50)]
    assert served.endpoint.context.clock.reads - reads_before < 5


async def test_a_message_of_a_mebibyte_is_read_and_a_bigger_one_closes_with_1009(
    serve: Any, dial: Any
) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    body = b'[2,"1","A","%b"]' % (b"x" * (1 << 20))
    station.frame(body[: 1 << 20])
    await served.until(lambda: served.counters.bytes == 1 << 20)
    station.frame(body)

    assert await station.read_close() == 1009
    await served.until(lambda: served.endpoint.connections == 0)
    assert served.counters.oversize == 1
    assert served.counters.messages == 1


async def test_a_frame_that_claims_too_much_is_not_waited_for(serve: Any, dial: Any) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    station.frame(b"only the beginning", length=1 << 30)

    assert await station.read_close() == 1009
    await served.until(lambda: served.counters.oversize == 1)


async def test_each_read_has_its_own_moment(serve: Any, dial: Any) -> None:
    served = await serve()
    clock = served.endpoint.context.clock
    station = await dial(served.port)
    await station.handshake()
    station.frame(b'[2,"1","A"]')
    await station.read_frame()
    clock.advance(7)
    station.frame(b'[2,"2","A"]')
    await station.read_frame()

    moments = [entry.at for entry in served.recorder.entries if b',"A"]' in entry.body]
    assert (moments[-1] - moments[0]).total_seconds() == 7


async def test_fragments_without_end_close_with_1009(serve: Any, dial: Any) -> None:
    served = await serve(limits=Limits(max_message_bytes=10_000, **FAST))
    station = await dial(served.port)
    await station.handshake()
    station.frame(b"x" * 1000, is_final=False)
    for _ in range(10):
        station.frame(b"x" * 1000, opcode=0, is_final=False)

    assert await station.read_close() == 1009
    assert served.counters.oversize == 1


@pytest.mark.parametrize(
    ("frames", "counter"),
    [
        ([{"rsv": 4}], "rsv"),
        ([{"rsv": 4, "opcode": 9}], "rsv"),
        ([{"opcode": 0}], "violations"),
        ([{"is_final": False}, {"opcode": 1}], "violations"),
        ([{"opcode": 3}], "violations"),
        ([{"opcode": 9, "is_final": False}], "violations"),
    ],
)
async def test_breaches_of_the_websocket_protocol_close_with_1002(
    serve: Any, dial: Any, frames: list[dict[str, Any]], counter: str
) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    for frame in frames:
        station.frame(b"xyz", **frame)

    assert await station.read_close() == 1002
    await served.until(lambda: served.endpoint.connections == 0)
    assert getattr(served.counters, counter) == 1
    assert served.counters.failures == 0
    assert served.recorder.facts() == ["Connected", "Disconnected"]


async def test_what_is_said_after_we_began_to_close_is_not_taken_in(
    serve: Any, dial: Any
) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    station.frame(b"", rsv=4)
    assert await station.read_close() == 1002
    station.frame(b"ping", opcode=9)
    station.frame(b"begin", is_final=False)
    station.frame(b'[2,"1","A"]')
    station.frame(b"\x03\xea", opcode=8)
    assert await station.read_to_end() == b""

    assert served.recorder.facts() == ["Connected", "Disconnected"]
    assert served.recorder.bodies(EntryKind.RECEIVED) == []
    assert served.recorder.signs_of_life == {}


async def test_an_unmasked_frame_closes_with_1002(serve: Any, dial: Any) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    station.write(b"\x81\x03abc")

    assert await station.read_close() == 1002


async def test_a_message_before_a_breach_in_the_same_read_is_still_recorded(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    station.write(wire_words.frame_of(b'[2,"1","A"]') + b"\x81\x03abc")
    await station.read_close()

    assert b'[2,"1","A"]' in served.recorder.bodies(EntryKind.RECEIVED)


async def test_a_dialect_that_fails_costs_one_message_not_the_connection(
    serve: Any, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    served.recorder.is_eager = True
    original = served.recorder.record
    served.recorder.record = _failing_once(original)
    with capture_logs() as logged:
        station.frame(b'[2,"1","A"]')
        station.frame(b'[2,"2","A"]')
        assert await station.read_frame() == (1, b'[3,"2","A"]')

    assert served.counters.failures == 1
    assert any(line["event"] == "failure inside a link" and line["exc_info"] for line in logged)


def _failing_once(original: Any) -> Any:
    calls = iter([True])

    def record(*arguments: Any) -> None:
        if next(calls, False):
            raise RuntimeError("a bug")
        original(*arguments)

    return record


# --- closing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "answered", "recorded"),
    [
        (b"\x03\xe8bye", 1000, 1000),
        (b"\x03\xe9", 1001, 1001),
        (b"", 1000, 1005),
        (b"\x0f\xa0own", 4000, 4000),
    ],
)
async def test_a_close_is_answered_and_its_code_recorded(
    serve: Any, dial: Any, payload: bytes, answered: int, recorded: int
) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    station.frame(payload, opcode=8)

    assert await station.read_close() == answered
    assert await station.read_to_end() == b""
    await served.until(lambda: served.recorder.facts() == ["Connected", "Disconnected"])
    assert served.recorder.events[-1].code == recorded
    assert served.counters.lost == 1


async def test_a_connection_that_just_ends_is_1006(serve: Any, dial: Any) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    station.reset()

    await served.until(lambda: served.recorder.facts() == ["Connected", "Disconnected"])
    assert served.recorder.events[-1].code == 1006


async def test_the_newest_connection_wins_and_the_older_one_ends_in_silence(
    serve: Any, dial: Any
) -> None:
    served = await serve()
    older, newer = await dial(served.port), await dial(served.port)
    await older.handshake()
    await newer.handshake()
    assert await older.read_close() == 1001
    older.frame(b"\x03\xe9", opcode=8)
    await served.until(lambda: served.endpoint.connections == 1)
    newer.frame(b'[2,"1","A"]')

    assert await newer.read_frame() == (1, b'[3,"1","A"]')
    assert served.recorder.facts() == ["Connected", "Connected"]
    assert served.endpoint.connected_stations() == ("N-001",)
    assert (served.counters.replaced, served.counters.lost) == (1, 0)


async def test_an_older_connection_whose_peer_is_dead_is_aborted_in_the_background(
    serve: Any, dial: Any
) -> None:
    served = await serve()
    older, newer = await dial(served.port), await dial(served.port)
    await older.handshake()
    await newer.handshake()  # the older one never answers its close

    await served.until(lambda: served.endpoint.connections == 1)
    assert served.recorder.facts() == ["Connected", "Connected"]


async def test_a_station_back_before_the_journal_was_never_lost(
    serve: Any, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_RECORD_AGAIN_AFTER_S", 0.1)
    served = await serve()
    station, again = await dial(served.port), await dial(served.port)
    await station.handshake()
    served.recorder.is_accepting = False
    station.reset()
    await served.until(lambda: served.endpoint.connections == 0)
    served.recorder.is_accepting = True
    await again.handshake()
    await asyncio.sleep(0.2)

    assert served.recorder.facts() == ["Connected", "Connected"]


async def test_a_loss_while_the_journal_is_away_is_recorded_when_it_is_back(
    serve: Any, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "_RECORD_AGAIN_AFTER_S", 0.05)
    served = await serve()
    station = await dial(served.port)
    await station.handshake()
    served.recorder.is_accepting = False
    station.reset()
    await served.until(lambda: served.endpoint.connections == 0)
    assert served.recorder.facts() == ["Connected"]

    served.recorder.is_accepting = True
    await served.until(lambda: served.recorder.facts() == ["Connected", "Disconnected"])


async def test_a_station_can_be_disconnected_on_purpose(serve: Any) -> None:
    served = await serve()
    async with websockets.connect(served.url()) as station:
        assert await served.endpoint.disconnect("N-001", "asked by an agent")
        await station.wait_closed()
        assert (station.close_code, station.close_reason) == (1000, "asked by an agent")

    assert not await served.endpoint.disconnect("N-001", "again")
    assert served.recorder.facts() == ["Connected", "Disconnected"]


async def test_a_station_we_stopped_reading_can_still_answer_a_close(
    serve: Any, dial: Any
) -> None:
    served = await serve(limits=Limits(tick_s=0.01, close_wait_s=5, max_waiting=1))
    served.recorder.is_eager = False
    station = await dial(served.port)
    await station.handshake()
    station.frame(b'[2,"1","A"]')
    await served.until(lambda: served.counters.paused == 1)
    closing = asyncio.ensure_future(served.endpoint.disconnect("N-001", "asked"))
    assert await station.read_close() == 1000
    station.frame(b"\x03\xe8", opcode=8)
    await closing

    assert served.recorder.events[-1].code == 1000


async def test_a_stop_tells_every_station_after_its_answers_left_and_records_no_loss(
    serve: Any, dial: Any
) -> None:
    served = await serve()
    station, silent = await dial(served.port), await dial(served.port)
    await station.handshake()
    await silent.handshake(b"GET /ocpp/N-002 HTTP/1.1\r\n" + _rest_of_head())
    served.recorder.is_eager = False
    station.frame(b'[2,"1","A"]')
    await served.until(lambda: served.counters.messages == 1)
    asyncio.get_running_loop().call_later(0.05, served.recorder.commit)
    closing = asyncio.ensure_future(served.endpoint.close(drain_s=1))

    assert await station.read_frame() == (1, b'[3,"1","A"]')
    assert await station.read_close() == 1001
    assert await silent.read_close() == 1001
    station.frame(b"\x03\xe9", opcode=8)
    await closing
    assert served.endpoint.connections == 0
    assert served.recorder.facts() == ["Connected", "Connected"]
    with pytest.raises(OSError):
        await dial(served.port)


def _rest_of_head() -> bytes:
    return (
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )


# --- signs of life and limits --------------------------------------------------------------


async def test_every_connection_is_pinged_and_its_pong_heard(serve: Any) -> None:
    served = await serve(limits=Limits(ping_every_s=0.05, **FAST))
    async with websockets.connect(served.url()):
        await served.until(lambda: served.recorder.signs_of_life["N-001"] >= 3)


async def test_a_station_that_ponged_once_and_fell_silent_is_closed_as_half_open(
    serve: Any, dial: Any
) -> None:
    served = await serve(limits=Limits(ping_every_s=0.03, **FAST))
    station = await dial(served.port)
    await station.handshake()
    assert (await station.read_frame())[0] == 9
    station.frame(b"", opcode=10)

    await served.until(lambda: served.counters.half_open == 1)
    await served.until(lambda: served.recorder.facts() == ["Connected", "Disconnected"])


async def test_a_station_that_never_ponged_is_left_alone(serve: Any, dial: Any) -> None:
    served = await serve(limits=Limits(ping_every_s=0.02, **FAST))
    station = await dial(served.port)
    await station.handshake()
    for _ in range(8):
        assert (await station.read_frame())[0] == 9

    assert served.endpoint.connections == 1
    assert served.counters.half_open == 0


async def test_missing_pongs_do_not_close_a_link_with_other_traffic(
    serve: Any, dial: Any
) -> None:
    served = await serve(limits=Limits(ping_every_s=0.03, **FAST))
    station = await dial(served.port)
    await station.handshake()
    station.frame(b"", opcode=10)
    pings = 0
    while pings < 8:
        opcode, _ = await station.read_frame()
        if opcode == 9:
            pings += 1
            station.frame(b'[2,"1","Heartbeat"]')

    assert served.counters.half_open == 0


async def test_a_station_that_does_not_read_is_aborted(serve: Any, dial: Any) -> None:
    served = await serve(limits=Limits(max_unsent_bytes=1_000_000, **FAST))
    station = await dial(served.port)
    await station.handshake()
    link = served.endpoint._by_station["N-001"].wire
    unsent = [0]
    while served.counters.overrun == 0:
        unsent.append(link._transport.underlying_transport.get_write_buffer_size())
        link.send(b"x" * 100_000)

    await served.until(lambda: served.endpoint.connections == 0)
    assert served.counters.overrun == 1
    assert 800_000 < unsent[-1] <= 1_000_000
    assert served.recorder.events[-1].code == 1006


async def test_a_station_that_asks_without_waiting_is_slowed_down_and_loses_nothing(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve(limits=Limits(max_waiting=8, **FAST))
    station = await dial(served.port)
    await station.handshake()
    station.write(
        b"".join(wire_words.frame_of(b'[2,"%d","A"]' % number) for number in range(5000))
    )
    answers = [await station.read_frame() for _ in range(5000)]

    assert answers[-1] == (1, b'[3,"4999","A"]')
    assert served.counters.paused > 0


async def test_a_silence_while_we_do_not_read_is_not_the_stations(
    serve: Any, dial: Any
) -> None:
    served = await serve(limits=Limits(ping_every_s=0.02, max_waiting=1, **FAST))
    served.recorder.is_eager = False
    station = await dial(served.port)
    await station.handshake()
    station.frame(b"", opcode=10)
    await served.until(lambda: served.recorder.signs_of_life["N-001"] == 1)
    station.frame(b'[2,"1","A"]')
    await served.until(lambda: served.counters.paused == 1)
    for _ in range(8):
        assert (await station.read_frame())[0] == 9
        served.endpoint._by_station["N-001"]._was_paused = False  # the commit is only slow

    assert served.counters.half_open == 0
    served.recorder.commit()


async def test_a_loop_that_stood_still_gives_its_peers_their_time_back(serve: Any) -> None:
    served = await serve(limits=Limits(ping_every_s=1, **FAST))
    async with websockets.connect(served.url()):
        await served.until(lambda: served.endpoint.connections == 1)
        link = next(iter(served.endpoint.links))
        link._has_ponged = True
        served.endpoint._next_tick_at -= 3600
        await asyncio.sleep(0.05)

        assert link._silent_turns == 0
        assert served.counters.half_open == 0


async def test_sockets_that_ask_for_nothing_are_dropped_beyond_their_limit(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve(limits=Limits(max_receptions=1, **FAST))
    idle, beyond = await dial(served.port), await dial(served.port)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await beyond.reader.readexactly(1)

    assert served.counters.dropped == 1
    assert (await idle.handshake()).startswith(b"HTTP/1.1 101 ")


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="not on this system")
async def test_the_system_watches_for_peers_that_acknowledge_nothing(serve: Any) -> None:
    served = await serve(limits=Limits(ping_every_s=20, half_open_after=3))
    async with websockets.connect(served.url()):
        await served.until(lambda: served.endpoint.connections == 1)
        (link,) = served.endpoint.links
        sock = link._transport.underlying_transport.get_extra_info("socket")

        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


async def test_a_command_goes_out_and_its_answer_comes_back(serve: Any, dial: Any) -> None:
    served = await serve(limits=Limits(settle_s=0.02, **FAST))
    station = await dial(served.port)
    await station.handshake()
    station.frame(b'[2,"b","Boot",{}]')
    await station.read_frame()
    sending = asyncio.ensure_future(
        served.endpoint.commands.send("N-001", "Reset", b'{"type":"Soft"}', timeout_s=2)
    )
    _, call = await station.read_frame()
    number = call.split(b'"')[1]
    assert call == b'[2,"%b","Reset",{"type":"Soft"}]' % number
    station.frame(b'[3,"%b",{"status":"Accepted"}]' % number)

    result = await sending
    assert (result.outcome, result.payload) == ("answered", b'{"status":"Accepted"}')


# --- TLS -----------------------------------------------------------------------------------


async def test_the_same_over_tls(serve: Any, dial: Any, tls: SimpleNamespace) -> None:
    served = await serve(ssl=tls.server)
    async with websockets.connect(
        served.url(scheme="wss"), subprotocols=["ocpp1.6"], ssl=tls.client
    ) as common:
        await common.send('[2,"1","' + "A" * 30_000 + '"]')
        assert await common.recv() == '[3,"1","' + "A" * 30_000 + '"]'
    station = await dial(served.port, ssl=tls.client)
    await station.handshake()
    station.frame(b'[2,"1","A"]')
    assert await station.read_frame() == (1, b'[3,"1","A"]')
    await served.endpoint.close(drain_s=1)

    assert served.recorder.facts() == ["Connected", "Disconnected", "Connected"]


async def test_a_station_that_does_not_read_is_aborted_over_tls_too(
    serve: Any, dial: Any, tls: SimpleNamespace
) -> None:
    served = await serve(ssl=tls.server, limits=Limits(max_unsent_bytes=10_000, **FAST))
    station = await dial(served.port, ssl=tls.client)
    await station.handshake()
    connection = served.endpoint._by_station["N-001"]
    station.writer.transport.pause_reading()
    for _ in range(300):
        connection.wire.send(b"x" * 100_000)
        await asyncio.sleep(0)

    await served.until(lambda: served.endpoint.connections == 0)
    assert served.counters.overrun == 1


async def test_the_gate_sees_the_names_in_a_client_certificate(
    serve: Any, dial: Any, tls: SimpleNamespace
) -> None:
    gate = SlowGate(Admitted("N-001"))
    gate.may_go.set()
    served = await serve(gate=gate, ssl=tls.server)
    for shown in (tls.client, tls.named):
        station = await dial(served.port, ssl=shown)
        await station.handshake()

    assert gate.certificates == [None, ("localhost", "127.0.0.1")]


async def test_plain_websockets_on_the_tls_port_are_told_what_is_wrong(
    serve: Any, dial: Any, tls: SimpleNamespace
) -> None:
    served = await serve(ssl=tls.server)
    with capture_logs() as logged:
        for _ in range(50):
            station = await dial(served.port)
            station.write(b"GET /ocpp/N-001 HTTP/1.1\r\n\r\n")
            await station.read_to_end()

    told = [line for line in logged if line["event"] == "tls failed"]
    assert 20 <= len(told) < 30  # a scanner fills no log
    assert served.counters.refusals == {RefusalReason.TLS_FAILED: 50}
    assert {(line["reason"], "wss://" in line["advice"]) for line in told} == {
        ("HTTP_REQUEST", True)
    }


@pytest.fixture
def tls(tmp_path: Path) -> SimpleNamespace:
    """A certificate for loopback that nobody signed, made by openssl on the spot."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not on this machine")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    server = ServerTls(certificate, key, client_ca=certificate)
    client, named = (ssl.create_default_context(cafile=str(certificate)) for _ in range(2))
    named.load_cert_chain(certificate, key)
    return SimpleNamespace(server=server, client=client, named=named)
