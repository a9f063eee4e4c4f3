"""Judging who can reach us and whom we reach: ports, certificates, access, mail. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from app.doctor_facts import CertificateFacts, Facts, Finding, PortFacts, ok, problem, warning
from app.settings import reason_to_refuse

RENEW_WITHIN = timedelta(days=30)
"""How long before its end a certificate should be renewed."""


def check_service(facts: Facts) -> Iterator[Finding]:
    """Judge the service by what it says of itself."""
    service = facts.service
    if not service.is_running:
        yield ok("service", "does not run on this data directory; `foretell serve` starts it")
    elif service.reasons:
        says = f"runs, and takes no stations on: {'; '.join(service.reasons)}"
        yield problem("service", says, "mend that; it goes on by itself then")
    else:
        yield ok("service", "runs and is ready")


def check_ports(facts: Facts) -> Iterator[Finding]:
    """Judge every port."""
    for port in facts.ports:
        yield _port(port)


def _port(port: PortFacts) -> Finding:
    where = f"{port.setting} {port.host}:{port.port}"
    match port.state:
        case "any":
            return ok("ports", f"{port.setting} is 0: the system chooses one at every start")
        case "free":
            return ok("ports", f"{where} is free")
        case "ours":
            return ok("ports", f"{where} is our running service's")
        case "taken":
            do = f"end what listens there, or set {port.setting} to another port"
            return problem("ports", f"{where} is taken by another program", do)
        case _:
            do = "set `host` to an address of this machine, and ports of 1024 or above"
            return problem("ports", f"{where} cannot be listened on: {port.said}", do)


def check_certificate(facts: Facts) -> Iterator[Finding]:
    """Judge the certificate that stations see."""
    found, check, now = facts.certificate, "certificate", facts.clock.now
    if found is None:
        yield ok(check, "none is set: OCPP over TLS is off")
        return
    if found.trouble:
        do = "set ocpp.tls_cert to the whole chain and ocpp.tls_key to its key, in PEM"
        yield problem(check, found.trouble, do)
        return
    yield _in_force(found, check, now, "renew it; the new files count without a restart")
    if found.lacks_issuer:
        says = f"{found.file} lacks the certificate of {found.lacks_issuer}, which signed it"
        do = "append the intermediate certificates, unless stations hold that one as a root"
        yield warning(check, says, do)
    if not found.names:
        do = "have it signed for the host name in the stations' addresses, as a SAN"
        yield warning(check, f"{found.file} names no host: stations may refuse it", do)
    if found.is_key_open:
        key = facts.settings.ocpp.tls_key
        yield warning(check, f"others can read {key}", f"chmod 600 {key}")


def check_client_ca(facts: Facts) -> Iterator[Finding]:
    """Judge those who sign stations' certificates."""
    if facts.settings.ocpp.tls_client_ca is None:
        yield ok("client-ca", "none is set: stations are asked for no certificate")
        return
    for found in facts.client_ca:
        if found.trouble:
            do = "set ocpp.tls_client_ca to a PEM file of CA certificates"
            yield problem("client-ca", found.trouble, do)
        else:
            do = "add the next one to the file, and give stations new certificates in time"
            yield _in_force(found, "client-ca", facts.clock.now, do)


def _in_force(found: CertificateFacts, check: str, now: datetime, do: str) -> Finding:
    """Judge a certificate by its days."""
    what = f"{found.subject or found.file}"
    if found.names:
        what += f" ({', '.join(found.names[:5])})"
    if found.begins_at is not None and found.begins_at > now:
        says = f"{what} is in force from {found.begins_at:%Y-%m-%d} on only"
        return problem(check, says, "wait, or correct this machine's clock")
    if found.ends_at is None:
        return ok(check, what)
    if found.ends_at <= now:
        return problem(check, f"{what} has expired on {found.ends_at:%Y-%m-%d}", do)
    if found.ends_at - now < RENEW_WITHIN:
        return warning(check, f"{what} expires on {found.ends_at:%Y-%m-%d}", do)
    return ok(check, f"{what}: in force until {found.ends_at:%Y-%m-%d}")


def check_access(facts: Facts) -> Iterator[Finding]:
    """Judge what an open address lets in."""
    settings, check = facts.settings, "access"
    if settings.is_loopback:
        yield ok(check, f"{settings.host}: only this machine can reach us")
        return
    refusal = reason_to_refuse(
        settings, stations=facts.fleet.stations, with_password=facts.passwords
    )
    if refusal is not None:
        what, _, advice = refusal.partition(": ")
        yield problem(check, f"the service refuses to start: {what}", advice)
        return
    findings = list(_openings(facts))
    yield from findings or [ok(check, f"{settings.host}: with TLS, and nobody unknown")]


def _openings(facts: Facts) -> Iterator[Finding]:
    ocpp, check = facts.settings.ocpp, "access"
    if ocpp.insecure:
        says = "ocpp.insecure: stations come in without TLS, and without passwords"
        yield warning(check, says, "right on a closed network only: else set up TLS")
    if ocpp.allow_empty_password:
        says = "ocpp.allow_empty_password: anybody who knows an id can come in under it"
        yield warning(check, says, "set it to false, or close the network to strangers")
    if ocpp.unknown_stations == "accept" and not ocpp.require_client_cert:
        says = "stations that are not in the fleet file are let in"
        do = 'set ocpp.unknown_stations = "refuse" once all stations are known'
        yield warning(check, says, do)


def check_tokens(facts: Facts) -> Iterator[Finding]:
    """Judge who may charge."""
    count = facts.token_count
    if facts.settings.ocpp.authorize == "accept":
        if facts.settings.is_loopback:
            yield ok("tokens", "every token is accepted (ocpp.authorize)")
        else:
            says = "every token is accepted, and stations are reachable from outside"
            do = 'where cards decide who charges, import them and set ocpp.authorize = "list"'
            yield warning("tokens", says, do)
    elif count == 0:
        says = "the list of tokens is empty: nobody may charge"
        do = 'import one with `foretell tokens import FILE`, or set ocpp.authorize = "accept"'
        yield problem("tokens", says, do)
    else:
        yield ok("tokens", f"{count} listed")


def check_mail(facts: Facts) -> Iterator[Finding]:
    """Judge whether notices get out."""
    settings, check = facts.settings, "mail"
    smtp = settings.smtp
    where = f"{smtp.host}:{smtp.port}"
    if not smtp.host:
        says = f"no mail server is set: mails are written as files to {settings.data / 'mail'}"
        yield warning(check, says, "set smtp.host, and what else its provider names")
    elif facts.mail_trouble:
        do = "compare smtp.host, port, tls, user and password with what its provider names"
        yield problem(check, f"{where}: {facts.mail_trouble}", do)
    else:
        yield ok(check, f"{where} takes us on")
    if smtp.host and smtp.sender.rstrip(">").endswith("@localhost"):
        says = f"{smtp.sender} is the sender: other servers take it for spam"
        yield warning(check, says, "set smtp.from to an address of yours")
    if not settings.texts.phone:
        says = "notices name no phone number of ours, those of danger neither"
        yield warning(check, says, "set texts.phone")
