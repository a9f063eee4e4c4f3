"""Whether the three phases of an EVSE are there, and whether heat holds it back. Pure."""

from __future__ import annotations

from rules.memory.metering import Metered
from rules.parameters import Parameters
from rules.readings import Reading


class PhaseParameters(Parameters, frozen=True, kw_only=True):
    """phase-missing. A phase below `low_v` while the others are above `good_v` is missing.
    By current it takes `transactions` in a row in which two carry more than `carried_a` and one
    nothing, at an EVSE that had three before: some vehicles use two. `balance`: what the least
    loaded phase has of the most loaded one at least, from `loaded_a` on."""

    low_v: float = 180.0
    good_v: float = 200.0
    carried_a: float = 4.0
    transactions: int = 3
    balance: float = 0.5
    loaded_a: float = 10.0


class HeatParameters(Parameters, frozen=True, kw_only=True):
    """degraded. Too hot from `hot_c` on; from `warm_c` on where power fell below `share` of
    this transaction's most, which was at least `strong_w`, and the vehicle is not near full."""

    hot_c: float = 85.0
    warm_c: float = 60.0
    share: float = 0.6
    strong_w: float = 3_000.0
    full_percent: float = 80.0


_NOTHING_A = 0.5
_SOMETHING_A = 2.0


def missing_by_voltage(reading: Reading, limit: PhaseParameters) -> int:
    """Return the phase (1 to 3) without voltage while the two others have it; 0: none."""
    volts = [volt for volt in reading.voltages if volt is not None]
    if len(volts) < 3 or sorted(volts)[1] < limit.good_v or min(volts) >= limit.low_v:
        return 0
    return volts.index(min(volts)) + 1


def missing_by_current(reading: Reading, limit: PhaseParameters) -> int:
    """Return the phase (1 to 3) without current while the two others carry some; 0: none."""
    amps = [amp for amp in reading.currents if amp is not None]
    if len(amps) < 3 or sorted(amps)[1] < limit.carried_a or min(amps) >= _NOTHING_A:
        return 0
    return amps.index(min(amps)) + 1


def is_unbalanced(reading: Reading, limit: PhaseParameters) -> bool:
    """Tell whether all three phases carry current, and one far less than another."""
    amps = [amp for amp in reading.currents if amp is not None]
    if len(amps) < 3 or min(amps) < 1:
        return False
    return max(amps) >= limit.loaded_a and min(amps) < limit.balance * max(amps)


def carries_three(reading: Reading) -> bool:
    """Tell whether all three phases carry current."""
    return all(amp is not None and amp >= _SOMETHING_A for amp in reading.currents)


def odd_phase(metered: Metered, reading: Reading, limit: PhaseParameters) -> str:
    """Say what is odd about the phases; "" where nothing is. Counts transactions."""
    by_voltage = missing_by_voltage(reading, limit)
    if by_voltage:
        return f"no voltage on L{by_voltage}"
    if carries_three(reading):
        metered.has_three = True
        metered.odd_phase = metered.odd_count = 0
        return "unbalanced currents" if is_unbalanced(reading, limit) else ""
    phase = missing_by_current(reading, limit)
    if not phase:
        return ""
    if phase != metered.odd_phase:
        metered.odd_phase, metered.odd_count, metered.is_odd = phase, 0, False
    if not metered.is_odd:
        metered.is_odd = True
        metered.odd_count += 1
    if metered.has_three and metered.odd_count >= limit.transactions:
        return f"no current on L{phase} in {metered.odd_count} transactions"
    return ""


def is_phase_fine(reading: Reading, limit: PhaseParameters) -> bool:
    """Tell whether a reading shows that nothing is odd: three phases, all there."""
    volts = [volt for volt in reading.voltages if volt is not None]
    has_volts = not volts or min(volts) >= limit.low_v
    return carries_three(reading) and has_volts and not is_unbalanced(reading, limit)


def hot(metered: Metered, reading: Reading, limit: HeatParameters) -> str:
    """Say that heat holds the EVSE back; "" where it does not."""
    heat, drawn = reading.heat_c, reading.drawn_w
    if heat is None:
        return ""
    if heat >= limit.hot_c:
        return f"{heat:.0f} degrees"
    if heat < limit.warm_c or drawn is None or metered.top_w < limit.strong_w:
        return ""
    is_near_full = reading.soc is not None and reading.soc >= limit.full_percent
    is_held = reading.offered_w is not None and reading.offered_w <= drawn * 1.1
    if is_near_full or is_held or drawn >= limit.share * metered.top_w:
        return ""
    return f"{drawn:.0f} W after {metered.top_w:.0f} W, at {heat:.0f} degrees"
