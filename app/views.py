"""How tickets, notices, faults and stations look as JSON: one shape for API and `replay`.

Pure functions from our types to plain dictionaries; the keys are a contract with the outside
(docs/reference/log-format.md): more may be added, none may go.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

# typing.TypedDict does before Python 3.12 not tell pydantic enough for the API schema.
from typing_extensions import TypedDict

from domain.beliefs import Link, StationBelief
from domain.faults import Fault
from domain.remedies import Remedy
from domain.tickets import Notice, Ticket


class TicketView(TypedDict):
    """A ticket as the outside sees it. Moments are UTC with `Z`."""

    id: str
    kind: str
    state: str
    customer: str | None
    site: str | None
    stations: list[str]
    places: list[str]
    rules: list[str]
    codes: list[str]
    severity: str
    opened_at: str
    resolved_at: str | None
    reopened: int
    flapping: bool
    late: bool
    notified: bool
    title: str
    closed_at: str | None
    next_update_at: str | None
    taken_by: str | None
    contacts: int
    listed: list[str]
    linked: list[str]


class NoticeView(TypedDict):
    """A notice as the outside sees it."""

    at: str
    ticket: str
    customer: str
    to: str
    channel: str
    language: str
    reason: str
    subject: str
    text: str
    danger: bool


class FaultView(TypedDict):
    """A fault as the outside sees it. `seen_at` is the first moment of its condition."""

    rule: str
    place: str
    raised_at: str
    cleared_at: str | None
    inhibited_by: str | None
    severity: str
    codes: list[str]
    seen_at: str
    flapping: bool
    danger: bool
    owners: list[str]  # whose it likely is: driver, site, operator, vehicle, hardware
    part: str  # likely needed on site
    remote: str | None  # what is safe from here; None: nobody knows


class StationView(TypedDict):
    """A station as the outside sees it. `status` is by EVSE, `station_status` the whole."""

    id: str
    online: bool | None
    status: dict[str, str]
    firmware: str
    station_status: str | None
    protocol: str
    vendor: str
    model: str
    last_heard_at: str | None
    faults: list[str]


def moment(at: datetime) -> str:
    """Write a moment as `2026-01-05T08:00:00Z`; a fraction only where there is one."""
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def _moment_or_none(at: datetime | None) -> str | None:
    return None if at is None else moment(at)


def ticket_view(ticket: Ticket) -> TicketView:
    """Show a ticket."""
    return TicketView(
        id=ticket.id,
        kind=ticket.kind.value,
        state=ticket.state.value,
        customer=ticket.customer,
        site=ticket.site,
        stations=list(ticket.stations),
        places=list(ticket.places),
        rules=list(ticket.rules),
        codes=list(ticket.codes),
        severity=ticket.severity.value,
        opened_at=moment(ticket.opened_at),
        resolved_at=_moment_or_none(ticket.resolved_at),
        reopened=ticket.reopened,
        flapping=ticket.is_flapping,
        late=ticket.is_late,
        notified=ticket.first_notice_at is not None,
        title=ticket.title,
        closed_at=_moment_or_none(ticket.closed_at),
        next_update_at=_moment_or_none(ticket.next_update_at),
        taken_by=ticket.taken_by or None,
        contacts=len(ticket.contacts),
        listed=list(ticket.listed),
        linked=list(ticket.linked),
    )


def notice_view(notice: Notice) -> NoticeView:
    """Show a notice with its full text."""
    return NoticeView(
        at=moment(notice.at),
        ticket=notice.ticket,
        customer=notice.customer,
        to=notice.to,
        channel=notice.channel,
        language=notice.language,
        reason=notice.reason.value,
        subject=notice.subject,
        text=notice.text,
        danger=notice.is_danger,
    )


def fault_view(fault: Fault) -> FaultView:
    """Show a fault."""
    remedy = fault.remedy or Remedy()
    return FaultView(
        rule=fault.rule,
        place=str(fault.place),
        raised_at=moment(fault.raised_at),
        cleared_at=_moment_or_none(fault.cleared_at),
        inhibited_by=fault.inhibited_by,
        severity=fault.severity.value,
        codes=list(fault.codes),
        seen_at=moment(fault.seen_at),
        flapping=fault.is_flapping,
        danger=fault.is_danger,
        owners=[owner.value for owner in remedy.owners],
        part=remedy.part,
        remote=remedy.remote.value if remedy.remote is not None else None,
    )


def is_online(belief: StationBelief, active_faults: Iterable[Fault]) -> bool | None:
    """Tell whether the station is connected; None where we cannot know.

    A connection that went with our own outage is unknown until the station had time to
    return: false only once its `offline` fault is active.
    """
    match belief.link:
        case Link.UP:
            return True
        case Link.LOST:
            return False
        case Link.NEVER:
            return None
        case Link.UNKNOWN:
            is_offline = any(
                fault.rule == "offline" and fault.place.station == belief.station
                for fault in active_faults
            )
            return False if is_offline else None


def station_view(belief: StationBelief, active_faults: Iterable[Fault]) -> StationView:
    """Show what we believe about a station; `active_faults` may hold those of others too."""
    own = [fault for fault in active_faults if fault.place.station == belief.station]
    whole = belief.status.get(0)
    return StationView(
        id=belief.station,
        online=is_online(belief, own),
        status={
            str(evse): status.value for evse, status in sorted(belief.status.items()) if evse
        },
        firmware=belief.firmware,
        station_status=None if whole is None else whole.value,
        protocol=belief.protocol,
        vendor=belief.vendor,
        model=belief.model,
        last_heard_at=_moment_or_none(belief.last_heard_at),
        faults=sorted(f"{fault.rule}@{fault.place}" for fault in own),
    )
