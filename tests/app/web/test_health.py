"""Readiness says why not; numbers come from both processes."""

from __future__ import annotations

from app.messages import Health


async def test_ready_while_core_is_and_the_stores_are_there(world) -> None:
    async with world.client() as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_not_ready_with_the_reasons_of_core(world) -> None:
    world.core.health = Health(is_ready=False, reasons=("the disk is full",), metrics="")
    async with world.client() as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reasons"] == ["the disk is full"]


async def test_not_ready_while_core_is_away_but_alive(lonely) -> None:
    async with lonely.client() as client:
        ready, alive = await client.get("/readyz"), await client.get("/healthz")
    assert ready.status_code == 503
    assert "core is not there" in ready.json()["reasons"][0]
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})


async def test_not_ready_before_the_first_start_made_the_stores(world) -> None:
    for name in ("tickets.db", "access.db"):
        for path in world.settings.data_dir.glob(f"{name}*"):
            path.unlink()
    world.app.state.web.reading.close()
    async with world.client() as client:
        answer = await client.get("/readyz")
        page = await client.get("/login", headers={"accept": "text/html"})
    assert answer.status_code == 503
    assert "cannot be read just now" in answer.json()["reasons"][0]
    assert page.status_code == 200


async def test_numbers_count_by_route_never_by_address(world) -> None:
    async with world.client("reader") as client:
        await client.get("/api/v1/tickets/T-1001")
        await client.get("/api/v1/tickets/T-1002")
        await client.get("/made/up")
        text = (await client.get("/metrics")).text
    wanted = 'route="/api/v1/tickets/{ticket_id}",status="200"} 2.0'
    assert wanted in text.replace('method="GET",', "")
    assert "T-1001" not in text
    assert "/made/up" not in text
    assert "foretell_core_up 1.0" in text
    assert text.count("foretell_test 1") == 1
