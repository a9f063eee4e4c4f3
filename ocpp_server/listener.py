"""The listener: accepts sockets, has front and gate decide, and owns every connection.

One endpoint may listen on several addresses (plain and TLS). It moves bytes and keeps lists;
what messages mean is decided behind `Connection`, who may come in by the gate.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import count

import structlog

from domain.places import StationId
from domain.ports import Clock, Recorder
from ocpp_server.commands import CommandLine, Commands
from ocpp_server.connection import Connection, disconnected, unpinged
from ocpp_server.context import Context
from ocpp_server.front import FrontRules
from ocpp_server.gate import Gate
from ocpp_server.handover import hand_over
from ocpp_server.limits import BACKLOG, Counters, Limits
from ocpp_server.link import Link
from ocpp_server.nameless import Anteroom, Arrival
from ocpp_server.pings import UNPINGED, PingMemory
from ocpp_server.protocol import Dialect
from ocpp_server.reception import Reception
from ocpp_server.refusal import RefusalReason, Refuse, refusal
from ocpp_server.restraint import Restraint
from ocpp_server.tls import ServerTls
from ocpp_server.tls_door import TlsDoor, open_doors
from ocpp_server.wheel import Wheel

log = structlog.get_logger(__name__)

_RECORD_AGAIN_AFTER_S = 1.0
_PING_SPREAD = 64
"""First pings spread over the last quarter of an interval in so many steps."""

_MOST_CATCHING_UP = 8
"""Ticks made up for after the loop was late; beyond it, time stood still for timers too."""


class Endpoint:
    """The OCPP endpoint: stations connect here.

    `make_dialect(station, protocol)` builds what reads one connection's messages ("": nothing
    was agreed on); `evses` returns how many EVSEs a station is registered with, 0 if unknown;
    `is_unpinged` tells whether an earlier run of ours learned to send a station no pings.
    """

    def __init__(
        self,
        recorder: Recorder,
        clock: Clock,
        gate: Gate,
        make_dialect: Callable[[StationId, str], Dialect],
        limits: Limits | None = None,
        *,
        evses: Callable[[StationId], int] = lambda _: 0,
        is_unpinged: Callable[[StationId], bool] = lambda _: False,
    ) -> None:
        self.limits = limits or Limits()
        self.counters = Counters()
        self.gate = gate
        self.restraint = Restraint(self.limits)
        self.front_rules = FrontRules(self.limits.protocols, self.limits.max_head_bytes)
        self._make_dialect = make_dialect
        self.evses = evses
        self._is_unpinged = is_unpinged
        wheel = Wheel(self.limits.tick_s)
        # Stations must never see an id twice, not even across our restarts.
        ids, run = count(1), secrets.token_hex(6)
        self.context = Context(
            recorder, clock, self.limits, self.counters, wheel, lambda: f"{run}-{next(ids)}"
        )
        self.commands = Commands(self._line_of)
        self._by_station: dict[StationId, Connection] = {}
        self.links: set[Link] = set()  # every open websocket, nameless ones included
        self._receptions: set[Reception] = set()
        self._servers: list[asyncio.Server | TlsDoor] = []
        self.anteroom = Anteroom(self, self._connect, self._opened, self._ended)
        self._pings = PingMemory(self.limits.ping_deaths)
        self._end_waiters: dict[Connection, list[asyncio.Future[None]]] = {}
        self._ordinals = count()
        self._is_draining = False
        self._next_tick_at = 0.0
        self._ticker: asyncio.TimerHandle | None = None

    # --- for app ------------------------------------------------

    async def start(self, host: str, port: int, tls: ServerTls | None = None) -> int:
        """Listen on one more address and return its port (`port` 0: any free one).

        OSError where the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        if self._ticker is None:
            self._next_tick_at = loop.time()
            self._tick(loop)
        if tls is not None:
            doors = await open_doors(self, host, port, tls)
            self._servers.extend(doors)
            return doors[0].port
        server = await loop.create_server(lambda: Reception(self), host, port, backlog=BACKLOG)
        self._servers.append(server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    async def close(self, drain_s: float = 5.0) -> None:
        """Stop: no new connections, answers leave, then every station is told 1001.

        No `Disconnected` is recorded for these: the connections end by our doing, with us.
        Whatever is open after `drain_s` is aborted.
        """
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + drain_s
        self._is_draining = True
        for server in self._servers:
            server.close()
        for reception in list(self._receptions):
            reception.abort()
        for link in self.links:
            link.pause()
        await _until(lambda: not any(c.waiting for c in self._by_station.values()), give_up_at)
        for link in list(self.links):
            link.close(1001, "service is stopping")
        await _until(lambda: not self.links, give_up_at)
        for link in list(self.links):
            link.abort()
        # An aborted socket ends in one of the next turns of the loop.
        await _until(lambda: not self.links and not self._receptions, loop.time() + 1.0)
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    @property
    def connections(self) -> int:
        """How many websockets are open, closing ones included."""
        return len(self.links)

    def connected_stations(self) -> tuple[StationId, ...]:
        """Return the stations that are connected, in the order in which they came."""
        return tuple(self._by_station)

    async def disconnect(self, station: StationId, reason: str) -> bool:
        """Close a station's connection and wait for its end; False where it has none."""
        connection = self._by_station.get(station)
        if connection is None:
            return False
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._end_waiters.setdefault(connection, []).append(ended)
        connection.wire.close(1000, reason)
        await ended
        return True

    # --- for receptions ------------------------------------------------

    def arrived(self, reception: Reception) -> None:
        """A socket was accepted."""
        self._receptions.add(reception)
        if self._is_draining or len(self._receptions) > self.limits.max_receptions:
            self.counters.dropped += 1
            reception.abort()

    def left(self, reception: Reception) -> None:
        """A reception is over: handed over, refused or gone."""
        self._receptions.discard(reception)

    def reason_to_wait(self) -> Refuse | None:
        """Say why no connection is taken on at the moment; None where one is."""
        if not self.context.recorder.is_accepting or self._is_draining:
            return refusal(503, RefusalReason.NOT_ACCEPTING, "Come back in a minute.")
        if len(self.links) >= self.limits.max_connections:
            return refusal(503, RefusalReason.TOO_MANY_CONNECTIONS, "Come back in a minute.")
        return None

    def take_on(
        self,
        transport: asyncio.Transport,
        arrival: Arrival,
        station: StationId,
        late: bytes,
    ) -> None:
        """Make a connection of a socket that may come in."""
        every_s = self.limits.ping_every_s
        spread = next(self._ordinals) % _PING_SPREAD / _PING_SPREAD
        link = Link(
            self.context,
            self._opened,
            self._ended,
            first_ping_s=every_s * (0.75 + spread / 4),
            habits=UNPINGED if self._is_unpinged(station) else self._pings.of(station),
        )
        link.connection = self._connect(station, link, arrival)
        hand_over(transport, arrival.accepted, link, self.context, late)

    # --- inside ------------------------------------------------

    def _connect(self, station: StationId, link: Link, arrival: Arrival) -> Connection:
        accepted = arrival.accepted
        if accepted.offered and accepted.subprotocol is None:
            log.info("no common subprotocol", station=station, offered=accepted.offered)
        # Where nothing was agreed on, what the station says decides.
        protocol = accepted.protocol if accepted.subprotocol is not None else ""
        connection = Connection(
            station,
            self._make_dialect(station, protocol),
            link,
            self.context,
            protocol=protocol,
            address=arrival.address,
            evses=self.evses(station),
        )
        connection.certificate_until = arrival.certificate_until
        return connection

    def _opened(self, link: Link) -> None:
        connection = link.connection
        if not isinstance(connection, Connection):
            raise TypeError(connection)
        station = connection.station
        self.counters.accepted += 1
        self.links.add(link)
        # The newest connection wins: the older one is often half open, and refusing the new
        # one would lock its station out until we notice.
        older = self._by_station.pop(station, None)
        self._by_station[station] = connection
        if older is not None:
            self.counters.replaced += 1
            # Two devices with one id show here, as endless replacing between two addresses.
            log.info(
                "connection replaced",
                station=station,
                older=older.address,
                newer=connection.address,
            )
            connection.commands.adopt(older.replaced())
        connection.opened(self.context.clock.now())

    def _ended(self, link: Link, code: int, why: str) -> None:
        connection = link.connection
        if not isinstance(connection, Connection):
            raise TypeError(connection)
        self.links.discard(link)
        connection.ended()
        for ended in self._end_waiters.pop(connection, ()):
            if not ended.done():
                ended.set_result(None)
        log.debug("connection ended", station=connection.station, code=code, why=why)
        if connection.is_replaced:
            return
        if self._pings.ended(connection.station, link.lesson):
            # Quirks A11 and A17.
            log.info("pings off: they cost the station its link", station=connection.station)
            if self.context.recorder.is_accepting:  # else the next run learns it anew
                unpinged(self.context.recorder, connection.station, self.context.clock.now())
        self._by_station.pop(connection.station, None)
        if not self._is_draining:
            self.counters.lost += 1
            self._record_end(connection.station, code, self.context.clock.now())

    def _record_end(self, station: StationId, code: int, at: datetime) -> None:
        if station in self._by_station:
            return  # back before the journal was: as good as replaced
        if self.context.recorder.is_accepting:
            disconnected(self.context.recorder, station, code=code, at=at)
        else:
            again = partial(self._record_end, station, code, at)
            self.context.wheel.after(_RECORD_AGAIN_AFTER_S, again)

    def _line_of(self, station: StationId) -> CommandLine | None:
        connection = self._by_station.get(station)
        return connection.commands if connection is not None else None

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Turn the wheel as often as time has passed, and come back."""
        if loop.time() - self._next_tick_at > _MOST_CATCHING_UP * self.limits.tick_s:
            # The loop stood still. Had the wheel to catch up, peers would be found silent for
            # a time in which nobody listened.
            self._next_tick_at = loop.time()
        while self._next_tick_at <= loop.time():
            self._next_tick_at += self.limits.tick_s
            for action in self.context.wheel.turn():
                try:
                    action()
                except Exception:
                    self.counters.failures += 1
                    log.exception("failure on the wheel")
        self._ticker = loop.call_at(self._next_tick_at, self._tick, loop)


async def _until(is_done: Callable[[], bool], give_up_at: float) -> None:
    """Wait until something is done, or the loop's time has come to give up."""
    loop = asyncio.get_running_loop()
    while not is_done() and loop.time() < give_up_at:  # noqa: ASYNC110 - rare, at the end only
        await asyncio.sleep(0.01)
