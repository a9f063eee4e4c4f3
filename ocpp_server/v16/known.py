"""Known frames: what stations say again and again, read at a glance instead of decoded. Pure.

Layouts are learned from frames that the decoder took without a breach. They are shared by all
stations and belong to none: a station that is silent or gone keeps nothing alive. There is a
most of them, and of what learning may cost.
"""

from __future__ import annotations

from datetime import datetime

from domain.events import AnyEvent, Heard
from ocpp_server.memory import Memory
from ocpp_server.reading import Reading
from ocpp_server.v16.layout_making import layout_of
from ocpp_server.v16.layouts import Layout

MOST_LAYOUTS = 2_048
"""Beyond it the oldest are forgotten: some 6 MB. A fleet has dozens, a mixed one hundreds."""

MOST_ALIKE = 4
"""Layouts that a glance cannot tell apart, tried one after the other."""

LONGEST = 8_192
"""Bytes of a payload; longer ones are always decoded."""

LEARN_ONE_IN = 16
"""Once the table is full, so many frames are decoded before one is learned from: stations whose
frames are never alike must not make us learn for ever, which costs more than decoding."""

_PLAIN_ID = bytes(code for code in range(0x20, 0x7F) if code not in b'"\\')
_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_WHOLE = 256  # bytes; of what is longer, a glance takes in every 16th
_STEP = 16

_Glance = tuple[int, bytes]


class KnownFrames:
    """The layouts of one action."""

    def __init__(self) -> None:
        self._layouts: dict[_Glance, tuple[Layout, ...]] = {}
        self._unlearned = 0

    def read(
        self, tail: bytes, memory: Memory, at: datetime, position: int
    ) -> tuple[AnyEvent, ...] | None:
        """Return the events of what stood behind the action; None where it has to be decoded.

        Such a frame conforms to its schema.
        """
        for layout in self._layouts.get(glance(tail), ()):
            events = layout.read(tail, memory, at, position)
            if events is not None:
                return events
        return None

    def learn(
        self, tail: bytes, message: object, events: tuple[AnyEvent, ...], memory: Memory
    ) -> None:
        """Remember the layout of a frame that was decoded without a breach."""
        self._unlearned += 1
        is_full = len(self._layouts) >= MOST_LAYOUTS
        if len(tail) > LONGEST or (is_full and self._unlearned < LEARN_ONE_IN):
            return
        self._unlearned = 0
        layout = layout_of(tail, message, events, memory)
        if layout is None:
            return
        if is_full:
            del self._layouts[next(iter(self._layouts))]
        key = glance(tail)
        self._layouts[key] = (layout, *self._layouts.get(key, ()))[:MOST_ALIKE]

    def forget(self) -> None:
        """Begin anew, as after a start."""
        self._layouts.clear()


KNOWN = {b"MeterValues": KnownFrames(), b"StatusNotification": KnownFrames()}
"""By action. They hold nothing of any station, only how frames look: all share them."""


def read_at_a_glance(
    frame: bytes, memory: Memory, *, at: datetime, position: int
) -> Reading | None:
    """Read a conforming heartbeat or a call like an earlier one; None: it has to be decoded."""
    parts = frame.split(b'"', 4)
    if len(parts) != 5:
        return None
    start, raw_id, comma, name, tail = parts
    # An id with an escape in it moves the parts; one that is not plain may be no text at all.
    if (
        start not in _STARTS
        or comma not in _COMMAS
        or not (raw_id.isalnum() or not raw_id.translate(None, _PLAIN_ID))
    ):
        return None
    if name == b"Heartbeat" and tail in _EMPTY:
        heard = Heard(station=memory.station, observed_at=at, position=position)
        return Reading(
            (heard,), "Heartbeat", b'"%b"' % raw_id, is_heartbeat=True, is_conforming=True
        )
    known = KNOWN.get(name)
    events = None if known is None else known.read(tail, memory, at, position)
    if events is None:
        return None
    return Reading(events, _NAMES[name], b'"%b"' % raw_id, is_conforming=True)


def learn(
    name: bytes, frame: bytes, message: object, events: tuple[AnyEvent, ...], memory: Memory
) -> None:
    """Remember how a frame looks that was decoded without a breach, where it may come again."""
    known = KNOWN.get(name)
    if known is not None:
        known.learn(frame.split(b'"', 4)[4], message, events, memory)


_STARTS = (b"[2,", b"[2, ")
_COMMAS = (b",", b", ")
_EMPTY = (b",{}]", b", {}]")
_NAMES = {name: name.decode() for name in KNOWN}


def glance(tail: bytes) -> _Glance:
    """Return what frames of one layout have in common: their length, and how they look."""
    length = len(tail)
    return length, (tail if length <= _WHOLE else tail[::_STEP]).translate(_TO_ZERO)
