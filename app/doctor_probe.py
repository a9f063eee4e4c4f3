"""Asking around for the doctor: ports, certificates, the mail server, the running service."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosmtplib

from app.doctor_facts import CertificateFacts, PortFacts, ServiceFacts
from app.link import LinkClient, LinkError
from app.messages import GetHealth, Health
from app.settings import Settings
from ocpp_server.certificates import certificate_names
from ocpp_server.tls import TlsFilesError, server_context

_WITHIN_S = 3.0
_MAIL_WITHIN_S = 15.0
_OTHERS = 0o077
_ANY_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked, not bound
_OURS = (b"websocket port for OCPP", b'"alive"')  # what our ports answer to a plain question

_ANSWER_BYTES = 4096

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL: an expired certificate is to be read, not refused.
_WHENEVER = ssl.VerifyFlags(0x200000)
_HANDSHAKE_STEPS = 10


def service_facts(settings: Settings) -> ServiceFacts:
    """Ask the service that runs on the data directory how it is."""
    if not settings.link_path.is_socket():
        return ServiceFacts()
    return asyncio.run(_ask_service(settings.link_path))


async def _ask_service(path: Path) -> ServiceFacts:
    async with LinkClient(path, connect_within_s=_WITHIN_S) as link:
        try:
            health = await asyncio.wait_for(link.ask(GetHealth()), _WITHIN_S)
        except LinkError:
            return ServiceFacts()  # a socket that is left over
        except TimeoutError:
            return ServiceFacts(is_running=True, reasons=("it does not answer",))
    if isinstance(health, Health):
        return ServiceFacts(is_running=True, reasons=health.reasons)
    return ServiceFacts(is_running=True, reasons=("it answers strangely",))


def port_facts(settings: Settings, *, is_running: bool) -> Iterator[PortFacts]:
    """Look at every port that the service listens on, or will."""
    ocpp = settings.ocpp
    is_open = settings.is_loopback or ocpp.insecure or not ocpp.has_tls
    plain_host = settings.host if is_open else "127.0.0.1"
    yield _port("ocpp.port", plain_host, ocpp.port, is_running=is_running)
    if ocpp.has_tls:
        host = settings.host
        yield _port("ocpp.port_tls", host, ocpp.port_tls, is_running=is_running, is_tls=True)
    yield _port("http.port", settings.host, settings.http.port, is_running=is_running)


def _port(
    setting: str, host: str, port: int, *, is_running: bool, is_tls: bool = False
) -> PortFacts:
    if port == 0:
        return PortFacts(setting=setting, host=host, port=port, state="any")
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, number) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            said = error.strerror or str(error)
            return PortFacts(setting=setting, host=host, port=port, state="refused", said=said)
    else:
        return PortFacts(setting=setting, host=host, port=port, state="free")
    is_ours = is_running and _is_ours(_ANY_HOSTS.get(host, host), port, is_tls=is_tls)
    return PortFacts(
        setting=setting, host=host, port=port, state="ours" if is_ours else "taken"
    )


def _is_ours(host: str, port: int, *, is_tls: bool) -> bool:
    """Tell whether what listens there answers as we do."""
    request = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = b""
    try:
        with _connected(host, port, is_tls=is_tls) as asked:
            asked.sendall(request.encode())
            while len(answer) < _ANSWER_BYTES and (more := asked.recv(_ANSWER_BYTES)):
                answer += more
    except OSError:
        pass  # what was said until then has to do
    return any(mark in answer for mark in _OURS)


def _connected(host: str, port: int, *, is_tls: bool) -> socket.socket:
    found = socket.create_connection((host, port), timeout=_WITHIN_S)
    if not is_tls:
        return found
    # Nothing secret is said: whose certificate it is is judged elsewhere.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(found)
    except BaseException:
        found.close()
        raise


def certificate_facts(settings: Settings) -> CertificateFacts | None:
    """Look at the certificate that stations see, by a handshake in memory over TLS 1.2."""
    file, key = settings.ocpp.tls_cert, settings.ocpp.tls_key
    if file is None or key is None:
        return None
    try:
        server = server_context(file, key)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.verify_flags |= _WHENEVER | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        client.load_verify_locations(file)
        seen = _shake_hands(server, client)
    except TlsFilesError as error:
        return CertificateFacts(file=file, trouble=str(error))
    except (ssl.SSLError, OSError) as error:
        said = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error
        return CertificateFacts(file=file, trouble=f"{file}: TLS 1.2 fails with it: {said}")
    found = _facts_of(file, seen)
    return CertificateFacts(
        file=file,
        subject=found.subject,
        names=found.names,
        begins_at=found.begins_at,
        ends_at=found.ends_at,
        lacks_issuer=_lacking(seen, client),
        is_key_open=bool(key.stat().st_mode & _OTHERS),
    )


def client_ca_facts(settings: Settings) -> tuple[CertificateFacts, ...]:
    """Look at those who sign stations' certificates."""
    file = settings.ocpp.tls_client_ca
    if file is None:
        return ()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(file)
    except (ssl.SSLError, OSError) as error:
        return (CertificateFacts(file=file, trouble=f"{file}: {error}"),)
    found = tuple(_facts_of(file, seen) for seen in context.get_ca_certs())
    return found or (CertificateFacts(file=file, trouble=f"{file} holds no CA certificate"),)


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> Mapping[str, Any]:
    """Connect the two in memory; return the certificate the client saw."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(_HANDSHAKE_STEPS):
        for end in (ours, theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ours.getpeercert() or {}


# Any: what `getpeercert` returns has no type of its own.
def _facts_of(file: Path, seen: Mapping[str, Any]) -> CertificateFacts:
    subject = [value for part in seen.get("subject", ()) for _, value in part]
    names = tuple(str(name) for _, name in seen.get("subjectAltName", ()))
    common = certificate_names(seen) or ()
    return CertificateFacts(
        file=file,
        subject=str(common[0] if common else ", ".join(map(str, subject))),
        names=names,
        begins_at=_moment(seen.get("notBefore")),
        ends_at=_moment(seen.get("notAfter")),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def _lacking(seen: Mapping[str, Any], client: ssl.SSLContext) -> str:
    """Return who signed the certificate where neither file nor system knows them, else ""."""
    issuer = seen.get("issuer", ())
    if issuer == seen.get("subject"):
        return ""
    system = ssl.create_default_context()
    held = [one.get("subject") for one in (*client.get_ca_certs(), *system.get_ca_certs())]
    if issuer in held:
        return ""
    return ", ".join(str(value) for part in issuer for _, value in part)


def mail_trouble(settings: Settings) -> str:
    """Say why the mail server does not take us on; "" where it does, or none is set."""
    if not settings.smtp.host:
        return ""
    try:
        asyncio.run(_greet(settings))
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return ""


async def _greet(settings: Settings) -> None:
    """Connect and log in, and leave without a mail."""
    smtp = settings.smtp
    async with aiosmtplib.SMTP(
        hostname=smtp.host,
        port=smtp.port,
        username=smtp.user or None,
        password=smtp.password.get_secret_value() or None,
        use_tls=smtp.tls == "tls",
        start_tls=smtp.tls == "starttls",
        timeout=_MAIL_WITHIN_S,
    ) as server:
        await server.noop()
