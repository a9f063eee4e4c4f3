from __future__ import annotations

import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.snapshot import read_snapshot, write_snapshot


def test_without_a_file_there_is_no_snapshot(tmp_path: Path) -> None:
    assert read_snapshot(tmp_path / "snapshot") is None


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"

    write_snapshot(path, b"one")
    write_snapshot(path, b"")
    write_snapshot(path, b"three" * 100_000)

    assert read_snapshot(path) == b"three" * 100_000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["snapshot", "snapshot.previous"]


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_single_flipped_bit_anywhere_is_noticed_and_the_previous_one_used(
    tmp_path: Path, at: int, bit: int
) -> None:
    path = tmp_path / "snapshot"
    write_snapshot(path, b"previous")
    write_snapshot(path, b"newest" * 20)
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1 << bit
    path.write_bytes(content)

    assert read_snapshot(path) == b"previous"


@given(kept=st.floats(0, 1, exclude_max=True))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_torn_snapshot_gives_way_to_the_previous_one(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "snapshot"
    write_snapshot(path, b"previous")
    write_snapshot(path, b"newest" * 20)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])

    assert read_snapshot(path) == b"previous"


def test_a_crash_between_the_two_renames_leaves_the_previous_one(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    write_snapshot(path, b"previous")
    path.rename(tmp_path / "snapshot.previous")

    assert read_snapshot(path) == b"previous"
    write_snapshot(path, b"next")
    assert read_snapshot(path) == b"next"


def test_a_snapshot_of_another_format_is_none(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    write_snapshot(path, b"old", version=1)

    assert read_snapshot(path, version=2) is None


def test_two_bad_snapshots_are_none(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(b"not ours, but long enough to hold a header" * 10)
    (tmp_path / "snapshot.previous").mkdir()

    assert read_snapshot(path) is None


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    write_snapshot(path, b"there")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError):
            write_snapshot(path, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert read_snapshot(path) == b"there"
    assert [p.name for p in tmp_path.iterdir()] == ["snapshot"]
