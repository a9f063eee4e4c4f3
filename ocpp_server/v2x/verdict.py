"""What an entry of a NotifyEvent amounts to: an error, its end, or neither. Pure.

In 2.x this is how faults are told (quirk K10). Sources: OCPP 2.0.1 part 2 §2.15 and N07, the
device model's standard components (part 2 appendix), EVerest's way of reporting (`Problem`).
"""

from __future__ import annotations

from enum import StrEnum

from domain.events import ComponentReported

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
# States that come and go in health: alone, without a code or a severity, they are no error.
_STATES = frozenset({"active", "available", "enabled"})
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


class Verdict(StrEnum):
    """What an entry amounts to."""

    RAISED = "raised"
    CLEARED = "cleared"
    NEITHER = "neither"


def truth_of(value: str) -> bool | None:
    """Return what a value says as true or false; None where it is neither."""
    return _TRUTHS.get(value.strip().lower())


def verdict_on(reported: ComponentReported, code: str) -> Verdict:
    """Say what an entry amounts to. `code`: its technical code, "" where it names no error."""
    severity = reported.severity
    if reported.trigger == "Periodic" or (severity is not None and severity >= NOTICE):
        return Verdict.NEITHER
    if reported.is_cleared:
        return Verdict.CLEARED
    component, variable = _plain(reported.component), _plain(reported.variable)
    # CharIN's codes come and go with any `Active`, a temperature sensor's say.
    is_alarm = variable == "active" and (component in _ALARMS or bool(code))
    if variable in _FAULT_VARIABLES or is_alarm:
        match truth_of(reported.value):
            case True:
                return Verdict.RAISED
            case False:
                return Verdict.CLEARED
            case None:
                pass
    if code or severity == DANGER:
        return Verdict.RAISED
    # A change without a code is business as usual, a monitor's alert is not.
    is_alert = reported.trigger == "Alerting" and (
        severity is not None or variable not in _STATES
    )
    return Verdict.RAISED if is_alert else Verdict.NEITHER


def _plain(name: str) -> str:
    """Return a name without its instance, lower case: names ignore it."""
    return name.partition("/")[0].lower()
