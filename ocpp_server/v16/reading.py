"""Reading a 1.6 station's frame: strictly where it conforms, leniently where it does not. Pure.

Never raises. Every call yields at least one event. A call is refused (CALLERROR) only where its
action is unknown, its head cannot be understood, or its payload is no object and the action is
not one that stations repeat for ever until it is acknowledged (quirk F1).
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from domain.events import AnyEvent, Breach, Heard
from ocpp_server import frames
from ocpp_server.calls import UNDECODABLE, Action, never_nothing, object_in, unreadable
from ocpp_server.commanded import COMMANDS
from ocpp_server.editions import ONLY_2X, Edition, edition_of
from ocpp_server.frames import Call, CallError, CallResult, NotAFrame, ResultRefused, Send
from ocpp_server.masking import mask_secrets
from ocpp_server.memory import Memory
from ocpp_server.reading import Reading
from ocpp_server.scene import Scene
from ocpp_server.settings_told import answer_told
from ocpp_server.v16.known import learn
from ocpp_server.v16.mapping import MAPPINGS
from ocpp_server.v16.messages import REQUESTS

NOT_IMPLEMENTED = "NotImplemented"
NOT_SUPPORTED = "NotSupported"
FORMATION_VIOLATION = "FormationViolation"  # 1.6 spells it so; 2.x says FormatViolation

QUEUED = frozenset({"MeterValues", "StartTransaction", "StopTransaction"})
"""Messages that stations queue: while one is refused, everything behind it waits."""

SAYS_SECRETS = frozenset({"DataTransfer", "SecurityEventNotification"})
"""Requests in which a conforming message may carry a secret."""

NEVER_REFUSED = (
    QUEUED
    | {"BootNotification", "DataTransfer", "Heartbeat", "SecurityEventNotification"}
    | {action for action in REQUESTS if action.endswith("StatusNotification")}
)
"""Calls that get a CALLRESULT whatever their payload is."""

FOREIGN = Reading((), is_foreign=True)
"""The message is of OCPP 2.x: nothing was read."""

_STATUS = "StatusNotification"
_FACTS = frozenset({"Authorize", "BootNotification", "StartTransaction"})

_ACTIONS = {
    name: Action(name, request, MAPPINGS[name], is_fact=name in _FACTS)
    for name, request in REQUESTS.items()
}
_BY_BYTES = {name.encode(): action for name, action in _ACTIONS.items()}


def read(frame: bytes, memory: Memory, *, at: datetime, position: int) -> Reading:
    """Read one received frame."""
    seen = frames.head(frame)
    if seen is not None:
        raw_id, name = seen
        action = _BY_BYTES.get(name)
        if action is not None:
            try:
                call = action.decoder.decode(frame)
            except UNDECODABLE:
                pass
            else:
                scene = Scene(memory, call.message_id, at, position)
                message = call.payload
                reading = _conforming(action, message, b'"' + raw_id + b'"', scene)
                if not scene.breaches:
                    learn(name, frame, message, reading.events, memory)
                return reading
    return _read_carefully(frame, memory, at, position)


def read_foreign(frame: bytes, memory: Memory, *, at: datetime, position: int) -> Reading:
    """Read a frame of 1.6 that came over a connection of another edition, and flag it."""
    return _read_carefully(frame, memory, at, position, is_guest=True)


def _conforming(
    action: Action, message: object, raw_id: bytes, scene: Scene, *, is_guest: bool = False
) -> Reading:
    events = action.mapping(message, scene)
    if scene.breaches or not events:
        events = never_nothing(events, action.name, scene)
    return Reading(
        events,
        action.name,
        raw_id,
        is_heartbeat=action.is_heartbeat,
        is_fact=action.is_fact,
        is_conforming=not is_guest,
    )


def _read_carefully(
    frame: bytes, memory: Memory, at: datetime, position: int, *, is_guest: bool = False
) -> Reading:
    envelope = frames.read(frame)
    match envelope:
        case Call():
            scene = Scene(memory, envelope.message_id, at, position)
            if is_guest and memory.protocol:  # without a protocol, nothing else was agreed on
                scene.breaches.append(Breach("", "a message of OCPP 1.6"))
            return _read_call(envelope, frame, scene, is_guest=is_guest)
        case CallResult() | CallError():
            result = mask_secrets(envelope.payload)
            return Reading(
                answer_told(result, memory.station, at=at, position=position),
                result_of=envelope.message_id,
                result=result,
                is_error=isinstance(envelope, CallError),
            )
        case NotAFrame(is_quiet=True):
            # Folded like a heartbeat, with nothing to answer: some send one after every ping.
            heard = Heard(station=memory.station, observed_at=at, position=position)
            return Reading((heard,), is_heartbeat=True)
        case Send() | ResultRefused():
            return FOREIGN
        case NotAFrame(action=action) if action in ONLY_2X:
            return FOREIGN
        case NotAFrame():
            return _not_a_frame(envelope, frame, Scene(memory, "", at, position))
        case _:
            assert_never(envelope)


def _not_a_frame(broken: NotAFrame, frame: bytes, scene: Scene) -> Reading:
    is_refused = bool(broken.raw_id) and broken.action not in QUEUED
    events: tuple[AnyEvent, ...] = (unreadable(mask_secrets(frame), broken.because, scene),)
    if broken.action == _STATUS:
        events = (*_salvaged_status(frame, scene), *events)
    return Reading(
        events,
        broken.action,
        broken.raw_id,
        FORMATION_VIOLATION if is_refused else "",
        broken.because,
    )


def _salvaged_status(frame: bytes, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a status in spite of broken JSON (a quote inside `info`, say): it may be a fault."""
    members = frames.salvage_members(frame)
    # Half of a cut frame may be a fault as well.
    if "connectorId" not in members or not {"status", "errorCode"} & members.keys():
        return ()
    action = _ACTIONS[_STATUS]
    return action.mapping(action.repairer.read(members, scene.breaches), scene)


def _read_call(call: Call, frame: bytes, scene: Scene, *, is_guest: bool) -> Reading:
    """Read a call that the fast way did not take."""
    if call.action in ONLY_2X:
        return FOREIGN
    scene.breaches.extend(call.breaches)
    action = _ACTIONS.get(call.action)
    if action is None:
        return _unknown_action(call, frame, scene)
    if not call.breaches:
        try:
            message = action.payload.decode(call.payload)
        except UNDECODABLE:
            pass
        else:
            return _conforming(action, message, call.raw_id, scene, is_guest=is_guest)
    payload = object_in(call.payload, scene)
    if payload is None:
        return _no_object(call, frame, scene)
    if not is_guest and edition_of(action.name, payload) is Edition.V2X:
        return FOREIGN
    message = action.repairer.read(payload, scene.breaches)
    if not scene.breaches:  # the strict decoder refused it, so something is wrong
        scene.breaches.append(Breach("", "not JSON as the standard has it"))
    return Reading(
        never_nothing(action.mapping(message, scene), action.name, scene),
        action.name,
        call.raw_id,
        is_fact=action.is_fact,
    )


def _no_object(call: Call, frame: bytes, scene: Scene) -> Reading:
    is_refused = call.action not in NEVER_REFUSED
    because = "the payload is no object"
    return Reading(
        (unreadable(mask_secrets(frame), because, scene),),
        call.action,
        call.raw_id,
        FORMATION_VIOLATION if is_refused else "",
        because,
    )


def _unknown_action(call: Call, frame: bytes, scene: Scene) -> Reading:
    name = call.action[:50]
    if call.action.endswith("StatusNotification"):
        scene.breaches.append(Breach("", f"{name} is no request of OCPP 1.6: not read"))
        return Reading(never_nothing((), name, scene), call.action, call.raw_id)
    is_ours = call.action in COMMANDS
    because = f"{name} is for us to send" if is_ours else f"unknown action {name}"
    return Reading(
        (unreadable(mask_secrets(frame), because, scene),),
        call.action,
        call.raw_id,
        NOT_SUPPORTED if is_ours else NOT_IMPLEMENTED,
        because,
    )
