"""A station's connection: dialling, losing it, dialling again with growing, jittered pauses."""

from __future__ import annotations

from random import Random
from typing import Protocol

from simulator.wire import Wire
from simulator.world import World

BACK_OFF_S, BACK_OFF_MOST_S = 5.0, 120.0


class LinkOwner(Protocol):
    """Who hears of the connection."""

    def linked(self, wire: Wire) -> None:
        """A connection opened; it may replace one that still stood."""

    def unlinked(self, because: str) -> None:
        """The connection of before is gone or replaced. Called before `linked` of the next."""

    def heard(self, frame: str) -> None:
        """A text frame arrived on the newest connection."""


class Link:
    """The connection of one station, as a `WireListener`."""

    def __init__(self, station: str, world: World, dice: Random, owner: LinkOwner) -> None:
        self._station = station
        self._world = world
        self._dice = dice
        self._owner = owner
        self._is_dialling = False
        self._is_held = False
        self._attempt_count = 0
        self.wire: Wire | None = None
        """The newest connection, None while there is none."""

    def dial(self) -> None:
        """Begin to dial, unless a connection stands, is on its way, or must not be."""
        if not (self._is_held or self._is_dialling or self.wire is not None):
            self._is_dialling = True
            self._world.dialer.dial(self._station, self)

    def dial_again(self) -> None:
        """Open a second connection and leave the first one open, as half-dead links do."""
        if self.wire is not None and not self._is_dialling:
            self._is_dialling = True
            self._world.dialer.dial(self._station, self)

    def hold(self) -> None:
        """Lose the connection without a close frame and stay away until `release`."""
        self._is_held = True
        self.drop()

    def release(self, after_s: float) -> None:
        """Dial again, `after_s` seconds from now."""
        self._is_held = False
        self._world.timeline.after(after_s, self.dial)

    def drop(self) -> None:
        """Lose the connection without a close frame; without a hold it returns by itself."""
        wire = self.wire
        if wire is not None:
            self._lost("dropped", self._return_in_s())
            wire.abort()

    def restart(self, returns_in_s: float) -> None:
        """Close in good order and dial again later."""
        wire = self.wire
        if wire is not None:
            self._lost("restarting", returns_in_s)
            wire.close()

    # --- what the wire says -------------------------------------------------------------------

    def opened(self, wire: Wire) -> None:
        """The handshake succeeded."""
        self._is_dialling = False
        self._attempt_count = 0
        if self._is_held:
            wire.abort()
            return
        self._world.counters.connect_count += 1
        if self.wire is None:
            self._world.counters.up_count += 1
        else:
            self._owner.unlinked("connection replaced")
        self.wire = wire
        self._log("connected")
        self._owner.linked(wire)

    def received(self, wire: Wire, frame: str) -> None:
        """A frame arrived; those of a connection given up are not read."""
        if wire is self.wire:
            self._owner.heard(frame)

    def closed(self, wire: Wire, because: str) -> None:
        """A connection ended; one that was given up already changes nothing."""
        if wire is self.wire:
            self._lost(because, self._return_in_s())

    def refused(self, because: str) -> None:
        """No connection came about: try again, ever more slowly."""
        self._is_dialling = False
        self._world.counters.refused_count += 1
        self._world.counters.refused_because = because
        self._log("refused", because)
        if self.wire is not None:
            return  # it was a second connection; the first one still stands
        ceiling_s = min(BACK_OFF_MOST_S, BACK_OFF_S * 2.0**self._attempt_count)
        self._attempt_count = min(self._attempt_count + 1, 10)
        self._world.timeline.after(ceiling_s * self._dice.uniform(0.5, 1.5), self.dial)

    def _return_in_s(self) -> float:
        return self._dice.uniform(0.02, 1.0) * self._world.return_within_s

    def _lost(self, because: str, returns_in_s: float) -> None:
        self.wire = None
        self._world.counters.up_count -= 1
        self._world.counters.lost_count += 1
        self._log("disconnected", because)
        self._owner.unlinked("connection gone")
        if not self._is_held:
            self._world.timeline.after(returns_in_s, self.dial)

    def _log(self, event: str, because: str = "") -> None:
        log = self._world.frame_log
        if log is not None:
            more = {"because": because} if because else {}
            log.write(self._world.timeline.wall, self._station, event, **more)
