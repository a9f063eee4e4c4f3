"""Stations of one group that lose their links together: what dark sites, lost carriers and a
drop of the whole fleet have in common.

An outage begins when enough stations of the group are lost within a window of each other. Who
is lost while it lasts belongs to it. It ends when fewer than half of its stations are still
away; then a loss alone does not begin it again, only enough of them together do. Our own
outages count for nobody: after one, who stayed away is looked at once stations had time to
return.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from domain.beliefs import Link
from domain.events import Connected, Disconnected, ServiceStarted, ServiceStopped
from domain.faults import ClearedBy, Severity
from domain.places import Place, StationId
from rules.catalogue import Detector, Rule
from rules.detectors.handlers import Handlers
from rules.detectors.links import RESTART_GUARD
from rules.memory.outages import Group
from rules.parameters import GroupParameters
from rules.presence import Losses
from rules.sighting import Sighting
from rules.workplace import Workplace

_EVER = timedelta(days=10_000)


_UNUSED = Rule(
    name="unused",
    detector=Detector.SITE_DARK,
    severity=Severity.INFO,
    raise_after=timedelta(0),
    clear_after=timedelta(0),
    parameters=GroupParameters(),
)
"""Stands in where no rule uses a detector; it hears of no event then."""


class Together(ABC):
    """An outage of a group of stations. Others say what the group is, and when it is out."""

    detector: ClassVar[Detector]
    rank: ClassVar[int]
    """Of its look after a restart: before its own fault could clear, wider groups first."""

    partial_hold: ClassVar[timedelta]
    """How long an outage that ended in part is held: starting again meanwhile, it is one."""

    def __init__(self, work: Workplace, groups: dict[str, Group]) -> None:
        self._registry = work.registry
        self._state = work.state
        self._ledger = work.ledger
        self._presence = work.presence
        self._groups = groups
        rule = work.catalogue.one(self.detector)
        self._is_used = rule is not None
        self._rule = rule or _UNUSED
        self._offline = work.catalogue.one(Detector.OFFLINE)
        self._limit = self._rule.set_for(GroupParameters)
        self._losses: dict[str, Losses] = {}
        self._away: dict[str, set[StationId]] = {}  # of those that have a group
        self._names: dict[str, str] = {}  # of groups, as presence counts them
        if rule is not None:
            work.ledger.on_wake(self.detector, self._look_after_restart, rank=self.rank)
            work.ledger.when_cleared(rule, self._forget)
            for station, at in work.presence.with_link(Link.LOST).items():
                self._lose(station, at)

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to; none where no rule uses it."""
        if not self._is_used:
            return {}
        return {
            Disconnected: self.on_disconnected,
            Connected: self.on_connected,
            ServiceStopped: self.on_interrupted,
            ServiceStarted: self.on_started,
        }

    # --- what is different for each ---------------------------------------------------------

    @abstractmethod
    def key_of(self, station: StationId) -> str | None:
        """Return the group of a station; None where it has none that could be out."""

    @abstractmethod
    def place_of(self, key: str) -> Place:
        """Return the place of a group."""

    @abstractmethod
    def stations_of(self, key: str) -> Iterable[StationId]:
        """Return all stations of a group."""

    @abstractmethod
    def is_out(self, key: str, losses: Losses) -> bool:
        """Tell whether these losses, close to each other, are an outage of the group."""

    @abstractmethod
    def why(self, key: str, group: Group) -> str:
        """Say what was seen, for agents."""

    def since(self, losses: Losses, at: datetime) -> datetime:
        """Return the first moment of an outage that was recognised at `at`."""
        return at

    def began(self, at: datetime) -> None:  # noqa: B027 - most do nothing about it
        """An outage began that was not there before."""

    # --- events -------------------------------------------------------------------------------

    def on_disconnected(self, event: Disconnected) -> None:
        """Count who went with it; a late joiner attaches."""
        station, at = event.station, event.observed_at
        belief = self._state.fleet.belief(station)
        if belief.link is not Link.LOST or belief.lost_at != at:
            return
        key = self._lose(station, at)
        if key is None:
            return
        group = self._groups.get(key)
        if key in self._away and group is not None and station in group.members:
            self._away[key].add(station)  # nobody else: a lone loss prolongs no old outage
        track = self._ledger.find(self._rule, self.place_of(key))
        if group is not None and track is not None and track.is_present:
            _join(group, (station,))
            self._away_of(key, group).add(station)
            self._see(key, at, at, (station,), event.position)
        elif self.is_out(key, self._losses[key]):
            self._begin(key, self._losses[key], event)

    def on_connected(self, event: Connected) -> None:
        """See whether the outage is over, wholly or in part."""
        key = self.key_of(event.station)
        if key is None:
            return
        if key in self._losses:
            self._losses[key].drop(event.station)
        group = self._groups.get(key)
        if group is None:
            return
        away = self._away_of(key, group)
        away.discard(event.station)
        at, place = event.observed_at, self.place_of(key)
        track = self._ledger.find(self._rule, place)
        if track is None or track.raised_at is None:
            if not self._lasts(away, group):
                self._end(place, event)
                self._forget(place)
        elif not self._lasts(away, group) and (track.is_present or not away):
            self._end(place, event)
            hold = self.partial_hold if away else self._rule.clear_after
            self._ledger.postpone(track, at + hold)

    def on_interrupted(self, event: ServiceStopped) -> None:
        """Our own outage begins: no group goes out, or comes back, while it lasts."""
        self._away.clear()
        self._ledger.forget_wakes(self.detector)
        self._ledger.hold((self._rule,))

    def on_started(self, event: ServiceStarted) -> None:
        """Look again once the stations had time to return to us."""
        self._away.clear()
        due_at = event.observed_at + RESTART_GUARD
        self._ledger.release((self._rule,), due_at)
        keys = map(self.key_of, self._presence.with_link(Link.UNKNOWN))
        for key in dict.fromkeys(key for key in keys if key is not None):
            self._ledger.wake(due_at, self.detector, key)

    # --- outages ------------------------------------------------------------------------------

    def _lose(self, station: StationId, at: datetime) -> str | None:
        key = self.key_of(station)
        if key is not None:
            losses = self._losses.get(key)
            if losses is None:
                losses = self._losses[key] = Losses(self._limit.window, self._presence)
            losses.add(station, at)
        return key

    def _begin(self, key: str, losses: Losses, event: Disconnected) -> None:
        at = event.observed_at
        group = self._groups.setdefault(key, Group())
        _join(group, losses.at)
        self._away.pop(key, None)
        self._see(key, at, self.since(losses, at), tuple(losses.at), event.position)
        self.began(at)

    def _look_after_restart(self, at: datetime, key: str) -> None:
        lost = self._presence.lost_among(self.stations_of(key), Link.UNKNOWN)
        losses = Losses(_EVER, self._presence)
        for station, lost_at in lost.items():
            losses.add(station, lost_at)
        if not self.is_out(key, losses) or len(lost) < self._count_up(key):
            return
        _join(self._groups.setdefault(key, Group()), lost)
        self._away.pop(key, None)
        self._see(key, at, min(lost.values()), tuple(lost), 0)

    def _see(
        self,
        key: str,
        at: datetime,
        since: datetime,
        stations: tuple[StationId, ...],
        position: int,
    ) -> None:
        sighting = Sighting(
            at=at,
            since=since,
            codes=(self._rule.code,),
            position=position,
            positions=self._positions_of(stations),
            stations=stations,
            why=self.why(key, self._groups[key]),
        )
        self._ledger.see(self._rule, self.place_of(key), sighting)

    def _positions_of(self, stations: Iterable[StationId]) -> tuple[int, ...]:
        """Return where the journal shows the losses of the others: their own faults know it."""
        if self._offline is None:
            return ()
        own = [self._ledger.find(self._offline, Place.of_station(s)) for s in stations]
        # In the journal's order: that of losses at one moment is another after a restart.
        return tuple(sorted(track.evidence[-1] for track in own if track and track.evidence))

    def _end(self, place: Place, event: Connected) -> None:
        at, position = event.observed_at, event.position
        self._ledger.end(self._rule, place, at, position, by=ClearedBy.EVIDENCE)

    def _forget(self, place: Place) -> None:
        """It is over: its members are no longer one group."""
        self._groups.pop(place.name, None)

    def _lasts(self, away: set[StationId], group: Group) -> bool:
        return len(away) >= self._limit.count and 2 * len(away) >= len(group.members)

    def _away_of(self, key: str, group: Group) -> set[StationId]:
        away = self._away.get(key)
        if away is None:
            away = self._away[key] = self._presence.away(group.members)
        return away

    def _count_up(self, key: str) -> int:
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = str(self.place_of(key))
        return self._presence.up_in.get(name, 0)

    def _sites_of(self, losses: Losses) -> list[str]:
        """Return the sites at which stations were lost, but for those where work is planned."""
        windows = self._state.windows
        planned = {str(window.place) for window in windows if window.kind == "maintenance"}
        return [
            group
            for group in losses.count_in
            if group.startswith("site:") and group not in planned
        ]

    def _is_share(self, key: str, losses: Mapping[StationId, datetime]) -> bool:
        """Tell whether enough of those that were connected are lost."""
        connected = len(losses) + self._count_up(key)
        return len(losses) >= max(self._limit.count, self._limit.share * connected)


def _join(group: Group, stations: Iterable[StationId]) -> None:
    members = group.members
    for station in stations:
        index = bisect_left(members, station)
        if index == len(members) or members[index] != station:
            members.insert(index, station)
