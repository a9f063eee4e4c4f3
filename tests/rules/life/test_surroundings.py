"""What stands around a fault: windows, wider causes, the rest of its site."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.beliefs import Link
from domain.faults import Severity
from domain.places import FLEET, CustomerId, Place, SiteId, StationId
from domain.registry import Customer, Registry, Site, Station
from rules.catalogue import Catalogue, Detector, Rule
from rules.parameters import ReportedFaultParameters
from rules.state import EngineState, Window
from rules.surroundings import Surroundings
from rules.tracks import Phase, Track

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
D = Detector


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def site(name: str, stations: str, carrier: str = "", protocol: str = "ocpp") -> Site:
    return Site(
        id=SiteId(name),
        customer=CustomerId("acme"),
        timezone="UTC",
        carrier=carrier,
        stations=tuple(Station(id=StationId(s), evses=2, protocol=protocol) for s in stations),
    )


REGISTRY = Registry(
    (Customer(id=CustomerId("acme"), name="ACME"),),
    (
        site("north", "AB", "telco"),
        site("south", "C"),
        site("west", "D", "telco"),
        site("gw", "M", protocol="mqtt"),
    ),
)


def rule(detector: Detector, **about: object) -> Rule:
    common = {"severity": Severity.MAJOR, "raise_after": START - START}
    common |= {"clear_after": timedelta(minutes=5), "name": str(detector)}
    return Rule(detector=detector, **{**common, **about})


FAULTED = ReportedFaultParameters()
RULES = [
    *(rule(detector) for detector in D if detector is not D.REPORTED_FAULT),
    rule(D.REPORTED_FAULT, parameters=FAULTED),
    rule(D.REPORTED_FAULT, name="error", parameters=ReportedFaultParameters(faulted=False)),
    rule(D.REPORTED_FAULT, name="charges", parameters=FAULTED, stops_charging=False),
    rule(D.STUCK_STATUS, name="stops", stops_charging=True),
]
NORTH, SOUTH, TELCO = "site:north", "site:south", "carrier:telco"


class Around:
    """Surroundings over tracks that a test puts there."""

    def __init__(self) -> None:
        self.state = EngineState()
        self.around = Surroundings(REGISTRY, Catalogue(RULES), self.state)

    def track(self, name: str, where: str, **about: object) -> Track:
        kind, colon, rest = where.partition(":")
        station, _, evse = where.partition("/")
        place = Place.of_station(StationId(station), int(evse or 0))
        if colon:
            place = Place.of_site(SiteId(rest)) if kind == "site" else Place.of_carrier(rest)
        elif where == "fleet":
            place = FLEET
        about = {"phase": Phase.ACTIVE, "is_present": True, "base": Severity.MAJOR, **about}
        track = Track(rule=name, place=place, fingerprint=f"{name}@{where}", **about)
        self.state.tracks[track.fingerprint] = track
        self.around.add(track)
        return track

    def window(self, kind: str, place: Place, until: float, rule: str = "") -> Window:
        found = Window(kind, place, at(until), rule)
        self.state.windows.append(found)
        return found


@pytest.fixture
def one() -> Around:
    return Around()


def names(tracks) -> list[str]:
    return [track.name for track in tracks]


# --- the index --------------------------------------------------------------------------------


def test_tracks_are_found_beside_a_place_and_not_once_they_are_dropped(one):
    first, second = one.track("offline", "A"), one.track("stops", "A/1")
    wide, other = one.track("site-dark", NORTH), one.track("stops", NORTH)
    for place in (first.place, second.place):
        assert one.around.tracks_beside(place) == [first, second]
    assert one.around.tracks_at(StationId("A")) == [first, second]
    assert one.around.tracks_beside(wide.place) == [wide, other]
    one.around.drop(first)
    one.around.drop(wide)
    assert one.around.tracks_beside(first.place) == [second]
    assert one.around.tracks_beside(wide.place) == [other]
    one.around.drop(second)
    one.around.drop(other)
    one.around.drop(other)
    assert list(one.around.tracks_beside(first.place)) == []
    assert list(one.around.tracks_beside(wide.place)) == []
    assert (one.around._by_station, one.around._wide) == ({}, {})
    assert one.around.tracks_at(StationId("A")) == []


def test_an_index_over_a_snapshot_has_its_tracks(one):
    one.track("offline", "A")
    one.track("site-dark", NORTH)
    again = Surroundings(REGISTRY, Catalogue(RULES), one.state)
    assert names(again.tracks_at(StationId("A"))) == ["offline@A"]
    assert names(again.tracks_beside(Place.of_site(SiteId("north")))) == [
        "site-dark@site:north"
    ]


# --- who speaks for whom ----------------------------------------------------------------------


def test_the_widest_that_is_not_at_rest_speaks(one):
    offline = one.track("offline", "A")
    assert one.around.inhibitor_of(offline) is None
    one.track("silent", "A")
    assert one.around.inhibitor_of(offline) == "silent@A"
    dark = one.track("site-dark", NORTH)
    assert one.around.inhibitor_of(offline) == "site-dark@site:north"
    drop = one.track("fleet-drop", "fleet")
    assert one.around.inhibitor_of(offline) == "fleet-drop@fleet"
    drop.phase = dark.phase = Phase.IDLE
    assert one.around.inhibitor_of(offline) == "silent@A"


def test_what_happens_at_another_site_or_station_says_nothing(one):
    offline = one.track("offline", "A")
    one.track("site-dark", SOUTH)
    one.track("silent", "B")
    assert one.around.inhibitor_of(offline) is None
    stranger = one.track("offline", "stranger")
    one.track("silent", "stranger")
    assert one.around.inhibitor_of(stranger) == "silent@stranger"


def test_a_dark_site_speaks_for_its_lost_controller(one):
    gateway = one.track("gateway-lost", NORTH)
    assert one.around.inhibitor_of(gateway) is None
    one.track("site-dark", NORTH, phase=Phase.PENDING)
    assert one.around.inhibitor_of(gateway) == "site-dark@site:north"


def test_a_lost_controller_speaks_for_the_stations_behind_it_only(one):
    behind = one.track("silent", "M")
    apart = one.track("silent", "A")
    one.track("gateway-lost", "site:gw")
    one.track("gateway-lost", NORTH)
    assert one.around.inhibitor_of(behind) == "gateway-lost@site:gw"
    assert one.around.inhibitor_of(apart) is None


def error(one, evse: int, key: str, cause: str, inhibited_by: str | None = None) -> Track:
    causes = {key: cause} if cause else {}
    about = {"keys": [key], "causes": causes, "inhibited_by": inhibited_by}
    return one.track("error", f"A/{evse}", **about)


def test_errors_that_name_each_other_speak_for_nobody_in_a_circle(one):
    first = error(one, 1, "1", "2", "error@A/2")
    second = error(one, 2, "2", "1")
    assert one.around.inhibitor_of(second) is None
    assert one.around.inhibitor_of(first) == "error@A/2"


def test_nor_do_three_in_a_row(one):
    error(one, 1, "1", "2", "error@A/2")
    error(one, 2, "2", "3", "error@A/3")
    third = error(one, 3, "3", "1")
    assert one.around.inhibitor_of(third) is None


def test_a_long_row_that_does_not_end_is_a_circle_to_us(one):
    for evse in range(1, 20):
        error(one, evse, str(evse), str(evse + 1), f"error@A/{evse + 1}")
    last = error(one, 20, "20", "1")
    assert one.around.inhibitor_of(last) is None
    short = Around()
    for evse in range(1, 10):
        error(short, evse, str(evse), str(evse + 1), f"error@A/{evse + 1}")
    error(short, 10, "10", "")
    apart = error(short, 11, "11", "1")
    assert short.around.inhibitor_of(apart) == "error@A/1"


def test_who_is_kept_quiet_by_something_wider_still_speaks(one):
    error(one, 1, "1", "", "maintenance@A")
    effect = error(one, 2, "2", "1")
    assert one.around.inhibitor_of(effect) == "error@A/1"


def test_whom_a_cause_could_speak_for(one):
    own, evse = one.track("silent", "A"), one.track("offline", "A")
    other = one.track("offline", "B")
    rest = one.track("offline", "A/1", phase=Phase.PENDING)
    dark, gateway = one.track("site-dark", NORTH), one.track("gateway-lost", NORTH)
    elsewhere, drop = one.track("offline", "C"), one.track("fleet-drop", "fleet")
    carrier, faulted = one.track("carrier-lost", TELCO), one.track("stops", "C/1")
    far = one.track("site-dark", "site:nowhere")
    around = one.around
    assert around.spoken_for_by(own) == [evse]
    assert around.spoken_for_by(dark) == [gateway, own, evse, other]
    assert around.spoken_for_by(drop) == [
        *(own, evse, other, dark, gateway, elsewhere, carrier, far)
    ]
    assert around.spoken_for_by(carrier) == []
    assert around.spoken_for_by(far) == []
    assert rest not in around.spoken_for_by(drop)
    assert faulted not in around.spoken_for_by(drop)


def test_a_site_or_station_is_part_of_its_carriers_outage_where_that_affects_it(one):
    dark = one.track("site-dark", NORTH, stations=[StationId("A")])
    offline, other = one.track("offline", "D"), one.track("offline", "C")
    unaffected = one.track("offline", "B")
    for track in (dark, offline, other):
        assert one.around.wider_of(track) is None
    carrier = one.track("carrier-lost", TELCO, stations=[StationId("A"), StationId("D")])
    assert one.around.wider_of(dark) == "carrier-lost@carrier:telco"
    assert one.around.wider_of(offline) == "carrier-lost@carrier:telco"
    assert one.around.wider_of(other) is None
    assert one.around.wider_of(unaffected) is None
    assert one.around.wider_of(carrier) is None
    assert one.around.wider_of(one.track("silent", "stranger")) is None
    offline.inhibited_by = "silent@D"
    assert one.around.wider_of(offline) is None
    dark.stations = [StationId("B")]
    assert one.around.wider_of(dark) is None


def test_the_parts_of_an_outage_are_what_is_active_at_its_sites_and_stations(one):
    dark, pending = one.track("site-dark", NORTH), one.track("offline", "B")
    pending.phase = Phase.PENDING
    offline, other = one.track("offline", "D"), one.track("offline", "A")
    one.track("offline", "C")
    stations = [StationId(name) for name in ("A", "B", "D", "stranger")]
    carrier = one.track("carrier-lost", TELCO, stations=stations)
    assert one.around.parts_of(carrier) == [dark, other, offline]
    assert one.around.parts_of(dark) == []


# --- windows ----------------------------------------------------------------------------------

A = Place.of_station(StationId("A"))
A1 = Place.of_station(StationId("A"), 1)


@pytest.mark.parametrize(
    ("place", "covered"),
    [
        (A, ["A", "A/1"]),
        (A1, ["A/1"]),
        (Place.of_site(SiteId("north")), ["A", "A/1", "B", NORTH]),
        (Place.of_carrier("telco"), [TELCO]),
    ],
)
def test_a_window_covers_its_place_and_what_belongs_to_it(one, place, covered):
    tracks = [
        one.track("stops", where)
        for where in ("A", "A/1", "B", "C", NORTH, SOUTH, TELCO, "fleet", "stranger")
    ]
    found = one.window("maintenance", place, 60)
    over = [str(t.place) for t in tracks if one.around.window_over(t) is found]
    assert over == covered
    assert one.around.inhibitor_of(tracks[-1]) is None


def test_a_silence_of_one_rule_leaves_the_others(one):
    found = one.window("silence", A, 60, "stops")
    assert one.around.window_over(one.track("stops", "A/1")) is found
    assert one.around.window_over(one.track("error", "A/1")) is None


def test_the_longest_window_counts_and_a_wider_cause_goes_before_it(one):
    track = one.track("offline", "A")
    one.window("silence", A, 60)
    longest = one.window("maintenance", A, 90)
    one.window("silence", A, 80)
    assert one.around.window_over(track) is longest
    assert one.around.inhibitor_of(track) == "maintenance@A"
    one.track("silent", "A")
    assert one.around.inhibitor_of(track) == "silent@A"


def test_windows_that_are_over_are_forgotten(one):
    one.window("silence", A, 60)
    later = one.window("maintenance", A, 61)
    assert one.around.close_windows(at(59)) == set()
    assert one.around.close_windows(at(60)) == {"silence@A"}
    assert one.state.windows == [later]


# --- the rest of the site ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "base", "blocks"),
    [
        ("reported-fault", Severity.MAJOR, True),
        ("reported-fault", Severity.CRITICAL, True),
        ("reported-fault", Severity.MINOR, False),
        ("error", Severity.MAJOR, False),
        ("charges", Severity.MAJOR, False),
        ("stops", Severity.MAJOR, True),
        ("stops", Severity.MINOR, False),
        ("offline", Severity.MAJOR, False),
    ],
)
def test_what_keeps_a_place_from_charging(one, name, base, blocks):
    assert one.around.blocks_charging(one.track(name, "A", base=base)) is blocks


def test_a_place_that_is_clearing_or_only_suspected_can_charge(one):
    last = one.track("stops", "A")
    assert not one.around.leaves_nobody_charging(last, at(5))
    other = one.track("stops", "B")
    assert one.around.leaves_nobody_charging(last, at(5))
    other.is_present = False
    assert not one.around.leaves_nobody_charging(last, at(5))
    other.is_present, other.phase, other.due_at = True, Phase.PENDING, at(6)
    assert not one.around.leaves_nobody_charging(last, at(5))
    assert one.around.leaves_nobody_charging(last, at(6))
    other.due_at = None
    assert not one.around.leaves_nobody_charging(last, at(6))
    other.phase, other.base = Phase.ACTIVE, Severity.MINOR
    assert not one.around.leaves_nobody_charging(last, at(6))


def test_what_keeps_nobody_from_charging_leaves_a_site_as_it_is(one):
    one.track("stops", "C")
    assert not one.around.leaves_nobody_charging(one.track("error", "C"), at(5))
    assert not one.around.leaves_nobody_charging(one.track("stops", "stranger"), at(5))


def test_whether_the_site_is_told_already_is_said_by_another_critical_fault(one):
    track = one.track("stops", "A", severity=Severity.CRITICAL)
    assert not one.around.is_site_told(track)
    other = one.track("stops", "B", severity=Severity.CRITICAL)
    assert one.around.is_site_told(track)
    other.is_danger = True  # critical of its own
    assert not one.around.is_site_told(track)
    other.is_danger, other.is_present = False, False
    assert not one.around.is_site_told(track)
    other.is_present, other.phase = True, Phase.PENDING
    assert not one.around.is_site_told(track)
    other.phase, other.severity = Phase.ACTIVE, Severity.MAJOR
    assert not one.around.is_site_told(track)
    one.track("stops", "C", severity=Severity.CRITICAL)
    assert not one.around.is_site_told(track)


def test_whose_severity_may_rest_on_a_track(one):
    track, other = one.track("stops", "A"), one.track("offline", "B")
    one.track("stops", "A/1", is_danger=True)
    one.track("stops", "A/2", is_present=False)
    one.track("stops", "B/1", phase=Phase.PENDING)
    one.track("stops", "C")
    assert one.around.worse_than_alone(track) == [track, other]
    assert one.around.worse_than_alone(one.track("stops", "stranger")) == []


def test_a_station_that_has_not_returned_since_our_own_outage_is_unseen(one):
    track, wide = one.track("stops", "A"), one.track("site-dark", NORTH)
    belief = one.state.fleet.belief(StationId("A"))
    for link in Link:
        belief.link = link
        assert one.around.is_unseen(track) is (link is Link.UNKNOWN)
    assert not one.around.is_unseen(wide)


def test_a_boot_counts_where_the_fault_was_last_seen_before_it(one):
    track, wide = one.track("stops", "A"), one.track("site-dark", NORTH)
    assert not one.around.has_booted_since(track)
    belief = one.state.fleet.belief(StationId("A"))
    track.last_at = at(5)
    assert not one.around.has_booted_since(track)
    for minutes, has in ((4, False), (5, False), (6, True)):
        belief.booted_at = at(minutes)
        assert one.around.has_booted_since(track) is has
    track.last_at = None
    assert not one.around.has_booted_since(track)
    assert not one.around.has_booted_since(wide)
