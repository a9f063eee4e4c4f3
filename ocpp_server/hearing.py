"""Whether a station still takes our calls in: deaf is one that speaks and answers none. Pure.

After a long idle time some stations go on with their heartbeats and answer no call until they
reconnect (quirk A12). One unanswered call may be lost; two in a row, and a word of the station
after them, are a deaf station. A dead link is not: nothing is heard from it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

DEAF_COUNT = 2
"""Calls in a row, unanswered, that make a station deaf once it is heard again."""

LOG_PATIENCE = timedelta(seconds=30)
"""Time for an answer that is allowed to stations of a log, which names none."""

LOG_CALLS = 32
"""Unanswered calls of a log kept in mind per station; the oldest is given up first."""


class Hearing:
    """What one connection's station makes of our calls.

    `is_suspect`: enough went unanswered; whatever is heard next makes the station deaf.
    """

    __slots__ = ("_missed", "_since_at", "is_deaf", "is_suspect")

    def __init__(self) -> None:
        self._missed = 0
        self._since_at: datetime | None = None
        self.is_suspect = False
        self.is_deaf = False

    def missed(self, left_at: datetime) -> None:
        """A call that left at this moment was not answered in its time."""
        if self._since_at is None:
            self._since_at = left_at
        self._missed += 1
        self.is_suspect = self._missed >= DEAF_COUNT and not self.is_deaf

    def heard(self) -> tuple[int, datetime] | None:
        """The station said something, but no answer.

        Returns how many calls it left unanswered, and since when, where that makes it deaf.
        """
        if not self.is_suspect or self._since_at is None:
            return None
        self.is_suspect, self.is_deaf = False, True
        return self._missed, self._since_at

    def answered(self) -> bool:
        """The station answered a call, a late answer included; True where it was deaf."""
        was_deaf = self.is_deaf
        self._missed, self._since_at = 0, None
        self.is_suspect = self.is_deaf = False
        return was_deaf


class LoggedHearing(Hearing):
    """The same of a station in a log, where nobody but the lines tells that time is over.

    Logs are excerpts at times: what a call asked for, said in time, is as good as its answer.
    """

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[str, tuple[datetime, str]] = {}

    def called(self, message_id: str, at: datetime, *, asked_for: str = "") -> None:
        """A call of the central system stands in the log; `asked_for`: what it triggers."""
        self._calls[message_id] = at, asked_for
        if len(self._calls) > LOG_CALLS:
            del self._calls[next(iter(self._calls))]

    def pass_time(self, now: datetime) -> None:
        """Give up the calls whose time for an answer is over."""
        for message_id, (left_at, _) in list(self._calls.items()):
            if now - left_at > LOG_PATIENCE:
                del self._calls[message_id]
                self.missed(left_at)

    def is_asked_for(self, action: str) -> bool:
        """Tell whether a call that still has its time asked for this."""
        return bool(action) and any(asked == action for _, asked in self._calls.values())

    def answered(self) -> bool:
        """The station answered a call: those before it count no more."""
        self._calls.clear()
        return super().answered()
