"""Why a ticket is what it is, from the stores of a service that has ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from app import cli
from app.access import AccessStore
from app.core_rules import in_force
from app.explain import Rules, explanation_of, why_untold
from app.explain_stored import stored_explanation
from app.explain_text import explanation_text
from app.rule_files import load_rules
from domain.events import ErrorReport
from domain.faults import ClearedBy, Fault, Severity
from domain.journal import Entry, EntryKind
from domain.places import Place, StationId, TicketId
from domain.tickets import HeldFault, HistoryEntry, Ticket, TicketKind, TicketState
from gateway.journal import DayFileJournal
from ticketing.commands import OpenTicket
from ticketing.store import TicketStore

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
STATION = StationId("N-001")
PLACE = Place.of_station(STATION, 1)
FRAME = (
    '[2,"7","StatusNotification",{"connectorId":1,"status":"Faulted","errorCode":"OtherError"}]'
)
FAULT = Fault(
    fingerprint="connector-faulted@N-001/1~3",
    rule="connector-faulted",
    place=PLACE,
    episode=1,
    severity=Severity.MAJOR,
    codes=("OtherError",),
    seen_at=NOW,
    raised_at=NOW + timedelta(minutes=2),
    cleared_at=NOW + timedelta(minutes=20),
    cleared_by=ClearedBy.REBOOT,
    errors=(ErrorReport(code="OtherError", vendor_id="acme", vendor_code="E17"),),
    why="seen twice",
    advice="Look.",
)
TICKET = Ticket(
    id=TicketId("T-1001"),
    kind=TicketKind.FAULT,
    state=TicketState.RESOLVED,
    severity=Severity.MAJOR,
    title="Faulted",
    opened_at=NOW + timedelta(minutes=2),
    resolved_at=NOW + timedelta(minutes=20),
    place=Place.of_station(STATION),
    faults=(HeldFault(fault=FAULT),),
    history=(
        HistoryEntry(
            at=NOW + timedelta(minutes=2),
            what="fault raised",
            why="connector-faulted@N-001/1: lasted its patience",
            evidence=(2, 9),
            rules_version="abc",
        ),
        HistoryEntry(at=NOW + timedelta(minutes=5), what="note", who="kim", why="on my way"),
    ),
    untold_because="the station belongs to no registered customer",
)
RULES = in_force(load_rules()[0])


@pytest.fixture
def data(tmp_path):
    store = TicketStore(tmp_path / "tickets.db")
    store.commit([OpenTicket(TICKET, "open")], position=1, at=NOW)
    store.close()
    journal = DayFileJournal(tmp_path / "journal")
    journal.append(
        [
            Entry(1, NOW, EntryKind.RECEIVED, STATION, b"[2]", b"[3]"),
            Entry(3, NOW, EntryKind.RECEIVED, STATION, FRAME.encode(), b'[3,"7",{}]'),
        ]
    )
    journal.close()
    AccessStore(tmp_path / "access.db").close()
    return tmp_path


def test_each_step_comes_with_its_frames_even_an_answer_and_one_that_is_gone(data):
    shown = stored_explanation(data, None, "T-1001")
    frames = shown["steps"][0]["frames"]
    assert [(f["position"], f["direction"], f["frame"]) for f in frames] == [
        (2, "sent", "[3]"),
        (9, "", ""),
    ]
    assert stored_explanation(data, None, "T-1") is None


def test_the_text_tells_it_in_order(data):
    text = explanation_text(stored_explanation(data, None, "T-1001"))
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0] == "T-1001  Faulted"
    assert "connector-faulted at N-001/1: major, OtherError" in lines
    assert "patience: counts after 2 minutes, clears after 5 minutes clean" in lines
    assert "the station said: OtherError, acme, E17" in lines
    assert "since 2026-01-05T08:00:00Z, active 2026-01-05T08:02:00Z (2 minutes later)" in lines
    assert "cleared 2026-01-05T08:20:00Z (reboot)" in lines
    assert any(line.endswith("lasted its patience  [rules abc]") for line in lines)
    assert "2026-01-05T08:05:00Z  note by kim: on my way" in lines
    assert "#9  not in the journal any more" in lines
    assert lines[-1] == "none: the station belongs to no registered customer"


def test_rules_with_mistakes_hide_nothing_else(data, tmp_path):
    shown = stored_explanation(data, tmp_path / "nowhere", "T-1001")
    assert shown["faults"][0]["raise_after_s"] is None
    assert "not known: the rule is not in force" in explanation_text(shown)


def test_the_command_reads_the_stores_where_no_service_runs(data, capsys, monkeypatch):
    monkeypatch.delenv("FORETELL_URL", raising=False)
    args = ["--data", str(data)]
    (data / "address").write_text("http://127.0.0.1:9\n")
    assert run("explain", "T-1001", "--json", *args) == 0
    assert json.loads(capsys.readouterr().out)["ticket"] == "T-1001"
    assert run("explain", "T-1001", *args) == 0
    assert "Step by step" in capsys.readouterr().out
    assert run("explain", "T-9", *args) == 2
    assert "there is no ticket T-9" in capsys.readouterr().err
    assert run("explain", "T-1001", "--url", "http://127.0.0.1:9", *args) == 2
    assert "no service answers" in capsys.readouterr().err


def run(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["foretell", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": TicketKind.REQUEST}, "a request is answered"),
        ({"kind": TicketKind.FLEET}, "is for us"),
        ({"severity": Severity.INFO}, "only worth knowing"),
        ({"severity": Severity.MINOR}, "it was over before"),
        ({"severity": Severity.MINOR, "resolved_at": None}, "for four hours"),
        ({}, "no notice was due yet"),
    ],
)
def test_why_nobody_was_told_is_said(changes, words):
    ticket = msgspec.structs.replace(TICKET, **{"untold_because": "", **changes})
    assert words in why_untold(ticket)


def test_who_speaks_for_a_fault_is_named():
    quiet = msgspec.structs.replace(FAULT, cleared_at=None, inhibited_by="site-dark@site:n")
    held = (HeldFault(fault=quiet),)
    ticket = msgspec.structs.replace(TICKET, untold_because="", faults=held)
    assert why_untold(ticket) == "spoken for by site-dark@site:n"
    known = Rules.of(RULES.version, RULES.rules)
    shown = explanation_text(explanation_of(ticket, (), {}, known, is_raw=True))
    assert "spoken for by site-dark@site:n" in shown
