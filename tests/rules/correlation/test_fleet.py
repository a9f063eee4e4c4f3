"""Lost carriers, drops of the whole fleet, and firmware that fails alike."""

from datetime import timedelta

import pytest

from domain.beliefs import Fleet
from domain.events import (
    Booted,
    ErrorReport,
    MaintenancePlanned,
    ServiceStarted,
    ServiceStopped,
    SilenceSet,
    Status,
    StatusReported,
)
from domain.places import Place, SiteId, StationId
from rules.catalogue import Catalogue
from rules.detectors.models import VERSIONS_AT_MOST
from rules.memory.outages import Striking
from rules.presence import Losses, Presence

RED, GREEN, BLUE = ("R1", "R2", "R3"), ("G1", "G2"), ("B1",)
WHITE = ("W1", "W2", "W3", "W4")
TELCO = (*RED, *GREEN, *BLUE)


def carriers(field):
    """Three sites of one carrier, the last with one station, and one of another."""
    one = field(
        field.site("red", RED, carrier="telco"),
        field.site("green", GREEN, carrier="telco"),
        field.site("blue", BLUE, carrier="telco"),
        field.site("white", WHITE, carrier="other"),
        field.site("cable", ("C1", "C2")),
    )
    one.up(field.at(0), *TELCO, *WHITE, "C1", "C2")
    one.until(field.at(10))
    return one


def test_the_reason_counts_stations_sites_and_the_share(field):
    one = carriers(field)
    one.lost(field.at(10), *RED, *GREEN)
    one.until(field.at(20))
    (raised,) = one.of("carrier-lost")
    assert raised.because == (
        "5 stations at 2 sites lost within 5 minutes of each other,"
        " 83% of those connected by telco; lasted its patience"
    )
    assert raised.fault.stations == ("G1", "G2", "R1", "R2", "R3")
    assert set(range(one._position - 2, one._position + 1)) <= {*raised.evidence, *range(15)}


def test_a_site_without_a_carrier_is_no_part_of_any(field):
    one = carriers(field)
    one.lost(field.at(10), *TELCO, "C1", "C2")
    one.until(field.at(20))
    assert "20 raised site-dark@site:cable" in one.told


@pytest.mark.parametrize(
    ("lost", "is_carrier"),
    [
        (RED, False),  # one site
        (("R1", "G1"), False),  # a third of one site: one station of many
        (("R1", "R2", "G1"), True),
        ((*RED, "W1"), False),  # two carriers
    ],
)
def test_it_takes_two_sites_of_which_half_went(field, lost, is_carrier):
    one = carriers(field)
    one.lost(field.at(10), *lost)
    one.until(field.at(21))
    assert bool(one.of("carrier-lost")) is is_carrier


def test_a_site_at_which_work_is_planned_is_no_word_about_its_carrier(field):
    one = carriers(field)
    place, until = Place.of_site(SiteId("red")), field.at(120)
    one.feed(MaintenancePlanned(observed_at=field.at(10), place=place, until=until))
    one.feed(SilenceSet(observed_at=field.at(10), place=Place.of_carrier("x"), until=until))
    one.lost(field.at(10), *RED, *GREEN)
    one.until(field.at(21))
    assert one.lines("carrier-lost") == []


def test_a_fifth_of_the_carriers_stations_is_the_least(field):
    def play(sites, lost):
        names = [(f"s{n:02}", [f"S{n:02}"]) for n in range(sites)]
        one = field(*(field.site(name, ids, carrier="telco") for name, ids in names))
        one.up(field.at(0), *(ids[0] for _, ids in names))
        one.lost(field.at(10), *(f"S{n:02}" for n in range(lost)))
        one.until(field.at(21))
        return bool(one.of("carrier-lost"))

    assert play(10, 2)
    assert not play(11, 2)
    assert play(11, 3)


def test_its_dark_sites_keep_their_tickets_and_are_part_of_it(field):
    one = carriers(field)
    one.lost(field.at(10), *RED)
    one.until(field.at(12))
    one.lost(field.at(12), *GREEN, *BLUE)
    one.until(field.at(45))
    part = " of carrier-lost@carrier:telco"
    by = " by site-dark@site:"
    assert one.told == [
        "20 raised site-dark@site:red",
        "22 raised carrier-lost@carrier:telco",
        f"22 linked site-dark@site:red{part}",
        f"22 raised site-dark@site:green{part}",
        f"40 raised offline@R1{by}red",
        f"40 raised offline@R2{by}red",
        f"40 raised offline@R3{by}red",
        f"42 raised offline@B1{part}",
        f"42 raised offline@G1{by}green",
        f"42 raised offline@G2{by}green",
    ]


def test_a_fault_that_is_none_of_links_or_of_another_station_is_no_part_of_it(field):
    one = carriers(field)
    one.lost(field.at(9), "W1")
    fault = StatusReported(
        observed_at=field.at(9),
        place=Place.of_station(StationId("R1"), 1),
        status=Status.FAULTED,
        error=ErrorReport(code="GroundFailure"),
    )
    one.feed(fault)
    one.lost(field.at(10), "R1", "R2", *GREEN)
    one.until(field.at(21))
    one.lost(field.at(21), "R3", "B1")
    one.up(field.at(22), "B1")
    one.until(field.at(41))
    linked = [line for line in one.told if "carrier-lost" in line]
    assert linked == [
        "20 raised carrier-lost@carrier:telco",
        "20 raised site-dark@site:green of carrier-lost@carrier:telco",
        "20 raised site-dark@site:red of carrier-lost@carrier:telco",
        "21 recoded carrier-lost@carrier:telco",
        "21 recoded site-dark@site:red of carrier-lost@carrier:telco",
        "21 recoded carrier-lost@carrier:telco",
    ]


def test_who_is_released_while_the_carrier_is_lost_is_linked_then(field):
    one = carriers(field)
    one.lost(field.at(10), *TELCO)
    one.until(field.at(41))
    one.up(field.at(41), "R1", "R2")  # one is left of the site; half of the carrier is
    one.until(field.at(75))
    one.up(field.at(76), *GREEN)
    one.until(field.at(107))
    assert one.lines("carrier-lost")[-1] == "106 cleared carrier-lost@carrier:telco"
    assert "71 released offline@R3 of carrier-lost@carrier:telco" in one.told


def test_after_a_restart_a_carrier_is_looked_at_before_its_sites(field):
    one = carriers(field)
    one.feed(ServiceStopped(observed_at=field.at(12)))
    one.feed(ServiceStarted(observed_at=field.at(14)))
    one.up(field.at(20), *WHITE, "C1", "C2")
    one.until(field.at(39))
    assert one.told == [
        "39 raised carrier-lost@carrier:telco",
        "39 raised site-dark@site:green of carrier-lost@carrier:telco",
        "39 raised site-dark@site:red of carrier-lost@carrier:telco",
    ]


def test_after_a_restart_the_carrier_may_be_gone_from_the_registry(field):
    one = carriers(field)
    one.feed(ServiceStopped(observed_at=field.at(12)))
    one.feed(ServiceStarted(observed_at=field.at(14)))
    one.registers(field.site("red", RED), field.site("green", GREEN))
    one.until(field.at(39))
    assert one.lines("carrier-lost") == []


# --- ourselves --------------------------------------------------------------------------------

SIX = tuple(f"s{n}" for n in range(6))
FLEET = tuple(f"S{n}" for n in range(6)) + tuple(f"T{n}" for n in range(6))


def six(field, **about):
    """Six sites of two stations each."""
    sites = [field.site(f"s{n}", (f"S{n}", f"T{n}"), **about) for n in range(6)]
    one = field(*sites)
    one.up(field.at(0), *FLEET)
    one.until(field.at(10))
    return one


def test_it_is_us_when_most_go_within_a_minute(field):
    one = six(field)
    one.lost(field.at(10), *FLEET[:9])
    one.until(field.at(13))
    (raised,) = one.decisions
    assert raised.because == (
        "9 of 12 connected stations lost within 1 minute of each other,"
        " by no single carrier, customer or site; lasted its patience"
    )
    assert raised.fault.stations == tuple(sorted(FLEET[:9]))


@pytest.mark.parametrize("count", [4, 5])
def test_the_guard_begins_at_five_sites(field, count):
    names = [f"S{n}" for n in range(count)]
    one = field(*(field.site(f"s{n}", (name,)) for n, name in enumerate(names)))
    one.up(field.at(0), *names)
    one.lost(field.at(10), *names)
    one.until(field.at(13))
    assert bool(one.lines("fleet-drop")) is (count == 5)


def test_what_stations_report_is_told_while_it_is_us(field):
    one = six(field)
    one.lost(field.at(10), *FLEET[:11])
    one.until(field.at(15))
    fails(field, one, 15, FLEET[11])
    one.until(field.at(18))
    assert one.told[-1] == f"17 raised connector-faulted@{FLEET[11]}/1"


def test_the_guard_holds_what_was_pending_before_and_what_comes_after(field):
    one = six(field)
    one.lost(field.at(10), "S0", "T0")  # a dark site, due at 20
    one.until(field.at(11))
    one.lost(field.at(11), *FLEET[1:6])
    one.up(field.at(11.5), *FLEET[1:6])  # back before two minutes: no ticket
    one.until(field.at(15))
    one.lost(field.at(15), "S1", "T1")
    one.until(field.at(60))
    assert one.told == [
        "36 raised site-dark@site:s0",
        "36 raised site-dark@site:s1",
        "40 raised offline@S0 by site-dark@site:s0",
        "40 raised offline@T0 by site-dark@site:s0",
        "45 raised offline@S1 by site-dark@site:s1",
        "45 raised offline@T1 by site-dark@site:s1",
    ]


def test_the_guard_puts_off_what_would_grow_worse_and_lets_clear_what_clears(field):
    one = six(field)
    one.lost(field.at(10), "S0", "S1")
    one.until(field.at(125))
    one.up(field.at(125), "S1")
    one.lost(field.at(126), *FLEET[2:])
    one.up(field.at(127), *FLEET[2:])
    one.until(field.at(152))
    assert one.told == [
        "40 raised offline@S0",
        "40 raised offline@S1",
        "130 cleared offline@S1",
        "151 worsened offline@S0",
    ]


def test_a_later_drop_is_guarded_again(field):
    one = six(field)
    for start in (10, 60):
        one.lost(field.at(start), *FLEET)
        one.up(field.at(start + 1), *FLEET[1:])
        one.lost(field.at(start + 1.5), *FLEET[1:2])
        one.up(field.at(start + 2), *FLEET)
        one.until(field.at(start + 40))
    assert one.told == []
    assert one.engine.state.outages.ours_until == field.at(85)
    assert one.engine.state.outages.dropped == {}


def test_while_it_lasts_everything_of_links_is_ours(field):
    one = six(field, carrier="telco")
    mixed = field(
        *(field.site(f"s{n}", (f"S{n}", f"T{n}"), carrier=f"k{n % 2}") for n in range(6))
    )
    mixed.up(field.at(0), *FLEET)
    mixed.until(field.at(10))
    for each in (one, mixed):
        each.lost(field.at(10), *FLEET)
        each.until(field.at(36))
    assert one.lines("fleet-drop") == []
    assert one.lines("carrier-lost") == ["20 raised carrier-lost@carrier:telco"]
    assert mixed.lines("fleet-drop", "carrier-lost") == [
        "12 raised fleet-drop@fleet",
        "35 raised carrier-lost@carrier:k0 by fleet-drop@fleet",
        "35 raised carrier-lost@carrier:k1 by fleet-drop@fleet",
    ]


@pytest.mark.parametrize("others", [0, 1, 30])
def test_one_customers_network_is_not_us_while_others_are_well(field, others):
    sites = [field.site(f"s{n}", (f"S{n}", f"T{n}"), customer="acme") for n in range(6)]
    more = [f"X{n}" for n in range(others)]
    one = field(*sites, *(field.site(f"x{n}", (name,)) for n, name in enumerate(more)))
    one.up(field.at(0), *FLEET, *more)
    one.until(field.at(10))
    one.lost(field.at(10), *FLEET)
    one.until(field.at(13))
    assert bool(one.lines("fleet-drop")) is (others == 0)


@pytest.mark.parametrize(("others", "is_ours"), [(4, True), (10, False)])
def test_strays_of_other_customers_count_by_their_own_share(field, others, is_ours):
    """A fifth of the others gone as well is no chance: then it is no customer's network."""
    ids = [(f"S{n}", f"T{n}", f"U{n}") for n in range(6)]
    sites = [field.site(f"s{n}", three, customer="acme") for n, three in enumerate(ids)]
    well = [f"U{n}" for n in range(6)]
    more = [f"X{n}" for n in range(others)]
    one = field(*sites, *(field.site(f"x{n}", (name,)) for n, name in enumerate(more)))
    one.up(field.at(0), *FLEET, *well, *more)
    one.until(field.at(10))
    one.lost(field.at(10), more[0], *FLEET)
    one.until(field.at(13))
    assert bool(one.lines("fleet-drop")) is is_ours


def test_one_large_site_and_strays_are_not_us(field):
    large = [f"L{n:02}" for n in range(50)]
    small = [f"X{n}" for n in range(8)]
    one = field(
        field.site("large", large), *(field.site(f"x{n}", (s,)) for n, s in enumerate(small))
    )
    one.up(field.at(0), *large, *small)
    one.until(field.at(10))
    one.lost(field.at(10), *large, *small[:1])
    one.until(field.at(21))
    assert one.lines("fleet-drop", "site-dark") == ["20 raised site-dark@site:large"]


@pytest.mark.parametrize(("back", "is_ours"), [(3, True), (6, True), (7, False)])
def test_after_a_restart_it_is_us_where_half_stay_away(field, back, is_ours):
    one = six(field)
    one.feed(ServiceStopped(observed_at=field.at(12)))
    one.feed(ServiceStarted(observed_at=field.at(14)))
    one.up(field.at(20), *FLEET[:back])
    one.until(field.at(39))
    assert bool(one.lines("fleet-drop")) is is_ours
    dark = one.lines("site-dark")
    assert all(line.endswith(" by fleet-drop@fleet") is is_ours for line in dark)


def test_a_restart_in_the_middle_of_a_drop_goes_on_with_it(field):
    one = six(field)
    one.lost(field.at(10), *FLEET)
    one.until(field.at(13))
    one.restarts()
    one.feed(ServiceStopped(observed_at=field.at(14)))
    one.feed(ServiceStarted(observed_at=field.at(16)))
    one.up(field.at(17), *FLEET)
    one.until(field.at(60))
    assert one.told == ["12 raised fleet-drop@fleet", "22 cleared fleet-drop@fleet"]


def test_without_a_rule_for_it_nothing_is_ours(field):
    rules = field(field.site("S", "A")).catalogue.rules.values()
    narrow = Catalogue(rule for rule in rules if rule.name != "fleet-drop")
    one = field(*(field.site(f"s{n}", (f"S{n}",)) for n in range(6)), catalogue=narrow)
    one.up(field.at(0), *FLEET[:6])
    one.lost(field.at(10), *FLEET[:6])
    one.until(field.at(13))
    assert one.engine.state.outages.ours_until is None


# --- presence ---------------------------------------------------------------------------------


def test_losses_forget_what_is_old_even_where_our_clock_went_back(field):
    one = field(field.site("S", "ABCDE"))
    losses = Losses(timedelta(minutes=3), Presence(one.registry, Fleet()))
    for name, minute in (("A", 10), ("B", 14), ("C", 12), ("D", 13.5), ("E", 16)):
        losses.add(StationId(name), field.at(minute))
    assert list(losses.at) == ["B", "D", "E"]
    losses.add(StationId("E"), field.at(16))
    losses.drop(StationId("A"))
    losses.drop(StationId("B"))
    assert losses.count_in == {"site:S": 2, "customer:of-S": 2, "fleet": 2}
    assert len(losses) == 2


def test_presence_counts_each_station_once_and_strangers_never(field):
    one = field(field.site("S", "AB", carrier="telco"))
    one.up(field.at(0), "A", "A", "X")
    presence = Presence(one.registry, one.engine.fleet)
    assert presence.up == {"A"}
    assert presence.up_in == {"site:S": 1, "customer:of-S": 1, "fleet": 1, "carrier:telco": 1}
    assert presence.away([StationId("A"), StationId("B")]) == {"B"}


# --- firmware ---------------------------------------------------------------------------------

SITES = {"s1": "ABC", "s2": "DEF", "s3": "GHI"}
ALL = "ABCDEFGHI"


def fails(field, one, at, *stations, code="InternalError", status=Status.FAULTED):
    for name in stations:
        one.feed(
            StatusReported(
                observed_at=field.at(at),
                place=Place.of_station(StationId(name), 1),
                status=status,
                error=ErrorReport(code=code),
            )
        )


def models(field, new="ABCD", *, old=ALL):
    one = field(*(field.site(name, ids) for name, ids in SITES.items()))
    one.up(field.at(0), *ALL)
    one.boots(field.at(0), "1.0", *old)
    one.boots(field.at(1), "2.0", *new)
    return one


def test_a_version_that_fails_alike_is_proposed_once_with_stations_and_evidence(field):
    one = models(field)
    fails(field, one, 10, *"ABCD")
    one.until(field.at(20))
    fails(field, one, 20, *"ABCD", status=Status.AVAILABLE, code="NoError")
    one.until(field.at(40))
    fails(field, one, 40, *"ABCD")
    one.until(field.at(60))
    (work,) = one.work
    assert work.rule == "problem-proposal"
    assert work.key == "problem-proposal:Acme|One|2.0|connector-faulted|InternalError"
    assert work.detail == (
        "4 of 4 stations with Acme One 2.0 at 2 sites raised connector-faulted InternalError"
        " within 24 hours, 0 of 5 with other firmware: A, B, C, D"
    )
    assert work.stations == ("A", "B", "C", "D")
    assert len(work.evidence) == 4


@pytest.mark.parametrize(
    ("new", "failing"),
    [
        ("ABCD", "ABC"),  # too few
        ("ABCDEF", "ABC"),
        ("ABCD", "ABCDEF"),  # other versions too
    ],
)
def test_what_does_not_single_a_version_out_is_no_proposal(field, new, failing):
    one = models(field, new)
    # The others first, so that they count when the version is judged.
    fails(field, one, 9, *(name for name in failing if name not in new))
    fails(field, one, 10, *(name for name in failing if name in new))
    one.until(field.at(20))
    assert one.work == []


def test_one_site_alone_may_be_wired_badly(field):
    one = field(field.site("s1", "ABCDE"), field.site("s2", "F"))
    one.up(field.at(0), *"ABCDEF")
    one.boots(field.at(0), "2.0", *"ABCDEF")
    fails(field, one, 10, *"ABCDE")
    one.until(field.at(20))
    assert one.work == []
    fails(field, one, 21, "F")
    one.until(field.at(30))
    assert len(one.work) == 1, "there is no other version to compare with"


def test_a_few_of_many_stations_of_a_version_are_chance(field):
    names = [f"S{n:02}" for n in range(30)]
    one = field(*(field.site(f"s{n}", (name,)) for n, name in enumerate(names)))
    one.up(field.at(0), *names)
    one.boots(field.at(0), "2.0", *names)
    fails(field, one, 10, *names[:4])
    one.until(field.at(20))
    assert one.work == []


@pytest.mark.parametrize(
    ("kin", "count", "ends"),
    [(30, 8, "S06, S07"), (60, 16, "S10, S11 and 4 more")],
)
def test_it_is_judged_again_as_it_grows_and_names_a_dozen(field, kin, count, ends):
    names = [f"S{n:02}" for n in range(kin)]
    one = field(*(field.site(f"s{n}", (name,)) for n, name in enumerate(names)))
    one.up(field.at(0), *names)
    one.boots(field.at(0), "2.0", *names)
    fails(field, one, 10, *names[:20])
    one.until(field.at(20))
    (work,) = one.work
    assert work.detail.startswith(
        f"{count} of {kin} stations with Acme One 2.0 at {count} sites"
    )
    assert work.detail.endswith(ends)
    assert len(work.stations) == count


def test_stations_that_never_said_what_they_are_are_not_compared(field):
    one = models(field, "", old="")
    fails(field, one, 10, *ALL)
    one.until(field.at(20))
    assert (one.work, one.engine.state.outages.versions) == ([], {})


def test_failures_long_apart_do_not_add_up(field):
    one = models(field)
    fails(field, one, 10, "A", "B")
    one.until(field.at(60 * 25))
    fails(field, one, 60 * 25, "C", "D")
    one.until(field.at(60 * 25 + 5))
    assert one.work == []


def test_what_a_wider_cause_explains_is_no_word_about_a_version(field):
    one = models(field, ALL)
    one.lost(field.at(10), *ALL)
    one.until(field.at(45))
    assert {line.split()[1] for line in one.lines("offline")} == {"raised"}
    assert one.work == []


def test_a_stranger_or_a_nameless_station_has_no_version(field):
    one = field(field.site("s1", "A"))
    one.up(field.at(0), "A", "X")
    one.boots(field.at(0), "2.0", "X")
    one.boots(field.at(0), "2.0", "A", model="")
    fails(field, one, 1, "A", "X")
    one.until(field.at(10))
    assert one.engine.state.outages.versions == {}


def test_what_is_remembered_of_versions_is_limited(field):
    one = models(field)
    versions = one.engine.state.outages.versions
    names = [f"Acme|One|{n}|offline|offline" for n in range(VERSIONS_AT_MOST - 1)]
    versions.update({name: Striking() for name in names})
    fails(field, one, 10, "A")
    one.until(field.at(20))
    assert len(versions) == VERSIONS_AT_MOST == 500
    assert next(iter(versions)) == names[0]
    fails(field, one, 20, "E")  # of another version
    one.until(field.at(30))
    assert len(versions) == VERSIONS_AT_MOST
    assert next(iter(versions)) == names[1]
    assert list(versions)[-1] == "Acme|One|1.0|connector-faulted|InternalError"


def test_other_makes_and_models_and_the_silent_are_no_kin(field):
    one = field(field.site("s1", "ABCX"), field.site("s2", "DEYZ"))
    one.up(field.at(0), *"ABCDEXYZ")
    one.boots(field.at(0), "2.0", *"ABCD")
    one.boots(field.at(0), "1.0", "E")
    one.boots(field.at(0), "2.0", "Y", model="Two")
    one.feed(
        Booted(observed_at=field.at(0), station=StationId("Z"), model="One", firmware="2.0")
    )
    fails(field, one, 10, *"ABCD")
    one.until(field.at(20))
    assert one.work[0].detail.startswith("4 of 4 stations with Acme One 2.0 at 2 sites")
    assert "0 of 1 with other firmware" in one.work[0].detail
