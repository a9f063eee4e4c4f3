from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from app.file_limit import WANTED, raise_file_limit


@pytest.fixture
def hard() -> Iterator[int]:
    """The limit nobody may exceed; the other one is put back after the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_usual_limit_of_open_files_is_raised_as_far_as_we_may(hard: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

    told = raise_file_limit()

    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    assert told == most > 256
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, hard)


def test_a_limit_that_is_high_enough_stays(hard: int) -> None:
    raise_file_limit()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert raise_file_limit() == before[0]
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
