"""The demo's own data directory: begun afresh, but never anybody else's, nor one in use."""

import pytest
from rich.console import Console

from app.data_lock import DataLock
from app.demo import OURS, _prepare
from app.process_words import StartError
from app.settings import Settings


def prepare(data, *, keep=False):
    settings = Settings(data=data, ocpp={"port": 0}, http={"port": 0})
    return _prepare(settings, Console(quiet=True), 2, 1, 7, keep=keep)


def test_it_begins_afresh_unless_told_to_keep(tmp_path):
    data = tmp_path / "demo"
    prepare(data)
    (data / "tickets.db").write_text("old")
    prepare(data, keep=True)
    assert (data / "tickets.db").exists()
    prepare(data)
    assert not (data / "tickets.db").exists()


def test_a_directory_that_is_not_a_demos_is_never_touched(tmp_path):
    (tmp_path / "tickets.db").write_text("dear")
    with pytest.raises(StartError, match="not a demo's data directory"):
        prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tickets.db"]


def test_a_demo_that_is_at_work_keeps_its_files(tmp_path):
    data = tmp_path / "demo"
    prepare(data)
    lock = DataLock(data)
    with pytest.raises(StartError, match="another service works on"):
        prepare(data)
    assert (data / OURS).exists()
    lock.close()
    prepare(data)
