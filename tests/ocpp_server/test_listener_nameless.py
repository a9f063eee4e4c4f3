"""Stations that give no id in their address, over real sockets on loopback (quirk A5)."""

from __future__ import annotations

import asyncio
import base64
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Connected
from domain.journal import EntryKind
from ocpp_server import nameless
from ocpp_server.gate import PasswordGate
from ocpp_server.limits import Limits
from ocpp_server.nameless import serials_in
from ocpp_server.passwords import keyed_hash
from ocpp_server.refusal import RefusalReason

BOOT = b'[2,"b","BootNotification",{"chargePointSerialNumber":" SN-7 ","chargePointModel":"M"}]'


@pytest.mark.parametrize(
    ("payload", "serials"),
    [
        ({"chargePointSerialNumber": "A", "chargeBoxSerialNumber": "B"}, ("A", "B")),
        ({"chargeBoxSerialNumber": "B"}, ("B",)),
        ({"chargingStation": {"serialNumber": "C", "model": "M"}}, ("C",)),
        ({"chargePointSerialNumber": "", "chargeBoxSerialNumber": "  "}, ()),
        ({"chargePointSerialNumber": 7, "chargingStation": "C"}, ()),
        ({"chargePointSerialNumber": "a\n"}, ("a",)),
        ({"chargePointSerialNumber": "a\x00b"}, ()),
        ({"chargePointSerialNumber": "a" * 300}, ()),
        ({}, ()),
    ],
)
def test_a_boot_names_its_serial_numbers(payload: Any, serials: tuple[str, ...]) -> None:
    assert serials_in(msgspec.json.encode([2, "1", "BootNotification", payload])) == serials


@given(st.binary(max_size=200))
def test_no_bytes_make_the_search_for_a_serial_fail(frame: bytes) -> None:
    assert serials_in(frame) is None


@pytest.mark.parametrize("frame", [b'[2,"1","Heartbeat",{}]', b"[" * 50_000, b"[]", b"pong"])
def test_what_is_no_boot_names_nobody(frame: bytes) -> None:
    assert serials_in(frame) is None


def nameless_head(wire_words: SimpleNamespace, *lines: str) -> bytes:
    head: bytes = wire_words.head_with(*lines, target="/ocpp/")
    return head


@pytest.mark.e2e
async def test_a_station_without_an_id_is_known_by_the_serial_of_its_boot(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake(nameless_head(wire_words))
    station.frame(b'[2,"s","Status",1]')
    station.frame(BOOT)
    station.frame(b'[2,"a","After"]')

    assert [await station.read_frame() for _ in range(3)] == [
        (1, b'[3,"s","Status"]'),
        (1, b'[3,"b","BootNotification"]'),
        (1, b'[3,"a","After"]'),
    ]
    assert served.endpoint.connected_stations() == ("SN-7",)
    connected = served.recorder.events[0]
    assert isinstance(connected, Connected)
    assert connected.station == "SN-7"
    assert served.recorder.bodies(EntryKind.RECEIVED)[1] == BOOT
    station.close()
    await served.until(lambda: served.recorder.facts() == ["Connected", "Disconnected"])
    assert not served.endpoint.links


@pytest.mark.e2e
async def test_a_registered_serial_is_preferred_and_one_without_any_gets_a_made_up_id(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve(evses=lambda station: 2 if station == "BOX" else 0)
    known, bare = await dial(served.port), await dial(served.port)
    await known.handshake(nameless_head(wire_words))
    known.frame(
        b'[2,"b","BootNotification",'
        b'{"chargePointSerialNumber":"SN","chargeBoxSerialNumber":"BOX"}]'
    )
    await known.read_frame()
    await bare.handshake(nameless_head(wire_words))
    bare.frame(b'[2,"b","BootNotification",{}]')
    await bare.read_frame()

    assert served.endpoint.connected_stations() == ("BOX", "unnamed-127.0.0.1")


@pytest.mark.e2e
async def test_a_nameless_station_faces_the_gate_like_everybody_else(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    key = b"k" * 32
    stored = {"SN-7": keyed_hash("right", key, b"s" * 16)}
    gate = PasswordGate(stored.get, key=key)
    served = await serve(gate=gate)
    wrong, right = await dial(served.port), await dial(served.port)
    await wrong.handshake(nameless_head(wire_words))
    wrong.frame(BOOT)
    assert await wrong.read_close() == 1008
    login = base64.b64encode(b":right").decode()
    await right.handshake(nameless_head(wire_words, f"Authorization: Basic {login}"))
    right.frame(BOOT)

    assert await right.read_frame() == (1, b'[3,"b","BootNotification"]')
    assert served.counters.refusals == {RefusalReason.BAD_PASSWORD: 1}
    gate.close()


@pytest.mark.e2e
async def test_a_nameless_station_that_cannot_stop_coming_back_is_slowed_down_too(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    limits = Limits(handshakes=1, handshake_every_s=30, tick_s=0.01, close_wait_s=0.2)
    served = await serve(limits=limits)
    first, second = await dial(served.port), await dial(served.port)
    for station in (first, second):
        await station.handshake(nameless_head(wire_words))
        station.frame(BOOT)
    assert await first.read_frame() == (1, b'[3,"b","BootNotification"]')

    assert await second.read_close() == 1008
    assert served.counters.refusals == {RefusalReason.TOO_MANY_HANDSHAKES: 1}


@pytest.mark.e2e
async def test_one_that_does_not_boot_is_asked_once_and_then_given_up(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve(limits=Limits(boot_patience_s=0.05, tick_s=0.01, close_wait_s=0.2))
    station = await dial(served.port)
    await station.handshake(nameless_head(wire_words))
    station.frame(b'[2,"1","Heartbeat"]')
    _, asked = await station.read_frame()
    kind, _, action, payload = msgspec.json.decode(asked)

    assert (kind, action, payload) == (2, "TriggerMessage", {
        "requestedMessage": "BootNotification"
    })  # fmt: skip
    assert await station.read_close() == 1008
    assert served.recorder.entries == []


@pytest.mark.e2e
async def test_one_that_talks_without_end_is_closed(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    served = await serve()
    station = await dial(served.port)
    await station.handshake(nameless_head(wire_words))
    for number in range(nameless.MAX_KEPT + 1):
        station.frame(b'[2,"%d","Heartbeat"]' % number)

    assert await station.read_close() == 1008
    await served.until(lambda: not served.endpoint.links)


@pytest.mark.e2e
async def test_more_nameless_stations_than_may_wait_are_asked_to_come_back(
    serve: Any, dial: Any, wire_words: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nameless, "MAX_NAMELESS", 1)
    served = await serve()
    first, second = await dial(served.port), await dial(served.port)
    await first.handshake(nameless_head(wire_words))
    second.write(nameless_head(wire_words))

    assert (await second.read_to_end()).startswith(b"HTTP/1.1 503 ")
    first.reset()
    await served.until(lambda: not served.endpoint.links)


@pytest.mark.e2e
async def test_one_that_leaves_while_the_gate_decides_leaves_nothing_behind(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    may_go = asyncio.Event()

    class Slow(PasswordGate):
        async def admit(self, *asked: Any, **named: Any) -> Any:
            await may_go.wait()
            return await super().admit(*asked, **named)

    gate = Slow({}.get)
    served = await serve(gate=gate)
    station = await dial(served.port)
    await station.handshake(nameless_head(wire_words))
    station.frame(BOOT)
    await served.until(lambda: any(link.connection.task for link in served.endpoint.links))
    (link,) = served.endpoint.links
    asking = link.connection.task
    station.reset()
    await served.until(lambda: not served.endpoint.links)
    may_go.set()
    await asking

    assert served.recorder.entries == []
    assert served.endpoint.connected_stations() == ()
    gate.close()
