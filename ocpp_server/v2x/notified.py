"""What NotifyEvent and its kin say of components, from messages to events. Pure."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from domain.codes import MREC_OF_V16, V16_ONLY
from domain.events import (
    AnyEvent,
    ComponentReported,
    ErrorCleared,
    ErrorRaised,
    ErrorReport,
    Status,
    StatusReported,
)
from ocpp_server.masking import MASK, is_secret
from ocpp_server.noise import is_no_error
from ocpp_server.scene import Scene, moment_of, place_at, text_in
from ocpp_server.v2x.places import is_old_news, place_of_component, status_of, whole_status
from ocpp_server.v2x.remembered import (
    CAUSE_LIMIT,
    CODE_LIMIT,
    ERROR_LIMIT,
    MONITOR_LIMIT,
    STREAM_LIMIT,
    Monitor,
    remember,
)
from ocpp_server.v2x.shapes import (
    CloseStream,
    Component,
    DerAlarm,
    EventEntry,
    Named,
    NotifyEvent,
    NotifyMonitoringReport,
    OpenStream,
    Stream,
)
from ocpp_server.v2x.verdict import Verdict, truth_of, verdict_on

AVAILABILITY = "availabilitystate"
"""The variable that carries the status of a connector, EVSE or station, lower case."""

_V16_CODES = {code.casefold(): code for code in (*MREC_OF_V16, *V16_ONLY)}
_VALUE_SHOWN = 100  # characters of a value in an error's text


def events_notified(message: NotifyEvent, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a NotifyEvent: what each entry reports, and the error or status in it."""
    if message.event_data is UNSET:
        return ()
    told: list[AnyEvent] = []
    for index, entry in enumerate(message.event_data):
        reported = _component_reported(entry, f"eventData[{index}]", scene)
        told.append(reported)
        if reported.variable.lower() == AVAILABILITY:
            told.extend(_status(entry, reported, scene))
        else:
            told.extend(_errors(entry, reported, scene))
    return tuple(told)


def _component_reported(entry: EventEntry, path: str, scene: Scene) -> ComponentReported:
    variable = full_name(entry.variable)
    return ComponentReported(
        place=place_of_component(entry.component, scene),
        component=full_name(entry.component),
        variable=variable,
        value=MASK if is_secret(variable) else text_in(entry.actual_value),
        trigger=text_in(entry.trigger),
        severity=_severity_of(entry, scene),
        tech_code=text_in(entry.tech_code),
        tech_info=text_in(entry.tech_info),
        is_cleared=entry.cleared is True,
        event_id=_number(entry.event_id),
        cause_id=_number(entry.cause),
        reported_at=moment_of(entry.timestamp, f"{path}.timestamp", scene),
        observed_at=scene.at,
        position=scene.position,
    )


def _severity_of(entry: EventEntry, scene: Scene) -> int | None:
    """Return the severity: said (2.1), or that of the monitor it names; None if unknown."""
    said: int | UnsetType = getattr(entry, "severity", UNSET)  # 2.0.1 has no such member
    if said is not UNSET:
        return said
    of_2x, monitor = scene.memory.v2x, entry.variable_monitoring_id
    known = of_2x.monitors.get(monitor) if of_2x and monitor is not UNSET else None
    return known.severity if known else None


def _status(
    entry: EventEntry, reported: ComponentReported, scene: Scene
) -> tuple[StatusReported, ...]:
    """Read a change of AvailabilityState: it says what a StatusNotification would.

    Nothing where a StatusNotification has overtaken it; but a fault is taken in however old it
    looks, for its end follows out of the same queue, and a fault missed would be worse.
    """
    connector = 0
    if entry.component is not UNSET and entry.component.evse is not UNSET:
        number = entry.component.evse.connector_id
        connector = 0 if number is UNSET else number
    status = status_of(reported.value)
    evse, reported_at = reported.place.evse, reported.reported_at
    if status is not Status.FAULTED and is_old_news(scene.memory, evse, connector, reported_at):
        return ()
    return (
        StatusReported(
            place=reported.place,
            status=whole_status(scene.memory, evse, connector, status),
            error=_error(reported) if _code(reported) else None,
            reported_at=reported_at,
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def _errors(entry: EventEntry, reported: ComponentReported, scene: Scene) -> list[AnyEvent]:
    code = _code(reported)
    subject = f"{reported.component}|{reported.place.evse}|{reported.variable}".casefold()
    match verdict_on(reported, code):
        case Verdict.RAISED:
            return [_raised(entry, reported, subject, code, scene)]
        case Verdict.CLEARED:
            return _cleared(reported, subject, code, scene)
        case Verdict.NEITHER:
            return []


def _raised(
    entry: EventEntry, reported: ComponentReported, subject: str, code: str, scene: Scene
) -> ErrorRaised:
    memory = scene.memory.of_2x()
    codes = memory.errors.get(subject, [])
    if code not in codes:
        codes.append(code)
        del codes[:-CODE_LIMIT]
    remember(memory.errors, subject, codes, ERROR_LIMIT)
    key = _key(subject, code)
    # An event id may be used again: whoever names it means its last use.
    cause = "" if entry.cause is UNSET else memory.causes.get(entry.cause, "")
    if entry.event_id is not UNSET:
        remember(memory.causes, entry.event_id, key, CAUSE_LIMIT)
    return ErrorRaised(
        place=reported.place,
        error=_error(reported),
        key=key,
        severity=reported.severity,
        cause=cause,
        reported_at=reported.reported_at,
        observed_at=scene.at,
        position=scene.position,
    )


def _cleared(
    reported: ComponentReported, subject: str, code: str, scene: Scene
) -> list[AnyEvent]:
    """End the error of this code; without a code every error of the variable."""
    memory = scene.memory.of_2x()
    raised = memory.errors.get(subject, [])
    # Raised without a code and cleared with one is the same error, told better.
    ended = [code, *(known for known in raised if not known)] if code else raised or [""]
    left = [known for known in raised if known not in ended]
    if left:
        memory.errors[subject] = left
    else:
        memory.errors.pop(subject, None)
    return [
        ErrorCleared(
            place=reported.place,
            error=_error(reported, known),
            key=_key(subject, known),
            reported_at=reported.reported_at,
            observed_at=scene.at,
            position=scene.position,
        )
        for known in ended
    ]


def _key(subject: str, code: str) -> str:
    return f"{subject}|{code.casefold()}"


def _code(reported: ComponentReported) -> str:
    """Return the technical code, "" where it names no error."""
    return "" if is_no_error(reported.tech_code) else reported.tech_code.strip()


def _error(reported: ComponentReported, code: str | None = None) -> ErrorReport:
    """Return the error as worded; where no words were given, the component speaks."""
    said = _code(reported) if code is None else code
    text = reported.tech_info
    if not text:
        text = f"{reported.component}.{reported.variable}"
        if truth_of(reported.value) is None and reported.value:
            text = f"{text} = {reported.value[:_VALUE_SHOWN]}"
    # A 1.6 error code sent as a technical code is what that field of a report is for.
    return ErrorReport(_V16_CODES.get(said.casefold(), ""), "", said, text)


def full_name(named: Component | Named | UnsetType) -> str:
    """Return the name of a component or variable, with its instance: `Name/instance`."""
    if named is UNSET:
        return ""
    name, instance = text_in(named.name), text_in(named.instance)
    return f"{name}/{instance}" if instance else name


def _number(number: int | UnsetType) -> str:
    return "" if number is UNSET else str(number)


def monitors_reported(message: NotifyMonitoringReport, scene: Scene) -> tuple[AnyEvent, ...]:
    """Remember the monitors: in 2.0.1 only they know how severe an event is. No event."""
    entries = () if message.monitor is UNSET else message.monitor
    for entry in entries:
        monitors = () if entry.variable_monitoring is UNSET else entry.variable_monitoring
        for monitor in monitors:
            if monitor.id is UNSET:
                continue
            known = Monitor(
                severity=None if monitor.severity is UNSET else monitor.severity,
                component=full_name(entry.component),
                variable=full_name(entry.variable),
                evse=place_of_component(entry.component, scene).evse,
            )
            remember(scene.memory.of_2x().monitors, monitor.id, known, MONITOR_LIMIT)
    return ()


def der_alarm(message: DerAlarm, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read an alarm of the grid: what the station does about it is no fault of its own."""
    return (
        ComponentReported(
            place=place_at(scene.memory.station, 0),
            component="DERAlarm",
            variable=text_in(message.control_type),
            value=text_in(message.grid_event_fault),
            trigger="Alerting",
            tech_info=text_in(message.extra_info),
            is_cleared=message.alarm_ended is True,
            reported_at=moment_of(message.timestamp, "timestamp", scene),
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def stream_opened(message: OpenStream, scene: Scene) -> tuple[AnyEvent, ...]:
    """Remember which monitor a stream is of. No event."""
    opened = message.constant_stream_data
    if opened is UNSET or opened.id is UNSET or opened.variable_monitoring_id is UNSET:
        return ()
    streams = scene.memory.of_2x().streams
    remember(streams, opened.id, opened.variable_monitoring_id, STREAM_LIMIT)
    return ()


def stream_closed(message: CloseStream, scene: Scene) -> tuple[AnyEvent, ...]:
    """Forget a stream. No event."""
    if message.id is not UNSET:
        scene.memory.of_2x().streams.pop(message.id, None)
    return ()


def stream_told(message: Stream, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read the newest value of a stream whose monitor we know; the journal has them all."""
    of_2x = scene.memory.v2x
    if of_2x is None or message.id is UNSET or message.data is UNSET or not message.data:
        return ()
    monitor = of_2x.monitors.get(of_2x.streams.get(message.id, -1))
    if monitor is None or is_secret(monitor.variable):
        return ()
    return (
        ComponentReported(
            place=place_at(scene.memory.station, monitor.evse),
            component=monitor.component,
            variable=monitor.variable,
            value=text_in(message.data[-1].v),
            trigger="Periodic",
            severity=monitor.severity,
            reported_at=moment_of(message.basetime, "basetime", scene),
            observed_at=scene.at,
            position=scene.position,
        ),
    )
