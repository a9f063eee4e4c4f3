"""One look at a meter: the samples of an event as the few numbers that detectors ask for. Pure.

Values of the whole EVSE come first, the sum of its phases where only those are there. What was
measured when a transaction began is history and left out: beside the present value it would
make the meter look frozen (quirk K5).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec.structs import astuple

from domain.events import MeterSampled, Sample

_PHASES = {"L1": 0, "L2": 1, "L3": 2, "L1-N": 0, "L2-N": 1, "L3-N": 2}
_HISTORY = "Transaction.Begin"
_NOWHERE = -1  # behind the last value there is a None

NOMINAL_V = 230.0
"""Voltage assumed where none is measured."""

Three = tuple[float | None, float | None, float | None]
"""One value per phase."""


class Reading(msgspec.Struct, gc=False):
    """Numbers of one moment; None where they were not measured."""

    register_wh: float | None = None
    power_w: float | None = None
    total_a: float | None = None  # a current without a phase
    currents: Three = (None, None, None)
    voltages: Three = (None, None, None)
    offered_a: float | None = None
    offered_w: float | None = None
    heat_c: float | None = None
    soc: float | None = None
    drawn_w: float | None = None  # the power, worked out of currents if need be

    @property
    def is_limited(self) -> bool:
        """Whether the station offers the vehicle nothing: a limit holds it back."""
        return (self.offered_a is not None and self.offered_a < 1) or (
            self.offered_w is not None and self.offered_w < 100
        )


class _Where(msgspec.Struct, frozen=True, gc=False):
    """Which sample says what; the last of several that say the same."""

    register: int = _NOWHERE
    power: int = _NOWHERE
    current: int = _NOWHERE
    offered_a: int = _NOWHERE
    offered_w: int = _NOWHERE
    soc: int = _NOWHERE
    currents: tuple[int, int, int] = (_NOWHERE,) * 3
    voltages: tuple[int, int, int] = (_NOWHERE,) * 3
    powers: tuple[int, ...] = ()  # of the phases
    heats: tuple[int, ...] = ()


_WHOLE = {
    "Energy.Active.Import.Register": "register",
    "Power.Active.Import": "power",
    "Current.Import": "current",
    "Current.Offered": "offered_a",
    "Power.Offered": "offered_w",
    "SoC": "soc",
}
"""Where a value without a phase goes."""


def read_samples(samples: Iterable[Sample]) -> Reading:
    """Return what the samples of one event say."""
    # Column by column, in C: what is measured is the same from reading to reading.
    columns: list[tuple[Any, ...]] = list(zip(*map(astuple, samples), strict=True))
    if not columns:
        return Reading()
    measurands, measured, _, phases, contexts = columns
    values: tuple[float | None, ...] = (*measured, None)
    where = _where(measurands, phases, contexts)
    first, second, third = where.currents
    one, two, three = where.voltages
    reading = Reading(
        values[where.register],
        values[where.power],
        values[where.current],
        (values[first], values[second], values[third]),
        (values[one], values[two], values[three]),
        values[where.offered_a],
        values[where.offered_w],
        None,
        values[where.soc],
    )
    if where.heats:
        reading.heat_c = max([measured[at] for at in where.heats])
    if reading.power_w is None and where.powers:
        reading.power_w = sum([measured[at] for at in where.powers])
    reading.drawn_w = _drawn(reading) if reading.power_w is None else reading.power_w
    return reading


@lru_cache(maxsize=1024)
def _where(
    measurands: tuple[str, ...], phases: tuple[str, ...], contexts: tuple[str, ...]
) -> _Where:
    """Return where the values of samples of these measurands, phases and contexts go."""
    found: dict[str, int] = {}
    three: dict[str, list[int]] = {
        "Current.Import": [_NOWHERE] * 3,
        "Voltage": [_NOWHERE] * 3,
    }
    powers: dict[int, int] = {}
    heats: list[int] = []
    for at, measurand in enumerate(measurands):
        phase, context = phases[at], contexts[at]
        number = _PHASES.get(phase)
        if context == _HISTORY or (phase and number is None):
            continue  # of the past, between two phases, or of the neutral
        if measurand == "Temperature":
            heats.append(at)
        elif number is None and measurand in _WHOLE:
            found[_WHOLE[measurand]] = at
        elif number is not None and measurand in three:
            three[measurand][number] = at
        elif number is not None and measurand == "Power.Active.Import":
            powers[number] = at
    currents, voltages = three.values()
    return _Where(
        **found,
        currents=(currents[0], currents[1], currents[2]),
        voltages=(voltages[0], voltages[1], voltages[2]),
        powers=tuple(powers.values()),
        heats=tuple(heats),
    )


def _drawn(reading: Reading) -> float | None:
    known = [current for current in reading.currents if current is not None]
    if known:
        return sum(known) * NOMINAL_V
    return None if reading.total_a is None else reading.total_a * NOMINAL_V


class Readings:
    """The reading of the event that is being looked at, read once for all detectors."""

    __slots__ = ("_event", "_reading")

    def __init__(self) -> None:
        self._event: MeterSampled | None = None
        self._reading = Reading()

    def of(self, event: MeterSampled) -> Reading:
        """Return what an event's samples say."""
        if event is not self._event:
            self._event, self._reading = event, read_samples(event.samples)
        return self._reading
