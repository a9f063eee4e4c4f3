"""Moments in every spelling that stations have been seen to use."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_server.moments import read_moment, write_moment

NOON = datetime(2024, 4, 26, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-04-26T12:00:00Z",
        "2024-04-26T12:00:00.000Z",
        "2024-04-26T12:00:00.000000000Z",
        "2024-04-26t12:00:00z",
        "2024-04-26T12:00:00",
        "2024-04-26 12:00:00",
        "2024-04-26T14:00:00+02",
        "2024-04-26T14:00:00+0200",
        "2024-04-26T14:00:00+02:00",
        "2024-04-26T22:00:00+1000",
        "20240426T120000Z",
        "  2024-04-26T12:00:00Z ",
        "1714132800",
        "1714132800000",
        "1714132800.0",
    ],
)
def test_all_these_mean_the_same_moment(text):
    assert read_moment(text) == NOON
    assert read_moment(text).tzinfo is UTC


def test_a_leap_second_is_the_second_before():
    assert read_moment("2016-12-31T23:59:60Z") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_1970_and_the_future_are_moments_too():
    assert read_moment("1970-01-01T00:00:00Z") == datetime(1970, 1, 1, tzinfo=UTC)
    assert read_moment("2099-01-01T00:00:00Z") == datetime(2099, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "yesterday",
        "2024-02-30T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9" * 30,
        "-5",
    ],
)
def test_what_is_no_moment_is_none(text):
    assert read_moment(text) is None


@given(st.text(max_size=40))
def test_no_text_raises(text):
    moment = read_moment(text)
    assert moment is None or moment.tzinfo is UTC


def test_moments_are_written_in_whole_seconds_with_z():
    at = datetime(2024, 4, 26, 12, 0, 0, 999_999, tzinfo=UTC)
    assert write_moment(at) == "2024-04-26T12:00:00Z"
