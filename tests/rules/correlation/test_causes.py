"""Errors of one station that repeat each other or follow from each other."""

import pytest

from domain.events import ErrorCleared, ErrorRaised, ErrorReport, Status, StatusReported
from domain.places import Place, StationId

CAUSE, EFFECT = "CX004", "CX003"


@pytest.fixture
def one(field):
    """A station of three EVSEs that is connected."""
    one = field(field.site("S", "AB"))
    one.up(field.at(0), "A", "B")
    return one


@pytest.fixture
def raises(one):
    def raise_(minute, evse, code, key="", *, cause="", severity=None, station="A"):
        one.until(one.at(minute))
        one.feed(
            ErrorRaised(
                observed_at=one.at(minute),
                place=Place.of_station(StationId(station), evse),
                error=ErrorReport(code=code),
                key=key or code,
                cause=cause,
                severity=severity,
            )
        )

    return raise_


@pytest.fixture
def clears(one):
    def clear(minute, evse, code, key=""):
        one.until(one.at(minute))
        one.feed(
            ErrorCleared(
                observed_at=one.at(minute),
                place=Place.of_station(StationId("A"), evse),
                error=ErrorReport(code=code),
                key=key or code,
            )
        )

    return clear


def faults(one, minute, evse, status=Status.FAULTED, code="InternalError"):
    one.until(one.at(minute))
    one.feed(
        StatusReported(
            observed_at=one.at(minute),
            place=Place.of_station(StationId("A"), evse),
            status=status,
            error=ErrorReport(code=code),
        )
    )


def test_an_effect_is_told_with_its_cause(one, raises):
    raises(1, 1, CAUSE)
    raises(2, 2, EFFECT, cause=CAUSE)
    one.until(one.at(10))
    assert one.told == [
        "3 raised error-reported@A/1",
        "4 raised error-reported@A/2 by error-reported@A/1",
    ]


def test_a_cause_that_is_known_later_speaks_from_then_on(one, raises):
    raises(1, 2, EFFECT, cause=CAUSE)
    one.until(one.at(5))
    raises(6, 1, CAUSE)
    one.until(one.at(10))
    assert one.told == [
        "3 raised error-reported@A/2",
        "8 raised error-reported@A/1",
        "8 inhibited error-reported@A/2 by error-reported@A/1",
    ]


def test_an_effect_outlives_its_cause_and_is_told_then(one, raises, clears):
    raises(1, 1, CAUSE)
    raises(2, 2, EFFECT, cause=CAUSE)
    clears(10, 1, CAUSE)
    one.until(one.at(20))
    assert one.told[2:] == [
        "10 released error-reported@A/2",
        "15 cleared error-reported@A/1",
    ]


def test_a_chain_of_causes_is_told_by_its_beginning(one, raises):
    raises(1, 1, "CX004", "a")
    raises(1, 2, "CX003", "b", cause="a")
    raises(1, 3, "CX005", "c", cause="b")
    one.until(one.at(5))
    told = [line for line in one.told if " by " not in line]
    assert told == ["3 raised error-reported@A/1"]


@pytest.mark.parametrize("size", [2, 3, 20])
def test_errors_in_a_circle_leave_one_that_is_told(one, raises, size):
    for number in range(size):
        before = (number - 1) % size
        raises(1, number + 1, "CX004", f"k{number}", cause=f"k{before}")
    one.until(one.at(5))
    assert len([line for line in one.told if " by " not in line]) >= 1


def test_an_error_beside_an_effect_is_told(one, raises):
    raises(1, 1, CAUSE)
    raises(2, 2, EFFECT, cause=CAUSE)
    one.until(one.at(5))
    raises(6, 2, "CX005")
    assert one.told[-1] == "6 released error-reported@A/2"


def test_when_that_other_error_is_over_the_effect_is_told_with_its_cause_again(
    one, raises, clears
):
    raises(1, 1, CAUSE)
    raises(2, 2, EFFECT, cause=CAUSE)
    raises(6, 2, "CX005")
    clears(8, 2, "CX005")
    assert one.told[-1] == "8 inhibited error-reported@A/2 by error-reported@A/1"


def test_no_cause_covers_a_danger_unless_it_is_one(one, raises):
    raises(1, 1, CAUSE)
    raises(2, 2, "CX002", cause=CAUSE, severity=0)
    one.until(one.at(4))
    assert "2 raised error-reported@A/2" in one.told


def test_a_danger_covers_what_follows_from_it(one, raises):
    raises(1, 1, "CX002", severity=0)
    raises(2, 2, EFFECT, cause="CX002")
    one.until(one.at(4))
    assert one.told[-1] == "4 raised error-reported@A/2 by error-reported@A/1"


def test_a_cause_at_another_station_or_unknown_covers_nothing(one, raises):
    raises(1, 1, CAUSE, station="B")
    raises(1, 1, EFFECT, cause=CAUSE)
    raises(1, 2, EFFECT, "own", cause="own")
    one.until(one.at(4))
    assert not [line for line in one.told if " by " in line]


def test_a_silent_station_that_loses_its_link_is_told_once(one):
    one.until(one.at(5))
    one.decisions += one.engine.step(one.at(40)).decisions
    one.lost(one.at(40), "A")
    one.decisions += one.engine.step(one.at(70)).decisions
    assert "70 raised offline@A by silent@A" in one.told


def test_the_station_and_its_evses_that_say_the_same_are_one(one):
    for evse in (1, 2, 0):
        faults(one, 1, evse)
    one.until(one.at(5))
    assert one.told == [
        "3 raised station-faulted@A",
        "3 raised connector-faulted@A/1 by station-faulted@A",
        "3 raised connector-faulted@A/2 by station-faulted@A",
    ]


def test_an_evse_that_says_something_else_is_its_own(one):
    faults(one, 1, 0)
    faults(one, 1, 1, code="OverVoltage")
    one.until(one.at(5))
    assert "3 raised connector-faulted@A/1" in one.told


def test_faulted_speaks_for_the_error_that_says_why(one, raises):
    raises(1, 1, "CX004")
    faults(one, 1, 1, code="CX004")
    one.until(one.at(5))
    assert one.told == [
        "3 raised connector-faulted@A/1",
        "3 raised error-reported@A/1 by connector-faulted@A/1",
    ]


def test_an_error_without_faulted_after_faulted_is_one_episode_each(one):
    faults(one, 1, 1)
    one.until(one.at(5))
    faults(one, 6, 1, status=Status.AVAILABLE)
    one.until(one.at(20))
    assert one.told == [
        "3 raised connector-faulted@A/1",
        "8 raised error-reported@A/1 by connector-faulted@A/1",
        "11 cleared connector-faulted@A/1",
        "11 released error-reported@A/1",
    ]
