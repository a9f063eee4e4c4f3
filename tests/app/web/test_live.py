"""Live updates: gathered, spaced, bounded; one subscription to core for all pages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

import app.web.live as live
from app.link import LinkDownError, Missed
from app.messages import Changed, GetFleet
from app.web.live import FleetCache, Hub, names_of

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def test_a_change_is_named_as_one_and_as_its_kind() -> None:
    change = Changed(at=NOW, tickets=("T-1",), stations=("N-001",), notices=("k",))
    assert names_of(change) == {
        "tickets", "ticket-T-1", "stations", "station-N-001", "notices",
    }  # fmt: skip
    assert names_of(Missed("x")) == {"tickets", "stations", "notices"}


def test_an_id_cannot_smuggle_an_event_of_its_own() -> None:
    names = names_of(Changed(at=NOW, stations=("N\nevent: tickets\ndata: x",)))
    assert names == {"stations"}


async def read_events(events, wanted: int) -> list[str]:
    names: list[str] = []
    async for text in events:
        names += [
            line.removeprefix("event: ")
            for line in text.splitlines()
            if line.startswith("event: ")
        ]
        if len(names) >= wanted:
            return names
    return names


async def test_a_page_hears_what_changed_once_however_often(world, monkeypatch) -> None:
    monkeypatch.setattr(live, "SPACING_S", 0.01)
    hub: Hub = world.app.state.web.hub
    events = hub.events()
    assert "retry" in await anext(events)
    for _ in range(50):
        world.core.publish("T-1001")
    world.core.publish("T-1002")
    async with asyncio.timeout(5):
        names = await read_events(events, 3)
    assert sorted(names)[:3] == ["ticket-T-1001", "ticket-T-1002", "tickets"]
    assert len(names) < 20
    await events.aclose()
    assert hub.listeners == 0


async def test_very_many_changes_become_the_coarse_ones(world, monkeypatch) -> None:
    monkeypatch.setattr(live, "SPACING_S", 0.01)
    hub: Hub = world.app.state.web.hub
    events = hub.events()
    await anext(events)
    world.core.publish(*(f"T-{number}" for number in range(live.NAMES_LIMIT + 10)))
    async with asyncio.timeout(5):
        assert await read_events(events, 1) == ["tickets"]
    await events.aclose()


async def test_quiet_times_are_kept_alive_and_a_stop_ends_all(world, monkeypatch) -> None:
    monkeypatch.setattr(live, "KEEPALIVE_S", 0.02)
    hub: Hub = world.app.state.web.hub
    events = hub.events()
    await anext(events)
    async with asyncio.timeout(5):
        assert await anext(events) == ": still here\n\n"
        hub.stop()
        async for _ in events:
            pass
    assert hub.listeners == 0


async def test_the_fleet_is_fetched_once_for_many_pages(world) -> None:
    fleet: FleetCache = world.app.state.web.fleet
    views = await asyncio.gather(*(fleet.view() for _ in range(20)))
    assert len({id(view) for view in views}) == 1
    assert sum(isinstance(one, GetFleet) for one in world.core.asked) == 1


async def test_a_changed_fleet_is_fetched_again_after_a_moment(world, monkeypatch) -> None:
    monkeypatch.setattr(live, "FRESH_S", 0.05)
    fleet: FleetCache = world.app.state.web.fleet
    first = await fleet.view()
    fleet.spoil()
    await asyncio.sleep(0.06)
    assert await fleet.view() is not first


async def test_a_page_that_was_told_of_a_change_does_not_get_what_was_before(
    world, monkeypatch
) -> None:
    monkeypatch.setattr(live, "FRESH_S", 0.05)
    fleet: FleetCache = world.app.state.web.fleet
    first = await fleet.view()
    assert await fleet.settled() is first  # nothing was said to have changed
    fleet.spoil()
    assert await fleet.view() is first
    assert await fleet.settled() is not first


async def test_a_fleet_that_cannot_be_had_is_not_shown_from_memory(make_world) -> None:
    made = make_world()
    fleet: FleetCache = made.app.state.web.fleet
    async with made.app.router.lifespan_context(made.app):
        async with made.core_up():
            await fleet.view()
        async with asyncio.timeout(5):
            while made.app.state.web.link.is_up:
                await asyncio.sleep(0.005)
        with pytest.raises(LinkDownError):
            await fleet.view()


@pytest.mark.e2e
async def test_a_browser_hears_over_a_real_port_and_the_end_is_quick(serve) -> None:
    served = await serve(demo=True)
    async with (
        httpx.AsyncClient(base_url=served.url, timeout=10) as client,
        client.stream("GET", "/console/events") as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == ": welcome"
        served.world.core.publish("T-1001")
        heard = []
        async with asyncio.timeout(10):
            while "event: ticket-T-1001" not in heard:
                heard.append(await anext(lines))
        # The server may end while the page still listens.
        began = asyncio.get_running_loop().time()
        await served.end()
        assert asyncio.get_running_loop().time() - began < 4
