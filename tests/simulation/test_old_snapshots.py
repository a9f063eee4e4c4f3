"""A service that was updated takes up the snapshot that its predecessor left.

The files are engines' memories as earlier releases wrote them, each with what was active then.
Rules that have gone since would be left out of it; nothing else may be lost.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from domain.places import CustomerId, SiteId, StationId
from domain.registry import Customer, Registry, Site, Station
from rules.engine import Engine
from rules.state import EngineState
from tests.simulation.chaos.delivery import timeline_of
from tests.simulation.chaos.house import CATALOGUE, DICTIONARY
from tests.simulation.chaos.places import fleet

SNAPSHOTS = Path(__file__).parent / "snapshots"


class Left(msgspec.Struct):
    """What a release left: its memory, the moment, and what was active."""

    active: list[str]
    at: datetime
    state: EngineState


def depot() -> Registry:
    stations = tuple(Station(id=StationId(f"D-{n}"), evses=2) for n in range(1, 5))
    site = Site(
        id=SiteId("depot"),
        customer=CustomerId("acme"),
        timezone="Europe/Berlin",
        stations=stations,
    )
    return Registry((Customer(id=CustomerId("acme"), name="ACME"),), (site,))


REGISTRIES = {"before-memories": depot, "2026-11-22": fleet}


@pytest.fixture(params=REGISTRIES, name="release")
def release_of(request):
    return request.param


@pytest.fixture(name="left")
def left_by(release):
    payload = (SNAPSHOTS / f"{release}.msgpack").read_bytes()
    return msgspec.msgpack.decode(payload, type=Left)


def test_what_was_active_still_is(release, left):
    engine = Engine(REGISTRIES[release](), CATALOGUE, DICTIONARY, left.state)
    known = [name for name in left.active if name.partition("@")[0] in CATALOGUE.rules]
    assert known == left.active
    assert sorted(fault.name for fault in engine.active_faults()) == known


def test_time_and_the_field_go_on_over_it(release, left):
    engine = Engine(REGISTRIES[release](), CATALOGUE, DICTIONARY, left.state)
    timeline = timeline_of(fleet(), sorted(CATALOGUE.rules), 3)
    for event in timeline:
        if event.observed_at > left.at:
            engine.step(event.observed_at, event)
    engine.step(max(left.at, timeline[-1].observed_at) + timedelta(days=30))
    again = msgspec.msgpack.encode(engine.state)
    assert msgspec.msgpack.decode(again, type=EngineState) == engine.state


def test_every_release_that_is_kept_is_looked_at():
    assert {path.stem for path in SNAPSHOTS.iterdir()} == {*REGISTRIES}
