"""One 2.x connection's part of `ocpp_server.protocol.Dialect`: a frame in, a reaction out."""

from __future__ import annotations

from datetime import datetime

from ocpp_server.masking import mask_secrets
from ocpp_server.protocol import Reaction
from ocpp_server.v2x.reading import SAYS_SECRETS
from ocpp_server.v16.dialect import Dialect16, answer_of


class Dialect2x(Dialect16):
    """OCPP 2.0.1 or 2.1 on one connection, as its translation's protocol says. Never raises."""

    def receive(self, frame: bytes, *, now: datetime, position: int) -> Reaction:
        """Read one whole frame of the station and say what it leads to."""
        reading = self._translation.read(frame, at=now, position=position)
        answer = answer_of(reading, now, position, self._heartbeat_every_s)
        if answer is not None and self._doorkeeper is not None:
            answer = self._doorkeeper.settled(
                answer, reading, frame, now=now, position=position
            )
        events = reading.events
        if reading.is_fact and answer is not None:
            events += self._translation.sent(answer, at=now, position=position)
        is_harmless = reading.is_conforming and reading.action not in SAYS_SECRETS
        return Reaction(
            frame if is_harmless else mask_secrets(frame),
            events,
            answer,
            reading.is_heartbeat,
            reading.action == "BootNotification" and not reading.refusal,
            reading.result_of,
            reading.result,
            reading.is_error,
        )
