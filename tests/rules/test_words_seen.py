"""How far an unknown word has spread: counted, bounded, and told when that is news."""

from datetime import UTC, datetime, timedelta

import msgspec

from app.rule_files import load_rules
from domain.events import ErrorReport, Status, StatusReported
from domain.faults import WorkFound
from domain.places import CustomerId, Place, SiteId, StationId
from domain.registry import Customer, Registry, Site, Station
from domain.tickets import TicketKind, TicketState
from rules.engine import Engine
from rules.memory.words import MOST_SAMPLES, MOST_STATIONS, MOST_WORDS, WordSeen, seen_word
from rules.state import EngineState
from ticketing.desk import Desk

CATALOGUE, DICTIONARY = load_rules()
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
NAMES = tuple(f"N-{number}" for number in range(60))
REGISTRY = Registry(
    customers=(Customer(id=CustomerId("acme"), name="ACME"),),
    sites=(
        Site(
            id=SiteId("north"),
            customer=CustomerId("acme"),
            timezone="Europe/Berlin",
            stations=tuple(Station(id=StationId(name), evses=1) for name in NAMES),
        ),
    ),
)


def report(name, position=0, word="E17", *, at=START):
    return StatusReported(
        place=Place.of_station(StationId(name), 1),
        status=Status.FAULTED,
        error=ErrorReport(code="OtherError", vendor_id="Acme", vendor_code=word),
        observed_at=at,
        position=position,
    )


def work_of(engine, names):
    found = []
    for number, name in enumerate(names):
        at = START + timedelta(minutes=10 * number)
        found += engine.step(at, report(name, number + 1, at=at)).decisions
    found += engine.step(START + timedelta(minutes=10 * len(names))).decisions
    return [one for one in found if isinstance(one, WorkFound)]


def test_the_task_hears_of_the_second_the_fifth_and_the_tenth_station():
    first, *more = work_of(Engine(REGISTRY, CATALOGUE, DICTIONARY), NAMES[:12])
    assert first.about == ""
    assert [one.about for one in more] == [first.key] * 3
    assert [len(one.stations) for one in more] == [2, 5, 10]
    assert (
        more[-1].detail == "Vendor code 'E17' of Acme: 10 stations, 10 times since 2026-01-05"
    )
    assert more[-1].evidence == (1, 2, 3, 4, 5)
    assert len({one.key for one in (first, *more)}) == 4


def test_the_same_station_again_and_again_is_told_ever_less():
    seen = WordSeen(first_at=START, last_at=START)
    told = [number for number in range(1, 501) if seen.count("N-1", [number], START)]
    assert told == [2, 5, 10, 20, 50, 100, 200, 300, 400, 500]
    assert seen.samples == [1]


def test_what_is_kept_of_a_word_is_bounded():
    seen = WordSeen(first_at=START, last_at=START)
    for number in range(200):
        seen.count(f"N-{number}", [number], START)
    assert (len(seen.stations), len(seen.samples)) == (MOST_STATIONS, MOST_SAMPLES)
    assert seen.is_full


def test_the_word_said_least_lately_makes_room():
    words = {}
    for number in range(MOST_WORDS):
        seen_word(words, f"w{number}", START + timedelta(seconds=number))
    words["w0"].count("N-1", [], START + timedelta(days=1))
    seen_word(words, "new", START + timedelta(days=1))
    assert len(words) == MOST_WORDS
    assert "w0" in words
    assert "w1" not in words


def test_a_restart_counts_on():
    engine = Engine(REGISTRY, CATALOGUE, DICTIONARY)
    work_of(engine, NAMES[:4])
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(engine.state), type=EngineState)
    at = START + timedelta(hours=5)
    again = Engine(REGISTRY, CATALOGUE, DICTIONARY, state)
    again.step(at, report("N-9", 99, at=at))
    decisions = again.step(at + timedelta(minutes=5)).decisions
    [fifth] = [one for one in decisions if isinstance(one, WorkFound)]
    assert len(fifth.stations) == 5


def test_one_task_per_code_names_its_stations_and_frames():
    desk = Desk(REGISTRY, status_page=lambda customer, ticket: "/")
    works = work_of(Engine(REGISTRY, CATALOGUE, DICTIONARY), NAMES[:5])
    desk.step_many(START, works)
    [task] = desk.tickets.values()
    assert (task.kind, task.state) == (TicketKind.TASK, TicketState.NEW)
    assert task.stations == ("N-0",)
    assert "(N-0, N-1, N-2, N-3, N-4)" in task.history[-1].why
    assert "5 stations, 5 times since 2026-01-05" in task.title
    assert [line.what for line in task.history] == ["opened", "seen again", "seen again"]
    assert task.history[-1].evidence == (1, 2, 3, 4, 5)
    assert desk.opened_by(works[0].key) == task


def test_a_task_that_is_done_is_not_opened_again_by_a_count():
    desk = Desk(REGISTRY, status_page=lambda customer, ticket: "/")
    first, second, *_ = work_of(Engine(REGISTRY, CATALOGUE, DICTIONARY), NAMES[:5])
    desk.step_many(START, [second])
    assert desk.tickets == {}
    desk.step_many(START, [first])
    assert len(desk.tickets) == 1
