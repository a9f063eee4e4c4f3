"""One 1.6 connection's part of `ocpp_server.protocol.Dialect`: a frame in, a reaction out."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.places import StationId
from domain.tokens import Authorize
from ocpp_server.authorizing import Doorkeeper
from ocpp_server.masking import mask_secrets
from ocpp_server.protocol import Reaction
from ocpp_server.reading import Reading
from ocpp_server.translate import Translation
from ocpp_server.v2x.answers import answer_to as answer_to_2x
from ocpp_server.v16.answers import NOTHING, SAYS_NOTHING, answer_to
from ocpp_server.v16.reading import SAYS_SECRETS

HEARTBEAT_EVERY_S = 300


def answer_of(
    reading: Reading, now: datetime, position: int, heartbeat_every_s: int
) -> bytes | None:
    """Return the answer due, in the edition of the message; None where none is due.

    A call said again is answered as it was the first time: same moment, same number.
    """
    if reading.repeats is not None:
        now, position = reading.repeats.at, reading.repeats.position
    if reading.is_2x:
        return answer_to_2x(reading, now=now, heartbeat_every_s=heartbeat_every_s)
    return answer_to(reading, now=now, position=position, heartbeat_every_s=heartbeat_every_s)


class Dialect16:
    """OCPP 1.6 on one connection. Never raises, whatever the bytes.

    With `authorize` a list decides what is told of tokens; without it all are accepted.
    """

    def __init__(
        self,
        station: StationId,
        translation: Translation,
        *,
        heartbeat_every_s: int = HEARTBEAT_EVERY_S,
        authorize: Authorize | None = None,
    ) -> None:
        self._translation = translation
        self._doorkeeper = None if authorize is None else Doorkeeper(authorize)
        self._heartbeat_every_s = heartbeat_every_s

    def receive(self, frame: bytes, *, now: datetime, position: int) -> Reaction:
        """Read one whole frame of the station and say what it leads to."""
        reading = self._translation.read(frame, at=now, position=position)
        if reading.is_conforming and reading.action in SAYS_NOTHING and not reading.is_2x:
            # Most frames by far: no token in them, no secret, and nothing in their answer.
            return Reaction(frame, reading.events, b"[3," + reading.raw_id + NOTHING)
        answer = answer_of(reading, now, position, self._heartbeat_every_s)
        if answer is not None and self._doorkeeper is not None:
            answer = self._doorkeeper.settled(
                answer, reading, frame, now=now, position=position
            )
        events = reading.events
        if reading.is_fact and answer is not None:
            events += self._translation.sent(answer, at=now, position=position)
        if reading.is_conforming and not reading.is_2x and reading.action not in SAYS_SECRETS:
            return Reaction(
                frame,
                events,
                answer,
                reading.is_heartbeat,
                reading.action == "BootNotification",
            )
        return Reaction(
            mask_secrets(frame),
            events,
            answer,
            is_heartbeat=reading.is_heartbeat,
            is_boot=reading.action == "BootNotification" and not reading.refusal,
            result_of=reading.result_of,
            result=reading.result,
            is_error=reading.is_error,
        )

    def call(self, message_id: str, action: str, payload: bytes) -> bytes:
        """Build the frame of a command."""
        return b"[2,%b,%b,%b]" % (
            msgspec.json.encode(message_id),
            msgspec.json.encode(action),
            payload,
        )
