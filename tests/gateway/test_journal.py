from __future__ import annotations

import resource
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from domain.journal import Entry, EntryKind, JournalUnavailableError
from domain.places import StationId
from domain.stores import StoreTooNewError
from gateway.journal import DayFileJournal, JournalReader
from gateway.journal_blocks import BLOCK_ENTRIES
from gateway.sqlite_files import copy_database, migrate, open_writer, version_of

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def entries_of(
    first: int, count: int, at: datetime = NOON, stations: int = 3, body: bytes = b"[2,1]"
) -> list[Entry]:
    return [
        Entry(n, at, EntryKind.RECEIVED, StationId(f"S-{n % stations}"), body)
        for n in range(first, first + count)
    ]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def as_left_by_a_crash(folder: Path, copy: Path) -> Path:
    """Return the folder as a kill -9 at this moment would leave it."""
    shutil.copytree(folder, copy)
    return copy


@contextmanager
def no_room_for_files_over(size: int) -> Iterator[None]:
    """Let the operating system refuse every write beyond `size` bytes of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def damage(path: Path, *, offset: int, size: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * size)


# --- files and restarts ----------------------------------------------------------------------


def test_each_utc_day_has_its_file(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path)
    journal.append(entries_of(1, 2))
    journal.append(entries_of(3, 2, NOON + DAY))
    journal.close()

    assert names_in(tmp_path) == ["2026-01-05.db", "2026-01-06.db"]
    with sqlite3.connect(tmp_path / "2026-01-06.db") as file:
        assert file.execute("SELECT position FROM entries").fetchall() == [(3,), (4,)]
    file.close()


def test_a_commit_that_returned_survives_a_crash(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path / "a")
    journal.append(entries_of(1, 50))
    journal.append(entries_of(51, 50, NOON + DAY))

    crashed = DayFileJournal(as_left_by_a_crash(tmp_path / "a", tmp_path / "b"))

    assert crashed.last_position == 100
    assert [e.position for e in crashed.read()] == list(range(1, 101))
    crashed.append(entries_of(101, 1, NOON + DAY))
    assert crashed.last_position == 101
    journal.close()
    crashed.close()


def test_the_position_survives_a_night_file_that_is_still_empty(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path)
    journal.append(entries_of(1, 5))
    journal.close()
    shutil.copy(tmp_path / "2026-01-05.db", tmp_path / "2026-01-06.db")
    with sqlite3.connect(tmp_path / "2026-01-06.db") as file:
        file.execute("DELETE FROM entries")
    file.close()

    assert DayFileJournal(tmp_path).last_position == 5
    assert JournalReader(tmp_path).last_position == 5


def test_positions_given_out_elsewhere_are_not_given_again(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path, not_below=700)
    assert journal.last_position == 700

    with pytest.raises(AssertionError):
        journal.append(entries_of(700, 1))
    journal.append(entries_of(701, 1))

    assert DayFileJournal(tmp_path, not_below=3).last_position == 701


def test_an_append_after_close_opens_the_file_again(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path)
    journal.append(entries_of(1, 1))
    journal.close()
    journal.append(entries_of(2, 1))

    assert [e.position for e in journal.read()] == [1, 2]
    journal.close()


def test_a_commit_is_measured_at_start_and_leaves_no_trace(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path / "journal")

    assert 0 < journal.measured_commit_s < 5
    assert names_in(tmp_path / "journal") == []


# --- frames of one station -------------------------------------------------------------------


def test_frames_are_found_across_blocks_days_and_the_uncovered_end(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path)
    expected: list[Entry] = []
    position = 1
    for day in range(3):
        for part in range(3):
            at = NOON + day * DAY + timedelta(minutes=part)
            batch = entries_of(position, BLOCK_ENTRIES // 2 + 7, at, stations=101)
            journal.append(batch)
            expected += [e for e in batch if e.station == "S-7"]
            position += len(batch)

    station = StationId("S-7")
    assert journal.frames(station, limit=10_000) == expected
    assert journal.frames(station, limit=50) == expected[-50:]
    since = NOON + DAY + timedelta(minutes=1)
    later = [e for e in expected if e.at >= since]
    assert journal.frames(station, since=since, limit=10_000) == later
    assert journal.frames(station, since=since, limit=30) == later[:30]
    journal.close()


def test_a_block_lists_what_came_before_a_crash_and_nothing_that_was_refused(
    tmp_path: Path,
) -> None:
    before = DayFileJournal(tmp_path / "a")
    before.append(entries_of(1, 100))
    journal = DayFileJournal(as_left_by_a_crash(tmp_path / "a", tmp_path / "b"))
    before.close()
    with no_room_for_files_over(200_000), pytest.raises(JournalUnavailableError):
        journal.append(entries_of(101, 50, body=b"x" * 8_000))
    journal.append(entries_of(201, BLOCK_ENTRIES))

    positions = [n for n in (*range(1, 101), *range(201, 201 + BLOCK_ENTRIES)) if n % 3 == 1]
    found = journal.frames(StationId("S-1"), limit=10_000)
    assert [e.position for e in found] == positions
    journal.close()
    with sqlite3.connect(tmp_path / "b" / "2026-01-05.db") as file:
        blocks = file.execute("SELECT first, last FROM blocks").fetchall()
        listed = file.execute("SELECT sum(length(offsets)) / 4 FROM block_frames").fetchone()
    file.close()
    assert blocks == [(1, 200 + BLOCK_ENTRIES)]
    assert listed == (100 + BLOCK_ENTRIES,)


def test_every_closed_day_is_covered_by_blocks_to_its_end(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path)
    journal.append(entries_of(1, 10))
    journal.append(entries_of(11, 10, NOON + DAY))
    journal.close()

    for name, last in (("2026-01-05.db", 10), ("2026-01-06.db", 20)):
        with sqlite3.connect(tmp_path / name) as file:
            assert file.execute("SELECT max(last) FROM blocks").fetchone() == (last,)
        file.close()


def test_a_gap_in_positions_wider_than_an_offset_is_searched_without_a_block(
    tmp_path: Path,
) -> None:
    journal = DayFileJournal(tmp_path)
    far = 2**33
    journal.append([*entries_of(1, 1, stations=1), *entries_of(far, 1, stations=1)])
    journal.close()

    assert [e.position for e in JournalReader(tmp_path).frames(StationId("S-0"))] == [1, far]


# --- the reader of another process -----------------------------------------------------------


def test_a_reader_sees_new_entries_and_new_days_as_they_come(tmp_path: Path) -> None:
    reader = JournalReader(tmp_path / "journal")
    assert list(reader.read()) == []
    assert reader.last_position == 0

    journal = DayFileJournal(tmp_path / "journal")
    journal.append(entries_of(1, 3))
    assert reader.last_position == 3
    journal.append(entries_of(4, 3, NOON + DAY))

    assert [e.position for e in reader.read(after=2)] == [3, 4, 5, 6]
    assert [e.position for e in reader.frames(StationId("S-1"))] == [1, 4]
    journal.close()


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path)
    journal.append(entries_of(1, 1))
    before = (tmp_path / "2026-01-05.db").read_bytes()

    reader = JournalReader(tmp_path)
    list(reader.read())
    reader.frames(StationId("S-1"))

    assert (tmp_path / "2026-01-05.db").read_bytes() == before
    assert not hasattr(reader, "append")
    journal.close()


def test_reading_goes_on_when_retention_deletes_a_file_underneath(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path)
    for day in range(3):
        journal.append(entries_of(1 + 10 * day, 10, NOON + day * DAY))
    reading = JournalReader(tmp_path).read()
    assert next(reading).position == 1

    journal.drop_before(date(2026, 1, 7))

    assert [e.position for e in reading][-10:] == list(range(21, 31))
    journal.close()


# --- a disk that refuses ---------------------------------------------------------------------


def test_a_full_disk_stores_nothing_says_why_and_works_again_with_space(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path)
    journal.append(entries_of(1, 10))
    big = entries_of(11, 500, body=b"x" * 1400, stations=500)

    with no_room_for_files_over(200_000), pytest.raises(JournalUnavailableError) as refused:
        journal.append(big)

    assert refused.value.reason
    assert journal.last_position == 10
    assert [e.position for e in journal.read()] == list(range(1, 11))

    journal.append(big)
    assert [e.position for e in journal.read()] == list(range(1, 511))
    assert [e.position for e in journal.frames(StationId("S-11"))] == [11]
    journal.close()
    assert DayFileJournal(tmp_path).last_position == 510


def test_a_new_day_that_finds_no_room_is_tried_again(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path)
    journal.append(entries_of(1, 10))

    with no_room_for_files_over(100), pytest.raises(JournalUnavailableError):
        journal.append(entries_of(11, 1, NOON + DAY))
    journal.append(entries_of(11, 1, NOON + DAY))

    assert [e.position for e in journal.read()] == list(range(1, 12))
    journal.close()


def test_a_disk_that_is_full_at_start_is_met_by_the_first_append(tmp_path: Path) -> None:
    first = DayFileJournal(tmp_path)
    first.append(entries_of(1, 10))
    first.close()

    with no_room_for_files_over(33_000):  # room for SQLite's shared memory, and little else
        journal = DayFileJournal(tmp_path)
        assert journal.last_position == 10
        assert journal.measured_commit_s == float("inf")
        with pytest.raises(JournalUnavailableError):
            journal.append(entries_of(11, 100, body=b"x" * 1400))

    journal.append(entries_of(11, 100, body=b"x" * 1400))
    assert [e.position for e in journal.read()] == list(range(1, 111))
    journal.close()


def test_a_folder_that_cannot_be_made_is_said_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(JournalUnavailableError, match="file/journal"):
        DayFileJournal(tmp_path / "file" / "journal")


# --- damage ----------------------------------------------------------------------------------


def filled(folder: Path) -> Path:
    """Write two days of 500 entries each, cleanly closed; return the newest file."""
    journal = DayFileJournal(folder)
    journal.append(entries_of(1, 500, body=b"y" * 500))
    journal.append(entries_of(501, 500, NOON + DAY, body=b"y" * 500))
    journal.close()
    return folder / "2026-01-06.db"


def test_a_file_that_is_no_database_is_set_aside_and_the_journal_goes_on(
    tmp_path: Path,
) -> None:
    newest = filled(tmp_path)
    newest.write_bytes(b"this was a journal once" * 1000)

    journal = DayFileJournal(tmp_path)

    assert journal.last_position == 500
    assert "2026-01-06.db.corrupt-1" in names_in(tmp_path)
    journal.append(entries_of(501, 1, NOON + DAY))
    assert [e.position for e in journal.read()] == list(range(1, 502))
    journal.close()


def test_what_is_readable_around_the_damage_is_saved(tmp_path: Path) -> None:
    newest = filled(tmp_path)
    size = newest.stat().st_size
    damage(newest, offset=(size // 2) // 8192 * 8192, size=8192)

    journal = DayFileJournal(tmp_path)

    saved = [e.position for e in journal.read() if e.position > 500]
    assert journal.last_position == 1000
    assert saved == sorted(saved)
    assert 501 in saved
    assert 450 <= len(saved) < 500
    assert journal.frames(StationId("S-1"), limit=1)[0].position == 1000
    journal.append(entries_of(1001, 1, NOON + DAY))
    journal.close()


def test_a_torn_file_is_set_aside(tmp_path: Path) -> None:
    newest = filled(tmp_path)
    with newest.open("r+b") as file:
        file.truncate(newest.stat().st_size // 3)

    journal = DayFileJournal(tmp_path)

    assert "2026-01-06.db.corrupt-1" in names_in(tmp_path)
    assert [e.position for e in journal.read()][:500] == list(range(1, 501))
    journal.append(entries_of(1001, 1, NOON + DAY))
    journal.close()


def test_a_repair_that_finds_no_room_is_done_again_later(tmp_path: Path) -> None:
    newest = filled(tmp_path)
    damage(newest, offset=newest.stat().st_size // 8192 // 2 * 8192, size=8192)

    with no_room_for_files_over(100_000):
        journal = DayFileJournal(tmp_path)
    assert not any("corrupt" in name for name in names_in(tmp_path))

    journal.append(entries_of(1001, 1, NOON + DAY))
    assert "2026-01-06.db.corrupt-1" in names_in(tmp_path)
    saved = [e.position for e in journal.read() if e.position > 500]
    assert len(saved) > 450
    assert (saved[0], saved[-1]) == (501, 1001)
    journal.close()
    assert not any("salvage" in name for name in names_in(tmp_path))


def test_a_large_file_is_checked_at_its_end_only(tmp_path: Path) -> None:
    newest = filled(tmp_path)
    with newest.open("r+b") as file:
        file.truncate(newest.stat().st_size // 3)

    journal = DayFileJournal(tmp_path, full_check_bytes=0)

    assert "2026-01-06.db.corrupt-1" in names_in(tmp_path)
    journal.close()


def test_damage_met_while_writing_is_set_aside_by_the_next_append(tmp_path: Path) -> None:
    newest = filled(tmp_path)
    journal = DayFileJournal(tmp_path)
    damage(newest, offset=8192, size=newest.stat().st_size - 8192)

    fresh = entries_of(1001, 5, NOON + DAY, stations=50)
    with pytest.raises(JournalUnavailableError):
        journal.append(fresh)
    journal.append(fresh)

    assert "2026-01-06.db.corrupt-1" in names_in(tmp_path)
    assert [e.position for e in journal.read()][-5:] == [1001, 1002, 1003, 1004, 1005]
    journal.close()


def test_a_damaged_older_day_does_not_hide_the_others(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "2026-01-05.db").write_bytes(b"gone" * 5000)

    reader = JournalReader(tmp_path)

    assert [e.position for e in reader.read()] == list(range(501, 1001))
    assert reader.frames(StationId("S-1"), limit=1)[0].position == 1000


# --- retention -------------------------------------------------------------------------------


def ten_days(folder: Path) -> DayFileJournal:
    journal = DayFileJournal(folder)
    for day in range(10):
        journal.append(entries_of(1 + 100 * day, 100, NOON + day * DAY))
    return journal


def test_days_before_a_day_are_deleted_whole_and_the_position_stays(tmp_path: Path) -> None:
    journal = ten_days(tmp_path)
    copy = tmp_path / "2026-01-05.db.bak-v1"
    copy.write_bytes(b"a copy goes with its day")

    dropped = journal.drop_before(date(2026, 1, 8))

    assert dropped == (date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7))
    assert not copy.exists()
    assert next(journal.read()).position == 301
    assert journal.last_position == 1000
    journal.close()


def test_the_newest_day_is_never_deleted(tmp_path: Path) -> None:
    journal = ten_days(tmp_path)

    assert len(journal.drop_before(date(2030, 1, 1))) == 9
    assert journal.drop_over(0) == ()

    assert DayFileJournal(tmp_path).last_position == 1000
    journal.close()


def test_the_oldest_days_are_deleted_until_the_rest_fits(tmp_path: Path) -> None:
    journal = ten_days(tmp_path)
    journal.close()
    size = (tmp_path / "2026-01-05.db").stat().st_size
    total = sum(path.stat().st_size for path in tmp_path.iterdir())

    assert journal.drop_over(total) == ()
    assert journal.drop_over(total - 2 * size) == (date(2026, 1, 5), date(2026, 1, 6))
    assert next(journal.read()).position == 201


def test_compacting_moves_the_log_into_the_file_under_the_writer(tmp_path: Path) -> None:
    journal = DayFileJournal(tmp_path)
    journal.compact()
    journal.append(entries_of(1, 1000))
    before = (tmp_path / "2026-01-05.db").stat().st_size

    journal.compact()

    assert (tmp_path / "2026-01-05.db").stat().st_size > before
    journal.append(entries_of(1001, 1))
    assert journal.last_position == 1001
    journal.close()
    assert names_in(tmp_path) == ["2026-01-05.db"]


# --- schema versions -------------------------------------------------------------------------


def test_a_file_of_a_newer_release_is_refused_and_not_touched(tmp_path: Path) -> None:
    newest = filled(tmp_path)
    with sqlite3.connect(newest) as file:
        file.execute("PRAGMA user_version=99")
    file.close()
    before = newest.read_bytes()

    with pytest.raises(StoreTooNewError, match="99") as refused:
        DayFileJournal(tmp_path)
    with pytest.raises(StoreTooNewError):
        list(JournalReader(tmp_path).read())

    assert refused.value.path == str(newest)
    assert newest.read_bytes() == before


def test_a_migration_keeps_a_copy_of_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-05.db"
    first = ("CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (7)",)
    file = open_writer(path)
    migrate(file, path, first)
    assert not path.with_name("2026-01-05.db.bak-v1").exists()

    migrate(file, path, (*first, "ALTER TABLE a ADD COLUMN m INTEGER DEFAULT 1"))

    assert file.execute("SELECT n, m FROM a").fetchall() == [(7, 1)]
    assert version_of(file) == 2
    file.close()
    copy = sqlite3.connect(path.with_name("2026-01-05.db.bak-v1"))
    assert copy.execute("SELECT * FROM a").fetchall() == [(7,)]
    assert version_of(copy) == 1
    copy.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-05.db"
    first = ("CREATE TABLE a (n INTEGER)",)
    file = open_writer(path)
    migrate(file, path, first)

    with pytest.raises(sqlite3.OperationalError):
        migrate(file, path, (*first, "CREATE TABLE b (n INTEGER); INSERT INTO c VALUES (1)"))

    assert version_of(file) == 1
    assert file.execute("SELECT name FROM sqlite_master").fetchall() == [("a",)]
    file.close()


def test_a_copy_is_whole_or_not_there(tmp_path: Path) -> None:
    file = open_writer(tmp_path / "a.db")
    file.execute("CREATE TABLE a (body BLOB)")
    file.executemany("INSERT INTO a VALUES (?)", [(b"z" * 5000,)] * 100)

    with no_room_for_files_over(100_000), pytest.raises(sqlite3.Error):
        copy_database(file, tmp_path / "copy.db")
    file.close()

    assert not any(name.startswith("copy") for name in names_in(tmp_path))
