"""The life of one fault: idle, pending, active, and back. Pure; knows no detector.

A track moves by four things only: its condition begins, its condition ends, a deadline falls
due, or a person ends it. Flapping and suspension live here; inhibition and wording do not.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from domain.events import ErrorReport
from domain.faults import ClearedBy, Severity, worst
from domain.places import Place, StationId
from domain.remedies import Remedy

FLAPPING_COUNT = 4
FLAPPING_WINDOW = timedelta(hours=2)
"""Raised or lost four times within two hours is flapping."""

_MOST_EVIDENCE = 8
MOST_ERRORS = 4


class Phase(StrEnum):
    """Where a fault stands."""

    IDLE = "idle"
    PENDING = "pending"
    ACTIVE = "active"


class Moved(StrEnum):
    """What a track did; `NOTHING` is the usual answer."""

    NOTHING = "nothing"
    RAISED = "raised"
    FLAPPING = "flapping"  # began to flap; RAISED with it where it was not active yet
    CLEARED = "cleared"
    WORSENS = "worsens"  # the second severity of the rule is due
    IMPROVES = "improves"  # what made it worse than it is now has been gone for long enough


# Taken out once: naming a member costs CPython 3.11 as much as ten comparisons.
_IDLE, _PENDING, _ACTIVE, _NOTHING = Phase.IDLE, Phase.PENDING, Phase.ACTIVE, Moved.NOTHING


class Said(msgspec.Struct, frozen=True, gc=False):
    """What one error, or the condition itself, was last said to mean."""

    severity: Severity
    is_danger: bool = False


class Track(msgspec.Struct, kw_only=True):
    """One rule at one place, through all its episodes.

    `due_at` is the next moment at which the track moves by itself; None while suspended or at
    rest. `left` is what remains of a suspended dwell. What is present and at rest was ended by
    a person, and stays quiet as long as the same condition lasts.
    """

    rule: str
    place: Place
    fingerprint: str
    phase: Phase = Phase.IDLE
    is_present: bool = False
    seen_at: datetime | None = None
    raised_at: datetime | None = None
    due_at: datetime | None = None
    worsens_at: datetime | None = None
    improves_at: datetime | None = None
    left: timedelta | None = None
    improves_left: timedelta | None = None
    held_due_at: datetime | None = None  # while our own service is down
    held_worsens_at: datetime | None = None
    onsets: list[datetime] = []
    is_flapping: bool = False
    episode: int = 0
    changes: int = 0  # numbers the decisions of an episode that can repeat
    said: dict[str, Said] = {}  # by key of the error; "" is the condition itself
    floor: Severity | None = None  # the rule's second severity, once it counts
    base: Severity = Severity.MINOR  # the worst of what was said and is not long gone
    severity: Severity = Severity.MINOR  # with danger and the site's state
    is_danger: bool = False
    codes: list[str] = []
    errors: list[ErrorReport] = []
    unknown: list[str] = []  # vendor words to classify
    keys: list[str] = []  # errors raised apart from a status, and still on
    evidence: list[int] = []
    inhibited_by: str | None = None
    part_of: str | None = None  # the wider cause it is told apart from, and linked to
    causes: dict[str, str] = {}  # key of an error -> key of the one that caused it (OCPP 2.x)
    clean_at: datetime | None = None  # when the condition was last seen to end
    stations: list[StationId] = []  # of a wider cause: those it is known to affect
    last_at: datetime | None = None  # when the condition was last seen to hold
    why: str = ""
    cleared_by: ClearedBy | None = None
    remedy: Remedy | None = None  # what the dictionary knows beyond the codes

    def begin(
        self, now: datetime, raise_after: timedelta, *, since: datetime, can_flap: bool
    ) -> Moved:
        """The condition holds from now on; `since` is its first moment (now or earlier)."""
        if self.is_present:
            return _NOTHING
        self.is_present = True
        starts_flapping = can_flap and self._count_onset(now)
        self.left = None
        if self.phase is _ACTIVE:
            self.due_at = None
            return Moved.FLAPPING if starts_flapping else _NOTHING
        self.phase = _PENDING
        self.seen_at = since
        self.due_at = max(now, since + raise_after)
        if starts_flapping:
            self.raise_now(now)
            return Moved.FLAPPING
        return _NOTHING

    def _count_onset(self, now: datetime) -> bool:
        recent = [at for at in self.onsets if now - at <= FLAPPING_WINDOW]
        self.onsets = [*recent, now][-FLAPPING_COUNT:]
        starts = len(self.onsets) >= FLAPPING_COUNT and not self.is_flapping
        self.is_flapping = self.is_flapping or starts
        return starts

    def raise_now(self, at: datetime) -> Moved:
        """Become active, whatever patience was left."""
        if self.phase is _ACTIVE:
            return _NOTHING
        self.phase = _ACTIVE
        self.raised_at = at
        self.episode += 1
        self.changes = 0
        self.due_at = None
        return Moved.RAISED

    def end(self, now: datetime, clear_after: timedelta) -> Moved:
        """The condition is gone: forget a pending fault, begin to clear an active one."""
        if not self.is_present:
            return _NOTHING
        self.is_present = False
        self.left = self.improves_at = self.improves_left = None
        self.said = {}
        if self.phase is not _ACTIVE:
            self._rest()
            return _NOTHING
        self.clean_at = now
        self.due_at = now + clear_after
        return _NOTHING

    def fire(self, at: datetime) -> Moved:
        """The deadline fell due at `at`."""
        if self.worsens_at is not None and self.worsens_at <= at and self.phase is _ACTIVE:
            self.worsens_at = None
            return Moved.WORSENS
        if self.improves_at is not None and self.improves_at <= at:
            self.improves_at = None
            return Moved.IMPROVES
        if self.due_at is None or self.due_at > at:
            return _NOTHING
        if self.phase is _PENDING and self.is_present:
            return self.raise_now(at)
        if self.phase is _ACTIVE and not self.is_present:
            self.due_at = None
            return Moved.CLEARED
        self.due_at = None
        return _NOTHING

    def forget(self) -> None:
        """Go to rest after `CLEARED` was told. Onsets stay, for flapping."""
        self._rest()
        self.onsets = [] if self.is_flapping else self.onsets
        self.is_flapping = False

    def suspend(self, now: datetime) -> None:
        """Stop the dwell: nothing can be known of the place (it went dark)."""
        if self.due_at is not None:
            self.left = max(self.due_at - now, timedelta(0))
            self.due_at = None
        if self.improves_at is not None:
            self.improves_left = max(self.improves_at - now, timedelta(0))
            self.improves_at = None

    def resume(self, now: datetime) -> None:
        """Go on with what was left of the dwell."""
        if self.left is not None:
            self.due_at = now + self.left
        if self.improves_left is not None:
            self.improves_at = now + self.improves_left
        self.left = self.improves_left = None

    @property
    def is_suspended(self) -> bool:
        """Whether `resume` would let anything go on."""
        return self.left is not None or self.improves_left is not None

    def say(self, key: str, severity: Severity, *, is_danger: bool) -> None:
        """Note what is said of the condition, or of one of its errors.

        What is worse counts at once. A status of Faulted that named a danger stays one,
        whatever it names later, for as long as the place is Faulted.
        """
        before = self.said.get(key)
        stays = not key and before is not None and before.is_danger
        self.said[key] = Said(severity, is_danger or stays)
        if self.phase is _ACTIVE:
            self.base = worst(self.base, severity)
        else:
            self.base = self._said_severity
        self.is_danger = self.is_danger or is_danger

    def watch_improvement(self, now: datetime, after: timedelta) -> None:
        """See whether it is less bad than it counts; that has to last before it improves."""
        if self.phase is not _ACTIVE or not self.is_present or not self._is_less:
            self.improves_at = self.improves_left = None
        elif self.improves_at is None and self.improves_left is None:
            self.improves_at = now + after

    def improve(self) -> None:
        """Let it count as what is said of it now."""
        self.base = self._said_severity
        self.is_danger = any(said.is_danger for said in self.said.values())

    @property
    def _is_less(self) -> bool:
        is_danger = any(said.is_danger for said in self.said.values())
        return self._said_severity.rank < self.base.rank or (self.is_danger and not is_danger)

    @property
    def _said_severity(self) -> Severity:
        said = [said.severity for said in self.said.values()]
        if self.floor is not None:
            said.append(self.floor)
        return worst(*said) if said else self.base

    @property
    def is_dismissed(self) -> bool:
        """Whether a person ended it although its condition lasts."""
        return self.is_present and self.phase is _IDLE

    def hold(self) -> None:
        """Our own service went down: keep both deadlines, fire neither."""
        self.held_due_at, self.due_at = self.due_at, None
        self.held_worsens_at, self.worsens_at = self.worsens_at, None

    def release(self, earliest: datetime) -> None:
        """Our service is up again: go on, but let nothing fall due before `earliest`."""
        if self.held_due_at is not None:
            self.due_at = max(self.held_due_at, earliest)
        if self.held_worsens_at is not None:
            self.worsens_at = max(self.held_worsens_at, earliest)
        self.held_due_at = self.held_worsens_at = None

    def put_off(self, earliest: datetime) -> None:
        """Let neither the dwell end nor the severity worsen before `earliest`."""
        if self.due_at is not None:
            self.due_at = max(self.due_at, earliest)
        if self.worsens_at is not None:
            self.worsens_at = max(self.worsens_at, earliest)

    @property
    def name(self) -> str:
        """RULE@PLACE, as other faults name it."""
        return f"{self.rule}@{self.place}"

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to remember of it: it never was active nor could flap."""
        return self.phase is _IDLE and not (self.episode or self.onsets)

    def add_evidence(self, position: int, error: ErrorReport | None = None) -> None:
        """Remember where the journal shows it: the first and the latest few."""
        if position and position not in self.evidence:
            if len(self.evidence) >= _MOST_EVIDENCE:
                del self.evidence[1]
            self.evidence.append(position)
        if error is not None and error not in self.errors:
            self.errors = [*self.errors, error][-MOST_ERRORS:]

    @property
    def next_at(self) -> datetime | None:
        """The soonest of the dwell's end, the worsening and the improvement."""
        if self.phase is not _ACTIVE:
            return self.due_at
        moments = (self.due_at, self.worsens_at, self.improves_at)
        return min((at for at in moments if at is not None), default=None)

    def _rest(self) -> None:
        self.phase = _IDLE
        self.due_at = self.left = self.worsens_at = None
        self.improves_at = self.improves_left = None
        self.said, self.floor = {}, None
        self.held_due_at = self.held_worsens_at = None
        self.seen_at = self.raised_at = None
        self.is_danger = False
        self.inhibited_by = self.part_of = None
        self.causes = {}
        self.codes, self.errors, self.unknown, self.evidence, self.keys = [], [], [], [], []
        self.stations, self.clean_at, self.last_at = [], None, None
        self.why, self.cleared_by, self.remedy = "", None, None
