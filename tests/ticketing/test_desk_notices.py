"""Who is told what, and when: the conditions, the hours, the promises and the cap."""

from datetime import timedelta

import pytest

from domain.faults import Severity
from domain.places import SiteId
from domain.registry import Contact, Role, Segment
from ticketing.commands import TakeTicket

MINOR, MAJOR, CRITICAL, INFO = (
    Severity.MINOR,
    Severity.MAJOR,
    Severity.CRITICAL,
    Severity.INFO,
)


def test_a_major_fault_is_told_at_once_at_any_hour_to_those_entitled(world):
    world.raised(world.at(2), "N-001/1")
    assert world.said == [("opened", "depot"), ("opened", "pm")]
    notice = world.notices[0]
    assert notice.at == world.at(2)
    assert notice.ticket == "T-1001"
    assert notice.customer == "acme"
    ticket = world.tickets["T-1001"]
    assert ticket.readers == ("depot@acme.example", "pm@acme.example")
    assert ticket.first_notice_at == world.at(2)
    assert ticket.faults[0].told_severity is MAJOR


def test_a_minor_fault_is_told_after_four_hours(world):
    world.raised(world.at(9), "N-001/1", severity=MINOR)
    world.passes(world.at(12, 59, 59))
    assert world.said == []
    world.passes(world.at(13))
    assert world.reasons == ["opened"]
    assert world.notices[0].at == world.at(13)


def test_a_minor_fault_due_in_quiet_hours_is_told_at_their_end(world):
    world.raised(world.at(17), "N-001/1", severity=MINOR)
    world.passes(world.at(5, 59, day=6))
    assert world.said == []
    world.passes(world.at(8, day=6))
    assert [n.at for n in world.notices] == [world.at(6, day=6)] * 2


def test_a_minor_fault_that_clears_before_its_time_tells_nobody_ever(world):
    world.raised(world.at(17), "N-001/1", severity=MINOR)
    world.cleared(world.at(3, day=6), "N-001/1")
    world.passes(world.at(9, day=8))
    assert world.said == []
    assert world.tickets["T-1001"].state == "closed"


def test_info_is_never_told(world):
    world.raised(world.at(9), "N-001/1", severity=INFO)
    world.passes(world.at(9, day=20))
    assert world.said == []


def test_a_minor_fault_that_becomes_major_is_opened_then(world):
    world.raised(world.at(22), "N-001/1", severity=MINOR)
    world.happens(world.at(23), "worsened", "N-001/1", severity=MAJOR)
    world.passes(world.at(23))
    assert world.reasons == ["opened"]
    assert world.tickets["T-1001"].severity is MAJOR


def test_a_told_fault_that_worsens_is_one_update(world):
    world.raised(world.at(9), "N-001/1")
    world.happens(world.at(10), "worsened", "N-001/1", severity=CRITICAL)
    world.passes(world.at(10))
    assert world.reasons == ["opened", "update"]
    world.happens(world.at(11), "improved", "N-001/1", severity=MAJOR)
    world.happens(world.at(11, 30), "worsened", "N-001/1", severity=CRITICAL)
    world.passes(world.at(11, 30))
    assert world.reasons == ["opened", "update"], "no worse than they know"


def test_a_worsening_at_night_waits_for_the_morning_unless_the_ticket_is_critical(world):
    world.raised(world.at(9), "N-002/1", severity=MINOR)
    world.passes(world.at(13))
    world.happens(world.at(22), "worsened", "N-002/1", severity=MAJOR)
    world.passes(world.at(23))
    assert world.reasons == ["opened"]
    world.passes(world.at(6, day=6))
    assert world.reasons == ["opened", "update"]
    world.happens(world.at(22, day=6), "worsened", "N-002/1", severity=CRITICAL)
    world.passes(world.at(22, day=6))
    assert world.notices[-1].at == world.at(22, day=6)


def test_faults_of_one_moment_are_told_in_one_notice(world):
    world.happens(world.at(9), "raised", "N-001/1")
    world.happens(world.at(9), "raised", "N-001/2")
    assert world.said == [], "not before time has moved on"
    assert world.wake_at == world.at(9) + timedelta(microseconds=1)
    world.passes(world.at(9))
    assert world.reasons == ["opened"]
    assert world.notices[0].subject == "Not charging: charging station N-001, North depot"
    assert "every charging point there" in world.notices[0].text


def test_time_moving_on_settles_what_became_true_before(world):
    world.happens(world.at(9), "raised", "N-001/1")
    world.happens(world.at(10), "raised", "N-001/2")
    assert world.reasons == ["opened"]
    world.passes(world.at(10))
    assert world.reasons == ["opened", "added"]
    assert [n.at for n in world.notices if n.to.startswith("pm")] == [
        world.at(9),
        world.at(10),
    ]


def test_step_many_settles_at_its_end(world):
    decisions = [world.decision(world.at(9), "raised", f"N-001/{evse}") for evse in (1, 2)]
    world._keep(world.desk.step_many(world.at(9), decisions))
    assert world.reasons == ["opened"]


def test_a_further_fault_is_added_under_the_conditions_of_an_opened_of_its_own(world):
    world.raised(world.at(9), "N-001/1")
    world.raised(world.at(10), "N-001/2", severity=MINOR)
    assert world.reasons == ["opened"]
    world.passes(world.at(14))
    assert world.reasons == ["opened", "added"]
    assert "Charging point 2 of charging station N-001 reports" in world.notices[-1].text


def test_the_same_code_at_the_station_and_its_evse_is_told_once(world):
    world.raised(world.at(9), "N-001/1", code="OtherError")
    world.raised(world.at(9, 0, 1), "N-001", rule="station-faulted", code="OtherError")
    world.passes(world.at(10))
    assert world.reasons == ["opened"]
    assert world.tickets["T-1001"].places == ("N-001", "N-001/1")


def test_a_danger_at_the_station_is_told_though_its_code_was_told_at_an_evse(world):
    world.raised(world.at(9), "N-001/1", code="CX002", severity=MAJOR)
    world.raised(world.at(10), "N-001", code="CX002", severity=CRITICAL, is_danger=True)
    assert world.reasons == ["opened", "added"]
    assert world.notices[-1].subject.startswith("Do not use: ")


def test_a_reported_code_that_becomes_faulted_under_another_rule_is_news(world):
    world.raised(world.at(9), "N-001/1", rule="error-reported", severity=MINOR)
    world.passes(world.at(13))
    world.raised(world.at(14), "N-001/1", severity=MAJOR)
    assert world.reasons == ["opened", "added"]


# --- danger ----------------------------------------------------------------------------------


def test_danger_is_told_at_once_at_night_and_starts_with_the_instruction(world):
    world.raised(world.at(1), "N-001/1", code="CX002", severity=CRITICAL, is_danger=True)
    assert world.reasons == ["opened"]
    notice = world.notices[0]
    assert notice.is_danger
    assert notice.subject == (
        "Do not use: charging point 1 of charging station N-001, North depot"
    )
    body = notice.text.split("\n\n")[1]
    assert body.startswith("Please do not use charging point 1 of charging station N-001. ")
    assert "call 112 first" in body


def test_a_told_fault_that_becomes_a_danger_is_told_as_one(world):
    world.raised(world.at(9), "N-001/1", code="CX002", severity=MINOR)
    world.passes(world.at(13))
    world.happens(world.at(23), "worsened", "N-001/1", severity=CRITICAL, is_danger=True)
    world.passes(world.at(23))
    assert world.reasons == ["opened", "update"]
    assert world.notices[-1].is_danger


def test_a_danger_that_is_over_within_a_minute_is_resolved_like_any_other(world):
    world.raised(world.at(9), "N-001/1", code="CX002", severity=CRITICAL, is_danger=True)
    world.cleared(world.at(9, 6), "N-001/1")
    assert world.reasons == ["opened", "resolved"]


def test_updates_of_a_danger_repeat_the_instruction(world):
    world.raised(world.at(9), "N-001/1", code="CX002", severity=CRITICAL, is_danger=True)
    world.passes(world.at(15))
    assert world.reasons == ["opened", "update"]
    assert "\n\nPlease still do not use charging point 1" in world.notices[-1].text


def test_a_danger_without_a_phone_goes_without_the_line_and_makes_a_task(make_world):
    from ticketing.settings import DeskSettings

    world = make_world(settings=DeskSettings(phone=""))
    world.raised(world.at(9), "N-001/1", code="CX002", severity=CRITICAL, is_danger=True)
    assert world.reasons == ["opened"]
    assert "Questions now" not in world.notices[0].text
    assert "leave it plugged in" in world.notices[0].text
    tasks = [t for t in world.tickets.values() if t.kind == "task"]
    assert [t.title for t in tasks] == [
        "Set texts.phone: notices of danger go without a number to call"
    ]


# --- the end ---------------------------------------------------------------------------------


def test_resolved_goes_to_exactly_those_who_were_told(world):
    world.raised(world.at(9), "N-001/1")
    world.cleared(world.at(10), "N-001/1")
    assert world.said == [
        ("opened", "depot"),
        ("opened", "pm"),
        ("resolved", "depot"),
        ("resolved", "pm"),
    ]
    assert world.tickets["T-1001"].next_update_at is None


def test_resolved_in_quiet_hours_waits_for_their_end(world):
    world.raised(world.at(19), "N-001/1")
    world.cleared(world.at(21), "N-001/1")
    assert world.reasons == ["opened"]
    world.passes(world.at(7, day=6))
    assert world.notices[-1].reason == "resolved"
    assert world.notices[-1].at == world.at(6, day=6)


def test_resolved_of_a_critical_ticket_does_not_wait(world):
    world.raised(world.at(19), "N-001/1", severity=CRITICAL)
    world.cleared(world.at(21), "N-001/1")
    assert world.notices[-1].at == world.at(21)


def test_resolved_inside_a_maintenance_window_waits_for_its_end(world):
    world.raised(world.at(9), "N-001/1")
    world.happens(world.at(10), "cleared", "N-001/1", quiet_until=world.at(13))
    world.passes(world.at(12, 59))
    assert world.reasons == ["opened"]
    assert world.tickets["T-1001"].resolved_at == world.at(10)
    world.passes(world.at(13))
    assert world.reasons == ["opened", "resolved"]
    assert world.notices[-1].at == world.at(13)


def test_a_fault_that_is_back_before_resolved_was_sent_is_no_news(world):
    world.raised(world.at(19), "N-001/1")
    world.cleared(world.at(21), "N-001/1")
    world.raised(world.at(23), "N-001/1")
    world.passes(world.at(8, day=6))
    assert world.reasons == ["opened"], "to the reader it never ended"
    assert world.tickets["T-1001"].reopened == 1


def test_reopened_has_the_conditions_of_opened(world):
    world.raised(world.at(9), "N-001/1")
    world.cleared(world.at(10), "N-001/1")
    world.raised(world.at(12), "N-001/1", severity=MINOR)
    assert world.reasons == ["opened", "resolved"]
    world.passes(world.at(16))
    assert world.reasons == ["opened", "resolved", "reopened"]
    assert "We reported this as solved on Mon 5 Jan, 11:00" in world.notices[-1].text


def test_a_relapse_of_a_ticket_nobody_was_told_of_is_an_opened(world):
    world.raised(world.at(9), "N-001/1", severity=MINOR)
    world.cleared(world.at(10), "N-001/1")
    world.raised(world.at(11), "N-001/1")
    assert world.reasons == ["opened"]


# --- promises --------------------------------------------------------------------------------


def test_the_promised_update_comes_at_its_time_and_promises_the_next(world):
    world.raised(world.at(9), "N-001/1")
    ticket = world.tickets["T-1001"]
    assert ticket.next_update_at == world.at(15, day=6)
    assert "by Tue 6 Jan, 16:00 in any case" in world.notices[0].text
    world.passes(world.at(15, day=6))
    assert world.reasons == ["opened", "update"]
    assert world.notices[-1].at == world.at(15, day=6)
    assert world.notices[-1].subject.startswith("No change yet: ")
    assert world.tickets["T-1001"].next_update_at == world.at(15, day=7)
    assert not world.tickets["T-1001"].is_late


def test_any_notice_keeps_the_promise_and_makes_the_next_one(world):
    world.raised(world.at(9), "N-001/1")
    world.raised(world.at(14, day=6), "N-001/2")
    assert world.tickets["T-1001"].next_update_at == world.at(15, day=7)
    world.passes(world.at(16, day=6))
    assert world.reasons == ["opened", "added"]


def test_a_promise_that_the_cap_holds_back_makes_the_ticket_late_and_says_so(world):
    for minute, evse in ((0, "N-001/1"), (10, "N-001/2"), (20, "N-001")):
        codes = {"N-001/1": "CX014", "N-001/2": "CX005", "N-001": "CX015"}
        world.raised(world.at(8, minute), evse, code=codes[evse], severity=CRITICAL)
    world.happens(world.at(8, 30), "worsened", "N-001", is_danger=True)
    world.raised(world.at(8, 40), "N-001/1", rule="another", code="CX006", severity=CRITICAL)
    assert world.reasons == ["opened", "added", "added", "update", "added"]
    assert world.notices[-3].is_danger or world.notices[-4].is_danger
    world.passes(world.at(15, 30))
    assert world.reasons[-1] == "added", "four in twelve hours, danger apart"
    world.passes(world.at(20))
    assert world.reasons[-1] == "update"
    assert world.notices[-1].at == world.at(20)
    assert world.tickets["T-1001"].is_late
    assert "We are sorry that it is late." in world.notices[-1].text


def test_a_resolved_is_not_dropped_for_the_cap_it_waits(world):
    for hour in (8, 9):
        world.raised(world.at(hour), "N-001/1")
        world.cleared(world.at(hour, 30), "N-001/1")
    world.raised(world.at(10), "N-001/1")
    assert world.reasons == ["opened", "resolved", "reopened", "resolved"]
    world.passes(world.at(20))
    assert world.reasons[-1] == "reopened", "told once the cap allows, being still true"
    assert world.notices[-1].at == world.at(20)


def test_a_taken_ticket_says_that_somebody_works_on_it(world):
    world.raised(world.at(9), "N-001/1")
    assert "has the ticket" in world.notices[-1].text
    world.take(world.at(10), TakeTicket(ticket="T-1001", who="kim", key="k"))
    world.passes(world.at(15, day=6))
    assert "is working on it" in world.notices[-1].text


# --- readers ---------------------------------------------------------------------------------


def test_a_private_owner_reads_it_in_their_own_words(make_world, make_registry):
    contacts = (Contact(name="Kim", role=Role.OWNER, email="kim@home.example"),)
    registry = make_registry(segment=Segment.PRIVATE, contacts=contacts)
    world = make_world(registry)
    world.raised(world.at(9), "S-001/1")
    assert world.said == [("opened", "kim")]
    assert world.notices[0].subject == "Not charging: your charging station S-001"
    assert "Call us at +49 30 23125 001." in world.notices[0].text


def test_each_reader_gets_their_own_language(make_world, make_registry):
    contacts = (
        Contact(name="Leitstelle", role=Role.SITE, email="d@acme.example", language="de"),
        Contact(name="Kim Lang", role=Role.PROJECT_MANAGER, email="pm@acme.example"),
    )
    world = make_world(make_registry(contacts=contacts))
    world.raised(world.at(9), "N-001/1")
    german, english = world.notices
    assert german.subject == (
        "Laden nicht möglich: Ladepunkt 1 der Ladestation N-001, North depot"
    )
    assert german.text.startswith("Guten Tag Leitstelle,\n\nLaden ist am Ladepunkt 1 ")
    assert "Sie hören bis Di., 6. Jan., 16:00 Uhr auf jeden Fall von uns." in german.text
    assert english.text.startswith("Hello Kim Lang,\n\nYou cannot charge at ")
    assert "Also told at the site: Leitstelle." in english.text


def test_a_text_message_keeps_quiet_hours_and_is_short(make_world, make_registry):
    contacts = (
        Contact(name="Night", role=Role.SITE, phone="+49 170 1", channel="sms"),
        Contact(name="Kim Lang", role=Role.PROJECT_MANAGER, email="pm@acme.example"),
    )
    world = make_world(make_registry(contacts=contacts))
    world.raised(world.at(1), "N-001/1")
    assert world.said == [("opened", "pm")]
    world.passes(world.at(6))
    sms = world.notices[-1]
    assert (sms.channel, sms.to, sms.at) == ("sms", "+49 170 1", world.at(6))
    assert len(sms.text) <= 300
    assert sms.text.startswith("Not charging: charging point 1 of charging station N-001")
    assert sms.text.endswith(f"Call us at {'+49 30 23125 001'}.")
    assert world.tickets["T-1001"].readers == ("+49 170 1", "pm@acme.example")


def test_a_text_message_about_danger_does_not_wait(make_world, make_registry):
    contacts = (Contact(name="Night", role=Role.SITE, phone="+49 170 1", channel="sms"),)
    world = make_world(make_registry(contacts=contacts))
    world.raised(world.at(1), "N-001/1", code="CX002", severity=CRITICAL, is_danger=True)
    assert [n.channel for n in world.notices] == ["sms"]


def test_a_text_reader_who_was_never_told_does_not_get_the_end_of_it(make_world, make_registry):
    contacts = (
        Contact(name="Night", role=Role.SITE, phone="+49 170 1", channel="sms"),
        Contact(name="Kim Lang", role=Role.PROJECT_MANAGER, email="pm@acme.example"),
    )
    world = make_world(make_registry(contacts=contacts))
    world.raised(world.at(1), "N-001/1")
    world.cleared(world.at(3), "N-001/1")
    world.passes(world.at(8))
    assert world.said == [("opened", "pm"), ("resolved", "pm")]


def test_a_reader_without_an_address_is_skipped_and_the_history_says_so(
    make_world, make_registry
):
    contacts = (
        Contact(name="No mail", role=Role.SITE),
        Contact(name="Kim Lang", role=Role.PROJECT_MANAGER, email="pm@acme.example"),
    )
    world = make_world(make_registry(contacts=contacts))
    world.raised(world.at(9), "N-001/1")
    assert world.said == [("opened", "pm")]
    lines = [(h.what, h.why) for h in world.tickets["T-1001"].history]
    assert ("reader skipped", "No mail has no address") in lines


def test_an_opened_that_has_no_reader_becomes_a_task(make_world, make_registry):
    world = make_world(make_registry(contacts=()))
    world.raised(world.at(9), "N-001/1")
    world.passes(world.at(9, day=8))
    assert world.notices == []
    fault, task = world.tickets.values()
    assert fault.untold_because == "customer acme has no contact who reads about this site"
    assert task.kind == "task"
    assert task.customer == "acme"


def test_an_opened_that_the_wording_check_refuses_becomes_a_task(make_world, make_registry):
    from ticketing.wording import load_wording

    world = make_world()
    wording = load_wording()
    row = wording.faults["CX014"]
    bad = row.texts["en"].__class__(impact="The charger should work soon!", reader_action="")
    faults = wording.faults | {
        "CX014": row.__class__(row.effect, row.level, row.agent, row.texts | {"en": bad})
    }
    patched = wording.__class__(
        faults, wording.phrases, wording.patterns, wording.turns, wording.limits
    )
    from ticketing.desk import Desk

    world.desk = Desk(
        world.registry, world.settings, status_page=lambda c, t: "", wording=patched
    )
    world.raised(world.at(9), "N-001/1")
    assert world.notices == []
    fault, *tasks = world.tickets.values()
    assert "uncertain/should: should" in tasks[0].title
    assert (fault.readers, fault.first_notice_at) == ((), None)
    world.raised(
        world.at(10), "N-001/1", rule="x", code="CX002", severity=CRITICAL, is_danger=True
    )
    assert {n.is_danger for n in world.notices} == {True}, "danger is never held"


def test_those_who_were_told_stay_the_readers_when_contacts_change(world, make_registry):
    world.raised(world.at(9), "N-001/1")
    newcomer = Contact(name="New", role=Role.SITE, email="new@acme.example")
    world.desk.use_registry(make_registry(contacts=(newcomer,)))
    world.cleared(world.at(10), "N-001/1")
    assert {to for reason, to in world.said if reason == "resolved"} == {"depot", "pm"}


@pytest.mark.parametrize("place", ["site:north"])
def test_a_dark_site_is_told_with_its_numbers(world, place):
    world.raised(
        world.at(9),
        place,
        rule="site-dark",
        code="site-dark",
        stations=("N-001", "N-002", "N-003"),
    )
    ticket = world.tickets["T-1001"]
    assert (ticket.kind, ticket.site, ticket.place.name) == ("site", SiteId("north"), "north")
    notice = world.notices[0]
    assert notice.subject == "No connection: all charging stations, North depot"
    assert "Charging stations affected: 3 of 3." in notice.text
