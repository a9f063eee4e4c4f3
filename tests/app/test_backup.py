from __future__ import annotations

import shutil
import sqlite3
import stat
import tarfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.access import AccessStore
from app.backup import BackupError, backup, restore
from domain.faults import Severity
from domain.journal import Entry, EntryKind
from domain.places import Place, StationId, TicketId
from domain.tickets import Ticket, TicketKind, TicketState
from gateway.journal import DayFileJournal
from gateway.snapshot import read_snapshot, write_snapshot
from ticketing.commands import OpenTicket
from ticketing.store import TicketStore

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
STATION = StationId("N-001")


class Service:
    """The stores of a running service, written in core's order: journal, tickets, snapshot."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.store = TicketStore(folder / "tickets.db")
        self.journal = DayFileJournal(folder / "journal", not_below=self.store.position())
        self.access = AccessStore(folder / "access.db")

    def turn(self, *, frames: int = 5) -> None:
        """One turn of the loop: frames come in and their last one opens a ticket."""
        first = self.journal.last_position + 1
        at = NOON + timedelta(minutes=first)
        self.journal.append(
            [
                Entry(n, at, EntryKind.RECEIVED, STATION, b"[2,%d]" % n)
                for n in range(first, first + frames)
            ]
        )
        last = self.journal.last_position
        ticket = Ticket(
            id=TicketId(f"T-{last}"),
            kind=TicketKind.FAULT,
            state=TicketState.NEW,
            severity=Severity.MAJOR,
            title="x" * 2000,
            opened_at=at,
            place=Place.of_station(STATION),
        )
        self.store.commit(
            [OpenTicket(ticket, f"k{last}")], applied_keys=[f"d{last}"], position=last, at=at
        )
        if last % 7 == 0:
            write_snapshot(self.folder / "snapshot", b"%d" % last)

    def close(self) -> None:
        self.journal.close()
        self.store.close()
        self.access.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the data directory of a service that ran for a while and was stopped."""
    service = Service(tmp_path / "data")
    service.access.save_user("ada", role="admin", password_hash="h")
    for _ in range(30):
        service.turn()
    service.close()
    (tmp_path / "data" / "foretell.toml").write_text("[ocpp]\nport = 9000\n")
    return tmp_path / "data"


def names_in(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("name", ["copy", "copy.tar", "copy.tar.gz", "copy.tgz"])
def test_what_was_backed_up_is_restored_whole(data: Path, tmp_path: Path, name: str) -> None:
    made = backup(data, tmp_path / "out" / name, at=NOON)
    restored = restore(tmp_path / "out" / name, tmp_path / "new" / "data")

    assert made.tickets_position == made.journal_position == 150
    assert restored.file_count == made.file_count
    assert restored.notes == ()
    assert "journal up to 150" in str(made)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [name]
    stores = [name for name in names_in(data) if not name.endswith(("-wal", "-shm"))]
    assert names_in(tmp_path / "new" / "data") == stores
    service = Service(tmp_path / "new" / "data")
    assert service.journal.last_position == 150
    assert len(list(service.journal.read())) == 150
    assert service.store.position() == 150
    assert len(service.store.tickets(limit=1000).items) == 30
    assert service.store.is_applied(["d5", "d150", "d151"]) == {"d5", "d150"}
    assert service.access.users()[0].name == "ada"
    assert service.access.secret == bytes.fromhex((data / "secret").read_text())
    assert read_snapshot(tmp_path / "new" / "data" / "snapshot") == b"140"
    service.turn()
    assert service.journal.last_position == 155
    service.close()


def test_a_backup_under_a_busy_writer_restores_to_one_consistent_moment(
    tmp_path: Path,
) -> None:
    service = Service(tmp_path / "data")
    service.turn()
    is_over = threading.Event()
    turned = threading.Event()
    failures: list[BaseException] = []

    def write_on() -> None:
        try:
            while not is_over.is_set():
                service.turn(frames=7)
                turned.set()
        except Exception as error:  # noqa: BLE001 - shown by the test below
            failures.append(error)

    writer = threading.Thread(target=write_on)
    writer.start()
    made = []
    for n in range(5):
        turned.clear()
        assert turned.wait(10)
        made.append(backup(service.folder, tmp_path / f"copy-{n}.tar"))
    is_over.set()
    writer.join()
    service.close()
    assert failures == []
    assert made[0].tickets_position < made[-1].tickets_position  # it did write meanwhile

    for n, report in enumerate(made):
        restore(tmp_path / f"copy-{n}.tar", tmp_path / f"data-{n}")
        copy = Service(tmp_path / f"data-{n}")
        positions = [entry.position for entry in copy.journal.read()]
        assert positions == list(range(1, copy.journal.last_position + 1))
        assert copy.journal.last_position == report.journal_position
        assert copy.store.position() == report.tickets_position
        # the invariants a restart relies on: snapshot <= tickets <= journal
        snapshot = read_snapshot(tmp_path / f"data-{n}" / "snapshot")
        assert int(snapshot or b"0") <= copy.store.position() <= copy.journal.last_position
        loaded = copy.store.load(now=NOON)
        assert max(int(t.id[2:]) for t in loaded.tickets) == copy.store.position()
        assert report.notes == ()
        copy.close()


def test_only_its_owner_may_read_a_backup(data: Path, tmp_path: Path) -> None:
    backup(data, tmp_path / "copy")
    backup(data, tmp_path / "copy.tar")
    restore(tmp_path / "copy.tar", tmp_path / "new")

    for path in (
        tmp_path / "copy.tar",
        *(tmp_path / "copy").rglob("*"),
        *(tmp_path / "new").rglob("*"),
    ):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700


def test_a_target_that_is_there_is_never_overwritten(data: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.tar").write_text("the last good backup")
    (tmp_path / "copy").mkdir()

    for target in (tmp_path / "copy.tar", tmp_path / "copy"):
        with pytest.raises(BackupError, match="exists already"):
            backup(data, target)

    assert (tmp_path / "copy.tar").read_text() == "the last good backup"


@pytest.mark.parametrize("name", ["copy.zip", "copy.tar.xz", "copy.gz"])
def test_a_name_of_an_archive_we_do_not_write_is_refused(
    data: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(BackupError, match=r"expected a name in \.tar"):
        backup(data, tmp_path / name)

    assert not (tmp_path / name).exists()


def test_a_folder_without_stores_is_no_data_directory(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="nothing to back up"):
        backup(tmp_path, tmp_path / "copy")

    assert list(tmp_path.iterdir()) == []


def test_a_restore_never_touches_a_directory_that_holds_something(
    data: Path, tmp_path: Path
) -> None:
    backup(data, tmp_path / "copy")
    before = names_in(data)

    with pytest.raises(BackupError, match="not empty"):
        restore(tmp_path / "copy", data)

    assert names_in(data) == before


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda copy: flip_a_byte(copy / "tickets.db"), "tickets.db differs"),
        (lambda copy: (copy / "secret").unlink(), "secret is missing"),
        (lambda copy: (copy / "extra.db").write_text("?"), "extra.db is not in its manifest"),
        (lambda copy: (copy / "manifest.json").unlink(), "no backup of ours"),
        (lambda copy: (copy / "manifest.json").write_text("{"), "cannot be read"),
        (lambda copy: (copy / "manifest.json").write_text('{"format": 9}'), "newer release"),
        (lambda copy: (copy / "a b").write_text("?"), "strange name"),
    ],
)
def test_a_spoiled_backup_is_refused_and_leaves_nothing_behind(
    data: Path, tmp_path: Path, spoil: object, reason: str
) -> None:
    backup(data, tmp_path / "copy")
    assert callable(spoil)
    spoil(tmp_path / "copy")

    with pytest.raises(BackupError, match=reason):
        restore(tmp_path / "copy", tmp_path / "new")

    assert list((tmp_path / "new").iterdir()) == []


def test_a_torn_archive_is_refused(data: Path, tmp_path: Path) -> None:
    backup(data, tmp_path / "copy.tar.gz")
    content = (tmp_path / "copy.tar.gz").read_bytes()
    (tmp_path / "copy.tar.gz").write_bytes(content[: len(content) // 2])

    with pytest.raises(BackupError, match="cannot be read"):
        restore(tmp_path / "copy.tar.gz", tmp_path / "new")


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "journal/../../evil"])
def test_an_archive_cannot_write_outside_the_data_directory(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("?")
    with tarfile.open(tmp_path / "copy.tar", "w") as tar:
        tar.add(tmp_path / "file", arcname=name)

    with pytest.raises(BackupError, match="strange name"):
        restore(tmp_path / "copy.tar", tmp_path / "new" / "data")

    assert names_in(tmp_path) == ["copy.tar", "file"]


def test_an_archive_with_a_link_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").symlink_to("/etc/passwd")
    with tarfile.open(tmp_path / "copy.tar", "w") as tar:
        tar.add(tmp_path / "secret", arcname="secret")

    with pytest.raises(BackupError, match="no file"):
        restore(tmp_path / "copy.tar", tmp_path / "new")


def test_a_damaged_journal_day_is_copied_as_it_is_with_a_note(
    data: Path, tmp_path: Path
) -> None:
    (data / "journal" / "2026-01-05.db").write_bytes(b"damaged" * 1000)

    made = backup(data, tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "new")

    assert "journal/2026-01-05.db is damaged" in made.notes[0]
    assert "before the tickets at 150" in made.notes[1]
    copied = tmp_path / "new" / "journal" / "2026-01-05.db"
    assert copied.read_bytes() == b"damaged" * 1000


def test_a_backup_that_fails_leaves_nothing_behind(data: Path, tmp_path: Path) -> None:
    with sqlite3.connect(data / "tickets.db") as file:
        file.execute("DROP TABLE meta")
    file.close()

    for name in ("copy", "copy.tar", "copy.tgz"):
        with pytest.raises(BackupError, match="no such table"):
            backup(data, tmp_path / "out" / name)

    assert list((tmp_path / "out").iterdir()) == []


def test_what_an_interrupted_backup_left_does_not_disturb_the_next(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "copy.part").mkdir()
    (tmp_path / "copy.part" / "old").write_text("?")

    backup(data, tmp_path / "copy")

    assert "old" not in names_in(tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy")
