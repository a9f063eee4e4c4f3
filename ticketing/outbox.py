"""The outbox: hands queued notices to their channels until sent, or a person is needed.

The store's queue is the truth. A notice may be tried twice after a crash; its key makes that
harmless. Nothing is decided here about what is said, or to whom.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Protocol, assert_never

import structlog

from domain.ports import Channel, Clock, Outcome, Rejected, RetryLater, Sent
from domain.stores import StoreUnavailableError
from domain.tickets import Notice

log = structlog.get_logger()

RETRY_FIRST = timedelta(seconds=30)
RETRY_LONGEST = timedelta(hours=1)
PARKED_AFTER = timedelta(days=3)
"""A notice that could not be sent for this long is shown to a person instead."""
SEND_TIMEOUT_S = 60.0
AT_ONCE = 8
"""Notices under way at the same time."""
BATCH = 100
LOOK_AGAIN_S = 60.0
"""Longest sleep: the clock of a sleeping machine may have jumped."""
AFTER_TROUBLE_S = 5.0


class Queued(Protocol):
    """A queued notice and how often it was tried."""

    @property
    def notice(self) -> Notice:
        """The notice."""

    @property
    def attempts(self) -> int:
        """Attempts that failed so far."""


class NoticeQueue(Protocol):
    """The store's side of the outbox. Every method is one short transaction."""

    def due(self, now: datetime, limit: int = ...) -> Sequence[Queued]:
        """Return the notices whose next attempt is due, the longest due first."""

    def next_attempt_at(self) -> datetime | None:
        """Return when the next notice is due; None where none is queued."""

    def mark_sent(self, key: str, *, at: datetime, remote_id: str = ...) -> bool:
        """Note that the outside has it."""

    def mark_retry(self, key: str, *, at: datetime, next_at: datetime, reason: str) -> bool:
        """Note a failed attempt and when the next one is due."""

    def park(self, key: str, *, at: datetime, reason: str) -> bool:
        """Stop trying: a person has to look at it."""


def retry_after(key: str, attempts: int) -> timedelta:
    """Return how long to wait after so many failed attempts: 30 s, doubling, at most 1 h.

    Spread by up to a fifth either way, by key, so that notices that failed together do not come
    back together; the same key waits the same time in every run.
    """
    wait = min(RETRY_FIRST * (1 << min(attempts, 10)), RETRY_LONGEST)
    digest = blake2b(f"{key}#{attempts}".encode(), digest_size=2).digest()
    spread = 0.8 + 0.4 * int.from_bytes(digest) / 0xFFFF
    return min(wait * spread, RETRY_LONGEST)


class Outbox:
    """Sends what is queued. `counts` says how attempts ended: sent, retried, parked, failed."""

    def __init__(
        self, queue: NoticeQueue, channels: Mapping[str, Channel], clock: Clock
    ) -> None:
        self._queue = queue
        self._channels = channels
        self._clock = clock
        self._has_news = asyncio.Event()
        # Until when notices to one reader about one ticket wait, because an earlier one does.
        self._held: dict[tuple[str, str, str], tuple[str, datetime]] = {}
        # What became of notices, where the store refused to take it down. Asked for again, they
        # must not leave again: a mail server knows no keys.
        self._unnoted: dict[str, Outcome] = {}
        self.counts: Counter[str] = Counter()

    def wake(self) -> None:
        """Look at the queue now: something was put into it."""
        self._has_news.set()

    async def run(self) -> None:
        """Send until cancelled. The one supervisor of this task: trouble is logged, then on."""
        while True:
            self._has_news.clear()
            try:
                sent = await self.send_due()
                pause_s = 0.0 if sent else self._pause_s()
            except StoreUnavailableError as error:
                log.warning("outbox not readable or writable", reason=error.reason)
                pause_s = AFTER_TROUBLE_S
            except Exception:
                log.exception("outbox stumbled")
                self.counts["failed"] += 1
                pause_s = AFTER_TROUBLE_S
            await self._sleep(pause_s)

    async def send_due(self) -> int:
        """Try every notice that is due now, danger first; return how many were tried.

        Raises `StoreUnavailableError` where the queue cannot be read, or, once all were tried,
        where it did not take down what became of them.
        """
        now = self._clock.now()
        queued = sorted(self._queue.due(now, BATCH), key=lambda one: not one.notice.is_danger)
        lanes: dict[tuple[str, str, str], list[Queued]] = {}
        for one in queued:
            lanes.setdefault(_lane(one.notice), []).append(one)
        limit = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for lane in lanes.values():
                group.create_task(self._send_lane(lane, limit))
        if self._unnoted:
            raise StoreUnavailableError(f"{len(self._unnoted)} outcomes not taken down")
        return len(queued)

    def _pause_s(self) -> float:
        next_at = self._queue.next_attempt_at()
        if next_at is None:
            return LOOK_AGAIN_S
        return min(max((next_at - self._clock.now()).total_seconds(), 0.05), LOOK_AGAIN_S)

    async def _sleep(self, pause_s: float) -> None:
        if pause_s <= 0:
            return
        try:
            async with asyncio.timeout(pause_s):
                await self._has_news.wait()
        except TimeoutError:
            pass

    async def _send_lane(self, lane: list[Queued], limit: asyncio.Semaphore) -> None:
        """Send one reader's notices about one ticket, one after the other.

        The one supervisor of this task: a channel that stumbles over a notice holds up nobody
        else's.
        """
        async with limit:
            for one in lane:
                outcome = self._unnoted.pop(one.notice.key, None) or await self._try(one.notice)
                try:
                    self._settle(one, outcome)
                except StoreUnavailableError:
                    self._unnoted[one.notice.key] = outcome

    async def _try(self, notice: Notice) -> Outcome:
        try:
            return self._refusal(notice) or await self._send(notice)
        except Exception:
            log.exception("channel stumbled", key=notice.key)
            return RetryLater("the channel stumbled; the log has the traceback")

    def _refusal(self, notice: Notice) -> Outcome | None:
        """Return why a notice is not even tried; None where it is."""
        held = self._held.get(_lane(notice))
        if held is not None and held[0] != notice.key and held[1] > self._clock.now():
            return RetryLater("an earlier notice to the same reader has not left yet")
        if notice.channel not in self._channels:
            return Rejected(
                f"no {_CHANNEL_NAMES.get(notice.channel, notice.channel)} channel configured"
            )
        return None

    async def _send(self, notice: Notice) -> Outcome:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                return await self._channels[notice.channel].send(notice)
        except TimeoutError:
            return RetryLater(f"no answer within {SEND_TIMEOUT_S:.0f} s")

    def _settle(self, one: Queued, outcome: Outcome) -> None:
        notice, now, lane = one.notice, self._clock.now(), _lane(one.notice)
        match outcome:
            case Sent(remote_id):
                self._queue.mark_sent(notice.key, at=now, remote_id=remote_id)
                self._held.pop(lane, None)
                word = "sent"
            case RetryLater(reason) if now - notice.at < PARKED_AFTER:
                next_at = now + retry_after(notice.key, one.attempts)
                self._queue.mark_retry(notice.key, at=now, next_at=next_at, reason=reason)
                self._held.setdefault(lane, (notice.key, next_at))
                if self._held[lane][0] == notice.key:
                    self._held[lane] = (notice.key, next_at)
                word = "retried"
            case RetryLater(reason) | Rejected(reason):
                self._queue.park(notice.key, at=now, reason=reason)
                self._held.pop(lane, None)
                word = "parked"
            case _:
                assert_never(outcome)
        self.counts[word] += 1
        reason = "" if isinstance(outcome, Sent) else outcome.reason
        log.info(
            "notice tried", outcome=word, key=notice.key, ticket=notice.ticket, because=reason
        )


_CHANNEL_NAMES = {"sms": "SMS", "email": "mail"}


def _lane(notice: Notice) -> tuple[str, str, str]:
    return (notice.ticket, notice.channel, notice.to)
