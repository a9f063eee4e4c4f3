"""What every journal promises, asked of the one on disk and the one in memory alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.journal import Entry, EntryKind, Journal
from domain.places import StationId
from gateway.journal import DayFileJournal, MemoryJournal

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
RECEIVED, SENT, FACT = EntryKind.RECEIVED, EntryKind.SENT, EntryKind.FACT

NewJournal = Callable[[], Journal]


@pytest.fixture(params=["disk", "memory"])
def new_journal(request: pytest.FixtureRequest, tmp_path: Path) -> NewJournal:
    count = iter(range(1_000_000))

    def new() -> Journal:
        if request.param == "memory":
            return MemoryJournal()
        return DayFileJournal(tmp_path / f"journal-{next(count)}")

    return new


def entry(
    position: int,
    at: datetime = NOON,
    kind: EntryKind = RECEIVED,
    station: str | None = "N-001",
    body: bytes = b"[2]",
) -> Entry:
    return Entry(position, at, kind, None if station is None else StationId(station), body)


def test_an_empty_journal_ends_at_zero_and_holds_nothing(new_journal: NewJournal) -> None:
    journal = new_journal()

    assert journal.last_position == 0
    assert list(journal.read()) == []
    assert journal.frames(StationId("N-001")) == []


def test_what_was_appended_is_read_back_equal_and_in_order(new_journal: NewJournal) -> None:
    journal = new_journal()
    entries = [
        entry(1, NOON, RECEIVED, "DE*BMW*E1", b"\x00\xff not json"),
        entry(2, NOON + timedelta(microseconds=1), SENT, "DE*BMW*E1", b""),
        entry(3, NOON + timedelta(seconds=1), FACT, None, b'{"type":"ServiceStarted"}'),
        entry(4, NOON + timedelta(hours=1), FACT, "N-002"),
    ]

    journal.append(entries[:3])
    journal.append(entries[3:])

    assert list(journal.read()) == entries
    assert list(journal.read(after=2)) == entries[2:]
    assert list(journal.read(after=4)) == []
    assert journal.last_position == 4


def test_a_batch_over_midnight_keeps_its_order(new_journal: NewJournal) -> None:
    journal = new_journal()
    midnight = datetime(2026, 1, 6, tzinfo=UTC)
    entries = [entry(n, midnight + timedelta(seconds=n - 3)) for n in range(1, 7)]

    journal.append(entries)

    assert list(journal.read()) == entries
    assert journal.frames(StationId("N-001"), since=midnight) == entries[2:]
    assert journal.frames(StationId("N-001"), limit=5) == entries[1:]


def test_a_clock_set_back_by_days_disturbs_nothing(new_journal: NewJournal) -> None:
    journal = new_journal()
    entries = [entry(1, NOON), entry(2, NOON - timedelta(days=2)), entry(3, NOON)]

    for one in entries:
        journal.append([one])

    assert list(journal.read()) == entries
    assert journal.frames(StationId("N-001")) == entries


def test_frames_are_one_stations_raw_frames_and_never_facts(new_journal: NewJournal) -> None:
    journal = new_journal()
    journal.append(
        [
            entry(1, kind=RECEIVED),
            entry(2, kind=SENT),
            entry(3, kind=FACT),
            entry(4, station="N-002"),
            entry(5, station=None, kind=FACT),
        ]
    )

    assert [e.position for e in journal.frames(StationId("N-001"))] == [1, 2]
    assert journal.frames(StationId("N-003")) == []
    assert journal.frames(StationId("N-001"), limit=0) == []


def test_frames_are_the_newest_or_with_since_the_oldest_from_there(
    new_journal: NewJournal,
) -> None:
    journal = new_journal()
    entries = [entry(n, NOON + timedelta(hours=n)) for n in range(1, 101)]  # over five days
    for one in entries:
        journal.append([one])

    station = StationId("N-001")
    assert journal.frames(station, limit=30) == entries[70:]
    assert journal.frames(station, since=entries[20].at, limit=30) == entries[20:50]
    assert journal.frames(station, since=entries[90].at, limit=30) == entries[90:]
    assert journal.frames(station, since=entries[-1].at + timedelta(days=9)) == []


def test_a_position_that_does_not_grow_is_our_mistake_and_stores_nothing(
    new_journal: NewJournal,
) -> None:
    journal = new_journal()
    journal.append([entry(1), entry(2)])

    for wrong in ([entry(2)], [entry(3), entry(3)], [entry(4), entry(3)]):
        with pytest.raises(AssertionError):
            journal.append(wrong)

    assert [e.position for e in journal.read()] == [1, 2]
    assert journal.last_position == 2


def test_an_empty_batch_is_no_work(new_journal: NewJournal) -> None:
    journal = new_journal()

    journal.append([])

    assert journal.last_position == 0


def test_reading_goes_on_into_what_is_appended_meanwhile(new_journal: NewJournal) -> None:
    journal = new_journal()
    journal.append([entry(1)])

    reading = journal.read()
    assert next(reading) == entry(1)
    journal.append([entry(2, NOON + timedelta(days=1))])

    assert list(reading) == [entry(2, NOON + timedelta(days=1))]


batches = st.lists(
    st.lists(
        st.tuples(
            st.integers(1, 3),  # how far the position grows
            st.integers(0, 20 * 3600),  # how far time goes on, seconds
            st.sampled_from(EntryKind),
            st.sampled_from(["A", "B", "C", None]),
        ),
        min_size=1,
        max_size=8,
    ),
    max_size=6,
)


@given(batches=batches, limit=st.integers(0, 12), since_h=st.none() | st.integers(-10, 400))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_journal_agrees_with_a_plain_list(
    new_journal: NewJournal,
    batches: list[list[tuple[int, int, EntryKind, str | None]]],
    limit: int,
    since_h: int | None,
) -> None:
    journal = new_journal()
    everything: list[Entry] = []
    position, at = 0, NOON
    for batch in batches:
        entries = []
        for grows, later_s, kind, station in batch:
            position, at = position + grows, at + timedelta(seconds=later_s)
            entries.append(entry(position, at, kind, station, str(position).encode()))
        journal.append(entries)
        everything += entries

    since = None if since_h is None else NOON + timedelta(hours=since_h)
    frames = [e for e in everything if e.station == "A" and e.kind is not FACT]
    if since is None:
        expected = frames[-limit:] if limit else []
    else:
        expected = [e for e in frames if e.at >= since][:limit]
    assert list(journal.read()) == everything
    assert journal.frames(StationId("A"), since=since, limit=limit) == expected
