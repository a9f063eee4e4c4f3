"""The API over real stores and a played core: shapes, filters, errors, what reaches core."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.messages import (
    ActOnTicket,
    CommandDone,
    PlanMaintenance,
    RecordContact,
    Refusal,
    SendCommand,
)
from ticketing.commands import AddNote, TakeTicket

TICKET_KEYS = {
    "id", "kind", "state", "customer", "site", "stations", "places", "rules", "codes",
    "severity", "opened_at", "resolved_at", "reopened", "flapping", "late", "notified", "title",
}  # fmt: skip


async def test_tickets_come_by_the_promise_that_falls_due_next(world) -> None:
    async with world.client("reader") as client:
        page = (await client.get("/api/v1/tickets", params={"state": ["new", "open"]})).json()
    assert [one["id"] for one in page["items"]] == ["T-1002", "T-1001", "T-1004", "T-1005"]
    assert page["next"] is None
    assert set(page["items"][0]) >= TICKET_KEYS
    assert page["items"][0]["opened_at"] == "2026-01-05T10:48:00Z"
    assert page["items"][0]["late"] is True
    assert page["items"][1]["notified"] is True


async def test_a_list_in_parts_gives_each_ticket_once(world) -> None:
    seen, cursor = [], None
    async with world.client("reader") as client:
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/api/v1/tickets", params=params)).json()
            seen += [one["id"] for one in page["items"]]
            assert len(page["items"]) <= 2
            cursor = page["next"]
            if cursor is None:
                break
    assert sorted(seen) == ["T-1001", "T-1002", "T-1003", "T-1004", "T-1005"]


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        ({"customer": "miller"}, {"T-1002"}),
        ({"site": "north", "kind": "fault"}, {"T-1001", "T-1003"}),
        ({"severity": "critical"}, {"T-1002"}),
        ({"kind": ["task", "request"]}, {"T-1004", "T-1005"}),
        ({"state": "resolved"}, {"T-1003"}),
        ({"taken_by": "kim"}, {"T-1002"}),
        ({"customer": "nobody"}, set()),
    ],
)
async def test_filters_narrow_the_list(world, params, ids) -> None:
    async with world.client("reader") as client:
        page = (await client.get("/api/v1/tickets", params=params)).json()
    assert {one["id"] for one in page["items"]} == ids


async def test_one_ticket_comes_with_faults_history_and_contacts(world) -> None:
    async with world.client("reader") as client:
        detail = (await client.get("/api/v1/tickets/T-1001")).json()
    assert detail["faults"][0]["place"] == "N-001/1"
    assert detail["faults"][0]["cleared_at"] is None
    assert detail["history"][0] == {
        "at": "2026-01-05T10:00:00Z",
        "what": "opened",
        "who": "foretell",
        "why": "Faulted for 2 min",
        "evidence": [3],
    }


async def test_notices_have_their_full_text_and_the_newest_is_first(world) -> None:
    async with world.client("reader") as client:
        page = (await client.get("/api/v1/notices", params={"ticket": "T-1003"})).json()
    assert [one["reason"] for one in page["items"]] == ["resolved", "opened"]
    assert page["items"][0]["text"] == "Die Ladestation N-002 ist wieder bereit."
    assert {"at", "ticket", "customer", "to", "channel", "language", "reason", "subject",
            "text"} <= set(page["items"][0])  # fmt: skip


async def test_faults_are_the_active_ones_and_can_be_narrowed(world) -> None:
    async with world.client("reader") as client:
        every = (await client.get("/api/v1/faults")).json()["items"]
        north = (await client.get("/api/v1/faults", params={"site": "north"})).json()["items"]
        past = (await client.get("/api/v1/faults", params={"ticket": "T-1003"})).json()["items"]
    assert [one["place"] for one in every] == ["N-001/1", "M-001/1"]
    assert [one["place"] for one in north] == ["N-001/1"]
    assert past[0]["cleared_at"] == "2026-01-05T10:55:00Z"


async def test_stations_are_the_registered_and_the_strangers(world) -> None:
    async with world.client("reader") as client:
        page = (await client.get("/api/v1/stations")).json()
        one = (await client.get("/api/v1/stations/n-001")).json()
        lost = (await client.get("/api/v1/stations", params={"online": False})).json()
    assert [row["id"] for row in page["items"]] == ["M-001", "N-001", "N-002", "X-999"]
    assert one["online"] is True
    assert one["status"] == {"1": "Faulted", "2": "Charging"}
    assert one["station_status"] == "Available"
    assert one["firmware"] == "6.4.0"
    assert one["faults"] == ["connector-faulted@N-001/1"]
    assert page["items"][2]["online"] is None
    assert [row["id"] for row in lost["items"]] == ["M-001"]


async def test_stations_page_by_page(world) -> None:
    async with world.client("reader") as client:
        first = (await client.get("/api/v1/stations", params={"limit": 3})).json()
        rest = (
            await client.get("/api/v1/stations", params={"limit": 3, "cursor": first["next"]})
        ).json()
    assert [row["id"] for row in rest["items"]] == ["X-999"]
    assert rest["next"] is None


async def test_frames_are_raw_for_admins_and_masked_for_others(world) -> None:
    path = "/api/v1/stations/N-001/frames"
    async with world.client("boss") as boss, world.client("reader") as reader:
        raw = (await boss.get(path)).json()["items"]
        masked = (await reader.get(path)).json()["items"]
    assert [one["position"] for one in raw] == [1, 2, 3, 4]
    assert [one["direction"] for one in raw] == ["received", "sent", "received", "sent"]
    assert "04A2B3C4D5" in raw[0]["frame"]
    assert "04A2B3C4D5" not in str(masked)
    assert masked[2] == raw[2]


async def test_frames_since_a_moment_come_in_parts_without_gap_or_repeat(world) -> None:
    path, seen, cursor = "/api/v1/stations/N-001/frames", [], None
    async with world.client("boss") as boss:
        while True:
            params = {"limit": 1, "since": "2026-01-05T00:00:00Z"}
            params |= {"cursor": cursor} if cursor else {}
            page = (await boss.get(path, params=params)).json()
            seen += [one["position"] for one in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
    assert seen == [1, 2, 3, 4]


async def test_sites_and_customers_are_those_of_the_registry(world) -> None:
    async with world.client("reader") as client:
        sites = (await client.get("/api/v1/sites", params={"customer": "acme"})).json()
        customers = (await client.get("/api/v1/customers")).json()
    assert [one["id"] for one in sites["items"]] == ["north"]
    assert sites["items"][0]["stations"] == ["N-001", "N-002"]
    assert [one["id"] for one in customers["items"]] == ["acme", "miller"]
    assert "projects@acme.example" not in str(customers)


async def test_taking_a_ticket_goes_through_core_and_answers_the_ticket(world) -> None:
    async with world.client("writer") as client:
        answer = await client.post(
            "/api/v1/tickets/T-1001/take", headers={"Idempotency-Key": "k1"}
        )
    assert answer.status_code == 200
    assert answer.json()["taken_by"] == "writer"
    assert answer.json()["state"] == "open"
    take = TakeTicket(ticket="T-1001", who="writer", key="person:writer:k1")
    assert ActOnTicket(take) in world.core.asked


async def test_a_note_reaches_core_with_its_writer(world) -> None:
    async with world.client("writer") as client:
        await client.post("/api/v1/tickets/T-1001/notes", json={"text": " seen on site "})
    [note] = [one.action for one in world.core.asked if isinstance(one, ActOnTicket)]
    assert isinstance(note, AddNote)
    assert (note.who, note.text) == ("writer", "seen on site")


async def test_closing_over_an_active_fault_is_a_conflict_with_the_reason(world) -> None:
    async with world.client("writer") as client:
        answer = await client.post("/api/v1/tickets/T-1001/close", json={"why": "x"})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "a fault is active"


async def test_a_contact_is_recorded_and_names_its_ticket(world) -> None:
    body = {"customer": "acme", "channel": "phone", "station": "N-001", "text": "dead"}
    async with world.client("writer") as client:
        answer = await client.post("/api/v1/contacts", json=body)
    assert (answer.status_code, answer.json()) == (201, {"ticket": "T-1001"})
    assert RecordContact(**body) in world.core.asked


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"customer": "who", "channel": "phone"}, "customer: “who” is not registered"),
        ({"customer": "acme", "channel": "phone", "site": "x"}, "site: “x” is not registered"),
        ({"customer": "acme", "channel": "phone", "station": "x"}, "station: “x”"),
        ({"customer": "acme"}, "body.channel: Field required"),
        ({"customer": "acme", "channel": "phone", "txt": "?"}, "body.txt: Extra inputs"),
    ],
)
async def test_a_contact_with_a_mistake_is_refused_with_its_place(world, body, said) -> None:
    async with world.client("writer") as client:
        answer = await client.post("/api/v1/contacts", json=body)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
    assert not [one for one in world.core.asked if isinstance(one, RecordContact)]


async def test_contacts_are_listed(world) -> None:
    async with world.client("reader") as client:
        [call] = (await client.get("/api/v1/contacts")).json()["items"]
    assert call["ticket"] == "T-1002"
    assert call["text"] == "it smells"


async def test_maintenance_needs_one_place_and_a_moment_to_come(world) -> None:
    until = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
    async with world.client("writer") as client:

        async def post(**body: str) -> int:
            return (await client.post("/api/v1/maintenance", json=body)).status_code

        assert await post(site="north", until=until.isoformat()) == 201
        assert await post(until=until.isoformat()) == 422
        assert await post(site="north", station="N-001", until=until.isoformat()) == 422
        assert await post(site="north", until="2026-01-05T15:00:00") == 422
        assert await post(site="north", until=(until - timedelta(days=1)).isoformat()) == 422
        assert await post(site="moon", until=until.isoformat()) == 422
    planned = [one for one in world.core.asked if isinstance(one, PlanMaintenance)]
    assert planned == [PlanMaintenance(site="north", until=until)]


async def test_a_command_goes_to_the_station_and_its_answer_comes_back(world) -> None:
    body = {"action": "Reset", "payload": {"type": "Soft"}, "timeout_s": 5}
    async with world.client("commander") as client:
        answer = await client.post("/api/v1/stations/n-001/commands", json=body)
    assert answer.json() == {"outcome": "answered", "payload": {"status": "Accepted"}}
    [sent] = [one for one in world.core.asked if isinstance(one, SendCommand)]
    assert (sent.station, sent.action, sent.payload) == ("N-001", "Reset", '{"type":"Soft"}')
    assert sent.who == "commander"


async def test_an_answer_that_is_no_json_is_shown_as_the_text_it_was(world) -> None:
    world.core.answers[SendCommand] = CommandDone("error", "not json")
    async with world.client("commander") as client:
        answer = await client.post("/api/v1/stations/N-001/commands", json={"action": "Reset"})
    assert answer.json() == {"outcome": "error", "payload": "not json"}


async def test_a_refusal_of_core_for_a_missing_thing_is_404(world) -> None:
    world.core.answers[SendCommand] = Refusal("there is no such station", is_missing=True)
    async with world.client("commander") as client:
        answer = await client.post("/api/v1/stations/Z/commands", json={"action": "Reset"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such station")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/tickets/T-9", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("DELETE", "/api/v1/tickets", 405),
        ("GET", "/api/v1/tickets?limit=0", 422),
        ("GET", "/api/v1/tickets?state=dancing", 422),
        ("GET", "/api/v1/tickets?cursor=abc", 400),
        ("GET", "/api/v1/notices?cursor=%00", 400),
        ("GET", "/api/v1/stations/N-001/frames?cursor=x", 400),
        ("GET", "/api/v1/stations/nobody/frames", 404),
        ("GET", "/api/v1/stations/Z-9", 404),
        ("POST", "/api/v1/contacts", 422),
    ],
)
async def test_every_error_is_a_problem_document(world, method, path, status) -> None:
    async with world.client("boss") as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["title"]


async def test_a_fault_of_ours_says_nothing_of_the_inside(world, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret inside")

    monkeypatch.setattr(type(world.app.state.web.reading), "ticket", broken)
    async with world.client("reader") as client:
        answer = await client.get("/api/v1/tickets/T-1001")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "content-security-policy" in answer.headers
    assert "secret" not in answer.text


async def test_without_core_the_stores_are_read_and_the_rest_says_why_not(lonely) -> None:
    async with lonely.client("boss") as client:
        assert (await client.get("/api/v1/tickets")).status_code == 200
        stations = await client.get("/api/v1/stations")
        taken = await client.post("/api/v1/tickets/T-1001/take")
    for answer in (stations, taken):
        assert answer.status_code == 503
        assert "core is not there" in answer.json()["detail"]
        assert answer.headers["retry-after"]


async def test_a_body_that_is_too_large_is_not_read(world) -> None:
    async with world.client("writer") as client:
        answer = await client.post("/api/v1/contacts", content=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_schema_is_true_for_what_comes_back(world) -> None:
    import jsonschema

    paths = [
        ("/api/v1/tickets", "/api/v1/tickets"),
        ("/api/v1/tickets/T-1001", "/api/v1/tickets/{ticket_id}"),
        ("/api/v1/faults", "/api/v1/faults"),
        ("/api/v1/stations", "/api/v1/stations"),
        ("/api/v1/stations/N-001", "/api/v1/stations/{station_id}"),
        ("/api/v1/stations/N-001/frames", "/api/v1/stations/{station_id}/frames"),
        ("/api/v1/notices", "/api/v1/notices"),
        ("/api/v1/contacts", "/api/v1/contacts"),
        ("/api/v1/sites", "/api/v1/sites"),
        ("/api/v1/customers", "/api/v1/customers"),
    ]
    async with world.client("boss") as client:
        schema = (await client.get("/openapi.json")).json()
        for path, pattern in paths:
            answer = await client.get(path)
            described = schema["paths"][pattern]["get"]["responses"]["200"]
            shape = described["content"]["application/json"]["schema"]
            whole = {**shape, "components": schema["components"]}
            assert answer.json().get("items", True), path
            jsonschema.validate(answer.json(), whole)
        missing = await client.get("/api/v1/tickets/T-9")
    problem = schema["paths"]["/api/v1/tickets/{ticket_id}"]["get"]["responses"]["404"]
    shape = problem["content"]["application/problem+json"]["schema"]
    jsonschema.validate(missing.json(), {**shape, "components": schema["components"]})
    assert "HTTPValidationError" not in str(schema)
