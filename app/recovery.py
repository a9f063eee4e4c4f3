"""From what is on disk to a core that knows what it knew: snapshot, then the journal after it.

Every decision since the snapshot is taken again and gives the same keys; the ticket store says
which of them it has applied already. Nothing is doubled, nothing is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import structlog

from app.interpret import Interpreter
from app.pipeline import Outcome, Pipeline
from domain.journal import Journal
from domain.places import StationId
from gateway.snapshot import read_snapshot, write_snapshot
from ocpp_server.translate import Translation
from rules.state import EngineState
from ticketing.store import TicketStore

log = structlog.get_logger(__name__)

SAY_EVERY = 100_000
"""Journal entries after which a long replay says how far it is."""

SNAPSHOT_VERSION = 1

CERTAIN_AFTER = timedelta(minutes=10)
"""What lies this far before the store's last commit was decided on and stored. Closer to it,
entries may have waited for the disk while a later moment was stored: there the keys decide."""


class CoreSnapshot(msgspec.Struct, frozen=True):
    """All that core holds in memory, as of a journal position."""

    position: int
    at: datetime
    engine: EngineState
    translations: dict[StationId, Translation]


_SNAPSHOT_READER = msgspec.msgpack.Decoder(CoreSnapshot)
_SNAPSHOT_CODER = msgspec.msgpack.Encoder()


def load_snapshot(path: Path) -> CoreSnapshot | None:
    """Read the newest usable snapshot; None where everything has to be replayed."""
    payload = read_snapshot(path, version=SNAPSHOT_VERSION)
    if payload is None:
        return None
    try:
        return _SNAPSHOT_READER.decode(payload)
    except msgspec.MsgspecError as error:
        log.warning("snapshot of another form: replaying the journal", reason=str(error))
        return None


def encode_snapshot(snapshot: CoreSnapshot) -> bytes:
    """Return a snapshot as bytes; cheap enough for the event loop."""
    return _SNAPSHOT_CODER.encode(snapshot)


def save_snapshot(path: Path, payload: bytes) -> None:
    """Write an encoded snapshot; slow (fsync), so beside the event loop."""
    write_snapshot(path, payload, version=SNAPSHOT_VERSION)


class Replayed(msgspec.Struct, frozen=True):
    """What a replay came to: how many entries, and the moment of the last one."""

    count: int
    last_at: datetime | None


def replay_journal(
    journal: Journal,
    store: TicketStore,
    interpreter: Interpreter,
    pipeline: Pipeline,
    after: CoreSnapshot | None,
    commit: Callable[[Outcome, int, datetime], None],
) -> Replayed:
    """Take the journal in again from a snapshot on; `commit` stores what was not stored."""
    position = after.position if after else 0
    last_at = after.at if after else None
    count = 0
    stored_until = store.watermark()
    certain_until = None
    if after is None and stored_until is not None:
        # Retention may have taken the beginning: episodes are then counted from another one,
        # their keys say nothing, and what was told a month ago would be told again.
        certain_until = stored_until - CERTAIN_AFTER
    applied = _Applied(store)
    for entry in journal.read(position):
        is_certain = certain_until is not None and entry.at <= certain_until
        try:
            events = interpreter.read(entry)
        except msgspec.MsgspecError as error:  # of a newer release, or damaged
            log.warning("entry passed by", position=entry.position, reason=str(error))
            events = ()
        outcome = pipeline.feed(
            entry.at, events, applied=_EVERYTHING if is_certain else applied
        )
        if outcome.commands or outcome.keys:
            commit(outcome, entry.position, entry.at)
        position, last_at = entry.position, entry.at
        count += 1
        if count % SAY_EVERY == 0:
            log.info("replaying the journal", entries=count, until=last_at)
    is_whole = store.position() <= position  # the journal lost nothing the store knows of
    if is_whole and last_at is not None and stored_until is not None and last_at < stored_until:
        # Deadlines that passed without an entry were decided on, too.
        outcome = pipeline.feed(stored_until, applied=applied)
        if outcome.commands or outcome.keys:
            commit(outcome, position, stored_until)
        last_at = stored_until
    return Replayed(count, last_at)


class _Applied:
    """The keys that the store has, asked one by one: decisions are rare."""

    def __init__(self, store: TicketStore) -> None:
        self._store = store

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bool(self._store.is_applied([key]))


class _Everything:
    """All keys there can be."""

    def __contains__(self, key: object) -> bool:
        return True


_EVERYTHING: Container[str] = _Everything()
