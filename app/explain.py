"""Why a ticket is what it is: each decision with its rule, reason and frames, and who was told.

Pure: a ticket, its notices and the journal's entries in, plain values out. What the journal has
no more of (retention) is named by its position alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from typing_extensions import TypedDict

from app.messages import RuleInForce
from app.views import moment
from app.web.masking import mask_frame
from domain.faults import Fault, Severity
from domain.journal import Entry, EntryKind
from domain.remedies import Remedy
from domain.tickets import HeldFault, HistoryEntry, Ticket, TicketKind
from ticketing.store_rows import NoticeState, StoredNotice

MOST_FRAME_CHARS = 2_000
"""Of one frame in an explanation; the station's page has it whole."""


class FrameShown(TypedDict):
    """One entry of the journal that a decision rests on. `frame` is empty once it is gone."""

    position: int
    at: str
    station: str
    direction: str  # received | sent | noted, "" once it is gone
    frame: str


class StepShown(TypedDict):
    """One line of the ticket's history with the frames behind it."""

    at: str
    what: str
    who: str
    why: str
    rules_version: str
    frames: list[FrameShown]


class FaultShown(TypedDict):
    """One fault of the ticket, as it stands or ended. Durations are seconds."""

    rule: str
    rule_version: int
    rule_finds: str
    place: str
    severity: str
    codes: list[str]
    why: str
    said: list[str]  # in the station's own words
    seen_at: str
    raised_at: str
    waited_s: float
    raise_after_s: float | None  # None: the rule is not in force any more
    clear_after_s: float | None
    cleared_at: str | None
    cleared_by: str | None
    inhibited_by: str | None
    part_of: str | None
    danger: bool
    flapping: bool
    advice: str
    owners: list[str]  # whose it likely is
    part: str  # likely needed on site
    remote: str | None  # what is safe from here


class NoticeShown(TypedDict):
    """One notice, and what became of it."""

    at: str
    to: str
    channel: str
    reason: str
    subject: str
    state: str
    last_reason: str


class ExplanationView(TypedDict):
    """Everything that made a ticket what it is."""

    ticket: str
    title: str
    kind: str
    state: str
    severity: str
    customer: str | None
    site: str | None
    opened_at: str
    resolved_at: str | None
    rules_version: str  # in force now
    faults: list[FaultShown]
    steps: list[StepShown]
    notices: list[NoticeShown]
    untold: str  # why nobody was told; "" where somebody was


class Rules(msgspec.Struct, frozen=True):
    """The rules in force, as far as they are known."""

    version: str = ""
    rules: Mapping[str, RuleInForce] = {}

    @classmethod
    def of(cls, version: str, rules: Iterable[RuleInForce]) -> Rules:
        """Return them by name."""
        return cls(version, {rule.name: rule for rule in rules})


def positions_of(ticket: Ticket) -> set[int]:
    """Return every journal position that a ticket names."""
    return {position for line in ticket.history for position in line.evidence}


def explanation_of(
    ticket: Ticket,
    notices: Sequence[StoredNotice],
    entries: Mapping[int, Entry],
    rules: Rules,
    *,
    is_raw: bool,
) -> ExplanationView:
    """Explain a ticket. `is_raw`: whoever asks may see frames without masks."""
    return ExplanationView(
        ticket=ticket.id,
        title=ticket.title,
        kind=ticket.kind.value,
        state=ticket.state.value,
        severity=ticket.severity.value,
        customer=ticket.customer,
        site=ticket.site,
        opened_at=moment(ticket.opened_at),
        resolved_at=_moment(ticket.resolved_at),
        rules_version=rules.version,
        faults=[_fault(held, rules) for held in ticket.faults],
        steps=[_step(line, entries, is_raw=is_raw) for line in ticket.history],
        notices=[_notice(stored) for stored in notices],
        untold="" if notices else why_untold(ticket),
    )


def why_untold(ticket: Ticket) -> str:
    """Say why no notice was written about a ticket."""
    if ticket.untold_because:
        return ticket.untold_because
    if ticket.kind in (TicketKind.TASK, TicketKind.FLEET, TicketKind.PROBLEM):
        return f"a ticket of kind {ticket.kind.value} is for us: no customer is written to"
    if ticket.kind is TicketKind.REQUEST:
        return "a request is answered, not announced"
    speakers = {held.fault.inhibited_by for held in ticket.faults if held.is_active}
    if speakers and None not in speakers:
        return f"spoken for by {', '.join(sorted(name for name in speakers if name))}"
    if ticket.severity is Severity.INFO:
        return "nobody is written to about what is only worth knowing (info)"
    if ticket.severity is Severity.MINOR:
        after = "told once it has been active for four hours, outside the quiet hours"
        return (
            f"minor: {after}; it was over before" if ticket.resolved_at else f"minor: {after}"
        )
    return "no notice was due yet"


def _fault(held: HeldFault, rules: Rules) -> FaultShown:
    fault = held.fault
    rule = rules.rules.get(fault.rule)
    remedy = fault.remedy or Remedy()
    return FaultShown(
        rule=fault.rule,
        rule_version=_version_in(fault.fingerprint),
        rule_finds=rule.summary if rule is not None else "",
        place=str(fault.place),
        severity=fault.severity.value,
        codes=list(fault.codes),
        why=fault.why,
        said=_said(fault),
        seen_at=moment(fault.seen_at),
        raised_at=moment(fault.raised_at),
        waited_s=(fault.raised_at - fault.seen_at).total_seconds(),
        raise_after_s=rule.raise_after_s if rule is not None else None,
        clear_after_s=rule.clear_after_s if rule is not None else None,
        cleared_at=_moment(fault.cleared_at),
        cleared_by=fault.cleared_by.value if fault.cleared_by is not None else None,
        inhibited_by=fault.inhibited_by,
        part_of=fault.part_of,
        danger=fault.is_danger,
        flapping=fault.is_flapping,
        advice=fault.advice,
        owners=[owner.value for owner in remedy.owners],
        part=remedy.part,
        remote=remedy.remote.value if remedy.remote is not None else None,
    )


def _said(fault: Fault) -> list[str]:
    return [
        ", ".join(part for part in (one.code, one.vendor_id, one.vendor_code, one.text) if part)
        for one in fault.errors
    ]


def _step(line: HistoryEntry, entries: Mapping[int, Entry], *, is_raw: bool) -> StepShown:
    return StepShown(
        at=moment(line.at),
        what=line.what,
        who=line.who,
        why=line.why,
        rules_version=line.rules_version,
        frames=[_frame(p, entries.get(p), is_raw=is_raw) for p in line.evidence],
    )


_DIRECTIONS = {
    EntryKind.RECEIVED: "received",
    EntryKind.SENT: "sent",
    EntryKind.FACT: "noted",
}


def _frame(position: int, entry: Entry | None, *, is_raw: bool) -> FrameShown:
    if entry is None:
        return FrameShown(position=position, at="", station="", direction="", frame="")
    text = entry.body.decode(errors="replace")
    shown = text if is_raw else mask_frame(text)
    return FrameShown(
        position=position,
        at=moment(entry.at),
        station=entry.station or "",
        direction=_DIRECTIONS[entry.kind],
        frame=shown if len(shown) <= MOST_FRAME_CHARS else f"{shown[:MOST_FRAME_CHARS]}...",
    )


def _notice(stored: StoredNotice) -> NoticeShown:
    notice = stored.notice
    return NoticeShown(
        at=moment(notice.at),
        to=notice.to,
        channel=notice.channel,
        reason=notice.reason.value,
        subject=notice.subject,
        state=stored.state.value,
        last_reason="" if stored.state is NoticeState.SENT else stored.last_reason,
    )


def _version_in(fingerprint: str) -> int:
    number = fingerprint.rpartition("~")[2]
    return int(number) if number.isdecimal() else 1


def _moment(at: datetime | None) -> str | None:
    return None if at is None else moment(at)
