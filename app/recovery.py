"""From what is on disk to a core that knows what it knew: snapshot, then the journal after it.

Every decision since the snapshot is taken again and gives the same keys; the ticket store says
which of them it has applied already. Nothing is doubled, nothing is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from app.interpret import Interpreter
from app.pipeline import Outcome, Pipeline
from domain.journal import Entry, Journal
from domain.places import StationId
from gateway.snapshot import read_snapshot, write_snapshot
from ocpp_server.translate import Translation
from rules.state import EngineState
from ticketing.store import TicketStore

log = structlog.get_logger(__name__)

BATCH = 500
"""Journal entries replayed between two commits of the ticket store."""

SNAPSHOT_VERSION = 1


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
    batch: list[Entry] = []
    for entry in journal.read(position):
        batch.append(entry)
        if len(batch) >= BATCH:
            last_at = _replay(batch, store, interpreter, pipeline, commit)
            count += len(batch)
            batch = []
            if count % 100_000 == 0:
                log.info("replaying the journal", entries=count, until=last_at)
    if batch:
        last_at = _replay(batch, store, interpreter, pipeline, commit)
        count += len(batch)
    return Replayed(count, last_at)


def _replay(
    batch: list[Entry],
    store: TicketStore,
    interpreter: Interpreter,
    pipeline: Pipeline,
    commit: Callable[[Outcome, int, datetime], None],
) -> datetime:
    applied = _Applied(store)
    for entry in batch:
        events = interpreter.read(entry)
        outcome = pipeline.feed(entry.at, events, applied=applied)
        if outcome.commands or outcome.keys:
            commit(outcome, entry.position, entry.at)
    return batch[-1].at


class _Applied:
    """The keys that the store has, asked one by one: decisions are rare."""

    def __init__(self, store: TicketStore) -> None:
        self._store = store

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bool(self._store.is_applied([key]))
