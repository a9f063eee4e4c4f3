"""One ticket as an agent reads it: what is broken, for whom, what was done and said. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

from app.views import moment
from app.web.masking import mask_frame
from app.web.pages.moments import span, written
from app.web.pages.queue import Row, row_of
from app.web.pages.site_state import SiteState, site_state
from app.web.pages.words import (
    LINK_WORDS,
    advice_on,
    finding_of,
    place_words,
    site_of_ticket,
    status_words,
)
from domain.beliefs import StationBelief
from domain.faults import Fault
from domain.journal import Entry, EntryKind
from domain.places import StationId
from domain.registry import Registry, Site
from domain.tickets import HistoryEntry, Notice, Ticket, TicketState
from ticketing.wording import load_wording

FRAMES_BEFORE = timedelta(minutes=2)
"""How long before a fault was first seen its frames are shown from."""

FRAMES_SHOWN = 40
FRAME_SHOWN_CHARACTERS = 4_000
"""Longer frames are shown cut: a station may send a megabyte in one."""


class FaultLine(msgspec.Struct, frozen=True, kw_only=True):
    """One fault in a ticket."""

    place: str
    rule: str
    codes: tuple[str, ...]
    finding: str  # what the codes mean
    severity: str
    since: str
    since_at: str
    is_active: bool
    cleared: str
    cleared_at: str
    advice: tuple[str, ...]  # on its codes, then on its rule
    is_danger: bool
    is_flapping: bool
    inhibited_by: str
    said: tuple[str, ...]  # the station's own words
    told: str


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline."""

    at: str
    shown_at: str
    after: str  # how long after the ticket was opened
    what: str
    who: str
    why: str
    tone: str  # "bad" | "good" | "person" | "said" | ""
    evidence: tuple[int, ...]


class NoticeCard(msgspec.Struct, frozen=True, kw_only=True):
    """One notice with its full text."""

    at: str
    shown_at: str
    to: str
    name: str
    channel: str
    language: str
    reason: str
    subject: str
    text: str
    is_danger: bool


class FrameLine(msgspec.Struct, frozen=True, kw_only=True):
    """One frame, masked."""

    position: int
    at: str
    shown_at: str
    is_sent: bool
    frame: str
    is_evidence: bool


class StationLine(msgspec.Struct, frozen=True, kw_only=True):
    """One station's live state."""

    id: str
    link: str
    is_online: bool
    evses: list[tuple[int, str]]
    last_heard: str
    is_concerned: bool


class TicketPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on a ticket's page."""

    row: Row
    ticket: Ticket
    opened: str
    faults: list[FaultLine]
    site: Site | None
    site_state: SiteState | None
    stations: list[StationLine]
    customer_contacts: list[tuple[str, str, str, str]]  # name, role, email, phone
    notices: list[NoticeCard]
    timeline: list[Happening]
    can_take: bool
    can_close: bool
    close_words: str
    why_not_closed: str


def ticket_page(
    ticket: Ticket,
    notices: Sequence[Notice],
    registry: Registry,
    *,
    beliefs: Mapping[str, StationBelief] | None,
    who: str,
    now: datetime,
) -> TicketPage:
    """Put a ticket's page together. `beliefs` is None while core cannot be asked."""
    site = site_of_ticket(ticket, registry)
    zone = site.zone if site else UTC
    customer = registry.customers.get(ticket.customer) if ticket.customer else None
    close_words, why_not = _closing(ticket)
    return TicketPage(
        row=row_of(ticket, registry, now),
        ticket=ticket,
        opened=written(ticket.opened_at, zone),
        faults=[_fault_line(held.fault, registry, zone, now, held.told_severity is not None)
                for held in ticket.faults],
        site=site,
        site_state=site_state(site, beliefs) if site and beliefs is not None else None,
        stations=_stations(ticket, site, beliefs or {}, now) if beliefs is not None else [],
        customer_contacts=[
            (one.name, one.role.value.replace("_", " "), one.email, one.phone)
            for one in (customer.contacts if customer else ())
            if not one.sites or ticket.site is None or ticket.site in one.sites
        ],
        notices=[notice_card(notice, zone) for notice in notices],
        timeline=[_happening(line, ticket, zone) for line in ticket.history],
        can_take=ticket.state is not TicketState.CLOSED and ticket.taken_by != who,
        can_close=bool(close_words),
        close_words=close_words,
        why_not_closed=why_not,
    )  # fmt: skip


def _closing(ticket: Ticket) -> tuple[str, str]:
    """Return the words of the button that ends a ticket, or why there is none."""
    active = sum(1 for held in ticket.faults if held.is_active)
    if ticket.state is TicketState.CLOSED:
        return "", ""
    if active:
        return "", "A fault is still active. The ticket resolves by itself once it has cleared."
    return ("Close" if ticket.state is TicketState.RESOLVED else "Resolve"), ""


def _fault_line(
    fault: Fault, registry: Registry, zone: tzinfo, now: datetime, is_told: bool
) -> FaultLine:
    cleared_at = fault.cleared_at
    return FaultLine(
        place=place_words(fault.place, registry),
        rule=fault.rule,
        codes=fault.codes,
        finding=finding_of(fault.codes, load_wording()),
        severity=fault.severity.value,
        since=f"{written(fault.seen_at, zone)} ({span((cleared_at or now) - fault.seen_at)})",
        since_at=moment(fault.seen_at),
        is_active=cleared_at is None,
        cleared="" if cleared_at is None else written(cleared_at, zone),
        cleared_at="" if cleared_at is None else moment(cleared_at),
        advice=(*advice_on(fault.codes, load_wording()), *filter(None, [fault.advice])),
        is_danger=fault.is_danger,
        is_flapping=fault.is_flapping,
        inhibited_by=fault.inhibited_by or "",
        said=tuple(_said(error.code, error.vendor_id, error.vendor_code, error.text)
                   for error in fault.errors),
        told="told" if is_told else "not told",
    )  # fmt: skip


def _said(code: str, vendor_id: str, vendor_code: str, text: str) -> str:
    parts = [code, f"{vendor_id} {vendor_code}".strip(), f"“{text}”" if text else ""]
    return " · ".join(part for part in parts if part)


_TONES = (
    ("clear", "good"),
    ("resolv", "good"),
    ("rais", "bad"),
    ("worse", "bad"),
    ("opened", "bad"),
    ("notice", "said"),
    ("told", "said"),
    ("contact", "person"),
    ("note", "person"),
    ("taken", "person"),
    ("closed", "person"),
)


def _happening(line: HistoryEntry, ticket: Ticket, zone: tzinfo) -> Happening:
    tone = next((tone for word, tone in _TONES if word in line.what), "")
    late = line.at - ticket.opened_at
    sign = "+" if late >= timedelta(0) else "-"
    return Happening(
        at=moment(line.at),
        shown_at=written(line.at, zone),
        after=f"{sign}{span(late)}",
        what=line.what,
        who="" if line.who == "foretell" else line.who,
        why=line.why,
        tone=tone,
        evidence=line.evidence,
    )


def notice_card(notice: Notice, zone: tzinfo) -> NoticeCard:
    """Show one notice."""
    return NoticeCard(
        at=moment(notice.at),
        shown_at=written(notice.at, zone),
        to=notice.to,
        name=notice.name,
        channel=notice.channel,
        language=notice.language,
        reason=notice.reason.value,
        subject=notice.subject,
        text=notice.text,
        is_danger=notice.is_danger,
    )


def frames_wanted(ticket: Ticket) -> list[tuple[StationId, datetime]]:
    """Return whose frames belong beside this ticket, and from when: its first three faults."""
    wanted: dict[StationId, datetime] = {}
    for held in sorted(ticket.faults, key=lambda held: held.fault.seen_at):
        station = held.fault.place.station
        if station is not None and station not in wanted and len(wanted) < 3:
            wanted[station] = held.fault.seen_at - FRAMES_BEFORE
    return list(wanted.items())


def frame_lines(
    entries: Sequence[Entry], zone: tzinfo, evidence: frozenset[int] = frozenset()
) -> list[FrameLine]:
    """Show frames for people's eyes: masked."""
    return [
        FrameLine(
            position=entry.position,
            at=moment(entry.at),
            shown_at=f"{written(entry.at, zone)}:{entry.at:%S}",
            is_sent=entry.kind is EntryKind.SENT,
            frame=_cut(mask_frame(entry.body.decode(errors="replace"))),
            is_evidence=entry.position in evidence,
        )
        for entry in entries
    ]


def _cut(frame: str) -> str:
    if len(frame) <= FRAME_SHOWN_CHARACTERS:
        return frame
    return f"{frame[:FRAME_SHOWN_CHARACTERS]}… ({len(frame):,} characters in all)"


def evidence_of(ticket: Ticket) -> frozenset[int]:
    """Return the journal positions that a ticket's history rests on."""
    return frozenset(position for line in ticket.history for position in line.evidence)


def _stations(
    ticket: Ticket, site: Site | None, beliefs: Mapping[str, StationBelief], now: datetime
) -> list[StationLine]:
    registered = {station.id: station.evses for station in site.stations} if site else {}
    names = list(dict.fromkeys([*ticket.stations, *registered]))[:50]
    return [
        station_line(
            beliefs.get(name) or StationBelief(station=name),
            registered.get(name, 0),
            now,
            is_concerned=name in ticket.stations,
        )
        for name in names
    ]


def station_line(
    belief: StationBelief, evses: int, now: datetime, *, is_concerned: bool = False
) -> StationLine:
    """Show one station's live state in a line."""
    heard = belief.last_heard_at
    return StationLine(
        id=belief.station,
        link=LINK_WORDS[belief.link],
        is_online=belief.link.value == "up",
        evses=status_words(belief, evses),
        last_heard="never heard" if heard is None else f"heard {span(now - heard)} ago",
        is_concerned=is_concerned,
    )
