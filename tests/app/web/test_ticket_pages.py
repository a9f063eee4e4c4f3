"""What queue, ticket and station say of faults on their way to clear, of ends, and of calls."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from app.messages import FleetView, GetFleet, RecordContact
from domain.places import CustomerId, SiteId, StationId, TicketId
from domain.tickets import ContactNote, TicketKind, TicketState

HTML = {"accept": "text/html"}
NOW = datetime(2026, 1, 5, 11, 0, tzinfo=UTC)  # 12:00 at the sites


@pytest.fixture
async def demo(make_world):
    """A demo with core up: a person without a password."""
    made = make_world(demo=True)
    async with made.core_up(), made.app.router.lifespan_context(made.app):
        yield made


async def get(world, path: str) -> str:
    async with world.client() as client:
        answer = await client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", html.unescape(answer.text))


def row(page: str, ticket: str) -> str:
    return page.split(f'id="row-{ticket}"')[1].split("</tr>")[0]


def change(world, ticket: str, **changes: object) -> None:
    found = world.core.store.ticket(ticket)
    world.core.put(msgspec.structs.replace(found, **changes), key=f"changed {ticket}")


def live(world, ticket: str, *, clean_since: datetime, clears_at: datetime | None) -> None:
    """Let core say that the ticket's fault is clean since a moment."""
    [held] = world.core.store.ticket(ticket).faults
    fault = msgspec.structs.replace(held.fault, clean_since=clean_since, clears_at=clears_at)
    world.core.answers[GetFleet] = FleetView(at=NOW, stations=(), faults=(fault,))


# --- a fault on its way to clear -------------------------------------------------------------


async def test_a_fault_that_is_clean_says_since_when_and_when_it_clears(demo) -> None:
    live(
        demo,
        "T-1001",
        clean_since=NOW - timedelta(minutes=2),
        clears_at=NOW + timedelta(minutes=3),
    )
    page = await get(demo, "/console/tickets/T-1001")
    assert "Clean since 11:58, clears at 12:03 if it stays so." in page
    assert '<span class="chip">clearing</span>' in page
    assert ">active<" not in page
    assert "Since Mon 5 Jan, 10:58 (1 h)" in page  # until it was clean
    assert "No fault shows any more." in page
    assert "Resolve</button>" not in page


async def test_it_names_no_moment_that_core_does_not_know(demo) -> None:
    live(demo, "T-1001", clean_since=NOW - timedelta(minutes=2), clears_at=None)
    page = await get(demo, "/console/tickets/T-1001")
    assert "Clean since 11:58, clears if it stays so." in page


async def test_a_fault_that_is_back_is_active_whatever_the_ticket_kept(demo) -> None:
    [held] = demo.core.store.ticket("T-1001").faults
    kept = msgspec.structs.replace(held.fault, clean_since=NOW - timedelta(minutes=20))
    change(demo, "T-1001", faults=(msgspec.structs.replace(held, fault=kept),))
    page = await get(demo, "/console/tickets/T-1001")
    assert '<span class="chip bad">active</span>' in page
    assert "clearing" not in page


async def test_a_station_and_the_list_of_stations_say_that_a_fault_is_clearing(demo) -> None:
    live(
        demo,
        "T-1001",
        clean_since=NOW - timedelta(minutes=2),
        clears_at=NOW + timedelta(minutes=3),
    )
    station = await get(demo, "/console/stations/N-001")
    assert "clean since 11:58, clears at 12:03 if it stays so" in station
    listed = await get(demo, "/console/stations?state=faulted")
    assert '<span class="chip">clearing</span>' in listed


async def test_a_ticket_is_fetched_again_when_its_station_says_something(demo) -> None:
    page = await get(demo, "/console/tickets/T-1001")
    assert "sse:ticket-T-1001, sse:station-N-001, sse:notices, every 60s" in page
    change(demo, "T-1001", stations=(StationId("A, every 1ms"), StationId("B[1]")))
    page = await get(demo, "/console/tickets/T-1001")
    assert "sse:ticket-T-1001, sse:notices, every 60s" in page


# --- the queue -------------------------------------------------------------------------------


async def test_each_tab_counts_its_own(demo) -> None:
    tickets, tasks = await get(demo, "/console/"), await get(demo, "/console/?tab=tasks")
    assert "2 new · 1 open · 0 waiting" in tickets
    assert "1 new · 0 open · 0 waiting" in tasks
    for page in (tickets, tasks):
        assert "Tickets <b>3</b>" in page
        assert "Tasks <b>1</b>" in page


async def test_a_resolved_ticket_says_how_long_it_lasted_and_when_it_was_resolved(demo) -> None:
    queue = await get(demo, "/console/?state=resolved")
    assert ">Lasted</th>" in queue
    found = row(queue, "T-1003")
    assert "8 h 55 min" in found
    assert "resolved Mon 5 Jan, 11:55" in found
    ticket = await get(demo, "/console/tickets/T-1003")
    assert "<dt>Lasted</dt><dd>8 h 55 min" in ticket
    assert "Promise due" not in ticket


async def test_a_ticket_closed_without_having_been_resolved_says_closed(demo) -> None:
    closed = {"state": TicketState.CLOSED, "closed_at": NOW - timedelta(minutes=10)}
    change(demo, "T-1005", **closed)
    found = row(await get(demo, "/console/?state=resolved"), "T-1005")
    assert "20 min" in found
    assert "closed Mon 5 Jan, 11:50" in found


async def test_where_no_customer_is_concerned_nobody_is_missing_a_notice(demo) -> None:
    change(demo, "T-1001", customer=None, first_notice_at=None)
    assert "not told" not in row(await get(demo, "/console/"), "T-1001")
    page = await get(demo, "/console/tickets/T-1001")
    assert "No customer is concerned." in page
    assert "told" not in page.split('id="h-means"')[0]


async def test_a_customer_who_does_not_know_yet_is_not_told(demo) -> None:
    change(demo, "T-1001", first_notice_at=None)
    assert '<span class="untold">not told</span>' in row(await get(demo, "/console/"), "T-1001")


async def test_a_title_never_begins_with_a_severity(demo) -> None:
    change(demo, "T-1001", title="critical CX014 N-001/1 @ North depot: Not charging")
    page = await get(demo, "/console/")
    assert ">CX014 N-001/1: Not charging</a>" in page
    change(demo, "T-1005", title="critical printing on the sticker is wrong")
    assert ">critical printing on the sticker is wrong</a>" in await get(demo, "/console/")


# --- requests and calls ----------------------------------------------------------------------


async def test_a_request_says_who_asked_when_how_often_and_what(demo) -> None:
    calls = (
        ContactNote(at=NOW - timedelta(minutes=30), channel="phone", text="card?"),
        ContactNote(at=NOW - timedelta(minutes=4), channel="email", station=StationId("N-002")),
    )
    change(demo, "T-1005", contacts=calls)
    page = await get(demo, "/console/tickets/T-1005")
    facts = page.split('<dl class="facts">')[1].split("</dl>")[0]
    assert "<dt>Asked by</dt><dd>ACME Logistics</dd>" in facts
    assert "2 times, last Mon 5 Jan, 11:56 by e-mail" in facts
    assert "Promise due" not in facts
    assert "<dt>Customer</dt>" not in facts
    said = page.split("What the customer said")[1].split("</section>")[0]
    assert said.index("11:56") < said.index("11:30")
    for words in ("by e-mail · about N-002", "Nothing was written down.", "by phone", "card?"):
        assert words in said


async def test_a_request_that_was_promised_something_says_when_that_is_due(demo) -> None:
    change(demo, "T-1005", next_update_at=NOW + timedelta(hours=2))
    page = await get(demo, "/console/tickets/T-1005")
    assert "<dt>Promise due</dt><dd>Mon 5 Jan, 14:00" in page


async def test_what_a_customer_said_about_a_fault_stands_below_the_fault(demo) -> None:
    page = await get(demo, "/console/tickets/T-1002")
    assert page.index("What is broken") < page.index("What the customer said")
    assert "it smells" in page


async def test_a_call_names_the_site_and_its_channel_as_given(demo) -> None:
    call = ContactNote(at=NOW, channel="sms", site=SiteId("north"), text="<i>now</i>")
    change(demo, "T-1005", contacts=(call,))
    async with demo.client() as client:
        page = (await client.get("/console/tickets/T-1005", headers=HTML)).text
    assert "by sms · about North depot" in page
    assert "&lt;i&gt;now&lt;/i&gt;" in page


async def test_a_task_shows_no_promise_and_no_customer_line(demo) -> None:
    task = await get(demo, "/console/tickets/T-1004")
    facts = task.split('<dl class="facts">')[1].split("</dl>")[0]
    assert re.findall("<dt>([^<]+)</dt>", facts) == ["Ticket", "Opened", "Taken by"]


async def test_a_call_form_sent_twice_records_one_call(demo) -> None:
    async with demo.client() as client:
        form = (await client.get("/console/contacts/new?station=N-001", headers=HTML)).text
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        sent = fields | {"channel": "phone", "text": "it does not start"}
        answers = [await client.post("/console/contacts/new", data=sent) for _ in range(2)]
        other = sent | {"text": "it does not start, and it smells"}
        await client.post("/console/contacts/new", data=other)
    assert {one.headers["location"] for one in answers} == {"/console/tickets/T-1001"}
    calls = [one.text for one in demo.core.asked if isinstance(one, RecordContact)]
    assert calls == ["it does not start", "it does not start, and it smells"]


async def test_two_forms_are_two_calls_and_so_are_two_without_a_key(demo) -> None:
    async with demo.client() as client:
        for key in ("", "", "k1", "k2"):
            form = (await client.get("/console/contacts/new?station=N-001", headers=HTML)).text
            mark = form.split('name="mark" value="')[1].split('"')[0]
            data = {
                "mark": mark,
                "key": key,
                "customer": CustomerId("acme"),
                "station": "N-001",
            }
            answer = await client.post("/console/contacts/new", data=data)
            assert answer.status_code == 303
    assert len([one for one in demo.core.asked if isinstance(one, RecordContact)]) == 4


async def test_a_fleet_ticket_has_no_line_about_one_customer(demo) -> None:
    found = demo.core.store.ticket("T-1001")
    fleet = msgspec.structs.replace(
        found,
        id=TicketId("T-1090"),
        kind=TicketKind.FLEET,
        customer=None,
        site=None,
        next_update_at=None,
    )
    demo.core.put(fleet, key="fleet")
    page = await get(demo, "/console/tickets/T-1090")
    assert "<dt>Customer</dt>" not in page
    assert "Promise due" not in page
