"""What detectors remember is bounded, whatever comes how often, and in which order of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from app.rule_files import load_rules
from domain.events import (
    AuthorizationAsked,
    Booted,
    Connected,
    MeterSampled,
    Sample,
    Status,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
)
from domain.places import CustomerId, Place, SiteId, StationId
from domain.registry import Customer, Registry, Site, Station
from rules.engine import Engine

CATALOGUE, DICTIONARY = load_rules()
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
A = StationId("A")
PLACE = Place.of_station(A, 1)
SITE = Site(
    id=SiteId("S"),
    customer=CustomerId("c"),
    timezone="Europe/Berlin",
    fuse_limit_a=50,
    stations=(Station(id=A, evses=1),),
)
REGISTRY = Registry((Customer(id=CustomerId("c"), name="C"),), (SITE,))


def a_day(engine: Engine, day: int, *, back: bool = False) -> None:
    """Forty visits of forty drivers, refused cards, boots; `back`: our clock runs backwards."""
    for visit in range(40):
        minutes = (39 - visit if back else visit) * 30
        at = START + timedelta(days=day, minutes=minutes)
        token = f"driver {day}-{visit}"
        said = {"observed_at": at, "position": visit + 1}
        there = {"place": PLACE, "transaction": f"{day}-{visit}", **said}
        samples = (
            Sample("Energy.Active.Import.Register", 100.0 * visit, "Wh"),
            *(
                Sample("Current.Import", 16.0 * (n != visit % 3), "A", f"L{n + 1}")
                for n in range(3)
            ),
        )
        for event in (
            Connected(station=A, **said),
            Booted(station=A, firmware=f"{visit}", serial=f"{visit}", **said),
            AuthorizationAsked(station=A, id_token=token, is_accepted=visit % 2 == 0, **said),
            StatusReported(place=PLACE, status=Status.PREPARING, **said),
            TransactionStarted(id_token=token, meter_wh=1.0, **there),
            MeterSampled(samples=samples, **there),
            TransactionEnded(reason="EVDisconnected", meter_wh=1.0, **there),
            StatusReported(place=PLACE, status=Status.AVAILABLE, **said),
        ):
            engine.step(at, event)


def size_of(engine: Engine) -> int:
    state = engine.state
    return len(msgspec.msgpack.encode((state.usage, state.metering, state.lives, state.wakes)))


def test_after_many_days_nothing_more_is_remembered_than_after_some():
    engine = Engine(REGISTRY, CATALOGUE, DICTIONARY)
    for day in range(12):
        a_day(engine, day)
    some = size_of(engine)
    for day in range(12, 30):
        a_day(engine, day)
    assert size_of(engine) <= some + 300  # days of the site, up to ten weeks of them
    assert size_of(engine) < 6_000


def test_a_clock_of_ours_that_runs_backwards_stops_nothing():
    engine = Engine(REGISTRY, CATALOGUE, DICTIONARY)
    a_day(engine, 1)
    a_day(engine, 0, back=True)
    a_day(engine, 2)
    assert size_of(engine) < 6_000


def test_evses_and_stations_that_nobody_registered_are_listened_to_all_the_same():
    engine = Engine(REGISTRY, CATALOGUE, DICTIONARY)
    for name in ("A", "stranger"):
        for evse in (0, 7, 64):
            place = Place.of_station(StationId(name), evse)
            said = {"place": place, "observed_at": START, "position": 1}
            engine.step(START, TransactionStarted(transaction="1", id_token="t", **said))
            sample = Sample("Power.Active.Import", 1e300, "W")
            engine.step(START, MeterSampled(samples=(sample,), **said))
            engine.step(START, StatusReported(status=Status.FINISHING, **said))
            engine.step(START, TransactionEnded(transaction="1", **said))
    assert engine.step(START + timedelta(days=3)).wake_at != START
