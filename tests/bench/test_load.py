"""The load generator's stations: what they send can be read, and wrong answers are seen."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from bench import mix
from bench.station import Station
from bench.stations import Field

AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
OPENED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


class FakeTransport(asyncio.Transport):
    """Keeps what a station writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_aborted = False

    def write(self, data) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.is_aborted = True

    def last_call(self) -> list:
        """Unmask the newest frame and read it."""
        frame = self.written[-1]
        start = 4 if frame[1] & 0x7F == 126 else 2
        mask, masked = frame[start : start + 4], frame[start + 4 :]
        return json.loads(bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked)))


def framed(message: list) -> bytes:
    text = json.dumps(message, separators=(",", ":")).encode()
    return bytes((0x81, len(text))) + text


@pytest.fixture
async def field() -> Field:
    return Field({"BENCH-00007": "secret"}, with_tls=False)


@pytest.fixture
async def booted(field: Field) -> tuple[Station, FakeTransport]:
    """A station that is in and has said what it says first."""
    field.prepare_greeting(1)
    station, transport = Station(field, 7), FakeTransport()
    field.stations.append(station)
    station.connection_made(transport)
    station.data_received(OPENED)
    boot = {"status": "Accepted", "currentTime": "2026-01-05T08:00:00Z", "interval": 300}
    station.data_received(framed([3, transport.last_call()[1], boot]))
    station.data_received(framed([3, transport.last_call()[1], {}]))
    return station, transport


def right_answer(call: list) -> bytes:
    answer = {"currentTime": "2026-01-05T08:00:00Z"} if call[2] == "Heartbeat" else {}
    return framed([3, call[1], answer])


def test_the_mix_is_what_the_documentation_says_it_is() -> None:
    for number in (0, 7):
        kinds = Counter(mix.order(number))
        assert kinds == {"MeterValues": 12, "Heartbeat": 5, "StatusNotification": 3}
    sizes = [len(body) for body in mix.payloads(AT)["MeterValues"]]
    assert min(sizes) > 1_300
    assert max(sizes) < 1_600


async def test_a_station_with_a_password_says_it_in_its_handshake(field) -> None:
    station, transport = Station(field, 7), FakeTransport()
    station.connection_made(transport)
    assert b"Authorization: Basic QkVOQ0gtMDAwMDc6c2VjcmV0\r\n" in transport.written[0]
    assert transport.written[0].endswith(b"\r\n\r\n")


async def test_what_a_station_sends_is_ocpp_with_an_id_of_its_own(booted, field) -> None:
    station, transport = booted
    assert station.booted.done()
    ids = set()
    for _ in range(20):
        station.send_next()
        kind, message_id, action, payload = transport.last_call()
        ids.add(message_id)
        assert kind == 2
        assert action in mix.SHARES
        assert (payload == {}) is (action == "Heartbeat")
        station.data_received(right_answer([kind, message_id, action, payload]))
        assert station.due is None
    assert len(ids) == 20
    assert (field.answered, field.wrong, field.lost) == (22, 0, 0)


@pytest.mark.parametrize(
    "answer",
    [
        lambda call: [3, call[1], {"surprise": 1}],
        lambda call: [4, call[1], "InternalError", "", {}],
        lambda call: [3, "another", {}],
    ],
)
async def test_an_answer_that_is_not_the_one_due_is_counted(booted, field, answer) -> None:
    station, transport = booted
    station.send_next()
    station.data_received(framed(answer(transport.last_call())))
    assert field.wrong == 1


async def test_answers_in_pieces_and_two_in_one_read_are_read(booted, field) -> None:
    station, transport = booted
    station.send_next()
    answer = right_answer(transport.last_call())
    station.data_received(answer[:5])
    assert station.due is not None
    station.data_received(answer[5:] + b"\x89\x00")
    assert station.due is None
    assert transport.written[-1][0] == 0x8A  # the ping behind it was answered
    assert field.wrong == 0


async def test_a_connection_that_was_let_go_is_not_counted_as_lost(booted, field) -> None:
    station, transport = booted
    station.let_go()
    station.connection_lost(None)
    assert transport.is_aborted
    assert station.is_lost
    assert field.lost == 0


async def test_a_refused_handshake_ends_the_waiting_with_its_words(field) -> None:
    station = Station(field, 7)
    station.connection_made(FakeTransport())
    station.data_received(b"HTTP/1.1 401 Unauthorized\r\n\r\n")
    with pytest.raises(ConnectionError, match="401"):
        await station.booted


async def test_answer_times_are_those_since_the_last_mark(booted, field) -> None:
    station, transport = booted
    field.takes_times = True
    station.send_next()
    station.data_received(right_answer(transport.last_call()))
    assert field.mark()["p50_ms"] > 0
    assert "p50_ms" not in field.mark()
