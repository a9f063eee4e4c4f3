"""The detectors of a site's load: more than its connection carries, or far less than it could.

- load-exceeded: the fresh currents of a site's EVSEs add up to more than its fuse on a phase.
  Start peaks are shorter than the rule's patience.
- load-safe-mode: every vehicle of a site gets the least there is (6 A) for hours although the
  connection has room: load management lost its meter or its controller.

Only sites with a `fuse_limit_a` are added up. A current without a phase is spread as the power
beside it says, else counted as one phase's third of itself on each: a sum that is too low is
noticed later, one that is too high alarms people for nothing. What other consumers draw is not
seen here. Contradictory limits of stations are not looked for: nothing that stations report
names a site's limit in words of a standard.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from domain.events import Disconnected, MeterSampled, Status, StatusReported
from domain.faults import ClearedBy
from domain.places import Place, SiteId
from domain.registry import Site
from rules.catalogue import Detector, Rule
from rules.detectors.handlers import Handlers
from rules.memory.metering import Share
from rules.parameters import Parameters
from rules.readings import NOMINAL_V, Reading
from rules.sighting import Sighting
from rules.workplace import Workplace

_SAYS_NO_END = frozenset({Status.CHARGING, Status.OCCUPIED, Status.UNKNOWN})
"""Statuses beside which current may flow on."""

FRESH = timedelta(minutes=5)
"""A current older than this counts no more: stations that charge say it every minute or so."""

_MILLI = 1000
"""Sums are kept in whole milliamperes: what is added and taken away again leaves nothing, so
that a sum is the same after a restart."""


class ExceededParameters(Parameters, frozen=True, kw_only=True):
    """`times`: how much more than the fuse counts (it trips at about 1.13 to 1.45 times)."""

    times: float = 1.05


class SafeModeParameters(Parameters, frozen=True, kw_only=True):
    """So many vehicles between `least_a` and `most_a` (6 A is the least a vehicle is given), no
    farther from each other than `alike_a` (one limit holds them, not each its own taper), while
    the site uses less than `share` of its connection."""

    vehicles: int = 2
    least_a: float = 5.0
    most_a: float = 6.6
    alike_a: float = 0.5
    share: float = 0.5


class SiteLoads:
    """Adds up what the EVSEs of a site draw."""

    def __init__(self, work: Workplace) -> None:
        catalogue = work.catalogue
        self._exceeded = [
            (rule, rule.set_for(ExceededParameters))
            for rule in catalogue.of(Detector.LOAD_EXCEEDED)
        ]
        self._safe = [
            (rule, rule.set_for(SafeModeParameters))
            for rule in catalogue.of(Detector.LOAD_SAFE_MODE)
        ]
        self._ledger = work.ledger
        self._readings = work.readings
        self._shares = work.state.metering.shares
        self._site_of = {
            station.id: site
            for site in work.registry.sites.values()
            if site.fuse_limit_a
            for station in site.stations
        }
        self._single = {s.id for s in work.registry.stations.values() if s.evses == 1}
        self._places: dict[SiteId, Place] = {}
        self._sums = {site: _sum(shares.values()) for site, shares in self._shares.items()}

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        if not self._site_of or not (self._exceeded or self._safe):
            return {}
        return {
            MeterSampled: self.on_meter,
            StatusReported: self.on_status,
            Disconnected: self.on_disconnected,
        }

    def on_meter(self, event: MeterSampled) -> None:
        """Another current of one EVSE: add up its site."""
        station = event.place.station
        site = self._site_of.get(station) if station is not None else None
        if site is None:
            return
        at = event.observed_at
        if event.reported_at is not None and at - event.reported_at > FRESH:
            return
        currents = per_phase(self._readings.of(event))
        if currents is None:
            return
        name = self._name(event.place)
        if not name:
            return
        self._drop(site.id, name)  # what is said anew goes to the end: the oldest stands first
        self._shares.setdefault(site.id, {})[name] = Share(at, currents)
        _add(self._sums.setdefault(site.id, [0, 0, 0]), currents, 1)
        self._judge(site, at, event.position, max(currents))

    def on_status(self, event: StatusReported) -> None:
        """What does not charge draws nothing."""
        station = event.place.station
        site = self._site_of.get(station) if station is not None else None
        if site is None or event.status in _SAYS_NO_END:
            return
        if self._drop(site.id, self._name(event.place)):
            self._judge(site, event.observed_at, event.position, 0.0)

    def on_disconnected(self, event: Disconnected) -> None:
        """What is not seen is not added up."""
        site = self._site_of.get(event.station)
        shares = self._shares.get(site.id, {}) if site else {}
        prefix = f"{event.station}/"
        for name in [n for n in shares if n == event.station or n.startswith(prefix)]:
            if site is not None:
                self._drop(site.id, name)

    def _name(self, place: Place) -> str:
        """Return under which name a place is added up; "" where it is not.

        A station's own sum (connector 0) beside its EVSEs would count them twice; where it has
        but one, either speaks for it (quirk G4).
        """
        if place.evse:
            return str(place)
        return f"{place.name}/1" if place.name in self._single else ""

    def _drop(self, site: SiteId, name: str) -> bool:
        share = self._shares.get(site, {}).pop(name, None)
        if share is not None:
            _add(self._sums[site], share.currents, -1)
        return share is not None

    def _forget_old(self, site: SiteId, at: datetime) -> None:
        shares = self._shares[site]
        while shares:
            name, share = next(iter(shares.items()))
            if timedelta(0) <= at - share.at <= FRESH:
                return  # those after it are younger; one of the future is of a clock set back
            self._drop(site, name)

    def _judge(self, site: Site, at: datetime, position: int, own: float) -> None:
        """Judge the sum; `own` is the most of what was said just now."""
        self._forget_old(site.id, at)
        limit_a = site.fuse_limit_a or 0.0
        sums = self._sums[site.id]
        most = max(sums) / _MILLI
        for rule, wants in self._exceeded:
            why = ""
            if most > limit_a * wants.times:
                phase = sums.index(max(sums)) + 1
                why = f"{most:.0f} A on L{phase}, the fuse has {limit_a:.0f} A"
            self._tell(rule, site.id, at, position, why)
        for safe_rule, safe in self._safe:
            why = ""
            if own <= safe.most_a:  # else this one alone says that it is none: no look at all
                why = in_safe_mode(self._shares[site.id], most, limit_a, safe)
            self._tell(safe_rule, site.id, at, position, why)

    def _tell(self, rule: Rule, site: SiteId, at: datetime, position: int, why: str) -> None:
        place = self._places.get(site)
        if place is None:
            place = self._places[site] = Place.of_site(site)
        if not why:
            self._ledger.end(rule, place, at, position, by=ClearedBy.EVIDENCE)
            return
        sighting = Sighting(at=at, since=at, codes=(rule.code,), position=position, why=why)
        self._ledger.see(rule, place, sighting)


def in_safe_mode(
    shares: dict[str, Share], most: float, limit_a: float, wants: SafeModeParameters
) -> str:
    """Say that all vehicles get the least there is, with room left; "" where they do not."""
    drawn = [max(share.currents) for share in shares.values()]
    charging = [amps for amps in drawn if amps >= wants.least_a]
    if len(charging) < wants.vehicles or max(charging) > wants.most_a:
        return ""
    if most >= wants.share * limit_a or max(charging) - min(charging) > wants.alike_a:
        return ""
    return f"{len(charging)} vehicles at 6 A, {most:.0f} of {limit_a:.0f} A used"


def _sum(shares: Iterable[Share]) -> list[int]:
    sums = [0, 0, 0]
    for share in shares:
        _add(sums, share.currents, 1)
    return sums


def _add(sums: list[int], currents: tuple[float, float, float], sign: int) -> None:
    for phase, amps in enumerate(currents):
        sums[phase] += sign * int(amps * _MILLI)


def per_phase(reading: Reading) -> tuple[float, float, float] | None:
    """Return the current on each phase; None where none was measured."""
    first, second, third = reading.currents
    if first is not None or second is not None or third is not None:
        return first or 0.0, second or 0.0, third or 0.0
    total, power = reading.total_a, reading.power_w
    if total is None:
        if power is None:
            return None
        each = power / (3 * NOMINAL_V)
        return each, each, each
    is_of_each = power is not None and power > 2 * NOMINAL_V * total
    each = total if is_of_each else total / 3
    return each, each, each
