"""The route of a customer's page: no account, only the signed link."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.web.context import context_of
from app.web.pages.customer import LANGUAGES, customer_page, words_of
from app.web.pages.templating import render
from app.web.tokens import read_token

router = APIRouter(include_in_schema=False)


@router.get("/s/{token}")
def status_page(request: Request, token: str, lang: str = "") -> Response:
    """Show a customer what is wrong, what we do and when they hear next."""
    web = context_of(request)
    named = read_token(web.reading.secret, token)
    ticket = web.reading.ticket(named.ticket) if named is not None else None
    if named is not None and ticket is not None:
        notices, _ = web.reading.notices(ticket=ticket.id, customer=named.customer, limit=200)
        page = customer_page(
            ticket,
            notices,
            named,
            web.registry,
            now=web.now(),
            wanted=lang,
            signature=web.settings.team_name,
        )
        if page is not None:
            return render("customer.html", request, {"page": page, "languages": LANGUAGES})
    return plain_page(request, 404, "gone")


def plain_page(request: Request, status: int, words: str) -> Response:
    """Show a customer that the page cannot be shown, in their browser's language."""
    accepted = request.headers.get("accept-language", "")
    language = "de" if accepted.casefold().startswith("de") else "en"
    own = words_of(language)
    values = {
        "language": language,
        "headline": own[words],
        "why": own[f"{words}_why"],
        "words": own,
    }
    return render("customer_error.html", request, values, status=status)
