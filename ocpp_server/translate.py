"""Translation: one station's frames, in both directions, as events. Pure, with a memory.

The live connection, `replay` and a restart all read frames through here, so they cannot differ.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from domain.events import AnyEvent, Heard, MeterSampled, ProtocolLearned
from ocpp_server.memory import Memory
from ocpp_server.own import read_own
from ocpp_server.queues import Queue, is_queued, note_record
from ocpp_server.reading import Reading
from ocpp_server.repeats import Earlier, digest_of, earlier_of, note
from ocpp_server.v2x.reading import V21, V201
from ocpp_server.v16 import reading as reading_v16
from ocpp_server.v16.known import read_at_a_glance


class _Read(Protocol):
    def __call__(
        self, frame: bytes, memory: Memory, *, at: datetime, position: int
    ) -> Reading: ...


class Version(NamedTuple):
    """How frames of one version are read, and those of the other edition among them."""

    read: _Read
    read_foreign: _Read


_V16 = Version(reading_v16.read, V21.read_foreign)
_GUEST = reading_v16.read_foreign

VERSIONS: dict[str, Version] = {
    "ocpp1.6": _V16,
    "ocpp2.0": Version(V201.read, _GUEST),  # never published; 2.0.1 is what is meant
    "ocpp2.0.1": Version(V201.read, _GUEST),
    "ocpp2.1": Version(V21.read, _GUEST),
}
"""Subprotocol -> how its frames are read. What is not listed is read as 1.6."""


class Translation(Memory, kw_only=True):
    """Reads what one station said and was told. A snapshot of it is all a restart needs.

    One per station, kept across its connections; `connected` is called for each of them.
    """

    def read(self, frame: bytes, *, at: datetime, position: int) -> Reading:
        """Read a received frame: events, and what has to be answered. Never raises.

        The version agreed on reads first; what is plainly of the other edition goes to that
        one's reader, message by message (quirks A1, A2, J1). A call that was answered on this
        connection before only says that the station is there.
        """
        if VERSIONS.get(self.protocol, _V16) is _V16:
            known = read_at_a_glance(frame, self, at=at, position=position)
            if known is not None:
                if self._may_repeat(known):
                    return self._watched(known, frame, at, position)
                return known
        digest = digest_of(frame)
        if not digest:
            reading = self._read_new(frame, at, position)
            if reading.is_conforming and not self._may_repeat(reading):
                return reading
            return self._watched(reading, frame, at, position)
        earlier = earlier_of(digest, self.earlier, at)
        if earlier is not None:
            return self._watched(self._said_again(earlier, at, position), frame, at, position)
        reading = self._read_new(frame, at, position)
        if reading.raw_id and not reading.refusal:
            told, action, raw_id = reading.told, reading.action, reading.raw_id
            call = Earlier(digest, action, raw_id, at, position, reading.is_2x, told)
            note(call, self.earlier)
        return self._watched(reading, frame, at, position)

    def _said_again(self, earlier: Earlier, at: datetime, position: int) -> Reading:
        heard = Heard(station=self.station, observed_at=at, position=position)
        return Reading(
            (heard,),
            earlier.action,
            earlier.raw_id,
            is_2x=earlier.is_2x,
            told=earlier.told,
            repeats=earlier,
        )

    def _read_new(self, frame: bytes, at: datetime, position: int) -> Reading:
        version = VERSIONS.get(self.protocol, _V16)
        reading = version.read(frame, self, at=at, position=position)
        if reading.is_foreign:
            reading = version.read_foreign(frame, self, at=at, position=position)
            is_2x = reading.is_2x and reading.action and not reading.refusal
            if is_2x and not self.protocol:
                self.protocol = "ocpp2.0.1"  # nothing was agreed on: the first word decides
                learned = ProtocolLearned(
                    station=self.station,
                    protocol=self.protocol,
                    observed_at=at,
                    position=position,
                )
                return replace(reading, events=(*reading.events, learned))
        return reading

    def _may_repeat(self, reading: Reading) -> bool:
        """Tell at little cost whether meter values that conform are worth a closer look."""
        if reading.action != "MeterValues":
            return False
        first = reading.events[0]
        if type(first) is not MeterSampled:
            return True
        # The text of a frame begins and ends alike every time; moment and register move on.
        glimpse = (first.reported_at, first.samples[0].value, first.samples[-1].value)
        if glimpse == self.glimpse:
            return True
        self.glimpse = glimpse
        return self.queue is not None and self.queue.is_blocked

    def _watched(self, reading: Reading, frame: bytes, at: datetime, position: int) -> Reading:
        """Add what a record of the station's queue says about that queue."""
        if not is_queued(reading, frame):
            return reading
        if self.queue is None:
            self.queue = Queue()
        told = note_record(
            self.queue, self.station, reading.action, frame, at=at, position=position
        )
        return replace(reading, events=(*reading.events, *told)) if told else reading

    def received(self, frame: bytes, *, at: datetime, position: int) -> tuple[AnyEvent, ...]:
        """Return the events of a received frame: at least one, whatever the bytes."""
        return self.read(frame, at=at, position=position).events

    def sent(
        self,
        frame: bytes,
        *,
        at: datetime,
        position: int,  # the call's own is what its facts carry
    ) -> tuple[AnyEvent, ...]:
        """Return the events that follow from a frame of ours; most have none. Never raises.

        They carry the position of the call that was answered, not `position`: live, where both
        are one reaction, and read back from a journal, where they are two entries, they agree.
        """
        return read_own(frame, self, at=at)

    def connected(self, protocol: str) -> None:
        """Begin a new connection: what was not answered on the old one never will be."""
        self.protocol = protocol
        self.due = []
        self.earlier = []
