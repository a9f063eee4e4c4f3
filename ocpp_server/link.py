"""The link: moves one websocket's bytes between picows and a `Connection`.

Assembles fragments, answers pings, keeps limits, closes with a reason. Rules of OCPP live
behind `Connection`; this file knows RFC 6455 and picows' habits only.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from ocpp_server.context import Context
from ocpp_server.keeping import keep_alive, keep_watch
from ocpp_server.pings import PingHabits, PingLesson

_TEXT = WSMsgType.TEXT
_BINARY = WSMsgType.BINARY

ABNORMAL = 1006
"""Close code for a connection that ended without one (RFC 6455 §7.4.1)."""

_NO_STATUS = 1005


class Receiver(Protocol):
    """What a link reports to: a `Connection`, or what waits to become one."""

    def receive(self, frame: bytes, now: datetime) -> None:
        """Take in one whole message."""

    def heard(self) -> None:
        """Count a ping or pong as a sign of life."""

    def look_after(self) -> None:
        """Called now and then."""


class _Nobody:
    """Takes over from a connection that has ended."""

    def receive(self, frame: bytes, now: datetime) -> None:
        """Drop it: nobody is left to answer to."""

    def heard(self) -> None:
        """Nobody wants to know."""

    def look_after(self) -> None:
        """Nothing is left to look after."""


_NOBODY = _Nobody()


class Link(WSListener):
    """One open websocket. `connection` is set before the handover.

    `habits` are what its station's earlier connections taught about pings. `on_open` and
    `on_end` tell the owner; `on_end` gets the close code of RFC 6455 §7.4.
    """

    __slots__ = (
        "_closed_by_us",
        "_context",
        "_died_of_ping",
        "_fell_silent",
        "_first_ping_s",
        "_fragments",
        "_habits",
        "_has_ponged",
        "_is_closing",
        "_is_reading",
        "_max_message",
        "_now",
        "_on_end",
        "_on_open",
        "_outlived_ping",
        "_pinged_at",
        "_silent_turns",
        "_transport",
        "_why",
        "connection",
    )

    connection: Receiver

    def __init__(
        self,
        context: Context,
        on_open: Callable[[Link], None],
        on_end: Callable[[Link, int, str], None],
        *,
        first_ping_s: float,
        habits: PingHabits,
    ) -> None:
        self._context = context
        self._on_open = on_open
        self._on_end = on_end
        self._first_ping_s = first_ping_s
        self._max_message = context.limits.max_message_bytes
        self._transport: WSTransport | None = None
        self._now: datetime | None = None  # the moment of the present read
        self._fragments: bytearray | None = None
        self._silent_turns = 0
        self._habits = habits
        self._has_ponged = False
        self._pinged_at: datetime | None = None
        self._outlived_ping = False
        self._died_of_ping = False
        self._fell_silent = False
        self._closed_by_us = False
        self._is_closing = False
        self._is_reading = True
        self._why = ""

    # --- what the connection asks of its wire ------------------------------------------------

    def send(self, frame: bytes) -> None:
        """Send one text message; ignored once the link closes."""
        if self._transport is not None and not self._is_closing:
            self._transport.send(_TEXT, frame)

    def close(self, code: int, reason: str) -> None:
        """Send a close frame; abort where the peer's half does not come in time."""
        transport = self._transport
        if transport is None or self._is_closing:
            return
        self._is_closing = True
        self._closed_by_us = True
        self._fragments = None
        self._why = reason
        transport.send_close(WSCloseCode(code), reason)
        self.resume()  # or the peer's half of the close would never be read
        self._context.wheel.after(self._context.limits.close_wait_s, self.abort)

    def pause(self) -> None:
        """Stop reading; not where the link closes."""
        if self._transport is not None and not self._is_closing:
            self._is_reading = False
            self._transport.underlying_transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self._is_reading = True
        transport = self._transport
        if transport is not None and not transport.underlying_transport.is_closing():
            transport.underlying_transport.resume_reading()

    def abort(self) -> None:
        """Drop the socket at once, with whatever was not sent."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    @property
    def lesson(self) -> PingLesson:
        """What this link taught about its station and pings, once it has ended."""
        return PingLesson(
            has_ponged=self._has_ponged,
            died_of_ping=self._died_of_ping,
            outlived_ping=self._outlived_ping,
            fell_silent=self._fell_silent,
        )

    # --- what picows calls ------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Take over a socket whose handshake was answered."""
        self._transport = transport
        # The front has read them; picows would keep two KB of them while the link is open.
        transport.request.headers.clear()
        transport.response.headers.clear()
        limits = self._context.limits
        underlying = transport.underlying_transport
        underlying.set_write_buffer_limits(high=limits.max_unsent_bytes)
        keep_watch(underlying, limits.ping_every_s * limits.half_open_after)
        if self._habits.is_off:
            keep_alive(underlying, limits.ping_every_s)
        self._context.wheel.after(self._first_ping_s, self._ping_turn)
        self._on_open(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take in one frame; the common case, a whole message in one frame, first."""
        self._silent_turns = 0
        kind = frame.msg_type
        if (
            (kind is _TEXT or kind is _BINARY)
            and frame.fin
            and not (frame.rsv1 or frame.rsv2 or frame.rsv3)
            and frame.payload_size <= self._max_message
            and self._fragments is None
            and not self._is_closing
        ):
            now = self._now or self._context.clock.now()
            self._now = None if frame.last_in_buffer else now
            self.connection.receive(frame.get_payload_as_bytes(), now)
            return
        self._now = None
        self._take_rare_frame(transport, frame, kind)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The socket is closed: say so, once, and let go of everything."""
        handshake = transport.close_handshake
        code = ABNORMAL
        if handshake is not None and handshake.recv is not None:
            code = int(handshake.recv.code.value) or _NO_STATUS
        if handshake is not None and handshake.sent is not None and not self._is_closing:
            # picows itself closed, for what its parser refused.
            self._why = handshake.sent.reason
            if handshake.sent.code is WSCloseCode.MESSAGE_TOO_BIG:
                self._context.counters.oversize += 1
            elif handshake.sent.code is WSCloseCode.PROTOCOL_ERROR:
                self._context.counters.violations += 1
        if self._pinged_at is not None and not (self._has_ponged or self._closed_by_us):
            since = (self._context.clock.now() - self._pinged_at).total_seconds()
            self._died_of_ping = since <= self._context.limits.ping_death_s
        self._transport = None
        self._fragments = None
        self._is_closing = True
        self._on_end(self, code, self._why)
        # It knows us, too: thousands that end at once would wait for a full collection.
        self.connection = _NOBODY

    def pause_writing(self) -> None:
        """Abort: the peer has left more unread than it may."""
        self._context.counters.overrun += 1
        self._is_closing = True
        self._closed_by_us = True
        self._why = "does not read what we send"
        self.abort()

    def resume_writing(self) -> None:
        """Nothing to do: a link that had to pause was aborted."""

    # --- the rest ------------------------------------------------

    def _take_rare_frame(self, transport: WSTransport, frame: WSFrame, kind: WSMsgType) -> None:
        if kind is WSMsgType.CLOSE:
            self._take_close(transport, frame)
        elif self._is_closing or transport.is_close_frame_sent:
            pass  # the peer still talks; it will say it again on its next connection
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._context.counters.rsv += 1
            self.close(1002, "reserved bits without an agreed extension")
        elif kind is WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
            self.connection.heard()
        elif kind is WSMsgType.PONG:
            self._has_ponged = True
            self.connection.heard()
        else:
            self._take_fragment(frame, kind)

    def _take_close(self, transport: WSTransport, frame: WSFrame) -> None:
        if not transport.is_close_frame_sent:
            code = frame.get_close_code()
            self._is_closing = True
            self._why = self._why or "closed by the station"
            transport.send_close(WSCloseCode.OK if code.value == 0 else code)
            self._context.wheel.after(self._context.limits.close_wait_s, self.abort)
        transport.disconnect()

    def _take_fragment(self, frame: WSFrame, kind: WSMsgType) -> None:
        """Assemble a message of several frames (RFC 6455 §5.4), within the limit."""
        fragments = self._fragments
        is_first = kind is _TEXT or kind is _BINARY
        if is_first is not (fragments is None):
            self._context.counters.violations += 1
            self.close(1002, "fragments out of order")
            return
        if fragments is None:
            fragments = self._fragments = bytearray()
        if len(fragments) + frame.payload_size > self._max_message:
            self._context.counters.oversize += 1
            self.close(1009, f"a message has at most {self._max_message} bytes")
            return
        fragments += frame.get_payload_as_bytes()
        if frame.fin:
            self._fragments = None
            self.connection.receive(bytes(fragments), self._context.clock.now())

    def _ping_turn(self) -> None:
        transport = self._transport
        if transport is None or self._is_closing:
            return
        limits = self._context.limits
        self._context.wheel.after(limits.ping_every_s, self._ping_turn)
        self.connection.look_after()
        if self._habits.is_off:
            return
        # Some stations never answer a ping: their silence proves nothing, and their TCP still
        # acknowledges, which keep_watch() has the system look after.
        answers = self._has_ponged or self._habits.answers
        if answers and self._silent_turns >= limits.half_open_after:
            self._context.counters.half_open += 1
            self._fell_silent = True
            self.close(1001, "no sign of life")
            return
        # While we do not read, the silence is ours.
        self._silent_turns = self._silent_turns + 1 if self._is_reading else 0
        self._outlived_ping = self._pinged_at is not None
        self._pinged_at = self._context.clock.now()
        transport.send_ping()
