from collections import Counter
from pathlib import Path

import pytest
import yaml

from simulator.fleet import make_fleet, write_fleet_yaml
from simulator.fleet_file import FleetFileError, read_fleet_yaml
from simulator.plan import Link, Segment


@pytest.fixture(scope="module")
def fleet():
    return make_fleet(500, 7)


def test_five_hundred_sites_have_about_eighteen_hundred_stations():
    counts = [len(make_fleet(500, seed).stations) for seed in range(6)]
    assert all(1600 < count < 2050 for count in counts)
    assert 1730 < sum(counts) / len(counts) < 1900
    evses = make_fleet(500, 1).evse_count
    assert 2250 < evses < 2800


def test_segments_have_their_shares_and_sizes(fleet):
    sites = Counter(site.segment for site in fleet.sites)
    assert sites == {
        Segment.PRIVATE: 200,
        Segment.COMPANY: 190,
        Segment.FLEET: 50,
        Segment.PUBLIC: 60,
    }
    sizes = {
        segment: sum(len(s.stations) for s in fleet.sites if s.segment is segment)
        for segment in Segment
    }
    assert 200 <= sizes[Segment.PRIVATE] <= 225
    assert 650 < sizes[Segment.COMPANY] < 950
    assert 450 < sizes[Segment.FLEET] < 850
    assert 100 < sizes[Segment.PUBLIC] < 220
    depots = [len(s.stations) for s in fleet.sites if s.segment is Segment.FLEET]
    assert min(depots) >= 4
    assert max(depots) <= 60
    assert max(depots) > 3 * min(depots), "depots are uneven"


def test_links_carriers_and_gateways_fit_together(fleet):
    for site in fleet.sites:
        assert (site.link is Link.LTE) == bool(site.carrier)
        if site.gateway:
            assert len(site.stations) >= 3
    lte = sum(len(s.stations) for s in fleet.sites if s.link is Link.LTE)
    assert 0.25 < lte / len(fleet.stations) < 0.5
    assert sum(bool(site.gateway) for site in fleet.sites) > 50


def test_the_same_seed_gives_the_same_fleet_and_another_seed_another():
    assert make_fleet(40, 3) == make_fleet(40, 3)
    assert make_fleet(40, 3) != make_fleet(40, 4)


@pytest.mark.parametrize("sites", [1, 2, 3, 7, 20, 83])
def test_any_number_of_sites_is_met_exactly(sites):
    fleet = make_fleet(sites, 1)
    assert len(fleet.sites) == sites
    assert len({site.id for site in fleet.sites}) == sites


def test_a_fixed_number_of_stations_per_site_is_kept():
    fleet = make_fleet(12, 1, stations_per_site=4)
    assert [len(site.stations) for site in fleet.sites] == [4] * 12


def test_ids_are_unique_and_short_enough_for_real_stations(fleet):
    ids = [station.id for station in fleet.stations]
    assert len(set(ids)) == len(ids)
    assert max(map(len, ids)) <= 25  # Easee takes no more
    assert len({customer.id for customer in fleet.customers}) == len(fleet.customers)


def test_nobody_real_can_be_reached(fleet):
    for customer in fleet.customers:
        for contact in customer.contacts:
            assert contact.email.endswith(".example")
            assert contact.email.isascii()
            if contact.phone:
                assert contact.phone.startswith(("+49 30 23125 ", "+44 20 7946 0"))


def test_contacts_name_only_sites_of_their_own_customer(fleet):
    owner = {site.id: site.customer for site in fleet.sites}
    named = [
        (owner.get(site), customer.id)
        for customer in fleet.customers
        for contact in customer.contacts
        for site in contact.sites
    ]
    assert len(named) > 50
    assert all(actual == expected for actual, expected in named)


def test_every_customer_can_be_told_and_some_own_several_sites(fleet):
    for customer in fleet.customers:
        roles = {contact.role for contact in customer.contacts}
        wanted = "owner" if customer.segment == "private" else "project_manager"
        assert wanted in roles
    sites = Counter(site.customer for site in fleet.sites)
    assert max(sites.values()) > 1
    assert set(sites) == {customer.id for customer in fleet.customers}
    assert {customer.language for customer in fleet.customers} == {"de", "en"}


def test_heartbeats_are_drawn_as_real_fleets_have_them(fleet):
    beats = Counter(station.traits.heartbeat_s for station in fleet.stations)
    whole = len(fleet.stations)
    assert 0.35 < beats[300] / whole < 0.50
    assert 0.02 < beats[None] / whole < 0.10
    assert beats[86400] < beats[60]


def test_a_few_drops_come_from_most_stations_and_most_from_a_few(fleet):
    drops = sorted((s.traits.drops_per_month for s in fleet.stations), reverse=True)
    worst_tenth = sum(drops[: len(drops) // 10])
    assert 0.45 < worst_tenth / sum(drops) < 0.75
    assert 6_000 < sum(drops) < 12_000


def test_a_few_percent_of_stations_break_the_schema(fleet):
    from simulator.vendors import vendor_named

    odd = sum(not vendor_named(s.vendor).quirks.conforms for s in fleet.stations)
    assert 0.03 < odd / len(fleet.stations) < 0.30


def test_a_written_fleet_reads_back_as_the_same_stations(fleet, tmp_path: Path):
    path = tmp_path / "fleet.yaml"
    small = make_fleet(60, 5)
    write_fleet_yaml(small, path)
    again = read_fleet_yaml(path, 5)
    assert again.stations == small.stations
    assert [(s.id, s.segment, s.link, s.carrier) for s in again.sites] == [
        (s.id, s.segment, s.link, s.carrier) for s in small.sites
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.yaml"]


def test_the_written_file_has_the_keys_of_the_format_and_no_others(tmp_path: Path):
    path = tmp_path / "fleet.yaml"
    write_fleet_yaml(make_fleet(80, 2), path)
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(document) == ["customers", "sites"]

    def keys(entries):
        return {key for entry in entries for key in entry}

    contacts = [c for customer in document["customers"] for c in customer["contacts"]]
    stations = [s for site in document["sites"] for s in site["stations"]]
    assert keys(document["customers"]) <= {"id", "name", "segment", "language", "contacts"}
    assert keys(contacts) <= {"name", "role", "email", "phone", "language", "channel", "sites"}
    assert keys(document["sites"]) <= {
        "id", "customer", "name", "timezone", "address", "country", "region", "latitude",
        "longitude", "opening_hours", "carrier", "gateway", "fuse_limit_a", "stations",
    }  # fmt: skip
    assert keys(stations) == {"id", "vendor", "model", "evses"}
    assert {c["segment"] for c in document["customers"]} == {"private", "company", "fleet"}


def test_reading_takes_a_foreign_file_and_leaves_other_protocols_out(tmp_path: Path):
    path = tmp_path / "fleet.yaml"
    path.write_text(
        """
customers: [{id: acme, name: ACME, segment: fleet}]
sites:
  - id: north
    customer: acme
    timezone: Europe/Berlin
    color: green
    stations:
      - {id: N-001, vendor: Alfen, model: NG910, evses: 2}
      - {id: N-002, evses: 1, protocol: mqtt, profile: warp}
"""
    )
    fleet = read_fleet_yaml(path, 1)
    assert [(s.id, s.evses) for s in fleet.stations] == [("N-001", 2)]
    assert fleet.sites[0].segment is Segment.FLEET


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("customers: [", "not YAML"),
        ("- 1", "expected keys and values"),
        ("sites: [{customer: a, timezone: UTC}]", "sites[0]: expected id"),
        ("sites: [{id: a, customer: a, timezone: UTC, stations: [{id: s}]}]", "evses"),
        ("sites: {a: 1}", "expected a list of sites"),
    ],
)
def test_a_bad_file_is_refused_with_the_place_and_what_was_expected(tmp_path, text, expected):
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    with pytest.raises(FleetFileError, match=r"fleet\.yaml") as caught:
        read_fleet_yaml(path, 1)
    assert expected in str(caught.value)
