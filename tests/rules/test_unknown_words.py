"""Vendor words that nobody has classified: work for us, and never a flood of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.rule_files import load_rules
from domain.events import ErrorReport, Status, StatusReported
from domain.faults import WorkFound
from domain.places import CustomerId, Place, SiteId, StationId
from domain.registry import Customer, Registry, Site, Station
from rules.engine import Engine
from rules.rulings import DAY, WORDS_PER_DAY

CATALOGUE, DICTIONARY = load_rules()
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
REGISTRY = Registry(
    customers=(Customer(id=CustomerId("acme"), name="ACME"),),
    sites=(
        Site(
            id=SiteId("north"),
            customer=CustomerId("acme"),
            name="North",
            timezone="Europe/Berlin",
            stations=tuple(Station(id=StationId(name), evses=1) for name in ("A", "B")),
        ),
    ),
)


@pytest.fixture
def engine():
    return Engine(REGISTRY, CATALOGUE, DICTIONARY)


def words_told(engine, station, words, *, start=START):
    """Let a station be faulted with one word after the other; return those that became work."""
    told = []
    for number, word in enumerate(words):
        at = start + timedelta(seconds=40 * number)
        report = StatusReported(
            place=Place.of_station(StationId(station), 1),
            status=Status.FAULTED,
            error=ErrorReport(code="OtherError", vendor_code=word, vendor_id="Whoever"),
            observed_at=at,
        )
        decisions = engine.step(at, report).decisions
        told += [found.detail for found in decisions if isinstance(found, WorkFound)]
    return told


def test_a_station_whose_words_are_all_different_makes_a_few_tasks_a_day(engine):
    words = [f"X-{number}" for number in range(200)]
    assert len(words_told(engine, "A", words)) == WORDS_PER_DAY
    assert len(words_told(engine, "A", ["X-new"], start=START + 2 * DAY)) == 1


def test_another_station_still_tells_its_own_words(engine):
    words_told(engine, "A", [f"X-{number}" for number in range(50)])
    later = START + timedelta(hours=1)
    assert len(words_told(engine, "B", ["Y-1"] * 20 + ["Y-2"], start=later)) == 2


def test_a_word_is_told_once_and_takes_no_room_again(engine):
    assert len(words_told(engine, "A", ["X-1"] * 20 + ["X-2"])) == 2
