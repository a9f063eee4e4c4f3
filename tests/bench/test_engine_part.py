"""The bench of the engine: its field is in order and of the mix it claims; figures are told."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from bench import engine_field as field
from bench.bars import bars
from bench.engine import STORMS, weight
from bench.tables import markdown

FIGURES = {
    "stations": 4_000,
    "events": 1_200_000,
    "events_per_s": 61_000.0,
    "best_per_s": 90_000.0,
    "kb_per_station": 5.96,
    "kb_after_restart": 8.3,
    "snapshot_mb": 9.3,
    "snapshot_write_ms": 46.0,
    "snapshot_read_ms": 74.0,
    "storms": [
        {"storm": storm, "longest_ms": 0.5, "decided": 1, "steps": 9, "whole_ms": 3.0}
        for storm in STORMS
    ],
}


def day_of(stations: int, count: int):
    return [*islice(field.day(field.fleet(stations), field.START), count)]


def test_a_day_is_in_order_and_the_same_again():
    day = day_of(210, 3_000)
    moments = [event.observed_at for event in day]
    assert moments == sorted(moments)
    assert day == day_of(210, 3_000)


def test_most_of_a_day_is_meter_values():
    day = day_of(210, 60_000)
    counts = Counter(type(event).__name__ for event in day)
    assert 0.5 < counts["MeterSampled"] / len(day) < 0.65
    assert 0.2 < counts["Heard"] / len(day) < 0.35
    assert 0.07 < counts["StatusReported"] / len(day) < 0.12
    assert all(len(e.samples) == 10 for e in day if type(e).__name__ == "MeterSampled")


def test_one_site_is_big_and_the_rest_share_the_others():
    registry = field.fleet(4_000)
    sizes = [len(site.stations) for site in registry.sites.values()]
    assert sizes[0] == field.BIG_STATIONS
    assert sum(sizes) == 4_000
    assert max(sizes[1:]) <= 8


def test_a_thing_that_is_there_twice_weighs_once():
    text = "x" * 1_000
    assert weight([[text, text]], known=()) < weight([[text, text + "y"]], known=())
    assert weight([[text]], known=[text]) < 100


def test_storms_are_in_order_of_time():
    registry = field.fleet(210)
    for build in STORMS.values():
        moments = [at for at, _ in build(registry, field.START)]
        assert moments == sorted(moments)


def test_the_figures_make_a_table_and_hold_their_bars():
    assert [line[-1] for line in bars({"engine": FIGURES})] == ["yes", "yes", "yes"]
    told = markdown({"engine": FIGURES})
    assert "Rules engine, 4,000 stations, 1,200,000 events" in told
    assert all(storm in told for storm in STORMS)
