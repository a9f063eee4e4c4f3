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
from domain.registry import Registry, Site
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
        "late": "We promised you news by {} and are late. We are sorry.",
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
        "late": "Wir hatten Ihnen bis {} eine Nachricht zugesagt und sind zu spät. "
        "Das tut uns leid.",
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
    subject: str  # of our last message, where it still says how things stand
    site: str
    ticket: str
    since: str
    since_at: str
    next_at: str
    next_shown: str
    is_late: bool  # the promise in `next_shown` has passed
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
    signature: str = "",
) -> CustomerPage | None:
    """Put the page together in the customer's language, or `wanted` where we write that.

    None where the ticket is not this customer's (any more). Several people of a customer get
    the same message: it is shown once, in one language, without greeting and `signature`.
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
            subject=short_subject(notice.subject, site),
            paragraphs=paragraphs(notice.text, notice.name, signature),
        )
        for notice in sorted(texts, key=lambda notice: notice.at, reverse=True)
    ]
    tone = _tone(ticket)
    last = max(own, key=lambda notice: notice.at, default=None)
    since_at = _since(ticket, tone)
    promise_at = ticket.next_update_at if ticket.state.is_unresolved else None
    return CustomerPage(
        language=language,
        words=words_of(language),
        tone=tone,
        headline=words_of(language)[_headline(ticket, last, tone)],
        subject=shown[0].subject if shown and _still_says_it(last, tone) else "",
        site=site.name if site else "",
        ticket=ticket.id,
        since=written(since_at, zone, language),
        since_at=since_at.isoformat(),
        next_at=promise_at.isoformat() if promise_at else "",
        next_shown=written(promise_at, zone, language) if promise_at else "",
        is_late=promise_at is not None and promise_at < now,
        last=shown[0] if shown else None,
        history=shown[1:],
    )


def _since(ticket: Ticket, tone: str) -> datetime:
    """Return since when things stand as they do."""
    if tone == "resolved":
        return ticket.resolved_at or ticket.closed_at or ticket.opened_at
    seen = [held.fault.seen_at for held in ticket.faults if held.is_active]
    return min(seen, default=ticket.opened_at)


def _still_says_it(last: Notice | None, tone: str) -> bool:
    """Tell whether the last message's subject is true of this moment.

    A ticket may have resolved in the night while the message waits for the morning, or have
    come back a minute ago.
    """
    if last is None:
        return False
    is_end = last.reason in (NoticeReason.RESOLVED, NoticeReason.RETRACTED)
    return is_end == (tone == "resolved") and (tone != "danger" or last.is_danger)


def _headline(ticket: Ticket, last: Notice | None, tone: str) -> str:
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


def short_subject(subject: str, site: Site | None) -> str:
    """Return a subject without the site's name, which stands above it."""
    return subject if site is None else subject.removesuffix(f", {site.title}")


def paragraphs(text: str, name: str = "", signature: str = "") -> tuple[str, ...]:
    """Split a notice into paragraphs: no greeting, no signature, no link to this very page.

    `name` is the reader's: the greeting is the first line where it says so.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if lines and name and name in lines[0] and lines[0].endswith(","):
        lines = lines[1:]
    if lines and lines[-1] == signature:
        lines = lines[:-1]
    return tuple(line for line in lines if "/s/" not in line)
