"""The command line on rules and words of a running service."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app import cli

RULES: dict[str, Any] = {"version": "abc", "rules": [{"name": "silent"}], "mistakes": []}


class Api(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self._answer(200, b"# words\n- word: E17\n", "application/yaml")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.asked.append((self.path, json.loads(body) if body else None))
        status, document = self.server.answer
        self._answer(status, json.dumps(document).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Service(ThreadingHTTPServer):
    asked: list[tuple[str, Any]]
    answer: tuple[int, dict[str, Any]]


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service(("127.0.0.1", 0), Api)
    server.asked, server.answer = [], (200, RULES)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run(service: Service, *arguments: str) -> int:
    url = f"http://127.0.0.1:{service.server_port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["foretell", *arguments, "--url", url])
        patch.setenv("FORETELL_TOKEN", "good")
        try:
            cli.main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def test_a_reload_says_what_is_in_force(service, capsys):
    assert run(service, "rules", "reload") == 0
    assert capsys.readouterr().out == "1 rules in force, version abc\n"
    assert run(service, "rules", "reload", "--json") == 0
    assert json.loads(capsys.readouterr().out) == RULES
    assert service.asked[0][0] == "/api/v1/rules/reload"


def test_a_reload_that_was_refused_lists_each_mistake_and_ends_with_1(service, capsys):
    errors = [
        {"where": "rules", "why": "a.yaml:3: no"},
        {"where": "rules", "why": "b.yaml:1: x"},
    ]
    service.answer = (422, {"detail": "not loaded", "errors": errors})
    assert run(service, "rules", "reload") == 1
    assert capsys.readouterr().out.splitlines() == [
        "a.yaml:3: no",
        "b.yaml:1: x",
        "2 mistakes: the service keeps the rules it has",
    ]
    assert run(service, "rules", "reload", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"mistakes": ["a.yaml:3: no", "b.yaml:1: x"]}


def test_another_refusal_is_no_mistake_of_the_files(service, capsys):
    service.answer = (403, {"detail": "this needs the scope admin"})
    assert run(service, "rules", "reload") == 2
    assert "this needs the scope admin" in capsys.readouterr().err


def test_classifying_sends_what_was_said(service, capsys):
    words = (
        "classify",
        "-",
        "E17",
        "--meaning",
        "CX014",
        "--owner",
        "vehicle",
        "--note",
        "p. 3",
    )
    assert run(service, "dictionary", *words) == 0
    assert capsys.readouterr().out == "E17 means CX014 from now on (version abc)\n"
    [(path, body)] = service.asked
    assert path == "/api/v1/dictionary"
    assert (body["vendor"], body["word"], body["owner"]) == ("", "E17", ["vehicle"])


def test_a_word_that_waits_for_other_mistakes_is_said_to_wait(service, capsys):
    service.answer = (200, {**RULES, "mistakes": ["a.yaml:3: no"]})
    assert run(service, "dictionary", "classify", "acme", "E17", "--meaning", "CX014") == 0
    assert "kept; it counts once the mistakes above are mended" in capsys.readouterr().out


def test_the_words_are_exported_as_they_are(service, capsys):
    assert run(service, "dictionary", "export") == 0
    assert capsys.readouterr().out == "# words\n- word: E17\n"
