"""The detector of a dark site: stations of one site that lose their links together.

At least `count` stations, and at least `share` of those connected, lost within `window` of each
other (CONTRACTS 4b: two, half, three minutes). A router that restarts is back before the
patience is over; a site with one station is never dark. Whether power or the network went
nobody can tell from a lost link; where stations said so with their last words (a transaction
stopped for loss of power, or MREC's code for it: a quarter of the power cuts of real fleets),
the reason says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.events import ErrorRaised, PlaceEvent, StatusReported, TransactionEnded
from domain.places import Place, SiteId, StationId
from rules.catalogue import Detector
from rules.detectors.handlers import Handlers
from rules.detectors.together import Together
from rules.found import in_words
from rules.memory.outages import Group
from rules.presence import Losses
from rules.workplace import Workplace

JUST_BEFORE = timedelta(minutes=5)
"""Last words about power count so long: a station's battery or capacitor lasts no longer, and
our system notices a dead socket within that time."""

_POWER_LOST = frozenset({"CX015", "PowerLoss"})


class DarkSites(Together):
    """Sites that are dark. It ends when fewer than half of the lost stations are still away."""

    detector = Detector.SITE_DARK
    rank = 1
    partial_hold = timedelta(minutes=30)  # CONTRACTS 4b

    def __init__(self, work: Workplace) -> None:
        super().__init__(work, work.state.sites)
        self._power = work.state.outages.power

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        if not self._is_used:
            return {}
        return {
            **super().handlers,
            TransactionEnded: self.on_transaction_ended,
            StatusReported: self.on_error,
            ErrorRaised: self.on_error,
        }

    def on_transaction_ended(self, event: TransactionEnded) -> None:
        """A station may say with its last breath why it stops."""
        if event.reason in _POWER_LOST:
            self._note_power(event)

    def on_error(self, event: StatusReported | ErrorRaised) -> None:
        """An error may be that the mains are gone."""
        error = event.error
        if error is not None and not _POWER_LOST.isdisjoint((error.code, error.vendor_code)):
            self._note_power(event)

    def key_of(self, station: StationId) -> str | None:
        """Return the site, unless it is too small to be dark."""
        site = self._registry.site_of(station)
        return site.id if site is not None and len(site.stations) >= self._limit.count else None

    def place_of(self, key: str) -> Place:
        """Return the site."""
        return Place.of_site(SiteId(key))

    def stations_of(self, key: str) -> Iterable[StationId]:
        """Return the site's stations."""
        site = self._registry.sites.get(SiteId(key))
        return [station.id for station in site.stations] if site is not None else []

    def is_out(self, key: str, losses: Losses) -> bool:
        """Tell whether enough of the site's stations were lost."""
        return self._is_share(key, losses.at)

    def since(self, losses: Losses, at: datetime) -> datetime:
        """Return when the first of them was lost."""
        return min(losses.at.values())

    def why(self, key: str, group: Group) -> str:
        """Say how many, and what they said of power before."""
        away = len(self._away_of(key, group))
        said = (
            f"{away} of {away + self._count_up(key)} connected stations lost"
            f" within {in_words(self._limit.window)} of each other"
        )
        informed = len(self._power.get(SiteId(key), {}).keys() & {*group.members})
        if informed:
            said += f"; {informed} of them reported loss of power just before"
        return said

    def _note_power(self, event: PlaceEvent) -> None:
        station, at = event.place.station, event.observed_at
        said_at = getattr(event, "reported_at", None) or at
        site = self._registry.site_of(event.place)
        if site is None or station is None or at - said_at > JUST_BEFORE:
            return  # out of its queue: told after it came back
        said = self._power.get(site.id, {})
        fresh = {name: moment for name, moment in said.items() if at - moment <= JUST_BEFORE}
        self._power[site.id] = fresh | {station: at}

    def _forget(self, place: Place) -> None:
        super()._forget(place)
        self._power.pop(SiteId(place.name), None)
