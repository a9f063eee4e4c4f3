"""Reading a 2.x station's frame: strictly where it conforms, leniently where it does not. Pure.

Never raises. Every call yields at least one event and, if it has an id, exactly one answer. A
call is refused (CALLERROR) only where its action is unknown, its head cannot be understood, or
it asks for something and its payload is no object.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from domain.events import AnyEvent, Breach, Heard
from ocpp_server import frames
from ocpp_server.calls import UNDECODABLE, Action, never_nothing, object_in, unreadable
from ocpp_server.commanded import COMMANDS
from ocpp_server.editions import ONLY_V16, Edition, edition_of
from ocpp_server.frames import Call, CallError, CallResult, NotAFrame, ResultRefused, Send
from ocpp_server.masking import mask_secrets
from ocpp_server.memory import Memory
from ocpp_server.reading import Reading
from ocpp_server.scene import Scene
from ocpp_server.settings_told import answer_told
from ocpp_server.v2x.hybrids import in_own_words
from ocpp_server.v2x.mapping import MAPPINGS
from ocpp_server.v2x.requests import ASKING, CALLS, SENDS, Version
from ocpp_server.v2x.schemas import request_schema
from ocpp_server.v2x.types import TypeMaker

NOT_IMPLEMENTED = "NotImplemented"
NOT_SUPPORTED = "NotSupported"
FORMAT_VIOLATION = "FormatViolation"  # 1.6 says FormationViolation
OCCURRENCE_VIOLATION = "OccurrenceConstraintViolation"  # two r's in 2.x
RPC_FRAMEWORK_ERROR = "RpcFrameworkError"  # new in 2.x: the head itself cannot be understood

QUEUED = frozenset(
    {"MeterValues", "NotifyEvent", "SecurityEventNotification", "TransactionEvent"}
)
"""Messages that stations keep until they are acknowledged: never refused, even when broken."""

FOREIGN = Reading((), is_foreign=True)
"""The message is of OCPP 1.6: nothing was read."""

SAYS_SECRETS = frozenset(
    {
        "DataTransfer",
        "FirmwareStatusNotification",
        "LogStatusNotification",
        "NotifyCustomerInformation",
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyReport",
        "SecurityEventNotification",
    }
)
"""Requests in which a conforming message may carry a secret."""

_STATUS = "StatusNotification"
_FACTS = frozenset({"Authorize", "BootNotification"})
_SPELLED = {"v201": "2.0.1", "v21": "2.1"}


class Reader:
    """Reads frames of one version. `newer` reads what only a later version knows."""

    def __init__(self, version: Version, types: TypeMaker, newer: Reader | None = None) -> None:
        self._name = _SPELLED[version]
        self._newer = newer
        self.types = {
            action: types.message(action, request_schema(version, action))
            for action in (*CALLS[version], *SENDS[version])
        }
        actions = {
            name: Action(name, kind, MAPPINGS[name], is_fact=name in _FACTS)
            for name, kind in self.types.items()
        }
        self._actions = {name: actions[name] for name in CALLS[version]}
        self._sends = {name: actions[name] for name in SENDS[version]}
        self._by_bytes = {name.encode(): action for name, action in self._actions.items()}

    def read(self, frame: bytes, memory: Memory, *, at: datetime, position: int) -> Reading:
        """Read one received frame."""
        seen = frames.head(frame)
        if seen is not None:
            raw_id, name = seen
            action = self._by_bytes.get(name)
            if action is not None:
                try:
                    call = action.decoder.decode(frame)
                except UNDECODABLE:
                    pass
                else:
                    scene = Scene(memory, call.message_id, at, position)
                    return _conforming(action, call.payload, b'"' + raw_id + b'"', scene)
        return self._read_carefully(frame, memory, at, position, is_guest=False)

    def read_foreign(
        self, frame: bytes, memory: Memory, *, at: datetime, position: int
    ) -> Reading:
        """Read a frame of 2.x that came over a connection of another edition, and flag it."""
        return self._read_carefully(frame, memory, at, position, is_guest=True)

    def _read_carefully(
        self, frame: bytes, memory: Memory, at: datetime, position: int, *, is_guest: bool
    ) -> Reading:
        envelope = frames.read(frame)
        scene = Scene(memory, getattr(envelope, "message_id", ""), at, position)
        if is_guest and memory.protocol:  # without a protocol, nothing else was agreed on
            scene.breaches.append(Breach("", "a message of OCPP 2.x"))
        match envelope:
            case Call(action=name) if name in ONLY_V16 and not is_guest:
                return FOREIGN
            case Call():
                return self._read_call(envelope, frame, scene, is_guest=is_guest)
            case Send():
                return self._read_send(envelope, frame, scene)
            case CallResult() | CallError():
                result = mask_secrets(envelope.payload)
                return Reading(
                    answer_told(result, memory.station, at=at, position=position),
                    result_of=envelope.message_id,
                    result=result,
                    is_error=isinstance(envelope, CallError),
                    is_2x=True,
                )
            case ResultRefused():
                return _result_refused(envelope, scene)
            case NotAFrame(is_quiet=True):
                return Reading((_heard(scene),), is_heartbeat=True)
            case NotAFrame(action=name) if name in ONLY_V16 and not is_guest:
                return FOREIGN
            case NotAFrame():
                return self._not_a_frame(envelope, frame, scene)
            case _:
                assert_never(envelope)

    def _read_call(self, call: Call, frame: bytes, scene: Scene, *, is_guest: bool) -> Reading:
        """Read a call that the fast way did not take."""
        scene.breaches.extend(call.breaches)
        action = self._actions.get(call.action)
        if action is None:
            if self._newer is not None and call.action in self._newer._actions:
                scene.breaches.append(Breach("", f"a message of OCPP {self._newer._name}"))
                return self._newer._read_call(call, frame, scene, is_guest=is_guest)
            return _unknown_action(call, frame, scene)
        if not call.breaches:
            try:
                message = action.payload.decode(call.payload)
            except UNDECODABLE:
                pass
            else:
                return _conforming(action, message, call.raw_id, scene)
        payload = object_in(call.payload, scene)
        if payload is None:
            return _no_object(call, frame, scene)
        if not is_guest and edition_of(action.name, payload) is Edition.V16:
            return FOREIGN
        message = self._repaired(action, payload, scene)
        return _reading_of(action, action.mapping(message, scene), call.raw_id, scene)

    def _repaired(self, action: Action, payload: dict[str, object], scene: Scene) -> object:
        """Return what can be read, with what a later version would have read of it."""
        if action.name == _STATUS:
            payload = in_own_words(payload, scene.breaches)
        message: object = action.repairer.read(payload, scene.breaches)
        if not scene.breaches:  # the strict decoder refused it: something is wrong
            scene.breaches.append(Breach("", "not JSON as the standard has it"))
        if self._newer is None:
            return message
        # A 2.0.1 station that already says `severity`, say: flagged, and heard.
        later: object = self._newer._actions[action.name].repairer.read(payload, [])
        return later

    def _read_send(self, sent: Send, frame: bytes, scene: Scene) -> Reading:
        """Read a message that is never answered."""
        scene.breaches.extend(sent.breaches)
        reader = self if sent.action in self._sends or self._newer is None else self._newer
        if reader is not self:
            scene.breaches.append(Breach("", f"a message of OCPP {reader._name}"))
        action = reader._sends.get(sent.action)
        payload = None if action is None else object_in(sent.payload, scene)
        if action is None or payload is None:
            because = f"sent, and unknown or empty: {sent.action[:50]}"
            return Reading((unreadable(mask_secrets(frame), because, scene),), is_2x=True)
        message = action.repairer.read(payload, scene.breaches)
        return _reading_of(action, action.mapping(message, scene), b"", scene)

    def _not_a_frame(self, broken: NotAFrame, frame: bytes, scene: Scene) -> Reading:
        events: tuple[AnyEvent, ...] = (unreadable(mask_secrets(frame), broken.because, scene),)
        if broken.action == _STATUS:
            events = (*self._salvaged_status(frame, scene), *events)
        refusal = ""
        if broken.raw_id and broken.action not in QUEUED:
            is_headless = broken.raw_id == frames.UNKNOWN_ID or not broken.action
            refusal = RPC_FRAMEWORK_ERROR if is_headless else FORMAT_VIOLATION
        return Reading(
            events, broken.action, broken.raw_id, refusal, broken.because, is_2x=True
        )

    def _salvaged_status(self, frame: bytes, scene: Scene) -> tuple[AnyEvent, ...]:
        """Read a status in spite of broken JSON: it may be a fault."""
        members = frames.salvage_members(frame)
        if not {"connectorStatus", "evseId"} <= members.keys():
            return ()
        action = self._actions[_STATUS]
        return action.mapping(action.repairer.read(members, scene.breaches), scene)


def _conforming(action: Action, message: object, raw_id: bytes, scene: Scene) -> Reading:
    is_flagged = bool(scene.breaches)  # of another version, then: not by its schema
    events = action.mapping(message, scene)
    return _reading_of(action, events, raw_id, scene, is_conforming=not is_flagged)


def _reading_of(
    action: Action,
    events: tuple[AnyEvent, ...],
    raw_id: bytes,
    scene: Scene,
    *,
    is_conforming: bool = False,
) -> Reading:
    if scene.breaches or not events:
        events = never_nothing(events, action.name, scene)
    is_unanswerable = action.name == "GetCertificateChainStatus" and not scene.told
    return Reading(
        events,
        action.name,
        raw_id,
        refusal=OCCURRENCE_VIOLATION if is_unanswerable else "",
        because="no certificate is asked for" if is_unanswerable else "",
        is_heartbeat=action.is_heartbeat and is_conforming,
        # A token in a TransactionEvent is answered, like an authorization.
        is_fact=action.is_fact or bool(scene.told),
        is_conforming=is_conforming,
        is_2x=True,
        told=scene.told,
    )


def _heard(scene: Scene) -> Heard:
    return Heard(station=scene.memory.station, observed_at=scene.at, position=scene.position)


def _result_refused(refused: ResultRefused, scene: Scene) -> Reading:
    """Our answer was no good to the station: that is for us to see."""
    said = mask_secrets(refused.payload)[:200].decode("utf-8", "replace")
    scene.breaches.append(
        Breach("", f"our answer {refused.message_id[:40]} was refused: {said}")
    )
    return Reading(never_nothing((), "CALLRESULTERROR", scene), is_2x=True)


def _no_object(call: Call, frame: bytes, scene: Scene) -> Reading:
    because = "the payload is no object"
    return Reading(
        (unreadable(mask_secrets(frame), because, scene),),
        call.action,
        call.raw_id,
        FORMAT_VIOLATION if call.action in ASKING else "",
        because,
        is_2x=True,
    )


def _unknown_action(call: Call, frame: bytes, scene: Scene) -> Reading:
    name = call.action[:50]
    if name.startswith("Notify") or name.endswith("StatusNotification"):
        # Told, not asked: a refusal would only make the station say it again (quirk C13).
        scene.breaches.append(Breach("", f"{name} is no request of OCPP 2.x: not read"))
        events = never_nothing((), name, scene)
        return Reading(events, call.action, call.raw_id, is_2x=True)
    is_ours = call.action in COMMANDS
    because = f"{name} is for us to send" if is_ours else f"unknown action {name}"
    return Reading(
        (unreadable(mask_secrets(frame), because, scene),),
        call.action,
        call.raw_id,
        NOT_SUPPORTED if is_ours else NOT_IMPLEMENTED,
        because,
        is_2x=True,
    )


_TYPES = TypeMaker()
V21 = Reader("v21", _TYPES)
"""Reads OCPP 2.1."""

V201 = Reader("v201", _TYPES, newer=V21)
"""Reads OCPP 2.0.1, and what a 2.0.1 station already says of 2.1."""
