"""`foretell replay`: logs through the real core in virtual time. No store, nothing sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from app.cli_common import say_table
from app.fleet_file import read_fleet
from app.log_lines import LogLine, LogReader, Skipped, UnusableLineError, read_logs
from app.pipeline import Outcome, Pipeline
from app.rule_files import load_rules
from app.site_view import BelievedSites
from app.views import fault_view, notice_view, station_view, ticket_view
from domain.events import AnyEvent, ContactMade, MessageFlagged, Unreadable
from domain.faults import Decision, Fault
from domain.places import CustomerId, TicketId
from domain.registry import Registry
from domain.tickets import Notice, Ticket
from rules.catalogue import Catalogue
from rules.dictionary import Dictionary
from rules.engine import Engine
from ticketing.commands import SendNotice
from ticketing.desk import Desk
from ticketing.settings import DeskSettings
from ticketing.told import told_first_rate


class Replay:
    """The core in virtual time, and everything it would have opened and sent."""

    def __init__(
        self,
        registry: Registry,
        catalogue: Catalogue,
        dictionary: Dictionary,
        settings: DeskSettings | None = None,
    ) -> None:
        self._engine = Engine(registry, catalogue, dictionary)
        desk = Desk(
            registry,
            settings or DeskSettings(is_rehearsal=True),
            status_page=_status_page,
            view=BelievedSites(registry, self._engine),
        )
        self._pipeline = Pipeline(self._engine, desk)
        self._reader = LogReader(registry)
        self._position = 0
        self._tickets: dict[TicketId, Ticket] = {}
        self._notices: list[Notice] = []
        self._faults: dict[tuple[str, int], Fault] = {}
        self._contacts: list[ContactMade] = []
        self.skipped: list[Skipped] = []
        self.unreadable = 0
        self.nonconforming = 0

    def take(self, lines: Sequence[LogLine]) -> None:
        """Take lines of one moment, after everything that was due before it."""
        events: list[AnyEvent] = []
        for line in lines:
            self._position += 1
            try:
                events += self._reader.read(line, self._position)
            except UnusableLineError as error:
                self.skipped.append(Skipped(line.number, str(error), line.file))
        for event in events:
            if isinstance(event, Unreadable):
                self.unreadable += 1
            elif isinstance(event, MessageFlagged):
                self.nonconforming += 1
            elif isinstance(event, ContactMade):
                self._contacts.append(event)
        self._keep(self._pipeline.feed(lines[0].at, events))

    def pass_time(self, until: datetime) -> None:
        """Let time pass after the last line."""
        self._keep(self._pipeline.feed(until))

    def report(self, line_count: int) -> dict[str, Any]:
        """Return what the contract's `--json` prints."""
        tickets = sorted(self._tickets.values(), key=lambda t: (t.opened_at, t.id))
        notices = sorted(self._notices, key=lambda n: (n.at, n.ticket, n.to, n.key))
        faults = sorted(
            self._faults.values(), key=lambda f: (f.raised_at, str(f.place), f.rule)
        )
        active = self._engine.active_faults()
        beliefs = sorted(self._engine.fleet.stations.values(), key=lambda b: b.station)
        stations = [station_view(belief, active) for belief in beliefs]
        if not self._engine.fleet.is_up:  # until we are up again nothing is known
            for station in stations:
                station["online"] = None
        return {
            "tickets": [ticket_view(ticket) for ticket in tickets],
            "notices": [notice_view(notice) for notice in notices],
            "faults": [fault_view(fault) for fault in faults],
            "stations": stations,
            "told_first_rate": told_first_rate(tickets, self._contacts),
            "unreadable": self.unreadable,
            "nonconforming": self.nonconforming,
            "lines": line_count,
            "skipped": [_skipped_view(line) for line in self.skipped],
        }

    def _keep(self, outcome: Outcome) -> None:
        for command in outcome.commands:
            if isinstance(command, SendNotice):
                self._notices.append(command.notice)
            else:
                self._tickets[command.ticket.id] = command.ticket
        for decision in outcome.decisions:
            if isinstance(decision, Decision):
                fault = decision.fault
                self._faults[(fault.fingerprint, fault.episode)] = fault


def run_logs(
    files: list[Path],
    registry: Registry,
    catalogue: Catalogue,
    dictionary: Dictionary,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Replay log files and return the report. Raises OSError for one that cannot be opened."""
    lines, skipped, count = read_logs(files)
    replay = Replay(registry, catalogue, dictionary)
    replay.skipped += skipped
    for _, together in groupby(lines, key=lambda line: line.at):
        replay.take(list(together))
    if until is not None and (not lines or until > lines[-1].at):
        replay.pass_time(until)
    replay.skipped.sort(key=lambda line: (line.file or "", line.line))
    return replay.report(count)


def main(
    logs: list[Path],
    fleet: Path | None,
    rules: Path | None,
    until: datetime | None,
    as_json: bool,
) -> int:
    """Run the command. Raises OSError, FleetFileError or RuleFilesError."""
    registry = read_fleet(fleet) if fleet is not None else Registry()
    catalogue, dictionary = load_rules(rules)
    report = run_logs(logs, registry, catalogue, dictionary, until)
    if as_json:
        document = msgspec.json.format(msgspec.json.encode(report), indent=1)
        sys.stdout.buffer.write(document + b"\n")
    else:
        _print(report, Console(soft_wrap=True))
    return 0


def _print(report: dict[str, Any], console: Console) -> None:
    say_table(
        ("ticket", "kind", "state", "severity", "opened at", "resolved at", "title"),
        [
            (
                ticket["id"],
                ticket["kind"],
                ticket["state"],
                ticket["severity"],
                ticket["opened_at"],
                ticket["resolved_at"] or "",
                ticket["title"],
            )
            for ticket in report["tickets"]
        ],
    )
    for notice in report["notices"]:
        console.rule(
            Text(f"{notice['at']}  {notice['reason']} to {notice['to']}  {notice['ticket']}")
        )
        console.print(notice["subject"], style="bold", markup=False)
        console.print(notice["text"], markup=False)
    rate = report["told_first_rate"]
    console.rule()
    console.print(
        f"{len(report['tickets'])} tickets, {len(report['notices'])} notices from"
        f" {report['lines']} lines; told first: {'-' if rate is None else f'{rate:.0%}'};"
        f" unreadable {report['unreadable']}, nonconforming {report['nonconforming']},"
        f" skipped {len(report['skipped'])}"
    )
    for line in report["skipped"]:
        where = f"{line['file']}:{line['line']}" if "file" in line else f"line {line['line']}"
        console.print(f"{where}: {line['reason']}", markup=False)


def _status_page(customer: CustomerId | None, ticket: TicketId) -> str:
    """In replay nothing is served: the path alone, without a signature, the same every run."""
    return f"/s/{ticket}"


def _skipped_view(line: Skipped) -> dict[str, Any]:
    view: dict[str, Any] = {"line": line.line, "reason": line.reason}
    if line.file is not None:
        view["file"] = line.file
    return view
