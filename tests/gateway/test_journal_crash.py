"""kill -9 while the journal is written: what returned is there, and nothing is half there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domain.places import StationId
from gateway.journal import DayFileJournal

WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from domain.journal import Entry, EntryKind
from domain.places import StationId
from gateway.journal import DayFileJournal

journal = DayFileJournal(Path(sys.argv[1]))
position = journal.last_position
batch = 37
at = datetime(2026, 1, 5, 23, 59, tzinfo=UTC)
while True:
    at += timedelta(seconds=1)  # soon over midnight
    journal.append([
        Entry(position + n, at, EntryKind.RECEIVED, StationId(f"S-{n}"), b"x" * 300)
        for n in range(1, batch + 1)
    ])
    position += batch
    print(position, flush=True)
"""


@pytest.mark.e2e
def test_a_killed_writer_leaves_whole_batches_and_all_that_returned(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    before = 0
    for _ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "journal")],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        assert writer.stdout is not None
        returned = before
        kill_at = time.monotonic() + 0.5
        for line in writer.stdout:
            returned = int(line)
            if time.monotonic() > kill_at:
                writer.send_signal(signal.SIGKILL)
                break
        returned = max([returned, *(int(line) for line in writer.stdout if line.strip())])
        writer.stdout.close()
        assert writer.wait() == -signal.SIGKILL

        journal = DayFileJournal(tmp_path / "journal")
        last = journal.last_position
        assert last in (returned, returned + 37)
        assert [entry.position for entry in journal.read()] == list(range(1, last + 1))
        newest = journal.frames(StationId("S-37"), limit=5)
        assert [entry.position for entry in newest] == list(range(last - 4 * 37, last + 1, 37))
        before = last
        journal.close()
    assert before > 37 * 100
