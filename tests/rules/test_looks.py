"""The pure looks of the detectors: meters, chance, clocks, boots, a site's load."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import MeterSampled, Sample
from domain.places import CustomerId, Place, SiteId, StationId
from domain.registry import Site
from rules.calendar import is_holiday
from rules.chance import binomial_tail, quiet_tail, shrunk_share
from rules.detectors.boots import BootLoopParameters, looping
from rules.detectors.clocks import is_zone, roughly
from rules.detectors.disuse import HOURS_OF_WEEK, rate_of
from rules.detectors.site_load import SafeModeParameters, in_safe_mode, per_phase
from rules.detectors.starts import StartParameters, burst, unlikely
from rules.energy import (
    FlowParameters,
    FrozenParameters,
    ImplausibleParameters,
    delivered_wh,
    frozen,
    implausible,
    is_empty,
    note_flow,
)
from rules.memory.metering import Metered, Share
from rules.memory.usage import Habit, Starts, Try
from rules.phases import HeatParameters, PhaseParameters, hot, look_at_phases, missing
from rules.readings import Readings, read_samples

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
REGISTER, POWER, CURRENT = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    "Current.Import",
)
numbers = st.floats(allow_nan=False, allow_infinity=False)
samples = st.builds(
    Sample,
    measurand=st.sampled_from(
        [REGISTER, POWER, CURRENT, "Voltage", "Temperature", "SoC", "Current.Offered", "Odd"]
    ),
    value=numbers,
    unit=st.just("W"),
    phase=st.sampled_from(["", "", "L1", "L2", "L3", "L1-N", "L1-L2", "N"]),
    context=st.sampled_from(["Sample.Periodic", "Transaction.Begin"]),
)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def reading(**values: float):
    kinds = {"wh": REGISTER, "w": POWER, "a": CURRENT, "c": "Temperature", "soc": "SoC"}
    return read_samples([Sample(kinds[key], value, "") for key, value in values.items()])


def phased(*amps: float):
    return read_samples([Sample(CURRENT, a, "A", f"L{n}") for n, a in enumerate(amps, start=1)])


# --- readings ----------------------------------------------------------------------------


def test_the_whole_comes_before_the_sum_of_the_phases():
    both = [Sample(POWER, 100.0, "W", "L1"), Sample(POWER, 7000.0, "W")]
    assert read_samples(both).power_w == 7000.0
    parts = [Sample(POWER, 100.0, "W", phase) for phase in ("L1", "L2-N", "L3", "L1-L2")]
    assert read_samples(parts).power_w == 300.0


def test_what_was_measured_when_the_transaction_began_is_history():
    twice = [
        Sample(REGISTER, 163_630.0, "Wh"),
        Sample(REGISTER, 157_440.0, "Wh", context="Transaction.Begin"),
    ]
    assert read_samples(twice).register_wh == 163_630.0


def test_power_is_worked_out_of_currents_where_none_is_measured():
    assert phased(10, 10, 10).drawn_w == pytest.approx(6900)
    assert reading(a=10).drawn_w == pytest.approx(2300)
    assert reading(wh=1).drawn_w is None


def test_an_event_is_read_once_for_all_detectors():
    place = Place.of_station(StationId("A"), 1)
    event = MeterSampled(observed_at=START, place=place, samples=(Sample(POWER, 1.0, "W"),))
    readings = Readings()
    assert readings.of(event) is readings.of(event)


@given(st.lists(samples, max_size=12), st.lists(samples, max_size=12))
def test_no_numbers_whatever_stop_a_look(first, second):
    metered = Metered(charging_since=START)
    for minute, said in enumerate((first, second, first)):
        one = read_samples(said)
        limit = ImplausibleParameters()
        implausible(metered, one, limit, transaction="", said_at=at(-minute))
        note_flow(metered, one, at(minute))
        is_empty(metered, one, FlowParameters())
        frozen(metered, one, FrozenParameters())
        look_at_phases(metered, one, PhaseParameters())
        hot(metered, one, HeatParameters())
        per_phase(one)
        metered.register_wh, metered.register_at = one.register_wh, at(-minute)
    assert len(metered.odd_tokens) <= 4
    assert metered.three_count <= 20


# --- energy ------------------------------------------------------------------------------


def test_energy_is_what_the_register_rose_by_or_what_power_says():
    metered = Metered(first_wh=1000.0, flowed_wh=50.0)
    assert delivered_wh(metered, reading(wh=1400)) == 400
    assert delivered_wh(metered, reading(wh=1010)) == 50
    assert delivered_wh(metered, reading(w=5)) == 50
    assert delivered_wh(metered, reading(soc=5)) is None


def test_a_gap_between_readings_counts_for_a_quarter_of_an_hour_at_most():
    metered = Metered(charging_since=START)
    note_flow(metered, reading(w=4000), at(0))
    note_flow(metered, reading(w=4000), at(600))
    assert metered.flowed_wh == pytest.approx(1000)
    note_flow(metered, reading(w=4000), at(500))  # a moment that goes back adds nothing
    assert metered.flowed_wh == pytest.approx(1000)


def test_what_flowed_once_is_not_empty_any_more():
    metered = Metered(first_wh=1000.0)
    assert is_empty(metered, reading(wh=1000, w=0), FlowParameters())
    note_flow(metered, reading(wh=1000, w=11_000), at(0))
    assert not is_empty(metered, reading(wh=1000, w=0), FlowParameters())


@pytest.mark.parametrize(
    ("known", "said", "word"),
    [
        (1000, 999, ""),
        (1000, 500_000, "jumped"),
        (1000, 12_000, ""),
        (900_000, 100, "fell"),
        (0, -500, "register of"),
        (0, 4_296_944_685, "beyond"),
    ],
)
def test_a_register_is_held_against_the_last_one(known, said, word):
    metered = Metered(register_wh=known, register_at=at(0), register_in="1")
    limit = ImplausibleParameters()
    found = implausible(metered, reading(wh=said), limit, transaction="1", said_at=at(10))
    assert (word in found) if word else not found


def test_a_register_that_begins_anew_is_none_and_one_that_falls_to_the_middle_is():
    limit, anew = ImplausibleParameters(), Metered(register_wh=9e5, register_at=at(0))
    anew.is_anew = True
    assert not implausible(anew, reading(wh=0), limit, transaction="", said_at=at(1))
    assert implausible(anew, reading(wh=4e5), limit, transaction="", said_at=at(1))


# --- phases and heat -----------------------------------------------------------------------


def test_one_phase_is_missing_where_the_two_others_are_there():
    assert missing((231.0, 12.0, 229.0), at_most=180, others=200) == 2
    assert missing((231.0, 0.0, 0.0), at_most=180, others=200) == 0
    assert missing((231.0, None, 229.0), at_most=180, others=200) == 0
    assert missing((100.0, 100.0, 100.0), at_most=180, others=200) == 0


def test_an_unbalanced_current_is_odd_and_a_vehicle_of_one_phase_is_not():
    assert look_at_phases(Metered(), phased(16, 16, 6), PhaseParameters())[0]
    assert look_at_phases(Metered(), phased(16, 16, 15), PhaseParameters()) == ("", True)
    assert look_at_phases(Metered(), phased(16, 0, 0), PhaseParameters()) == ("", False)


def test_one_driver_shows_a_lost_phase_where_it_was_always_there():
    metered, limit = Metered(has_three=True, three_count=8), PhaseParameters()
    for number in range(3):
        metered.is_odd, metered.token = False, "mine"
        word, _ = look_at_phases(metered, phased(16, 0, 16), limit)
        assert bool(word) == (number == 2)


def test_heat_alone_or_heat_that_holds_back_is_worth_a_word():
    limit, warm = HeatParameters(), Metered(top_w=11_000.0)
    assert hot(Metered(), reading(c=90), limit)
    assert hot(warm, reading(c=70, w=4000), limit)
    assert not hot(warm, reading(c=70, w=4000, soc=90), limit)
    assert not hot(warm, reading(c=70, w=10_000), limit)
    assert not hot(warm, reading(c=40, w=4000), limit)


# --- chance --------------------------------------------------------------------------------


@given(st.integers(-2, 20), st.integers(0, 16), st.floats(0, 1))
def test_a_tail_is_a_probability(count, of, share):
    assert 0.0 <= binomial_tail(count, of, share) <= 1.0 + 1e-9
    assert binomial_tail(count + 1, of, share) <= binomial_tail(count, of, share) + 1e-9


def test_tails_that_can_be_worked_out_by_hand():
    assert binomial_tail(3, 3, 0.5) == pytest.approx(0.125)
    assert binomial_tail(0, 3, 0.5) == 1.0
    assert binomial_tail(4, 3, 0.5) == 0.0
    assert quiet_tail(0.0, 4.0) == 1.0
    assert quiet_tail(8.0, 8.0) == pytest.approx(1 / 256)
    assert shrunk_share(0, 0, prior=0.05, weight=50) == pytest.approx(0.05)
    assert shrunk_share(50, 50, prior=0.0, weight=50) == pytest.approx(0.5)


def tries(*tokens: str, seconds: float = 90.0) -> list[Try]:
    return [Try(at(30 * n), token, True, seconds) for n, token in enumerate(tokens)]


def test_a_driver_who_tries_again_at_once_is_one_try():
    limit = StartParameters()
    assert unlikely(tries("a", "b", "c", "d"), Starts(), limit, drivers=3)
    assert not unlikely(tries("a", "a", "a", "b", "b", "c"), Starts(), limit, drivers=3)
    assert unlikely(tries("a", "a", "a", "a"), Starts(), limit, drivers=1)


def test_where_many_starts_fail_it_takes_more():
    limit = StartParameters()
    four = tries("a", "b", "c", "d")
    assert not unlikely(four, Starts(), limit, drivers=3, is_fast=True)
    assert not unlikely(four, Starts(count=300, failed_count=90), limit, drivers=3)


def test_a_burst_is_of_minutes_and_of_more_than_one_driver():
    limit = StartParameters()
    quick = [Try(at(n), token, True, 20.0) for n, token in enumerate("aba")]
    assert burst(quick, limit, is_home=False)
    alone = [Try(at(n), "a", True, 20.0) for n in range(3)]
    assert not burst(alone, limit, is_home=False)
    assert burst(alone, limit, is_home=True)


# --- clocks, boots, calendars, habits -----------------------------------------------------


@pytest.mark.parametrize("hours", [1, 2, -5.5, 5.75, 14, -12])
def test_a_time_zone_is_no_wrong_clock(hours):
    assert is_zone(hours * 3600)
    assert is_zone(hours * 3600 + 60)


@pytest.mark.parametrize("seconds", [0, 89, 400, 3600 + 400, 15 * 3600, 1e9, -1e300])
def test_anything_else_is_none(seconds):
    assert not is_zone(seconds)


def test_an_offset_is_told_in_the_unit_people_take():
    said = [roughly(s) for s in (45, 660, 7_500, 20_454 * 86_400)]
    assert said == ["45 seconds", "11 minutes", "2 hours", "20454 days"]


def test_boots_are_a_loop_by_their_pace():
    limit = BootLoopParameters()
    assert looping([at(0), at(4), at(8)], limit) == "3 boots within 8 minutes"
    assert not looping([at(0), at(4), at(15)], limit)
    assert looping([at(12 * n) for n in range(5)], limit) == "5 boots within 48 minutes"
    assert not looping([at(0)], limit)


def a_site(country: str, region: str = "") -> Site:
    return Site(
        id=SiteId("S"),
        customer=CustomerId("c"),
        timezone="Europe/Berlin",
        country=country,
        region=region,
    )


def test_holidays_follow_country_and_region():
    epiphany, unity = date(2026, 1, 6), date(2026, 10, 3)
    assert is_holiday(a_site("DE"), unity)
    assert is_holiday(a_site("DE", "BY"), epiphany)
    assert not is_holiday(a_site("DE", "NW"), epiphany)
    assert is_holiday(a_site("DE", "no such part"), unity)
    assert not is_holiday(a_site("XX"), unity)
    assert not is_holiday(a_site(""), unity)


def test_a_habit_is_drawn_towards_its_segment_while_it_is_young():
    shape = [0] * HOURS_OF_WEEK
    shape[8] = 100
    young = Habit(last_at=START, looked_at=START, weeks=1.0, count=5)
    assert rate_of(young, 8, shape) == pytest.approx(4.0)
    assert rate_of(young, 9, shape) == 0.0
    assert rate_of(young, 9, []) == pytest.approx(4 * 5 / HOURS_OF_WEEK / 5)
    hours = bytes(26 if hour == 9 else 0 for hour in range(HOURS_OF_WEEK))
    old = Habit(last_at=START, looked_at=START, weeks=26.0, count=26, hours=hours)
    assert rate_of(old, 9, shape) == pytest.approx(26 / 30)


# --- a site's load -------------------------------------------------------------------------


def test_a_current_without_a_phase_is_spread_as_the_power_says():
    assert per_phase(phased(6, 7, 8)) == (6, 7, 8)
    assert per_phase(reading(a=16, w=11_000)) == (16, 16, 16)
    assert per_phase(reading(a=16, w=3_600)) == pytest.approx((16 / 3,) * 3)
    assert per_phase(reading(w=6_900)) == pytest.approx((10, 10, 10))
    assert per_phase(reading(wh=1)) is None


def test_safe_mode_is_all_vehicles_at_six_amperes_with_room_left():
    six, more = Share(START, (6.0, 6.0, 6.0)), Share(START, (16.0, 0.0, 0.0))
    idle = Share(START, (0.0, 0.0, 0.0))
    wants = SafeModeParameters()
    assert in_safe_mode({"a": six, "b": six, "c": idle}, 12, 100, wants)
    assert not in_safe_mode({"a": six, "b": more}, 22, 100, wants)
    assert not in_safe_mode({"a": six, "c": idle}, 6, 100, wants)
    assert not in_safe_mode({"a": six, "b": six}, 60, 100, wants)
