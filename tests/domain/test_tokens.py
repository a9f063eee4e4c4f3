"""How a presented token stands by a list."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.tokens import KINDS, LISTED, Standing, Token, TokenStatus, key_of, standing_of

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
ACCEPTED, EXPIRED, UNKNOWN = TokenStatus.ACCEPTED, TokenStatus.EXPIRED, TokenStatus.UNKNOWN


@pytest.mark.parametrize("presented", ["04a1b2", "04A1B2", " 04A1b2\t"])
def test_ids_are_compared_without_case_and_blanks_around(presented) -> None:
    assert key_of(presented) == Token(id="04A1B2 ").key[0]


def test_what_is_not_listed_is_unknown() -> None:
    assert standing_of([], "", NOW) == Standing(UNKNOWN)
    assert standing_of([], "ISO14443", NOW) == Standing(UNKNOWN)


def test_a_charging_for_which_nobody_was_asked_needs_no_entry() -> None:
    assert standing_of([], "NoAuthorization", NOW) == Standing(ACCEPTED)
    blocked = Token(id="", kind="NoAuthorization", status=TokenStatus.BLOCKED)
    assert standing_of([blocked], "noauthorization", NOW).status is TokenStatus.BLOCKED


def test_a_token_is_accepted_up_to_its_end_and_expired_from_then_on() -> None:
    token = Token(id="A", expires_at=NOW)
    assert standing_of([token], "", NOW - timedelta(seconds=1)).status is ACCEPTED
    assert standing_of([token], "", NOW) == Standing(EXPIRED, "", NOW)


@given(st.sampled_from([status for status in LISTED if status is not ACCEPTED]))
def test_any_other_word_stands_whatever_the_day(status) -> None:
    token = Token(id="A", status=status, group="G", expires_at=NOW)
    assert standing_of([token], "", NOW + timedelta(days=1)) == Standing(status, "G", NOW)


def test_an_entry_of_the_presented_type_goes_before_one_of_any_type() -> None:
    anyhow = Token(id="A", status=TokenStatus.BLOCKED)
    card = Token(id="A", kind="ISO14443")
    assert standing_of([anyhow, card], "iso14443", NOW).status is ACCEPTED
    assert standing_of([anyhow, card], "eMAID", NOW).status is TokenStatus.BLOCKED
    assert standing_of([card], "eMAID", NOW).status is UNKNOWN


def test_a_station_that_names_no_type_read_a_card() -> None:
    contract = Token(id="A", kind="eMAID", status=TokenStatus.BLOCKED)
    card = Token(id="A", kind="ISO14443")
    assert standing_of([contract, card], "", NOW).status is ACCEPTED
    assert standing_of([contract], "", NOW).status is TokenStatus.BLOCKED


@given(st.permutations([Token(id="A", kind=kind, group=kind) for kind in ("", *KINDS)]))
def test_the_order_of_a_list_decides_nothing(listed) -> None:
    assert standing_of(listed, "", NOW).group == ""
    for kind in KINDS:
        assert standing_of(listed, kind.upper(), NOW).group == kind
