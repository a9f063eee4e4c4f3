"""Queues blocked by one record: the same call again and again, although it was answered. Pure.

A station keeps what concerns transactions until it is acknowledged. Some do not take our
answer for one, whatever it is, and say the record for ever; what stands behind it, faults too,
does not come (quirk F1). The id may change from call to call: action and payload count.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from hashlib import blake2b

import msgspec

from domain.events import AnyEvent, QueueBlocked, QueueMovedOn
from domain.places import StationId
from ocpp_server.reading import Reading

BLOCKED_COUNT = 5
"""Times that one record has to come; a station that missed an answer repeats it twice or so."""

BLOCKED_WITHIN = timedelta(minutes=15)
"""Within this: stations wait longer from one attempt to the next, some minutes in the end."""

RECORD_LIMIT = 4
"""Records remembered; a station may say others in between without its queue moving on."""

_ALWAYS = frozenset({"StartTransaction", "StopTransaction", "TransactionEvent"})
_BEFORE_ACTION = re.compile(rb'\s*\[\s*2\s*,\s*(?:"(?:[^"\\]|\\.){0,255}"|-?[0-9]{1,255})\s*,')
_DATED = b'"timestamp"'


class Record(msgspec.Struct):
    """One record of a station's queue: how often and when it came."""

    digest: bytes
    action: str
    count: int
    first_at: datetime
    is_told: bool = False
    last_at: datetime | None = None  # when it came again


class Queue(msgspec.Struct):
    """What is remembered of a station's queue, the latest record last."""

    records: list[Record] = []

    @property
    def is_blocked(self) -> bool:
        """Tell whether one record was told of as blocking, and nothing new came since."""
        return any(record.is_told for record in self.records)


def is_queued(reading: Reading, frame: bytes) -> bool:
    """Tell whether a call stands for a record that can be known again.

    Meter values without a moment are readings: two that are equal are two of them.
    """
    if reading.action == "MeterValues":
        # Not `in`, which tries bytes as a number first and drops the exception.
        return bool(reading.raw_id) and frame.find(_DATED) >= 0
    return reading.action in _ALWAYS and bool(reading.raw_id)


def note_record(
    queue: Queue, station: StationId, action: str, frame: bytes, *, at: datetime, position: int
) -> tuple[AnyEvent, ...]:
    """Take one record in; return that it blocks the queue, or that the queue moved on."""
    digest = _digest_of(frame)
    for record in queue.records:
        if record.digest == digest:
            return _again(record, station, at, position)
    blocking = [record for record in queue.records if _blocks(record, action, at)]
    moved = tuple(
        QueueMovedOn(station=station, action=told.action, observed_at=at, position=position)
        for told in queue.records
        if told.is_told and told not in blocking
    )
    # What blocks is forgotten last: readings that pass it by must not push it out.
    others = [] if moved else [r for r in queue.records if not r.is_told]
    others = [*others, Record(digest, action, 1, at)]
    blocking = blocking[: RECORD_LIMIT - 1]
    queue.records = [*blocking, *others[len(blocking) - RECORD_LIMIT :]]
    return moved


def _blocks(record: Record, action: str, at: datetime) -> bool:
    """Tell whether a record that was told of still blocks when another call comes.

    Some stations keep transactions in a queue and send readings beside it: a new reading does
    not prove that a transaction moved on, only silence about it does.
    """
    if not record.is_told or action != "MeterValues" or record.action == "MeterValues":
        return False
    return record.last_at is not None and at - record.last_at <= BLOCKED_WITHIN


def _again(
    record: Record, station: StationId, at: datetime, position: int
) -> tuple[AnyEvent, ...]:
    record.last_at = at
    if record.is_told:
        return ()
    if at - record.first_at > BLOCKED_WITHIN:
        record.count, record.first_at = 0, at
    record.count += 1
    if record.count < BLOCKED_COUNT:
        return ()
    record.is_told = True
    blocked = QueueBlocked(
        station=station,
        action=record.action,
        count=record.count,
        first_at=record.first_at,
        observed_at=at,
        position=position,
    )
    return (blocked,)


def _digest_of(frame: bytes) -> bytes:
    """Return what tells a record from others: all of the frame that follows its id."""
    before = _BEFORE_ACTION.match(frame)
    said = frame if before is None else frame[before.end() :]
    return blake2b(said, digest_size=12).digest()
