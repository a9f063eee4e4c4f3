"""Ports: what the cores' shells need from the outside. Adapters live where DESIGN puts them.

An outside that answers does so with a value: sent, later, or never.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec

from domain.events import AnyEvent, Event
from domain.journal import Entry, Journal
from domain.places import StationId
from domain.tickets import Notice, Ticket

__all__ = [
    "Channel",
    "Clock",
    "CommandQueue",
    "CommandResult",
    "HelpDesk",
    "Journal",
    "Outcome",
    "Recorder",
    "Rejected",
    "RetryLater",
    "Sent",
    "Telemetry",
]


class Sent(msgspec.Struct, frozen=True, tag="sent"):
    """The outside has it. `remote_id` is its name for it, "" where it has none."""

    remote_id: str = ""


class RetryLater(msgspec.Struct, frozen=True, tag="retry"):
    """Not now; `reason` says why, and the same key may be sent again."""

    reason: str


class Rejected(msgspec.Struct, frozen=True, tag="rejected"):
    """Never: a person has to look at it. `reason` is shown to them."""

    reason: str


Outcome = Sent | RetryLater | Rejected


class Clock(Protocol):
    """The one place that knows what time it is."""

    def now(self) -> datetime:
        """Return the present moment, aware, UTC; never less than it returned before."""


class Channel(Protocol):
    """A way to reach a person."""

    async def send(self, notice: Notice) -> Outcome:
        """Hand one notice over. Sending the same `notice.key` twice must be harmless."""


class HelpDesk(Protocol):
    """Another ticket system that mirrors our tickets."""

    async def open(self, ticket: Ticket, *, key: str) -> Outcome:
        """Create the ticket there; the same key never creates two."""

    async def update(self, ticket: Ticket, *, key: str) -> Outcome:
        """Bring the ticket there up to date."""


class CommandResult(msgspec.Struct, frozen=True):
    """What became of a command: answered, error, timeout, gone (not connected) or refused.

    `payload` is the raw JSON of the answer or of the error's [code, description, details]. A
    refused command never left; its payload is the reason as a JSON string.
    """

    outcome: str
    payload: bytes = b"{}"


class CommandQueue(Protocol):
    """Commands to stations: one outstanding per station, in order, after it settled."""

    async def send(
        self, station: StationId, action: str, payload: bytes, *, timeout_s: float
    ) -> CommandResult:
        """Send one command and wait for its answer."""


class Telemetry(Protocol):
    """Where measurements go for reports. It never decides anything and never blocks."""

    def record(self, event: Event) -> None:
        """Take one event; drop it, counted, where its spool is full."""


class Recorder(Protocol):
    """The way from a shell into the journal: one group commit per turn of the event loop.

    A shell takes a position, builds the entry and its events with it, hands both over, and
    names what is to be sent once the commit holds them. Nothing is sent before.
    """

    def take_position(self) -> int:
        """Return the position the next entry will have."""

    def record(self, entry: Entry, events: tuple[AnyEvent, ...] = ()) -> None:
        """Put an entry, and the events read from it, into the present turn's commit."""

    def exchange(
        self,
        call: Entry,
        events: tuple[AnyEvent, ...],
        answer: bytes,
        send: Callable[[bytes], None],
    ) -> None:
        """Record a call with its events, our answer as the entry after it, and send that one
        once both are durable: `record`, `record` and `after_commit` in one, for most frames.
        """

    def after_commit(self, send: Callable[[bytes], None], frame: bytes) -> None:
        """Call `send(frame)` once everything recorded so far is durable."""

    def heard(self, station: StationId) -> None:
        """Count a sign of life that needs no entry of its own; folded once a minute."""

    @property
    def is_accepting(self) -> bool:
        """False while the journal cannot be written: take nothing on, answer nothing."""
