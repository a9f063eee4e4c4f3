"""The faults of a ticket: what each means, since when, and whether it lasts. Pure.

A ticket holds its faults as last decided; the moment a condition goes away is no decision. Only
what core says of the present tells that a fault is on its way to clear.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

import msgspec

from app.views import moment
from app.web.pages.moments import clock, span, written
from app.web.pages.words import advice_on, finding_of, place_words, remedy_words
from domain.faults import Fault
from domain.registry import Registry
from domain.tickets import HeldFault
from ticketing.wording import load_wording


class FaultLine(msgspec.Struct, frozen=True, kw_only=True):
    """One fault in a ticket."""

    place: str
    rule: str
    codes: tuple[str, ...]
    finding: str  # what the codes mean
    severity: str
    since: str
    since_at: str
    is_active: bool
    clearing: str  # while its clean time runs: since when, and when it clears
    cleared: str
    cleared_at: str
    advice: tuple[str, ...]  # on its codes, then on its rule
    helps: str  # whose it likely is, which part, what is safe from here
    is_danger: bool
    is_flapping: bool
    inhibited_by: str
    said: tuple[str, ...]  # the station's own words
    told: str  # "" where nobody is to be told


def fault_lines(
    held: Iterable[HeldFault],
    registry: Registry,
    zone: tzinfo,
    now: datetime,
    *,
    live: Iterable[Fault] = (),
    is_told_of: bool = True,
) -> list[FaultLine]:
    """Show a ticket's faults.

    `live` are the active faults as core has them now; without them one that is clean just now
    shows as active, as it was last decided. `is_told_of`: the ticket has a customer to tell.
    """
    known = {fault.fingerprint: fault for fault in live}
    lines = []
    for one in held:
        now_known = known.get(one.fault.fingerprint) if one.is_active else None
        told = "told" if one.told_severity is not None else "not told"
        lines.append(
            _fault_line(
                one.fault,
                registry,
                zone,
                now,
                clean=now_known if now_known and now_known.clean_since else None,
                told=told if is_told_of else "",
            )
        )
    return lines


def _fault_line(
    fault: Fault,
    registry: Registry,
    zone: tzinfo,
    now: datetime,
    *,
    clean: Fault | None,
    told: str,
) -> FaultLine:
    cleared_at = fault.cleared_at
    clean_since = clean.clean_since if clean else None
    lasted = (cleared_at or clean_since or now) - fault.seen_at
    return FaultLine(
        place=place_words(fault.place, registry),
        rule=fault.rule,
        codes=fault.codes,
        finding=finding_of(fault.codes, load_wording()),
        severity=fault.severity.value,
        since=f"{written(fault.seen_at, zone)} ({span(lasted)})",
        since_at=moment(fault.seen_at),
        is_active=cleared_at is None,
        clearing=clearing_words(clean, zone) if clean else "",
        cleared="" if cleared_at is None else written(cleared_at, zone),
        cleared_at="" if cleared_at is None else moment(cleared_at),
        advice=(
            *filter(None, [fault.remedy.agent if fault.remedy else ""]),
            *advice_on(fault.codes, load_wording()),
            *filter(None, [fault.advice]),
        ),
        helps=remedy_words(fault.remedy),
        is_danger=fault.is_danger,
        is_flapping=fault.is_flapping,
        inhibited_by=fault.inhibited_by or "",
        said=tuple(_said(error.code, error.vendor_id, error.vendor_code, error.text)
                   for error in fault.errors),
        told=told,
    )  # fmt: skip


def clearing_words(fault: Fault, zone: tzinfo) -> str:
    """Say since when an active fault is clean and when it clears; "" while its condition holds.

    `clean since 22:20, clears at 22:25 if it stays so`; without the second moment where core
    cannot name it, as for a station out of sight.
    """
    if fault.clean_since is None or fault.cleared_at is not None:
        return ""
    when = "" if fault.clears_at is None else f" at {clock(fault.clears_at, zone)}"
    return f"clean since {clock(fault.clean_since, zone)}, clears{when} if it stays so"


def _said(code: str, vendor_id: str, vendor_code: str, text: str) -> str:
    parts = [code, f"{vendor_id} {vendor_code}".strip(), f"“{text}”" if text else ""]
    return " · ".join(part for part in parts if part)
