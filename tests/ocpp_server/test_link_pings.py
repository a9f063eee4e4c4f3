"""Pings: what each station's answers teach us (quirks A11, A12, A13, A17, A19)."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import websockets
from structlog.testing import capture_logs

from domain.places import StationId
from ocpp_server.connection import Connection
from ocpp_server.limits import Limits
from ocpp_server.pings import PingHabits, PingLesson, PingMemory

STATION = StationId("N-001")
DIED = PingLesson(died_of_ping=True)
OUTLIVED = PingLesson(outlived_ping=True)
DIED_LATER = PingLesson(died_of_ping=True, outlived_ping=True)
PONGED = PingLesson(has_ponged=True)
NEVER_PINGED = PingLesson()


def learnt(*lessons: PingLesson) -> PingHabits:
    memory = PingMemory(ping_deaths=3)
    for lesson in lessons:
        memory.ended(STATION, lesson)
    return memory.of(STATION)


@pytest.mark.parametrize(
    ("lessons", "is_off"),
    [
        ([DIED] * 3, True),
        ([DIED] * 2, False),
        ([DIED, NEVER_PINGED, DIED, NEVER_PINGED, DIED], True),
        ([DIED, DIED, OUTLIVED, DIED], False),
        ([DIED, DIED, DIED_LATER, DIED], False),
        ([DIED, DIED, PONGED, DIED], False),
        ([DIED] * 3 + [NEVER_PINGED], True),
    ],
)
def test_pings_go_off_after_three_connections_in_a_row_that_died_of_one(
    lessons: list[PingLesson], is_off: bool
) -> None:
    assert learnt(*lessons).is_off is is_off


def test_that_pings_go_off_is_said_once() -> None:
    memory = PingMemory(ping_deaths=2)

    assert [memory.ended(STATION, DIED) for _ in range(4)] == [False, True, False, False]


def test_a_station_that_answers_no_more_is_judged_by_its_messages_again() -> None:
    assert learnt(PONGED).answers
    assert learnt(PONGED, OUTLIVED).answers
    assert not learnt(PONGED, PingLesson(fell_silent=True, outlived_ping=True)).answers
    assert learnt(PONGED, PingLesson(has_ponged=True, fell_silent=True)).answers


def test_what_is_remembered_is_bounded_and_the_ordinary_costs_nothing() -> None:
    memory = PingMemory(ping_deaths=3, max_stations=10)
    for number in range(100):
        memory.ended(StationId(f"A{number}"), OUTLIVED)
    assert len(memory) == 0
    for number in range(100):
        memory.ended(StationId(f"B{number}"), PONGED)

    assert len(memory) == 10
    assert memory.of(StationId("B99")).answers
    assert not memory.of(StationId("B0")).answers


FAST = {"tick_s": 0.01, "close_wait_s": 0.2}


@pytest.mark.e2e
async def test_a_station_that_dies_of_three_pings_gets_no_more_of_them(
    serve: Any, dial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[Connection] = []
    monkeypatch.setattr(Connection, "look_after", lambda one: turns.append(one))
    served = await serve(limits=Limits(ping_every_s=0.05, **FAST))
    with capture_logs() as logged:
        for number in range(3):
            station = await dial(served.port)
            await station.handshake()
            assert (await station.read_frame())[0] == 9
            station.reset()
            await served.until(lambda lost=number + 1: served.counters.lost == lost)
    spared = await dial(served.port)
    await spared.handshake()
    turns.clear()
    await served.until(lambda: len(turns) >= 4)
    spared.frame(b'[2,"1","A"]')

    assert await spared.read_frame() == (1, b'[3,"1","A"]')  # and not one ping before it
    said = [line for line in logged if line["event"].startswith("pings off")]
    assert [line["station"] for line in said] == ["N-001"]


@pytest.mark.e2e
async def test_that_pings_went_off_is_recorded_and_holds_after_our_restart(
    serve: Any, dial: Any
) -> None:
    limits = Limits(tick_s=0.01, ping_every_s=0.03, ping_death_s=1.0, ping_deaths=1)
    served = await serve(limits=limits)
    station = await dial(served.port)
    await station.handshake()
    assert (await station.read_frame())[0] == 9
    station.reset()
    await served.until(lambda: "PingsStopped" in served.recorder.facts())

    served = await serve(limits=limits, is_unpinged=lambda name: name == STATION)
    station = await dial(served.port)
    await station.handshake()
    await asyncio.sleep(0.15)
    station.frame(b'[2,"1","A"]')
    assert await station.read_frame() == (1, b'[3,"1","A"]')  # no ping came before it


async def test_a_station_without_pings_is_probed_by_the_system_instead(
    serve: Any, dial: Any
) -> None:
    served = await serve(limits=Limits(ping_every_s=20, **FAST))
    for _ in range(3):
        served.endpoint._pings.ended(STATION, DIED)
    async with websockets.connect(served.url()):
        await served.until(lambda: served.endpoint.connections == 1)
        (link,) = served.endpoint.links
        sock = link._transport.underlying_transport.get_extra_info("socket")

        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 20


@pytest.mark.e2e
async def test_a_station_that_closes_at_our_ping_teaches_the_same_as_one_that_drops(
    serve: Any, dial: Any
) -> None:
    served = await serve(limits=Limits(ping_every_s=0.05, **FAST))
    station = await dial(served.port)
    await station.handshake()
    assert (await station.read_frame())[0] == 9
    station.frame(b"\x03\xeaunexpected ping", opcode=8)
    await served.until(lambda: served.counters.lost == 1)

    assert served.endpoint._pings.of(STATION).deaths == 1


@pytest.mark.e2e
async def test_a_link_that_we_closed_after_a_ping_did_not_die_of_it(
    serve: Any, dial: Any
) -> None:
    served = await serve(limits=Limits(ping_every_s=0.05, **FAST))
    station = await dial(served.port)
    await station.handshake()
    assert (await station.read_frame())[0] == 9
    await served.endpoint.disconnect(STATION, "asked by an agent")

    assert served.endpoint._pings.of(STATION).deaths == 0


@pytest.mark.e2e
async def test_a_link_that_ended_long_after_its_ping_did_not_die_of_it(
    serve: Any, dial: Any
) -> None:
    served = await serve(limits=Limits(ping_every_s=0.05, **FAST))
    station = await dial(served.port)
    await station.handshake()
    assert (await station.read_frame())[0] == 9
    served.endpoint.context.clock.advance(6)
    station.reset()
    await served.until(lambda: served.counters.lost == 1)

    assert served.endpoint._pings.of(STATION).deaths == 0


@pytest.mark.e2e
async def test_a_station_known_to_answer_is_found_half_open_before_its_first_pong(
    serve: Any, dial: Any
) -> None:
    served = await serve(limits=Limits(ping_every_s=0.03, **FAST))
    served.endpoint._pings.ended(STATION, PONGED)
    station = await dial(served.port)
    await station.handshake()

    await served.until(lambda: served.counters.half_open == 1)
    await served.until(lambda: served.endpoint.connections == 0)
    assert not served.endpoint._pings.of(STATION).answers  # and not twice for nothing
