"""The recorder: everything of one turn of the event loop into the journal with one commit.

Entries first, then the answers that waited for them, then the events, in that order. While the
journal refuses, nothing is answered and nothing is believed; it is tried again until it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import msgspec
import structlog

from domain.events import AnyEvent, Heard
from domain.journal import Entry, EntryKind, Journal, JournalUnavailableError
from domain.places import StationId
from domain.ports import Clock

log = structlog.get_logger(__name__)

MOST_ENTRIES = 1_000
"""Of one commit: what waits longer goes into the next."""

RETRY_S = 1.0
"""Pause before a journal that refused is tried again."""

FOLD_SLOTS = 60
"""Signs of life are journalled once a minute, a sixtieth of the stations each second."""

Believe = Callable[[list[AnyEvent]], None]
_EVENT_CODER = msgspec.json.Encoder()


class _Life:
    """Signs of life of one station that have no entry yet."""

    __slots__ = ("count", "first_at", "gap", "last_at")

    def __init__(self, at: datetime) -> None:
        self.first_at = self.last_at = at
        self.count = 1
        self.gap = timedelta(0)


class GroupRecorder:
    """`domain.ports.Recorder` over a journal, on one event loop.

    `believe` is called with the events of a commit, in order, once it is durable and its
    answers have left. `beside_loop` commits in a thread: right where an fsync is slow.
    """

    def __init__(
        self, journal: Journal, clock: Clock, believe: Believe, *, beside_loop: bool
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._believe = believe
        self._position = journal.last_position
        self._entries: list[Entry] = []
        self._events: list[AnyEvent] = []
        self._sends: list[tuple[Callable[[bytes], None], bytes]] = []
        self._lives: dict[StationId, _Life] = {}
        self._is_scheduled = False
        self._trouble = ""
        self._pool = ThreadPoolExecutor(1, "journal") if beside_loop else None
        self._task: asyncio.Task[None] | None = None
        self._slot = 0

    # --- domain.ports.Recorder -------------------------------------------------------------

    @property
    def is_accepting(self) -> bool:
        """False while the journal cannot be written."""
        return not self._trouble

    @property
    def trouble(self) -> str:
        """Why the journal cannot be written; "" while it can."""
        return self._trouble

    def take_position(self) -> int:
        """Return the position the next entry will have."""
        return self._position + 1

    def record(self, entry: Entry, events: tuple[AnyEvent, ...] = ()) -> None:
        """Put an entry and its events into the present turn's commit."""
        if entry.position != self._position + 1:
            raise AssertionError(f"entry {entry.position} does not follow {self._position}")
        self._position = entry.position
        self._entries.append(entry)
        self._events += events
        if not self._is_scheduled:
            self._schedule()

    def exchange(
        self,
        call: Entry,
        events: tuple[AnyEvent, ...],
        answer: bytes,
        send: Callable[[bytes], None],
    ) -> None:
        """Record a call and its answer; `send(answer)` follows once both are durable."""
        position = call.position
        if position != self._position + 1:
            raise AssertionError(f"entry {position} does not follow {self._position}")
        self._position = position + 1
        both = Entry(position, call.at, call.kind, call.station, call.body, answer)
        self._entries.append(both)
        self._events += events
        self._sends.append((send, answer))
        if not self._is_scheduled:
            self._schedule()

    def after_commit(self, send: Callable[[bytes], None], frame: bytes) -> None:
        """Call `send(frame)` once everything recorded so far is durable."""
        self._sends.append((send, frame))
        if not self._is_scheduled:
            self._schedule()

    def heard(self, station: StationId) -> None:
        """Count a sign of life."""
        now = self._clock.now()
        life = self._lives.get(station)
        if life is None:
            self._lives[station] = _Life(now)
            return
        gap = now - life.last_at
        if gap > life.gap:
            life.gap = gap
        life.last_at = now
        life.count += 1

    # --- for core ----------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """True where nothing waits for a commit: all that is recorded is believed."""
        return not self._entries and not self._sends and self._task is None

    @property
    def position(self) -> int:
        """Position of the newest entry recorded; durable and believed where `is_idle`."""
        return self._position

    def record_fact(self, make: Callable[[int], AnyEvent], station: StationId | None) -> int:
        """Record an event that had no frame; `make` gets its position. Returns the position."""
        position = self.take_position()
        event = make(position)
        body = _EVENT_CODER.encode(event)
        entry = Entry(position, event.observed_at, EntryKind.FACT, station, body)
        self.record(entry, (event,))
        return position

    def fold(self, *, everything: bool = False) -> None:
        """Journal the signs of life of the next slot of stations; call it once a second.

        While the journal refuses they are only counted on: nothing grows with the outage.
        """
        if self._trouble and not everything:
            return
        self._slot = (self._slot + 1) % FOLD_SLOTS
        due = [
            station
            for station in self._lives
            if everything or hash(station) % FOLD_SLOTS == self._slot
        ]
        now = self._clock.now()
        for station in due:
            self.record_fact(_heard(station, self._lives.pop(station), now), station)

    async def flush(self) -> None:
        """Wait until everything recorded so far is durable and believed."""
        while self._entries or self._sends or self._task is not None:
            if self._task is None:
                self._commit_now()
            if self._task is not None:
                await asyncio.shield(self._task)
                await asyncio.sleep(0)  # a task that is done has yet to be noticed

    async def close(self) -> None:
        """Fold, flush and end the commit thread."""
        self.fold(everything=True)
        await self.flush()
        if self._pool is not None:
            self._pool.shutdown()

    # --- commits -----------------------------------------------------------------------------

    def _schedule(self) -> None:
        """Commit at the end of this turn, unless a commit under way will look again anyway."""
        if not self._is_scheduled and self._task is None:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._commit_now)

    def _commit_now(self) -> None:
        self._is_scheduled = False
        if self._task is not None or not (self._entries or self._sends):
            return
        if self._pool is not None:
            self._start(self._commit_beside())
            return
        try:
            for start in range(0, len(self._entries), MOST_ENTRIES):
                self._journal.append(self._entries[start : start + MOST_ENTRIES])
        except JournalUnavailableError as error:
            self._drop_stored()
            self._start(self._retry(error.reason))
            return
        self._committed()

    def _drop_stored(self) -> None:
        """Forget entries of earlier slices that are durable already, keep their effects."""
        stored = self._journal.last_position
        self._entries = [entry for entry in self._entries if entry.position > stored]

    def _committed(self) -> None:
        sends, events = self._sends, self._events
        self._entries, self._sends, self._events = [], [], []
        _answer(sends)
        self._believe(events)

    async def _commit_beside(self) -> None:
        pool = self._pool
        loop = asyncio.get_running_loop()
        while self._entries or self._sends:
            entries, sends, events = self._entries, self._sends, self._events
            self._entries, self._sends, self._events = [], [], []
            while entries:
                try:
                    await loop.run_in_executor(
                        pool, self._journal.append, entries[:MOST_ENTRIES]
                    )
                    entries = entries[MOST_ENTRIES:]
                except JournalUnavailableError as error:
                    await self._wait_after(error.reason)
            self._recovered()
            _answer(sends)
            self._believe(events)

    async def _retry(self, reason: str) -> None:
        while True:
            await self._wait_after(reason)
            try:
                entries = list(self._entries)
                for start in range(0, len(entries), MOST_ENTRIES):
                    self._journal.append(entries[start : start + MOST_ENTRIES])
            except JournalUnavailableError as error:
                self._drop_stored()
                reason = error.reason
                continue
            self._recovered()
            self._committed()
            return

    async def _wait_after(self, reason: str) -> None:
        if not self._trouble:
            log.error("journal not writable: stations get no answers", reason=reason)
        self._trouble = reason
        await asyncio.sleep(RETRY_S)

    def _recovered(self) -> None:
        if self._trouble:
            log.warning("journal writable again", was=self._trouble)
        self._trouble = ""

    def _start(self, work: Coroutine[object, object, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(work)
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
        if self._entries or self._sends:
            self._schedule()


def _answer(sends: list[tuple[Callable[[bytes], None], bytes]]) -> None:
    """Send what waited for the commit. The supervisor of each answer: one stops no other."""
    for send, frame in sends:
        try:
            send(frame)
        except Exception:
            log.exception("answer not sent")


def _heard(station: StationId, life: _Life, now: datetime) -> Callable[[int], AnyEvent]:
    def make(position: int) -> AnyEvent:
        return Heard(
            observed_at=now,
            position=position,
            station=station,
            first_at=life.first_at,
            last_at=life.last_at,
            count=life.count,
            longest_gap_s=round(life.gap.total_seconds(), 3),
        )

    return make
