import pytest

from simulator.acts import Break, Drop, Leave, Return, outage
from simulator.demo import demo_scenario
from simulator.director import direct
from simulator.fleet import make_fleet
from simulator.plan import FleetPlan, Link, Segment, SitePlan, StationPlan
from simulator.scenario import ScenarioError, read_scenario

DANGER = {"GroundFailure", "PowerSwitchFailure"}


@pytest.fixture(scope="module")
def fleet():
    return make_fleet(500, 7)


@pytest.fixture
def pair(plain_traits):
    stations = tuple(
        StationPlan(id=id_, evses=2, vendor="", model="", traits=plain_traits)
        for id_ in ("A", "B")
    )
    site = SitePlan(
        id="north",
        customer="acme",
        segment=Segment.COMPANY,
        timezone="Europe/Berlin",
        link=Link.ETHERNET,
        stations=stations,
    )
    return FleetPlan(seed=1, customers=(), sites=(site,))


@pytest.fixture
def read(pair, tmp_path):
    def of(text):
        path = tmp_path / "story.yaml"
        path.write_text(text)
        return read_scenario(path, pair)

    return of


@pytest.fixture
def play(pair, stage):
    """Plays a scenario with the pair of stations, in virtual time."""

    def until(scenario, seconds):
        stations = {
            plan.id: stage.station(id_=plan.id, evses=plan.evses) for plan in pair.stations
        }
        direct(scenario, stations, stage.timeline, stage.counters)
        for station in stations.values():
            station.start(with_cars=False)
        stage.run_for(seconds)
        return stations

    return until


def test_a_fault_from_a_file_comes_and_goes_at_its_moments(read, play, stage):
    scenario = read(
        """
name: lock
steps:
  - {at: 10, do: fault, station: A, connector: 2, code: ConnectorLockFailure, for: 50}
"""
    )
    play(scenario, 30.0)
    assert ("Faulted", "ConnectorLockFailure") in stage.central.statuses(2)
    stage.run_for(40.0)
    assert stage.central.statuses(2)[-1] == ("Available", "NoError")
    assert scenario.name == "lock"
    assert stage.counters.step_count == 2


def test_a_cleared_fault_ends_with_its_own_step(read, play, stage):
    steps = """
steps:
  - {at: 10, do: fault, station: A, connector: 1, code: OtherError, vendor_code: 210,
     vendor_id: v, text: t}
  - {at: 20, do: clear, station: A, connector: 1}
"""
    play(read(steps), 30.0)
    told = [s for s in stage.central.statuses(1) if s[0] == "Faulted" or s[1] != "NoError"]
    assert told == [("Faulted", "OtherError")]
    body = next(b for b in stage.central.calls("StatusNotification") if "vendorErrorCode" in b)
    assert (body["vendorErrorCode"], body["vendorId"], body["info"]) == ("210", "v", "t")


def test_flapping_raises_as_often_as_asked(read, play, stage):
    play(
        read(
            """
steps:
  - {at: 5, do: flap, station: A, connector: 1, times: 4, lasts: 20, pause: 10}
"""
        ),
        200.0,
    )
    raised = [s for s in stage.central.statuses(1) if s[0] == "Faulted"]
    assert len(raised) == 4
    assert stage.central.statuses(1)[-1] == ("Available", "NoError")


def test_a_site_outage_takes_all_stations_and_brings_them_back(read, play, stage):
    stations = play(read("steps: [{at: 30, do: outage, site: north, for: 600}]"), 50.0)
    assert not any(station.is_up for station in stations.values())
    stage.run_for(570.0)
    assert not any(station.is_up for station in stations.values())
    stage.run_for(120.0)
    assert all(station.is_up for station in stations.values())


def test_leaving_without_an_end_is_for_good_until_a_return(read, play, stage):
    stations = play(
        read(
            """
steps:
  - {at: 900, do: return, station: A}
  - {at: 10, do: leave, station: A}
"""
        ),
        890.0,
    )
    assert not stations["A"].is_up
    assert stations["B"].is_up
    stage.run_for(60.0)
    assert stations["A"].is_up


def test_loops_garbage_and_double_links_reach_the_wire(read, play, stage):
    stations = play(
        read(
            """
steps:
  - {at: 10, do: boot-loop, station: A, times: 3, every: 30}
  - {at: 15, do: garbage, station: B, frame: "[2,broken"}
  - {at: 20, do: double, station: B}
  - {at: 100, do: flicker, station: B, times: 3, every: 60}
"""
        ),
        400.0,
    )
    assert stage.central.actions().count("BootNotification") == 1 + 3 + 1
    assert "[2,broken" in stage.central.frames
    assert stage.counters.lost_count == 3
    assert stage.counters.connect_count == 2 + 1 + 3
    assert stations["B"].is_up


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps: [", "not YAML"),
        ("name: x", "expected `steps`"),
        ("steps:\n  - {at: 1, do: explode}", ":2: `do` is 'explode'"),
        (
            "steps:\n  - {at: 1, do: drop, station: A}\n  - {at: 1, do: drop, station: Z}",
            ":3: ",
        ),
        ("steps: [{at: 1, do: fault, station: A, connector: 3}]", "A has 0 to 2"),
        ("steps: [{at: soon, do: drop, station: A}]", "`at` is 'soon', expected seconds"),
        ("steps: [{at: 1, do: drop, station: A, code: X}]", "unknown key 'code'"),
        ("steps: [{at: 1, do: outage, site: south}]", "site 'south' is not in the fleet"),
        ("steps: [5]", "expected keys and values"),
    ],
)
def test_a_step_that_cannot_be_played_is_refused_with_its_line(read, text, expected):
    with pytest.raises(ScenarioError, match=r"story\.yaml") as caught:
        read(text)
    assert expected in str(caught.value)


def test_stations_of_an_outage_go_within_ten_seconds_and_return_one_by_one():
    moments = outage(100.0, [f"S{n}" for n in range(20)], 700.0)
    gone = [m.at_s for m in moments if isinstance(m.act, Leave)]
    back = [m.at_s for m in moments if isinstance(m.act, Return)]
    assert 100.0 <= min(gone) <= max(gone) <= 110.0
    assert min(back) >= 800.0
    assert max(back) - min(back) > 30.0


# --- the built-in scenario --------------------------------------------------------------------


def faults(scenario, until_s):
    return [
        m
        for m in scenario.moments
        if m.at_s <= until_s and isinstance(m.act, Break) and m.act.report is not None
    ]


def test_a_danger_code_comes_soon_enough_for_a_ticket_within_two_minutes(fleet):
    scenario = demo_scenario(fleet, 1)
    dangers = [m for m in faults(scenario, 60.0) if m.act.report.code in DANGER]
    assert dangers
    assert all(m.act.report.status == "Faulted" for m in dangers)


def test_plain_faults_outlast_their_patience_and_recover(fleet):
    scenario = demo_scenario(fleet, 1)
    lasting = 0
    for start in faults(scenario, 60.0):
        ends = [
            m.at_s
            for m in scenario.moments
            if isinstance(m.act, Break)
            and (m.act.station, m.act.connector) == (start.act.station, start.act.connector)
            and m.act.report is None
            and m.at_s > start.at_s
        ]
        assert ends, "every early fault ends"
        lasting += ends[0] - start.at_s > 120.0
    assert lasting >= 4


def test_a_whole_site_goes_dark_for_more_than_ten_minutes(fleet):
    scenario = demo_scenario(fleet, 1)
    site_of = {station.id: site.id for site in fleet.sites for station in site.stations}
    gone: dict[str, set[str]] = {}
    for moment in scenario.moments:
        if isinstance(moment.act, Leave) and moment.at_s <= 60.0:
            gone.setdefault(site_of[moment.act.station], set()).add(moment.act.station)
    site, stations = max(gone.items(), key=lambda item: len(item[1]))
    assert len(stations) >= 3
    assert len(stations) == sum(1 for id_ in site_of.values() if id_ == site)
    back = [
        m.at_s
        for m in scenario.moments
        if isinstance(m.act, Return) and m.act.station in stations
    ]
    assert min(back) - 60.0 > 600.0


def test_a_connector_flaps_at_least_four_times_within_the_first_minutes(fleet):
    scenario = demo_scenario(fleet, 1)
    raised: dict[tuple[str, int], int] = {}
    for moment in faults(scenario, 400.0):
        place = (moment.act.station, moment.act.connector)
        raised[place] = raised.get(place, 0) + 1
    assert max(raised.values()) >= 4


def test_the_story_goes_on_for_twenty_minutes_and_longer(fleet):
    scenario = demo_scenario(fleet, 1)
    for begin_s in range(120, 1200, 240):
        later = [m for m in faults(scenario, begin_s + 240.0) if m.at_s > begin_s]
        assert later, f"something breaks between {begin_s} and {begin_s + 240} s"
    assert scenario.moments[-1].at_s > 3600.0


def test_the_scenario_is_the_same_for_a_seed_and_differs_between_seeds(fleet):
    assert demo_scenario(fleet, 1) == demo_scenario(fleet, 1)
    assert demo_scenario(fleet, 1) != demo_scenario(fleet, 2)


def test_short_drops_come_at_their_real_rate(fleet):
    scenario = demo_scenario(fleet, 1, duration_s=6 * 3600.0)
    drops = [m for m in scenario.moments if isinstance(m.act, Drop)]
    assert 30 < len(drops) < 130


@pytest.mark.parametrize("sites", [1, 2, 5, 20])
def test_small_fleets_get_the_roles_they_have_stations_for(sites):
    small = make_fleet(sites, 3)
    scenario = demo_scenario(small, 3, duration_s=1200.0)
    known = {station.id: station.evses for station in small.stations}
    assert [m for m in faults(scenario, 60.0) if m.act.report.code in DANGER]
    for moment in scenario.moments:
        assert moment.act.station in known
        if isinstance(moment.act, Break):
            assert 0 <= moment.act.connector <= known[moment.act.station]
