"""One step of a story: from a map of YAML to the event that it tells of. Pure.

A step says what happened with one of the keys below, and where with `station`, `evse` or
`site`; a list of stations tells it of each. `clock` is how far the station's own clock is off;
`every` and `times` tell it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from domain.events import (
    AnyEvent,
    AuthorizationAsked,
    Booted,
    BrokerFound,
    BrokerLost,
    CommandAnswered,
    ConfigurationReported,
    Connected,
    ContactMade,
    DeafnessEnded,
    DeafnessNoticed,
    DiagnosticsStatusReported,
    Disconnected,
    ErrorCleared,
    ErrorRaised,
    ErrorReport,
    FaultDismissed,
    FirmwareStatusReported,
    GatewayOffline,
    GatewayOnline,
    Heard,
    HeartbeatAgreed,
    MaintenancePlanned,
    MeterSampled,
    QueueBlocked,
    QueueMovedOn,
    Sample,
    SecurityEventReported,
    ServiceStarted,
    ServiceStopped,
    SilenceSet,
    Status,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from domain.places import CustomerId, Place, SiteId, StationId
from rules.parameters import duration

MOST_TIMES = 10_000
"""A step is told again at most so often: a story is read by people."""

CUSTOMER = CustomerId("customer")
"""Whose sites a story's are, unless it says otherwise."""


class StoryError(Exception):
    """A story that cannot be read; the message says what was expected, `key` of what."""

    def __init__(self, expected: str, key: str = "") -> None:
        super().__init__(expected)
        self.key = key


def events_of(step: object, at: datetime) -> Iterator[tuple[datetime, AnyEvent]]:
    """Yield a step's event, and each repetition of it. Raises `StoryError`."""
    if not isinstance(step, Mapping) or not set(step) <= STEP_KEYS:
        raise StoryError(f"a step is a map with keys of: {', '.join(sorted(STEP_KEYS))}")
    every = span(step["every"], "every") if "every" in step else timedelta(0)
    times = step.get("times", 1)
    if not isinstance(times, int) or isinstance(times, bool) or not 1 <= times <= MOST_TIMES:
        raise StoryError(f"times: a whole number from 1 to {MOST_TIMES}")
    names = step.get("station")
    each = [{**step, "station": name} for name in names] if isinstance(names, list) else [step]
    for number in range(times):
        moment = at + number * every
        for one in each:
            yield moment, _event(one, moment, number)


def span(value: object, key: str) -> timedelta:
    """Read a duration. Raises `StoryError` that names `key`."""
    found = duration(value) if isinstance(value, str) else None
    if found is None:
        raise StoryError(f"{key}: expected a duration such as 90s, 2m or 1h")
    return found


def _event(step: Mapping[str, Any], at: datetime, number: int) -> AnyEvent:
    for key, build in _BUILDERS.items():
        if key in step:
            try:
                return build(step, at, number)
            except (ValueError, TypeError, OverflowError) as error:
                raise StoryError(f"{key}: cannot be read: {error}") from None
    raise StoryError(f"a step needs one of: {', '.join(_BUILDERS)}")


def _station(step: Mapping[str, Any]) -> StationId:
    return StationId(str(step.get("station", "A")))


def _place(step: Mapping[str, Any]) -> Place:
    return Place.of_station(_station(step), int(step.get("evse", 0)))


def _wide_place(step: Mapping[str, Any]) -> Place:
    return Place.of_site(SiteId(str(step["site"]))) if "site" in step else _place(step)


def _their_clock(step: Mapping[str, Any], at: datetime) -> datetime | None:
    if "clock" not in step:
        return None
    said = str(step["clock"])
    off = span(said.lstrip("+-"), "clock")
    return at - off if said.startswith("-") else at + off


def _status(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    if step["status"] not in tuple(Status):
        raise StoryError(f"status: one of {', '.join(Status)}")
    return StatusReported(
        observed_at=at,
        reported_at=_their_clock(step, at),
        place=_place(step),
        status=Status(str(step["status"])),
        has_vehicle=_flag(step, "vehicle"),
        error=_error(step),
    )


def _flag(step: Mapping[str, Any], key: str) -> bool | None:
    said = step.get(key)
    if said is not None and not isinstance(said, bool):
        raise StoryError(f"{key}: true or false")
    return said


def _error(step: Mapping[str, Any]) -> ErrorReport | None:
    if not {"error", "vendor_code", "text"} & set(step):
        return None
    return ErrorReport(
        code=str(step.get("error", "")),
        vendor_id=str(step.get("vendor", "")),
        vendor_code=str(step.get("vendor_code", "")),
        text=str(step.get("text", "")),
    )


def _raised(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    return ErrorRaised(
        observed_at=at,
        place=_place(step),
        error=ErrorReport(code=str(step["raised"])),
        key=str(step.get("key", "")),
        cause=str(step.get("cause", "")),
        severity=step.get("severity"),
    )


def _cleared(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    error = ErrorReport(code=str(step["cleared"]))
    return ErrorCleared(
        observed_at=at, place=_place(step), error=error, key=str(step.get("key", ""))
    )


def _link(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    if step["link"] == "up":
        return Connected(observed_at=at, station=_station(step))
    if step["link"] == "lost":
        return Disconnected(observed_at=at, station=_station(step), code=1006)
    raise StoryError("link: up or lost")


def _boot(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    said = step["boot"]
    keys = {"vendor", "model", "serial", "firmware", "reason"}
    if not isinstance(said, Mapping) or not set(said) <= keys:
        raise StoryError(f"boot: a map with keys of: {', '.join(sorted(keys))}")
    return Booted(
        observed_at=at,
        station=_station(step),
        vendor=str(said.get("vendor", "")),
        model=str(said.get("model", "")),
        serial=str(said.get("serial", "")),
        firmware=str(said.get("firmware", "")),
        reason=str(said.get("reason", "")),
    )


def _service(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    if step["service"] == "stopped":
        return ServiceStopped(observed_at=at)
    if step["service"] == "started":
        return ServiceStarted(observed_at=at)
    raise StoryError("service: stopped or started")


def _gateway(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    site = SiteId(str(step.get("site", "S")))
    if step["gateway"] == "online":
        return GatewayOnline(observed_at=at, site=site)
    if step["gateway"] == "offline":
        return GatewayOffline(observed_at=at, site=site)
    raise StoryError("gateway: online or offline")


def _broker(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    if step["broker"] == "lost":
        return BrokerLost(observed_at=at)
    if step["broker"] == "found":
        return BrokerFound(observed_at=at)
    raise StoryError("broker: lost or found")


def _start(step: Mapping[str, Any], at: datetime, number: int) -> AnyEvent:
    return TransactionStarted(
        observed_at=at,
        reported_at=_their_clock(step, at),
        place=_place(step),
        transaction=_numbered(step["start"], number),
        id_token=_numbered(step.get("token", ""), number),
        meter_wh=_number(step, "meter_wh"),
    )


def _stop(step: Mapping[str, Any], at: datetime, number: int) -> AnyEvent:
    return TransactionEnded(
        observed_at=at,
        reported_at=_their_clock(step, at),
        place=_place(step),
        transaction=_numbered(step["stop"], number),
        reason=str(step.get("reason", "")),
        meter_wh=_number(step, "meter_wh"),
    )


def _update(step: Mapping[str, Any], at: datetime, number: int) -> AnyEvent:
    return TransactionUpdated(
        observed_at=at,
        place=_place(step),
        transaction=_numbered(step["update"], number),
        charging_state=str(step.get("charging_state", "")),
    )


def _meter(step: Mapping[str, Any], at: datetime, number: int) -> AnyEvent:
    said = step["meter"]
    if not isinstance(said, Mapping) or not set(said) <= set(_MEASURED):
        raise StoryError(f"meter: a map with keys of: {', '.join(_MEASURED)}")
    rise = said.get("energy_rise_wh", 0) * number  # of a step that is told again
    samples: list[Sample] = []
    for key, value in said.items():
        measurand, unit = _MEASURED[key]
        if key == "energy_rise_wh":
            continue
        if isinstance(value, list):
            phases = [f"L{phase}" for phase in range(1, len(value) + 1)]
            pairs = [(phase, one) for phase, one in zip(phases, value, strict=True)]
            samples += [Sample(measurand, float(v), unit, phase) for phase, v in pairs]
        else:
            more = rise if key == "energy_wh" else 0
            samples.append(Sample(measurand, float(value) + more, unit))
    return MeterSampled(
        observed_at=at,
        reported_at=_their_clock(step, at),
        place=_place(step),
        samples=tuple(samples),
        transaction=str(step.get("transaction", "")),
    )


def _authorize(step: Mapping[str, Any], at: datetime, number: int) -> AnyEvent:
    answers = {"accepted": True, "refused": False, "asked": None}
    if step["authorize"] not in answers:
        raise StoryError(f"authorize: one of {', '.join(answers)}")
    return AuthorizationAsked(
        observed_at=at,
        station=_station(step),
        id_token=_numbered(step.get("token", "token"), number),
        is_accepted=answers[step["authorize"]],
    )


def _command(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    said = step["command"]
    if not isinstance(said, Mapping) or not set(said) <= {"action", "outcome", "answer"}:
        raise StoryError("command: a map with keys of: action, answer, outcome")
    return CommandAnswered(
        observed_at=at,
        station=_station(step),
        action=str(said.get("action", "")),
        outcome=str(said.get("outcome", "answered")),
        answer=str(said.get("answer", "")),
    )


def _configuration(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    said = step["configuration"]
    if not isinstance(said, Mapping):
        raise StoryError("configuration: a map of keys and values")
    settings = {str(key): str(value) for key, value in said.items()}
    return ConfigurationReported(observed_at=at, station=_station(step), settings=settings)


def _contact(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    has_site = "site" in step
    return ContactMade(
        observed_at=at,
        customer=CustomerId(str(step.get("customer", CUSTOMER))),
        channel=str(step["contact"]),
        station=None if has_site else _station(step),
        site=SiteId(str(step["site"])) if has_site else None,
        text=str(step.get("text", "")),
    )


def _maintenance(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    until = at + span(step["maintenance"], "maintenance")
    return MaintenancePlanned(observed_at=at, place=_wide_place(step), until=until)


def _silence(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    until = at + span(step["silence"], "silence")
    rule = str(step.get("rule", ""))
    return SilenceSet(observed_at=at, place=_wide_place(step), until=until, rule=rule)


def _dismiss(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    rule, why = str(step["dismiss"]), str(step.get("text", ""))
    return FaultDismissed(observed_at=at, rule=rule, place=_wide_place(step), why=why)


def _heartbeat(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    every = span(step["heartbeat"], "heartbeat").total_seconds()
    return HeartbeatAgreed(observed_at=at, station=_station(step), every_s=every)


def _firmware(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    said = str(step["firmware"])
    return FirmwareStatusReported(observed_at=at, station=_station(step), status=said)


def _diagnostics(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    said = str(step["diagnostics"])
    return DiagnosticsStatusReported(observed_at=at, station=_station(step), status=said)


def _security(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    return SecurityEventReported(
        observed_at=at,
        reported_at=_their_clock(step, at),
        station=_station(step),
        kind=str(step["security"]),
        text=str(step.get("text", "")),
    )


def _certificate(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    expires_at = at + span(step["certificate"], "certificate")
    return Connected(observed_at=at, station=_station(step), certificate_until=expires_at)


def _deaf(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    count = step["deaf"]
    if not isinstance(count, int):
        raise StoryError("deaf: how many calls stayed unanswered, 0 once one is answered")
    if not count:
        return DeafnessEnded(observed_at=at, station=_station(step))
    return DeafnessNoticed(
        observed_at=at, station=_station(step), unanswered_count=count, since_at=at
    )


def _blocked(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    action = str(step["blocked"])
    return QueueBlocked(
        observed_at=at, station=_station(step), action=action, count=5, first_at=at
    )


def _moved_on(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    said = str(step["moved_on"])
    return QueueMovedOn(observed_at=at, station=_station(step), action=said)


def _heard(step: Mapping[str, Any], at: datetime, _: int) -> AnyEvent:
    return Heard(observed_at=at, station=_station(step))


def _number(step: Mapping[str, Any], key: str) -> float | None:
    return float(step[key]) if key in step else None


def _numbered(word: object, number: int) -> str:
    """Put the count of the repetition where a text says `{n}`."""
    return str(word).replace("{n}", str(number + 1))


_MEASURED: dict[str, tuple[str, str]] = {
    "energy_wh": ("Energy.Active.Import.Register", "Wh"),
    "energy_rise_wh": ("", "Wh"),  # what each repetition adds to `energy_wh`
    "power_w": ("Power.Active.Import", "W"),
    "offered_w": ("Power.Offered", "W"),
    "current_a": ("Current.Import", "A"),
    "offered_a": ("Current.Offered", "A"),
    "voltage_v": ("Voltage", "V"),
    "temperature_c": ("Temperature", "Celsius"),
    "soc_percent": ("SoC", "Percent"),
}

_BUILDERS: dict[str, Callable[[Mapping[str, Any], datetime, int], AnyEvent]] = {
    "status": _status,
    "raised": _raised,
    "cleared": _cleared,
    "link": _link,
    "heard": _heard,
    "heartbeat": _heartbeat,
    "boot": _boot,
    "service": _service,
    "gateway": _gateway,
    "broker": _broker,
    "maintenance": _maintenance,
    "silence": _silence,
    "dismiss": _dismiss,
    "start": _start,
    "update": _update,
    "stop": _stop,
    "meter": _meter,
    "authorize": _authorize,
    "command": _command,
    "configuration": _configuration,
    "firmware": _firmware,
    "diagnostics": _diagnostics,
    "security": _security,
    "contact": _contact,
    "certificate": _certificate,
    "deaf": _deaf,
    "blocked": _blocked,
    "moved_on": _moved_on,
}

STEP_KEYS = frozenset(
    {
        *_BUILDERS,
        *("station", "site", "evse", "clock", "every", "times", "vehicle"),
        *("error", "vendor", "vendor_code", "text", "severity", "key", "cause"),
        *("token", "meter_wh", "transaction", "charging_state", "reason", "rule", "customer"),
    }
)
"""All keys that a step can have."""
