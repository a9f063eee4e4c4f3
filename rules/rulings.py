"""Rulings: what follows when a fault has moved. Severity, who speaks for it, and the decision.

The ledger moves tracks and keeps their deadlines; here it is said what that means for the fault
and for those around it. No deadline is set here and nothing begins or ends here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from domain.faults import AnyDecision, Change, ClearedBy, Severity, WorkFound, worst
from domain.places import Place
from rules.catalogue import Catalogue, Rule
from rules.found import danger_in_maintenance, decision_on, in_words, spread_of, unknown_code
from rules.memory.words import seen_word
from rules.sighting import Known
from rules.state import EngineState
from rules.surroundings import Surroundings
from rules.tracks import Track

WORDS_PER_DAY = 5
"""Unknown vendor words of one station that become tasks within `DAY`: some stations put a
counter or a moment into theirs. What is left out is told on a later day if it is said again."""

DAY = timedelta(hours=24)

Hook = Callable[[Place], None]
RaisedHook = Callable[[Track, datetime], None]


class Rulings:
    """Takes the decisions of the present step, in the order in which faults move."""

    def __init__(self, catalogue: Catalogue, state: EngineState, around: Surroundings) -> None:
        self._catalogue = catalogue
        self._state = state
        self._around = around
        self._decisions: list[AnyDecision] = []
        self._when_cleared: dict[str, Hook] = {}
        self._when_raised: list[RaisedHook] = []

    def raised(self, track: Track, at: datetime, because: str) -> None:
        """A fault became active: say so, with what speaks for it and what it speaks for."""
        track.severity = self._severity_of(track, at)
        track.inhibited_by = self._around.inhibitor_of(track)
        track.part_of = self._around.wider_of(track)
        reason = f"{track.why}; {because}" if track.why else because
        self.decide(track, Change.RAISED, at, reason)
        for word in track.unknown:
            self._find_unknown(track, word, at)
        self._find_danger_work(track, at)
        self.reassess_others(track, at)
        self._link_parts(track, at)
        for hook in self._when_raised:
            hook(track, at)

    def cleared(self, track: Track, at: datetime, because: str) -> None:
        """A fault is over: its place is free, and what it spoke for stands for itself."""
        self.decide(track, Change.CLEARED, at, because)
        could_block = self._around.blocks_charging(track)
        track.forget()
        if track.rule in self._when_cleared:
            self._when_cleared[track.rule](track.place)
        self.reassess_others(track, at)
        if could_block:
            self.improve_site(track, at)

    def go_on(
        self, track: Track, at: datetime, known: Known, *, is_new: bool, because: str = ""
    ) -> None:
        """An active fault was seen again: say what is new about it, and why where known."""
        becomes_danger = track.is_danger and not known.is_danger
        severity = worst(track.severity, track.base)
        if is_new:
            now = self._severity_of(track, at)
            if now.rank < severity.rank or not self._around.is_site_told(track):
                severity = now
        if becomes_danger:
            track.severity = Severity.CRITICAL
            self.decide(track, Change.WORSENED, at, because or "a danger code was added")
            self._find_danger_work(track, at)
        elif severity is not track.severity:
            is_worse = severity.rank > track.severity.rank
            why = "it became worse" if is_worse else "another place can charge by now"
            self.set_severity(track, severity, at, because or why)
        elif not known.codes >= {*track.codes} or known.stations < len(track.stations):
            self.decide(track, Change.RECODED, at, because or "more was reported of it")
        for word in track.unknown:
            if word not in known.unknown:
                self._find_unknown(track, word, at)
        if becomes_danger or is_new or known.keys < len(track.keys):
            why = "it is back" if is_new else "another error joined it"
            self.reassess(track, at, "it is a danger now" if becomes_danger else why)
            self.reassess_others(track, at)

    def improve(self, track: Track, at: datetime) -> None:
        """What made it worse has been gone for long enough."""
        could_block = self._around.blocks_charging(track)
        track.improve()
        span = in_words(clear_after(track, self._rule(track)))
        severity = self._severity_of(track, at)
        if severity.rank < track.severity.rank:
            self.set_severity(track, severity, at, f"what was worse is gone for {span}")
        if could_block and not self._around.blocks_charging(track):
            self.improve_site(track, at)
        self.reassess(track, at, "it is less bad now")
        self.reassess_others(track, at)

    def worsen(self, track: Track) -> None:
        """The second severity of the rule counts from now on, in this episode."""
        worsens = self._rule(track).worsens
        if worsens is not None:
            track.worsens_at, track.floor = None, worsens.to
            track.base = worst(track.base, worsens.to)

    def set_severity(self, track: Track, severity: Severity, at: datetime, why: str) -> None:
        """Say that a fault is worse or less bad than it was, where it is."""
        if severity is track.severity:
            return
        change = Change.WORSENED if severity.rank > track.severity.rank else Change.IMPROVED
        track.severity = severity
        self.decide(track, change, at, why)

    def reassess(self, track: Track, at: datetime, because: str) -> None:
        """See who speaks for an active fault now; say so where that has changed."""
        inhibitor = self._around.inhibitor_of(track)
        if inhibitor == track.inhibited_by:
            return
        if inhibitor is None and not track.is_present:
            return  # it is clearing: there is nothing left to tell anybody
        if track.inhibited_by is None and _is_window(inhibitor):
            return  # a ticket that was open before a window stays open
        track.inhibited_by = inhibitor
        track.part_of = self._around.wider_of(track) or track.part_of
        change = Change.RELEASED if inhibitor is None else Change.INHIBITED
        self.decide(track, change, at, because)
        self._find_danger_work(track, at)

    def reassess_others(self, track: Track, at: datetime) -> None:
        """The track began or ceased to speak for others: see who is affected."""
        for other in self._around.spoken_for_by(track):
            self.reassess(other, at, f"{track.rule} at {track.place}")

    def improve_site(self, track: Track, at: datetime) -> None:
        """One place can charge again: what was critical only for the site is less so now."""
        for other in self._around.worse_than_alone(track):
            severity = self._severity_of(other, at)
            if severity.rank < other.severity.rank:
                self.set_severity(other, severity, at, "another place can charge again")

    def decide(self, track: Track, change: Change, at: datetime, because: str) -> None:
        """Take a decision: the state of the fault at this moment, and the reason."""
        window = self._around.window_over(track)
        quiet_until = window.until if window else None
        self._decisions.append(
            decision_on(track, self._catalogue, change, at, because, quiet_until=quiet_until)
        )

    def find_work(self, work: WorkFound) -> None:
        """Note work for us, once ever per key."""
        if work.key not in self._state.known_work:
            self._state.known_work.add(work.key)
            self._decisions.append(work)

    def when_cleared(self, rule: Rule, hook: Hook) -> None:
        """Call `hook` with the place whenever a fault of this rule has cleared."""
        self._when_cleared[rule.name] = hook

    def when_raised(self, hook: RaisedHook) -> None:
        """Call `hook` with the track of every fault that became active, and the moment."""
        self._when_raised.append(hook)

    def take_decisions(self) -> tuple[AnyDecision, ...]:
        """Return the decisions since the last call, in the order they were taken."""
        decisions, self._decisions = tuple(self._decisions), []
        return decisions

    def _find_unknown(self, track: Track, word: str, at: datetime) -> None:
        """A word that nobody has classified is work, up to a few a day of one station.

        Said again, it is counted: the task hears of it where that tells how far it has spread.
        """
        work, state = unknown_code(track, word, at), self._state
        if work.key not in state.known_work:
            told = state.words_at.setdefault(track.place.name, [])
            told[:] = [moment for moment in told if at - moment < DAY]
            if len(told) >= WORDS_PER_DAY:
                return
            told.append(at)
            self.find_work(work)
        seen = seen_word(state.words, work.key, at)
        if seen.count(track.place.name, track.evidence, at):
            self._decisions.append(spread_of(work, seen))

    def _find_danger_work(self, track: Track, at: datetime) -> None:
        """Danger under a window reaches nobody but us."""
        if track.is_danger and _is_window(track.inhibited_by):
            self.find_work(danger_in_maintenance(track, at))

    def _link_parts(self, track: Track, at: datetime) -> None:
        """The wider cause is known now: what was told apart from it is part of it."""
        for part in self._around.parts_of(track):
            if part.part_of is None:
                part.part_of = self._around.wider_of(part)
                if part.part_of is not None:
                    self.decide(part, Change.LINKED, at, f"{track.rule} at {track.place}")

    def _severity_of(self, track: Track, at: datetime) -> Severity:
        if track.is_danger or self._around.leaves_nobody_charging(track, at):
            return Severity.CRITICAL
        if track.worsens_at is not None and track.worsens_at <= at:
            self.worsen(track)
        return track.base

    def _rule(self, track: Track) -> Rule:
        return self._catalogue.rules[track.rule]


def clear_after(track: Track, rule: Rule) -> timedelta:
    """Return how long a fault has to be clean before it clears."""
    return rule.flapping_clear_after if track.is_flapping else rule.clear_after


def clear_words(track: Track, rule: Rule) -> str:
    """Say why a fault has cleared by itself."""
    clean = f"clean for {in_words(clear_after(track, rule))}"
    is_reboot = track.cleared_by is ClearedBy.REBOOT
    return f"{clean} after the station started anew" if is_reboot else clean


def _is_window(inhibitor: str | None) -> bool:
    return inhibitor is not None and inhibitor.startswith(("maintenance@", "silence@"))
