"""The link's promises: every answer finds its asker, and nobody waits on a dead core."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import link_client, link_wire
from app.link import (
    LinkBusyError,
    LinkClient,
    LinkDownError,
    LinkFailedError,
    LinkServer,
    Missed,
)
from app.messages import (
    ActOnTicket,
    Answer,
    Changed,
    Done,
    FleetView,
    GetFleet,
    GetHealth,
    Health,
    RecordContact,
    Refusal,
    Request,
    SendCommand,
    Subscribe,
)
from domain.beliefs import Link, StationBelief
from domain.events import Status
from domain.places import StationId
from ticketing.commands import AddNote, TakeTicket

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


async def echo(request: Request) -> Answer:
    match request:
        case SendCommand():
            await asyncio.sleep(request.timeout_s)
            return Done(request.station)
        case ActOnTicket(action=action):
            return Refusal(f"{type(action).__name__} {action.ticket}", is_missing=True)
        case GetFleet():
            belief = StationBelief(
                station=StationId("N-001"),
                link=Link.UP,
                last_heard_at=NOW,
                status={0: Status.AVAILABLE, 1: Status.FAULTED},
            )
            return FleetView(at=NOW, stations=(belief,), faults=())
        case RecordContact():
            raise ZeroDivisionError("boom")
        case _:
            return Health(is_ready=True, reasons=(), metrics="x 1\n")


@asynccontextmanager
async def linked(path: Path) -> AsyncIterator[tuple[LinkServer, LinkClient]]:
    async with LinkServer(path, echo) as server, LinkClient(path) as client:
        yield server, client


async def until(condition: Callable[[], bool], *, within_s: float = 3.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_fleet_view_arrives_as_it_was_sent(tmp_path: Path) -> None:
    async with linked(tmp_path / "link") as (_, client):
        view = await client.ask(GetFleet())
        assert view == await echo(GetFleet())


async def test_each_action_arrives_as_its_own_type(tmp_path: Path) -> None:
    async with linked(tmp_path / "link") as (_, client):
        take = ActOnTicket(TakeTicket(ticket="T-1", who="kim", key="a"))
        note = ActOnTicket(AddNote(ticket="T-2", who="kim", text="x", key="b"))
        assert await client.ask(take) == Refusal("TakeTicket T-1", is_missing=True)
        assert await client.ask(note) == Refusal("AddNote T-2", is_missing=True)


async def test_a_slow_answer_does_not_hold_up_a_quick_one(tmp_path: Path) -> None:
    async with linked(tmp_path / "link") as (_, client):
        slow = asyncio.create_task(
            client.ask(SendCommand(station="A", action="Reset", timeout_s=0.1))
        )
        await asyncio.sleep(0)
        assert isinstance(await client.ask(GetHealth()), Health)
        assert not slow.done()
        assert await slow == Done("A")


async def test_a_thousand_questions_at_once_all_get_their_own_answer(tmp_path: Path) -> None:
    async with linked(tmp_path / "link") as (_, client):
        asked = [
            client.ask(SendCommand(station=f"S{n}", action="x", timeout_s=0))
            for n in range(1000)
        ]
        assert await asyncio.gather(*asked) == [Done(f"S{n}") for n in range(1000)]


async def test_an_absent_core_is_said_with_a_reason(tmp_path: Path) -> None:
    async with LinkClient(tmp_path / "link", connect_within_s=0.05) as client:
        with pytest.raises(LinkDownError, match="core is not there"):
            await client.ask(GetHealth())
        assert "core is not there" in client.down_reason


async def test_the_client_finds_a_core_that_returns(tmp_path: Path) -> None:
    path = tmp_path / "link"
    async with LinkClient(path, connect_within_s=3) as client:
        async with LinkServer(path, echo):
            assert isinstance(await client.ask(GetHealth()), Health)
        await until(lambda: not client.is_up)
        async with LinkServer(path, echo):
            assert isinstance(await client.ask(GetHealth()), Health)


async def test_a_core_that_has_been_away_for_long_makes_nobody_wait(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with LinkClient(tmp_path / "link", connect_within_s=0.05) as client:
        with pytest.raises(LinkDownError):
            await client.ask(GetHealth())
        began = loop.time()
        for _ in range(20):
            with pytest.raises(LinkDownError):
                await client.ask(GetHealth())
        assert loop.time() - began < 0.5


async def test_a_question_under_way_when_core_goes_is_not_left_waiting(tmp_path: Path) -> None:
    path = tmp_path / "link"
    async with LinkClient(path) as client:
        async with LinkServer(path, echo):
            asked = asyncio.create_task(
                client.ask(SendCommand(station="A", action="x", timeout_s=20))
            )
            await until(lambda: client.is_up)
            await asyncio.sleep(0.02)
        with pytest.raises(LinkDownError, match="lost before it answered"):
            await asked


async def test_a_core_that_never_answers_is_given_up(tmp_path: Path) -> None:
    async with linked(tmp_path / "link") as (_, client):
        with pytest.raises(LinkDownError, match=r"within 0\.05 s"):
            await client.ask(SendCommand(station="A", action="x", timeout_s=20), timeout_s=0.05)
        assert isinstance(await client.ask(GetHealth()), Health)


async def test_a_failing_handler_is_told_apart_from_an_absent_core(tmp_path: Path) -> None:
    async with linked(tmp_path / "link") as (_, client):
        with pytest.raises(LinkFailedError, match="its log says why"):
            await client.ask(RecordContact(customer="acme", channel="phone"))
        assert isinstance(await client.ask(GetHealth()), Health)


async def test_a_subscriber_hears_of_changes_in_order(tmp_path: Path) -> None:
    async with linked(tmp_path / "link") as (server, client):
        changes = client.changes()
        assert isinstance(await anext(changes), Missed)
        await until(lambda: server.subscribers == 1)
        sent = [Changed(at=NOW, tickets=(f"T-{n}",)) for n in range(20)]
        for one in sent:
            server.publish(one)
        heard = []
        while len(heard) < 20:
            change = await anext(changes)
            if isinstance(change, Changed):
                heard.append(change)
        assert heard == sent
        await changes.aclose()


async def test_after_a_break_the_subscriber_is_told_to_fetch_again(tmp_path: Path) -> None:
    path = tmp_path / "link"
    async with LinkClient(path) as client:
        changes = client.changes()
        assert await anext(changes) == Missed("just subscribed")
        async with LinkServer(path, echo) as server:
            await until(lambda: server.subscribers == 1)
            assert await anext(changes) == Missed("subscribed again")
        async with LinkServer(path, echo) as server:
            await until(lambda: server.subscribers == 1)
            assert await anext(changes) == Missed("subscribed again")
        await changes.aclose()


async def test_a_subscriber_that_does_not_read_is_dropped_and_others_go_on(
    tmp_path: Path,
) -> None:
    path = tmp_path / "link"
    async with linked(path) as (server, client):
        await until(lambda: server.subscribers == 1)
        deaf, deaf_writer = await asyncio.open_unix_connection(str(path))
        deaf_writer.write(link_wire.frame(link_wire.encode(link_wire.Ask(0, Subscribe()))))
        await until(lambda: server.subscribers == 2)
        deaf_writer.transport.pause_reading()  # type: ignore[attr-defined]
        big = Changed(at=NOW, stations=tuple(f"S-{n:040}" for n in range(5000)))
        for _ in range(40):
            server.publish(big)
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            if server.subscribers == 1:
                break
        assert server.subscribers == 1
        assert isinstance(await client.ask(GetHealth()), Health)
        deaf_writer.close()
        deaf.feed_eof()


async def test_a_reader_that_falls_behind_in_this_process_is_told_so(tmp_path: Path) -> None:
    async with linked(tmp_path / "link") as (server, client):
        changes = client.changes()
        assert isinstance(await anext(changes), Missed)
        await until(lambda: server.subscribers == 1)
        for number in range(link_client.CHANGES_LIMIT + 50):
            server.publish(Changed(at=NOW, tickets=(str(number),)))
        await client.ask(GetHealth())  # answers come after the changes before them
        seen = []
        while not seen or seen[-1].tickets != (str(link_client.CHANGES_LIMIT + 49),):
            change = await anext(changes)
            seen = [] if isinstance(change, Missed) else [*seen, change]
        assert len(seen) <= 50
        await changes.aclose()


async def test_garbage_ends_the_connection_and_not_the_server(tmp_path: Path) -> None:
    path = tmp_path / "link"
    async with linked(path) as (_, client):
        for garbage in (b"\x00\x00\x00\x02\xff\xff", b"\xff\xff\xff\xff", b"\x00"):
            reader, writer = await asyncio.open_unix_connection(str(path))
            writer.write(garbage)
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
        assert isinstance(await client.ask(GetHealth()), Health)


async def test_an_answer_over_the_frame_limit_is_a_failure_not_a_dead_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_wire, "FRAME_LIMIT", 150)
    async with linked(tmp_path / "link") as (_, client):
        with pytest.raises(LinkFailedError, match="over the limit of 150"):
            await client.ask(GetFleet())
        assert isinstance(await client.ask(GetHealth()), Health)


async def test_the_socket_belongs_to_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "link"
    async with LinkServer(path, echo):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_a_long_data_path_works_through_a_pointer_file(tmp_path: Path) -> None:
    path = tmp_path / ("d" * 90) / ("e" * 60) / "link"
    async with linked(path) as (_, client):
        assert path.is_file()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert isinstance(await client.ask(GetHealth()), Health)
        socket_path = Path(path.read_text())
    assert not path.exists()
    assert not socket_path.parent.exists()


async def test_a_second_core_on_the_same_path_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "link"
    async with linked(path) as (_, client):
        with pytest.raises(LinkBusyError):
            await LinkServer(path, echo).start()
        assert isinstance(await client.ask(GetHealth()), Health)


async def test_a_socket_left_by_a_killed_core_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "link"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with linked(path) as (_, client):
        assert isinstance(await client.ask(GetHealth()), Health)
