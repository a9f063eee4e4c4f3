"""What the odd frames of a soak must come to: counted by reading each of them alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from domain.events import Unreadable
from domain.places import StationId
from ocpp_server.translate import Translation

_AT = datetime(2026, 3, 27, tzinfo=UTC)


@dataclass
class Expected:
    """How many of the frames sent are unreadable, and how many may be flagged."""

    unreadable: int = 0
    flagged: int = 0

    def sent(self, frame: bytes, protocol: str) -> None:
        """Count one odd frame that was sent."""
        self.flagged += 1
        self.unreadable += _unreadable_in(frame, protocol)


@lru_cache(maxsize=1024)
def _unreadable_in(frame: bytes, protocol: str) -> int:
    translation = Translation(station=StationId("ODD"), protocol=protocol)
    events = translation.received(frame, at=_AT, position=1)
    return sum(isinstance(event, Unreadable) for event in events)
