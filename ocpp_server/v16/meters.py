"""Measured values: from the texts and units of OCPP 1.6 to numbers in base units. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

from msgspec import UNSET, UnsetType

from domain.events import Breach, Sample
from ocpp_server.v16.messages import SampledValue, SampledValueAtStop
from ocpp_server.v16.words import Context, Measurand

DEFAULT_MEASURAND = "Energy.Active.Import.Register"
DEFAULT_CONTEXT = "Sample.Periodic"

# Wire unit -> base unit, and value = wire * factor + offset.
_BASE: dict[str, tuple[str, float, float]] = {
    "Wh": ("Wh", 1, 0),
    "kWh": ("Wh", 1000, 0),
    "varh": ("varh", 1, 0),
    "kvarh": ("varh", 1000, 0),
    "W": ("W", 1, 0),
    "kW": ("W", 1000, 0),
    "VA": ("VA", 1, 0),
    "kVA": ("VA", 1000, 0),
    "var": ("var", 1, 0),
    "kvar": ("var", 1000, 0),
    "A": ("A", 1, 0),
    "V": ("V", 1, 0),
    "K": ("Celsius", 1, -273.15),
    "Celcius": ("Celsius", 1, 0),  # spelled so in the first edition of the standard
    "Celsius": ("Celsius", 1, 0),
    "Fahrenheit": ("Celsius", 5 / 9, -160 / 9),
    "Percent": ("Percent", 1, 0),
    "Hertz": ("Hz", 1, 0),
}
# Words outside the schema that can mean only one unit (quirk G3), lower case.
_ALIASES = {
    "amp": "A",
    "amps": "A",
    "ampere": "A",
    "volt": "V",
    "volts": "V",
    "watt": "W",
    "watts": "W",
    "c": "Celsius",
    "°c": "Celsius",
    "degc": "Celsius",
    "f": "Fahrenheit",
    "%": "Percent",
    "hz": "Hertz",
    **{unit.lower(): unit for unit in _BASE},
}
# Measurand family (the part before the first dot) -> base units that fit it, the default first.
_FITTING: dict[str, tuple[str, ...]] = {
    "Energy": ("Wh", "varh"),
    "Power": ("W", "VA", "var"),
    "Current": ("A",),
    "Voltage": ("V",),
    "Frequency": ("Hz",),
    "Temperature": ("Celsius",),
    "SoC": ("Percent",),
    "RPM": ("",),
}
_CONTEXTS = frozenset(get_args(Context))

_Reading = tuple[str, str, float, float]  # measurand, base unit, factor, offset
_Word = str | UnsetType


def _readings() -> dict[tuple[_Word, _Word], _Reading]:
    """List every combination of measurand and unit that makes sense, defaults included."""
    table: dict[tuple[_Word, _Word], _Reading] = {}
    for measurand in get_args(Measurand):
        fitting = _FITTING[measurand.partition(".")[0]]
        default = "" if measurand == "Power.Factor" else fitting[0]
        table[measurand, UNSET] = (measurand, default, 1, 0)
        for unit, (base, factor, offset) in _BASE.items():
            if base in fitting or measurand in ("Power.Factor", "RPM"):
                table[measurand, unit] = (measurand, base, factor, offset)
    for (name, unit_or_none), reading in list(table.items()):
        if name == DEFAULT_MEASURAND:
            table[UNSET, unit_or_none] = reading
    return table


_READINGS = _readings()
# The same with every context: one look-up for nearly every sample there is.
_IN_CONTEXT: dict[tuple[_Word, _Word, _Word], tuple[str, str, float, float, str]] = {
    (measurand, unit, context): (
        reading[0],
        reading[1],
        float(reading[2]),  # no mixed arithmetic: it costs twice as much
        float(reading[3]),
        DEFAULT_CONTEXT if context is UNSET else context,
    )
    for (measurand, unit), reading in _READINGS.items()
    for context in (UNSET, *_CONTEXTS)
}
# An absent measurand means the energy register, in Wh. A unit that cannot be one of energy
# shows that another measurand was meant.
_MEANT_BY_UNIT = {
    "W": "Power.Active.Import",
    "kW": "Power.Active.Import",
    "A": "Current.Import",
    "V": "Voltage",
    "Percent": "SoC",
}


def read_samples(
    values: Sequence[SampledValue | SampledValueAtStop], breaches: list[Breach]
) -> tuple[Sample, ...]:
    """Return the samples in base units; those that cannot be read are left out and flagged.

    Fields of the breaches begin with the sample's number, as in `[3].value`.
    Signed data is left out without a breach: it is legal, and no number.
    """
    samples: list[Sample] = []
    for value in values:
        try:
            measurand, unit, factor, offset, context = _IN_CONTEXT[
                value.measurand, value.unit, value.context
            ]
            # A number as most stations send it: nothing can be finite but what times 0 is 0.
            number = float(value.value) * factor + offset  # type: ignore[arg-type]  # UNSET
            if number * 0.0 == 0.0:
                phase = value.phase
                samples.append(
                    Sample(
                        measurand,
                        number,
                        unit,
                        "" if phase is UNSET else phase,
                        context,
                    )
                )
                continue
        except (KeyError, ValueError, TypeError):
            pass
        index = next(at for at, other in enumerate(values) if other is value)
        sample = _read_odd(value, f"[{index}]", breaches)
        if sample is not None:
            samples.append(sample)
    return tuple(samples)


def scaling_of(value: SampledValue | SampledValueAtStop) -> tuple[float, float]:
    """Return factor and offset to the base unit; (1, 0) where the two do not fit."""
    usual = _IN_CONTEXT.get((value.measurand, value.unit, value.context))
    if usual is not None:
        return usual[2:4]
    # A measurand that only its unit names (kW without one) is scaled all the same.
    odd = _odd_reading(value.measurand, value.unit)
    return (1.0, 0.0) if odd is None else (float(odd[2]), float(odd[3]))


def _read_odd(
    value: SampledValue | SampledValueAtStop, path: str, breaches: list[Breach]
) -> Sample | None:
    if value.format == "SignedData":
        return None
    context = value.context or DEFAULT_CONTEXT  # some leave it empty
    if context not in _CONTEXTS:
        breaches.append(Breach(f"{path}.context", "left out: we do not know what it means"))
        return None
    reading = _odd_reading(value.measurand, value.unit)
    if reading is None:
        why = f"left out: {value.measurand or 'no measurand'} in {value.unit or 'no unit'}"
        breaches.append(Breach(path, why[:120]))
        return None
    number = _odd_number(value.value)
    if number is None:
        breaches.append(Breach(f"{path}.value", "left out: not a number"))
        return None
    if not _is_plain(value.value):
        breaches.append(Breach(f"{path}.value", "not written as a number"))
    measurand, unit, factor, offset = reading
    number = number * factor + offset
    if not math.isfinite(number):
        breaches.append(Breach(f"{path}.value", "left out: beyond all numbers"))
        return None
    return Sample(
        measurand,
        number,
        unit,
        value.phase or "",
        context,
    )


def _odd_reading(measurand: str | UnsetType, unit: str | UnsetType) -> _Reading | None:
    if measurand is not UNSET and not measurand.strip():
        measurand = UNSET
    if unit is UNSET:
        return _READINGS.get((measurand, UNSET))
    meant = _ALIASES.get(unit.strip().lower(), unit) if unit.strip() else UNSET
    if measurand is UNSET and meant in _MEANT_BY_UNIT:
        measurand = _MEANT_BY_UNIT[str(meant)]
    return _READINGS.get((measurand, meant))


def _is_plain(text: str | UnsetType) -> bool:
    try:
        return text is not UNSET and math.isfinite(float(text))
    except ValueError:
        return False


def _odd_number(text: str | UnsetType) -> float | None:
    """Read a number with a decimal comma (quirk G8); None where it is no finite number."""
    if text is UNSET:
        return None
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
