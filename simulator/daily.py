"""The rhythm of a day: when cars come, how long they stay, what they take.

Pure draws. The hour shares and stays are shaped on published figures (private: Electric Nation;
workplaces: ACN-Data; public: Hamburg) and assumptions where none exist. Times in here are
simulated ones; the caller divides them by the speed of its run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from simulator.plan import Segment

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
_LONGEST_LOOK_S = 30 * DAY_S


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often cars come to one EVSE: per day of each kind, and in which hour."""

    workday: float
    saturday: float
    sunday: float
    hour_shares: tuple[float, ...]  # percent, 24 of them

    def per_second(self, now_s: float) -> float:
        """Arrivals a second at a moment; `now_s` counts from a Monday's midnight."""
        day = int(now_s // DAY_S) % 7
        per_day = self.saturday if day == 5 else self.sunday if day == 6 else self.workday
        hour = int(now_s % DAY_S // HOUR_S)
        return per_day * self.hour_shares[hour] / 100.0 / HOUR_S


def _hours(night: float, *rest: float) -> tuple[float, ...]:
    """Spread the share of the five hours after midnight evenly."""
    return (*(night / 5,) * 5, *rest)


_PRIVATE = _hours(
    2, .5, 1, 2, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7, 10, 14, 13, 9, 6, 5, 3.5, 2.5
)  # fmt: skip
_COMPANY = _hours(
    .5, 1, 8, 24, 27, 10, 4, 4, 7, 6, 3, 2, 1.5, 1, .5, .5, 0, 0, 0, 0
)  # fmt: skip
_DEPOT = _hours(
    1, .5, 1, 1, 1, 1, 2, 4, 5, 3, 4, 9, 17, 23, 15, 7, 3, 1.5, .5, .5
)  # fmt: skip
_PUBLIC = _hours(
    2, .5, 1.5, 4.5, 7, 8, 8, 8, 7.5, 7, 7, 7, 7.5, 7.5, 7, 4.5, 2.5, 1.5, 1, .5
)  # fmt: skip
_PUBLIC_DC = _hours(
    2, .5, 1.5, 3, 4.5, 6, 6.5, 7.5, 8.5, 8.5, 8, 8, 8, 8, 7, 5, 3.5, 2, 1.5, .5
)  # fmt: skip

_RHYTHMS = {
    (Segment.PRIVATE, False): Rhythm(0.45, 0.45, 0.45, _PRIVATE),
    (Segment.COMPANY, False): Rhythm(0.65, 0.05, 0.05, _COMPANY),
    (Segment.FLEET, False): Rhythm(0.95, 0.35, 0.15, _DEPOT),
    (Segment.FLEET, True): Rhythm(1.52, 0.56, 0.24, _DEPOT),
    (Segment.PUBLIC, False): Rhythm(0.70, 0.70, 0.70, _PUBLIC),
    (Segment.PUBLIC, True): Rhythm(5.0, 5.0, 5.0, _PUBLIC_DC),
}
_ZERO_ENERGY_SHARES = {
    (Segment.PRIVATE, False): 0.01,
    (Segment.COMPANY, False): 0.02,
    (Segment.FLEET, False): 0.015,
    (Segment.FLEET, True): 0.015,
    (Segment.PUBLIC, False): 0.08,
    (Segment.PUBLIC, True): 0.18,
}


_PAUSE_SHARE = 0.6 * 0.35
"""Sites with load management, and the transactions it pauses there (assumptions)."""


def rhythm_of(segment: Segment, *, is_dc: bool) -> Rhythm:
    """Return how often cars come to such an EVSE."""
    return _RHYTHMS.get((segment, is_dc)) or _RHYTHMS[(segment, False)]


def next_arrival_in_s(rhythm: Rhythm, now_s: float, factor: float, dice: Random) -> float:
    """Draw the simulated seconds until the next car: a Poisson process by the hour.

    Returns a month where the rate is so small that none comes before.
    """
    wanted = dice.expovariate(1.0)
    at_s = now_s
    while at_s - now_s < _LONGEST_LOOK_S:
        hour_ends_s = (at_s // HOUR_S + 1) * HOUR_S
        rate = rhythm.per_second(at_s) * factor
        in_hour = rate * (hour_ends_s - at_s)
        if rate > 0 and in_hour >= wanted:
            return at_s + wanted / rate - now_s
        wanted -= in_hour
        at_s = hour_ends_s
    return _LONGEST_LOOK_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One car's stay: plugged in so long, energy flowing so long and with this power.

    Energy flows from the start; `charge_s` is 0 where none ever does (wrong card, full car).
    For `pause_s` in between the site's load management gives nothing.
    """

    plug_s: float
    charge_s: float
    power_w: float
    phase_count: int  # 0: DC
    pause_s: float = 0.0


def draw_visit(segment: Segment, *, power_kw: float, is_dc: bool, dice: Random) -> Visit:
    """Draw a car and its stay at an EVSE that can give `power_kw`."""
    power_w, phase_count = _car_power(power_kw, is_dc, dice)
    zero_share = _ZERO_ENERGY_SHARES.get((segment, is_dc), 0.02)
    if dice.random() < zero_share:
        plug_s = 60.0 * _log_normal(dice, 1.9, 1.0)
        return Visit(plug_s=plug_s, charge_s=0.0, power_w=0.0, phase_count=phase_count)
    plug_s, energy_kwh = _stay(segment, is_dc, dice)
    charge_s = min(plug_s, energy_kwh * 1000 / power_w * HOUR_S)
    pause_s = 0.0
    if segment in (Segment.COMPANY, Segment.FLEET) and dice.random() < _PAUSE_SHARE:
        pause_s = min(plug_s - charge_s, 60.0 * _log_normal(dice, 18, 1.25))
    return Visit(
        plug_s=plug_s,
        charge_s=charge_s,
        power_w=power_w,
        phase_count=phase_count,
        pause_s=pause_s,
    )


def _car_power(power_kw: float, is_dc: bool, dice: Random) -> tuple[float, int]:
    if is_dc:
        return 1000 * power_kw * dice.uniform(0.25, 0.8), 0
    if dice.random() < 0.4:
        return 1000 * min(power_kw, dice.choice((3.7, 4.6, 7.4))), 1
    return 1000 * min(power_kw, 22.0 if dice.random() < 0.15 else 11.0), 3


def _stay(segment: Segment, is_dc: bool, dice: Random) -> tuple[float, float]:
    """Plug-in seconds and energy in kWh."""
    if is_dc:
        return 60 * _log_normal(dice, 26, 0.6), _log_normal(dice, 16, 0.8)
    match segment:
        case Segment.PRIVATE:
            hours = (
                dice.gauss(12.5, 1.25) if dice.random() < 0.78 else _log_normal(dice, 3.0, 0.8)
            )
            return HOUR_S * max(0.5, hours), min(70.0, _log_normal(dice, 10, 0.7))
        case Segment.COMPANY:
            if dice.random() < 0.54:
                return HOUR_S * _log_normal(dice, 9.2, 0.13), _log_normal(dice, 14, 0.65)
            return HOUR_S * _log_normal(dice, 4.2, 0.4), _log_normal(dice, 10, 0.6)
        case Segment.FLEET:
            hours = dice.uniform(0.75, 1.5) if dice.random() < 0.15 else dice.gauss(12.5, 0.8)
            return HOUR_S * max(0.5, hours), _log_normal(dice, 28, 0.5)
        case Segment.PUBLIC:
            return HOUR_S * min(48.0, _log_normal(dice, 2.4, 1.0)), _log_normal(dice, 9, 0.75)


def _log_normal(dice: Random, median: float, sigma: float) -> float:
    return median * math.exp(dice.gauss(0.0, sigma))
