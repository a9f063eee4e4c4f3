"""What all connections of one endpoint share: ports, limits, counters, the wheel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from domain.ports import Clock, Recorder
from ocpp_server.limits import Counters, Limits
from ocpp_server.wheel import Wheel


@dataclass(frozen=True, slots=True)
class Context:
    """Handed to everything an endpoint builds. `new_message_id` never repeats itself."""

    recorder: Recorder
    clock: Clock
    limits: Limits
    counters: Counters
    wheel: Wheel
    new_message_id: Callable[[], str]
