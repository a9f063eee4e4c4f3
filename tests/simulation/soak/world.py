"""What the stations of a soak share: time, sockets, the tally of what became of each call."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from ocpp_server.listener import Endpoint
from ocpp_server.reception import Reception
from tests.simulation.soak.oddness import Expected
from tests.simulation.soak.virtual import VirtualSocket

START = datetime(2026, 3, 27, 20, 0, tzinfo=UTC)
"""Four hours before midnight: the journal begins a new day early in the run."""

QUANTUM_S = 0.25
"""What stations do within it is done in one turn of the loop, and shares its commit."""

REST_S = 5.0
"""Virtual seconds at the end, for answers."""

_MOST_BREACHES = 50


@dataclass
class Tally:
    """What was said, and what became of it."""

    connections: int = 0
    refused: int = 0
    calls: int = 0
    answered: int = 0
    gone: int = 0  # calls whose connection ended before the answer came
    commands: int = 0
    odd: int = 0  # frames of the corpus
    odd_answers: int = 0  # answers to odd frames that keep their own id
    expected: Expected = field(default_factory=Expected)
    breaches: list[str] = field(default_factory=list)

    def breach(self, what: str) -> None:
        """Note something that must not be."""
        if len(self.breaches) < _MOST_BREACHES:
            self.breaches.append(what)


class World:
    """Time in quanta, and where stations dial in. `run_until` drives it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint) -> None:
        self.now_s = 0.0
        self.tally = Tally()
        self.stamp = b""
        self._loop = loop
        self._endpoint = endpoint
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._numbers = count(1)
        self._set_stamp()

    def after(self, wait_s: float, act: Callable[[], None]) -> None:
        """Have something done in a later quantum."""
        heapq.heappush(self._due, (self.now_s + max(wait_s, 0.001), next(self._order), act))

    def next_number(self) -> int:
        """Return a number that nobody was given before."""
        return next(self._numbers)

    def open(self, to_station: Callable[[bytes], None]) -> VirtualSocket:
        """Open a socket to the endpoint, as its listener would accept it."""
        number = self.next_number()
        address = (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 40_000)
        return VirtualSocket(self._loop, Reception(self._endpoint), address, to_station)

    async def run_until(self, end_s: float) -> None:
        """Let time pass to the end; everything that falls into one quantum happens at once."""
        while self.now_s < end_s:
            self.now_s += QUANTUM_S
            await asyncio.sleep(max(0.0, self.now_s - self._loop.time()))
            self._set_stamp()
            while self._due and self._due[0][0] <= self.now_s:
                heapq.heappop(self._due)[2]()

    async def rest(self) -> None:
        """Let what was said last be answered; nobody says anything more."""
        self._due.clear()
        await asyncio.sleep(REST_S)
        self.now_s = self._loop.time()

    def _set_stamp(self) -> None:
        at = START + timedelta(seconds=self.now_s)
        self.stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
