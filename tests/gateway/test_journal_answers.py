"""A call and its answer are two entries, whether they share a row or not."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from domain.journal import Entry, EntryKind
from domain.places import StationId
from gateway.journal import DayFileJournal, JournalReader
from gateway.journal_blocks import BLOCK_ENTRIES
from gateway.journal_days import SCHEMA
from gateway.sqlite_files import migrate, open_writer, version_of

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def exchanges(first: int, count: int, at: datetime = NOON, stations: int = 3) -> list[Entry]:
    """Return `count` calls, each with its answer right behind it."""
    entries: list[Entry] = []
    for number in range(count):
        position = first + 2 * number
        station = StationId(f"S-{number % stations}")
        body = b"[2,%d]" % position
        entries.append(Entry(position, at, EntryKind.RECEIVED, station, body))
        entries.append(Entry(position + 1, at, EntryKind.SENT, station, b"[3,%d]" % position))
    return entries


def together(entries: list[Entry]) -> list[Entry]:
    """Return entries as the recorder hands them in: a call together with its answer.

    A call whose answer is not in the list, or an answer alone, stays as it is.
    """
    whole: list[Entry] = []
    for entry in entries:
        call = whole[-1] if whole else None
        if (
            call is not None
            and call.kind is EntryKind.RECEIVED
            and entry.kind is EntryKind.SENT
            and call.end + 1 == entry.position
        ):
            whole[-1] = structs.replace(call, answer=entry.body)
        else:
            whole.append(entry)
    return whole


def rows_in(path: Path) -> int:
    with sqlite3.connect(path) as file:
        return int(file.execute("SELECT count(*) FROM entries").fetchone()[0])


def test_a_call_and_its_answer_take_one_row_and_come_back_as_two_entries(
    tmp_path: Path,
) -> None:
    written = exchanges(1, 50)
    journal = DayFileJournal(tmp_path)
    journal.append(together(written))
    journal.close()

    assert rows_in(tmp_path / "2026-01-05.db") == 50
    assert list(JournalReader(tmp_path).read()) == written


def test_reading_on_between_a_call_and_its_answer_begins_with_the_answer(
    tmp_path: Path,
) -> None:
    written = exchanges(1, 4)
    journal = DayFileJournal(tmp_path)
    journal.append(together(written))

    for after in range(9):
        assert list(journal.read(after)) == written[after:]
    journal.close()


def test_a_long_journal_is_read_once_over_every_seam(tmp_path: Path) -> None:
    written = exchanges(1, 4100)
    journal = DayFileJournal(tmp_path)
    for start in range(0, len(written), 999):  # calls and answers are torn apart, too
        journal.append(together(written[start : start + 999]))

    assert list(journal.read()) == written
    journal.close()


def test_the_next_position_follows_the_answer(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path)
    journal.append(together(exchanges(1, 3)))
    journal.close()

    assert DayFileJournal(tmp_path).last_position == 6


def test_what_is_handed_in_apart_keeps_rows_of_its_own(tmp_path: Path) -> None:
    written = exchanges(1, 3)
    journal = DayFileJournal(tmp_path)
    journal.append(written)

    assert list(journal.read()) == written
    journal.close()
    assert rows_in(tmp_path / "2026-01-05.db") == len(written)


def test_the_position_of_an_answer_is_taken(tmp_path: Path) -> None:
    call, answer = exchanges(1, 1)
    (both,) = together([call, answer])
    journal = DayFileJournal(tmp_path)
    with pytest.raises(AssertionError, match="must grow"):
        journal.append([both, answer])
    journal.append([both])
    with pytest.raises(AssertionError, match="must grow"):
        journal.append([answer])
    assert list(journal.read()) == [call, answer]
    journal.close()


def test_an_empty_answer_is_an_entry_all_the_same(tmp_path: Path) -> None:
    station = StationId("A")
    written = [
        Entry(1, NOON, EntryKind.RECEIVED, station, b""),
        Entry(2, NOON, EntryKind.SENT, station, b""),
    ]
    journal = DayFileJournal(tmp_path)
    journal.append(together(written))

    assert list(journal.read()) == written
    assert JournalReader(tmp_path).last_position == 2
    journal.close()


@settings(max_examples=25, deadline=None)
@given(limit=st.integers(0, 30), from_day=st.integers(0, 2))
def test_frames_are_the_same_whatever_row_they_stand_in(
    tmp_path_factory: pytest.TempPathFactory, limit: int, from_day: int
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = DayFileJournal(folder)
    written = exchanges(1, 30, NOON, stations=7)
    written += exchanges(61, 30, NOON + DAY, stations=7)
    for start in range(0, len(written), 11):
        journal.append(together(written[start : start + 11]))
    since = NOON + from_day * DAY
    mine = [entry for entry in written if entry.station == "S-1"]

    assert journal.frames(StationId("S-1"), limit=limit) == mine[max(len(mine) - limit, 0) :]
    later = [entry for entry in mine if entry.at >= since]
    assert journal.frames(StationId("S-1"), since=since, limit=limit) == later[:limit]
    journal.close()


def test_frames_in_blocks_and_behind_them_are_cut_at_the_frame(tmp_path: Path) -> None:
    written = exchanges(1, BLOCK_ENTRIES, stations=500)
    written += exchanges(len(written) + 1, 1000, stations=500)
    journal = DayFileJournal(tmp_path)
    for start in range(0, len(written), 1000):
        journal.append(together(written[start : start + 1000]))
    mine = [entry for entry in written if entry.station == "S-7"]

    for limit in (1, 2, 3, 4, 5, 9, 1000):
        assert journal.frames(StationId("S-7"), limit=limit) == mine[-limit:]
        oldest = journal.frames(StationId("S-7"), since=NOON, limit=limit)
        assert oldest == mine[:limit]
    journal.close()


# --- files of the release before, with a row for each entry ----------------------------------


def write_as_before(path: Path, entries: list[Entry]) -> None:
    """Write a day file of schema version 1, as releases before this one left it."""
    file = open_writer(path)
    migrate(file, path, SCHEMA[:1])
    names = sorted({str(entry.station) for entry in entries})
    file.executemany("INSERT INTO stations (name) VALUES (?)", [(name,) for name in names])
    for entry in entries:
        since = entry.at - datetime(1970, 1, 1, tzinfo=UTC)
        file.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?)",
            (
                entry.position,
                since // timedelta(microseconds=1),
                int(entry.kind),
                names.index(str(entry.station)) + 1,
                entry.body,
            ),
        )
    file.close()


def test_days_of_the_first_schema_are_read_as_they_are(tmp_path: Path) -> None:
    before = exchanges(1, 20)
    write_as_before(tmp_path / "2026-01-05.db", before)
    reader = JournalReader(tmp_path)

    assert list(reader.read()) == before
    assert list(reader.read(7)) == before[7:]
    assert reader.last_position == 40
    mine = [entry for entry in before if entry.station == "S-2"]
    assert reader.frames(StationId("S-2"), limit=5) == mine[-5:]
    assert reader.frames(StationId("S-2"), since=NOON, limit=5) == mine[:5]


def test_the_newest_day_of_the_first_schema_is_written_on_after_a_copy(tmp_path: Path) -> None:
    before, more = exchanges(1, 20), exchanges(41, 20)
    yesterday = tmp_path / "2026-01-04.db"
    path = tmp_path / "2026-01-05.db"
    write_as_before(yesterday, [])
    write_as_before(path, before)

    journal = DayFileJournal(tmp_path)
    journal.append(together(more))

    assert list(journal.read()) == before + more
    mine = [entry for entry in before + more if entry.station == "S-2"]
    assert journal.frames(StationId("S-2"), limit=100) == mine
    journal.close()
    assert rows_in(path) == 40 + 20
    copy = sqlite3.connect(path.with_name("2026-01-05.db.bak-v1"))
    assert (version_of(copy), copy.execute("SELECT count(*) FROM entries").fetchone()) == (
        1,
        (40,),
    )
    copy.close()
    old = sqlite3.connect(yesterday)
    assert version_of(old) == 1  # only the file that is written to
    old.close()
