"""Whatever is sent to the OCPP port: answered where due, kept, counted, survived."""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from app.interpret import Interpreter

pytestmark = pytest.mark.e2e

MIB = 1024 * 1024
TEXT, BINARY, CONTINUATION = 1, 2, 0
NO_ID = (
    b"GET /ocpp/ HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
BOOT = {"chargePointVendor": "Fine", "chargePointModel": "Normal"}
_NUMBERS = count(1)

DEEP = b'[2,"deep","DataTransfer",' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]"


@pytest.fixture(scope="module")
def service(start_service) -> Any:
    """One service for the whole file: nothing that is sent may harm what comes after it."""
    return start_service()


@pytest.fixture(autouse=True)
def _it_lives_and_serves(service, connect) -> Any:
    """After each test: the same process, no failure of ours, and a normal station is served."""
    before = service.children()
    yield
    assert service.children() == before
    normal = connect(service, "N-001")
    assert normal.call("b", "BootNotification", BOOT)[2]["status"] == "Accepted"
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    assert normal.call("s", "StatusNotification", status) == [3, "s", {}]
    assert service.metric("foretell_failures_total") == 0
    service.assert_no_bug()


def a_station() -> str:
    """Return an id that no other test uses."""
    return f"BAD-{next(_NUMBERS)}"


def read_first(service: Any, station: str) -> Any:
    """Return the first event of the station's first frame, read back from the journal."""
    interpreter = Interpreter()
    return next(
        interpreter.read(entry)[0]
        for entry in service.entries()
        if str(entry.station) == station and entry.kind == 1
    )


UNREADABLE = {
    "garbage": b"\x01\x02 what is this",
    "no JSON": b"[2,",
    "a number": b"42",
    "an object": b'{"action":"Heartbeat"}',
    "an unknown type": b'[9,"x","Heartbeat",{}]',
    "an answer without id": b"[3]",
}


@pytest.mark.parametrize("frame", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_message_is_kept_and_the_connection_stays(service, connect, frame) -> None:
    station = a_station()
    before = service.metric("foretell_unreadable_total")
    bad = connect(service, station)
    bad.send(frame)
    assert bad.call("after", "DataTransfer", {"vendorId": "x"})[:2] == [3, "after"]
    kept = service.frames(station)
    assert kept[0] == frame
    assert len(kept) == 2
    assert service.metric("foretell_unreadable_total") == before + 1


@pytest.mark.parametrize("frame", [b"", b"pong", b"\x00\x00"], ids=["", "pong", "NULs"])
def test_words_that_say_nothing_are_signs_of_life_only(service, connect, frame) -> None:
    station = a_station()
    before = service.metric("foretell_unreadable_total")
    calm = connect(service, station)
    calm.send(frame)
    assert calm.call("after", "DataTransfer", {"vendorId": "x"})[:2] == [3, "after"]
    assert len(service.frames(station)) == 1
    assert service.metric("foretell_unreadable_total") == before


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (b'[2,"cut","StatusNotification",{"connectorId":1', [4, "cut", "FormationViolation"]),
        (b'[2,"odd"]', [4, "odd", "FormationViolation"]),
        (b'[2,"new","MakeCoffee",{}]', [4, "new", "NotImplemented"]),
        (b'[2,{"id":1},"Heartbeat",{}]', [4, "-1", "FormationViolation"]),
        (DEEP, [4, "deep", "FormationViolation"]),
    ],
    ids=["cut off", "no action", "unknown action", "an id that is none", "deep nesting"],
)
def test_a_call_that_cannot_be_served_is_told_so(service, connect, frame, answer) -> None:
    station = a_station()
    bad = connect(service, station)
    bad.send(frame)
    received = json.loads(bad.receive())
    assert received[:3] == answer
    assert len(received) == 5
    assert service.frames(station)[0] == frame
    assert bad.call("after", "DataTransfer", {"vendorId": "x"})[:2] == [3, "after"]


@pytest.mark.parametrize(
    "frame",
    [b"[2,", b"\xff\xfe\xfd", DEEP, b'[2,"cut","MeterValues",{"connectorId":1'],
    ids=["no JSON", "no text", "deep nesting", "cut off"],
)
def test_an_unreadable_frame_is_an_unreadable_event_for_replay(service, connect, frame) -> None:
    station = a_station()
    bad = connect(service, station)
    bad.send(frame, BINARY)
    bad.send(b"ok" * 10)  # commits are in order: once this is kept, so is the other
    service.wait_for(lambda: len(service.frames(station)) == 2, "both frames in the journal")
    event = read_first(service, station)
    assert type(event).__name__ == "Unreadable"
    assert event.because


def test_binary_frames_are_read_like_text(service, connect) -> None:
    bad = connect(service, a_station())
    bad.send(json.dumps([2, "bin", "DataTransfer", {"vendorId": "x"}]), BINARY)
    assert json.loads(bad.receive())[:2] == [3, "bin"]


def test_text_that_is_no_utf8_is_read_as_far_as_it_goes(service, connect) -> None:
    station = a_station()
    before = service.metric("foretell_nonconforming_total")
    bad = connect(service, station)
    frame = b'[2,"u","DataTransfer",{"vendorId":"caf\xe9","data":"\xff\xfe"}]'
    bad.send(frame)
    assert json.loads(bad.receive()) == [3, "u", {"status": "Accepted"}]
    assert service.frames(station) == [frame]
    assert service.metric("foretell_nonconforming_total") == before + 1


def test_a_message_of_two_mebibytes_is_refused_with_1009(service, connect) -> None:
    before = service.metric("foretell_oversize_total")
    bad = connect(service, a_station())
    with suppress(OSError):  # the rest of it may not be wanted any more
        bad.send(b'[2,"big","DataTransfer",{"vendorId":"x","data":"' + b"a" * 2 * MIB + b'"}]')
    end = bad.receive()
    assert (type(end).__name__, end.code) in (("Closed", 1009), ("Closed", None))
    assert service.metric("foretell_oversize_total") == before + 1


def test_a_message_just_below_the_limit_is_served(service, connect) -> None:
    station = a_station()
    big = connect(service, station)
    frame = json.dumps([2, "big", "DataTransfer", {"vendorId": "x", "data": "a" * (MIB - 100)}])
    big.send(frame)
    assert json.loads(big.receive())[:2] == [3, "big"]
    assert service.frames(station) == [frame.encode()]


def test_fragments_make_one_message(service, connect) -> None:
    station = a_station()
    slow = connect(service, station)
    frame = json.dumps([2, "parts", "DataTransfer", {"vendorId": "x"}])
    slow.send(frame[:1], is_final=False)
    for letter in frame[1:-1]:
        slow.send(letter, CONTINUATION, is_final=False)
    slow.send(frame[-1:], CONTINUATION)
    assert json.loads(slow.receive())[:2] == [3, "parts"]
    assert service.frames(station) == [frame.encode()]


def test_fragments_without_end_are_cut_off_at_the_limit(service, connect) -> None:
    before = service.metric("foretell_oversize_total")
    bad = connect(service, a_station())
    part = b"a" * 64 * 1024
    bad.send(part, is_final=False)
    with suppress(OSError):  # closed meanwhile, as it should be
        for _ in range(40):
            bad.send(part, CONTINUATION, is_final=False)
    end = bad.receive()
    assert (type(end).__name__, end.code) in (("Closed", 1009), ("Closed", None))
    assert service.metric("foretell_oversize_total") == before + 1


@pytest.mark.parametrize("rsv", [4, 2, 1, 7])
def test_reserved_bits_close_with_1002(service, connect, rsv: int) -> None:
    before = service.metric("foretell_rsv_total")
    bad = connect(service, a_station())
    bad.send("[]", rsv=rsv)
    end = bad.receive()
    assert end.code == 1002
    assert service.metric("foretell_rsv_total") == before + 1


@pytest.mark.parametrize(
    ("kind", "is_final"), [(CONTINUATION, True), (3, True), (11, True), (9, False)]
)
def test_frames_that_break_the_websocket_protocol_end_it(
    service, connect, kind: int, is_final: bool
) -> None:
    before = service.metric("foretell_violations_total")
    bad = connect(service, a_station())
    bad.send("x", kind, is_final=is_final)
    assert bad.receive().code == 1002
    assert service.metric("foretell_violations_total") == before + 1


def talk(port: int, said: bytes, *, within_s: float = 20.0) -> bytes:
    """Send bytes to the port and return everything that comes back until it closes."""
    with socket.create_connection(("127.0.0.1", port), within_s) as peer:
        peer.sendall(said)
        answer = bytearray()
        with suppress(ConnectionResetError):
            while chunk := peer.recv(65536):
                answer += chunk
        return bytes(answer)


def test_tls_on_the_plain_port_is_ended_at_once(service) -> None:
    refused = 'foretell_refused_handshakes_total{reason="tls-on-plain-port"}'
    before = service.metric(refused)
    began_s = time.monotonic()
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(508)
    assert talk(service.ocpp_port, hello) == b""
    assert time.monotonic() - began_s < 3.0
    assert service.metric(refused) == before + 1


def test_plain_http_is_told_what_this_port_is(service) -> None:
    refused = 'foretell_refused_handshakes_total{reason="http-probe"}'
    before = service.metric(refused)
    answer = talk(service.ocpp_port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 ")
    assert b" 426 " in answer.splitlines()[0]
    assert service.metric(refused) == before + 1


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"POST /ocpp/N-001 HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"\x00\x01\x02\x03\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
        (b"GET /ocpp/N-001 HTTP/1.1\r\nX: " + b"a" * 20_000, 431),
    ],
    ids=["POST", "bytes", "no request", "a head without end"],
)
def test_other_beginnings_are_refused_in_words(service, said: bytes, status: int) -> None:
    answer = talk(service.ocpp_port, said)
    assert answer.split(b" ")[1] == str(status).encode()
    assert answer.rstrip().splitlines()[-1]


def test_a_station_without_an_id_may_still_tell_who_it_is(service) -> None:
    with socket.create_connection(("127.0.0.1", service.ocpp_port), timeout=10) as nameless:
        nameless.sendall(NO_ID)
        assert nameless.recv(4096).startswith(b"HTTP/1.1 101 ")


def test_half_a_handshake_and_then_silence_ends_by_itself(service) -> None:
    began_s = time.monotonic()
    answer = talk(service.ocpp_port, b"GET /ocpp/N-001 HTTP/1.1\r\nUpgra", within_s=30.0)
    assert 5.0 < time.monotonic() - began_s < 20.0
    assert answer.split(b" ")[1] == b"408"


def test_fifty_connections_of_one_id_leave_one(service, connect) -> None:
    station = a_station()
    before = service.metric("foretell_connections")
    replaced = service.metric("foretell_replaced_total")
    all_of_them = [connect(service, station) for _ in range(50)]
    for older in all_of_them[:-1]:
        end = older.receive()
        assert end.code in (1001, None)
        older.socket.close()
    newest = all_of_them[-1]
    assert newest.call("n", "DataTransfer", {"vendorId": "x"})[:2] == [3, "n"]
    assert service.metric("foretell_replaced_total") == replaced + 49
    service.wait_for(
        lambda: service.metric("foretell_connections") <= before + 1, "the others to end", 10.0
    )
    types = [fact["type"] for fact in service.facts(station)]
    assert types == ["Connected"] * 50


def test_a_station_that_does_not_read_is_cut_off_and_costs_little(service, connect) -> None:
    before = service.metric("foretell_overrun_total")
    deaf = connect(service, a_station(), timeout_s=20.0)
    deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    call = json.dumps([2, "d" * 200, "DataTransfer", {"vendorId": "x"}])
    with suppress(OSError):  # reset: we were found out
        for _ in range(60_000):
            deaf.send(call)
    service.wait_for(
        lambda: service.metric("foretell_overrun_total") == before + 1, "it to be cut off"
    )


def test_a_flood_of_garbage_does_not_keep_others_waiting(service, connect) -> None:
    noisy = connect(service, a_station())
    calm = connect(service, "N-002")
    slowest_s = 0.0
    for turn in range(20):
        for _ in range(100):
            noisy.send(b"[2," + os.urandom(50))
        began_s = time.monotonic()
        assert calm.call(str(turn), "DataTransfer", {"vendorId": "x"})[:2] == [3, str(turn)]
        slowest_s = max(slowest_s, time.monotonic() - began_s)
    assert slowest_s < 3.0
