"""Translation: one station's frames, in both directions, as events. Pure, with a memory.

The live connection, `replay` and a restart all read frames through here, so they cannot differ.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from domain.events import AnyEvent
from ocpp_server.memory import Memory
from ocpp_server.reading import Reading
from ocpp_server.v16 import own as own_v16
from ocpp_server.v16 import reading as reading_v16


class _Read(Protocol):
    def __call__(
        self, frame: bytes, memory: Memory, *, at: datetime, position: int
    ) -> Reading: ...


class _ReadOwn(Protocol):
    def __call__(
        self, frame: bytes, memory: Memory, *, at: datetime
    ) -> tuple[AnyEvent, ...]: ...


_V16: tuple[_Read, _ReadOwn] = (reading_v16.read, own_v16.read_own)

VERSIONS: dict[str, tuple[_Read, _ReadOwn]] = {"ocpp1.6": _V16}
"""Subprotocol -> how its frames are read. What is not listed is read as 1.6."""


class Translation(Memory, kw_only=True):
    """Reads what one station said and was told. A snapshot of it is all a restart needs.

    One per station, kept across its connections; `connected` is called for each of them.
    """

    def read(self, frame: bytes, *, at: datetime, position: int) -> Reading:
        """Read a received frame: events, and what has to be answered. Never raises."""
        return VERSIONS.get(self.protocol, _V16)[0](frame, self, at=at, position=position)

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
        return VERSIONS.get(self.protocol, _V16)[1](frame, self, at=at)

    def connected(self, protocol: str) -> None:
        """Begin a new connection: what was not answered on the old one never will be."""
        self.protocol = protocol
        self.due = []
