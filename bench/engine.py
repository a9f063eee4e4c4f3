"""The rules engine by itself: events per second, memory per station, its longest single step.

One process, no sockets, no journal: the shipped catalogue, 4,000 stations, a busy day of
virtual time. Measured is the thread's own CPU time: what else the machine does counts little.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice
from statistics import median
from typing import Any

import msgspec

from app.rule_files import load_rules
from bench import engine_field as field
from domain.beliefs import Link
from domain.events import (
    AnyEvent,
    Connected,
    Disconnected,
    ErrorReport,
    Heard,
    MaintenancePlanned,
    ServiceStarted,
    Status,
    StatusReported,
)
from domain.places import Place
from domain.registry import Registry
from rules.engine import Engine
from rules.state import EngineState

STATIONS = 4_000
DROPPED = 1_800
BATCH = 100
"""Events per step: what one turn of the event loop hands over in a busy fleet."""

_CHUNK = 20_000
_ALIGNED = 16
_HEARD_EVERY = timedelta(minutes=10)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass
class Longest:
    """The longest single step of one storm, the best of several rounds, and all its steps."""

    storm: str
    longest_ms: float
    decided: int  # in that step
    steps: int
    whole_ms: float
    decisions: int


@dataclass
class Figures:
    """What was measured."""

    stations: int
    events: int
    events_per_s: float  # the median of its portions
    best_per_s: float
    shares: dict[str, float]
    kb_per_station: float  # of the state as it lives
    kb_after_restart: float  # state and look-ups of an engine that takes up a snapshot
    snapshot_mb: float
    snapshot_write_ms: float
    snapshot_read_ms: float
    storms: list[Longest]


def measure(events: int, rounds: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Let a fleet live for so many events, then weigh it and let storms come over it."""
    registry = field.fleet(STATIONS)
    engine = _new(registry, None)
    engine.step_many(field.START, field.arrival(registry, field.START))
    tell(f"engine: {events:,} events of {STATIONS:,} stations")
    begin = field.START + timedelta(minutes=5)
    rates, kinds, now = _live(engine, islice(field.day(registry, begin), events))
    tell(f"  {median(rates):10,.0f} events per second, {max(rates):,.0f} at best")
    kb = weight([engine.state], known=[registry.sites]) / 1024 / STATIONS
    started = time.thread_time()
    snapshot = msgspec.msgpack.encode(engine.state)
    written = time.thread_time()
    msgspec.msgpack.decode(snapshot, type=EngineState)
    read = time.thread_time()
    kept = _kb_after_restart(registry, snapshot)
    tell(f"  {kb:10.1f} KB per station, {kept:.1f} after a restart")
    storms = [
        _storm(name, build(registry, now), registry, snapshot, now, rounds)
        for name, build in STORMS.items()
    ]
    for storm in storms:
        told = f"{storm.storm} ({storm.decided:,} decisions in it)"
        tell(f"  {storm.longest_ms:10.2f} ms longest step: {told}")
    return asdict(
        Figures(
            stations=STATIONS,
            events=events,
            events_per_s=median(rates),
            best_per_s=max(rates),
            shares={kind: count / events for kind, count in kinds.most_common()},
            kb_per_station=kb,
            kb_after_restart=kept,
            snapshot_mb=len(snapshot) / 1e6,
            snapshot_write_ms=(written - started) * 1e3,
            snapshot_read_ms=(read - written) * 1e3,
            storms=storms,
        )
    )


def _new(registry: Registry, snapshot: bytes | None) -> Engine:
    catalogue, dictionary = load_rules()
    state = None
    if snapshot is not None:
        state = msgspec.msgpack.decode(snapshot, type=EngineState)
    return Engine(registry, catalogue, dictionary, state)


def _live(
    engine: Engine, events: Iterable[AnyEvent]
) -> tuple[list[float], Counter[str], datetime]:
    """Return the rates of each portion, how many of each kind, and the last moment."""
    rates, kinds, now = [], Counter[str](), field.START
    left = iter(events)
    while chunk := list(islice(left, _CHUNK)):
        kinds.update(type(event).__name__ for event in chunk)
        gc.collect()
        gc.freeze()  # as core does: the chunk made here is no garbage of the engine
        started = time.thread_time()
        for begin in range(0, len(chunk), BATCH):
            batch = chunk[begin : begin + BATCH]
            engine.step_many(batch[-1].observed_at, batch)
        rates.append(len(chunk) / (time.thread_time() - started))
        now = chunk[-1].observed_at
    gc.unfreeze()
    return rates, kinds, now


def weight(roots: Iterable[Any], known: Iterable[Any]) -> int:
    """Return the bytes of all that the roots hold, each thing once, without what is known."""
    seen = set[int]()
    _add_up(known, seen)
    return _add_up(roots, seen)


def _add_up(roots: Iterable[Any], seen: set[int]) -> int:
    total, left = 0, list(roots)
    while left:
        thing = left.pop()
        if id(thing) in seen or thing is None or isinstance(thing, bool | Enum):
            continue
        seen.add(id(thing))
        total += -(-sys.getsizeof(thing) // _ALIGNED) * _ALIGNED
        if isinstance(thing, dict):
            left += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set):
            left += thing
        elif isinstance(thing, msgspec.Struct):
            left += [getattr(thing, name) for name in thing.__struct_fields__]
    return total


def _kb_after_restart(registry: Registry, snapshot: bytes) -> float:
    """Return what an engine that takes up this snapshot keeps, all told."""
    _new(registry, snapshot)  # what is kept once per process is not the stations'
    gc.collect()
    tracemalloc.start()
    try:
        engine = _new(registry, snapshot)
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0]
        del engine
    finally:
        tracemalloc.stop()
    return kept / 1024 / len(registry.stations)


# --- storms --------------------------------------------------------------------------------

Steps = list[tuple[datetime, AnyEvent | None]]


def _storm(
    name: str, steps: Steps, registry: Registry, snapshot: bytes, now: datetime, rounds: int
) -> Longest:
    best: Longest | None = None
    for _ in range(rounds):
        engine = _new(registry, snapshot)
        engine.step(now)
        gc.collect()
        gc.freeze()
        longest, decided, whole, decisions, count = 0.0, 0, 0.0, 0, 0
        heard_at = now
        for at, event in steps:
            for moment in _moments(engine, at):
                while moment - heard_at >= _HEARD_EVERY:
                    heard_at += _HEARD_EVERY
                    _be_heard(engine, heard_at)
                started = time.thread_time()
                step = engine.step(moment, event if moment == at else None)
                took = time.thread_time() - started
                if took > longest:
                    longest, decided = took, len(step.decisions)
                whole += took
                decisions, count = decisions + len(step.decisions), count + 1
        gc.unfreeze()
        if best is None or longest * 1e3 < best.longest_ms:
            best = Longest(name, longest * 1e3, decided, count, whole * 1e3, decisions)
    assert best is not None
    return best


def _be_heard(engine: Engine, at: datetime) -> None:
    """Let whoever is connected give a sign of life: silence is no part of a storm."""
    beliefs = engine.fleet.stations.values()
    up = [belief.station for belief in beliefs if belief.link is Link.UP]
    engine.step_many(at, [Heard(observed_at=at, station=station) for station in up])


def _moments(engine: Engine, at: datetime) -> Iterable[datetime]:
    """Yield every deadline before `at`, as the service wakes for each, then `at` itself."""
    while (wake_at := engine.wake_at) is not None and wake_at < at:
        yield wake_at
    yield at


def _lost(registry: Registry, now: datetime, count: int, gap: timedelta) -> Steps:
    names = list(registry.stations)[:count]
    return [
        (at, Disconnected(observed_at=at, position=1, station=name, code=1006))
        for number, name in enumerate(names)
        for at in (now + _MILLISECOND + gap * number,)
    ]


def site_goes_dark(registry: Registry, now: datetime) -> Steps:
    """Lose the big site within twenty seconds, for three hours."""
    lost = _lost(registry, now, field.BIG_STATIONS, timedelta(milliseconds=100))
    return [*lost, (now + timedelta(hours=3), None)]


def site_comes_back(registry: Registry, now: datetime) -> Steps:
    """Lose the big site for an hour, and see it come back within a minute."""
    steps = site_goes_dark(registry, now)[:-1]
    back = now + timedelta(hours=1)
    for number, name in enumerate(list(registry.stations)[: field.BIG_STATIONS]):
        at = back + timedelta(milliseconds=300 * number)
        steps.append((at, Connected(observed_at=at, position=1, station=name)))
    return [*steps, (back + timedelta(hours=1), None)]


def many_drop_at_once(registry: Registry, now: datetime) -> Steps:
    """Lose 1,800 stations of all sites at one moment, for an hour."""
    lost = _lost(registry, now, DROPPED, timedelta(0))
    return [*lost, (now + timedelta(hours=1), None)]


def window_ends(registry: Registry, now: datetime) -> Steps:
    """End a maintenance window over the big site whose EVSEs are all Faulted."""
    at, until = now + _MILLISECOND, now + timedelta(hours=2)
    place = Place.of_site(field.BIG)
    plan = MaintenancePlanned(observed_at=at, position=1, place=place, until=until)
    steps: Steps = [(at, plan), *_faulted(registry, at + timedelta(minutes=1))]
    return [*steps, (until + timedelta(minutes=1), None)]


def deadlines_meet(registry: Registry, now: datetime) -> Steps:
    """Let the patience of 400 faults of one site end at one moment."""
    faulted = _faulted(registry, now + timedelta(minutes=1))
    return [*faulted, (now + timedelta(hours=1), None)]


def we_start_anew(registry: Registry, now: datetime) -> Steps:
    """Start our service without a word that it stopped: all links are unknown."""
    at = now + timedelta(minutes=1)
    return [(at, ServiceStarted(observed_at=at, position=1)), (at + timedelta(hours=1), None)]


def _faulted(registry: Registry, at: datetime) -> Steps:
    return [
        (
            at,
            StatusReported(
                observed_at=at,
                position=1,
                place=Place.of_station(name, evse),
                status=Status.FAULTED,
                error=ErrorReport(code="InternalError"),
            ),
        )
        for name in list(registry.stations)[: field.BIG_STATIONS]
        for evse in range(1, field.EVSES + 1)
    ]


STORMS: dict[str, Callable[[Registry, datetime], Steps]] = {
    "a site of 200 stations goes dark": site_goes_dark,
    "it comes back": site_comes_back,
    "1,800 stations drop at once": many_drop_at_once,
    "a window over a site with 400 faults ends": window_ends,
    "the patience of 400 faults ends at once": deadlines_meet,
    "our own service starts": we_start_anew,
}
