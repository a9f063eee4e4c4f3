"""Refusals: why a connection is not taken on, and what its station is told. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class RefusalReason(StrEnum):
    """Why a connection was not taken on. Logged, counted and, where HTTP, sent."""

    TLS_ON_PLAIN_PORT = "tls-on-plain-port"
    TLS_FAILED = "tls-failed"
    HTTP_PROBE = "http-probe"
    NOT_HTTP = "not-http"
    BAD_REQUEST = "bad-request"
    BAD_KEY = "bad-key"
    BAD_VERSION = "bad-websocket-version"
    BAD_METHOD = "bad-method"
    HEAD_TOO_LARGE = "head-too-large"
    HEAD_TIMEOUT = "head-timeout"
    NO_STATION_ID = "no-station-id"
    BAD_STATION_ID = "bad-station-id"
    BAD_PASSWORD = "bad-password"  # noqa: S105 - a reason, not a password
    UNKNOWN_STATION = "unknown-station"
    BAD_CERTIFICATE = "bad-certificate"
    NO_CERTIFICATE = "no-certificate"
    TOO_MANY_FAILURES = "too-many-failures"
    TOO_MANY_HANDSHAKES = "too-many-handshakes"
    NOT_ACCEPTING = "not-accepting"
    TOO_MANY_CONNECTIONS = "too-many-connections"
    TOO_MANY_STRANGERS = "too-many-strangers"
    GATE_BUSY = "gate-busy"
    GATE_FAILED = "gate-failed"


@dataclass(frozen=True, slots=True)
class Refuse:
    """Send `response` (nothing where it is empty) and close."""

    reason: RefusalReason
    response: bytes = b""
    said: str = ""  # what was asked for, for the log; never credentials
    advice: str = ""  # what to do about it, for the log and, where HTTP, for the station


_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    426: "Upgrade Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_EXTRA = {
    401: 'WWW-Authenticate: Basic realm="ocpp", charset="UTF-8"\r\n',
    405: "Allow: GET\r\n",
    426: "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
}
_COME_BACK_AFTER_S = {429: 1.0, 503: 30.0}


def refusal(
    status: int,
    reason: RefusalReason,
    advice: str,
    *,
    said: str = "",
    retry_after_s: float = 0.0,
) -> Refuse:
    """Build a refusal with an HTTP status that the station's log, or a person, can read.

    `retry_after_s` says when to come back; 0 leaves that to the status.
    """
    body = advice + "\n"
    wait_s = retry_after_s or _COME_BACK_AFTER_S.get(status, 0.0)
    retry = f"Retry-After: {math.ceil(wait_s)}\r\n" if wait_s else ""
    response = (
        f"HTTP/1.1 {status} {_PHRASES.get(status, 'Refused')}\r\n"
        f"{_EXTRA.get(status, '')}{retry}"
        "Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
    )
    return Refuse(reason, response.encode(), said, advice)
