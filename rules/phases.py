"""Whether the three phases of an EVSE are there, and whether heat holds it back. Pure."""

from __future__ import annotations

from rules.memory.metering import Metered
from rules.parameters import Parameters
from rules.readings import Reading, Three


class PhaseParameters(Parameters, frozen=True, kw_only=True):
    """phase-missing. A phase below `low_v` while the others are above `good_v` is missing.
    By current it takes `transactions` in a row in which two carry more than `carried_a` and one
    nothing, at an EVSE that had three before. Some vehicles use two phases and come every day:
    so either `drivers` different ones show it, or one at an EVSE where `long_run` transactions
    before had all three. `balance`: what the least loaded phase has of the most loaded one at
    least, from `loaded_a` on. A phase that goes in the middle of a transaction needs no more.
    """

    low_v: float = 180.0
    good_v: float = 200.0
    carried_a: float = 4.0
    transactions: int = 3
    drivers: int = 2
    long_run: int = 8
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
_MOST_THREE = 20
_MOST_TOKENS = 4


def look_at_phases(
    metered: Metered, reading: Reading, limit: PhaseParameters
) -> tuple[str, bool]:
    """Say what is odd about the phases ("" where nothing is), and whether all three are seen
    to be there. Counts transactions."""
    amps, volts = reading.currents, reading.voltages
    low = limit.low_v
    if any([volt is not None and volt < low for volt in volts]):
        lost = missing(volts, at_most=low, others=limit.good_v)
        if lost:
            return f"no voltage on L{lost}", False
    first, second, third = amps
    if first is None or second is None or third is None:
        return "", False
    least = min(first, second, third)
    if least >= _SOMETHING_A:
        metered.has_three = True
        if not metered.is_three:
            metered.is_three = True
            metered.three_count = min(metered.three_count + 1, _MOST_THREE)
        metered.odd_phase = metered.odd_count = 0
        metered.odd_tokens = []
        most = max(first, second, third)
        is_odd = most >= limit.loaded_a and least < limit.balance * most
        return ("unbalanced currents" if is_odd else ""), not is_odd
    phase = missing(amps, at_most=_NOTHING_A, others=limit.carried_a)
    if not phase:
        return "", False
    if metered.is_three:  # no vehicle gives up one of three phases and keeps two
        return f"L{phase} lost its current while the others go on", False
    return _count(metered, phase, limit), False


def missing(values: Three, *, at_most: float, others: float) -> int:
    """Return the phase (1 to 3) below a value while the two others reach theirs; 0: none."""
    first, second, third = values
    if first is None or second is None or third is None:
        return 0
    least = min(first, second, third)
    if least >= at_most or sorted((first, second, third))[1] < others:
        return 0
    return values.index(least) + 1


def _count(metered: Metered, phase: int, limit: PhaseParameters) -> str:
    if phase != metered.odd_phase:
        metered.odd_phase, metered.odd_count, metered.is_odd = phase, 0, False
        metered.odd_tokens = []
    if not metered.is_odd:
        metered.is_odd = True
        metered.odd_count += 1
        if metered.token not in metered.odd_tokens:
            metered.odd_tokens = [*metered.odd_tokens, metered.token][-_MOST_TOKENS:]
    is_shown = len(metered.odd_tokens) >= limit.drivers or metered.three_count >= limit.long_run
    if metered.has_three and is_shown and metered.odd_count >= limit.transactions:
        return f"no current on L{phase} in {metered.odd_count} transactions"
    return ""


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
