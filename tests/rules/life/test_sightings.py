"""What a sighting leaves in a track, and how a track is told in the words of faults."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.events import ErrorReport
from domain.faults import Change, ClearedBy, Severity
from domain.places import Place, StationId
from rules.catalogue import Catalogue, Detector, Rule
from rules.found import (
    danger_in_maintenance,
    decision_on,
    fault_of,
    in_words,
    unknown_code,
)
from rules.sighting import Known, Sighting, describe, is_danger
from rules.tracks import Phase, Said, Track

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
RULE = Rule(
    name="error",
    detector=Detector.REPORTED_FAULT,
    severity=Severity.MINOR,
    raise_after=timedelta(minutes=2),
    clear_after=timedelta(minutes=5),
    advice="look",
    person_may_end=True,
)
CATALOGUE = Catalogue([RULE])


def new(**about: object) -> Track:
    place = Place.of_station(StationId("A"), 1)
    return Track(rule="error", place=place, fingerprint="error@A/1~1", **about)


def seen(track: Track, *codes: str, minutes: float = 0, **about: object) -> Track:
    moment = START + timedelta(minutes=minutes)
    describe(track, RULE, Sighting(at=moment, since=moment, codes=codes, **about))
    return track


def test_codes_words_and_stations_are_gathered_each_once_and_in_order():
    track = seen(new(), "CX009", "CX002", unknown=("odd", "odd"), stations=("B", "A"))
    seen(track, "CX001", "CX002", unknown=("new", "odd"), stations=("C", "B", "AA"))
    assert track.codes == ["CX001", "CX002", "CX009"]
    assert track.unknown == ["odd", "new"]
    assert track.stations == ["A", "AA", "B", "C"]


def test_errors_are_told_apart_by_their_keys_and_by_what_caused_them():
    track = seen(new(), key="7", cause="8")
    seen(track, key="7", cause="9")
    seen(track, key="8", cause="8")
    seen(track, key="9")
    seen(track)
    assert track.keys == ["7", "8", "9"]
    assert track.causes == {"7": "9"}
    assert set(track.said) == {"", "7", "8", "9"}


def test_the_dictionarys_severity_goes_before_the_rules():
    assert seen(new()).base is Severity.MINOR
    assert seen(new(), severity=Severity.INFO).base is Severity.INFO
    track = seen(new(), severity=Severity.MAJOR, key="7", is_danger=True)
    assert (track.said, track.is_danger) == ({"7": Said(Severity.MAJOR, True)}, True)


def test_what_flapped_goes_on_flapping_and_the_last_reason_stays():
    track = seen(new(), why="5 boots", is_flapping=True)
    assert (track.is_flapping, track.why, track.last_at) == (True, "5 boots", START)
    seen(track, minutes=3)
    assert (track.is_flapping, track.why) == (True, "5 boots")
    assert track.last_at == START + timedelta(minutes=3)
    seen(track, why="6 boots")
    assert track.why == "6 boots"
    assert not seen(new()).is_flapping


def test_the_evidence_of_others_comes_before_its_own():
    error = ErrorReport(code="x")
    track = seen(new(), positions=(3, 4), position=5, error=error)
    assert (track.evidence, track.errors) == ([3, 4, 5], [error])


def test_what_was_known_of_a_fault_is_known_whatever_comes_after():
    track = seen(new(), "CX001", unknown=("odd",), stations=("A",), key="7")
    known = Known.of(track)
    seen(track, "CX002", unknown=("new",), stations=("B",), key="8", is_danger=True)
    assert known == Known(False, {"CX001"}, 1, {"odd"}, 1)
    assert Known.of(track).is_danger


def test_danger_is_any_dangerous_code():
    assert is_danger(["InternalError", "CX002"])
    assert not is_danger(["InternalError"])
    assert not is_danger([])


# --- faults and decisions ---------------------------------------------------------------------


def active(**about: object) -> Track:
    track = seen(new(), "CX001", position=7, why="seen", key="7")
    track.phase, track.is_present, track.episode = Phase.ACTIVE, True, 3
    track.seen_at, track.raised_at = START, START + timedelta(minutes=2)
    for name, value in about.items():
        setattr(track, name, value)
    return track


def test_a_track_without_an_episode_is_no_fault():
    with pytest.raises(AssertionError, match="error@A/1~1 has no episode"):
        fault_of(new(), CATALOGUE)
    with pytest.raises(AssertionError):
        fault_of(active(seen_at=None), CATALOGUE)
    with pytest.raises(AssertionError):
        fault_of(active(raised_at=None), CATALOGUE)


def test_a_fault_says_all_that_its_track_knows():
    error = ErrorReport(code="x")
    fault = fault_of(
        active(
            severity=Severity.MAJOR,
            errors=[error],
            is_danger=True,
            is_flapping=True,
            inhibited_by="x@A",
            part_of="y@B",
            stations=["A"],
        ),
        CATALOGUE,
    )
    assert (fault.fingerprint, fault.rule, fault.place) == (
        "error@A/1~1",
        "error",
        Place.of_station(StationId("A"), 1),
    )
    assert (fault.episode, fault.severity, fault.codes) == (3, Severity.MAJOR, ("CX001",))
    assert (fault.seen_at, fault.raised_at) == (START, START + timedelta(minutes=2))
    assert (fault.is_danger, fault.is_flapping) == (True, True)
    assert (fault.inhibited_by, fault.part_of) == ("x@A", "y@B")
    assert (fault.errors, fault.stations) == ((error,), ("A",))
    assert (fault.advice, fault.why, fault.person_may_end) == ("look", "seen", True)
    assert (fault.cleared_by, fault.cleared_at) == (None, None)
    assert (fault.clean_since, fault.clears_at) == (None, None)


def test_while_it_clears_a_fault_says_since_when_and_until_when():
    clean, due = START + timedelta(minutes=5), START + timedelta(minutes=10)
    track = active(is_present=False, clean_at=clean, due_at=due, cleared_by=ClearedBy.REBOOT)
    fault = fault_of(track, CATALOGUE)
    assert (fault.clean_since, fault.clears_at, fault.cleared_by) == (clean, due, "reboot")
    gone = fault_of(track, CATALOGUE, due)
    assert (gone.cleared_at, gone.clean_since, gone.clears_at) == (due, clean, None)
    assert gone.cleared_by == "reboot"


def test_while_it_lasts_nothing_has_cleared_it_unless_a_person_did():
    moment = START + timedelta(minutes=5)
    track = active(clean_at=moment, due_at=moment, cleared_by=ClearedBy.PERSON)
    fault = fault_of(track, CATALOGUE)
    assert (fault.cleared_by, fault.clean_since, fault.clears_at) == (None, None, None)
    assert fault_of(track, CATALOGUE, moment).cleared_by == "person"


def test_a_rule_that_was_taken_out_has_no_more_to_say():
    fault = fault_of(active(), Catalogue([]))
    assert (fault.advice, fault.person_may_end) == ("", False)


def test_the_key_of_a_decision_is_the_same_whenever_it_is_taken_again():
    track, until = active(), START + timedelta(hours=1)
    decision = decision_on(track, CATALOGUE, Change.RAISED, START, "at once", quiet_until=until)
    assert decision.key == "error@A/1~1#3:raised"
    assert (decision.change, decision.at, decision.because) == (
        Change.RAISED,
        START,
        "at once",
    )
    assert (decision.evidence, decision.quiet_until) == ((7,), until)
    assert decision.fault == fault_of(track, CATALOGUE)
    assert track.changes == 0


def test_changes_that_can_repeat_are_numbered_within_the_episode():
    track = active()
    keys = [
        decision_on(track, CATALOGUE, change, START, "x", quiet_until=None).key
        for change in (Change.WORSENED, Change.IMPROVED, Change.WORSENED, Change.CLEARED)
    ]
    assert keys == [
        "error@A/1~1#3:worsened:1",
        "error@A/1~1#3:improved:2",
        "error@A/1~1#3:worsened:3",
        "error@A/1~1#3:cleared",
    ]


def test_a_cleared_fault_carries_when():
    moment = START + timedelta(minutes=9)
    cleared = decision_on(
        active(), CATALOGUE, Change.CLEARED, moment, "clean", quiet_until=None
    )
    assert cleared.fault.cleared_at == moment
    worse = decision_on(active(), CATALOGUE, Change.WORSENED, moment, "more", quiet_until=None)
    assert worse.fault.cleared_at is None


def test_an_unknown_word_is_one_task_per_vendor_and_word():
    track = active(errors=[ErrorReport(vendor_id="Old"), ErrorReport(vendor_id="ACME")])
    work = unknown_code(track, "E-Stop", START)
    assert work.key == "unknown-code:acme:e-stop"
    assert (work.rule, work.codes, work.at) == ("unknown-code", ("unknown-code",), START)
    assert (work.place, work.evidence) == (track.place, (7,))
    assert work.detail == "Vendor code 'E-Stop' of ACME"
    nameless = unknown_code(active(errors=[]), "E1", START)
    assert nameless.key == "unknown-code::e1"
    assert nameless.detail == "Vendor code 'E1' of an unnamed vendor"


@pytest.mark.parametrize(
    ("inhibitor", "meanwhile"),
    [
        ("maintenance@A", "during planned work"),
        ("silence@A", "while the place is silenced"),
        (None, "while the place is silenced"),
    ],
)
def test_danger_under_a_window_is_work_of_the_worst_kind(inhibitor, meanwhile):
    track = active(inhibited_by=inhibitor, codes=["CX002", "CX008"])
    work = danger_in_maintenance(track, START)
    assert work.key == "danger:error@A/1~1#3"
    assert work.detail == f"Danger reported {meanwhile}: CX002, CX008"
    assert (work.rule, work.severity) == ("danger-in-maintenance", Severity.CRITICAL)
    assert (work.codes, work.place, work.at) == (("CX002", "CX008"), track.place, START)
    assert work.evidence == (7,)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (61.2, "1.02 minutes"),
        (90, "1.5 minutes"),
        (300, "5 minutes"),
    ],
)
def test_a_duration_is_written_in_minutes_from_one_minute_on(seconds, words):
    assert in_words(timedelta(seconds=seconds)) == words
