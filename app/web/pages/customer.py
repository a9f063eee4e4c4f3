"""A customer's page: what is wrong now, what we do, when they hear next, what we wrote. Pure.

Nothing in here is new: the words are those of the notices that were sent and of the ticket's
state. Nothing internal shows: no codes, no names of agents, no notes, no other customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from app.web.pages.moments import written
from app.web.tokens import PageToken
from domain.registry import Registry
from domain.tickets import Notice, NoticeReason, Ticket, TicketState

LANGUAGES = ("en", "de")

_WORDS = {
    "en": {
        "open": "We are working on it",
        "danger": "Please do not use it",
        "resolved": "Ready again",
        "done": "Done",
        "retracted": "There was no fault",
        "request": "We have your request",
        "planned": "Planned work",
        "ticket": "Ticket",
        "since": "Since",
        "next": "You will hear from us by",
        "next_even": "Even if nothing has changed by then.",
        "written": "What we wrote to you",
        "last": "Where things stand",
        "at": "as of",
        "questions": "Questions? Call us:",
        "reply": "Questions? Reply to our message.",
        "nothing": "A person is looking at it and will write to you.",
        "page": "Your charging stations",
        "resolved_at": "Since",
        "gone": "This link leads nowhere",
        "gone_why": "It may be incomplete. Please use the link from our latest message to you.",
        "failed": "This page does not work at the moment",
        "failed_why": "Please try again in a few minutes.",
    },
    "de": {
        "open": "Wir arbeiten daran",
        "danger": "Bitte nicht benutzen",
        "resolved": "Wieder bereit",
        "done": "Erledigt",
        "retracted": "Es gab keine Störung",
        "request": "Ihre Anfrage ist bei uns",
        "planned": "Geplante Arbeiten",
        "ticket": "Ticket",
        "since": "Seit",
        "next": "Sie hören von uns bis",
        "next_even": "Auch wenn sich bis dahin nichts geändert hat.",
        "written": "Was wir Ihnen geschrieben haben",
        "last": "So ist der Stand",
        "at": "vom",
        "questions": "Fragen? Rufen Sie uns an:",
        "reply": "Fragen? Antworten Sie auf unsere Nachricht.",
        "nothing": "Jemand aus unserem Team sieht nach und schreibt Ihnen.",
        "page": "Ihre Ladestationen",
        "resolved_at": "Seit",
        "gone": "Dieser Link führt nirgendwohin",
        "gone_why": "Vielleicht ist er unvollständig. "
        "Bitte nehmen Sie den Link aus unserer letzten Nachricht an Sie.",
        "failed": "Diese Seite geht gerade nicht",
        "failed_why": "Bitte versuchen Sie es in ein paar Minuten wieder.",
    },
}


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One message of ours, as the customer got it."""

    at: str
    shown_at: str
    subject: str
    paragraphs: tuple[str, ...]


class CustomerPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on a customer's page."""

    language: str
    words: dict[str, str]
    tone: str  # "danger" | "open" | "resolved"
    headline: str
    subject: str
    site: str
    ticket: str
    since: str
    since_at: str
    next_at: str
    next_shown: str
    last: Written | None
    history: list[Written]


def words_of(language: str) -> dict[str, str]:
    """Return the page's fixed words; English for a language we do not write."""
    return _WORDS.get(language, _WORDS["en"])


def customer_page(
    ticket: Ticket,
    notices: Sequence[Notice],
    token: PageToken,
    registry: Registry,
    *,
    now: datetime,
    wanted: str = "",
) -> CustomerPage | None:
    """Put the page together in the customer's language, or `wanted` where we write that.

    None where the ticket is not this customer's (any more). Several people of a customer get
    the same message: it is shown once. Everybody's words are shown in one language.
    """
    if ticket.customer != token.customer:
        return None
    customer = registry.customers.get(token.customer)
    language = wanted if wanted in LANGUAGES else (customer.language if customer else "en")
    language = language if language in LANGUAGES else "en"
    site = registry.sites.get(ticket.site) if ticket.site else None
    zone = site.zone if site else UTC
    own = [notice for notice in notices if notice.customer == token.customer]
    texts = _once(own, language)
    shown = [
        Written(
            at=notice.at.isoformat(),
            shown_at=written(notice.at, zone, language),
            subject=notice.subject,
            paragraphs=paragraphs(notice.text),
        )
        for notice in sorted(texts, key=lambda notice: notice.at, reverse=True)
    ]
    is_over = not ticket.state.is_unresolved
    tone = _tone(ticket)
    words = words_of(language)
    since_at = ticket.opened_at if not is_over else (ticket.resolved_at or ticket.opened_at)
    promise_at = None if is_over else ticket.next_update_at
    is_kept = promise_at is not None and promise_at >= now
    return CustomerPage(
        language=language,
        words=words,
        tone=tone,
        headline=words[_headline(ticket, own, tone)],
        subject=shown[0].subject if shown else "",
        site=site.title if site else "",
        ticket=ticket.id,
        since=written(since_at, zone, language),
        since_at=since_at.isoformat(),
        # A promise that has passed is not repeated as if it were still one.
        next_at=promise_at.isoformat() if promise_at and is_kept else "",
        next_shown=written(promise_at, zone, language) if promise_at and is_kept else "",
        last=shown[0] if shown else None,
        history=shown[1:],
    )


def _headline(ticket: Ticket, own: Sequence[Notice], tone: str) -> str:
    last = max(own, key=lambda notice: notice.at, default=None)
    if last is not None and last.reason is NoticeReason.RETRACTED:
        return "retracted"
    if tone == "resolved":
        return "resolved" if ticket.faults else "done"
    if tone == "danger":
        return "danger"
    return "request" if ticket.kind.value == "request" else "open"


def _tone(ticket: Ticket) -> str:
    if ticket.state in (TicketState.RESOLVED, TicketState.CLOSED):
        return "resolved"
    # Only what the customer was told counts as said here.
    is_danger = any(
        held.is_active and held.fault.is_danger and held.told_severity is not None
        for held in ticket.faults
    )
    return "danger" if is_danger else "open"


def _once(notices: Sequence[Notice], language: str) -> list[Notice]:
    """Return each message once, in one language where it was written in that one."""
    best: dict[tuple[datetime, NoticeReason], Notice] = {}
    for notice in notices:
        key = (notice.at, notice.reason)
        known = best.get(key)
        if known is None or (known.language != language and notice.language == language):
            best[key] = notice
    return list(best.values())


def paragraphs(text: str) -> tuple[str, ...]:
    """Split a notice into paragraphs, without the line that only links to this very page."""
    lines = (line.strip() for line in text.splitlines())
    kept = (line for line in lines if line and "/s/" not in line)
    return tuple(kept)
