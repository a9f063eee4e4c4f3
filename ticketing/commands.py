"""What the desk wants done. State and commands are committed in one transaction."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.tickets import Notice, Ticket


class OpenTicket(msgspec.Struct, frozen=True, tag="open"):
    """A new ticket, as it stands after this step."""

    ticket: Ticket
    key: str  # of the decision or contact that asked for it


class UpdateTicket(msgspec.Struct, frozen=True, tag="update"):
    """A ticket that changed, as it stands after this step."""

    ticket: Ticket
    key: str


class ResolveTicket(msgspec.Struct, frozen=True, tag="resolve"):
    """A ticket whose last fault cleared, or that a person resolved."""

    ticket: Ticket
    key: str


class SendNotice(msgspec.Struct, frozen=True, tag="notice"):
    """One notice to one reader, for the outbox."""

    notice: Notice

    @property
    def key(self) -> str:
        """The notice's own key: the outbox holds it once, ever."""
        return self.notice.key


Command = OpenTicket | UpdateTicket | ResolveTicket | SendNotice


class Step(msgspec.Struct, frozen=True):
    """What the desk answers: commands in order, and when it wants to be asked again."""

    commands: tuple[Command, ...]
    wake_at: datetime | None


# --- what people do to tickets ----------------------------------------------------------------


class TakeTicket(msgspec.Struct, frozen=True, kw_only=True, tag="take"):
    """A person takes a ticket: it becomes open."""

    ticket: str
    who: str
    key: str


class AddNote(msgspec.Struct, frozen=True, kw_only=True, tag="note"):
    """A person writes an internal note."""

    ticket: str
    who: str
    text: str
    key: str


class CloseTicket(msgspec.Struct, frozen=True, kw_only=True, tag="close"):
    """A person resolves a request or task, or closes a resolved ticket, and says why.

    It ends faults of which nobody may ever say that they are over (`person_may_end`).
    RefusedError while another fault in the ticket is active: closing would not end that one.
    """

    ticket: str
    who: str
    why: str
    key: str


Action = TakeTicket | AddNote | CloseTicket


class RefusedError(Exception):
    """An action that cannot be done; the message says what to do instead."""
