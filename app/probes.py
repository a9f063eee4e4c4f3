"""Asks stations for the status of a place the engine wonders about: once, and harmlessly.

A TriggerMessage for a StatusNotification changes nothing at the station; the command line keeps
it away from a station that has just connected or is busy. What comes of it comes as events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
import structlog

from domain.beliefs import Fleet
from domain.places import Place, StationId
from domain.ports import CommandQueue

log = structlog.get_logger(__name__)

ANSWER_WITHIN_S = 60.0
AT_ONCE = 4
"""So many stations are asked at a time; the others wait."""


class StatusProbes:
    """Sends the questions; `fleet` says which words a station understands."""

    def __init__(self, commands: CommandQueue, fleet: Fleet) -> None:
        self._commands = commands
        self._fleet = fleet
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, places: Iterable[Place]) -> None:
        """Ask for the status of each place; never waits."""
        for place in places:
            station = place.station
            if station is not None:
                task = asyncio.get_running_loop().create_task(self._ask(station, place.evse))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, station: StationId, evse: int) -> None:
        payload = question(self._fleet.belief(station).protocol, evse)
        async with self._turns:
            result = await self._commands.send(
                station, "TriggerMessage", payload, timeout_s=ANSWER_WITHIN_S
            )
        log.info("status asked for", station=station, evse=evse, outcome=result.outcome)


def question(protocol: str, evse: int) -> bytes:
    """Return the payload of the TriggerMessage; an EVSE of 0 means the whole station."""
    asked: dict[str, object] = {"requestedMessage": "StatusNotification"}
    if evse and protocol.startswith("ocpp2"):
        asked["evse"] = {"id": evse, "connectorId": 1}
    elif evse:
        asked["connectorId"] = evse
    return msgspec.json.encode(asked)
