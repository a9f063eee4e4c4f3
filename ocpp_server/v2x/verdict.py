"""What an entry of a NotifyEvent amounts to: an error, its end, or neither. Pure.

In 2.x this is how faults are told (quirk K10). Sources: OCPP 2.0.1 part 2 §2.15 and N07, the
device model's standard components (part 2 appendix), EVerest's way of reporting (`Problem`).
"""

from __future__ import annotations

from enum import StrEnum

NOTICE = 7
"""Severity from which an event is no fault: notice, informational, debug (OCPP 2.x N02)."""

DANGER = 0
"""Severity of danger to people (OCPP 2.x N02)."""

_FAULT_VARIABLES = frozenset({"problem", "tripped", "overload"})
# Sensors that are quiet while all is well: their being active is the alarm.
_ALARMS = frozenset(
    {
        "cablebreakawaysensor",
        "emergencystopsensor",
        "floodsensor",
        "shocksensor",
        "tiltsensor",
    }
)
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


class Verdict(StrEnum):
    """What an entry amounts to."""

    RAISED = "raised"
    CLEARED = "cleared"
    NEITHER = "neither"


def is_fault_variable(component: str, variable: str) -> bool:
    """Tell whether a variable is a fault by being true."""
    name = variable.lower()
    return name in _FAULT_VARIABLES or (name == "active" and component.lower() in _ALARMS)


def truth_of(value: str) -> bool | None:
    """Return what a value says as true or false; None where it is neither."""
    return _TRUTHS.get(value.strip().lower())


def verdict_on(
    *,
    trigger: str,
    value: str,
    tech_code: str,
    severity: int | None,
    is_cleared: bool,
    is_fault_variable: bool,
) -> Verdict:
    """Say what an entry amounts to. `tech_code` is "" where it names no error."""
    if trigger == "Periodic" or (severity is not None and severity >= NOTICE):
        return Verdict.NEITHER
    if is_cleared:
        return Verdict.CLEARED
    if is_fault_variable:
        match truth_of(value):
            case True:
                return Verdict.RAISED
            case False:
                return Verdict.CLEARED
            case None:
                pass
    # A change without a code is business as usual; only a monitor's alert is not, and danger.
    is_error = bool(tech_code) or trigger == "Alerting" or severity == DANGER
    return Verdict.RAISED if is_error else Verdict.NEITHER
