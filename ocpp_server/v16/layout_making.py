"""Making a layout of a frame that the decoder took without a breach. Pure.

Finds the places of a frame by its text and compares them with what was decoded: where the two
do not agree to the last sample, there is no layout.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from msgspec import UNSET

from domain.events import AnyEvent, MeterSampled, StatusReported
from ocpp_server.memory import Memory
from ocpp_server.v16.layouts import Layout, SampledMoment
from ocpp_server.v16.messages import MeterValues, StatusNotification
from ocpp_server.v16.meters import scaling_of

# Without escapes a quote begins or ends a string, so none of these can stand inside of one.
_PLACE = re.compile(
    rb'"(value|timestamp)"\s*:\s*"([^"\\]*)"'
    rb'|"(connectorId|transactionId)"\s*:\s*(-?[0-9]+)(?=\s*[,}])'
)
_TRANSACTION = re.compile(rb"[1-9][0-9]{0,17}\Z")
_WIDEST_VALUE = 40  # a number of hundreds of digits may be infinite


class _Place(NamedTuple):
    """A place in a frame: which member it is, where it stands, its number among all parts."""

    name: bytes
    start: int
    end: int
    part: int


def layout_of(
    tail: bytes, message: object, events: tuple[AnyEvent, ...], memory: Memory
) -> Layout | None:
    """Return the layout of a frame that was decoded without a breach; None where it has none.

    `events` are those of the message. A layout that does not read the same from the frame it
    was made of is none.
    """
    if b"\\" in tail or not events:
        return None
    places = _places_in(tail)
    match message:
        case StatusNotification():
            layout = _layout_of_status(tail, places, events)
        case MeterValues():
            layout = _layout_of_values(tail, places, message, events)
        case _:
            return None
    first = events[0]
    if layout and layout.read(tail, memory, first.observed_at, first.position) == events:
        return layout
    return None


def _layout_of_status(
    tail: bytes, places: list[_Place], events: tuple[AnyEvent, ...]
) -> Layout | None:
    (connectors, stamps, rest) = _by_name(places, b"connectorId", b"timestamp")
    reported = events[0]
    if len(connectors) != 1 or len(stamps) > 1 or rest or type(reported) is not StatusReported:
        return None
    unpack, texts = _cut(tail, places)
    return Layout(
        unpack,
        texts,
        connectors[0].part,
        stamp=stamps[0].part if stamps else -1,
        status=reported.status,
        error=reported.error,
    )


def _layout_of_values(
    tail: bytes, places: list[_Place], message: MeterValues, events: tuple[AnyEvent, ...]
) -> Layout | None:
    connectors, stamps, values, transactions = _by_name(
        places, b"connectorId", b"timestamp", b"value"
    )
    moments = _moments_of(stamps, values, message, events)
    # Members that stand there twice, or under another spelling, do not add up.
    if len(connectors) != 1 or len(transactions) > 1 or moments is None:
        return None
    unpack, texts = _cut(tail, places)
    return Layout(
        unpack,
        texts,
        connectors[0].part,
        transaction=transactions[0].part if transactions else -1,
        moments=moments,
    )


def _moments_of(
    stamps: list[_Place],
    values: list[_Place],
    message: MeterValues,
    events: tuple[AnyEvent, ...],
) -> tuple[SampledMoment, ...] | None:
    told = () if message.meter_value is UNSET else message.meter_value
    if not len(told) == len(stamps) == len(events):
        return None
    moments: list[SampledMoment] = []
    left = list(values)
    for stamp, moment, event in zip(stamps, told, events, strict=True):
        sampled = () if moment.sampled_value is UNSET else moment.sampled_value
        scalings = [scaling_of(value) for value in sampled]
        of_moment, left = left[: len(sampled)], left[len(sampled) :]
        if (
            type(event) is not MeterSampled
            or not 0 < len(sampled) == len(of_moment) == len(event.samples)
            or any(place.end - place.start > _WIDEST_VALUE for place in of_moment)
            or of_moment[-1].part - of_moment[0].part != 2 * (len(sampled) - 1)
        ):
            return None
        samples = event.samples
        moments.append(
            SampledMoment(
                stamp.part,
                slice(of_moment[0].part, of_moment[-1].part + 1, 2),
                tuple(sample.measurand for sample in samples),
                tuple(sample.unit for sample in samples),
                tuple(sample.phase for sample in samples),
                tuple(sample.context for sample in samples),
                tuple(factor for factor, _ in scalings),
                tuple(offset for _, offset in scalings),
                any(scaling != (1.0, 0.0) for scaling in scalings),
            )
        )
    return None if left else tuple(moments)


def _by_name(places: list[_Place], *names: bytes) -> list[list[_Place]]:
    """Sort places by their names; last come those of any other name."""
    found: list[list[_Place]] = [[] for _ in (*names, "other")]
    for place in places:
        found[names.index(place.name) if place.name in names else -1].append(place)
    return found


def _places_in(tail: bytes) -> list[_Place]:
    places: list[_Place] = []
    for found in _PLACE.finditer(tail):
        name, group = (found[1], 2) if found[1] is not None else (found[3], 4)
        # A number that stands for "none" (0, -1) is no place but a text.
        if name != b"transactionId" or _TRANSACTION.match(found[group]):
            places.append(_Place(name, *found.span(group), 2 * len(places) + 1))
    return places


def _cut(
    tail: bytes, places: list[_Place]
) -> tuple[Callable[[bytes], tuple[bytes, ...]], tuple[bytes, ...]]:
    """Return what takes a frame apart into texts and places, and the texts of this one."""
    widths: list[int] = []
    at = 0
    for place in places:
        widths += [place.start - at, place.end - place.start]
        at = place.end
    unpack = Struct("".join(f"{width}s" for width in [*widths, len(tail) - at])).unpack
    return unpack, unpack(tail)[::2]
