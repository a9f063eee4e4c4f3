"""Who gets in, and what for: tokens, logins, forms, this machine in a demo."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.web.principals import Session, password_print, write_session

# conftest's own names: it is no package (import-mode=importlib)
PASSWORD = "correct horse battery"
HTML = {"accept": "text/html"}

READ = [
    "/api/v1/tickets", "/api/v1/tickets/T-1001", "/api/v1/faults", "/api/v1/stations",
    "/api/v1/stations/N-001", "/api/v1/stations/N-001/frames", "/api/v1/sites",
    "/api/v1/customers", "/api/v1/notices", "/api/v1/contacts", "/openapi.json", "/docs",
    "/console/", "/console/queue", "/console/tickets/T-1001", "/console/stations",
    "/console/stations/N-001", "/console/contacts/new", "/console/events",
]  # fmt: skip
WRITE = [
    ("/api/v1/tickets/T-1001/take", None),
    ("/api/v1/tickets/T-1001/notes", {"text": "x"}),
    ("/api/v1/tickets/T-1005/close", {"why": "x"}),
    ("/api/v1/contacts", {"customer": "acme", "channel": "phone"}),
    ("/api/v1/maintenance", {"site": "north", "until": "2026-01-05T15:00:00Z"}),
]
COMMAND = ("/api/v1/stations/N-001/commands", {"action": "Reset"})


@pytest.mark.parametrize("path", READ)
async def test_without_a_login_nothing_is_read(world, path) -> None:
    async with world.client() as client:
        answer = await client.get(path)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_needs_no_login_from_anywhere(world, path) -> None:
    async with world.client(peer="203.0.113.9") as client:
        assert (await client.get(path)).status_code == 200


async def test_every_route_but_the_open_ones_refuses_strangers(world) -> None:
    async with world.client("boss") as boss:
        schema = (await boss.get("/openapi.json")).json()
    async with world.client(peer="203.0.113.9") as stranger:
        for path, operations in schema["paths"].items():
            for method in operations:
                answer = await stranger.request(method, path.replace("{", "").replace("}", ""))
                expected = 200 if path in ("/healthz", "/readyz") else 401
                assert answer.status_code == expected, (method, path)


@pytest.mark.parametrize(
    ("token", "may_write", "may_command"),
    [("reader", False, False), ("writer", True, False), ("commander", False, True),
     ("boss", True, True)],
)  # fmt: skip
async def test_each_scope_opens_its_own_doors_only(
    world, token, may_write, may_command
) -> None:
    async with world.client(token) as client:
        for path in READ[:12]:
            assert (await client.get(path)).status_code == 200, path
        for path, body in WRITE:
            status = (await client.post(path, json=body)).status_code
            assert (status == 403) is not may_write, path
            assert status != 401
        path, body = COMMAND
        assert ((await client.post(path, json=body)).status_code == 200) is may_command


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Basic eDp5", "nonsense", ""])
async def test_a_wrong_token_is_refused_even_where_a_demo_would_let_in(
    make_world, header
) -> None:
    demo = make_world(demo=True)
    async with demo.app.router.lifespan_context(demo.app), demo.client() as client:
        answer = await client.get("/api/v1/tickets", headers={"authorization": header})
    assert answer.status_code == 401


async def test_the_bootstrap_token_may_do_everything(make_world) -> None:
    made = make_world(bootstrap_token="from-the-environment")
    async with made.app.router.lifespan_context(made.app), made.client() as client:
        client.headers["authorization"] = "Bearer from-the-environment"
        assert (await client.get("/api/v1/tickets")).status_code == 200
        client.headers["authorization"] = "Bearer from-the-environmen"
        assert (await client.get("/api/v1/tickets")).status_code == 401
    assert "from-the-environment" not in repr(made.settings)


async def log_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD, **more: str):
    form = {"name": name, "password": password} | more
    return await client.post("/login", data=form)


async def test_a_person_logs_in_and_out(world) -> None:
    async with world.client() as client:
        answer = await log_in(client, "kim", next="/console/stations?q=N")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/console/stations?q=N"
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "secure" not in cookie
        assert (await client.get("/console/")).status_code == 200
        await client.post("/logout")
        assert (await client.get("/console/")).status_code == 401


async def test_over_https_the_cookie_is_sent_over_nothing_else(make_world) -> None:
    made = make_world(public_url="https://watch.example")
    async with made.app.router.lifespan_context(made.app), made.client() as client:
        assert "secure" in (await log_in(client, "kim")).headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example/console",
        "/console\\evil",
        "javascript:1",
        "/else",
    ],
)
async def test_a_login_never_leads_elsewhere(world, elsewhere) -> None:
    async with world.client() as client:
        answer = await log_in(client, "kim", next=elsewhere)
    assert answer.headers["location"] == "/console/"


async def test_a_browser_without_login_is_led_to_it_and_back(world) -> None:
    async with world.client() as client:
        answer = await client.get("/console/?state=open&mine=1", headers=HTML)
    assert answer.status_code == 303
    target = urlsplit(answer.headers["location"])
    assert target.path == "/login"
    assert parse_qs(target.query) == {"next": ["/console/?state=open&mine=1"]}


async def test_wrong_name_and_wrong_password_look_the_same(world) -> None:
    async with world.client() as client:
        wrong_name = await log_in(client, "nobody")
        wrong_password = await log_in(client, "kim", "no")
    assert wrong_name.status_code == wrong_password.status_code == 401
    assert wrong_name.text.replace("nobody", "kim") == wrong_password.text


async def test_after_five_wrong_passwords_even_the_right_one_waits(world) -> None:
    async with world.client() as client:
        for _ in range(5):
            assert (await log_in(client, "kim", "no")).status_code == 401
        limited = await log_in(client, "kim")
        assert limited.status_code == 429
        assert int(limited.headers["retry-after"]) > 200
        assert (await log_in(client, "ada")).status_code == 303
        world.clock.advance(timedelta(minutes=5, seconds=1))
        assert (await log_in(client, "kim")).status_code == 303


async def test_a_session_ends_with_time_and_with_a_new_password(world) -> None:
    async with world.client() as client:
        await log_in(client, "kim")
        world.clock.advance(timedelta(hours=11, minutes=59))
        assert (await client.get("/console/")).status_code == 200
        world.clock.advance(timedelta(minutes=2))
        assert (await client.get("/console/")).status_code == 401
        await log_in(client, "kim")
        world.access.save_user("kim", role="agent", password_hash="$argon2id$other")
        assert (await client.get("/console/")).status_code == 401


async def test_a_cookie_signed_with_another_key_is_worth_nothing(world) -> None:
    user = world.access.user("ada")
    session = Session("ada", world.clock.now(), password_print(user.password_hash))
    for secret, status in ((b"x" * 32, 401), (world.secret, 200)):
        async with world.client() as client:
            client.cookies.set("foretell_session", write_session(secret, session))
            assert (await client.get("/api/v1/tickets")).status_code == status


async def test_a_viewer_may_look_and_not_touch(world) -> None:
    async with world.client() as client:
        await log_in(client, "vic")
        page = (await client.get("/console/tickets/T-1001")).text
        assert "Take it" not in page
        answer = await client.post("/console/tickets/T-1001/take", data={"mark": "x"})
        assert answer.status_code == 403


def mark_in(page: str) -> str:
    return page.split('name="mark" value="')[1].split('"')[0]


async def test_a_form_needs_the_mark_of_its_own_session(world) -> None:
    async with world.client() as kim, world.client() as ada:
        await log_in(kim, "kim")
        await log_in(ada, "ada")
        own = mark_in((await kim.get("/console/tickets/T-1001")).text)
        other = mark_in((await ada.get("/console/tickets/T-1001")).text)
        for mark, status in (("", 403), (other, 403), (own, 303)):
            answer = await kim.post("/console/tickets/T-1001/take", data={"mark": mark})
            assert answer.status_code == status


async def test_the_api_with_a_login_needs_the_mark_in_its_header(world) -> None:
    async with world.client() as client:
        await log_in(client, "kim")
        mark = mark_in((await client.get("/console/tickets/T-1001")).text)
        path = "/api/v1/tickets/T-1001/take"
        assert (await client.post(path)).status_code == 403
        assert (await client.post(path, headers={"X-Form-Mark": mark})).status_code == 200


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.4", {}, 401),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.4"}, 401),
        ("127.0.0.1", {"forwarded": "for=192.0.2.4"}, 401),
        ("127.0.0.1", {"host": "evil.example"}, 401),
        ("127.0.0.1", {"host": "localhost:8000"}, 200),
        ("127.0.0.1", {"host": "[::1]:8000"}, 200),
    ],
)
async def test_a_demo_lets_in_this_machine_and_nobody_else(
    make_world, peer, headers, status
) -> None:
    demo = make_world(demo=True)
    async with demo.app.router.lifespan_context(demo.app), demo.client(peer=peer) as client:
        answer = await client.get("/api/v1/tickets", headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"origin": "http://127.0.0.1:8000"}, 201),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 201),
    ],
)
async def test_in_a_demo_another_site_cannot_act_through_the_browser(
    make_world, headers, status
) -> None:
    demo = make_world(demo=True)
    body = {"customer": "acme", "channel": "phone"}
    lifespan = demo.app.router.lifespan_context(demo.app)
    async with demo.core_up(), lifespan, demo.client() as client:
        answer = await client.post("/api/v1/contacts", json=body, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("peer", "token", "status"),
    [("127.0.0.1", "", 200), ("192.0.2.4", "", 401), ("192.0.2.4", "reader", 200)],
)
async def test_numbers_are_for_this_machine_and_for_tokens(world, peer, token, status) -> None:
    async with world.client(token, peer=peer) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == status
    assert ("foretell_test 1" in answer.text) is (status == 200)


async def test_every_answer_carries_the_policy_and_no_page_is_kept(world) -> None:
    async with world.client("reader") as client:
        for path in ("/console/", "/api/v1/tickets", "/nothing", "/login", "/s/x"):
            headers = (await client.get(path)).headers
            assert "default-src 'none'" in headers["content-security-policy"], path
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
        static = await client.get("/static/console.css")
    assert static.status_code == 200
    assert "no-store" not in static.headers.get("cache-control", "")
