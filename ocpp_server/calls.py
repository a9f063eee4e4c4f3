"""What reading a call takes in every OCPP version: decoders per action, odd cases. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from domain.events import AnyEvent, Breach, Heard, MessageFlagged, Unreadable
from ocpp_server import frames
from ocpp_server.repair import Repairer, limited
from ocpp_server.scene import Scene

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoders raise, whatever the bytes."""

# Any: each function takes the message type that stands beside it; a table cannot say so.
Mapping = Callable[[Any, Scene], tuple[AnyEvent, ...]]
"""From a message, conforming or repaired, to what it means."""

_SAID_LIMIT = 200  # bytes of an unreadable frame that its event quotes

Payload = TypeVar("Payload")


class WholeCall(
    msgspec.Struct, Generic[Payload], array_like=True, forbid_unknown_fields=True, gc=False
):
    """A call as the standards have it: exactly four elements."""

    kind: int
    message_id: str
    action: str
    payload: Payload


class Action:
    """Everything prepared for one action: decoders, mapping, repair.

    `is_fact`: our answer to it carries a fact of its own.
    """

    __slots__ = ("decoder", "is_fact", "is_heartbeat", "mapping", "name", "payload", "repairer")

    def __init__(
        self, name: str, request: type[msgspec.Struct], mapping: Mapping, *, is_fact: bool
    ) -> None:
        self.name = name
        self.mapping = mapping
        self.repairer = Repairer(request)
        self.is_heartbeat = name == "Heartbeat"
        self.is_fact = is_fact
        # Any: the payload's type is the request's, known only as a value here.
        self.payload: msgspec.json.Decoder[Any] = msgspec.json.Decoder(request)
        self.decoder: msgspec.json.Decoder[WholeCall[Any]] = msgspec.json.Decoder(
            WholeCall[request]  # type: ignore[valid-type]  # a type made at run time
        )


def never_nothing(
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


def object_in(payload: bytes, scene: Scene) -> dict[str, object] | None:
    """Return the payload as an object; None where it is none. No payload at all is empty."""
    if not payload:
        return {}
    try:
        value = msgspec.json.decode(payload)
    except UNDECODABLE:
        try:
            value = msgspec.json.decode(frames.clean_json(payload))
            scene.breaches.append(Breach("", "not clean JSON"))
        except (ValueError, *UNDECODABLE):
            return None
    if isinstance(value, str):  # some pack it twice
        scene.breaches.append(Breach("", "the payload is a text"))
        value = _parsed(value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
        scene.breaches.append(Breach("", "the payload stands in a list"))
    return value if isinstance(value, dict) else None


def _parsed(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except UNDECODABLE:
        return None


def unreadable(masked: bytes, because: str, scene: Scene) -> Unreadable:
    """Return the event of a frame that gave no message. `masked`: without its secrets."""
    return Unreadable(
        station=scene.memory.station,
        said=masked[:_SAID_LIMIT].decode("utf-8", "replace"),
        because=because,
        observed_at=scene.at,
        position=scene.position,
    )
