"""Dark sites and lost site controllers."""

from datetime import timedelta

import msgspec
import pytest

from domain.events import (
    BrokerFound,
    BrokerLost,
    Disconnected,
    ErrorRaised,
    ErrorReport,
    GatewayOffline,
    GatewayOnline,
    ServiceStarted,
    ServiceStopped,
    Status,
    StatusReported,
    TransactionEnded,
)
from domain.places import Place, SiteId, StationId
from rules.catalogue import Catalogue
from rules.parameters import GroupParameters


def dark(field, *, stations="ABCD", **about):
    """A site whose stations went at minute 10."""
    one = field(field.site("S", stations, **about))
    one.up(field.at(0), *stations)
    one.until(field.at(10))
    one.lost(field.at(10), *stations)
    return one


def test_the_reason_says_how_many_of_how_many(field):
    one = field(field.site("S", "ABCD"))
    one.up(field.at(0), *"ABCD")
    one.lost(field.at(10), *"ABC")
    one.until(field.at(20))
    (raised,) = one.of("site-dark")
    assert raised.because == (
        "3 of 4 connected stations lost within 3 minutes of each other; lasted its patience"
    )
    assert raised.fault.stations == ("A", "B", "C")


def test_every_loss_is_evidence(field):
    one = dark(field)
    one.until(field.at(20))
    (raised,) = one.of("site-dark")
    lost = range(one._position - 3, one._position + 1)
    assert set(lost) <= set(raised.evidence)


def test_a_catalogue_without_offline_still_finds_a_dark_site(field):
    rules = [r for r in field(field.site("S", "A")).catalogue.rules.values()]
    without = Catalogue(rule for rule in rules if rule.name != "offline")
    one = field(field.site("S", "AB"), catalogue=without)
    one.up(field.at(0), "A", "B")
    one.lost(field.at(10), "A", "B")
    one.until(field.at(20))
    assert one.lines("site-dark") == ["20 raised site-dark@site:S"]


def test_a_catalogue_without_wider_causes_hears_of_none(field):
    rules = [r for r in field(field.site("S", "A")).catalogue.rules.values()]
    narrow = Catalogue(rule for rule in rules if rule.name == "offline")
    one = field(field.site("S", "AB"), catalogue=narrow)
    one.up(field.at(0), "A", "B")
    one.feed(GatewayOnline(observed_at=field.at(1), site=SiteId("S")))
    one.feed(GatewayOffline(observed_at=field.at(2), site=SiteId("S")))
    one.feed(BrokerLost(observed_at=field.at(3)), BrokerFound(observed_at=field.at(4)))
    one.lost(field.at(10), "A", "B")
    one.feed(GatewayOnline(observed_at=field.at(11), site=SiteId("S")))
    one.until(field.at(40))
    assert one.lines("offline") == ["40 raised offline@A", "40 raised offline@B"]
    assert len(one.told) == 2


@pytest.mark.parametrize(("share", "is_dark"), [(0.5, True), (0.8, False)])
def test_the_share_is_the_rules(field, share, is_dark):
    rules = dict(field(field.site("S", "A")).catalogue.rules)
    limit = GroupParameters(window=timedelta(minutes=3), count=2, share=share)
    rules["site-dark"] = msgspec.structs.replace(rules["site-dark"], parameters=limit)
    one = field(field.site("S", "ABCD"), catalogue=Catalogue(rules.values()))
    one.up(field.at(0), *"ABCD")
    one.lost(field.at(10), *"ABC")
    one.until(field.at(20))
    assert bool(one.of("site-dark")) is is_dark


def test_half_of_those_connected_counts_and_who_never_was_does_not(field):
    one = field(field.site("S", "ABCDEF"))
    one.up(field.at(0), *"ABCD")
    one.lost(field.at(10), *"AB")
    one.until(field.at(20))
    assert one.lines("site-dark") == ["20 raised site-dark@site:S"]


def test_a_replaced_connection_is_no_loss(field):
    one = field(field.site("S", "AB"))
    one.up(field.at(0), "A", "B")
    one.lost(field.at(10), "A")
    one.lost(field.at(10.5), "A")
    one.until(field.at(30))
    assert one.lines("site-dark") == []


def test_strangers_and_sites_with_one_station_are_never_dark(field):
    one = field(field.site("S", "A"))
    one.up(field.at(0), "A", "X", "Y")
    one.lost(field.at(10), "A", "X", "Y")
    one.up(field.at(50), "X", "A")
    one.until(field.at(60))
    assert one.lines("site-dark", "fleet-drop", "carrier-lost") == []


def test_a_late_joiner_belongs_to_it_and_is_evidence(field):
    one = field(field.site("S", "ABCD"))
    one.up(field.at(0), *"ABCD")
    one.lost(field.at(10), *"ABC")
    one.until(field.at(25))
    one.lost(field.at(25), "D")
    one.until(field.at(26))
    assert one.lines("site-dark") == [
        "20 raised site-dark@site:S",
        "25 recoded site-dark@site:S",
    ]
    assert one.of("site-dark")[-1].fault.stations == ("A", "B", "C", "D")
    one.until(field.at(60))
    assert "55 raised offline@D by site-dark@site:S" in one.told


def test_a_pending_outage_that_most_survive_is_forgotten(field):
    one = dark(field)
    one.up(field.at(12), "A", "B", "C")
    one.lost(field.at(14), "C")
    one.until(field.at(30))
    assert one.lines("site-dark") == []
    assert one.engine.state.sites == {}


def test_it_goes_on_while_half_are_away(field):
    one = dark(field)
    one.up(field.at(25), "A", "B")
    one.until(field.at(60))
    assert one.lines("site-dark") == ["20 raised site-dark@site:S"]
    one.up(field.at(60), "C")
    one.until(field.at(90))
    assert one.lines("site-dark")[1:] == ["90 cleared site-dark@site:S"]
    assert "90 released offline@D" in one.told


def test_all_back_while_it_was_held_in_part_clears_it_five_minutes_later(field):
    one = dark(field)
    one.up(field.at(25), "A", "B", "C")
    one.up(field.at(30), "D")
    one.until(field.at(40))
    assert one.lines("site-dark")[1:] == ["35 cleared site-dark@site:S"]
    assert one.of("site-dark")[-1].fault.cleared_by == "evidence"


def test_a_station_lost_an_hour_later_is_its_own(field):
    one = dark(field)
    one.up(field.at(25), *"ABCD")
    one.until(field.at(85))
    one.lost(field.at(85), "A")
    one.until(field.at(120))
    assert one.lines("site-dark")[1:] == ["30 cleared site-dark@site:S"]
    assert one.lines("offline")[-1] == "115 raised offline@A"


@pytest.mark.parametrize("minute", [11, 15, 22, 27, 31, 40])
def test_a_restart_from_a_snapshot_forgets_nothing_of_it(field, minute):
    def play(restarts_at):
        one = field(field.site("S", "ABCD"), field.site("T", "EF"))
        moves = [
            (0, one.up, "ABCDEF"),
            (10, one.lost, "AB"),
            (12, one.lost, "C"),
            (25, one.up, "A"),
            (26, one.up, "BC"),
            (30, one.lost, "ABC"),
            (31, one.lost, "D"),
            (50, one.up, "ABCD"),
        ]
        for at, move, stations in sorted(
            [*moves, (restarts_at, None, "")], key=lambda one: one[0]
        ):
            if move is None:
                one.restarts()
            else:
                one.until(field.at(at))
                move(field.at(at), *stations)
        one.until(field.at(90))
        return one.decisions

    assert play(minute) == play(1000)


# --- what they said of power ------------------------------------------------------------------


def said_by(field, station, at, **about):
    place = Place.of_station(StationId(station), 1)
    if "reason" in about:
        return TransactionEnded(observed_at=field.at(at), place=place, **about)
    status = Status.FAULTED
    return StatusReported(observed_at=field.at(at), place=place, status=status, **about)


def test_last_words_about_power_stand_in_the_reason(field):
    one = field(field.site("S", "ABCD"))
    one.up(field.at(0), *"ABCD")
    one.feed(said_by(field, "A", 9, reason="PowerLoss", reported_at=field.at(4)))
    for station in "BC":
        one.feed(said_by(field, station, 9.5, error=ErrorReport(vendor_code="CX015")))
    one.feed(said_by(field, "D", 9.6, error=ErrorReport(code="InternalError")))
    one.feed(said_by(field, "D", 9.7, reason="Local"))
    one.lost(field.at(10), *"ABCD")
    one.until(field.at(20))
    (raised,) = one.of("site-dark")
    assert "4 of 4 connected" in raised.because
    assert "; 3 of them reported loss of power just before;" in raised.because


def test_words_about_power_from_a_queue_or_long_ago_or_by_strangers_say_nothing(field):
    one = field(field.site("S", "AB"))
    one.up(field.at(0), "A", "B", "X")
    one.feed(said_by(field, "A", 9, reason="PowerLoss", reported_at=field.at(3.5)))
    one.feed(said_by(field, "X", 9, reason="PowerLoss"))
    one.feed(
        ErrorRaised(
            observed_at=field.at(9),
            place=Place.of_site(SiteId("S")),
            error=ErrorReport(code="CX015"),
        )
    )
    one.feed(said_by(field, "B", 1, reason="PowerLoss"))
    one.feed(said_by(field, "A", 8, reason="PowerLoss"))
    assert list(one.engine.state.outages.power["S"]) == ["A"]
    one.lost(field.at(10), "A", "B")
    one.until(field.at(20))
    assert "; 1 of them reported loss of power" in one.of("site-dark")[0].because
    one.up(field.at(30), "A", "B")
    one.until(field.at(40))
    assert one.engine.state.outages.power == {}


# --- our own restart --------------------------------------------------------------------------


def restarted(field, *, back=(), stations="ABCD", at=20):
    one = field(field.site("S", stations))
    one.up(field.at(0), *stations)
    one.until(field.at(at))
    one.feed(ServiceStopped(observed_at=field.at(at)))
    one.feed(ServiceStarted(observed_at=field.at(at + 2)))
    one.up(field.at(at + 5), *back)
    return one


def test_after_a_restart_a_site_is_looked_at_when_stations_had_time_to_return(field):
    one = restarted(field)
    one.until(field.at(60))
    assert one.lines("site-dark") == ["47 raised site-dark@site:S"]


@pytest.mark.parametrize("back", ["ABC", "ABCD"])
def test_a_site_most_of_which_returned_is_not_dark(field, back):
    one = restarted(field, back=back)
    one.until(field.at(60))
    assert one.lines("site-dark") == []


def test_a_site_that_left_the_registry_meanwhile_is_nobodys(field):
    one = restarted(field)
    one.registers(field.site("T", "E"))
    one.until(field.at(60))
    assert one.lines("site-dark") == []


def test_an_outage_from_before_the_restart_goes_on(field):
    one = dark(field)
    one.feed(ServiceStopped(observed_at=field.at(15)))
    one.feed(ServiceStarted(observed_at=field.at(17)))
    one.up(field.at(30), "A")
    one.until(field.at(60))
    assert one.lines("site-dark") == ["42 raised site-dark@site:S"]


def test_two_restarts_in_a_row_look_once(field):
    one = restarted(field)
    one.feed(ServiceStopped(observed_at=field.at(30)))
    one.feed(ServiceStarted(observed_at=field.at(31)))
    one.until(field.at(70))
    assert one.lines("site-dark") == ["56 raised site-dark@site:S"]


def test_what_was_to_be_looked_at_is_not_while_we_are_down_again(field):
    one = restarted(field)
    one.feed(ServiceStopped(observed_at=field.at(30)))
    one.feed(ServiceStarted(observed_at=field.at(60)))
    one.until(field.at(90))
    assert one.lines("site-dark") == ["85 raised site-dark@site:S"]


# --- site controllers -------------------------------------------------------------------------


def controller(field, *, stations="MA", mqtt="M", gateway="gw-1"):
    one = field(field.site("S", stations, mqtt=mqtt, gateway=gateway))
    one.feed(GatewayOnline(observed_at=field.at(0), site=SiteId("S")))
    return one


def goes(field, at):
    return GatewayOffline(observed_at=field.at(at), site=SiteId("S"))


def comes(field, at):
    return GatewayOnline(observed_at=field.at(at), site=SiteId("S"))


@pytest.mark.parametrize(("gateway", "named"), [("gw-1", "gw-1"), ("", "the controller")])
def test_a_lost_controller_names_itself_and_what_is_behind_it(field, gateway, named):
    one = controller(field, gateway=gateway)
    one.feed(goes(field, 5))
    one.until(field.at(20))
    (raised,) = one.of("gateway-lost")
    assert raised.at == field.at(15)
    assert raised.fault.stations == ("M",)
    assert (
        raised.because == f"{named} is offline; 1 stations are behind it; lasted its patience"
    )
    assert raised.evidence == (2,)


def test_a_controller_never_heard_of_or_of_no_site_raises_nothing(field):
    one = field(field.site("S", "A"))
    one.feed(goes(field, 1))
    one.feed(GatewayOnline(observed_at=field.at(2), site=SiteId("X")))
    one.feed(GatewayOffline(observed_at=field.at(3), site=SiteId("X")))
    one.until(field.at(60))
    assert one.told == []
    one.feed(comes(field, 61), goes(field, 62))
    one.until(field.at(80))
    assert one.lines("gateway-lost") == ["72 raised gateway-lost@site:S"]


def test_a_controller_whose_site_left_the_registry_is_lost_without_stations(field):
    one = controller(field)
    one.registers(field.site("T", "B"))
    one.feed(goes(field, 5))
    one.until(field.at(20))
    assert one.of("gateway-lost")[0].fault.stations == ()


def test_lost_links_behind_it_are_its_own_and_the_others_are_not(field):
    one = controller(field)
    one.up(field.at(0), "M", "A")
    one.feed(goes(field, 1))
    one.until(field.at(12))
    one.lost(field.at(12), "M")
    one.until(field.at(16))
    one.lost(field.at(16), "A")
    one.until(field.at(47))
    assert one.lines("offline") == [
        "42 raised offline@M by gateway-lost@site:S",
        "46 raised offline@A",
    ]
    one.feed(comes(field, 50))
    one.until(field.at(60))
    assert one.lines("gateway-lost")[-1] == "55 cleared gateway-lost@site:S"
    assert "55 released offline@M" in one.told


def test_while_our_broker_is_away_its_dwell_stands_still(field):
    one = controller(field)
    one.feed(goes(field, 5))
    one.feed(BrokerLost(observed_at=field.at(6), because="timed out"))
    one.until(field.at(30))
    assert one.told == ["8 raised broker-lost@fleet"]
    assert one.decisions[0].because == "our connection is gone: timed out; lasted its patience"
    one.feed(BrokerFound(observed_at=field.at(30)))
    one.until(field.at(40))
    assert one.told[1:] == ["31 cleared broker-lost@fleet", "35 raised gateway-lost@site:S"]


def test_a_controller_that_was_lost_before_our_broker_stays_told(field):
    one = controller(field)
    one.feed(goes(field, 5))
    one.until(field.at(16))
    one.feed(BrokerLost(observed_at=field.at(16)))
    one.until(field.at(20))
    assert one.lines("gateway-lost") == [
        "15 raised gateway-lost@site:S",
        "18 inhibited gateway-lost@site:S by broker-lost@fleet",
    ]


def test_a_lost_link_of_a_station_is_no_word_about_our_broker(field):
    one = controller(field)
    one.up(field.at(0), "A")
    one.feed(BrokerLost(observed_at=field.at(1)))
    one.feed(Disconnected(observed_at=field.at(2), station=StationId("A")))
    one.until(field.at(40))
    assert one.lines("offline") == ["32 raised offline@A"]


def test_a_dark_site_leads_the_controller_that_went_with_it(field):
    one = controller(field, stations="MAB")
    one.up(field.at(0), "A", "B")
    one.feed(goes(field, 4))
    one.lost(field.at(5), "A", "B")
    one.until(field.at(16))
    assert one.told == [
        "14 raised gateway-lost@site:S by site-dark@site:S",
        "15 raised site-dark@site:S",
    ]


def test_a_controller_is_lost_for_itself_where_the_site_was_dark_for_a_moment(field):
    one = controller(field, stations="MAB")
    one.up(field.at(0), "A", "B")
    one.feed(goes(field, 4))
    one.lost(field.at(5), "A", "B")
    one.until(field.at(14.5))
    one.up(field.at(14.5), "A", "B")
    one.until(field.at(16))
    assert one.told == [
        "14 raised gateway-lost@site:S by site-dark@site:S",
        "14.5 released gateway-lost@site:S",
    ]


# --- what looks alike -------------------------------------------------------------------------


def test_exactly_three_minutes_apart_is_together_and_a_moment_more_is_not(field):
    for apart, is_dark in ((3, True), (3.01, False)):
        one = field(field.site("S", "AB"))
        one.up(field.at(0), "A", "B")
        one.lost(field.at(10), "A")
        one.lost(field.at(10 + apart), "B")
        one.until(field.at(25))
        assert bool(one.lines("site-dark")) is is_dark


def test_a_station_that_is_back_when_the_next_one_goes_was_not_lost_with_it(field):
    one = field(field.site("S", "AB"))
    one.up(field.at(0), "A", "B")
    one.lost(field.at(10), "A")
    one.up(field.at(11), "A")
    one.lost(field.at(12), "B")
    one.until(field.at(30))
    assert one.lines("site-dark") == []


def test_the_end_of_a_connection_that_was_lost_before_is_no_new_loss(field):
    one = field(field.site("S", "AB"))
    one.up(field.at(0), "A", "B")
    one.lost(field.at(10), "A")
    one.lost(field.at(14), "A")
    one.lost(field.at(15), "B")
    one.until(field.at(30))
    assert one.lines("site-dark") == []


def test_a_restart_between_two_losses_still_sees_that_they_are_together(field):
    one = field(field.site("S", "AB"))
    one.up(field.at(0), "A", "B")
    one.lost(field.at(10), "A")
    one.restarts()
    one.lost(field.at(12), "B")
    one.until(field.at(21))
    assert one.lines("site-dark") == ["20 raised site-dark@site:S"]


def test_two_of_six_that_stay_away_do_not_keep_a_site_dark(field):
    one = dark(field, stations="ABCDEF")
    one.until(field.at(25))
    one.up(field.at(25), *"ABCD")
    one.until(field.at(56))
    assert one.lines("site-dark") == [
        "20 raised site-dark@site:S",
        "55 cleared site-dark@site:S",
    ]


def test_while_we_are_down_nothing_becomes_dark_or_lost(field):
    one = controller(field, stations="MAB")
    one.up(field.at(0), "A", "B")
    one.lost(field.at(10), "A", "B")
    one.feed(goes(field, 11))
    one.feed(ServiceStopped(observed_at=field.at(15)))
    one.feed(ServiceStarted(observed_at=field.at(25)))
    one.until(field.at(51))
    assert one.lines("site-dark", "gateway-lost") == [
        "50 raised gateway-lost@site:S by site-dark@site:S",
        "50 raised site-dark@site:S",
    ]


def test_what_was_not_seen_to_go_has_no_evidence(field):
    one = restarted(field)
    one.until(field.at(48))
    (raised,) = one.of("site-dark")
    assert raised.evidence == ()


def test_dwells_behind_a_controller_go_on_when_it_is_back(field):
    one = controller(field)
    one.up(field.at(0), "M", "A")
    place, error = Place.of_station(StationId("M"), 1), ErrorReport(code="InternalError")
    status = Status.FAULTED
    one.feed(StatusReported(observed_at=field.at(1), place=place, status=status, error=error))
    one.feed(goes(field, 2))
    one.feed(comes(field, 9))
    one.until(field.at(11))
    assert one.told == ["10 raised connector-faulted@M/1"]


def test_the_end_of_a_lost_controller_and_of_our_broker_has_its_evidence(field):
    one = field(field.site("S", "ABCD", mqtt="ABCD", gateway="gw"))
    site = SiteId("S")
    one.feed(GatewayOnline(observed_at=field.at(0), site=site))
    one.feed(GatewayOffline(observed_at=field.at(1), site=site))
    one.until(field.at(20))
    one.feed(GatewayOnline(observed_at=field.at(20), site=site))
    one.until(field.at(30))
    one.feed(BrokerLost(observed_at=field.at(30)))
    one.until(field.at(40))
    one.feed(BrokerFound(observed_at=field.at(40)))
    one.until(field.at(60))
    for rule, by in (("gateway-lost", "reported"), ("broker-lost", "evidence")):
        raised, cleared = one.of(rule)
        assert cleared.fault.cleared_by == by
        assert len(raised.evidence) == 1
        assert len(cleared.evidence) == 2
