"""Who speaks for whom, and when a site has nothing left that charges."""

import pytest

from domain.faults import Severity
from domain.places import Place, StationId
from domain.registry import Station
from rules.catalogue import OF_LOST_LINKS, OF_THE_LINK, Detector
from rules.impact import can_nobody_charge, follows_from, is_part_of, speaks_for
from rules.tracks import Phase, Track

D = Detector
A = StationId("A")


def track(
    station: str = "A", evse: int = 0, *, base: Severity = Severity.MAJOR, **about: object
) -> Track:
    where = Place.of_station(StationId(station), evse)
    about.setdefault("phase", Phase.ACTIVE)
    return Track(rule="r", place=where, fingerprint=f"r@{where}", base=base, **about)


PENDING = track(phase=Phase.PENDING)
ACTIVE = track()


@pytest.mark.parametrize(
    ("evses", "blocked", "nobody"),
    [
        (2, set(), False),
        (2, {0}, True),
        (2, {1}, False),
        (2, {2}, False),
        (2, {1, 2}, True),
        (2, {1, 3}, False),
        (1, {1}, True),
        (1, {2}, False),
    ],
)
def test_nobody_can_charge_when_every_evse_is_out_by_itself_or_with_its_station(
    evses, blocked, nobody
):
    assert can_nobody_charge(Station(id=A, evses=evses), blocked) is nobody


SPEAKERS = {
    D.FLEET_DROP: OF_LOST_LINKS,
    D.BROKER_LOST: {D.GATEWAY_LOST},
    D.SITE_DARK: OF_THE_LINK,
    D.GATEWAY_LOST: OF_THE_LINK,
    D.SILENT: {D.OFFLINE},
    D.BOOT_LOOP: {D.CONNECTION_FLAPPING},
}
FROM_PENDING = {(D.SITE_DARK, D.GATEWAY_LOST), (D.BOOT_LOOP, D.CONNECTION_FLAPPING)}


PAIRS = [
    (wider_is, track_is)
    for wider_is in D
    for track_is in D
    if (wider_is, track_is) != (D.REPORTED_FAULT, D.REPORTED_FAULT)  # by what was reported
]


def test_an_active_wider_cause_speaks_for_what_it_explains_and_nothing_else():
    speaking = {pair for pair in PAIRS if speaks_for(ACTIVE, ACTIVE, *pair)}
    told = {(wider_is, track_is) for wider_is in SPEAKERS for track_is in SPEAKERS[wider_is]}
    assert speaking == told | FROM_PENDING


def test_pending_it_speaks_for_nobody_but_where_it_is_surely_the_cause():
    assert {pair for pair in PAIRS if speaks_for(PENDING, ACTIVE, *pair)} == FROM_PENDING


def test_lost_links_are_part_of_an_active_outage_of_their_carrier():
    parts = {pair for pair in PAIRS if is_part_of(ACTIVE, ACTIVE, *pair)}
    lost = OF_LOST_LINKS - {D.CARRIER_LOST}
    assert parts == {(D.CARRIER_LOST, track_is) for track_is in lost}
    assert not any(is_part_of(PENDING, ACTIVE, *pair) for pair in PAIRS)


def repeats(wider: Track, other: Track) -> bool:
    return speaks_for(wider, other, D.REPORTED_FAULT, D.REPORTED_FAULT)


def test_the_stations_own_report_speaks_for_its_evses_that_report_the_same_code():
    station = track(codes=["CX001", "CX014"], phase=Phase.PENDING)
    assert repeats(station, track(evse=1, codes=["CX001"]))
    assert not repeats(station, track(evse=1, codes=["CX009"]))
    assert not repeats(station, track(evse=0, codes=["CX001"]))
    assert not repeats(track(evse=1, codes=["CX001"]), track(evse=0, codes=["CX001"]))
    assert not repeats(track(evse=1, codes=["CX001"]), track(evse=2, codes=["CX001"]))


def test_a_status_speaks_for_the_same_error_told_apart_from_it():
    status, apart = track(evse=1, codes=["CX001"]), track(evse=1, codes=["CX001"], keys=["7"])
    assert repeats(status, apart)
    assert not repeats(apart, status)
    assert not repeats(track(evse=2, codes=["CX001"]), apart)
    assert not repeats(track(evse=1, codes=["CX001"], keys=["8"]), apart)
    assert not repeats(track(evse=1, codes=["CX009"]), apart)


def test_nothing_covers_what_is_worse_than_itself():
    minor = track(codes=["CX001"], base=Severity.MINOR)
    assert not repeats(minor, track(evse=1, codes=["CX001"]))
    assert repeats(minor, track(evse=1, codes=["CX001"], base=Severity.MINOR))


def test_only_a_danger_covers_a_danger():
    evse = track(evse=1, codes=["CX002"], is_danger=True)
    assert not repeats(track(codes=["CX002"]), evse)
    assert repeats(track(codes=["CX002"], is_danger=True), evse)
    assert repeats(track(codes=["CX002"], is_danger=True), track(evse=1, codes=["CX002"]))


def test_an_error_follows_from_the_one_it_names_whatever_part_that_is_at():
    root = track(evse=2, keys=["1"], codes=["CX001"])
    effect = track(evse=1, keys=["7"], causes={"7": "1"}, codes=["CX009"])
    assert follows_from(effect, root)
    assert repeats(root, effect)
    assert not repeats(effect, root)


def test_each_of_its_errors_must_follow():
    root = track(evse=2, keys=["1"])
    both = track(keys=["7", "8"], causes={"7": "1", "8": "1"})
    one = track(keys=["7", "8"], causes={"7": "1"})
    assert follows_from(both, root)
    assert not follows_from(one, root)
    assert not follows_from(track(), root)
    assert not follows_from(track(keys=["7"]), root)
