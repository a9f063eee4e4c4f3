"""Faults and decisions: what the engine finds, and what it says changed, with the reason."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from domain.events import ErrorReport
from domain.places import Place, StationId
from domain.remedies import Remedy


class Severity(StrEnum):
    """How bad a fault is for those who want to charge."""

    INFO = "info"  # worth knowing
    MINOR = "minor"  # charges worse, or we do not know
    MAJOR = "major"  # cannot charge there
    CRITICAL = "critical"  # danger, or nobody at the site can charge

    @property
    def rank(self) -> int:
        """Position from 0 (info) to 3 (critical), for comparing."""
        return _RANKS[self]


_RANKS = {Severity.INFO: 0, Severity.MINOR: 1, Severity.MAJOR: 2, Severity.CRITICAL: 3}


def worst(*severities: Severity) -> Severity:
    """Return the worst of one or more severities."""
    return max(severities, key=lambda severity: severity.rank)


class Change(StrEnum):
    """What happened to a fault. Every decision names one."""

    RAISED = "raised"  # became active
    WORSENED = "worsened"  # its severity rose within the episode
    IMPROVED = "improved"  # its severity fell within the episode
    RECODED = "recoded"  # another code or station joined the episode; nothing to tell
    FLAPPING = "flapping"  # four times within two hours: held active from now on
    INHIBITED = "inhibited"  # active, and from now on a wider cause speaks for it
    RELEASED = "released"  # still active, and nothing speaks for it any more
    LINKED = "linked"  # active and told as before; from now on known as part of a wider cause
    CLEARED = "cleared"  # its clean time is over


class ClearedBy(StrEnum):
    """What ended a fault's condition."""

    REPORTED = "reported"  # the station says so
    EVIDENCE = "evidence"  # what happens there shows it
    REBOOT = "reboot"  # the station started anew in between
    PERSON = "person"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's finding at one place, as it stands at the moment of a decision.

    `fingerprint` is stable over (rule, place, version) and leaves severity out. `episode`
    counts the stays in *active*. `seen_at` is the first moment of the condition in this
    episode, `raised_at` when it became active. `codes` are canonical and sorted.
    """

    fingerprint: str
    rule: str
    place: Place
    episode: int
    severity: Severity
    codes: tuple[str, ...]
    seen_at: datetime
    raised_at: datetime
    cleared_at: datetime | None = None
    is_danger: bool = False
    is_flapping: bool = False
    inhibited_by: str | None = None  # RULE@PLACE, "maintenance@PLACE" or "silence@PLACE"
    part_of: str | None = None  # RULE@PLACE of a wider cause that leaves the telling to it
    errors: tuple[ErrorReport, ...] = ()  # as the station worded them
    advice: str = ""  # for agents
    person_may_end: bool = False  # whoever closes its ticket ends it
    why: str = ""  # what was seen, for agents; "" where the codes say it
    cleared_by: ClearedBy | None = None  # once its condition is gone
    stations: tuple[StationId, ...] = ()  # of a wider cause: those it is known to affect
    clean_since: datetime | None = None  # the condition is gone since then; clean time runs
    clears_at: datetime | None = None  # while that runs: when it clears if it stays clean
    remedy: Remedy | None = None  # whose it is, which part, what is safe from here

    @property
    def name(self) -> str:
        """RULE@PLACE, as other faults name it in `inhibited_by`."""
        return f"{self.rule}@{self.place}"


class Decision(msgspec.Struct, frozen=True, kw_only=True, tag="decision"):
    """One change of one fault, with the reason and the evidence.

    `key` is stable under replay: (fingerprint, episode, change), for changes that can repeat
    within an episode with what tells them apart. `at` is the due time of a deadline or the
    moment of the event. `quiet_until`: a maintenance window or silence over the place ends
    then (its `resolved` waits for it). `evidence` lists journal positions. `rules_version`
    names the rules and words that decided.
    """

    key: str
    change: Change
    fault: Fault
    at: datetime
    because: str
    evidence: tuple[int, ...] = ()
    quiet_until: datetime | None = None
    rules_version: str = ""


class WorkFound(msgspec.Struct, frozen=True, kw_only=True, tag="work"):
    """Something for us to do that no customer hears of: a ticket of kind `task`.

    `rule` is "unknown-code", "unknown-station", "hardware-replaced", "problem-proposal" or
    "danger-in-maintenance"; `detail` is one line for agents. `stations`: those concerned, where
    the place does not say it.
    """

    key: str
    rule: str
    place: Place
    at: datetime
    detail: str
    codes: tuple[str, ...] = ()
    severity: Severity = Severity.INFO
    evidence: tuple[int, ...] = ()
    stations: tuple[StationId, ...] = ()
    about: str = ""  # key of work found before that this adds to; nothing is opened for it


AnyDecision = Decision | WorkFound


class Step(msgspec.Struct, frozen=True):
    """What a core answers: what it decided, and when it wants to be asked again."""

    decisions: tuple[AnyDecision, ...]
    wake_at: datetime | None
