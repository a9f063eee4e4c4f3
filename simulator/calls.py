"""A station's outgoing CALLs: one outstanding at a time, transaction messages never lost.

OCPP 1.6 §4.4: a station sends the next CALL only once the last one was answered or timed out.
§3.7: messages about transactions are kept while the station is offline and sent in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.counters import Counters, FrameLog
from simulator.dress import Dresser, Payload
from simulator.timeline import Alarm, Timeline
from simulator.wire import Wire

ANSWER_TIMEOUT_S = 30.0
ATTEMPTS = 3
"""How often a transaction message is tried against errors and silence of a live connection."""
RETRY_S = 10.0
"""Pause before the second attempt; it grows with each (TransactionMessageRetryInterval)."""
WAITING_LIMIT = 200
"""CALLs a station keeps; above it the oldest that is not about a transaction gives way."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One CALL to come. `write` gives its body at the moment it is sent.

    Bodies are written late because the number of a transaction that began offline is known only
    once its StartTransaction was answered.
    """

    action: str
    write: Callable[[], Payload]
    on_answer: Callable[[Payload], None] | None = None
    on_lost: Callable[[], None] | None = None  # it will never be answered
    is_kept: bool = False  # about a transaction: survives offline times
    attempt_count: int = field(default=0, init=False)


@dataclass(slots=True)
class _Outstanding:
    call: Call
    id: str
    frame: str
    alarm: Alarm


class CallQueue:
    """The CALLs of one station. Sends nothing until `open` and then one at a time."""

    def __init__(
        self,
        station: str,
        timeline: Timeline,
        dresser: Dresser,
        counters: Counters,
        frame_log: FrameLog | None,
    ) -> None:
        self._station = station
        self._timeline = timeline
        self._dresser = dresser
        self._counters = counters
        self._log = frame_log
        self._waiting: deque[Call] = deque()
        self._outstanding: _Outstanding | None = None
        self._wire: Wire | None = None
        self._only: str | None = None
        self._pause: Alarm | None = None

    @property
    def is_idle(self) -> bool:
        """True when nothing waits and nothing is outstanding."""
        return not self._waiting and self._outstanding is None

    def open(self, wire: Wire, *, only: str | None = None) -> None:
        """Send over this connection from now on; `only` lets one action pass (the boot)."""
        self._wire = wire
        self._only = only
        self._send_next()

    def shut(self, because: str) -> None:
        """The connection went. What must be kept stays in the queue, the rest is lost."""
        self._wire = None
        outstanding = self._outstanding
        if outstanding is not None:
            self._give_up(outstanding, because)
            self._waiting.appendleft(outstanding.call)
        self._end_pause()
        lost = [call for call in self._waiting if not call.is_kept]
        self._waiting = deque(call for call in self._waiting if call.is_kept)
        for call in lost:
            self._drop(call)

    def put(self, call: Call) -> None:
        """Add a CALL at the end. While there is no connection, only kept ones are taken."""
        if self._wire is None and not call.is_kept:
            self._drop(call)
            return
        self._waiting.append(call)
        if len(self._waiting) > WAITING_LIMIT:
            self._make_room()
        self._send_next()

    def put_first(self, call: Call) -> None:
        """Add a CALL before all others."""
        self._waiting.appendleft(call)
        self._send_next()

    def answered(self, message_id: str, payload: Payload, answer: str) -> bool:
        """Take a CALLRESULT in; False when it answers nothing that is outstanding."""
        outstanding = self._outstanding
        if outstanding is None or outstanding.id != message_id:
            self._counters.stray_count += 1
            return False
        self._outstanding = None
        outstanding.alarm.cancel()
        self._counters.answered_count += 1
        if self._log is not None:
            self._note("answered", outstanding, answer=answer)
        if outstanding.call.on_answer is not None:
            outstanding.call.on_answer(payload)
        self._send_next()
        return True

    def failed(self, message_id: str, because: str, answer: str) -> bool:
        """Take a CALLERROR in; False when it answers nothing that is outstanding."""
        outstanding = self._outstanding
        if outstanding is None or outstanding.id != message_id:
            self._counters.stray_count += 1
            return False
        self._counters.error_count += 1
        if self._log is not None:
            self._note("failed", outstanding, answer=answer)
        self._retry_or_drop(outstanding, because)
        return True

    def _make_room(self) -> None:
        for call in self._waiting:
            if call.action not in ("StartTransaction", "StopTransaction"):
                self._waiting.remove(call)
                self._drop(call)
                return
        self._drop(self._waiting.popleft())

    def _send_next(self) -> None:
        wire = self._wire
        if wire is None or self._outstanding or self._pause or not self._waiting:
            return
        if self._only is not None and self._waiting[0].action != self._only:
            return
        call = self._waiting.popleft()
        call.attempt_count += 1
        message_id = self._dresser.message_id()
        frame = self._dresser.call(message_id, call.action, call.write())
        alarm = self._timeline.after(ANSWER_TIMEOUT_S, self._timed_out)
        self._outstanding = _Outstanding(call, message_id, frame, alarm)
        self._counters.sent_count += 1
        if self._log is not None:
            self._note("sent", self._outstanding)
        wire.send(frame)

    def _timed_out(self) -> None:
        outstanding = self._outstanding
        if outstanding is not None:
            self._retry_or_drop(outstanding, "timeout")

    def _retry_or_drop(self, outstanding: _Outstanding, because: str) -> None:
        self._give_up(outstanding, because)
        call = outstanding.call
        if call.is_kept and call.attempt_count < ATTEMPTS:
            self._waiting.appendleft(call)
            self._pause = self._timeline.after(RETRY_S * call.attempt_count, self._go_on)
            return
        self._drop(call)
        self._send_next()

    def _drop(self, call: Call) -> None:
        self._counters.dropped_count += 1
        if call.on_lost is not None:
            call.on_lost()

    def _go_on(self) -> None:
        self._pause = None
        self._send_next()

    def _end_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _give_up(self, outstanding: _Outstanding, because: str) -> None:
        self._outstanding = None
        outstanding.alarm.cancel()
        if because.startswith("error"):
            return  # answered, if not as hoped
        self._counters.unanswered_count += 1
        if self._log is not None:
            self._note("unanswered", outstanding, because=because)

    def _note(self, event: str, outstanding: _Outstanding, **more: object) -> None:
        assert self._log is not None  # noqa: S101 - asked by every caller
        self._log.write(
            self._timeline.wall,
            self._station,
            event,
            id=outstanding.id,
            action=outstanding.call.action,
            frame=outstanding.frame,
            **more,
        )
