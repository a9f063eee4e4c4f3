"""What follows when a fault moves: severity with the site's state, words, who speaks for it."""

from datetime import timedelta

from domain.events import ErrorReport
from domain.faults import Severity, WorkFound
from domain.places import FLEET, StationId
from rules.rulings import DAY, WORDS_PER_DAY

CRITICAL, MAJOR, MINOR = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR


def severities(world):
    return [(at, what, name, severity) for at, what, name, severity in world.told("severity")]


# --- the site's state -------------------------------------------------------------------------


def test_the_last_evse_of_a_site_is_critical_and_the_one_before_is_not(world):
    world.see(0, world.FAULTED, "A/1")
    world.see(1, world.FAULTED, "A/2")
    world.see(2, world.FAULTED, "B/1")
    world.pass_to(10)
    assert severities(world) == [
        (2, "raised", "faulted@A/1", MAJOR),
        (3, "raised", "faulted@A/2", MAJOR),
        (4, "raised", "faulted@B/1", CRITICAL),
    ]


def test_what_becomes_active_at_one_moment_counts_together_whichever_is_looked_at_first(world):
    for where in ("A", "B/1"):
        world.see(0, world.FAULTED, where)
    world.pass_to(2)
    assert {severity for *_, severity in severities(world)} == {CRITICAL}


def test_when_a_place_can_charge_again_what_was_critical_for_the_site_is_less_so(world):
    world.see(0, world.FAULTED, "A")
    world.see(0, world.FAULTED, "B/1")
    world.see(0, world.FAULTED, "C/1", is_danger=True)
    world.pass_to(2)
    world.end(10, world.FAULTED, "A")
    world.pass_to(20)
    assert world.told("severity", "because")[3:] == [
        (15, "cleared", "faulted@A", CRITICAL, "clean for 5 minutes"),
        (15, "improved", "faulted@B/1", MAJOR, "another place can charge again"),
    ]


def test_what_comes_back_when_another_place_can_charge_again_is_no_longer_critical(world):
    world.see(0, world.FAULTED, "A")
    world.see(0, world.FAULTED, "B/1")
    world.pass_to(2)
    world.end(6, world.FAULTED, "A")
    world.end(10, world.FAULTED, "B/1")
    world.see(12, world.FAULTED, "B/1")
    world.pass_to(60)
    assert severities(world)[2:] == [
        (11, "cleared", "faulted@A", CRITICAL),
        (12, "improved", "faulted@B/1", MAJOR),
    ]
    assert world.decisions[3].because == "another place can charge by now"


def test_what_was_bad_by_itself_is_as_bad_when_it_is_back(world):
    world.see(0, world.ERROR, "A/1", severity=MAJOR)
    world.pass_to(2)
    world.end(5, world.ERROR, "A/1")
    world.see(6, world.ERROR, "A/1")
    assert world.told("severity") == [(2, "raised", "error@A/1", MAJOR)]
    world.pass_to(11)
    assert world.told("severity")[1:] == [(11, "improved", "error@A/1", MINOR)]


def test_what_lasts_on_makes_no_danger_less(world):
    world.see(0, world.OFFLINE, "A", is_danger=True)
    world.pass_to(200)
    assert world.told("severity") == [(0, "raised", "offline@A", CRITICAL)]
    assert world.track(world.OFFLINE, "A").base is MAJOR
    world.see(201, world.SILENT, "A", severity=CRITICAL)


def test_what_is_worse_than_its_second_severity_stays_as_bad(world):
    world.see(0, world.OFFLINE, "A", severity=CRITICAL)
    world.pass_to(200)
    assert world.told("severity") == [(30, "raised", "offline@A", CRITICAL)]
    assert world.track(world.OFFLINE, "A").base is CRITICAL


def test_every_decision_and_every_active_fault_carries_the_advice_of_its_rule(world):
    world.see(0, world.LID, "A")
    [fault] = world.ledger.active_faults()
    assert fault == world.decisions[0].fault
    assert (fault.advice, fault.person_may_end) == ("look at lid", True)


def test_a_word_that_comes_later_is_work_then_and_the_first_not_again(world):
    world.see(0, world.FAULTED, "A/1", unknown=("odd",), is_danger=True)
    world.state.known_work.clear()
    world.see(1, world.FAULTED, "A/1", unknown=("odd", "new"))
    assert [one.key for one in world.decisions if isinstance(one, WorkFound)] == [
        "unknown-code::odd",
        "unknown-code::new",
    ]


def test_back_again_it_speaks_for_others_from_that_moment(world):
    world.see(0, world.FAULTED, "A", codes=("CX001",))
    world.pass_to(2)
    world.end(3, world.FAULTED, "A")
    world.see(4, world.FAULTED, "A/1", codes=("CX005",))
    world.pass_to(7)
    world.see(7, world.FAULTED, "A", codes=("CX001", "CX005"))
    assert world.told("inhibited_by")[-1] == (7, "inhibited", "faulted@A/1", "faulted@A")


def test_what_does_not_keep_its_place_from_charging_frees_nothing(world):
    world.see(0, world.FAULTED, "C/1")
    world.see(0, world.ERROR, "C/1", key="7")
    world.pass_to(2)
    world.end(10, world.ERROR, "C/1")
    world.pass_to(20)
    assert severities(world) == [
        (2, "raised", "error@C/1", MINOR),
        (2, "raised", "faulted@C/1", CRITICAL),
        (15, "cleared", "error@C/1", MINOR),
    ]


def test_a_fault_that_charges_by_now_frees_the_site_although_it_lasts(world):
    world.see(0, world.FAULTED, "A")
    world.see(0, world.FAULTED, "B/1")
    world.pass_to(2)
    world.see(10, world.FAULTED, "A", severity=MINOR)
    world.pass_to(20)
    assert world.told("severity", "because")[2:] == [
        (15, "improved", "faulted@A", MINOR, "what was worse is gone for 5 minutes"),
        (15, "improved", "faulted@B/1", MAJOR, "another place can charge again"),
    ]


def test_less_bad_in_itself_is_not_less_bad_while_nobody_can_charge(world):
    world.see(0, world.FAULTED, "C/1", severity=CRITICAL)
    world.pass_to(2)
    world.see(10, world.FAULTED, "C/1", severity=MAJOR)
    world.pass_to(20)
    assert severities(world) == [(2, "raised", "faulted@C/1", CRITICAL)]
    assert world.track(world.FAULTED, "C/1").base is MAJOR


def test_back_within_its_clean_time_it_may_be_the_last_one_by_now(world):
    world.see(0, world.FAULTED, "A")
    world.pass_to(2)
    world.end(10, world.FAULTED, "A")
    world.see(10, world.FAULTED, "B/1")
    world.see(13, world.FAULTED, "A")
    assert severities(world)[1:] == [
        (12, "raised", "faulted@B/1", MAJOR),
        (13, "worsened", "faulted@A", CRITICAL),
    ]


def test_where_the_site_is_told_already_it_is_not_told_again(world):
    world.see(0, world.FAULTED, "A")
    world.see(1, world.FAULTED, "B/1")
    world.pass_to(5)
    world.end(6, world.FAULTED, "A")
    world.see(8, world.FAULTED, "A")
    assert severities(world) == [
        (2, "raised", "faulted@A", MAJOR),
        (3, "raised", "faulted@B/1", CRITICAL),
    ]


def test_seen_again_and_no_worse_it_stays_as_it_was_told(world):
    world.see(0, world.FAULTED, "A")
    world.see(1, world.FAULTED, "B/1")
    world.pass_to(5)
    world.see(6, world.FAULTED, "A")
    assert len(world.decisions) == 2


# --- an active fault is seen again ------------------------------------------------------------


def test_a_danger_that_is_added_is_told_as_worse(world):
    world.see(0, world.FAULTED, "A/1")
    world.pass_to(2)
    world.see(5, world.FAULTED, "A/1", codes=("CX002",), is_danger=True)
    world.see(6, world.FAULTED, "A/1", codes=("CX002",), is_danger=True)
    assert world.told("severity", "because")[1:] == [
        (5, "worsened", "faulted@A/1", CRITICAL, "a danger code was added")
    ]


def test_what_is_worse_is_told_and_what_is_only_more_is_noted(world):
    world.see(0, world.ERROR, "A/1", codes=("CX001",), stations=("A",))
    world.pass_to(2)
    world.see(5, world.ERROR, "A/1", codes=("CX003",))
    world.see(6, world.ERROR, "A/1", codes=("CX003",))
    world.see(7, world.ERROR, "A/1", codes=("CX001",), stations=("A",))
    world.see(8, world.ERROR, "A/1", codes=("CX001",), stations=("B",))
    world.see(9, world.ERROR, "A/1", codes=("CX004",), severity=MAJOR)
    assert world.told("severity", "because")[1:] == [
        (5, "recoded", "error@A/1", MINOR, "more was reported of it"),
        (8, "recoded", "error@A/1", MINOR, "more was reported of it"),
        (9, "worsened", "error@A/1", MAJOR, "it became worse"),
    ]


def test_an_unknown_word_is_work_once_whenever_it_comes(world):
    error = ErrorReport(vendor_id="ACME")
    world.see(0, world.FAULTED, "A/1", unknown=("odd",), error=error)
    assert world.decisions == []
    world.pass_to(2)
    world.see(5, world.FAULTED, "A/1", unknown=("odd", "new"), error=error)
    world.see(6, world.FAULTED, "A/1", unknown=("odd", "new"), error=error)
    world.see(7, world.FAULTED, "C/1", unknown=("ODD",), error=error)
    world.pass_to(10)
    work = [one for one in world.decisions if isinstance(one, WorkFound) and not one.about]
    assert [one.key for one in work] == ["unknown-code:acme:odd", "unknown-code:acme:new"]


def test_a_station_that_puts_a_counter_into_its_words_is_a_few_tasks_a_day(world):
    words = [f"word {n}" for n in range(12)]
    world.see(0, world.FAULTED, "A/1", unknown=tuple(words[:4]), is_danger=True)
    world.see(1, world.FAULTED, "A/2", unknown=tuple(words[4:8]), is_danger=True)
    assert (WORDS_PER_DAY, timedelta(hours=24)) == (5, DAY)
    assert [what for _, what, _ in world.told()].count("work") == 5
    world.see(24 * 60 - 1, world.FAULTED, "A/1", unknown=(words[8],))
    assert [what for _, what, _ in world.told()].count("work") == 5
    world.see(24 * 60, world.FAULTED, "A/1", unknown=(words[9],))
    assert [what for _, what, _ in world.told()].count("work") == 6
    assert world.state.words_at == {"A": [world.at(1), world.at(24 * 60)]}


def test_work_is_found_once_ever(world):
    work = WorkFound(key="k", rule="r", place=FLEET, at=world.at(0), detail="d")
    world.ledger.find_work(work)
    world.ledger.find_work(work)
    world.take()
    assert world.decisions == [work]
    again = world.thawed()
    again.ledger.find_work(work)
    again.take()
    assert again.decisions == []


# --- who speaks for it ------------------------------------------------------------------------


def test_a_wider_cause_speaks_for_what_was_told_before_it(world):
    world.see(0, world.SILENT, "A")
    world.pass_to(2)
    world.see(10, world.DARK, "site:north", since=world.at(5))
    world.pass_to(30)
    assert world.told("inhibited_by", "because") == [
        (2, "raised", "silent@A", None, "lasted its patience"),
        (15, "raised", "dark@site:north", None, "lasted its patience"),
        (15, "inhibited", "silent@A", "dark@site:north", "dark at site:north"),
    ]


def test_who_stays_broken_when_the_cause_ends_stands_for_itself(world):
    world.see(0, world.DARK, "site:north")
    world.see(0, world.SILENT, "A")
    world.pass_to(12)
    world.end(20, world.DARK, "site:north")
    world.pass_to(30)
    assert world.told("inhibited_by") == [
        (2, "raised", "silent@A", None),
        (10, "raised", "dark@site:north", None),
        (10, "inhibited", "silent@A", "dark@site:north"),
        (25, "cleared", "dark@site:north", None),
        (25, "released", "silent@A", None),
    ]


def test_a_pending_report_speaks_from_its_first_moment_and_no_longer_than_it_lasts(world):
    world.see(0, world.FAULTED, "A/1", codes=("CX001",))
    world.see(1, world.FAULTED, "A", codes=("CX001",))
    world.pass_to(2.5)
    world.end(2.6, world.FAULTED, "A")
    assert world.told("inhibited_by", "because") == [
        (2, "raised", "faulted@A/1", "faulted@A", "lasted its patience"),
        (2.6, "released", "faulted@A/1", None, "faulted at A"),
    ]


def test_another_error_or_its_end_changes_who_speaks_for_it(world):
    world.see(0, world.ERROR, "A/1", key="1", codes=("CX001",))
    world.see(0, world.ERROR, "A/2", key="7", cause="1", codes=("CX009",))
    world.pass_to(2)
    world.see(5, world.ERROR, "A/2", key="8", codes=("CX010",))
    world.ledger.end_error(world.ERROR, world.place_of("A/2"), "8", world.at(6))
    world.ledger.end_error(world.ERROR, world.place_of("A/1"), "1", world.at(7))
    world.take()
    assert world.told("inhibited_by", "because")[1:] == [
        (2, "raised", "error@A/2", "error@A/1", "lasted its patience"),
        (5, "recoded", "error@A/2", "error@A/1", "more was reported of it"),
        (5, "released", "error@A/2", None, "another error joined it"),
        (6, "inhibited", "error@A/2", "error@A/1", "what it followed from has changed"),
        (7, "released", "error@A/2", None, "error at A/1"),
    ]


def test_a_danger_that_is_added_is_not_covered_by_less(world):
    world.see(0, world.FAULTED, "A", codes=("CX001",))
    world.see(0, world.FAULTED, "A/1", codes=("CX001",))
    world.pass_to(2)
    world.see(5, world.FAULTED, "A/1", codes=("CX002",), is_danger=True)
    assert world.told("because")[-2:] == [
        (5, "worsened", "faulted@A/1", "a danger code was added"),
        (5, "released", "faulted@A/1", "it is a danger now"),
    ]


def test_danger_that_is_over_may_be_covered_again(world):
    world.see(0, world.ERROR, "A/1", key="7", codes=("CX001",))
    world.see(0, world.ERROR, "A/2", key="8", cause="7", codes=("CX001",))
    world.see(0, world.ERROR, "A/2", key="8", cause="7", codes=("CX002",), is_danger=True)
    world.pass_to(2)
    world.see(5, world.ERROR, "A/2", key="8", cause="7", codes=("CX002",))
    world.pass_to(20)
    assert world.told("inhibited_by", "severity", "because")[2:] == [
        (
            10,
            "improved",
            "error@A/2",
            None,
            MINOR,
            "what was worse is gone for 5 minutes",
        ),
        (10, "inhibited", "error@A/2", "error@A/1", MINOR, "it is less bad now"),
    ]


def test_a_carriers_outage_links_what_was_told_before_it_and_after(world):
    world.see(0, world.DARK, "site:north", stations=("A", "B"))
    world.see(5, world.CARRIER, "carrier:telco", stations=("A", "B", "Z"))
    world.see(5, world.OFFLINE, "A")
    world.pass_to(40)
    assert world.told("part_of", "inhibited_by") == [
        (10, "raised", "dark@site:north", None, None),
        (15, "raised", "carrier@carrier:telco", None, None),
        (15, "linked", "dark@site:north", "carrier@carrier:telco", None),
        (35, "raised", "offline@A", None, "dark@site:north"),
    ]
    assert world.decisions[2].because == "carrier at carrier:telco"
    world.end(41, world.DARK, "site:north")
    world.pass_to(50)
    assert world.told("part_of")[-1] == (46, "released", "offline@A", "carrier@carrier:telco")


def test_what_is_linked_to_an_outage_is_not_linked_again_when_that_comes_back(world):
    world.see(0, world.DARK, "site:north", stations=("A", "B"))
    world.see(5, world.CARRIER, "carrier:telco", stations=("A", "B"))
    world.end(20, world.CARRIER, "carrier:telco")
    world.see(40, world.CARRIER, "carrier:telco", stations=("A", "B"))
    world.pass_to(60)
    assert [what for _, what, _ in world.told()] == [
        *("raised", "raised", "linked", "cleared", "raised")
    ]


def test_what_is_no_part_of_the_outage_is_not_linked_to_it(world):
    world.see(0, world.FAULTED, "A/1")
    world.see(0, world.SILENT, "B")
    world.see(0, world.CARRIER, "carrier:telco", stations=("A", "Z"))
    world.pass_to(10)
    assert "linked" not in [what for _, what, _ in world.told()]


def test_who_asked_to_hear_of_it_is_told_the_place_that_has_cleared(world):
    heard = []
    world.ledger.when_cleared(world.FAULTED, heard.append)
    for rule in (world.FAULTED, world.SILENT):
        world.see(0, rule, "A")
        world.end(5, rule, "A")
    world.pass_to(9)
    assert heard == []
    world.pass_to(10)
    assert heard == [world.place_of("A")]


def test_who_asked_hears_of_each_fault_that_becomes_active(world):
    heard = []
    world.ledger.when_raised(lambda track, at: heard.append((track.name, at)))
    world.see(0, world.FAULTED, "A")
    world.see(0, world.LID, "A")
    world.pass_to(2)
    assert heard == [("lid@A", world.at(0)), ("faulted@A", world.at(2))]


def test_decisions_are_handed_out_once_and_name_the_rules_that_took_them(world):
    world.ledger._rulings._catalogue.version = "v7"
    world.see(0, world.LID, "A")
    assert world.ledger.take_decisions() == ()
    assert [one.rules_version for one in world.decisions] == ["v7"]


def test_the_station_is_where_a_word_was_said(world):
    world.see(0, world.FAULTED, "A/1", unknown=("odd",), is_danger=True)
    assert list(world.state.words_at) == [StationId("A")]
