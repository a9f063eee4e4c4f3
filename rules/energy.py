"""Whether energy flows, and whether the meter tells the truth about it. Pure.

Each function looks at one reading and what is remembered of its EVSE, and says what is odd in a
few words, or nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from rules.memory.metering import Metered
from rules.parameters import Parameters
from rules.readings import Reading

_HOUR_S = 3600.0
_LONGEST_S = _HOUR_S / 4
_LEAST_PEAK_W = 22_000.0
"""Power that any EVSE may have, whatever was seen of it yet: AC at three times 32 A."""


class FlowParameters(Parameters, frozen=True, kw_only=True):
    """no-energy. Less than `power_w` is nothing, less than `energy_wh` never reached a
    vehicle; a transaction is looked at once it has been charging for `looked_after`."""

    power_w: float = 100.0
    energy_wh: float = 100.0
    looked_after: timedelta = timedelta(minutes=10)


class FrozenParameters(Parameters, frozen=True, kw_only=True):
    """meter-frozen. From `power_w` on energy flows; a register that stands still for
    `energy_wh`, and for `steps` of its own smallest steps, is frozen."""

    power_w: float = 500.0
    energy_wh: float = 2_000.0  # twice the step of a register that counts whole kWh
    steps: float = 3.0


class ImplausibleParameters(Parameters, frozen=True, kw_only=True):
    """meter-implausible. A fall below `noise_wh` is nothing; a rise may be `times` what the
    EVSE ever delivered (or `most_w`, where its power is not known) plus `slack_wh`; no counter
    of a charging station stands `beyond_wh`."""

    noise_wh: float = 100.0
    times: float = 3.0
    most_w: float = 400_000.0
    slack_wh: float = 5_000.0
    beyond_wh: float = 4_000_000_000.0  # 2^32 and its neighbours (quirk G5)


def delivered_wh(metered: Metered, reading: Reading) -> float | None:
    """Return what went into the present transaction; None where nothing tells."""
    if reading.register_wh is not None and metered.first_wh is not None:
        return max(reading.register_wh - metered.first_wh, metered.flowed_wh)
    return None if reading.drawn_w is None else metered.flowed_wh


def is_empty(metered: Metered, reading: Reading, limit: FlowParameters) -> bool:
    """Tell whether nothing flows, and nothing has in this transaction."""
    delivered, drawn = delivered_wh(metered, reading), reading.drawn_w
    if reading.is_limited or delivered is None or delivered >= limit.energy_wh:
        return False
    has_flowed = metered.top_w >= limit.power_w  # between two readings, too, something flows
    return not has_flowed and (drawn is None or drawn < limit.power_w)


def note_flow(metered: Metered, reading: Reading, at: datetime) -> None:
    """Remember what a reading says of power and energy. `implausible` is asked before."""
    drawn = reading.drawn_w
    before = metered.read_at
    metered.read_at = at
    if drawn is not None and drawn > metered.top_w:
        metered.top_w = drawn
        if drawn > metered.peak_w:
            metered.peak_w = drawn
    flowed = 0.0
    if drawn is not None and before is not None and metered.charging_since is not None:
        # What is told now is not known for the time before: a quarter of an hour at most.
        gone_s = (at - before).total_seconds()
        if gone_s > 0:
            flowed = drawn * (gone_s if gone_s < _LONGEST_S else _LONGEST_S) / _HOUR_S
            metered.flowed_wh += flowed
    register = reading.register_wh
    if register is None:
        return
    if metered.first_wh is None:
        metered.first_wh = register
    known = metered.register_wh
    if known is None or register == known:
        metered.still_wh += flowed
    else:
        metered.still_wh = 0.0
        if register > known:
            step = register - known
            if not metered.step_wh or step < metered.step_wh:
                metered.step_wh = step


def frozen(metered: Metered, reading: Reading, limit: FrozenParameters) -> str:
    """Say that the register stands still while power flows; "" where it does not."""
    drawn = reading.drawn_w
    if reading.register_wh is None or drawn is None or drawn < limit.power_w:
        return ""
    if metered.still_wh < max(limit.energy_wh, limit.steps * metered.step_wh):
        return ""
    return (
        f"the register stands at {reading.register_wh:.0f} Wh,"
        f" power says {metered.still_wh:.0f} Wh went through"
    )


def implausible(
    metered: Metered,
    reading: Reading,
    limit: ImplausibleParameters,
    *,
    transaction: str,
    said_at: datetime,
) -> str:
    """Say why the register cannot be what it says; "" where it can."""
    register, known = reading.register_wh, metered.register_wh
    if register is None:
        return ""
    if register < -limit.noise_wh:
        return f"a register of {register:.0f} Wh"
    if register > limit.beyond_wh:
        return f"a register of {register:.0f} Wh is beyond any counter"
    if known is None or metered.register_at is None:
        return ""
    if known - register > limit.noise_wh:
        is_another = metered.is_anew or transaction != metered.register_in
        if is_another and register <= limit.slack_wh + limit.noise_wh:
            return ""  # it counts each transaction for itself, and one has begun
        return f"the register fell from {known:.0f} to {register:.0f} Wh"
    hours = max((said_at - metered.register_at).total_seconds(), 0.0) / _HOUR_S
    most_w = limit.times * max(metered.peak_w, _LEAST_PEAK_W)
    if not metered.peak_w:
        most_w = limit.times * limit.most_w
    if register - known <= most_w * hours + limit.slack_wh:
        return ""
    return f"the register jumped from {known:.0f} to {register:.0f} Wh"
