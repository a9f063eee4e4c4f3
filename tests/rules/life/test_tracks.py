"""The life of one fault by itself: what begins, ends and falls due, to the second."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.events import ErrorReport
from domain.faults import ClearedBy, Severity
from domain.places import Place, StationId
from rules.tracks import FLAPPING_COUNT, FLAPPING_WINDOW, Moved, Phase, Said, Track

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PATIENCE, CLEAN = timedelta(minutes=2), timedelta(minutes=5)
MINOR, MAJOR = Severity.MINOR, Severity.MAJOR


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def new() -> Track:
    place = Place.of_station(StationId("A"), 1)
    return Track(rule="faulted", place=place, fingerprint="faulted@A/1~1")


def begun(minutes: float = 0, *, since: float | None = None, flaps: bool = False) -> Track:
    track = new()
    first = at(minutes if since is None else since)
    assert track.begin(at(minutes), PATIENCE, since=first, can_flap=flaps) is Moved.NOTHING
    return track


def active(minutes: float = 2) -> Track:
    track = begun(minutes - 2)
    track.say("", MAJOR, is_danger=False)
    assert track.fire(at(minutes)) is Moved.RAISED
    return track


def test_a_condition_is_pending_until_its_patience_is_over():
    track = begun(0)
    assert (track.phase, track.is_present, track.seen_at) == (Phase.PENDING, True, at(0))
    assert track.next_at == at(2)
    assert track.fire(at(2) - timedelta(seconds=1)) is Moved.NOTHING
    assert track.phase is Phase.PENDING
    assert track.fire(at(2)) is Moved.RAISED
    assert (track.phase, track.raised_at, track.episode) == (Phase.ACTIVE, at(2), 1)
    assert track.next_at is None


def test_patience_counts_from_the_first_moment_of_the_condition():
    assert begun(1, since=0).next_at == at(2)
    late = begun(10, since=0)
    assert (late.next_at, late.seen_at) == (at(10), at(0))  # never back behind now


def test_seen_again_changes_nothing():
    track = begun(0)
    assert track.begin(at(1), PATIENCE, since=at(1), can_flap=True) is Moved.NOTHING
    assert (track.seen_at, track.due_at, track.onsets) == (at(0), at(2), [])


def test_a_pending_condition_that_ends_leaves_nothing_behind():
    track = begun(0)
    track.why, track.codes, track.cleared_by = "seen", ["CX001"], ClearedBy.REPORTED
    assert track.end(at(1), CLEAN) is Moved.NOTHING
    assert track == new()
    assert track.is_blank


def test_what_could_flap_or_was_active_is_not_blank():
    assert not begun(0).is_blank
    could_flap = begun(0, flaps=True)
    could_flap.end(at(1), CLEAN)
    assert could_flap.phase is Phase.IDLE
    assert not could_flap.is_blank
    was_active = active()
    was_active.end(at(3), CLEAN)
    was_active.forget()
    assert was_active.phase is Phase.IDLE
    assert not was_active.is_blank


def test_an_active_fault_clears_when_it_was_clean_for_long_enough():
    track = active()
    assert track.end(at(3), CLEAN) is Moved.NOTHING
    assert (track.phase, track.is_present, track.clean_at) == (Phase.ACTIVE, False, at(3))
    assert track.next_at == at(8)
    assert track.fire(at(8) - timedelta(seconds=1)) is Moved.NOTHING
    assert track.next_at == at(8)
    assert track.fire(at(8)) is Moved.CLEARED
    assert track.next_at is None
    assert track.phase is Phase.ACTIVE  # until it was told


def test_the_end_of_what_is_not_there_is_nothing():
    track = new()
    assert track.end(at(0), CLEAN) is Moved.NOTHING
    assert track == new()
    cleared = active()
    cleared.end(at(3), CLEAN)
    cleared.end(at(4), CLEAN)
    assert (cleared.clean_at, cleared.due_at) == (at(3), at(8))


def test_back_within_the_clean_time_it_is_the_same_episode():
    track = active()
    track.end(at(3), CLEAN)
    assert track.begin(at(5), PATIENCE, since=at(5), can_flap=False) is Moved.NOTHING
    assert (track.phase, track.next_at, track.episode) == (Phase.ACTIVE, None, 1)
    assert (track.seen_at, track.raised_at) == (at(0), at(2))


def test_after_it_was_told_nothing_of_the_episode_stays_but_its_number():
    track = active()
    track.end(at(3), CLEAN)
    track.fire(at(8))
    track.inhibited_by, track.part_of, track.stations = "x@A", "carrier", [StationId("A")]
    track.add_evidence(5, ErrorReport(code="x"))
    track.codes, track.unknown, track.keys = ["CX001"], ["odd"], ["7"]
    track.causes, track.is_danger, track.why = {"7": "8"}, True, "because"
    track.last_at, track.cleared_by, track.floor = at(3), ClearedBy.REBOOT, MAJOR
    track.worsens_at = track.held_due_at = track.held_worsens_at = at(99)
    track.improves_at, track.improves_left, track.left = at(99), CLEAN, CLEAN
    track.severity = track.base
    track.forget()
    blank = new()
    blank.episode, blank.base, blank.severity = 1, MAJOR, MAJOR
    assert track == blank


def test_each_episode_has_its_number_and_counts_its_changes_anew():
    track = active()
    track.changes = 4
    track.end(at(3), CLEAN)
    track.fire(at(8))
    track.forget()
    track.begin(at(20), PATIENCE, since=at(20), can_flap=False)
    assert track.raise_now(at(20)) is Moved.RAISED
    assert (track.episode, track.changes) == (2, 0)


def test_what_is_active_is_not_raised_twice():
    track = active()
    assert track.raise_now(at(9)) is Moved.NOTHING
    assert (track.raised_at, track.episode) == (at(2), 1)


def test_a_deadline_of_what_is_at_rest_does_nothing():
    track = new()
    track.due_at = at(1)
    assert track.fire(at(1)) is Moved.NOTHING
    assert track.next_at is None


def test_a_pending_fault_that_is_not_there_any_more_is_not_raised():
    track = begun(0)
    track.is_present = False
    assert track.fire(at(2)) is Moved.NOTHING
    assert (track.phase, track.due_at) == (Phase.PENDING, None)


# --- flapping ---------------------------------------------------------------------------------


def onset(track: Track, minutes: float) -> Moved:
    moved = track.begin(at(minutes), PATIENCE, since=at(minutes), can_flap=True)
    track.end(at(minutes + 1), CLEAN)
    return moved


def test_four_onsets_within_two_hours_flap_whether_or_not_each_lasted():
    track = new()
    assert FLAPPING_COUNT == 4
    assert timedelta(hours=2) == FLAPPING_WINDOW
    assert [onset(track, minutes) for minutes in (0, 40, 80)] == [Moved.NOTHING] * 3
    assert track.phase is Phase.IDLE
    assert onset(track, 120) is Moved.FLAPPING
    assert (track.phase, track.is_flapping, track.raised_at) == (Phase.ACTIVE, True, at(120))


def test_an_onset_of_more_than_two_hours_ago_does_not_count():
    track = new()
    for minutes in (0, 40, 80):
        onset(track, minutes)
    assert onset(track, 120.1) is Moved.NOTHING
    assert not track.is_flapping
    assert track.onsets == [at(40), at(80), at(120.1)]


def test_an_active_fault_begins_to_flap_once():
    track = active()
    moves = []
    for minutes in (3, 5, 7, 9, 11):
        track.end(at(minutes), CLEAN)
        again = at(minutes + 1)
        moves.append(track.begin(again, PATIENCE, since=again, can_flap=True))
    assert moves == [Moved.NOTHING] * 3 + [Moved.FLAPPING, Moved.NOTHING]
    assert (track.episode, track.due_at, len(track.onsets)) == (1, None, FLAPPING_COUNT)


def test_onsets_that_led_nowhere_are_remembered_and_those_of_a_flapping_are_over_with_it():
    track = active()
    track.onsets = [at(0)]
    track.end(at(3), CLEAN)
    track.forget()
    assert track.onsets == [at(0)]
    track.is_flapping = True
    track.forget()
    assert (track.onsets, track.is_flapping) == ([], False)


# --- dwells that stand still ------------------------------------------------------------------


def test_a_suspended_dwell_goes_on_with_what_was_left():
    track = begun(0)
    assert not track.is_suspended
    track.suspend(at(1.5))
    assert (track.next_at, track.left, track.is_suspended) == (
        None,
        timedelta(seconds=30),
        True,
    )
    track.suspend(at(1.7))
    assert track.left == timedelta(seconds=30)
    track.resume(at(60))
    assert (track.next_at, track.left, track.is_suspended) == (at(60.5), None, False)
    track.resume(at(61))
    assert track.next_at == at(60.5)


def test_a_dwell_that_was_over_when_the_place_went_dark_has_nothing_left():
    track = begun(0)
    track.suspend(at(3))
    assert track.left == timedelta(0)


def test_a_condition_that_begins_or_ends_anew_forgets_what_was_left():
    track = active()
    track.end(at(3), CLEAN)
    track.suspend(at(4))
    track.begin(at(5), PATIENCE, since=at(5), can_flap=False)
    assert track.left is None
    track.left = track.improves_left = CLEAN
    track.end(at(6), CLEAN)
    assert (track.left, track.improves_left) == (None, None)


def test_while_we_are_down_no_deadline_falls_due_and_none_before_the_guard_after():
    track = active()
    track.due_at, track.worsens_at = at(10), at(30)
    track.hold()
    assert (track.next_at, track.due_at, track.worsens_at) == (None, None, None)
    track.release(at(20))
    assert (track.due_at, track.worsens_at) == (at(20), at(30))
    assert (track.held_due_at, track.held_worsens_at) == (None, None)
    track.release(at(40))
    assert (track.due_at, track.worsens_at) == (at(20), at(30))


def test_what_has_no_deadline_gets_none_by_an_outage_of_ours():
    track = active()
    track.hold()
    track.release(at(20))
    track.put_off(at(20))
    assert (track.due_at, track.worsens_at) == (None, None)


def test_what_is_put_off_falls_due_no_sooner_and_what_is_later_stays():
    track = active()
    track.due_at, track.worsens_at = at(10), at(30)
    track.put_off(at(20))
    assert (track.due_at, track.worsens_at) == (at(20), at(30))
    track.put_off(at(40))
    assert (track.due_at, track.worsens_at) == (at(40), at(40))
    held = active()
    held.due_at, held.worsens_at = at(10), at(30)
    held.hold()
    held.release(at(40))
    assert (held.due_at, held.worsens_at) == (at(40), at(40))


# --- worse and less bad -----------------------------------------------------------------------


def test_the_second_severity_is_due_only_while_the_fault_is_active():
    track = begun(0)
    track.worsens_at = at(1)
    assert track.next_at == at(2)
    assert track.fire(at(1)) is Moved.NOTHING
    assert track.fire(at(2)) is Moved.RAISED
    assert track.next_at == at(1)
    assert track.fire(at(2)) is Moved.WORSENS
    assert track.next_at is None


def test_the_soonest_of_three_deadlines_is_the_next():
    track = active()
    track.due_at, track.worsens_at, track.improves_at = at(10), at(11), at(12)
    assert track.next_at == at(10)
    track.due_at = at(13)
    assert track.next_at == at(11)
    assert track.fire(at(11)) is Moved.WORSENS
    assert track.next_at == at(12)
    assert track.fire(at(11.9)) is Moved.NOTHING
    assert track.fire(at(12)) is Moved.IMPROVES
    assert track.next_at == at(13)


def test_what_is_pending_is_as_bad_as_what_was_said_last():
    track = begun(0)
    track.say("", MAJOR, is_danger=False)
    track.say("", MINOR, is_danger=False)
    assert (track.base, track.is_danger) == (MINOR, False)


def test_what_is_active_is_worse_at_once_and_less_bad_after_its_clean_time():
    track = active()
    track.say("", MINOR, is_danger=False)
    track.watch_improvement(at(3), CLEAN)
    assert (track.base, track.improves_at) == (MAJOR, at(8))
    track.say("", MINOR, is_danger=False)
    track.watch_improvement(at(4), CLEAN)
    assert track.improves_at == at(8)
    assert track.fire(at(8)) is Moved.IMPROVES
    track.improve()
    assert (track.base, track.next_at) == (MINOR, None)
    track.say("", Severity.CRITICAL, is_danger=False)
    assert track.base is Severity.CRITICAL


def test_worse_again_before_that_it_was_never_less_bad():
    track = active()
    track.say("", MINOR, is_danger=False)
    track.watch_improvement(at(3), CLEAN)
    track.say("", MAJOR, is_danger=False)
    track.watch_improvement(at(4), CLEAN)
    assert (track.improves_at, track.next_at) == (None, None)


def test_the_worst_of_several_errors_counts_as_long_as_it_is_on():
    track = active()
    track.said = {}
    track.say("7", MINOR, is_danger=False)
    track.say("8", MAJOR, is_danger=True)
    assert (track.base, track.is_danger) == (MAJOR, True)
    del track.said["8"]
    track.watch_improvement(at(3), CLEAN)
    assert track.improves_at == at(8)
    track.improve()
    assert (track.base, track.is_danger) == (MINOR, False)


def test_danger_that_is_over_is_less_bad_even_where_the_severity_stays():
    track = active()
    track.said = {}
    track.say("7", MAJOR, is_danger=True)
    track.say("7", MAJOR, is_danger=False)
    assert track.said == {"7": Said(MAJOR, False)}
    track.watch_improvement(at(3), CLEAN)
    assert track.improves_at == at(8)


def test_a_status_that_named_a_danger_stays_one_while_it_lasts():
    track = active()
    track.say("", MAJOR, is_danger=True)
    track.say("", MAJOR, is_danger=False)
    track.watch_improvement(at(3), CLEAN)
    assert (track.said[""], track.is_danger, track.improves_at) == (
        Said(MAJOR, True),
        True,
        None,
    )
    track.end(at(4), CLEAN)
    assert track.said == {}


def test_once_its_second_severity_counts_it_is_never_less_than_that():
    track = active()
    track.floor, track.base = MAJOR, Severity.CRITICAL
    track.say("", MINOR, is_danger=False)
    track.improve()
    assert track.base is MAJOR


def test_what_an_old_snapshot_does_not_know_stays_as_bad_as_it_was():
    track = active()
    track.said = {}
    track.watch_improvement(at(3), CLEAN)
    assert (track.improves_at, track.base) == (None, MAJOR)


@pytest.mark.parametrize("how", ["pending", "clearing"])
def test_only_what_is_active_and_there_can_become_less_bad(how):
    track = begun(0) if how == "pending" else active()
    track.say("", MAJOR, is_danger=False)
    track.base = Severity.CRITICAL
    track.improves_at, track.improves_left = at(5), CLEAN
    track.is_present = how == "pending"
    track.watch_improvement(at(3), CLEAN)
    assert (track.improves_at, track.improves_left) == (None, None)


def test_an_improvement_stands_still_while_the_place_is_dark():
    track = active()
    track.say("", MINOR, is_danger=False)
    track.watch_improvement(at(3), CLEAN)
    track.suspend(at(7))
    assert (track.next_at, track.improves_left, track.is_suspended) == (
        None,
        timedelta(minutes=1),
        True,
    )
    track.watch_improvement(at(20), CLEAN)
    assert track.improves_at is None
    track.resume(at(60))
    assert (track.next_at, track.improves_left) == (at(61), None)
    track.suspend(at(70))
    assert track.improves_left == timedelta(0)
    track.end(at(71), CLEAN)
    assert track.improves_at is None


# --- ended by a person, evidence, names -------------------------------------------------------


def test_what_a_person_ended_is_quiet_while_the_same_condition_lasts():
    track = active()
    assert not track.is_dismissed
    track.forget()
    assert track.is_dismissed
    assert track.begin(at(9), PATIENCE, since=at(9), can_flap=True) is Moved.NOTHING
    assert track.next_at is None
    track.end(at(10), CLEAN)
    assert not track.is_dismissed
    assert (track.phase, track.next_at) == (Phase.IDLE, None)
    track.begin(at(20), PATIENCE, since=at(20), can_flap=False)
    assert track.phase is Phase.PENDING
    assert not track.is_dismissed


def test_the_first_and_the_latest_evidence_stay():
    track = new()
    for position in (0, 3, 3, *range(10, 20)):
        track.add_evidence(position)
    assert track.evidence == [3, 13, 14, 15, 16, 17, 18, 19]


def test_the_latest_four_wordings_stay_each_once():
    track = new()
    errors = [ErrorReport(code=str(n)) for n in range(6)]
    for error in [*errors, errors[5]]:
        track.add_evidence(0, error)
    assert track.errors == errors[2:]
    track.add_evidence(4)
    assert (track.errors, track.evidence) == (errors[2:], [4])


def test_a_track_is_named_after_its_rule_and_place():
    assert new().name == "faulted@A/1"
