"""One look at a meter: the samples of an event as the few numbers that detectors ask for. Pure.

Values of the whole EVSE come first, the sum of its phases where only those are there. What was
measured when a transaction began is history and left out: beside the present value it would
make the meter look frozen (quirk K5).
"""

from __future__ import annotations

from collections.abc import Iterable

from domain.events import MeterSampled, Sample

_REGISTER, _POWER, _CURRENT, _VOLTAGE, _OFFERED_A, _OFFERED_W, _HEAT, _SOC = range(8)
_KINDS: dict[str, int] = {
    "Energy.Active.Import.Register": _REGISTER,
    "Power.Active.Import": _POWER,
    "Current.Import": _CURRENT,
    "Voltage": _VOLTAGE,
    "Current.Offered": _OFFERED_A,
    "Power.Offered": _OFFERED_W,
    "Temperature": _HEAT,
    "SoC": _SOC,
}
_WHOLE = {
    _REGISTER: "register_wh",
    _POWER: "power_w",
    _CURRENT: "total_a",
    _VOLTAGE: "voltage_v",
    _OFFERED_A: "offered_a",
    _OFFERED_W: "offered_w",
    _SOC: "soc",
}
"""Where a value without a phase goes."""

_PHASES = {"L1": 0, "L2": 1, "L3": 2, "L1-N": 0, "L2-N": 1, "L3-N": 2}
_HISTORY = "Transaction.Begin"

NOMINAL_V = 230.0
"""Voltage assumed where none is measured."""


class Reading:
    """Numbers of one moment; None where they were not measured. Currents and voltages are
    lists of three, one per phase, None where a phase was not measured."""

    __slots__ = (
        "currents",
        "drawn_w",
        "heat_c",
        "offered_a",
        "offered_w",
        "power_w",
        "register_wh",
        "soc",
        "total_a",
        "voltage_v",
        "voltages",
    )

    def __init__(self) -> None:
        self.register_wh: float | None = None
        self.power_w: float | None = None
        self.drawn_w: float | None = None  # the power, worked out of currents if need be
        self.total_a: float | None = None  # a current without a phase
        self.currents: list[float | None] = [None, None, None]
        self.voltage_v: float | None = None  # without a phase
        self.voltages: list[float | None] = [None, None, None]
        self.offered_a: float | None = None
        self.offered_w: float | None = None
        self.heat_c: float | None = None
        self.soc: float | None = None

    @property
    def is_limited(self) -> bool:
        """Whether the station offers the vehicle nothing: a limit holds it back."""
        return (self.offered_a is not None and self.offered_a < 1) or (
            self.offered_w is not None and self.offered_w < 100
        )


def read_samples(samples: Iterable[Sample]) -> Reading:
    """Return what the samples of one event say."""
    reading = Reading()
    phased_w: float | None = None
    for sample in samples:
        kind = _KINDS.get(sample.measurand)
        if kind is None or sample.context == _HISTORY:
            continue
        if sample.phase:
            phase = _PHASES.get(sample.phase)
            if phase is None:
                continue  # between two phases, or the neutral
            if kind == _CURRENT:
                reading.currents[phase] = sample.value
            elif kind == _VOLTAGE:
                reading.voltages[phase] = sample.value
            elif kind == _POWER:
                phased_w = (phased_w or 0.0) + sample.value
        elif kind == _HEAT:
            hottest = reading.heat_c
            reading.heat_c = sample.value if hottest is None else max(hottest, sample.value)
        else:
            setattr(reading, _WHOLE[kind], sample.value)
    if reading.power_w is None:
        reading.power_w = phased_w
    reading.drawn_w = _drawn(reading) if reading.power_w is None else reading.power_w
    return reading


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
