"""The meter of an EVSE: its register, and ten sampled values of one moment (OCPP 1.6)."""

from __future__ import annotations

from random import Random

from simulator.timeline import Timeline

_VOLTS = 230.0
_HOUR_S = 3600.0


class Meter:
    """Counts what flows, by the seconds of the timeline."""

    def __init__(self, timeline: Timeline, dice: Random) -> None:
        self._timeline = timeline
        self._dice = dice
        self._counted_wh = float(dice.randrange(50_000, 9_000_000))
        self._counted_until_s = timeline.now_s
        self.power_w = 0.0

    @property
    def register_wh(self) -> float:
        """The register now; it never falls."""
        now_s = self._timeline.now_s
        self._counted_wh += self.power_w * (now_s - self._counted_until_s) / _HOUR_S
        self._counted_until_s = now_s
        return self._counted_wh

    def set_power(self, power_w: float) -> None:
        """Let so much flow from now on."""
        self._counted_wh = self.register_wh
        self.power_w = power_w

    def samples(self, *, phase_count: int, context: str) -> list[dict[str, str]]:
        """Return sampled values of this moment; `phase_count` 0 means a DC car."""
        return _sampled_values(
            self.register_wh,
            power_w=self.power_w,
            phase_count=phase_count,
            context=context,
            dice=self._dice,
        )


def _sampled_values(
    register_wh: float, *, power_w: float, phase_count: int, context: str, dice: Random
) -> list[dict[str, str]]:
    """Register, power, three currents, three voltages, the offered current, a temperature."""
    volts = [_VOLTS + dice.uniform(-3.0, 3.0) for _ in range(3)]
    loaded = phase_count or 3  # the mains side of a DC station takes from all three
    amperes = [power_w / loaded / volts[i] if i < loaded else 0.0 for i in range(3)]
    samples = [
        _sample(f"{register_wh:.0f}", "Energy.Active.Import.Register", "Wh", context, "Outlet"),
        _sample(f"{power_w:.0f}", "Power.Active.Import", "W", context, "Outlet"),
    ]
    for number in range(3):
        phase = f"L{number + 1}"
        current = _sample(f"{amperes[number]:.2f}", "Current.Import", "A", context, "Outlet")
        samples.append(current | {"phase": phase})
    for number in range(3):
        voltage = _sample(f"{volts[number]:.1f}", "Voltage", "V", context, "Outlet")
        samples.append(voltage | {"phase": f"L{number + 1}-N"})
    offered = max(amperes) if power_w else 32.0
    samples.append(_sample(f"{offered:.1f}", "Current.Offered", "A", context, "Outlet"))
    warmth = 22.0 + power_w / 1500.0 + dice.uniform(-1.0, 1.0)
    samples.append(_sample(f"{warmth:.1f}", "Temperature", "Celsius", context, "Body"))
    return samples


def _sample(
    value: str, measurand: str, unit: str, context: str, location: str
) -> dict[str, str]:
    return {
        "value": value,
        "context": context,
        "measurand": measurand,
        "location": location,
        "unit": unit,
    }
