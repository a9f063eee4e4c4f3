"""Client certificates (OCPP security profile 3): whose they are. Pure.

That a certificate is genuine and in force is checked by TLS before anything here is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_MOMENT = "%b %d %H:%M:%S %Y GMT"


def certificate_names(certificate: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    """Return the names in a client certificate: CN of the subject, then every SAN.

    `certificate` is as `ssl.SSLSocket.getpeercert` returns it; None where there is none.
    """
    if not certificate:
        return None
    common = [
        value
        for part in certificate.get("subject", ())
        for kind, value in part
        if kind == "commonName"
    ]
    alternative = [value for _, value in certificate.get("subjectAltName", ())]
    return tuple(str(name) for name in (*common, *alternative))


def certificate_end(certificate: Mapping[str, Any] | None) -> datetime | None:
    """Return until when a client certificate is valid, in UTC; None where there is none."""
    said = str((certificate or {}).get("notAfter", ""))
    try:
        return datetime.strptime(said, _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None


def is_named(station: str, names: Iterable[str]) -> bool:
    """Tell whether one of a certificate's names is the station's id, ignoring case."""
    return station.casefold() in {name.casefold() for name in names}


def name_given(names: Sequence[str] | None, is_registered: Callable[[str], bool]) -> str:
    """Return the id in a certificate of a station that gives none otherwise; "" without one.

    A registered name counts before the CN, which comes first (OCPP: the station's serial).
    """
    known = (name for name in names or () if is_registered(name))
    return next(known, None) or next(iter(names or ()), "")
