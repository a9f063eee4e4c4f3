"""What all stations of a run share."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.counters import Counters, FrameLog
from simulator.timeline import Timeline
from simulator.wire import Dialer


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Time, the way out, the counters; and how fast the days go by (`speed`)."""

    timeline: Timeline
    dialer: Dialer
    counters: Counters
    frame_log: FrameLog | None = None
    seed: int = 0
    speed: float = 1.0
    return_within_s: float = 20.0
    """Lost stations dial again after a random part of this: no storm reaches the listener."""
    sample_every_s: float | None = None
    """Besides their life, all stations send the meter of each EVSE this often (for load)."""
