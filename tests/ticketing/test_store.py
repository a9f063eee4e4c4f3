from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from domain.faults import Severity
from domain.places import CustomerId, Place, SiteId, StationId, TicketId
from domain.stores import StoreTooNewError
from domain.tickets import Notice, NoticeReason, Ticket, TicketKind, TicketState
from ticketing.commands import OpenTicket, ResolveTicket, SendNotice, UpdateTicket
from ticketing.store import (
    BadCursorError,
    NoticeState,
    StoredContact,
    StoreUnavailableError,
    TicketFilter,
    TicketOrder,
    TicketReader,
    TicketStore,
)
from ticketing.store_batch import upsert
from ticketing.store_engine import MIGRATIONS, engine_for, migrate, url_of
from ticketing.store_rows import ticket_of
from ticketing.store_schema import metadata

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME, OTHER = CustomerId("acme"), CustomerId("other")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TicketStore]:
    store = TicketStore(tmp_path / "tickets.db")
    yield store
    store.close()


def ticket_numbered(number: int, **changes: object) -> Ticket:
    ticket = Ticket(
        id=TicketId(f"T-{number}"),
        kind=TicketKind.FAULT,
        state=TicketState.NEW,
        severity=Severity.MAJOR,
        title="major CX017 at N-001/1",
        opened_at=NOON,
        place=Place.of_station(StationId("N-001"), 1),
        customer=ACME,
        site=SiteId("north"),
        stations=(StationId("N-001"),),
        key=f"fp-{number}/1/raised",
    )
    return msgspec.structs.replace(ticket, **changes)


def opened(ticket: Ticket) -> OpenTicket:
    return OpenTicket(ticket, ticket.key)


def notice_of(ticket: Ticket, number: int = 1, at: datetime = NOON) -> SendNotice:
    return SendNotice(
        Notice(
            key=f"{ticket.id}/opened/{number}",
            at=at,
            ticket=ticket.id,
            customer=ticket.customer or ACME,
            to=f"desk{number}@acme.example",
            channel="email",
            language="de",
            reason=NoticeReason.OPENED,
            subject="Ladepunkt 1 lädt nicht",
            text="Guten Tag, …",
        )
    )


def contact(key: str, at: datetime = NOON, **changes: Any) -> StoredContact:
    made = StoredContact(key=key, at=at, customer=ACME, channel="phone", text="dead")
    return replace(made, **changes)


def put(store: TicketStore, *tickets: Ticket, position: int = 1) -> None:
    store.commit([opened(t) for t in tickets], position=position, at=NOON)


# --- commit ----------------------------------------------------------------------------------


def test_one_commit_holds_ticket_notice_contact_keys_position_and_watermark(
    store: TicketStore, tmp_path: Path
) -> None:
    ticket = ticket_numbered(1001)
    notice = notice_of(ticket)
    call = contact("contact:41", ticket=ticket.id)

    done = store.commit(
        [opened(ticket), notice],
        applied_keys=["fp/1/raised"],
        position=42,
        at=NOON,
        watermark=NOON - HOUR,
        contacts=[call],
    )

    assert done.tickets == (ticket.id,)
    assert done.notices == (notice.key,)
    assert done.contacts == ("contact:41",)
    assert done.repeated == ()
    store.close()
    again = TicketStore(tmp_path / "tickets.db")
    desk = again.load(now=NOON)
    assert desk.tickets == (ticket,)
    assert (desk.next_number, desk.position, desk.watermark) == (1002, 42, NOON - HOUR)
    assert again.is_applied(["fp/1/raised", ticket.key, "fp/2/raised"]) == {
        "fp/1/raised",
        ticket.key,
    }
    assert [n.notice for n in again.outbox.due(NOON)] == [notice.notice]
    assert again.contacts().items == (call,)
    again.close()


def test_an_empty_store_starts_from_nothing(store: TicketStore) -> None:
    desk = store.load(now=NOON)

    assert (desk.tickets, desk.next_number, desk.position, desk.watermark) == (
        (),
        None,
        0,
        None,
    )
    assert store.is_applied([]) == set()
    assert store.outbox.next_attempt_at() is None
    assert store.told_first_rate(NOON) is None


def test_a_repeated_commit_changes_nothing(store: TicketStore) -> None:
    ticket = ticket_numbered(1001)
    commands = [opened(ticket), notice_of(ticket)]
    call = contact("contact:1")
    store.commit(commands, applied_keys=["k"], position=7, at=NOON, contacts=[call])
    assert store.outbox.mark_sent(commands[1].key, at=NOON)

    done = store.commit(
        commands, applied_keys=["k"], position=7, at=NOON + HOUR, contacts=[call]
    )

    assert (done.tickets, done.notices, done.contacts) == ((), (), ())
    assert set(done.repeated) == {ticket.key, commands[1].key, "contact:1"}
    assert store.outbox.due(NOON + HOUR) == []
    assert store.contacts().items == (call,)


def test_a_repeated_key_never_brings_an_old_ticket_back(store: TicketStore) -> None:
    ticket = ticket_numbered(1001)
    put(store, ticket)
    resolved = ticket_numbered(1001, state=TicketState.RESOLVED, resolved_at=NOON)
    store.commit([ResolveTicket(resolved, "T-1001#2")], position=2, at=NOON)

    put(store, ticket)

    assert store.ticket("T-1001") == resolved


def test_a_key_given_twice_by_mistake_never_loses_a_newer_ticket(store: TicketStore) -> None:
    put(store, ticket_numbered(1001, revision=1))
    newer = ticket_numbered(1001, revision=2, state=TicketState.OPEN)

    done = store.commit([UpdateTicket(newer, newer.key)], position=2, at=NOON)

    assert done.tickets == (newer.id,)
    assert store.ticket("T-1001") == newer


def test_a_key_used_before_by_mistake_never_loses_a_new_ticket(store: TicketStore) -> None:
    first, other = ticket_numbered(1001), ticket_numbered(1002)
    put(store, first)

    done = store.commit([OpenTicket(other, opened(first).key)], position=2, at=NOON)
    again = store.commit([OpenTicket(other, opened(first).key)], position=2, at=NOON)

    assert (done.tickets, again.tickets) == ((other.id,), ())
    assert store.ticket("T-1002") == other


def test_the_last_of_several_commands_about_a_ticket_stands(store: TicketStore) -> None:
    first, last = ticket_numbered(1001), ticket_numbered(1001, state=TicketState.OPEN)

    done = store.commit([OpenTicket(first, "k"), UpdateTicket(last, "k")], position=1, at=NOON)

    assert done.tickets == (first.id,)
    assert store.ticket("T-1001") == last


def test_a_commit_that_fails_stores_nothing_at_all(store: TicketStore) -> None:
    stray = notice_of(ticket_numbered(9999))  # its ticket is not there

    with pytest.raises(StoreUnavailableError):
        store.commit(
            [opened(ticket_numbered(1001)), stray], applied_keys=["k"], position=5, at=NOON
        )

    assert store.tickets().items == ()
    assert store.is_applied(["k"]) == set()
    assert store.position() == 0
    put(store, ticket_numbered(1001))
    assert store.ticket("T-1001") is not None


def test_position_and_watermark_never_go_back(store: TicketStore) -> None:
    store.commit(position=10, at=NOON, watermark=NOON)
    store.commit(position=9, at=NOON, watermark=NOON - HOUR)

    desk = store.load(now=NOON)
    assert (desk.position, desk.watermark) == (10, NOON)


def test_thousands_of_keys_are_looked_up(store: TicketStore) -> None:
    keys = [f"k{n}" for n in range(2500)]
    store.commit(applied_keys=keys, position=1, at=NOON)

    assert store.is_applied([*keys, "other"]) == set(keys)


def test_keys_no_replay_can_repeat_are_forgotten(store: TicketStore) -> None:
    store.commit(applied_keys=["old"], position=1, at=NOON)
    store.commit(applied_keys=["new"], position=2, at=NOON + HOUR)

    assert store.forget_applied(NOON + HOUR) == 1
    assert store.is_applied(["old", "new"]) == {"new"}


def test_every_change_leaves_an_audit_line(store: TicketStore, tmp_path: Path) -> None:
    ticket = ticket_numbered(1001)
    notice = notice_of(ticket)
    store.commit([opened(ticket), notice], position=3, at=NOON)
    store.outbox.mark_retry(notice.key, at=NOON, next_at=NOON + HOUR, reason="greylisted")
    store.outbox.mark_sent(notice.key, at=NOON + HOUR, remote_id="<1@mail>")

    with sqlite3.connect(tmp_path / "tickets.db") as file:
        lines = file.execute("SELECT position, what, ticket, why FROM audit ORDER BY number")
        assert lines.fetchall() == [
            (3, "ticket opened", "T-1001", "new major"),
            (3, "notice queued", "T-1001", "opened"),
            (0, "notice retry", "T-1001", "greylisted"),
            (0, "notice sent", "T-1001", "<1@mail>"),
        ]
    file.close()


# --- load ------------------------------------------------------------------------------------


def test_load_brings_what_is_not_closed_and_what_ended_within_48_hours(
    store: TicketStore,
) -> None:
    ended = {"state": TicketState.CLOSED, "closed_at": NOON}
    put(
        store,
        ticket_numbered(1, opened_at=NOON + HOUR),
        ticket_numbered(2, state=TicketState.RESOLVED, resolved_at=NOON - 90 * HOUR),
        ticket_numbered(3, **ended, resolved_at=NOON - 24 * HOUR),
        ticket_numbered(4, state=TicketState.CLOSED, closed_at=NOON - 49 * HOUR),
        ticket_numbered(5, state=TicketState.WAITING),
    )

    desk = store.load(now=NOON)

    assert [t.id for t in desk.tickets] == ["T-2", "T-3", "T-5", "T-1"]
    assert desk.next_number == 6


def test_a_document_of_an_older_release_reads_with_defaults() -> None:
    document = (
        '{"id":"T-1","kind":"fault","state":"new","severity":"major","title":"t",'
        '"opened_at":"2026-01-05T12:00:00Z","place":{"kind":"station","name":"N"},'
        '"a_field_of_tomorrow":1}'
    )

    assert ticket_of(document).contacts == ()


# --- outbox ----------------------------------------------------------------------------------


def test_the_outbox_gives_what_is_due_longest_first_and_says_when_next(
    store: TicketStore,
) -> None:
    ticket = ticket_numbered(1001)
    late, later = notice_of(ticket, 1, NOON), notice_of(ticket, 2, NOON + HOUR)
    store.commit([opened(ticket), later, late], position=1, at=NOON)

    assert store.outbox.next_attempt_at() == NOON
    assert [q.notice for q in store.outbox.due(NOON)] == [late.notice]
    assert [q.notice.key for q in store.outbox.due(NOON + HOUR)] == [late.key, later.key]
    assert len(store.outbox.due(NOON + HOUR, limit=1)) == 1


def test_a_failed_attempt_comes_back_when_it_said_and_counts(store: TicketStore) -> None:
    ticket = ticket_numbered(1001)
    notice = notice_of(ticket)
    store.commit([opened(ticket), notice], position=1, at=NOON)

    store.outbox.mark_retry(notice.key, at=NOON, next_at=NOON + HOUR, reason="greylisted")

    assert store.outbox.due(NOON) == []
    assert store.outbox.next_attempt_at() == NOON + HOUR
    (queued,) = store.outbox.due(NOON + HOUR)
    assert (queued.attempts, queued.last_reason) == (1, "greylisted")


def test_what_was_sent_or_parked_is_never_due_again(store: TicketStore) -> None:
    ticket = ticket_numbered(1001)
    sent, parked = notice_of(ticket, 1), notice_of(ticket, 2)
    store.commit([opened(ticket), sent, parked], position=1, at=NOON)

    assert store.outbox.mark_sent(sent.key, at=NOON, remote_id="<1@mail>")
    assert store.outbox.park(parked.key, at=NOON, reason="no such mailbox")

    assert store.outbox.due(NOON + HOUR) == []
    assert not store.outbox.mark_retry(sent.key, at=NOON, next_at=NOON, reason="late answer")
    assert not store.outbox.mark_sent("unknown", at=NOON)
    found = store.notice(sent.key)
    assert found is not None
    assert (found.state, found.remote_id, found.sent_at) == (NoticeState.SENT, "<1@mail>", NOON)
    found = store.notice(parked.key)
    assert found is not None
    assert (found.state, found.last_reason) == (NoticeState.PARKED, "no such mailbox")
    assert store.notice_counts() == {
        NoticeState.QUEUED: 0,
        NoticeState.SENT: 1,
        NoticeState.PARKED: 1,
    }


# --- lists -----------------------------------------------------------------------------------


def walk(store: TicketReader, where: TicketFilter, order: TicketOrder, limit: int) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = store.tickets(where, order=order, cursor=cursor, limit=limit)
        found += [t.id for t in page.items]
        assert len(page.items) <= limit
        if page.next is None:
            return found
        cursor = page.next


def test_the_queue_is_sorted_by_the_promise_that_falls_due_next(store: TicketStore) -> None:
    put(
        store,
        ticket_numbered(1),
        ticket_numbered(2, next_update_at=NOON + 2 * HOUR),
        ticket_numbered(3, next_update_at=NOON + HOUR),
        ticket_numbered(4, next_update_at=NOON, state=TicketState.RESOLVED),
        ticket_numbered(5, next_update_at=NOON + HOUR),
    )

    unresolved = TicketFilter(is_unresolved=True)
    assert walk(store, unresolved, TicketOrder.DUE, 2) == ["T-3", "T-5", "T-2", "T-1"]
    assert walk(store, TicketFilter(), TicketOrder.DUE, 1)[-2:] == ["T-1", "T-4"]


def test_lists_by_opening_go_both_ways(store: TicketStore) -> None:
    put(store, *(ticket_numbered(n, opened_at=NOON + n % 3 * HOUR) for n in range(1, 8)))

    oldest = walk(store, TicketFilter(), TicketOrder.OLDEST, 3)
    assert oldest == ["T-3", "T-6", "T-1", "T-4", "T-7", "T-2", "T-5"]
    assert walk(store, TicketFilter(), TicketOrder.NEWEST, 2) == oldest[::-1]


def test_a_list_goes_on_behind_the_last_row_though_others_came_and_went(
    store: TicketStore,
) -> None:
    put(store, *(ticket_numbered(n, opened_at=NOON + n * HOUR) for n in range(1, 7)))
    page = store.tickets(order=TicketOrder.OLDEST, limit=3)

    put(
        store, ticket_numbered(7, opened_at=NOON), ticket_numbered(8, opened_at=NOON + 9 * HOUR)
    )

    after = store.tickets(order=TicketOrder.OLDEST, cursor=page.next, limit=10)
    assert [t.id for t in after.items] == ["T-4", "T-5", "T-6", "T-8"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (TicketFilter(states=(TicketState.NEW, TicketState.OPEN)), ["T-1", "T-2", "T-4"]),
        (TicketFilter(kinds=(TicketKind.TASK,)), ["T-4"]),
        (TicketFilter(severities=(Severity.CRITICAL,)), ["T-2"]),
        (TicketFilter(is_unresolved=False), ["T-3"]),
        (TicketFilter(customer=OTHER), ["T-3"]),
        (TicketFilter(site=SiteId("south")), ["T-2"]),
        (TicketFilter(station=StationId("S-9")), ["T-2", "T-3"]),
        (TicketFilter(taken_by="ada"), ["T-1"]),
        (TicketFilter(customer=ACME, station=StationId("S-9")), ["T-2"]),
        (TicketFilter(customer=CustomerId("nobody")), []),
    ],
)
def test_lists_hold_what_the_filter_says(
    store: TicketStore, where: TicketFilter, expected: list[str]
) -> None:
    nine = (StationId("S-8"), StationId("S-9"))
    put(
        store,
        ticket_numbered(1, state=TicketState.OPEN, taken_by="ada"),
        ticket_numbered(2, severity=Severity.CRITICAL, site=SiteId("south"), stations=nine),
        ticket_numbered(3, state=TicketState.RESOLVED, customer=OTHER, stations=nine),
        ticket_numbered(4, kind=TicketKind.TASK, customer=None),
    )

    assert walk(store, where, TicketOrder.OLDEST, 10) == expected
    assert sum(store.ticket_counts(where).values()) == len(expected)


def test_counts_name_every_state(store: TicketStore) -> None:
    put(store, ticket_numbered(1), ticket_numbered(2), ticket_numbered(3, customer=OTHER))

    counts = store.ticket_counts(TicketFilter(customer=ACME))

    assert counts == {
        TicketState.NEW: 2,
        TicketState.OPEN: 0,
        TicketState.WAITING: 0,
        TicketState.RESOLVED: 0,
        TicketState.CLOSED: 0,
    }


def test_nothing_of_another_customer_is_ever_seen(store: TicketStore) -> None:
    theirs = ticket_numbered(1001, customer=OTHER)
    notice = notice_of(theirs)
    call = contact("contact:1", customer=OTHER)
    store.commit([opened(theirs), notice], position=1, at=NOON, contacts=[call])

    assert store.ticket(theirs.id, customer=ACME) is None
    assert store.ticket(theirs.id, customer=OTHER) == theirs
    assert store.notice(notice.key, customer=ACME) is None
    assert store.notices(customer=ACME).items == ()
    assert store.notices(ticket=theirs.id, customer=ACME).items == ()
    assert store.contacts(customer=ACME).items == ()
    assert store.tickets(TicketFilter(customer=ACME)).items == ()
    assert store.notice_counts(customer=ACME)[NoticeState.QUEUED] == 0
    assert store.told_first_rate(NOON, customer=ACME) is None


@pytest.mark.parametrize("cursor", ["", "x", "éé", "W10=", "WyJub3RpY2VzIiwxLCJhIl0="])
def test_a_cursor_that_is_not_of_this_list_is_refused(store: TicketStore, cursor: str) -> None:
    with pytest.raises(BadCursorError):
        store.tickets(cursor=cursor)


def test_notices_and_contacts_are_lists_in_parts(store: TicketStore) -> None:
    ticket = ticket_numbered(1001)
    sends = [notice_of(ticket, n, NOON + n * HOUR) for n in range(5)]
    calls = [contact(f"contact:{n}", NOON + n * HOUR, ticket=ticket.id) for n in range(5)]
    store.commit([opened(ticket), *sends], position=1, at=NOON, contacts=calls)

    first = store.notices(ticket=ticket.id, limit=3)
    rest = store.notices(ticket=ticket.id, limit=3, cursor=first.next)
    assert [n.notice for n in (*first.items, *rest.items)] == [s.notice for s in sends[::-1]]
    assert rest.next is None
    oldest = store.notices(states=[NoticeState.QUEUED], limit=1, is_newest_first=False)
    assert oldest.items[0].notice == sends[0].notice

    page = store.contacts(ticket=ticket.id, since=NOON + HOUR, limit=2, is_newest_first=False)
    more = store.contacts(
        ticket=ticket.id,
        since=NOON + HOUR,
        limit=9,
        is_newest_first=False,
        cursor=page.next,
    )
    assert (*page.items, *more.items) == tuple(calls[1:])


def test_the_told_first_rate_comes_from_stored_tickets_and_contacts(store: TicketStore) -> None:
    first = ticket_numbered(1, first_notice_at=NOON)
    beaten = ticket_numbered(2, first_notice_at=NOON + HOUR, first_contact_at=NOON)
    silent = ticket_numbered(3)  # neither told nor asked: does not count
    old = ticket_numbered(4, opened_at=NOON - 99 * HOUR, first_contact_at=NOON - 99 * HOUR)
    put(store, first, beaten, silent, old)

    assert store.told_first_rate(NOON) == 0.5
    assert store.told_first_rate(NOON - 100 * HOUR) == pytest.approx(1 / 3)


# --- read-only, versions, engines ------------------------------------------------------------


def test_a_reader_follows_the_writer_and_cannot_write(
    store: TicketStore, tmp_path: Path
) -> None:
    reader = TicketReader(tmp_path / "tickets.db")
    assert reader.tickets().items == ()

    put(store, ticket_numbered(1001))

    assert [t.id for t in reader.tickets().items] == ["T-1001"]
    assert not hasattr(reader, "commit")
    reader.close()


def test_many_threads_read_whole_commits_while_one_writes(
    store: TicketStore, tmp_path: Path
) -> None:
    reader = TicketReader(tmp_path / "tickets.db")
    is_over = threading.Event()

    def read_on() -> int:
        turns = 0
        while not is_over.is_set():
            desk = reader.load(now=NOON)
            assert len(desk.tickets) == desk.position * 2  # two tickets in every commit
            assert len(reader.tickets(limit=1000).items) % 2 == 0
            turns += 1
        return turns

    with ThreadPoolExecutor(4) as threads:
        reading = [threads.submit(read_on) for _ in range(4)]
        for n in range(1, 20):
            put(store, ticket_numbered(2 * n), ticket_numbered(2 * n + 1), position=n)
        is_over.set()
        assert all(future.result() > 0 for future in reading)
    reader.close()


def test_a_reader_of_a_store_that_is_not_there_yet_says_so(tmp_path: Path) -> None:
    reader = TicketReader(tmp_path / "tickets.db")

    with pytest.raises(StoreUnavailableError, match="unable to open"):
        reader.tickets()

    TicketStore(tmp_path / "tickets.db").close()
    assert reader.tickets().items == ()
    reader.close()


def test_a_store_of_a_newer_release_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "tickets.db"
    TicketStore(path).close()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
    file.close()
    before = path.read_bytes()

    with pytest.raises(StoreTooNewError, match="9999"):
        TicketStore(path)

    assert path.read_bytes() == before


def test_a_file_that_is_no_store_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "tickets.db"
    path.write_text("not a database at all" * 100)

    with pytest.raises(StoreUnavailableError, match="not a database"):
        TicketStore(path)


def test_a_migration_keeps_a_copy_of_the_store_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "tickets.db"
    store = TicketStore(path)
    put(store, ticket_numbered(1001))
    store.close()
    steps = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, steps, ignore=shutil.ignore_patterns("__pycache__"))
    (steps / "versions" / "v0002_next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        "revision, down_revision = '0002', '0001'\n"
        "def upgrade():\n    op.add_column('tickets', sa.Column('mood', sa.Text))\n"
    )

    engine = engine_for(url_of(path), is_writer=True)
    migrate(engine, steps)
    migrate(engine, steps)
    engine.dispose()

    assert "mood" in columns_of(path)
    copy = tmp_path / "tickets.db.bak-v0001"
    assert "mood" not in columns_of(copy)
    assert [t.id for t in TicketReader(copy).tickets().items] == ["T-1001"]
    assert sorted(tmp_path.glob("*.bak-*")) == [copy]


def test_a_migration_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "tickets.db"
    TicketStore(path).close()
    steps = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, steps, ignore=shutil.ignore_patterns("__pycache__"))
    (steps / "versions" / "v0002_next.py").write_text(
        "from alembic import op\nrevision, down_revision = '0002', '0001'\n"
        "def upgrade():\n    op.execute('DROP TABLE meta')\n    op.execute('NONSENSE')\n"
    )
    engine = engine_for(url_of(path), is_writer=True)

    with pytest.raises(StoreUnavailableError, match="NONSENSE"):
        migrate(engine, steps)
    engine.dispose()

    TicketStore(path).close()
    assert columns_of(path, "meta") == ["name", "value"]


def columns_of(path: Path, table: str = "tickets") -> list[str]:
    file = sqlite3.connect(path)
    try:
        return [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
    finally:
        file.close()


def test_a_store_below_a_strange_name_is_found_by_readers_too(tmp_path: Path) -> None:
    path = tmp_path / "100% ü?#&" / "tickets.db"
    store = TicketStore(path)
    put(store, ticket_numbered(1001))

    assert store.ticket("T-1001") is not None
    store.close()


def test_migrations_lead_to_the_tables_the_code_uses(
    store: TicketStore, tmp_path: Path
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'tickets.db'}")
    with engine.connect() as connection:
        differences = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": False}), metadata
        )
    engine.dispose()

    assert differences == []


def test_postgresql_can_take_the_same_tables_and_statements() -> None:
    dialect = postgresql.dialect()
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "CREATE INDEX" in str(CreateIndex(index).compile(dialect=dialect))
        insert = upsert(table, dialect="postgresql", replace=False)
        assert "DO NOTHING" in str(insert.compile(dialect=dialect))
    for name in ("tickets", "meta"):
        insert = upsert(metadata.tables[name], dialect="postgresql", replace=True)
        assert "DO UPDATE" in str(insert.compile(dialect=dialect))


def test_the_queue_is_found_by_an_index_whatever_the_number_of_tickets(
    store: TicketStore, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "tickets.db") as file:
        plan = file.execute(
            "EXPLAIN QUERY PLAN SELECT document FROM tickets WHERE is_unresolved = 1"
            " AND (due_order, id) > (5, 'T-1') ORDER BY due_order, id LIMIT 50"
        ).fetchall()
    file.close()

    assert ["tickets_by_due" in step[3] for step in plan] == [True]
