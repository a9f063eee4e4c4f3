"""What is going on now: the fleet as core sees it, and who on a page wants to hear of changes.

One subscription to core serves every open page. Changes are gathered per listener and handed
over at most once a second: a page needs to know that something changed, not how often.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from app.link import LinkClient, LinkDownError, Missed
from app.messages import Changed, FleetView, GetFleet

FRESH_S = 1.0
"""Seconds a fleet view may be old although something changed since."""

STALE_S = 15.0
"""Seconds after which it is fetched again although nothing was said to have changed."""

SPACING_S = 1.0
"""Least seconds between two events to one listener."""

KEEPALIVE_S = 15.0
"""Seconds of quiet after which a listener gets a comment, so that proxies keep the line."""

LISTENERS_LIMIT = 500
"""Pages that may listen at once."""

NAMES_LIMIT = 200
"""Single names handed over at once; beyond that only the coarse ones go."""


class FleetCache:
    """The fleet view, fetched when a page asks for it and it is not fresh any more."""

    def __init__(self, link: LinkClient) -> None:
        self._link = link
        self._view: FleetView | None = None
        self._fetched_at = 0.0
        self._is_spoilt = True
        self._lock = asyncio.Lock()

    def spoil(self) -> None:
        """Something changed: what is kept is only good for another second."""
        self._is_spoilt = True

    async def view(self) -> FleetView:
        """Return what core believes. Raises `LinkDownError` or `LinkFailedError`."""
        async with self._lock:
            age_s = asyncio.get_running_loop().time() - self._fetched_at
            limit_s = FRESH_S if self._is_spoilt else STALE_S
            if self._view is None or age_s >= limit_s or not self._link.is_up:
                self._view = await self._fetch()
            return self._view

    async def settled(self) -> FleetView:
        """Return what core believes, with every change heard of so far in it.

        For a page that was just told of a change and is not told again: it waits for up to
        `FRESH_S` rather than show what was so before. Raises as `view` does.
        """
        while self._view is not None and self._is_spoilt and self._link.is_up:
            wait_s = self._fetched_at + FRESH_S - asyncio.get_running_loop().time()
            if wait_s <= 0:
                break
            await asyncio.sleep(wait_s)
        return await self.view()

    async def _fetch(self) -> FleetView:
        self._is_spoilt = False
        try:
            answer = await self._link.ask(GetFleet(), timeout_s=10.0)
        except LinkDownError:
            self._view = None
            raise
        if not isinstance(answer, FleetView):
            raise LinkDownError(f"core answered a question for the fleet with {answer!r}")
        self._fetched_at = asyncio.get_running_loop().time()
        return answer


class _Listener:
    def __init__(self) -> None:
        self.names: set[str] = set()
        self.woken = asyncio.Event()

    def tell(self, names: set[str]) -> None:
        self.names |= names
        if len(self.names) > NAMES_LIMIT:
            self.names = {name for name in self.names if "-" not in name}
        self.woken.set()


class Hub:
    """Spreads changes to the pages that listen.

    Names of events: `tickets`, `stations`, `notices` for any of them, and `ticket-ID`,
    `station-ID` for one.
    """

    def __init__(self, link: LinkClient, fleet: FleetCache) -> None:
        self._link = link
        self._fleet = fleet
        self._listeners: set[_Listener] = set()
        self._is_stopped = False

    @property
    def listeners(self) -> int:
        """How many pages listen."""
        return len(self._listeners)

    @property
    def is_full(self) -> bool:
        """Whether no further page may listen."""
        return len(self._listeners) >= LISTENERS_LIMIT

    async def run(self) -> None:
        """Follow core's changes for ever."""
        async with contextlib.aclosing(self._link.changes()) as changes:
            async for change in changes:
                names = names_of(change)
                if "stations" in names or "tickets" in names:
                    self._fleet.spoil()
                for listener in self._listeners:
                    listener.tell(names)

    def stop(self) -> None:
        """End every stream, so that the server can go."""
        self._is_stopped = True
        for listener in self._listeners:
            listener.woken.set()

    async def events(self) -> AsyncIterator[str]:
        """Yield server-sent events as text until `stop`; comments while nothing happens."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            yield ": welcome\nretry: 2000\n\n"
            while not self._is_stopped:
                try:
                    async with asyncio.timeout(KEEPALIVE_S):
                        await listener.woken.wait()
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                listener.woken.clear()
                names, listener.names = listener.names, set()
                if names:
                    yield "".join(f"event: {name}\ndata: changed\n\n" for name in sorted(names))
                    await asyncio.sleep(SPACING_S)
        finally:
            self._listeners.discard(listener)


def names_of(change: Changed | Missed) -> set[str]:
    """Return the names of the events that a change means to pages."""
    if isinstance(change, Missed):
        return {"tickets", "stations", "notices"}
    names: set[str] = set()
    if change.tickets:
        names |= {"tickets", *(f"ticket-{ticket}" for ticket in change.tickets)}
    if change.stations:
        names |= {"stations", *(f"station-{station}" for station in change.stations)}
    if change.notices:
        names.add("notices")
    # An id is a stranger's word: a line break in it would begin an event of its own.
    return {name for name in names if name.isprintable()}
