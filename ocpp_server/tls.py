"""TLS for stations: what is asked of both sides, and what is said when it fails."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import structlog

from ocpp_server.allowance import Allowance

log = structlog.get_logger(__name__)

_FAILURES_TOLD = 30
_FAILURE_TOLD_EVERY_S = 10.0
"""Failed handshakes logged at once, and one more every so often: a scanner makes thousands."""

_ADVICE = {
    "HTTP_REQUEST": "plain HTTP on the TLS port: the station's address must begin with wss://",
    "CERTIFICATE_VERIFY_FAILED": "the CA file does not vouch for the client certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "the station does not trust our certificate: it needs its root",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the station does not accept our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the station holds our certificate, or its own clock, "
    "for expired",
    "UNSUPPORTED_PROTOCOL": "the station speaks no TLS 1.2",
    "NO_SHARED_CIPHER": "the station speaks none of our ciphers",
}


class TlsFilesError(OSError):
    """A certificate or key that cannot be used; says which and why."""


def server_context(
    certificate: Path, key: Path, client_ca: Path | None = None
) -> ssl.SSLContext:
    """Build the TLS context of the endpoint: TLS 1.2 or newer (OCPP security profiles 2, 3).

    With `client_ca` stations are asked for a certificate signed by one of those in that file.
    Raises `TlsFilesError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslobject_class = telling_object()
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        message = f"certificate {certificate} with key {key}: {error}"
        raise TlsFilesError(message) from error
    if client_ca is not None:
        # Asked for, not insisted on: whether a station needs one is the gate's decision,
        # which can tell the station, and the log, what is missing.
        try:
            context.load_verify_locations(client_ca)
        except OSError as error:
            message = f"client certificates' CA {client_ca}: {error}"
            raise TlsFilesError(message) from error
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def telling_object() -> type[ssl.SSLObject]:
    """Return a class for `SSLContext.sslobject_class` that logs why handshakes fail.

    The loop drops such a socket without a word, and a station that cannot get in would be a
    riddle.
    """
    told = Allowance[None](_FAILURES_TOLD, _FAILURE_TOLD_EVERY_S)

    class TellingObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                if told.take(None, asyncio.get_running_loop().time()) == 0:
                    reason = error.reason or "unknown"
                    advice = _ADVICE.get(reason, "")
                    details = getattr(error, "verify_message", "")
                    log.info("tls failed", reason=reason, details=details, advice=advice)
                raise

    return TellingObject
