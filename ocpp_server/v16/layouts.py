"""Layouts: frames that differ only in places where nothing but digits stands. Pure.

A layout is what a frame was behind its action: its texts, the places between them, each of a
fixed width, and what they mean. A frame whose texts all equal those of a layout, with a number
or a moment of the same width in every place, means the same with other numbers, and conforms as
the frame did that the layout was made of.

That is exact, never likely. A place is a whole number or lies inside a string, and what is
accepted in it can neither end the string nor break the number. Whatever is not certain (another
width, an escape anywhere, a number no connector has) is left to the decoder.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from operator import add, mul

import msgspec

from domain.events import AnyEvent, ErrorReport, MeterSampled, Sample, Status, StatusReported
from domain.places import Place
from ocpp_server.memory import Memory
from ocpp_server.moments import RFC3339, read_moment
from ocpp_server.scene import EVSE_NUMBERS, place_at

_DIGITS = b"0123456789"
_CONNECTORS = {b"%d" % number: number for number in EVSE_NUMBERS}
_RFC3339 = re.compile(RFC3339)


class SampledMoment(msgspec.Struct, frozen=True, gc=False):
    """The values of one moment: where they and its timestamp stand, and what they measure."""

    stamp: int
    values: slice
    measurands: tuple[str, ...]
    units: tuple[str, ...]
    phases: tuple[str, ...]
    contexts: tuple[str, ...]
    factors: tuple[float, ...]
    offsets: tuple[float, ...]
    is_scaled: bool  # False: every value is in its base unit already


class Layout(msgspec.Struct, frozen=True, gc=False):
    """Texts and places of a frame in turn; `connector`, `stamp`, ... are numbers of parts.

    -1 where there is no such place. A status has no `moments`.
    """

    unpack: Callable[[bytes], tuple[bytes, ...]]
    texts: tuple[bytes, ...]
    connector: int
    transaction: int = -1
    stamp: int = -1
    moments: tuple[SampledMoment, ...] = ()
    status: Status = Status.UNKNOWN
    error: ErrorReport | None = None

    def read(
        self, tail: bytes, memory: Memory, at: datetime, position: int
    ) -> tuple[AnyEvent, ...] | None:
        """Return the events of a frame as long as this layout; None where it is of another."""
        parts = self.unpack(tail)
        if parts[::2] != self.texts:
            return None
        number = _CONNECTORS.get(parts[self.connector])
        if number is None:
            return None
        place = place_at(memory.station, number)
        if self.moments:
            return self._sampled(parts, place, at, position)
        reported_at = None
        if self.stamp >= 0:
            reported_at = _moment_in(parts[self.stamp])
            if reported_at is None:
                return None
        reported = StatusReported(
            place=place,
            status=self.status,
            error=self.error,
            reported_at=reported_at,
            observed_at=at,
            position=position,
        )
        return (reported,)

    def _sampled(
        self, parts: tuple[bytes, ...], place: Place, at: datetime, position: int
    ) -> tuple[AnyEvent, ...] | None:
        transaction = ""
        if self.transaction >= 0:
            digits = parts[self.transaction]
            if not digits.isdigit() or digits[0] == ord("0"):
                return None
            transaction = digits.decode()
        events: tuple[AnyEvent, ...] = ()
        for moment in self.moments:
            reported_at = _moment_in(parts[moment.stamp])
            samples = _samples_in(parts[moment.values], moment)
            if reported_at is None or samples is None:
                return None
            event = MeterSampled(
                place=place,
                samples=samples,
                transaction=transaction,
                reported_at=reported_at,
                observed_at=at,
                position=position,
            )
            events += (event,)
        return events


def _samples_in(texts: tuple[bytes, ...], moment: SampledMoment) -> tuple[Sample, ...] | None:
    beside_digits = b"".join(texts).translate(None, b"0123456789.")
    if beside_digits.strip(b"-"):
        return None
    try:
        values = map(float, texts)
        if moment.is_scaled or beside_digits:  # "-0" is 0 once an offset was added
            values = map(add, map(mul, values, moment.factors), moment.offsets)
        return tuple(
            map(
                Sample,
                moment.measurands,
                values,
                moment.units,
                moment.phases,
                moment.contexts,
            )
        )
    except ValueError:
        return None


def _moment_in(raw: bytes) -> datetime | None:
    """Return the moment of a timestamp that its schema allows; None to have it looked at."""
    try:
        text = raw.decode("ascii")
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if raw.translate(_TO_ZERO) in _USUAL and not raw.startswith(b"24", _HOUR_AT):
        return moment
    return read_moment(text) if _RFC3339.match(text) else None


_TO_ZERO = bytes.maketrans(_DIGITS, b"0" * len(_DIGITS))
_HOUR_AT = len("YYYY-MM-DDT")
# Written so, what Python reads as a moment is one by the schema, too (but for an hour 24).
_USUAL = frozenset((b"0000-00-00T00:00:00Z", b"0000-00-00T00:00:00.000Z"))
