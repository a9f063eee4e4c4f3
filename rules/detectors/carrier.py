"""The detector of a lost carrier: many stations of one carrier, at several sites, go together.

At least `count` stations at `sites` sites or more, and at least `share` of the carrier's
connected stations, lost within `window` of each other. A carrier's outage takes 20 to 60 %
of its stations at many sites (fleet statistics, 2.6 kind 6). The look-alike is two sites by
chance. With 26 outages per 1,000 sites and month two of a carrier's 100 sites fall into the
same five minutes once in a hundred years, and are no fifth of its stations; of ten sites,
where they could be, once in ten thousand. So two sites are enough, together with the share.
Only sites count of which at least half went, and at which no work is planned: one station of
many is no word about the network. The window is longer than that of a site, for dead sockets
are noticed at different times.

It is for us alone: each site and station keeps its own ticket, by which its customer is told,
and they are linked. What is left to those tickets is not repeated here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from domain.places import Place, StationId
from rules.catalogue import Detector
from rules.detectors.together import Together
from rules.found import in_words
from rules.memory.outages import Group
from rules.presence import Losses
from rules.workplace import Workplace


class LostCarriers(Together):
    """Carriers whose stations are lost at several sites."""

    detector = Detector.CARRIER_LOST
    rank = 0
    partial_hold = timedelta(minutes=30)  # as a site's: an outage that decays comes back

    def __init__(self, work: Workplace) -> None:
        self._stations: dict[str, list[StationId]] = {}
        for site in work.registry.sites.values():
            if site.carrier:
                ids = (station.id for station in site.stations)
                self._stations.setdefault(site.carrier, []).extend(ids)
        super().__init__(work, work.state.outages.carriers)

    def key_of(self, station: StationId) -> str | None:
        """Return the carrier of the station's site."""
        site = self._registry.site_of(station)
        return site.carrier or None if site is not None else None

    def place_of(self, key: str) -> Place:
        """Return the carrier."""
        return Place.of_carrier(key)

    def stations_of(self, key: str) -> Iterable[StationId]:
        """Return the stations at all sites of the carrier."""
        return self._stations.get(key, ())

    def is_out(self, key: str, losses: Losses) -> bool:
        """Tell whether it is a share of the carrier's stations, at several sites."""
        if not self._is_share(key, losses.at):
            return False
        up_in, lost = self._presence.up_in, losses.count_in
        out = [site for site in self._sites_of(losses) if lost[site] >= up_in.get(site, 0)]
        return len(out) >= self._limit.sites

    def why(self, key: str, group: Group) -> str:
        """Say how many stations at how many sites, and which share that is."""
        away = self._away_of(key, group)
        sites = {site.id for station in away if (site := self._registry.site_of(station))}
        share = len(away) / (len(away) + self._count_up(key))
        return (
            f"{len(away)} stations at {len(sites)} sites lost within"
            f" {in_words(self._limit.window)} of each other, {share:.0%} of those connected"
            f" by {key}"
        )
