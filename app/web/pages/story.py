"""What happened in a ticket, what we said to whom and what they said, line by line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta, tzinfo

import msgspec

from app.views import moment
from app.web.pages.moments import span, written
from app.web.pages.words import by_channel
from domain.registry import Registry
from domain.tickets import ContactNote, HistoryEntry, Notice, Ticket


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


class CallLine(msgspec.Struct, frozen=True, kw_only=True):
    """One time the customer got in touch."""

    at: str
    shown_at: str
    how: str  # "by phone"
    place: str  # the station or site they named
    text: str  # "" where nothing was written down


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


def happening(line: HistoryEntry, ticket: Ticket, zone: tzinfo) -> Happening:
    """Show one line of the history."""
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


def call_lines(
    calls: Sequence[ContactNote], registry: Registry, zone: tzinfo
) -> list[CallLine]:
    """Show how often, when and how the customer got in touch; the first call first."""
    return [
        CallLine(
            at=moment(call.at),
            shown_at=written(call.at, zone),
            how=by_channel(call.channel),
            place=_place_of(call, registry),
            text=call.text,
        )
        for call in sorted(calls, key=lambda call: call.at)
    ]


def _place_of(call: ContactNote, registry: Registry) -> str:
    if call.station is not None:
        return call.station
    site = registry.sites.get(call.site) if call.site is not None else None
    return site.title if site else (call.site or "")
