"""Reading a 1.6 station's frame: strictly where it conforms, leniently where it does not. Pure.

Never raises. Every call yields at least one event. A call is refused (CALLERROR) only where its
action is unknown, its head cannot be understood, or its payload is no object and the action is
not one that stations repeat for ever until it is acknowledged (quirk F1).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar, assert_never

import msgspec

from domain.events import AnyEvent, Breach, Heard, MessageFlagged, Unreadable
from ocpp_server import frames
from ocpp_server.frames import Call, CallError, CallResult, NotAFrame
from ocpp_server.memory import Memory
from ocpp_server.reading import Reading
from ocpp_server.repair import Repairer, limited
from ocpp_server.v16 import foreign
from ocpp_server.v16.mapping import MAPPINGS, Mapping
from ocpp_server.v16.masking import mask_secrets
from ocpp_server.v16.messages import REQUESTS
from ocpp_server.v16.scene import Scene

NOT_IMPLEMENTED = "NotImplemented"
FORMATION_VIOLATION = "FormationViolation"  # 1.6 spells it so; 2.x says FormatViolation

QUEUED = frozenset({"MeterValues", "StartTransaction", "StopTransaction"})
"""Messages that stations queue: while one is refused, everything behind it waits."""

NEVER_REFUSED = (
    QUEUED
    | foreign.ANSWERED_EMPTY
    | {"BootNotification", "DataTransfer", "Heartbeat", "SecurityEventNotification"}
    | {action for action in REQUESTS if action.endswith("StatusNotification")}
)
"""Calls that get a CALLRESULT whatever their payload is."""

_SAID_LIMIT = 200  # bytes of an unreadable frame that its event quotes
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_HEARTBEAT = "Heartbeat"
_STATUS = "StatusNotification"
_FACTS = frozenset({"Authorize", "BootNotification", "StartTransaction"})

Payload = TypeVar("Payload")


class _WholeCall(
    msgspec.Struct, Generic[Payload], array_like=True, forbid_unknown_fields=True, gc=False
):
    kind: int
    message_id: str
    action: str
    payload: Payload


class _Action:
    """Everything prepared for one action: decoders, mapping, repair."""

    __slots__ = ("decoder", "is_fact", "is_heartbeat", "mapping", "name", "payload", "repairer")

    def __init__(self, name: str, request: type[msgspec.Struct], mapping: Mapping) -> None:
        self.name = name
        self.mapping = mapping
        self.repairer = Repairer(request)
        self.is_heartbeat = name == _HEARTBEAT
        self.is_fact = name in _FACTS
        # Any: the payload's type is the request's, known only as a value here.
        self.payload: msgspec.json.Decoder[Any] = msgspec.json.Decoder(request)
        self.decoder: msgspec.json.Decoder[_WholeCall[Any]] = msgspec.json.Decoder(
            _WholeCall[request]  # type: ignore[valid-type]  # a type made at run time
        )


_ACTIONS = {name: _Action(name, request, MAPPINGS[name]) for name, request in REQUESTS.items()}
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
            except _UNDECODABLE:
                pass
            else:
                scene = Scene(memory, call.message_id, at, position)
                return _conforming(action, call.payload, b'"' + raw_id + b'"', scene)
    return _read_carefully(frame, memory, at, position)


def _conforming(action: _Action, message: object, raw_id: bytes, scene: Scene) -> Reading:
    events = action.mapping(message, scene)
    if scene.breaches or not events:
        events = _never_nothing(events, action.name, scene)
    return Reading(
        events,
        action.name,
        raw_id,
        is_heartbeat=action.is_heartbeat,
        is_fact=action.is_fact,
        is_conforming=True,
    )


def _never_nothing(
    events: tuple[AnyEvent, ...], action: str, scene: Scene
) -> tuple[AnyEvent, ...]:
    """Append what was flagged; where there is no event at all, the station was heard."""
    if scene.breaches:
        flagged = MessageFlagged(
            station=scene.memory.station,
            action=action,
            breaches=limited(scene.breaches),
            observed_at=scene.at,
            position=scene.position,
        )
        return (*events, flagged)
    return events or (
        Heard(station=scene.memory.station, observed_at=scene.at, position=scene.position),
    )


def _read_carefully(frame: bytes, memory: Memory, at: datetime, position: int) -> Reading:
    envelope = frames.read(frame)
    match envelope:
        case Call():
            return _read_call(envelope, frame, Scene(memory, envelope.message_id, at, position))
        case CallResult() | CallError():
            heard = Heard(station=memory.station, observed_at=at, position=position)
            return Reading(
                (heard,),
                result_of=envelope.message_id,
                result=mask_secrets(envelope.payload),
                is_error=isinstance(envelope, CallError),
            )
        case NotAFrame(is_quiet=True):
            # Folded like a heartbeat, with nothing to answer: some send one after every ping.
            heard = Heard(station=memory.station, observed_at=at, position=position)
            return Reading((heard,), is_heartbeat=True)
        case NotAFrame():
            return _not_a_frame(envelope, frame, Scene(memory, "", at, position))
        case _:
            assert_never(envelope)


def _not_a_frame(broken: NotAFrame, frame: bytes, scene: Scene) -> Reading:
    is_refused = bool(broken.raw_id) and broken.action not in QUEUED
    events: tuple[AnyEvent, ...] = (_unreadable(frame, broken.because, scene),)
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
    if not {"connectorId", "status", "errorCode"} <= members.keys():
        return ()
    action = _ACTIONS[_STATUS]
    return action.mapping(action.repairer.read(members, scene.breaches), scene)


def _unreadable(frame: bytes, because: str, scene: Scene) -> Unreadable:
    return Unreadable(
        station=scene.memory.station,
        said=mask_secrets(frame)[:_SAID_LIMIT].decode("utf-8", "replace"),
        because=because,
        observed_at=scene.at,
        position=scene.position,
    )


def _read_call(call: Call, frame: bytes, scene: Scene) -> Reading:
    """Read a call that the fast way did not take."""
    scene.breaches.extend(call.breaches)
    action = _ACTIONS.get(call.action)
    if action is None:
        return _unknown_action(call, frame, scene)
    if not call.breaches:
        try:
            message = action.payload.decode(call.payload)
        except _UNDECODABLE:
            pass
        else:
            return _conforming(action, message, call.raw_id, scene)
    payload = _object_in(call.payload, scene)
    if payload is None:
        return _no_object(call, frame, scene)
    events = foreign.read(action.name, payload, scene)
    if events is None:
        message = action.repairer.read(payload, scene.breaches)
        if not scene.breaches:  # the strict decoder refused it, so something is wrong
            scene.breaches.append(Breach("", "not JSON as the standard has it"))
        events = action.mapping(message, scene)
    return Reading(
        _never_nothing(events, action.name, scene),
        action.name,
        call.raw_id,
        is_fact=action.is_fact,
    )


def _object_in(payload: bytes, scene: Scene) -> dict[str, object] | None:
    """Return the payload as an object; None where it is none. No payload at all is empty."""
    if not payload:
        return {}
    try:
        value = msgspec.json.decode(payload)
    except _UNDECODABLE:
        try:
            value = msgspec.json.decode(frames.clean_json(payload))
            scene.breaches.append(Breach("", "not clean JSON"))
        except (ValueError, *_UNDECODABLE):
            return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
        scene.breaches.append(Breach("", "the payload stands in a list"))
    return value if isinstance(value, dict) else None


def _no_object(call: Call, frame: bytes, scene: Scene) -> Reading:
    is_refused = call.action not in NEVER_REFUSED
    because = "the payload is no object"
    return Reading(
        (_unreadable(frame, because, scene),),
        call.action,
        call.raw_id,
        FORMATION_VIOLATION if is_refused else "",
        because,
    )


def _unknown_action(call: Call, frame: bytes, scene: Scene) -> Reading:
    name = call.action[:50]
    if call.action in foreign.ANSWERED_EMPTY or call.action.endswith("StatusNotification"):
        scene.breaches.append(Breach("", f"{name} is no request of OCPP 1.6: not read"))
        return Reading(_never_nothing((), name, scene), call.action, call.raw_id)
    because = f"unknown action {name}"
    return Reading(
        (_unreadable(frame, because, scene),),
        call.action,
        call.raw_id,
        NOT_IMPLEMENTED,
        because,
    )
