"""TLS for stations: what is asked of both sides, and what is advised when it fails."""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

CIPHERS = (
    "ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:RSA+AESGCM:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
)
"""Of TLS 1.2, in our order: forward secrecy first, and RSA key exchange at the end, for OCPP
asks central systems for it (2.0.1 part 2, A00.FR.318) and some stations speak no other.
"""

_ADVICE = {
    "HTTP_REQUEST": "plain HTTP on the TLS port: the station's address must begin with wss://",
    "CERTIFICATE_VERIFY_FAILED": "the CA file does not vouch for the client certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "the station does not trust our certificate: it needs its root",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the station does not accept our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the station does not accept our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the station holds our certificate, or its own clock, "
    "for expired",
    "UNSUPPORTED_PROTOCOL": "the station speaks no TLS 1.2",
    "NO_SHARED_CIPHER": "the station speaks none of our ciphers, or none that fits the kind of "
    "key in our certificate",
    "WRONG_VERSION_NUMBER": "no TLS: the station's address must begin with wss://",
    "HUNG_UP": "the station hung up in the middle: often it does not trust our certificate, "
    "and needs its root or the whole chain",
    "TIMEOUT": "the station did not go on in time",
}


class TlsFilesError(OSError):
    """A certificate or key that cannot be used; says which and why."""


def advice_on(error: OSError) -> tuple[str, str, str]:
    """Say why a handshake failed: reason, details ("" without any) and what to do about it."""
    if isinstance(error, ssl.SSLError):
        reason = error.reason or "unknown"
    else:  # a handshake that takes too long is aborted, one whose peer is gone is reset
        reason = "TIMEOUT" if isinstance(error, ConnectionAbortedError) else "HUNG_UP"
    return reason, getattr(error, "verify_message", ""), _ADVICE.get(reason, "")


class ServerTls:
    """Our side of TLS, from files that may change while we run. Raises `TlsFilesError`."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None = None) -> None:
        self._files = (certificate, key, client_ca)
        self._seen = self._stamps()
        self.context = server_context(certificate, key, client_ca)

    def renew(self) -> None:
        """Use what the files say now, from the next handshake on.

        What cannot be used is told once, and what was in force stays so: a key that comes a
        moment after its certificate is not the end of the service.
        """
        stamps = self._stamps()
        if stamps == self._seen:
            return
        self._seen = stamps
        try:
            self.context = server_context(*self._files)
        except TlsFilesError as error:
            log.warning("certificate not renewed", why=str(error))
        else:
            log.info("certificate renewed", file=str(self._files[0]))

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        return [_stamp(path) for path in self._files]


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """Return what changes with a file; None where there is none."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found is not None else None


def server_context(
    certificate: Path, key: Path, client_ca: Path | None = None
) -> ssl.SSLContext:
    """Build the TLS context of the endpoint: TLS 1.2 or newer (OCPP security profiles 2, 3).

    With `client_ca` stations are asked for a certificate signed by one of those in that file.
    Raises `TlsFilesError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
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
