"""Who is asking and what they may: principals, scopes, signed sessions. Pure but for hashing.

A session is a signed cookie; it names the person, when it began, and a print of their
password hash, so that a new password ends it. Moments come in as arguments.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
from itsdangerous import BadData, URLSafeSerializer

_SESSION_SALT = "foretell session v1"
_FORM_KEY = b"foretell form v1"
_COOKIE_LIMIT = 2000


class Scope(StrEnum):
    """What a token or role allows."""

    READ = "read"
    WRITE = "write"  # contacts, notes, taking and closing, maintenance
    COMMAND = "command"  # OCPP commands to stations
    ADMIN = "admin"  # raw frames; everything


ALL_SCOPES = frozenset(Scope)

ROLE_SCOPES: dict[str, frozenset[Scope]] = {
    "viewer": frozenset({Scope.READ}),
    "agent": frozenset({Scope.READ, Scope.WRITE}),
    "lead": frozenset({Scope.READ, Scope.WRITE, Scope.COMMAND}),
    "admin": ALL_SCOPES,
}


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `session` is set where a browser's cookie said so: forms need its mark."""

    name: str
    scopes: frozenset[Scope]
    session: str = ""
    by_demo: bool = False

    def may(self, scope: Scope) -> bool:
        """Tell whether this principal may do things of a scope."""
        return scope in self.scopes


def scopes_of(names: tuple[str, ...]) -> frozenset[Scope]:
    """Return the scopes a stored token names; unknown words allow nothing."""
    known = {scope.value: scope for scope in Scope}
    found = frozenset(known[name] for name in names if name in known)
    return ALL_SCOPES if Scope.ADMIN in found else found


class Session(msgspec.Struct, frozen=True):
    """What a session cookie says."""

    name: str
    began_at: datetime
    password_print: str


def password_print(password_hash: str) -> str:
    """Return a short print of a password hash: it changes when the password does."""
    return hashlib.blake2b(password_hash.encode(), digest_size=9).hexdigest()


def write_session(secret: bytes, session: Session) -> str:
    """Return the cookie of a session."""
    began = int(session.began_at.timestamp())
    text = URLSafeSerializer(secret, salt=_SESSION_SALT).dumps(
        [session.name, began, session.password_print]
    )
    return text if isinstance(text, str) else text.decode()


def read_session(
    secret: bytes, cookie: str, *, now: datetime, lasts: timedelta
) -> Session | None:
    """Return the session a cookie proves; None for a forged or outlived one."""
    if len(cookie) > _COOKIE_LIMIT:
        return None
    try:
        said = URLSafeSerializer(secret, salt=_SESSION_SALT).loads(cookie)
    except BadData:
        return None
    match said:
        case [str(name), int(began), str(mark)]:
            began_at = datetime.fromtimestamp(began, UTC)
            if not timedelta(minutes=-5) <= now - began_at < lasts:
                return None
            return Session(name, began_at, mark)
        case _:
            return None


def form_mark(secret: bytes, session: str) -> str:
    """Return what forms of a session carry, so that no other site can send them (CSRF)."""
    return hmac.new(secret, _FORM_KEY + session.encode(), hashlib.sha256).hexdigest()[:32]


def is_form_mark(secret: bytes, session: str, mark: str) -> bool:
    """Tell whether a form came from a page of this session."""
    return hmac.compare_digest(form_mark(secret, session).encode(), mark.encode())
