"""Doing what a form asks once, however often the form is sent.

A double click, or a reload of an answer that was slow, sends the same form twice. Each form
carries a hidden key of its own; a repeat of a key within `KEPT_FOR` waits for the first one's
answer and gets that. This is remembered in the web process alone: a repeat after its restart,
or one that comes when a first try was lost on its way back from core, is done again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

T = TypeVar("T")

KEPT_FOR = timedelta(minutes=10)
"""How long the answer to a form is remembered."""

KEPT = 1_000
"""Answers remembered at most; beyond that the oldest is forgotten."""


class Once(Generic[T]):
    """Answers by key, for some minutes. Belongs to one event loop."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, tuple[datetime, asyncio.Task[T]]] = OrderedDict()

    async def do(
        self, key: Hashable, now: datetime, work: Callable[[], Coroutine[Any, Any, T]]
    ) -> T:
        """Do `work` and return its answer, or that of the same key's work done before.

        Work that fails raises its error to all who wait for it and is forgotten: the next try
        is a new one. It goes on when the one who asked has gone away.
        """
        self._forget(now)
        known = self._answers.get(key)
        if known is None:
            task = asyncio.create_task(work(), name="once")
            task.add_done_callback(lambda done: self._drop_failed(key, done))
            self._answers[key] = (now, task)
        else:
            task = known[1]
        return await asyncio.shield(task)

    def _drop_failed(self, key: Hashable, done: asyncio.Task[T]) -> None:
        if not done.cancelled() and done.exception() is None:
            return
        known = self._answers.get(key)
        if known is not None and known[1] is done:
            del self._answers[key]

    def _forget(self, now: datetime) -> None:
        while self._answers:
            at, task = next(iter(self._answers.values()))
            is_old = now - at >= KEPT_FOR or len(self._answers) > KEPT
            if not is_old or not task.done():
                return
            self._answers.popitem(last=False)
