"""The console's pages as text: what stands where, and that forms reach core."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

import msgspec
import pytest

from app.messages import ActOnTicket, RecordContact
from app.web.pages.frames import frame_lines
from domain.journal import Entry, EntryKind
from ticketing.commands import CloseTicket
from ticketing.wording import load_wording

HTML = {"accept": "text/html"}


@pytest.fixture
async def demo(make_world):
    """A demo with core up: a person without a password."""
    made = make_world(demo=True)
    async with made.core_up(), made.app.router.lifespan_context(made.app):
        yield made


def rows_of(page: str) -> list[str]:
    return re.findall(r'id="row-([^"]+)"', page)


async def get(world, path: str) -> str:
    async with world.client() as client:
        answer = await client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_the_queue_shows_unresolved_tickets_by_due_promise_without_tasks(demo) -> None:
    page = await get(demo, "/console/")
    assert rows_of(page) == ["T-1002", "T-1001", "T-1005"]
    assert "4 min late" in page
    assert "in 4 h" in page


async def test_tasks_have_a_tab_of_their_own(demo) -> None:
    assert rows_of(await get(demo, "/console/?tab=tasks")) == ["T-1004"]


@pytest.mark.parametrize(
    ("address", "ids"),
    [
        ("?state=resolved", ["T-1003"]),
        ("?kind=request", ["T-1005"]),
        ("?customer=miller", ["T-1002"]),
        ("?site=north&severity=major", ["T-1001"]),
        ("?mine=1", []),
        ("?state=bogus&severity=%27%22&kind=x", ["T-1002", "T-1001", "T-1005"]),
        ("?tab=tasks&kind=fault", ["T-1004"]),
    ],
)
async def test_the_address_holds_the_filters(demo, address, ids) -> None:
    assert rows_of(await get(demo, f"/console/{address}")) == ids
    assert rows_of(await get(demo, f"/console/queue{address}")) == ids


async def test_a_title_does_not_repeat_what_stands_beside_it(demo) -> None:
    ticket = demo.core.store.ticket("T-1001")
    title = "major CX014 N-001/1 @ North depot: Not charging"
    demo.core.put(msgspec.structs.replace(ticket, title=title), key="t")
    page = await get(demo, "/console/")
    assert ">CX014 N-001/1: Not charging</a>" in page


async def test_what_strangers_wrote_is_shown_as_text(demo) -> None:
    page = await get(demo, "/console/")
    assert "<b>by phone</b>" not in page
    assert "&lt;b&gt;by phone&lt;/b&gt;" in page


async def test_an_empty_queue_says_so(demo) -> None:
    page = await get(demo, "/console/?customer=nobody")
    assert "No ticket matches" in page


async def test_a_ticket_shows_all_an_agent_needs(demo) -> None:
    page = await get(demo, "/console/tickets/T-1001")
    for words in (
        "CX014 at N-001",
        "ACME Logistics",
        "+49 30 23125 001",
        "Since Mon 5 Jan, 10:58 (1 h 2 min)",
        "GroundFailure · alfen 302",
        "Check the residual current device",
        "<b>1</b> of 3 EVSEs ready or charging",
        "Laden nicht möglich: Ladepunkt 1",
        "Am Ladepunkt 1 der Ladestation N-001",
        "Faulted for 2 min",
        "A fault is still active",
    ):
        assert words in page, words


async def test_codes_come_with_what_they_mean_and_what_to_check(demo) -> None:
    queue = await get(demo, "/console/queue")
    ticket = await get(demo, "/console/tickets/T-1001")
    words = load_wording().of_code("CX014")
    assert html.escape(words.texts["en"].finding) in queue
    assert html.escape(words.texts["en"].finding) in ticket
    assert words.agent.split("; ")[0] in html.unescape(ticket)


async def test_what_an_evse_said_before_we_lost_sight_of_it_is_not_its_state(demo) -> None:
    page = await get(demo, "/console/stations")
    lost, seen = page.split("stations/M-001")[1], page.split("stations/N-001")[1]
    assert '<li class="evse st-none"><b>1</b> last Faulted</li>' in lost.split("</tr>")[0]
    assert '<li class="evse st-faulted"><b>1</b> Faulted</li>' in seen.split("</tr>")[0]


async def test_the_timeline_links_to_frames_that_are_shown_and_to_nothing_else(demo) -> None:
    page = await get(demo, "/console/tickets/T-1001")
    assert re.findall(r'href="(#f\d+)"', page) == ["#f3"]


def test_a_frame_of_a_megabyte_is_shown_cut() -> None:
    at = datetime(2026, 1, 5, 11, 0, tzinfo=UTC)
    entry = Entry(1, at, EntryKind.RECEIVED, None, b"[" * 1_000_000)
    (line,) = frame_lines([entry], UTC)
    assert len(line.frame) < 4_100
    assert line.frame.endswith("… (1,000,000 characters in all)")


async def test_frames_beside_a_ticket_are_masked_and_point_at_the_evidence(demo) -> None:
    page = await get(demo, "/console/tickets/T-1001")
    assert "04A2B3C4D5" not in page
    assert "StartTransaction" in page
    evidence = re.search(r'<li id="f3" class="([^"]+)"', page)
    assert evidence is not None
    assert "is-evidence" in evidence.group(1)


async def test_taking_and_noting_go_through_core(demo) -> None:
    async with demo.client() as client:
        page = (await client.get("/console/tickets/T-1001", headers=HTML)).text
        mark = page.split('name="mark" value="')[1].split('"')[0]
        form = {"mark": mark, "key": "k1"}
        answer = await client.post("/console/tickets/T-1001/take", data=form)
        note = {"mark": mark, "key": "k2", "text": "  looked at it  "}
        await client.post("/console/tickets/T-1001/notes", data=note)
        page = (await client.get("/console/tickets/T-1001", headers=HTML)).text
    assert answer.headers["location"] == "/console/tickets/T-1001"
    assert "You have taken this ticket" in page
    assert "looked at it" in page
    keys = [one.action.key for one in demo.core.asked if isinstance(one, ActOnTicket)]
    assert keys == ["person:demo:k1", "person:demo:k2"]


async def test_closing_needs_a_reason(demo) -> None:
    async with demo.client() as client:
        page = (await client.get("/console/tickets/T-1005", headers=HTML)).text
        mark = page.split('name="mark" value="')[1].split('"')[0]
        path = "/console/tickets/T-1005/close"
        refused = await client.post(path, data={"mark": mark, "why": " "}, headers=HTML)
        await client.post(path, data={"mark": mark, "why": "answered"}, headers=HTML)
    assert refused.status_code == 422
    assert "Say why it is closed" in refused.text
    [action] = [one.action for one in demo.core.asked if isinstance(one, ActOnTicket)]
    assert isinstance(action, CloseTicket)
    assert action.why == "answered"


async def test_a_call_takes_two_clicks_from_a_ticket(demo) -> None:
    ticket = await get(demo, "/console/tickets/T-1001")
    first = re.search(r'href="(/console/contacts/new\?[^"]+)"', ticket)
    assert first is not None
    form = await get(demo, first.group(1).replace("&amp;", "&"))
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    assert fields["customer"] == "acme"
    async with demo.client() as client:
        answer = await client.post(
            "/console/contacts/new", data=fields | {"channel": "phone", "text": ""}
        )
    assert answer.headers["location"] == "/console/tickets/T-1001"
    [call] = [one for one in demo.core.asked if isinstance(one, RecordContact)]
    assert call == RecordContact(customer="acme", channel="phone", station="N-001")


async def test_a_caller_is_found_by_a_few_letters(demo) -> None:
    page = await get(demo, "/console/contacts/new?q=north+acme")
    assert "North depot" in page
    assert "/console/contacts/new?station=N-002" in page
    assert "M-001" not in page


async def test_stations_stand_the_worst_first_and_can_be_searched(demo) -> None:
    page = await get(demo, "/console/stations")
    order = re.findall(r'href="/console/stations/([^"?]+)"', page)
    assert order == ["M-001", "N-001", "N-002", "X-999"]
    found = await get(demo, "/console/stations?q=alfen+north")
    assert re.findall(r'href="/console/stations/([^"?]+)"', found) == ["N-001"]
    away = await get(demo, "/console/stations?state=away")
    assert re.findall(r'href="/console/stations/([^"?]+)"', away) == ["M-001"]


async def test_a_station_shows_its_state_tickets_and_masked_frames(demo) -> None:
    page = await get(demo, "/console/stations/n-001")
    for words in ("6.4.0", "T-1001", "Connected", "ocpp1.6", "North depot"):
        assert words in page
    assert "04A2B3C4D5" not in page


async def test_while_core_is_away_pages_show_what_is_stored_and_say_so(make_world) -> None:
    made = make_world(demo=True)
    async with made.app.router.lifespan_context(made.app):
        for path in ("/console/", "/console/tickets/T-1001", "/console/stations/N-001",
                     "/console/stations"):  # fmt: skip
            page = await get(made, path)
            assert "Live state is not available" in page, path


async def test_a_missing_ticket_is_a_page_for_people(demo) -> None:
    async with demo.client() as client:
        answer = await client.get("/console/tickets/T-9", headers=HTML)
    assert answer.status_code == 404
    assert "There is no ticket T-9." in answer.text
    assert answer.headers["content-type"].startswith("text/html")


async def test_pages_work_without_the_browser_files(demo, monkeypatch) -> None:
    monkeypatch.setattr("app.web.assets.ASSETS", {"missing.js": "nowhere"})
    page = await get(demo, "/console/")
    assert "hx-" not in page
    assert "<script" not in page
    assert "Refresh" in page


async def test_no_page_carries_a_script_or_style_of_its_own(demo) -> None:
    consoles = ("", "tickets/T-1001", "stations", "stations/N-001", "contacts/new")
    for path in (*(f"/console/{name}" for name in consoles), "/docs", "/login"):
        async with demo.client() as client:
            page = (await client.get(path, headers=HTML)).text
        assert not re.search(r"<script(?![^>]*src=)", page), path
        assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", page), path
        assert not re.search(r'(src|href)="(https?:)?//', page), path
