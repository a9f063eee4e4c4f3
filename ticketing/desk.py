"""The desk: one ticket per cause, kept and told in time. A pure state machine.

Decisions, contacts and actions go in with the present moment; commands come out, and when the
desk wants to be asked again. It does no I/O and reads no clock. Every deadline follows from the
tickets themselves and fires as of its own moment, however late the desk is asked: a replay, a
restart and the live service come to the same tickets and notices.

What becomes true at one moment is told in one notice: it is written once time has moved on, or
when `step(now, None)` says that nothing more comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import assert_never

import msgspec

from domain.events import ContactMade
from domain.faults import AnyDecision, Decision, Fault, WorkFound
from domain.places import TicketId
from domain.registry import Registry
from domain.tickets import Ticket, TicketState
from ticketing.actions import acted_on
from ticketing.commands import (
    Action,
    AddNote,
    CloseTicket,
    RefusedError,
    SendNotice,
    Step,
    TakeTicket,
)
from ticketing.filing import FIRST_NUMBER, Filing
from ticketing.holding import with_history
from ticketing.intake import Intake
from ticketing.mishaps import Given, open_mishap_task
from ticketing.occasions import Sources, StatusPage
from ticketing.settings import DeskSettings
from ticketing.teller import Teller
from ticketing.view import NoView, SiteView
from ticketing.wording import Wording, load_wording

_TICK = timedelta(microseconds=1)

Input = AnyDecision | ContactMade | Action
OnFailure = Callable[[object, Exception], None]
"""Told of what could not be dealt with, and the exception."""


class Desk:
    """Keeps the tickets. `status_page` gives a customer's page; `view` sees the field now.

    `wording` is what notices are made of; without it, the words shipped with this package.
    `on_failure` is told of an input or ticket that a bug of ours could not deal with; a task is
    opened for a person, and the desk goes on with the others. Without it the exception is
    raised.
    """

    def __init__(
        self,
        registry: Registry,
        settings: DeskSettings | None = None,
        *,
        status_page: StatusPage,
        view: SiteView | None = None,
        wording: Wording | None = None,
        on_failure: OnFailure | None = None,
    ) -> None:
        self._on_failure = on_failure
        self._wording = wording or load_wording()
        self._settings = settings or DeskSettings()
        self._status_page = status_page
        self._view: SiteView = view or NoView()
        self._now: datetime | None = None
        self._is_resting = False
        self._filing = Filing(registry, self._wording, self._settings, self._next_due)
        self._book = self._filing.book
        self._intake = Intake(self._filing)
        self._teller = self._new_teller()

    # --- what the shell calls ---------------------------------------------------------------

    def step(self, now: datetime, given: Input | None = None, *, position: int = 0) -> Step:
        """Take one input in, or (None) let time pass until `now` and tell what is due.

        An input counts as of its own moment where it has one. `position` is the journal entry
        of a contact. Raises RefusedError for an action that cannot be done; it changed nothing.
        """
        if given is None:
            self._advance(now, settles=True)
        else:
            self._take_apart(now, given, position)
        return self._answer(now)

    def step_many(self, now: datetime, given: Iterable[Input]) -> Step:
        """Take inputs in, in order, then do as `step(now, None)` does."""
        for one in given:
            self._take_apart(now, one, 0)
        self._advance(now, settles=True)
        return self._answer(now)

    def load(
        self,
        tickets: Sequence[Ticket],
        next_number: int = FIRST_NUMBER,
        *,
        at: datetime | None = None,
    ) -> None:
        """Take stored tickets over after a start: all that can still change or be told.

        `at` is the moment up to which the stored tickets have been dealt with.
        """
        self._filing.next_number = max(next_number, FIRST_NUMBER)
        self._now = at
        for ticket in tickets:
            self._book.put(ticket)

    def remember(self, active_faults: Iterable[Fault]) -> None:
        """After a start, take up the active faults that wait for their station's own ticket.

        To be called once the engine stands where the stored tickets do; the only thing the desk
        knows beside its tickets.
        """
        self._intake.remember(active_faults)

    def rest(self) -> None:
        """Our own service is down from now on: nobody can be told anything."""
        self._is_resting = True

    def resume(self, now: datetime) -> Step:
        """We are back: tell what fell due meanwhile, once and as of now."""
        self._is_resting = False
        while (found := self._book.due_until(now)) is not None:
            with self._kept_apart(found[1], now):
                self._fire(found[1], now)
        self._now = now if self._now is None else max(self._now, now)
        return self._answer(now)

    def use_registry(self, registry: Registry) -> None:
        """Work with another registry from now on. Tickets keep the readers they have."""
        self._filing.registry = registry
        self._teller = self._new_teller()

    @property
    def tickets(self) -> dict[TicketId, Ticket]:
        """The tickets that can still change or be told, by id. Not to be changed."""
        return self._book.tickets

    def opened_by(self, key: str) -> Ticket | None:
        """Return the ticket that a key opened, while it can still change."""
        return self._book.with_key(key)

    @property
    def next_number(self) -> int:
        """The number of the next ticket."""
        return self._filing.next_number

    # --- time -------------------------------------------------------------------------------

    def _answer(self, now: datetime) -> Step:
        commands = tuple(self._filing.commands)
        self._filing.commands.clear()
        due = None if self._is_resting else self._book.next_due_at()
        # What was settled at this very moment is told as soon as time moves on.
        wake_at = None if due is None else max(due, now + _TICK)
        if wake_at is not None and wake_at <= now:
            raise AssertionError("the desk wants to be woken in the past")
        return Step(commands, wake_at)

    def _advance(self, at: datetime, *, settles: bool) -> None:
        """Fire what is due until `at`; what became true just now only if it settles."""
        if self._now is not None and at <= self._now and not settles:
            return
        while not self._is_resting and (found := self._book.due_until(at)) is not None:
            due, ticket = found
            with self._kept_apart(ticket, due):
                self._fire(ticket, due)
        self._now = at if self._now is None else max(self._now, at)

    @contextmanager
    def _kept_apart(self, given: Given, at: datetime) -> Iterator[None]:
        """What goes wrong with one ticket must not silence all the others."""
        try:
            yield
        except Exception as error:
            if self._on_failure is None:
                raise
            self._on_failure(given, error)
            self._leave_to_a_person(given, error, at, self._on_failure)

    def _leave_to_a_person(
        self, given: Given, error: Exception, at: datetime, on_failure: OnFailure
    ) -> None:
        moment = at if self._now is None else max(at, self._now)
        try:
            open_mishap_task(self._filing, given, error, moment)
        # What is broken can break this as well: the log has it then, nothing is tried again.
        except Exception as another:  # noqa: BLE001 - handed on with its traceback
            on_failure(given, another)

    def _next_due(self, ticket: Ticket) -> datetime | None:
        told_at, over_at = self._teller.due_at(ticket), self._over_at(ticket)
        if ticket.state is TicketState.CLOSED and told_at is not None:
            return told_at  # its last word waits for a window: it is not forgotten before
        return min((at for at in (told_at, over_at) if at is not None), default=None)

    def _over_at(self, ticket: Ticket) -> datetime | None:
        """Return when a resolved ticket closes, and a closed one can no longer be reopened."""
        if ticket.resolved_at is None:
            return None
        if ticket.state is TicketState.RESOLVED:
            return ticket.resolved_at + self._settings.closed_after
        return ticket.resolved_at + self._settings.relapse_within

    def _fire(self, ticket: Ticket, due: datetime) -> None:
        told = self._teller.tell(ticket, due)
        after = told.ticket
        over_at = self._over_at(after)
        is_over = over_at is not None and due >= over_at
        if is_over and after.state is TicketState.RESOLVED:
            after = msgspec.structs.replace(after, state=TicketState.CLOSED, closed_at=due)
            after = self._filing.noted(after, due, "closed", "resolved for long enough")
        if after != ticket:
            self._filing.save(after)
        self._filing.commands.extend(SendNotice(notice) for notice in told.notices)
        for worry in told.worries:
            self._filing.open_task(after, due, worry)
        if is_over and self._teller.due_at(after) is None:
            self._book.forget(self._book.tickets[after.id])
        elif after == ticket:
            raise AssertionError(f"{ticket.id} was due at {due} and nothing came of it")

    # --- inputs -----------------------------------------------------------------------------

    def _take_apart(self, now: datetime, given: Input, position: int) -> None:
        """Take an input in; only who waits for the answer to an action hears of a failure."""
        match given:
            case Decision() | WorkFound():
                with self._kept_apart(given, given.at):
                    self._take(now, given, position)
            case ContactMade():
                with self._kept_apart(given, given.observed_at):
                    self._take(now, given, position)
            case _:
                self._take(now, given, position)

    def _take(self, now: datetime, given: Input, position: int) -> None:
        match given:
            case Decision():
                self._intake.decide(given, self._begin(given.at))
            case WorkFound():
                self._intake.open_work(given, self._begin(given.at))
            case ContactMade():
                at = self._begin(given.observed_at)
                self._intake.record(given, at, position or given.position)
            case TakeTicket() | AddNote() | CloseTicket():
                self._act(given, self._begin(now))
            case _:
                assert_never(given)

    def _begin(self, at: datetime) -> datetime:
        """Let time pass until the input's moment; never back behind what is done already."""
        self._advance(at, settles=False)
        return at if self._now is None else max(at, self._now)

    def _act(self, action: Action, at: datetime) -> None:
        ticket = self._book.tickets.get(TicketId(action.ticket))
        if ticket is None:
            raise RefusedError(
                f"Ticket {action.ticket} is closed or does not exist; open a new one instead."
            )
        after, entry = acted_on(ticket, action, at)
        self._filing.save(
            with_history(after, entry, self._settings.history_at_most), action.key
        )

    def _new_teller(self) -> Teller:
        return Teller(
            Sources(
                self._filing.registry,
                self._wording,
                self._settings,
                self._status_page,
                self._view,
            )
        )
