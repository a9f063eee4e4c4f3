"""Measured values of OCPP 2.x: numbers in any unit and power of ten, to base units. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import get_args

from msgspec import UNSET, UnsetType

from domain.events import Breach, Sample
from ocpp_server.v2x.shapes import SampledValue
from ocpp_server.v16.words import Context

DEFAULT_MEASURAND = "Energy.Active.Import.Register"  # OCPP 2.0.1 §2.4.42 and 2.1 alike
DEFAULT_CONTEXT = "Sample.Periodic"

_CONTEXTS = frozenset(get_args(Context))  # the same words in every version
_MULTIPLIER_MAX = 24  # powers of ten; no unit of a charging station is farther from its base

# Unit, lower case -> base unit, and value = wire * factor + offset. 2.x takes any unit up to 20
# characters; these are its own list, the prefixed ones of 1.6, and spellings that mean them.
_UNITS: dict[str, tuple[str, float, float]] = {
    "wh": ("Wh", 1, 0),
    "kwh": ("Wh", 1000, 0),
    "vah": ("VAh", 1, 0),
    "kvah": ("VAh", 1000, 0),
    "varh": ("varh", 1, 0),
    "kvarh": ("varh", 1000, 0),
    "w": ("W", 1, 0),
    "kw": ("W", 1000, 0),
    "va": ("VA", 1, 0),
    "kva": ("VA", 1000, 0),
    "var": ("var", 1, 0),
    "kvar": ("var", 1000, 0),
    "a": ("A", 1, 0),
    "amp": ("A", 1, 0),
    "ampere": ("A", 1, 0),
    "v": ("V", 1, 0),
    "volt": ("V", 1, 0),
    "celsius": ("Celsius", 1, 0),
    "celcius": ("Celsius", 1, 0),
    "c": ("Celsius", 1, 0),
    "fahrenheit": ("Celsius", 5 / 9, -160 / 9),
    "k": ("Celsius", 1, -273.15),
    "percent": ("Percent", 1, 0),
    "%": ("Percent", 1, 0),
    "hz": ("Hz", 1, 0),
    "hertz": ("Hz", 1, 0),
    "s": ("s", 1, 0),
    "rpm": ("", 1, 0),
}
# Beginning of a measurand -> base units that fit it, the default first. The longest counts.
_FITTING: dict[str, tuple[str, ...]] = {
    "Energy.Active": ("Wh",),
    "Energy.Reactive": ("varh",),
    "Energy.Apparent": ("VAh",),
    "EnergyRequest": ("Wh",),
    "Power": ("W", "VA", "var"),
    "Power.Reactive": ("var", "W"),
    "Power.Factor": ("",),
    "Current": ("A",),
    "Voltage": ("V",),
    "Frequency": ("Hz",),
    "Temperature": ("Celsius",),
    "SoC": ("Percent",),
    "RPM": ("",),
    "Display": ("Percent", "s", "Wh", ""),
}
# An absent measurand is the energy register; a unit that cannot be one of energy shows that
# another one was meant.
_MEANT_BY_UNIT = {
    "W": "Power.Active.Import",
    "A": "Current.Import",
    "V": "Voltage",
    "Percent": "SoC",
}

_Scale = tuple[str, str, float, float]  # measurand, base unit, factor, offset


def read_samples(
    values: Sequence[SampledValue], path: str, breaches: list[Breach]
) -> tuple[Sample, ...]:
    """Return the samples in base units; those that cannot be read are left out and flagged."""
    samples: list[Sample] = []
    for index, value in enumerate(values):
        unit = value.unit_of_measure
        scale = (
            _scale(value.measurand, UNSET, 0)
            if unit is UNSET
            else _scale(value.measurand, unit.unit, unit.multiplier or 0)
        )
        if scale is None:
            named = UNSET if unit is UNSET else unit.unit
            why = f"left out: {value.measurand or 'no measurand'} in {named or 'no unit'}"
            breaches.append(Breach(f"{path}[{index}]", why[:120]))
            continue
        context = value.context or DEFAULT_CONTEXT  # some leave it empty
        if context not in _CONTEXTS:
            why = "left out: we do not know what it means"
            breaches.append(Breach(f"{path}[{index}].context", why))
            continue
        if value.value is UNSET:  # flagged when it was read
            continue
        measurand, base, factor, offset = scale
        number = value.value * factor + offset
        if not math.isfinite(number):
            breaches.append(Breach(f"{path}[{index}].value", "left out: beyond all numbers"))
            continue
        samples.append(
            Sample(
                measurand,
                number,
                base,
                "" if value.phase is UNSET else value.phase,
                context,
            )
        )
    return tuple(samples)


@lru_cache(maxsize=4096)
def _scale(measurand: str | UnsetType, unit: str | UnsetType, multiplier: int) -> _Scale | None:
    """Say what a value of this measurand and unit is; None where the two do not fit."""
    if abs(multiplier) > _MULTIPLIER_MAX:
        return None
    power = 10.0**multiplier
    known = None
    if unit is not UNSET and unit.strip():
        known = _UNITS.get(unit.strip().lower().replace("°", ""))
        if known is None:
            return None
    if measurand is UNSET or not measurand.strip():
        base = known[0] if known else "Wh"
        measurand = DEFAULT_MEASURAND if base == "Wh" else _MEANT_BY_UNIT.get(base, "")
    fitting = _fitting(measurand)
    if not fitting:
        return None
    if known is None:
        return (measurand, fitting[0], power, 0)
    base, factor, offset = known
    return (measurand, base, factor * power, offset) if base in fitting else None


def _fitting(measurand: str) -> tuple[str, ...]:
    found = [name for name in _FITTING if measurand.startswith(name)]
    return _FITTING[max(found, key=len)] if found else ()
