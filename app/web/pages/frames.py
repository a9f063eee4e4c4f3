"""Raw frames as people read them: masked, long ones cut, the evidence marked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

import msgspec

from app.views import moment
from app.web.masking import mask_frame
from app.web.pages.moments import written
from domain.journal import Entry, EntryKind
from domain.places import StationId
from domain.tickets import Ticket

FRAMES_BEFORE = timedelta(minutes=2)
"""How long before a fault was first seen its frames are shown from."""

FRAMES_SHOWN = 40
FRAME_SHOWN_CHARACTERS = 4_000
"""Longer frames are shown cut: a station may send a megabyte in one."""


class FrameLine(msgspec.Struct, frozen=True, kw_only=True):
    """One frame, masked."""

    position: int
    at: str
    shown_at: str
    is_sent: bool
    frame: str
    is_evidence: bool


def frames_wanted(ticket: Ticket) -> list[tuple[StationId, datetime]]:
    """Return whose frames belong beside this ticket, and from when: its first three faults."""
    wanted: dict[StationId, datetime] = {}
    for held in sorted(ticket.faults, key=lambda held: held.fault.seen_at):
        station = held.fault.place.station
        if station is not None and station not in wanted and len(wanted) < 3:
            wanted[station] = held.fault.seen_at - FRAMES_BEFORE
    return list(wanted.items())


def frame_lines(
    entries: Sequence[Entry], zone: tzinfo, evidence: frozenset[int] = frozenset()
) -> list[FrameLine]:
    """Show frames for people's eyes: masked."""
    return [
        FrameLine(
            position=entry.position,
            at=moment(entry.at),
            shown_at=f"{written(entry.at, zone)}:{entry.at:%S}",
            is_sent=entry.kind is EntryKind.SENT,
            frame=_cut(mask_frame(entry.body.decode(errors="replace"))),
            is_evidence=entry.position in evidence,
        )
        for entry in entries
    ]


def _cut(frame: str) -> str:
    if len(frame) <= FRAME_SHOWN_CHARACTERS:
        return frame
    return f"{frame[:FRAME_SHOWN_CHARACTERS]}… ({len(frame):,} characters in all)"


def evidence_of(ticket: Ticket) -> frozenset[int]:
    """Return the journal positions that a ticket's history rests on."""
    return frozenset(position for line in ticket.history for position in line.evidence)
