"""The ledger: patience, deadlines, windows and wakes, and the decisions that follow."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from domain.beliefs import Link
from domain.faults import ClearedBy, Severity
from domain.places import StationId
from rules.ledger import RECONNECT_SETTLE
from rules.sighting import Sighting
from rules.state import Window
from rules.tracks import Phase

MINUTE = timedelta(minutes=1)
A = StationId("A")


def test_a_fault_is_told_when_its_patience_and_when_its_clean_time_is_over(world):
    world.see(0, world.FAULTED, "A/1")
    world.pass_to(1.9)
    assert world.decisions == []
    assert world.ledger.wake_at == world.at(2)
    world.pass_to(2)
    world.end(10, world.FAULTED, "A/1", 9)
    assert world.ledger.wake_at == world.at(15)
    world.pass_to(15)
    assert world.told("because") == [
        (2, "raised", "faulted@A/1", "lasted its patience"),
        (15, "cleared", "faulted@A/1", "clean for 5 minutes"),
    ]
    [raised, cleared] = world.decisions
    assert (raised.fault.severity, raised.evidence) == (Severity.MAJOR, (1,))
    assert (cleared.evidence, cleared.fault.cleared_by) == ((1, 9), "reported")
    assert world.ledger.wake_at is None


def test_deadlines_fire_as_of_their_own_moment_however_late_it_is_asked(world):
    world.see(0, world.FAULTED, "A/1")
    world.pass_to(500)
    assert world.told() == [(2, "raised", "faulted@A/1")]


def test_patience_that_was_over_before_it_was_seen_is_not_waited_for_again(world):
    world.see(10, world.STUCK, "A/1", since=world.at(-30), why="Finishing since 7:30")
    [(_, _, _, because)] = world.told("because")
    assert because == "Finishing since 7:30; lasted its patience"


def test_what_needs_no_patience_counts_at_once(world):
    world.see(0, world.LID, "A")
    world.see(1, world.FAULTED, "A/1", is_danger=True)
    assert world.told("because", "severity") == [
        (0, "raised", "lid@A", "at once", Severity.INFO),
        (1, "raised", "faulted@A/1", "danger: at once", Severity.CRITICAL),
    ]


def test_a_pending_fault_that_becomes_a_danger_counts_at_once(world):
    world.see(0, world.FAULTED, "A/1")
    world.see(1, world.FAULTED, "A/1", is_danger=True)
    assert world.told("because") == [(1, "raised", "faulted@A/1", "danger: at once")]


def test_another_patience_of_its_own_goes_before_the_rules(world):
    world.see(0, world.OFFLINE, "A", raise_after=45 * MINUTE)
    world.see(0, world.OFFLINE, "B")
    world.pass_to(60)
    assert world.told() == [(30, "raised", "offline@B"), (45, "raised", "offline@A")]
    world.see(60, world.OFFLINE, "C", raise_after=45 * MINUTE, is_danger=True)
    assert world.told()[-1] == (60, "raised", "offline@C")


def test_a_blip_leaves_nothing_behind(world):
    world.see(0, world.FAULTED, "A/1")
    world.end(1, world.FAULTED, "A/1")
    world.pass_to(100)
    assert world.decisions == []
    assert world.state.tracks == {}
    assert world.track(world.FAULTED, "A/1") is None
    assert world.ledger.tracks_at(A) == []


def test_what_could_flap_is_remembered_after_a_blip(world):
    world.see(0, world.FAULTED, "A/1", can_flap=True)
    world.end(1, world.FAULTED, "A/1")
    assert world.track(world.FAULTED, "A/1").onsets == [world.at(0)]


def test_the_end_of_what_was_never_seen_or_is_over_is_nothing(world):
    world.end(0, world.FAULTED, "A/1")
    world.see(1, world.FAULTED, "A/1")
    world.end(5, world.FAULTED, "A/1")
    world.end(6, world.FAULTED, "A/1", 99, by=ClearedBy.PERSON)
    track = world.track(world.FAULTED, "A/1")
    assert (track.due_at, track.cleared_by, track.evidence) == (world.at(10), "reported", [1])


def test_each_rule_and_place_is_a_fault_of_its_own(world):
    world.see(0, world.FAULTED, "A/1")
    world.see(0, world.FAULTED, "A/2")
    world.see(0, world.ERROR, "A/1")
    tracks = world.ledger.tracks_at(A)
    assert [track.fingerprint for track in tracks] == [
        "faulted@A/1~1",
        "faulted@A/2~1",
        "error@A/1~1",
    ]
    assert [track.name for track in world.ledger.tracks_of(world.FAULTED)] == [
        "faulted@A/1",
        "faulted@A/2",
    ]
    assert world.track(world.FAULTED, "A") is None
    assert world.track(world.STUCK, "A/1") is None


def test_four_times_within_two_hours_is_one_fault_until_it_is_clean_for_half_an_hour(world):
    for minutes in (0, 10, 20, 30):
        world.see(minutes, world.FAULTED, "A/1", can_flap=True)
        world.end(minutes + 1, world.FAULTED, "A/1")
    world.see(40, world.FAULTED, "A/1", can_flap=True)
    world.end(41, world.FAULTED, "A/1")
    world.pass_to(100)
    assert world.told("because", "is_flapping") == [
        (30, "raised", "faulted@A/1", "four times within two hours", True),
        (71, "cleared", "faulted@A/1", "clean for 30 minutes", True),
    ]


def test_an_active_fault_that_begins_to_flap_says_so_once(world):
    world.see(0, world.FAULTED, "A/1", can_flap=True)
    for minutes in (5, 7, 9, 11):
        world.end(minutes, world.FAULTED, "A/1")
        world.see(minutes + 1, world.FAULTED, "A/1", can_flap=True)
    assert world.told("because")[1:] == [
        (10, "flapping", "faulted@A/1", "four times within two hours")
    ]


def test_a_fault_that_is_cleared_after_a_boot_says_so(world):
    world.see(0, world.FAULTED, "A/1")
    world.see(0, world.FAULTED, "A/2")
    world.state.fleet.belief(A).booted_at = world.at(5)
    world.end(6, world.FAULTED, "A/1", by=ClearedBy.EVIDENCE)
    world.end(6, world.FAULTED, "A/2", by=ClearedBy.PERSON)
    world.pass_to(20)
    assert [(d.fault.cleared_by, d.because) for d in world.of(world.FAULTED, "cleared")] == [
        ("reboot", "clean for 5 minutes after the station started anew"),
        ("person", "clean for 5 minutes"),
    ]


# --- worse and less bad ---------------------------------------------------------------


def test_a_fault_that_lasts_becomes_worse_and_back_it_is_not_less_bad(world):
    world.see(0, world.OFFLINE, "A")
    world.pass_to(119)
    world.pass_to(120)
    assert world.told("severity", "because") == [
        (30, "raised", "offline@A", "minor", "lasted its patience"),
        (120, "worsened", "offline@A", "major", "lasts on"),
    ]
    world.end(130, world.OFFLINE, "A")
    world.see(132, world.OFFLINE, "A")
    world.pass_to(131 + 300)
    assert len(world.decisions) == 2


def test_while_it_clears_it_does_not_become_worse(world):
    world.see(0, world.OFFLINE, "A")
    world.end(118, world.OFFLINE, "A")
    world.pass_to(200)
    assert [what for _, what, _ in world.told()] == ["raised", "cleared"]
    world.see(300, world.OFFLINE, "A")
    world.end(301, world.OFFLINE, "A")
    assert world.track(world.OFFLINE, "A").worsens_at is None


def test_what_was_bad_for_two_hours_before_it_was_active_is_worse_from_the_start(world):
    world.see(0, world.OFFLINE, "A")
    world.ledger.suspend(A, world.at(1), [world.OFFLINE])
    world.ledger.resume(A, world.at(200), [world.OFFLINE])
    world.pass_to(400)
    assert world.told("severity") == [(229, "raised", "offline@A", "major")]


def test_one_of_two_errors_that_is_gone_makes_the_fault_less_bad_in_time(world):
    world.see(0, world.ERROR, "A/1", key="7", severity=Severity.MAJOR)
    world.see(1, world.ERROR, "A/1", key="8")
    world.pass_to(2)
    world.ledger.end_error(world.ERROR, world.place_of("A/1"), "7", world.at(10), 5)
    assert world.ledger.wake_at == world.at(15)
    world.pass_to(14)
    world.pass_to(15)
    assert world.told("severity", "because")[1:] == [
        (15, "improved", "error@A/1", "minor", "what was worse is gone for 5 minutes")
    ]
    world.ledger.end_error(world.ERROR, world.place_of("A/1"), "8", world.at(20), 6)
    world.pass_to(30)
    assert world.told()[-1] == (25, "cleared", "error@A/1")
    assert world.decisions[-1].evidence == (1, 6)


def test_the_end_of_an_error_that_is_not_on_is_nothing(world):
    where = world.place_of("A/1")
    world.ledger.end_error(world.ERROR, where, "7", world.at(0))
    world.see(0, world.ERROR, "A/1", key="8", cause="9")
    world.ledger.end_error(world.ERROR, where, "7", world.at(1))
    assert world.track(world.ERROR, "A/1").keys == ["8"]
    world.ledger.end_error(world.ERROR, where, "8", world.at(1))
    assert world.track(world.ERROR, "A/1") is None


def test_of_a_pending_fault_one_error_may_end_and_the_other_goes_on(world):
    world.see(0, world.ERROR, "A/1", key="7", cause="9")
    world.see(0, world.ERROR, "A/1", key="8", cause="9")
    world.ledger.end_error(world.ERROR, world.place_of("A/1"), "7", world.at(1))
    track = world.track(world.ERROR, "A/1")
    assert (track.keys, track.causes, [*track.said]) == (["8"], {"8": "9"}, ["8"])
    world.pass_to(2)
    assert world.told() == [(2, "raised", "error@A/1")]


def test_what_flapped_is_less_bad_only_after_its_longer_clean_time(world):
    world.see(0, world.FAULTED, "A/1", is_flapping=True)
    world.pass_to(2)
    world.see(10, world.FAULTED, "A/1", severity=Severity.MINOR)
    assert world.track(world.FAULTED, "A/1").improves_at == world.at(40)


def test_words_with_another_meaning_take_the_place_of_what_was_known(world):
    track = world.see(0, world.FAULTED, "A/1", codes=("odd",), unknown=("odd",))
    assert world.ledger.find(world.FAULTED, track.place) is track
    sighting = Sighting(at=world.at(1), since=world.at(1), codes=("CX001",), position=8)
    world.ledger.reword(track, world.FAULTED, sighting)
    assert (track.codes, track.unknown, track.evidence) == (["CX001"], [], [1, 8])
    world.end(5, world.FAULTED, "A/1")
    again = Sighting(at=world.at(6), since=world.at(6), codes=("CX002",))
    world.ledger.reword(track, world.FAULTED, again)
    assert track.codes == ["CX001"]  # it is clearing: nothing is seen
    world.pass_to(20)
    track.is_present = True
    world.ledger.reword(track, world.FAULTED, again)
    assert track.codes == []  # a person ended it


# --- ended by a person ------------------------------------------------------------------


def dismiss(world, minutes, rule="lid", where="A", why="kim: ours", position=7):
    at = world.at(minutes)
    world.ledger.fire_until(at)
    world.ledger.dismiss(rule, world.place_of(where), at, position, why)
    world.take()


def test_a_person_ends_what_nothing_else_ends_and_it_stays_quiet_while_it_lasts(world):
    world.see(0, world.LID, "A")
    dismiss(world, 5)
    world.see(6, world.LID, "A")
    world.pass_to(100)
    assert world.told("because") == [
        (0, "raised", "lid@A", "at once"),
        (5, "cleared", "lid@A", "ended by a person: kim: ours"),
    ]
    cleared = world.decisions[-1]
    assert (cleared.fault.cleared_by, cleared.evidence) == ("person", (1, 7))
    world.end(101, world.LID, "A")
    world.see(102, world.LID, "A")
    assert world.told()[2:] == [(102, "raised", "lid@A")]
    assert world.decisions[-1].fault.episode == 2


def test_a_danger_is_told_although_a_person_ended_the_fault(world):
    world.see(0, world.LID, "A")
    dismiss(world, 5, why="")
    world.see(6, world.LID, "A", is_danger=True)
    assert world.told("because")[1:] == [
        (5, "cleared", "lid@A", "ended by a person"),
        (6, "raised", "lid@A", "danger: at once"),
    ]


def test_nobody_can_end_what_is_not_there_or_would_be_back_with_the_next_report(world):
    dismiss(world, 0)
    dismiss(world, 0, rule="nothing")
    world.see(1, world.FAULTED, "A/1")
    world.see(1, world.STUCK, "A/1")
    world.pass_to(5)
    dismiss(world, 6, rule="faulted", where="A/1")
    world.see(7, world.LID, "A", is_danger=False, since=world.at(7))
    world.end(8, world.LID, "A")
    world.pass_to(60)
    dismiss(world, 61)
    assert [(what, name) for _, what, name in world.told()] == [
        ("raised", "faulted@A/1"),
        ("raised", "lid@A"),
        ("cleared", "lid@A"),
        ("raised", "stuck@A/1"),
    ]


# --- dwells that stand still ------------------------------------------------------------


def test_while_a_station_is_dark_its_dwells_stand_still(world):
    for where in ("A/1", "A/2", "C/1"):
        world.see(0, world.FAULTED, where)
    world.see(0, world.ERROR, "A/1", key="1")
    world.ledger.suspend(A, world.at(1), [world.FAULTED])
    world.pass_to(60)
    assert world.told() == [(2, "raised", "error@A/1"), (2, "raised", "faulted@C/1")]
    world.ledger.resume(A, world.at(60), [world.ERROR])
    world.pass_to(70)
    world.ledger.resume(A, world.at(70), [world.FAULTED])
    assert world.ledger.wake_at == world.at(71)
    world.pass_to(80)
    assert world.told()[2:] == [(71, "raised", "faulted@A/1"), (71, "raised", "faulted@A/2")]


def test_what_comes_to_its_end_unseen_waits_until_the_station_had_time_to_speak(world):
    world.see(0, world.FAULTED, "A/1")
    world.end(5, world.FAULTED, "A/1")
    world.state.fleet.belief(A).link = Link.UNKNOWN
    world.pass_to(60)
    assert world.told() == [(2, "raised", "faulted@A/1")]
    assert world.ledger.wake_at is None
    world.state.fleet.belief(A).link = Link.UP
    world.ledger.resume(A, world.at(60), [world.FAULTED])
    assert timedelta(seconds=60) == RECONNECT_SETTLE
    assert world.ledger.wake_at == world.at(61)
    world.pass_to(61)
    assert world.told()[1:] == [(61, "cleared", "faulted@A/1")]


def test_nor_does_it_become_less_bad_unseen(world):
    world.see(0, world.FAULTED, "A/1")
    world.pass_to(2)
    world.see(3, world.FAULTED, "A/1", severity=Severity.MINOR)
    world.state.fleet.belief(A).link = Link.UNKNOWN
    world.pass_to(60)
    assert world.ledger.wake_at is None
    world.state.fleet.belief(A).link = Link.UP
    world.ledger.resume(A, world.at(60), [world.FAULTED])
    world.pass_to(61)
    assert world.told("severity")[1:] == [(61, "improved", "faulted@A/1", "minor")]


def test_becoming_worse_needs_no_look(world):
    world.see(0, world.OFFLINE, "A")
    world.state.fleet.belief(A).link = Link.UNKNOWN
    world.pass_to(130)
    assert [what for _, what, _ in world.told()] == ["raised", "worsened"]


def test_a_deadline_of_what_is_not_there_any_more_passes(world):
    track = world.see(0, world.FAULTED, "A/1")
    track.is_present = False
    world.pass_to(5)
    assert world.decisions == []
    assert world.ledger.wake_at is None


def test_what_was_to_become_worse_by_a_rule_that_says_so_no_longer_does_not(world):
    world.see(0, world.OFFLINE, "A")
    world.pass_to(40)
    again = world.thawed((replace(world.OFFLINE, worsens=None),))
    again.pass_to(200)
    assert again.decisions == []
    assert again.ledger.wake_at is None


def test_while_we_are_down_lost_links_do_not_count_and_then_get_their_time(world):
    world.see(0, world.OFFLINE, "A")
    world.see(0, world.FAULTED, "A/1")
    world.ledger.hold([world.OFFLINE])
    world.pass_to(60)
    assert world.told() == [(2, "raised", "faulted@A/1")]
    world.ledger.release([world.OFFLINE], world.at(85))
    assert world.ledger.wake_at == world.at(85)
    world.pass_to(121)
    assert world.told()[1:] == [(85, "raised", "offline@A"), (120, "worsened", "offline@A")]


def test_where_nobody_told_us_that_we_went_down_they_get_their_time_as_well(world):
    world.see(0, world.OFFLINE, "A")
    world.see(0, world.FAULTED, "A/1")
    world.ledger.release([world.OFFLINE], world.at(85))
    world.pass_to(86)
    assert world.told() == [(2, "raised", "faulted@A/1"), (85, "raised", "offline@A")]


def test_one_track_can_be_given_more_time_than_the_others(world):
    for where in ("A", "B"):
        world.see(0, world.OFFLINE, where)
    world.ledger.put_off(world.track(world.OFFLINE, "A"), world.at(45))
    world.pass_to(60)
    assert world.told() == [(30, "raised", "offline@B"), (45, "raised", "offline@A")]
    world.ledger.postpone(world.track(world.OFFLINE, "A"), world.at(70))
    assert world.ledger.wake_at == world.at(70)


def test_while_the_fault_may_be_ours_no_lost_link_counts(world):
    world.see(0, world.OFFLINE, "A")
    world.see(0, world.FAULTED, "A/1")
    world.see(0, world.SILENT, "B")
    world.end(1, world.SILENT, "B")
    world.ledger.guard(world.at(85))
    assert world.state.outages.ours_until == world.at(85)
    world.see(60, world.OFFLINE, "B")
    world.see(60, world.FAULTED, "A/2")
    world.pass_to(86)
    world.see(90, world.OFFLINE, "C")
    world.pass_to(121)
    assert [one for one in world.told() if one[1] == "raised"] == [
        (2, "raised", "faulted@A/1"),
        (62, "raised", "faulted@A/2"),
        (85, "raised", "offline@A"),
        (90, "raised", "offline@B"),
        (120, "raised", "offline@C"),
    ]


def test_a_guard_lets_what_clears_go_on_clearing(world):
    world.see(0, world.OFFLINE, "A")
    world.end(40, world.OFFLINE, "A")
    world.ledger.guard(world.at(85))
    world.pass_to(45)
    assert world.told()[-1] == (45, "cleared", "offline@A")


def test_the_end_of_the_guard_is_no_part_of_it(world):
    world.ledger.guard(world.at(85))
    track = world.see(85, world.OFFLINE, "A", since=world.at(60))
    assert track.due_at == world.at(90)


# --- a customer's report, asks and work --------------------------------------------------


def test_a_customers_report_settles_what_is_only_suspected(world):
    track = world.see(0, world.STUCK, "A/1")
    world.ledger.confirm(track, world.at(5), 9)
    world.take()
    assert world.told("because", "evidence") == [
        (5, "raised", "stuck@A/1", "a customer reports it", (1, 9))
    ]
    world.ledger.confirm(track, world.at(6), 10)
    world.take()
    assert len(world.decisions) == 1
    assert world.ledger.wake_at is None


def test_it_is_evidence_and_no_more_where_the_rule_does_not_say_so(world):
    track = world.see(0, world.FAULTED, "A/1")
    world.ledger.confirm(track, world.at(1), 9)
    world.take()
    assert (world.decisions, track.evidence) == ([], [1, 9])


def test_what_is_pending_and_not_there_is_not_settled(world):
    track = world.see(0, world.STUCK, "A/1")
    track.is_present = False
    world.ledger.confirm(track, world.at(1), 9)
    world.take()
    assert world.decisions == []


def test_places_to_ask_about_are_handed_out_once(world):
    where = world.place_of("A/1")
    world.ledger.ask_status(where)
    assert world.ledger.take_asks() == (where,)
    assert world.ledger.take_asks() == ()


# --- windows ------------------------------------------------------------------------------


def window(world, kind, where, begins, ends, rule=""):
    world.pass_to(begins)
    opened = Window(kind, world.place_of(where), world.at(ends), rule)
    world.ledger.open_window(opened, world.at(begins))


def test_what_becomes_active_under_a_window_is_told_when_that_ends(world):
    window(world, "maintenance", "A", 0, 60)
    world.see(1, world.FAULTED, "A/1")
    world.pass_to(100)
    assert world.told("inhibited_by", "because", "quiet_until") == [
        (3, "raised", "faulted@A/1", "maintenance@A", "lasted its patience", world.at(60)),
        (60, "released", "faulted@A/1", None, "the window ended", None),
    ]


def test_what_was_told_before_stays_told_and_its_end_waits(world):
    world.see(0, world.FAULTED, "A/1")
    world.pass_to(5)
    window(world, "maintenance", "A", 5, 60)
    world.see(6, world.FAULTED, "A/1")
    world.end(10, world.FAULTED, "A/1")
    world.pass_to(100)
    assert world.told("quiet_until") == [
        (2, "raised", "faulted@A/1", None),
        (15, "cleared", "faulted@A/1", world.at(60)),
    ]


def test_windows_that_end_at_one_moment_end_together_also_after_a_restart(world):
    window(world, "maintenance", "A", 0, 60)
    window(world, "silence", "B", 0, 60)
    window(world, "silence", "C", 0, 60)
    for where in ("A/1", "B/1", "C/1"):
        world.see(1, world.FAULTED, where)
    world.pass_to(5)
    world.end(58, world.FAULTED, "C/1")
    again = world.thawed()
    for one in (world, again):
        one.pass_to(61)
        released = [name for _, what, name in one.told() if what == "released"]
        assert released == ["faulted@A/1", "faulted@B/1"]


def test_what_is_not_quiet_by_a_window_is_not_looked_at_when_one_ends(world):
    window(world, "maintenance", "A", 0, 60)
    world.see(1, world.FAULTED, "B/1", codes=("CX001",))
    world.pass_to(10)
    world.track(world.FAULTED, "B/1").inhibited_by = "something else"
    world.pass_to(60)
    assert len(world.decisions) == 1


def test_nor_does_it_become_quiet_when_it_comes_back_under_the_window(world):
    world.see(0, world.FAULTED, "A/1")
    world.pass_to(5)
    window(world, "maintenance", "A", 5, 60)
    world.end(10, world.FAULTED, "A/1")
    world.see(12, world.FAULTED, "A/1")
    assert world.told("inhibited_by") == [(2, "raised", "faulted@A/1", None)]


def test_what_clears_when_the_window_ends_is_told_to_nobody(world):
    window(world, "silence", "A", 0, 60)
    world.see(1, world.FAULTED, "A/1")
    world.end(58, world.FAULTED, "A/1")
    world.pass_to(61)
    world.pass_to(100)
    assert world.told("inhibited_by") == [
        (3, "raised", "faulted@A/1", "silence@A"),
        (63, "cleared", "faulted@A/1", "silence@A"),
    ]


def test_back_after_the_window_it_is_told_then(world):
    window(world, "silence", "A", 0, 60)
    world.see(1, world.FAULTED, "A/1")
    world.end(58, world.FAULTED, "A/1")
    world.see(62, world.FAULTED, "A/1")
    assert world.told("because")[1:] == [(62, "released", "faulted@A/1", "it is back")]


def test_the_longer_of_two_windows_of_one_place_counts(world):
    window(world, "maintenance", "A", 0, 60)
    window(world, "maintenance", "A", 0, 90)
    world.see(1, world.FAULTED, "A/1")
    world.pass_to(100)
    assert world.told("quiet_until") == [
        (3, "raised", "faulted@A/1", world.at(90)),
        (90, "released", "faulted@A/1", None),
    ]


def test_from_one_window_into_another_it_is_still_nobodys_ticket(world):
    window(world, "maintenance", "A", 0, 60)
    window(world, "silence", "site:north", 0, 30)
    world.see(1, world.FAULTED, "A/1")
    window(world, "silence", "site:north", 40, 90)
    world.pass_to(100)
    assert world.told("inhibited_by") == [
        (3, "raised", "faulted@A/1", "maintenance@A"),
        (60, "inhibited", "faulted@A/1", "silence@site:north"),
        (90, "released", "faulted@A/1", None),
    ]


def test_a_window_that_was_over_before_it_was_told_of_counts_for_nothing(world):
    window(world, "maintenance", "A", 10, 10)
    assert world.state.windows == []
    assert world.ledger.wake_at is None
    window(world, "maintenance", "A", 10, 10.5)
    assert world.ledger.wake_at == world.at(10.5)


@pytest.mark.parametrize("kind", ["maintenance", "silence"])
def test_danger_under_a_window_is_work_for_us_once_per_episode(world, kind):
    window(world, kind, "A", 0, 60)
    world.see(1, world.FAULTED, "A/1", is_danger=True)
    world.see(2, world.FAULTED, "A/1", is_danger=True)
    world.see(3, world.FAULTED, "A/2")
    world.see(6, world.FAULTED, "A/2", is_danger=True)
    assert [one for one in world.told() if one[1] == "work"] == [
        (1, "work", "danger-in-maintenance@A/1"),
        (6, "work", "danger-in-maintenance@A/2"),
    ]


def test_danger_that_comes_under_a_window_later_is_work_for_us_too(world):
    track = world.see(0, world.FAULTED, "A/1", is_danger=True)
    track.inhibited_by = "faulted@A"  # which is over now
    window(world, "maintenance", "A", 1, 60)
    world.see(2, world.ERROR, "A", key="7")
    world.ledger.end_error(world.ERROR, world.place_of("A"), "7", world.at(3))
    world.take()
    assert world.told()[1:] == [
        (3, "inhibited", "faulted@A/1"),
        (3, "work", "danger-in-maintenance@A/1"),
    ]


# --- wakes --------------------------------------------------------------------------------


def test_a_look_at_a_later_moment_comes_once_and_the_last_wish_counts(world):
    looks = []
    world.ledger.on_wake("look", lambda at, key: looks.append((at, key)))
    world.ledger.wake(world.at(5), "look", "A")
    world.ledger.wake(world.at(9), "look", "A")
    world.ledger.wake(world.at(7), "look", "B")
    assert world.ledger.wake_of("look", "A") == world.at(9)
    assert world.ledger.wake_of("look", "C") is None
    assert world.ledger.wake_of("other", "A") is None
    assert world.ledger.wake_at == world.at(7)
    world.pass_to(60)
    assert looks == [(world.at(7), "B"), (world.at(9), "A")]
    assert world.ledger.wake_of("look", "A") is None


def test_looks_that_are_not_wished_for_any_more_do_not_come(world):
    looks = []
    world.ledger.on_wake("look", lambda at, key: looks.append(key))
    world.ledger.wake(world.at(5), "look", "A")
    world.ledger.forget_wakes("look")
    world.ledger.forget_wakes("other")
    world.pass_to(60)
    assert looks == []


def test_faults_of_one_moment_come_first_the_wider_before_the_narrow_then_looks(world):
    order = []
    world.ledger.on_wake("late", lambda at, key: order.append("late"))
    world.ledger.on_wake("early", lambda at, key: order.append("early"), rank=-1)
    world.ledger.when_raised(lambda track, at: order.append(track.name))
    for where in ("A/1", "A", "site:north", "carrier:telco", "fleet"):
        world.see(8, world.FAULTED, where)
    world.ledger.wake(world.at(10), "late", "x")
    world.ledger.wake(world.at(10), "early", "x")
    world.pass_to(10)
    assert order == [
        "early",
        "faulted@fleet",
        "faulted@carrier:telco",
        "faulted@site:north",
        "faulted@A",
        "faulted@A/1",
        "late",
    ]


# --- snapshots, other rules -----------------------------------------------------------------


def test_every_deadline_window_and_wish_survives_a_snapshot_to_the_second(world):
    looks = []
    world.ledger.on_wake("look", lambda at, key: None)
    world.see(0, world.OFFLINE, "A")
    world.see(0, world.FAULTED, "A/1")
    window(world, "maintenance", "C", 0, 60)
    world.see(1, world.FAULTED, "C/1")
    world.ledger.wake(world.at(7), "look", "x")
    world.pass_to(5)
    again = world.thawed()
    again.ledger.on_wake("look", lambda at, key: looks.append((at, key)))
    assert again.ledger.wake_at == world.at(7)
    assert set(again.ledger.active_faults()) == set(world.ledger.active_faults())
    assert [fault.name for fault in again.ledger.active_faults()] == [
        "faulted@A/1",
        "faulted@C/1",
    ]
    again.pass_to(200)
    assert again.told() == [
        (30, "raised", "offline@A"),
        (60, "released", "faulted@C/1"),
        (120, "worsened", "offline@A"),
    ]
    assert looks == [(world.at(7), "x")]


def test_what_a_rule_found_that_was_taken_out_is_cleared_and_those_it_spoke_for_are_told(
    world,
):
    world.see(0, world.DARK, "site:north")
    world.see(0, world.OFFLINE, "A")
    world.see(0, world.SILENT, "A")
    world.pass_to(40)
    world.end(41, world.SILENT, "A")
    world.see(45, world.LID, "C")
    world.end(45, world.LID, "C")
    world.pass_to(60)
    gone = (world.DARK, world.LID, world.SILENT)
    again = world.thawed(tuple(rule for rule in world.RULES if rule not in gone))
    again.pass_to(61)
    again.pass_to(62)
    assert again.told("because", "cleared_by") == [
        (61, "cleared", "dark@site:north", "its rule was taken out", "person"),
        (61, "released", "offline@A", "dark at site:north", None),
    ]
    assert again.decisions[0].fault.cleared_at == world.at(61)
    assert [track.rule for track in again.state.tracks.values()] == ["offline"]


def test_what_was_critical_by_a_rule_that_was_taken_out_is_less_bad_without_it(world):
    extra = replace(world.FAULTED, name="extra")
    both = world.thawed((*world.RULES, extra))
    both.see(0, extra, "C/1")
    both.see(0, world.FAULTED, "C")
    both.pass_to(10)
    assert {d.fault.severity for d in both.decisions} == {Severity.CRITICAL}
    both.track(world.FAULTED, "C").base = Severity.MINOR
    again = both.thawed()
    again.pass_to(11)
    assert again.told("severity")[1:] == [(11, "improved", "faulted@C", "minor")]


def test_a_rule_in_a_new_version_leaves_a_fault_its_episode_and_finds_its_own_after(world):
    world.see(0, world.FAULTED, "A/1")
    world.see(0, world.FAULTED, "A/2", can_flap=True)
    world.end(1, world.FAULTED, "A/2")
    world.pass_to(5)
    newer = replace(world.FAULTED, version=2)
    again = world.thawed((newer, world.OFFLINE))
    again.see(6, newer, "A/1")
    again.end(10, newer, "A/1")
    again.see(20, newer, "A/1")
    again.see(20, newer, "A/2")
    again.pass_to(30)
    assert again.told("fingerprint", "episode") == [
        (15, "cleared", "faulted@A/1", "faulted@A/1~1", 1),
        (22, "raised", "faulted@A/1", "faulted@A/1~2", 1),
        (22, "raised", "faulted@A/2", "faulted@A/2~2", 1),
    ]
    assert sorted(again.state.tracks) == ["faulted@A/1~2", "faulted@A/2~2"]
    assert len(again.ledger.tracks_at(A)) == 2
    assert all(track.phase is Phase.ACTIVE for track in again.ledger.tracks_at(A))
