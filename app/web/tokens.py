"""Customers' links: a signed name of one customer's ticket, the same every time it is made.

The signature is all there is: no account, no store, no end date. A link leads to one ticket
as its customer may see it, and to nothing else.
"""

from __future__ import annotations

import msgspec
from itsdangerous import BadData, URLSafeSerializer

from domain.places import CustomerId, TicketId

_SALT = "foretell customer page v1"
_TOKEN_LIMIT = 1000


class PageToken(msgspec.Struct, frozen=True):
    """What a link names."""

    customer: CustomerId
    ticket: TicketId


def status_page_url(
    secret: bytes, public_url: str, customer: CustomerId | None, ticket: TicketId
) -> str:
    """Return the address of the customer's page; "" where the ticket has no customer."""
    if customer is None:
        return ""
    token = URLSafeSerializer(secret, salt=_SALT).dumps([customer, ticket])
    text = token if isinstance(token, str) else token.decode()
    return f"{public_url.rstrip('/')}/s/{text}"


def read_token(secret: bytes, token: str) -> PageToken | None:
    """Return what a link names; None for anything this secret has not signed."""
    if len(token) > _TOKEN_LIMIT:
        return None
    try:
        names = URLSafeSerializer(secret, salt=_SALT).loads(token)
    except BadData:
        return None
    match names:
        case [str(customer), str(ticket)]:
            return PageToken(CustomerId(customer), TicketId(ticket))
        case _:
            return None
