"""Everything the web process reads from disk, read-only: tickets, calls, frames, people.

One place that knows the stores, so that pages and API do not. Methods block: call them off the
event loop. What cannot be read just now is a ProblemError (503) with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

from app.access import AccessReader, ApiToken, User
from app.views import moment
from app.web.models import CallView
from app.web.problems import ProblemError
from domain.journal import Entry, JournalUnavailableError
from domain.places import CustomerId, StationId
from domain.stores import StoreTooNewError, StoreUnavailableError
from domain.tickets import Notice, Ticket, TicketKind, TicketState
from gateway.journal_reader import JournalReader
from ticketing.store_cursor import BadCursorError
from ticketing.store_reading import TicketReader
from ticketing.store_rows import StoredNotice, TicketFilter

P = ParamSpec("P")
T = TypeVar("T")

_UNRESOLVED = TicketFilter(is_unresolved=True)
_MAIN_KINDS = tuple(kind for kind in TicketKind if kind is not TicketKind.TASK)


class Reading:
    """The stores of one data directory, and the people who may read them."""

    def __init__(self, data_dir: Path) -> None:
        self._people = AccessReader(data_dir / "access.db")
        self._tickets = TicketReader(data_dir / "tickets.db")
        self._journal = JournalReader(data_dir / "journal")

    def close(self) -> None:
        """Let go of the files."""
        self._tickets.close()

    async def off_loop(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking read in a thread."""
        return await run_in_threadpool(read, *args, **kwargs)

    # --- people -------------------------------------------------------------------------------

    @property
    def secret(self) -> bytes:
        """The key of sessions and customers' links."""
        with _reasons("logins and keys"):
            return self._people.secret

    def user(self, name: str) -> User | None:
        """Return a person's login; None for a stranger."""
        with _reasons("logins and keys"):
            return self._people.user(name)

    def token(self, digest: str) -> ApiToken | None:
        """Return the API token with this digest; None for an unknown one."""
        with _reasons("logins and keys"):
            return self._people.token(digest)

    # --- tickets ------------------------------------------------------------------------------

    def tickets(
        self, where: TicketFilter, *, cursor: str | None = None, limit: int = 100
    ) -> tuple[list[Ticket], str | None]:
        """Return tickets, the promise that falls due next first, and the next cursor."""
        with _reasons():
            page = self._tickets.tickets(where, cursor=cursor, limit=limit)
        return list(page.items), page.next

    def tickets_of_station(self, station: StationId, *, limit: int = 20) -> list[Ticket]:
        """Return the unresolved tickets a station is in."""
        where = TicketFilter(is_unresolved=True, station=station)
        with _reasons():
            return list(self._tickets.tickets(where, limit=limit).items)

    def ticket(self, ticket: str) -> Ticket | None:
        """Return one ticket; None where there is none."""
        with _reasons():
            return self._tickets.ticket(ticket)

    def counts(self) -> dict[str, Counter[TicketState]]:
        """Return how many tickets are unresolved, by state: of `tickets` and of `tasks`."""
        with _reasons():
            main = self._tickets.ticket_counts(
                TicketFilter(is_unresolved=True, kinds=_MAIN_KINDS)
            )
            tasks = self._tickets.ticket_counts(
                TicketFilter(is_unresolved=True, kinds=(TicketKind.TASK,))
            )
        return {"tickets": Counter(main), "tasks": Counter(tasks)}

    # --- notices and calls --------------------------------------------------------------------

    def notices(
        self,
        *,
        ticket: str | None = None,
        customer: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Notice], str | None]:
        """Return notices, the newest first, and the next cursor."""
        with _reasons():
            page = self._tickets.notices(
                ticket=ticket, customer=_customer(customer), cursor=cursor, limit=limit
            )
        return [stored.notice for stored in page.items], page.next

    def calls(
        self, *, customer: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> tuple[list[CallView], str | None]:
        """Return customers' calls, the newest first, and the next cursor."""
        with _reasons():
            page = self._tickets.contacts(
                customer=_customer(customer), cursor=cursor, limit=limit
            )
        calls = [
            CallView(
                at=moment(call.at),
                customer=call.customer,
                ticket=call.ticket,
                channel=call.channel,
                station=call.station,
                site=call.site,
                text=call.text,
            )
            for call in page.items
        ]
        return calls, page.next

    # --- frames -------------------------------------------------------------------------------

    def frames(
        self, station: StationId, *, since: datetime | None = None, limit: int = 200
    ) -> list[Entry]:
        """Return a station's newest frames, oldest first; with `since` the first from then."""
        with _reasons():
            return self._journal.frames(station, since=since, limit=limit)

    def entries(self, positions: Collection[int]) -> dict[int, Entry]:
        """Return the journal's entries at these positions, those that are still there."""
        with _reasons():
            return self._journal.at(positions)

    def notices_of(self, ticket: str) -> list[StoredNotice]:
        """Return a ticket's notices with what became of each, the oldest first."""
        with _reasons():
            page = self._tickets.notices(ticket=ticket, limit=500, is_newest_first=False)
        return list(page.items)

    # --- health -------------------------------------------------------------------------------

    def troubles(self) -> list[str]:
        """Return why the stores cannot be read, one sentence each; none when they can."""
        try:
            with _reasons():
                self._tickets.ticket_counts(_UNRESOLVED)
            self.user("")
        except ProblemError as error:
            return [error.detail]
        return []


def _customer(customer: str | None) -> CustomerId | None:
    return None if customer is None else CustomerId(customer)


@contextmanager
def _reasons(what: str = "tickets") -> Iterator[None]:
    """Turn the stores' errors into answers."""
    try:
        yield
    except BadCursorError as error:
        raise ProblemError(400, str(error)) from error
    except StoreUnavailableError as error:
        detail = f"the {what} cannot be read just now ({error.reason})"
        raise ProblemError(503, detail, headers={"Retry-After": "2"}) from error
    except JournalUnavailableError as error:
        detail = f"the journal cannot be read just now ({error.reason})"
        raise ProblemError(503, detail, headers={"Retry-After": "2"}) from error
    except StoreTooNewError as error:
        raise ProblemError(503, str(error)) from error
