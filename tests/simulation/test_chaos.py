"""Five seeds of `make chaos`, and that two processes come to the same bytes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from domain.events import Connected, Disconnected, Status, StatusReported
from domain.places import Place, StationId
from tests.simulation.chaos import checks
from tests.simulation.chaos.delivery import START, timeline_of
from tests.simulation.chaos.house import CATALOGUE, House
from tests.simulation.chaos.oracle import Field
from tests.simulation.chaos.places import BEHIND, fleet

ROOT = Path(__file__).parents[2]
SEEDS = range(5)
DIGEST = """
import hashlib
from tests.simulation.chaos.checks import AFTERWARDS
from tests.simulation.chaos.delivery import timeline_of
from tests.simulation.chaos.house import CATALOGUE, House
from tests.simulation.chaos.places import fleet
timeline = timeline_of(fleet(), sorted(CATALOGUE.rules), 0)
house = House(fleet())
house.live(timeline, timeline[-1].observed_at + AFTERWARDS)
print(hashlib.sha256(house.all_that_left() + house.memory()).hexdigest())
"""


@pytest.fixture
def timeline():
    return timeline_of(fleet(), sorted(CATALOGUE.rules), 0)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_the_same_holds(seed):
    registry = fleet()
    house = checks.check_all(
        registry, timeline_of(registry, sorted(CATALOGUE.rules), seed), seed
    )
    assert house.notices


@pytest.mark.thorough
@pytest.mark.parametrize("hash_seed", ["0", "random"])
def test_another_process_comes_to_the_same_bytes(timeline, hash_seed):
    done = subprocess.run(
        [sys.executable, "-c", DIGEST],
        cwd=ROOT,
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    house = House(fleet())
    house.live(timeline, timeline[-1].observed_at + checks.AFTERWARDS)
    here = hashlib.sha256(house.all_that_left() + house.memory()).hexdigest()
    assert done.stdout.strip() == here


def test_the_same_seed_makes_up_the_same_and_our_clock_never_goes_back(timeline):
    assert timeline_of(fleet(), sorted(CATALOGUE.rules), 0) == timeline
    moments = [event.observed_at for event in timeline]
    assert moments == sorted(moments)


def test_the_view_from_outside_misses_a_fault_that_nobody_found():
    field, place = Field(fleet(), BEHIND), Place.of_station(StationId("D-1"), 1)
    field.note(Connected(observed_at=START, station=StationId("D-1")))
    field.note(StatusReported(observed_at=START, place=place, status=Status.FAULTED))
    assert [*field.missing((), START + timedelta(minutes=2))] == []
    assert [*field.missing((), START + timedelta(minutes=3))] != []


def test_the_view_from_outside_misses_a_lost_station_that_nobody_found():
    field = Field(fleet(), BEHIND)
    field.note(Connected(observed_at=START, station=StationId("D-1")))
    field.note(Disconnected(observed_at=START, station=StationId("D-1")))
    assert [*field.missing((), START + timedelta(hours=2))] == []
    assert [*field.missing((), START + timedelta(hours=3))] != []
