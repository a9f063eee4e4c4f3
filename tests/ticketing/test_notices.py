"""Whole notices, for every code, language, severity and kind of reader."""

from datetime import timedelta

import pytest

from domain.faults import Severity
from domain.places import Place, StationId
from domain.registry import Segment
from domain.tickets import TicketKind
from ticketing.wording import LANGUAGES, load_wording

W = load_wording()
STATION_CODES = sorted(set(W.faults) - {"site-dark", "gateway-lost"})


class Points:
    """A view with chosen EVSEs not ready, and perhaps a charge since."""

    def __init__(self, registry, *, faulty=(), unseen=(), charged_at=None):
        self.points = {
            Place.of_station(station.id, evse + 1): True
            for station in registry.sites["north"].stations
            for evse in range(station.evses)
        }
        for name, usable in [*((n, False) for n in faulty), *((n, None) for n in unseen)]:
            station, _, evse = name.partition("/")
            self.points[Place.of_station(StationId(station), int(evse))] = usable
        self._charged_at = charged_at

    def points_at(self, site):
        return self.points if site == "north" else {}

    def charged_at(self, place, after):
        return self._charged_at


def body(notice):
    return notice.text.split("\n\n")[1]


@pytest.mark.parametrize("code", STATION_CODES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("segment", list(Segment))
def test_every_code_can_be_told_resolved_and_reopened_to_everybody(
    make_world, make_registry, code, language, segment
):
    registry = make_registry(segment=segment, language=language)
    world = make_world(registry, view=Points(registry, faulty=["N-001/1"]))
    is_danger = W.faults[code].level == "danger"
    severity = Severity.CRITICAL if is_danger else Severity.MAJOR
    world.raised(world.at(9), "N-001/1", code=code, severity=severity, is_danger=is_danger)
    world.passes(world.at(16, day=6))
    world.cleared(world.at(17, day=6), "N-001/1")
    world.raised(world.at(9, day=7), "N-001/1", code=code, severity=severity)
    world.raised(world.at(10, day=7), "N-001/2", code=code, severity=Severity.MINOR)
    world.passes(world.at(15, day=7))
    assert [t.title for t in world.tickets.values() if t.kind is TicketKind.TASK] == []
    got = {notice.reason.value for notice in world.notices}
    assert got == {"opened", "update", "resolved", "reopened", "added"}
    for notice in world.notices:
        assert "{" not in notice.subject + notice.text
        assert len(notice.subject) <= 90


def test_faulted_says_that_nobody_can_charge_there_whatever_the_code_means(world):
    world.raised(world.at(9), "N-001/1", code="CX003", severity=Severity.MAJOR)
    assert world.notices[0].subject.startswith("Not charging: ")
    assert body(world.notices[0]).startswith(
        "You cannot charge at charging point 1 of charging station N-001:"
        " it has become too hot."
    )


def test_a_code_without_faulted_does_not_claim_that_charging_is_off(world):
    world.raised(world.at(9), "N-001/1", code="CX002", severity=Severity.MINOR)
    world.passes(world.at(13))
    assert world.notices[0].subject.startswith("Fault reported: ")
    assert "What it means for charging, we do not know yet." in world.notices[0].text


def test_a_danger_of_another_code_still_tells_people_to_keep_away(world):
    world.raised(
        world.at(9), "N-001/1", code="CX012", severity=Severity.CRITICAL, is_danger=True
    )
    assert "reports a danger: the voltage check before the start fails." in body(
        world.notices[0]
    )
    assert "Please keep others away and call +49 30 23125 001." in body(world.notices[0])


@pytest.mark.parametrize(
    ("faulty", "unseen", "says"),
    [
        (["N-001/1"], [], "The other charging point of this charging station is ready"),
        (["N-001/1", "N-001/2"], [],
         "Ready or charging at North depot: 2 of 4 charging points."),
        (["N-001/1", "N-001/2", "N-002/1", "N-003/1"], [],
         "No other charging point at North depot is ready."),
        ([], ["N-001/1", "N-001/2", "N-002/1", "N-003/1"],
         "We cannot see from here which charging points are ready."),
        (["N-001/1"], ["N-001/2"],
         "Ready or charging at North depot: 2 of the 3 charging points we can see."),
        (["N-001/1"], ["N-001/2", "N-002/1", "N-003/1"],
         "We cannot see from here which charging points are ready."),
    ],
)  # fmt: skip
def test_what_works_meanwhile_is_counted(make_world, make_registry, faulty, unseen, says):
    registry = make_registry()
    world = make_world(registry, view=Points(registry, faulty=faulty, unseen=unseen))
    world.raised(world.at(9), "N-001/1")
    assert says in body(world.notices[0])


def test_without_a_view_nothing_is_said_of_the_others(world):
    world.raised(world.at(9), "N-001/1")
    assert "eady or charging" not in world.notices[0].text


def test_resolved_claims_a_charge_only_where_one_was_seen(make_world, make_registry):
    registry = make_registry()
    seen = make_world(registry).at(9, 58)
    world = make_world(registry, view=Points(registry, charged_at=seen))
    world.raised(world.at(9), "N-001/1")
    world.cleared(world.at(10), "N-001/1")
    assert world.notices[-1].subject.startswith("Charging again: ")
    assert "one charged there on Mon 5 Jan, 10:58." in world.notices[-1].text


def test_resolved_does_not_say_ready_of_a_place_that_is_not(make_world, make_registry):
    registry = make_registry()
    world = make_world(registry, view=Points(registry, faulty=["N-001/1"]))
    world.raised(world.at(9), "N-001/1")
    world.cleared(world.at(10), "N-001/1")
    assert world.notices[-1].subject.startswith("Fault is over: ")


def test_resolved_of_a_lost_connection_says_connected(world):
    world.raised(world.at(9), "N-002", rule="offline", code="offline")
    world.cleared(
        world.at(10), "N-002", rule="offline", clean_since=world.at(10) - timedelta(minutes=5)
    )
    assert world.notices[-1].subject == "Connected again: charging station N-002, North depot"
    assert "without a break since Mon 5 Jan, 10:55." in world.notices[-1].text


def test_resolved_of_two_parts_names_the_station(world):
    world.raised(world.at(9), "N-001/1")
    world.raised(world.at(10), "N-001/2", code="CX005")
    world.cleared(world.at(11), "N-001/1")
    world.cleared(world.at(12), "N-001/2")
    assert world.notices[-1].subject == "Ready again: charging station N-001, North depot"


def test_a_long_site_name_falls_out_of_the_subject_never_the_effect(make_world, make_registry):
    import msgspec

    from domain.registry import Registry

    registry = make_registry()
    north = msgspec.structs.replace(registry.sites["north"], name="North " * 12)
    world = make_world(Registry(tuple(registry.customers.values()), (north,)))
    world.raised(world.at(9), "N-001/1")
    assert world.notices[0].subject == (
        "Not charging: charging point 1 of charging station N-001"
    )


def test_names_from_the_registry_can_neither_break_a_line_nor_fail_the_check(
    make_world, make_registry
):
    from domain.registry import Contact, Role

    contacts = (
        Contact(name="Error\r\nBcc: x@y.z {place}", role=Role.SITE, email="a@acme.example"),
    )
    world = make_world(make_registry(contacts=contacts))
    world.raised(world.at(9), "N-001/1")
    assert world.notices[0].text.startswith("Hello Error Bcc: x@y.z {place},\n\n")


def test_a_reader_with_sites_in_two_zones_reads_which_one(make_world, make_registry):
    import msgspec

    from domain.registry import Registry

    registry = make_registry()
    south = msgspec.structs.replace(registry.sites["south"], timezone="Europe/London")
    world = make_world(
        Registry(tuple(registry.customers.values()), (registry.sites["north"], south))
    )
    world.raised(world.at(9), "N-001/1")
    assert "We have seen this since Mon 5 Jan, 09:58 (Berlin time)." in world.notices[0].text


def test_long_texts_lose_what_may_fall_away_and_keep_impact_and_promise(
    make_world, make_registry
):
    registry = make_registry()
    world = make_world(registry, view=Points(registry, faulty=["N-001/1"]))
    at = world.at(9)
    for place, code in (("N-001/1", "CX001"), ("N-001/2", "CX012"), ("N-001", "boot-loop")):
        world.happens(at, "raised", place, rule=code, code=code)
    world.passes(at)
    assert len(world.notices) == 2
    for notice in world.notices:
        assert len(body(notice).split()) <= 90, "the link is one of them"
        assert "You will hear from us by" in notice.text


def test_a_danger_line_that_fails_the_check_is_left_out_and_the_notice_goes(make_world):
    from ticketing.desk import Desk

    world = make_world()
    row = W.faults["CX002"]
    text = row.texts["en"]
    bad = text.__class__(impact="It should be off.", reader_action=text.reader_action)
    faults = W.faults | {
        "CX002": row.__class__(row.effect, row.level, row.agent, row.texts | {"en": bad})
    }
    wording = W.__class__(faults, W.phrases, W.patterns, W.turns, W.limits)
    world.desk = Desk(
        world.registry, world.settings, status_page=lambda c, t: "", wording=wording
    )
    world.raised(world.at(9), "N-001/1", code="CX002", severity=Severity.CRITICAL,
                 is_danger=True)  # fmt: skip
    assert world.reasons == ["opened"]
    assert "should" not in world.notices[0].text
    assert "Please do not use charging point 1" in world.notices[0].text
    assert any(t.kind is TicketKind.TASK for t in world.tickets.values())


def test_the_gallery_shows_every_story_without_a_worry():
    from ticketing import gallery

    shown = list(gallery.stories())
    assert len(shown) == 16
    for title, story in shown:
        assert story.notices, title


def test_a_worsening_says_what_it_means_where_nobody_can_charge_any_more(
    make_world, make_registry
):
    registry = make_registry()
    every = ["N-001/1", "N-001/2", "N-002/1", "N-003/1"]
    world = make_world(registry, view=Points(registry, faulty=every))
    world.raised(world.at(9), "N-001/1")
    world.happens(world.at(10), "worsened", "N-001/1", severity=Severity.CRITICAL)
    world.passes(world.at(10))
    assert body(world.notices[-1]).startswith(
        "No charging point at North depot can charge now."
    )


def test_an_update_says_what_is_over_by_now_and_what_lasts(world):
    world.raised(world.at(9), "N-001/1")
    world.raised(world.at(9, 30), "N-001/2", code="CX005")
    world.cleared(world.at(10), "N-001/1")
    world.passes(world.at(15, day=6))
    update = world.notices[-1]
    assert update.reason == "update"
    assert "Part of it has been without a fault since Mon 5 Jan, 11:00." in update.text
    assert "You cannot charge at charging point 2" in update.text
    assert "charging point 1" not in update.text


def test_an_update_about_what_is_over_makes_no_promise_while_only_a_note_lasts(world):
    world.raised(world.at(9), "N-001/1")
    world.raised(world.at(9, 30), "N-001/2", code="clock-wrong", severity=Severity.INFO)
    world.cleared(world.at(10), "N-001/1")
    world.passes(world.at(15, day=20))
    assert world.reasons == ["opened", "update"]
    assert "has not reported the fault since Mon 5 Jan, 11:00." in world.notices[-1].text
    world.cleared(world.at(16, day=20), "N-001/2")
    assert world.reasons == ["opened", "update", "resolved"]


def test_german_names_what_not_to_use_with_its_article(make_world, make_registry):
    world = make_world(make_registry(language="de"))
    about = {"code": "CX002", "severity": Severity.CRITICAL, "is_danger": True}
    world.raised(world.at(9), "N-001/1", **about)
    world.raised(world.at(9), "N-002/1", **about)
    said = [body(notice).partition(".")[0] for notice in world.notices[::2]]
    assert said == [
        "Bitte benutzen Sie den Ladepunkt 1 der Ladestation N-001 nicht",
        "Bitte benutzen Sie die Ladestation N-002 nicht",
    ]
