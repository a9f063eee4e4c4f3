"""The seam between a simulated station and whatever carries its frames."""

from __future__ import annotations

from typing import Protocol


class Wire(Protocol):
    """One open connection, seen from the station."""

    def send(self, frame: str) -> None:
        """Send a text frame. Does nothing once the connection is gone."""

    def ping(self) -> None:
        """Send a websocket ping."""

    def close(self) -> None:
        """Close in good order, with a close frame."""

    def abort(self) -> None:
        """Vanish: the TCP connection ends without a close frame."""


class WireListener(Protocol):
    """What a dialling station is told. Exactly one of `opened` and `refused` follows a dial."""

    def opened(self, wire: Wire) -> None:
        """The handshake succeeded."""

    def received(self, wire: Wire, frame: str) -> None:
        """A text frame arrived."""

    def closed(self, wire: Wire, because: str) -> None:
        """An opened connection ended, for whatever reason."""

    def refused(self, because: str) -> None:
        """No connection came about."""


class Dialer(Protocol):
    """Opens connections, at the pace the whole fleet may dial at."""

    def dial(self, station: str, listener: WireListener) -> None:
        """Begin to open a connection; the listener hears what became of it."""
