"""A customer's own report, as evidence for what is suspected where they are.

It raises nothing by itself: the desk has it as a request. What is pending at that station (or
site) gets it as evidence, and counts at once where its rule says that a customer's word settles
it: the rules of habits and of statuses that last, whose patience is there because the station
alone cannot say whether somebody minds.
"""

from __future__ import annotations

from domain.events import ContactMade
from rules.detectors.handlers import Handlers
from rules.tracks import Phase
from rules.workplace import Workplace


class CustomerReports:
    """Looks at what is suspected where a customer calls from."""

    def __init__(self, work: Workplace) -> None:
        self._registry = work.registry
        self._ledger = work.ledger

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        return {ContactMade: self.on_contact}

    def on_contact(self, event: ContactMade) -> None:
        """Hold the report against what is pending or active there."""
        if event.station is not None:
            stations = [event.station]
        elif event.site is not None and event.site in self._registry.sites:
            stations = [station.id for station in self._registry.sites[event.site].stations]
        else:
            return
        for station in stations:
            for track in list(self._ledger.tracks_at(station)):
                if track.phase is not Phase.IDLE:
                    self._ledger.confirm(track, event.observed_at, event.position)
