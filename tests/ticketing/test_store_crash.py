"""A crash at any moment, then the same decisions again: as if nothing had happened."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.faults import Severity
from domain.places import CustomerId, Place, StationId, TicketId
from domain.tickets import Notice, NoticeReason, Ticket, TicketKind, TicketState
from ticketing.commands import Command, OpenTicket, SendNotice, UpdateTicket
from ticketing.store import StoredContact, TicketStore

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Turn:
    """What one turn of core commits: a change of one ticket, perhaps a notice or a contact."""

    ticket: int
    has_notice: bool
    has_contact: bool


turns_of_a_day = st.lists(
    st.builds(
        Turn, ticket=st.integers(1, 3), has_notice=st.booleans(), has_contact=st.booleans()
    ),
    min_size=1,
    max_size=8,
)


def commit(store: TicketStore, number: int, turns: list[Turn]) -> None:
    """Commit turn `number` as the desk would word it, knowing all turns before."""
    turn = turns[number]
    revision = sum(before.ticket == turn.ticket for before in turns[: number + 1])
    at = NOON + timedelta(minutes=number)
    ticket = Ticket(
        id=TicketId(f"T-{turn.ticket}"),
        kind=TicketKind.FAULT,
        state=TicketState.NEW,
        severity=Severity.MAJOR,
        title=f"revision {revision}",
        opened_at=NOON,
        place=Place.of_station(StationId("N-001")),
        revision=revision,
    )
    key = f"{ticket.id}#{revision}"
    commands: list[Command] = [
        OpenTicket(ticket, key) if revision == 1 else UpdateTicket(ticket, key)
    ]
    if turn.has_notice:
        commands.append(SendNotice(notice(ticket, f"notice-{number}", at)))
    contacts = [
        StoredContact(
            key=f"contact:{number}", at=at, customer=CustomerId("acme"), channel="phone"
        )
    ]
    store.commit(
        commands,
        applied_keys=[f"decision-{number}"],
        position=number + 1,
        at=at,
        watermark=at,
        contacts=contacts if turn.has_contact else (),
    )


def notice(ticket: Ticket, key: str, at: datetime) -> Notice:
    return Notice(
        key=key,
        at=at,
        ticket=ticket.id,
        customer=CustomerId("acme"),
        to="desk@acme.example",
        channel="email",
        language="en",
        reason=NoticeReason.OPENED,
        subject="s",
        text="t",
    )


def content_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything in the store but the moments of storing."""
    file = sqlite3.connect(path)
    queries = {
        "tickets": "SELECT id, document, state FROM tickets ORDER BY id",
        "notices": "SELECT key, document, state, attempts, remote_id FROM notices ORDER BY key",
        "contacts": "SELECT * FROM contacts ORDER BY key",
        "applied": "SELECT key, position FROM applied ORDER BY key",
        "audit": "SELECT what, ticket, key, position FROM audit ORDER BY number",
        "meta": "SELECT * FROM meta ORDER BY name",
    }
    try:
        return {name: file.execute(query).fetchall() for name, query in queries.items()}
    finally:
        file.close()


@given(turns=turns_of_a_day, data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_crash_anywhere_followed_by_replay_equals_no_crash(
    turns: list[Turn], data: st.DataObject
) -> None:
    done = data.draw(st.integers(0, len(turns)), label="turns committed before the crash")
    replayed_from = data.draw(st.integers(0, done), label="turn the snapshot goes back to")
    with TemporaryDirectory() as folder:
        smooth, crashed = Path(folder) / "smooth.db", Path(folder) / "crashed.db"
        store = TicketStore(smooth)
        for number in range(len(turns)):
            commit(store, number, turns)
        store.close()

        store = TicketStore(crashed)
        for number in range(done):
            commit(store, number, turns)
        store.close()
        store = TicketStore(crashed)
        for number in range(replayed_from, len(turns)):
            commit(store, number, turns)
        store.close()

        assert content_of(crashed) == content_of(smooth)


WRITER = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from test_store_crash import Turn, commit
from ticketing.store import TicketStore

store = TicketStore(Path(sys.argv[1]))
turns = []
while True:
    turns.append(Turn(ticket=len(turns) % 50 + 1, has_notice=True, has_contact=True))
    commit(store, len(turns) - 1, turns)
    print(len(turns), flush=True)
"""


@pytest.mark.e2e
def test_a_killed_writer_leaves_whole_commits_and_all_that_returned(tmp_path: Path) -> None:
    path = tmp_path / "tickets.db"
    script = WRITER.format(tests=str(Path(__file__).parent))
    root = Path(__file__).parents[2]
    for _ in range(3):
        path.unlink(missing_ok=True)
        writer = subprocess.Popen(
            [sys.executable, "-c", script, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        assert writer.stdout is not None
        returned = 0
        kill_at = time.monotonic() + 0.7
        for line in writer.stdout:
            returned = int(line)
            if time.monotonic() > kill_at:
                writer.send_signal(signal.SIGKILL)
                break
        returned = max([returned, *(int(line) for line in writer.stdout if line.strip())])
        writer.stdout.close()
        assert writer.wait() == -signal.SIGKILL

        store = TicketStore(path)
        stored = store.position()
        assert returned <= stored <= returned + 1
        assert store.is_applied([f"decision-{n}" for n in range(stored + 5)]) == {
            f"decision-{n}" for n in range(stored)
        }
        content = content_of(path)
        assert len(content["notices"]) == len(content["contacts"]) == stored
        assert len(content["tickets"]) == min(stored, 50)
        store.close()
        for left in tmp_path.glob("tickets.db*"):
            left.unlink()
