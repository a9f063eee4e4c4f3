"""The detector of boot loops: a station that starts anew again and again.

A boot counts as a restart unless something else explains it: we asked for it (Reset, a trigger,
a firmware update), the station runs other firmware than before or tells of an update, our own
service came up just now, or its link was away for a moment only, which no restart is short
enough for (quirk B3: some introduce themselves on every connection). Boots that come on a
connection that stays open are counted: stations that cannot use our answer repeat themselves.

Numbers: 3 boots in 10 minutes or 5 in an hour (sequence S3); a restart takes 20 to 150 seconds
and two thirds of harmless drops are shorter than 15 (fleet statistics 2.5).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.beliefs import Link
from domain.events import Booted, CommandAnswered, Connected, Disconnected
from domain.faults import ClearedBy
from domain.places import Place, StationId
from rules.catalogue import Detector, Rule
from rules.detectors.handlers import Handlers
from rules.parameters import Parameters
from rules.sighting import Sighting
from rules.tracks import Phase
from rules.workplace import Workplace

RESTARTING = frozenset({"Reset", "UpdateFirmware", "SignedUpdateFirmware"})
"""Commands of ours that make a station boot."""

ASKING = frozenset({"TriggerMessage", "ExtendedTriggerMessage"})
TRIGGERED_FOR = timedelta(seconds=30)
"""We may have asked for a boot message alone: it comes this soon, and on the same connection.
A station that really starts anew has a new one; there we ask for statuses each time."""

EXPLAINED_FOR = timedelta(minutes=5)
"""A boot this soon after such a command, or after our own start, is no news."""

UPDATING_FOR = timedelta(hours=2)
"""An update that was told of explains boots for so long."""

SHORTEST_RESTART = timedelta(seconds=15)
INTRODUCED_WITHIN = timedelta(minutes=2)
"""A boot this soon after a connection belongs to it."""

_MOST_BOOTS = 8
_WAKE = "boot-loop"


class BootLoopParameters(Parameters, frozen=True, kw_only=True):
    """So many boots within a window, a fast one or a slow one. The loop is over when no boot
    came for `quiet_after`, or for three times the pace it had."""

    fast_count: int = 3
    fast_window: timedelta = timedelta(minutes=10)
    slow_count: int = 5
    slow_window: timedelta = timedelta(hours=1)
    quiet_after: timedelta = timedelta(minutes=6)


class BootLoops:
    """Counts the restarts of every station."""

    def __init__(self, work: Workplace) -> None:
        rules = work.catalogue.of(Detector.BOOT_LOOP)
        self._rules = [(rule, rule.set_for(BootLoopParameters)) for rule in rules]
        self._registry = work.registry
        self._fleet = work.fleet
        self._ledger = work.ledger
        self._memory = work.state.lives
        self._away: dict[StationId, datetime] = work.state.lives.away
        self._ledger.on_wake(_WAKE, self._look_whether_over)

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        if not self._rules:
            return {}
        return {
            Booted: self.on_booted,
            CommandAnswered: self.on_command,
            Connected: self.on_connected,
            Disconnected: self.on_disconnected,
        }

    def on_command(self, event: CommandAnswered) -> None:
        """Remember that we asked for a boot."""
        if event.outcome != "answered":
            return
        if event.action in RESTARTING:
            self._memory.commanded[event.station] = event.observed_at
        elif event.action in ASKING:
            self._memory.asked[event.station] = event.observed_at

    def on_disconnected(self, event: Disconnected) -> None:
        """The link went; how long for tells a restart from a drop."""
        self._away[event.station] = event.observed_at

    def on_connected(self, event: Connected) -> None:
        """It is back: was it away for long enough to have started anew?"""
        lost_at = self._away.get(event.station)
        if lost_at is not None and event.observed_at - lost_at >= SHORTEST_RESTART:
            del self._away[event.station]

    def on_booted(self, event: Booted) -> None:
        """Count a boot that nothing explains."""
        station, at = event.station, event.observed_at
        is_restart = not self._is_explained(event)
        self._memory.firmware[station] = event.firmware
        if not is_restart or station not in self._registry.stations:
            return
        known = self._memory.boots.get(station, [])
        longest = max(limit.slow_window for _, limit in self._rules)
        boots = [*(boot for boot in known if at - boot <= longest), at][-_MOST_BOOTS:]
        self._memory.boots[station] = boots
        for rule, limit in self._rules:
            why = looping(boots, limit)
            if why:
                self._see(rule, event, why)
        place = Place.of_station(station)
        if any(self._is_present(rule, place) for rule, _ in self._rules):
            self._ledger.wake(at + self._quiet_span(boots), _WAKE, station)

    def _see(self, rule: Rule, event: Booted, why: str) -> None:
        at = event.observed_at
        sighting = Sighting(
            at=at, since=at, codes=(rule.code,), position=event.position, why=why
        )
        track = self._ledger.see(rule, Place.of_station(event.station), sighting)
        if track.phase is Phase.PENDING and track.seen_at is not None:
            # Its link goes with each boot: that time is part of the loop, and counts.
            self._ledger.postpone(track, max(track.seen_at + rule.raise_after, at))

    def _is_present(self, rule: Rule, place: Place) -> bool:
        track = self._ledger.find(rule, place)
        return track is not None and track.is_present

    def _is_explained(self, event: Booted) -> bool:
        station, at = event.station, event.observed_at
        connected_at = self._fleet.belief(station).connected_at
        is_new_link = connected_at is not None and at - connected_at <= INTRODUCED_WITHIN
        was_short = self._away.pop(station, None) is not None and is_new_link
        known = self._memory.firmware.get(station)
        if was_short or (known and event.firmware and known != event.firmware):
            return True
        update = self._memory.updates.get(station)
        if update is not None and at - update.told_at <= UPDATING_FOR:
            return True
        asked_at = self._memory.asked.pop(station, None)
        is_same_link = connected_at is None or asked_at is None or connected_at < asked_at
        if asked_at is not None and is_same_link and at - asked_at <= TRIGGERED_FOR:
            return True
        moments = (self._memory.commanded.get(station), self._fleet.started_at)
        return any(m is not None and at - m <= EXPLAINED_FOR for m in moments)

    def _quiet_span(self, boots: list[datetime]) -> timedelta:
        least = max(limit.quiet_after for _, limit in self._rules)
        if len(boots) < 2:
            return least
        return max(least, 3 * (boots[-1] - boots[0]) / (len(boots) - 1))

    def _look_whether_over(self, at: datetime, key: str) -> None:
        """No boot came for so long: it goes on as it is, unless it is not to be seen at all."""
        station = StationId(key)
        place = Place.of_station(station)
        is_dark = self._fleet.belief(station).link is not Link.UP
        tracks = [self._ledger.find(rule, place) for rule, _ in self._rules]
        if is_dark and any(t is not None and t.phase is Phase.ACTIVE for t in tracks):
            self._ledger.wake(at + self._quiet_span([]), _WAKE, station)
            return
        self._memory.boots.pop(station, None)
        for rule, _ in self._rules:
            self._ledger.end(rule, place, at, by=ClearedBy.EVIDENCE)


def looping(boots: list[datetime], limit: BootLoopParameters) -> str:
    """Say how often a station booted; "" where that is no loop. `boots` in order of time."""
    pairs = ((limit.fast_count, limit.fast_window), (limit.slow_count, limit.slow_window))
    for count, window in pairs:
        recent = [boot for boot in boots if boots[-1] - boot <= window]
        if len(recent) >= count:
            minutes = (recent[-1] - recent[0]).total_seconds() / 60
            return f"{len(recent)} boots within {minutes:.0f} minutes"
    return ""
