"""A fleet that comes back at once, and one station that cannot stop coming back."""

from __future__ import annotations

import asyncio
import base64
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from domain.events import Booted
from domain.places import StationId
from ocpp_server.gate import PasswordGate
from ocpp_server.limits import Limits
from ocpp_server.passwords import keyed_hash
from ocpp_server.refusal import RefusalReason
from ocpp_server.translate import Translation
from ocpp_server.v16.dialect import Dialect16

pytestmark = pytest.mark.e2e

STATIONS = 2000
AT_ONCE = 200
KEY = b"k" * 32
BOOT = b'[2,"b","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'


def password_of(station: str) -> str:
    return f"generated-for-{station}"


def dialect_of(station: StationId, protocol: str) -> Dialect16:
    return Dialect16(station, Translation(station=station, protocol=protocol))


async def test_two_thousand_stations_with_passwords_come_back_and_all_are_served(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    names = [f"N-{number:04}" for number in range(STATIONS)]
    stored = {name: keyed_hash(password_of(name), KEY, b"s" * 16) for name in names}
    gate = PasswordGate(stored.get, key=KEY)
    served = await serve(gate=gate, make_dialect=dialect_of)
    doors = asyncio.Semaphore(AT_ONCE)

    async def come_back(name: str) -> Any:
        async with doors:
            station = await dial(served.port)
            login = base64.b64encode(f"{name}:{password_of(name)}".encode()).decode()
            head = wire_words.head_with(f"Authorization: Basic {login}", target=f"/ocpp/{name}")
            answer = await station.handshake(head)
            assert answer.startswith(b"HTTP/1.1 101 "), answer
            station.frame(BOOT)
            _, said = await station.read_frame()
            return msgspec.json.decode(said)

    answers = await asyncio.gather(*(come_back(name) for name in names))

    assert {answer[2]["status"] for answer in answers} == {"Accepted"}
    assert served.endpoint.connections == STATIONS
    assert set(served.endpoint.connected_stations()) == set(names)
    booted = [event.station for event in served.recorder.events if isinstance(event, Booted)]
    assert sorted(booted) == names
    counters = served.counters
    assert (counters.accepted, counters.refused, counters.failures) == (STATIONS, 0, 0)
    remembered = (gate._right, gate._wrong, gate._told, gate._failures, gate._chances)
    assert [len(each) for each in remembered] == [0, 0, 0, 0, 0]
    assert not served.endpoint._receptions
    gate.close()


async def test_a_station_that_cannot_stop_coming_back_is_slowed_down(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve(
        limits=Limits(handshakes=3, handshake_every_s=30, tick_s=0.01, close_wait_s=0.2)
    )
    for _ in range(3):
        assert (await (await dial(served.port)).handshake()).startswith(b"HTTP/1.1 101 ")
    beyond = await dial(served.port)
    beyond.write(wire_words.head_with())
    answer = await beyond.read_to_end()

    assert answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    assert b"\r\nRetry-After: 30\r\n" in answer
    assert served.counters.refusals == {RefusalReason.TOO_MANY_HANDSHAKES: 1}
    other = await (await dial(served.port)).handshake(
        wire_words.head_with(target="/ocpp/N-002")
    )
    assert other.startswith(b"HTTP/1.1 101 ")
    assert set(served.endpoint.connected_stations()) == {"N-001", "N-002"}  # newest wins


async def test_failed_logins_without_end_are_answered_429_and_not_all_logged(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    gate = PasswordGate({"N-001": keyed_hash("right", KEY, b"s" * 16)}.get, key=KEY)
    served = await serve(gate=gate)
    login = base64.b64encode(b"N-001:Mellon").decode()
    answers = []
    with capture_logs() as logged:
        for _ in range(40):
            station = await dial(served.port)
            station.write(wire_words.head_with(f"Authorization: Basic {login}"))
            answers.append((await station.read_to_end())[:12])
    right = base64.b64encode(b"N-001:right").decode()
    station = await dial(served.port)
    answer = await station.handshake(wire_words.head_with(f"Authorization: Basic {right}"))

    assert answer.startswith(b"HTTP/1.1 101 ")
    assert answers[:30] == [b"HTTP/1.1 401"] * 30
    assert answers[-1] == b"HTTP/1.1 429"
    assert served.counters.refused == 40
    assert 20 <= len(logged) < 30
    assert "Mellon" not in repr(logged)
    gate.close()


async def test_probes_are_answered_however_many_and_ban_nobody(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve()
    for _ in range(50):
        probe = await dial(served.port)
        probe.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await probe.read_to_end()).startswith(b"HTTP/1.1 426 ")

    assert (await (await dial(served.port)).handshake()).startswith(b"HTTP/1.1 101 ")
    assert served.counters.http_probe == 50
