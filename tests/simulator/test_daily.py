import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.daily import DAY_S, HOUR_S, draw_visit, next_arrival_in_s, rhythm_of
from simulator.plan import Segment

KINDS = [(segment, is_dc) for segment in Segment for is_dc in (False, True)]


@pytest.mark.parametrize(("segment", "is_dc"), KINDS)
def test_the_hours_of_a_day_make_a_hundred_percent(segment, is_dc):
    rhythm = rhythm_of(segment, is_dc=is_dc)
    assert len(rhythm.hour_shares) == 24
    assert sum(rhythm.hour_shares) == pytest.approx(100.0)


def _arrivals(rhythm, days, dice, factor=1.0):
    at_s, moments = 0.0, []
    while True:
        at_s += next_arrival_in_s(rhythm, at_s, factor, dice)
        if at_s >= days * DAY_S:
            return moments
        moments.append(at_s)


def test_cars_come_to_work_as_often_and_when_they_should():
    moments = _arrivals(rhythm_of(Segment.COMPANY, is_dc=False), 700, random.Random(1))
    assert len(moments) / 100 == pytest.approx(5 * 0.65 + 2 * 0.05, rel=0.1)
    morning = sum(7 <= at_s % DAY_S / HOUR_S < 9 for at_s in moments)
    assert morning / len(moments) == pytest.approx(0.51, abs=0.05)
    weekend = sum(at_s // DAY_S % 7 >= 5 for at_s in moments)
    assert weekend / len(moments) < 0.08


def test_a_busier_evse_gets_more_cars():
    rhythm = rhythm_of(Segment.PUBLIC, is_dc=True)
    few = len(_arrivals(rhythm, 60, random.Random(2), factor=0.5))
    many = len(_arrivals(rhythm, 60, random.Random(2), factor=2.0))
    assert many == pytest.approx(4 * few, rel=0.2)


def test_where_nobody_ever_comes_the_wait_is_a_month():
    rhythm = rhythm_of(Segment.COMPANY, is_dc=False)
    assert next_arrival_in_s(rhythm, 0.0, 0.0, random.Random(1)) == 30 * DAY_S


@given(
    st.integers(),
    st.sampled_from(KINDS),
    st.sampled_from([11.0, 22.0, 50.0, 150.0]),
)
def test_no_car_charges_longer_than_it_stays_or_harder_than_it_may(seed, kind, power_kw):
    segment, is_dc = kind
    visit = draw_visit(segment, power_kw=power_kw, is_dc=is_dc, dice=random.Random(seed))
    assert 0 <= visit.charge_s <= visit.charge_s + visit.pause_s <= visit.plug_s + 1e-6
    assert 0 <= visit.power_w <= power_kw * 1000
    assert visit.phase_count in ((0,) if is_dc else (1, 3))


def test_cars_at_work_stay_for_hours_beyond_their_charging():
    dice = random.Random(3)
    visits = [
        draw_visit(Segment.COMPANY, power_kw=11.0, is_dc=False, dice=dice) for _ in range(2000)
    ]
    idle = 1 - sum(v.charge_s for v in visits) / sum(v.plug_s for v in visits)
    assert 0.3 < idle < 0.8
