"""The detector of "it is us": a share of the whole fleet that goes within a minute.

At least `share` of all connected stations, at `sites` sites or more, lost within `window` of
each other, and neither one carrier, one customer nor one site explains it. Then the likeliest
cause is what all of them share: our listener, our network, our certificate. A fifth, because an
outage of our own takes every station or those of one listener; five sites, because below that a
customer's own network, a district's power or a mast explains as much, and each site is told of
for itself; a minute, because all sockets die at once.

From that moment on no lost link counts for anybody before the stations had time to return, and
if most of them do not, the fault itself speaks for all lost links until they have. Those that
stay away then are told of as their own. A restart of ours opens nothing; only where, after it,
half of the fleet stays away for the whole time that stations get to return, it is us again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from domain.places import FLEET, Place, StationId
from rules.catalogue import Detector
from rules.detectors.links import RESTART_GUARD
from rules.detectors.together import Together
from rules.found import in_words
from rules.memory.outages import Group
from rules.presence import WHOLE_FLEET, Losses
from rules.workplace import Workplace

STRAYS = 0.1
"""A carrier, customer or site explains a drop that is its own but for a tenth, or for one
station: in the same minute somebody else is always lost."""


class Ourselves(Together):
    """Drops of the whole fleet."""

    detector = Detector.FLEET_DROP
    rank = -1
    partial_hold = RESTART_GUARD

    def __init__(self, work: Workplace) -> None:
        super().__init__(work, work.state.outages.dropped)

    def key_of(self, station: StationId) -> str | None:
        """Return the whole fleet for each registered station."""
        return WHOLE_FLEET if self._registry.site_of(station) is not None else None

    def place_of(self, key: str) -> Place:
        """Return the fleet."""
        return FLEET

    def stations_of(self, key: str) -> Iterable[StationId]:
        """Return every registered station."""
        return self._registry.stations

    def is_out(self, key: str, losses: Losses) -> bool:
        """Tell whether a share of the fleet is lost that nothing but us explains."""
        if not self._is_share(key, losses.at):
            return False
        sites = self._sites_of(losses)
        return len(sites) >= self._limit.sites and not self._is_explained(losses)

    def began(self, at: datetime) -> None:
        """Let no lost link count before the stations had time to return."""
        self._ledger.guard(at + RESTART_GUARD)

    def why(self, key: str, group: Group) -> str:
        """Say how much of the fleet went."""
        away = len(self._away_of(key, group))
        connected = away + self._count_up(key)
        return (
            f"{away} of {connected} connected stations lost within"
            f" {in_words(self._limit.window)} of each other,"
            " by no single carrier, customer or site"
        )

    def _is_explained(self, losses: Losses) -> bool:
        most = len(losses) - max(1.0, STRAYS * len(losses))
        return any(
            count >= most and self._explains(group, losses)
            for group, count in losses.count_in.items()
            if group != WHOLE_FLEET
        )

    def _explains(self, group: str, losses: Losses) -> bool:
        """Tell whether the group is more likely the cause than we are.

        Where all that are connected are of one customer it says nothing that they are lost; a
        carrier is a network of its own, whoever else is connected.
        """
        if group.startswith("carrier:"):
            return True
        up_in = self._presence.up_in
        others_up = up_in.get(WHOLE_FLEET, 0) - up_in.get(group, 0)
        others_lost = len(losses) - losses.count_in[group]
        return others_lost < self._limit.share * (others_lost + others_up)

    def _forget(self, place: Place) -> None:
        self._groups.clear()
