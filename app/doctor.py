"""`foretell doctor`: what is well, what is not, and what to do about it. Pure.

Facts come in (`app.doctor_facts`), findings come out, one for each thing that was looked at.
Nothing in here looks anything up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.doctor_disk import (
    check_data,
    check_disk_speed,
    check_fleet,
    check_open_files,
    check_retention,
    check_rules,
    check_secret,
    check_stores,
)
from app.doctor_facts import Facts, Finding, Grade
from app.doctor_network import (
    check_access,
    check_certificate,
    check_client_ca,
    check_mail,
    check_ports,
    check_service,
    check_tokens,
)
from app.doctor_time import check_clock, check_time_zones

Check = Callable[[Facts], Iterator[Finding]]

SETTINGS = "settings"
"""The first check: the others begin with settings that could be read."""

CHECKS: dict[str, tuple[str, Check]] = {
    "data": ("The data directory is there, writable, private and has room.", check_data),
    "disk-speed": ("How long the disk takes to keep a write (fsync).", check_disk_speed),
    "retention": ("What the journal may grow to fits the disk.", check_retention),
    "stores": ("Every store can be read and is of this release or older.", check_stores),
    "secret": ("The signing key is there, and its owner's only.", check_secret),
    "open-files": ("As many connections are allowed as stations may come.", check_open_files),
    "service": ("Whether the service runs, and whether it is ready.", check_service),
    "ports": ("OCPP, TLS and HTTP ports are free, or held by our service.", check_ports),
    "certificate": (
        "Certificate and key fit, TLS 1.2 works with them, the chain is whole, a name is in "
        "it, and it is in force for 30 days more.",
        check_certificate,
    ),
    "client-ca": ("Those who sign stations' certificates are in force.", check_client_ca),
    "access": (
        "What an open address lets in: TLS, passwords, empty ones, strangers.",
        check_access,
    ),
    "tokens": ("Who may charge: everybody, or a list, and what it holds.", check_tokens),
    "fleet": ("The fleet file has no mistakes; notices have readers.", check_fleet),
    "rules": ("The rules can be read.", check_rules),
    "mail": ("The mail server takes us on; without one, mails are files.", check_mail),
    "clock": (
        "The clock is set (NTP), even, and not behind what was written before.",
        check_clock,
    ),
    "time-zones": ("The time zones of the sites are known here.", check_time_zones),
}
"""Every check after `settings`, in order: what it looks at, and how it judges."""


def examine(facts: Facts) -> list[Finding]:
    """Return the findings of every check, in order: at least one of each."""
    findings = [Finding(SETTINGS, Grade.OK, "read and consistent")]
    for _, check in CHECKS.values():
        findings += check(facts)
    return findings


def bad_settings(mistakes: list[str]) -> list[Finding]:
    """Return the findings where settings cannot be used: nothing else can be looked at."""
    return [
        Finding(SETTINGS, Grade.PROBLEM, mistake, "mend it there, then run doctor again")
        for mistake in mistakes
    ]


def not_ours(file: str) -> Finding:
    """Return the finding where we may not even look."""
    do = "run doctor as the user that runs the service, and give that one its files"
    return Finding("data", Grade.PROBLEM, f"{file} is not ours to read", do)


def doctor_reference() -> str:
    """Write the table of all checks for the reference."""
    rows = ["| check | looks at |", "| --- | --- |"]
    about = "Every source of settings can be read, and what it says fits together."
    rows.append(f"| `{SETTINGS}` | {about} |")
    rows += [f"| `{name}` | {what} |" for name, (what, _) in CHECKS.items()]
    return "\n".join(rows) + "\n"
