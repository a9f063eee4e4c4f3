from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.cli_client import PAGE, ServiceClient
from app.cli_common import CliError

TICKETS: list[dict[str, Any]] = [
    {
        "id": f"T-{number}",
        "kind": "fault",
        "state": "new",
        "severity": "major",
        "opened_at": "2026-01-05T08:00:00Z",
        "notified": True,
        "title": f"[Faulted] at N-{number:03}",
    }
    for number in range(1_200)
]


class Api(BaseHTTPRequestHandler):
    """As much of the API as the command line asks for, with its pages and problem documents."""

    server: Service

    def do_GET(self) -> None:
        self._note(None)
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if self.headers["Authorization"] != "Bearer good":
            self._answer(401, {"title": "Unauthorized", "detail": "log in first"})
        elif url.path == "/api/v1/tickets":
            start, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
            end = start + limit
            after = str(end) if end < len(TICKETS) else None
            self._answer(200, {"items": TICKETS[start:end], "next": after})
        else:
            self._answer(200, {"items": [], "next": None})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._note(body)
        if "gone" in self.path:
            self._answer(200, {"outcome": "gone", "payload": {}})
        else:
            self._answer(200, {"outcome": "answered", "payload": {"status": "Accepted"}})

    def _note(self, body: object) -> None:
        self.server.requests.append((self.path, body))

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Service(ThreadingHTTPServer):
    """A stand-in for the running service, on a port of its own."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Api)
        self.requests: list[tuple[str, object]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with this machine's token in it."""
    monkeypatch.delenv("FORETELL_TOKEN", raising=False)
    monkeypatch.delenv("FORETELL_URL", raising=False)
    (tmp_path / "cli-token").write_text("good\n")
    return tmp_path


def test_a_list_as_json_is_one_document_over_all_pages(run_cli, service, data) -> None:
    result = run_cli(
        "tickets", "--json", "--limit", 2_000, "--url", service.url, "--data", data
    )
    assert (result.status, result.err) == (0, "")
    assert json.loads(result.out) == {"items": TICKETS, "next": None}
    assert len(service.requests) == 3


def test_a_list_for_people_is_a_table_and_says_what_it_leaves_out(
    run_cli, service, data
) -> None:
    result = run_cli("tickets", "--limit", 2, "--url", service.url, "--data", data)
    assert result.status == 0
    assert [line.split()[0] for line in result.out.splitlines()] == ["id", "T-0", "T-1"]
    assert "[Faulted] at N-001" in result.out
    assert result.err == "only the first 2: there are more (--limit)\n"


@pytest.mark.parametrize("things", ["stations", "faults", "notices"])
def test_each_list_asks_for_its_own_things(run_cli, service, data, things: str) -> None:
    result = run_cli(things, "--json", "--url", service.url, "--data", data)
    assert json.loads(result.out) == {"items": [], "next": None}
    assert service.requests[0][0].startswith(f"/api/v1/{things}?limit={PAGE}")


def test_the_address_comes_from_the_settings_where_none_is_given(
    run_cli, service, data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORETELL_HTTP__PORT", service.url.rsplit(":", 1)[1])
    assert run_cli("tickets", "--json", "--data", data).status == 0


def test_a_refusal_is_told_in_the_services_own_words(run_cli, service, tmp_path) -> None:
    result = run_cli("tickets", "--url", service.url, "--data", tmp_path)
    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("the service refused (401): log in first (no token: set")


def test_the_token_of_the_environment_comes_first(
    run_cli, service, data, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORETELL_TOKEN", "bad")
    result = run_cli("tickets", "--url", service.url, "--data", data)
    assert (result.status, result.err) == (2, "the service refused (401): log in first\n")


def test_a_service_that_is_not_there_is_said_so_with_what_to_do(run_cli, data) -> None:
    gone = Service()
    url = gone.url
    gone.server_close()
    result = run_cli("tickets", "--url", url, "--data", data)
    assert result.status == 2
    assert result.err.startswith(f"no service answers at {url} (Connection refused): start it")
    assert run_cli("tickets", "--url", "ftp://x", "--data", data).status == 2


def test_a_command_goes_out_and_its_answer_is_printed(run_cli, service, data) -> None:
    result = run_cli(
        "send", "N 1", "Reset", '{"type": "Soft"}', "--timeout", 5,
        "--url", service.url, "--data", data,
    )  # fmt: skip
    assert result.status == 0
    assert json.loads(result.out) == {"outcome": "answered", "payload": {"status": "Accepted"}}
    assert service.requests == [
        (
            "/api/v1/stations/N%201/commands",
            {"action": "Reset", "payload": {"type": "Soft"}, "timeout_s": 5.0},
        )
    ]


def test_a_command_that_was_not_answered_is_no_success(run_cli, service, data) -> None:
    result = run_cli("send", "gone", "Reset", "--url", service.url, "--data", data)
    assert result.status == 2
    assert json.loads(result.out)["outcome"] == "gone"
    assert result.err == "gone is not connected: the command did not reach it\n"


def test_the_service_that_runs_on_a_data_directory_is_found_by_the_address_it_left(
    run_cli, service, data
) -> None:
    (data / "address").write_text(f"{service.url}\n")
    assert run_cli("faults", "--data", data, "--json").status == 0
    assert service.requests == [("/api/v1/faults?limit=500", None)]


@pytest.mark.parametrize("payload", ["{", "[1]", "3", "[" * 50_000])
def test_a_payload_that_is_no_json_object_is_refused_before_it_is_sent(
    run_cli, service, data, payload: str
) -> None:
    result = run_cli("send", "N1", "Reset", payload, "--url", service.url, "--data", data)
    assert result.status == 2
    assert "expected the payload as" in result.err
    assert service.requests == []


def test_something_else_on_that_port_is_no_traceback() -> None:
    class Web(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"not http at all\n")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with pytest.raises(CliError, match="no service answers"):
            ServiceClient(f"http://127.0.0.1:{server.server_address[1]}", "").list(
                "tickets", limit=1
            )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
