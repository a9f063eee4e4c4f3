"""The detector of bad firmware: one version of a model whose stations fail alike.

When a fault becomes active at a station, its kin are looked at: the stations of the same
vendor, model and firmware. If `LEAST` of them or more, at `SITES` sites or more, and at least a
quarter of all of them, raised the same rule with the same code within `WINDOW`, and the other
versions of the model did so at most a fifth as often, the version is the likely cause (fleet
statistics, 2.6 kind 27: all stations of one model and version show it from the night on). What
a wider cause speaks for or is linked to (a dark site, a carrier, us) says nothing about a
version; nor does the firmware night itself, which is over before a fault has its patience.

It is a proposal for a person, once per version, rule and code: a problem is accepted, never
assumed, and nobody is told. One customer's site alone can be wired badly, hence two sites; the
stations of a model drop out by chance often enough (one of 60 a day for offline), hence the
shares.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.faults import WorkFound
from domain.places import FLEET, StationId
from rules.detectors.handlers import Handlers
from rules.memory.outages import Striking
from rules.tracks import Track
from rules.workplace import Workplace

WINDOW = timedelta(hours=24)
LEAST = 4
SITES = 2
SHARE = 0.25
TIMES_OTHERS = 5.0
"""How much more often than with other versions; where there are none, the share decides."""

VERSIONS_AT_MOST = 500
"""Versions and codes remembered at a time; the one that was quiet longest goes first."""

_SHOWN = 12

Version = tuple[str, str, str]


class BadFirmware:
    """Counts what becomes active by vendor, model and firmware."""

    def __init__(self, work: Workplace) -> None:
        self._registry = work.registry
        self._fleet = work.fleet
        self._ledger = work.ledger
        self._striking = work.state.outages.versions
        work.ledger.when_raised(self._note)

    @property
    def handlers(self) -> Handlers:
        """No events: the ledger tells it what became active."""
        return {}

    def _note(self, track: Track, at: datetime) -> None:
        station = track.place.station
        if station is None or track.inhibited_by is not None or track.part_of is not None:
            return
        version = self._version_of(station)
        if version is None or not track.codes:
            return
        for code in track.codes:
            key = "|".join((*version, track.rule, code))
            striking = self._remember(key)
            _forget_before(striking, at - WINDOW)
            striking.raised_at[station] = at
            striking.evidence[station] = track.evidence[-1] if track.evidence else 0
            if _is_worth_a_look(len(striking.raised_at)):
                self._judge(key, version, striking, track.rule, code, at)

    def _judge(
        self,
        key: str,
        version: Version,
        striking: Striking,
        rule: str,
        code: str,
        at: datetime,
    ) -> None:
        stations = sorted(striking.raised_at)
        sites = {site.id for name in stations if (site := self._registry.site_of(name))}
        if len(sites) < SITES:
            return
        kin, others = self._kin_of(version)
        if len(stations) < SHARE * kin:
            return
        others_too = self._others_with(version, rule, code, at)
        if others and len(stations) / kin < TIMES_OTHERS * others_too / others:
            return
        name = " ".join(version)
        shown = ", ".join(stations[:_SHOWN])
        more = f" and {len(stations) - _SHOWN} more" if len(stations) > _SHOWN else ""
        self._ledger.find_work(
            WorkFound(
                key=f"problem-proposal:{key}",
                rule="problem-proposal",
                place=FLEET,
                at=at,
                detail=(
                    f"{len(stations)} of {kin} stations with {name} at {len(sites)} sites"
                    f" raised {rule} {code} within 24 hours, {others_too} of {others} with"
                    f" other firmware: {shown}{more}"
                ),
                codes=(code,),
                stations=tuple(stations),
                evidence=tuple(striking.evidence[s] for s in stations if striking.evidence[s]),
            )
        )

    def _version_of(self, station: StationId) -> Version | None:
        """Return what the station is, as it said; None where that is not enough to compare."""
        belief = self._fleet.stations.get(station)
        registered = self._registry.stations.get(station)
        if belief is None or registered is None or not belief.firmware:
            return None
        model = belief.model or registered.model
        return (belief.vendor or registered.vendor, model, belief.firmware) if model else None

    def _kin_of(self, version: Version) -> tuple[int, int]:
        """Return how many stations are of the version, and how many of others of its model."""
        vendor, model, firmware = version
        kin = others = 0
        for registered in self._registry.stations.values():  # all of them: no tuple for each
            belief = self._fleet.stations.get(registered.id)
            if belief is None or not belief.firmware:
                continue
            if (belief.model or registered.model) != model:
                continue
            if (belief.vendor or registered.vendor) != vendor:
                continue
            if belief.firmware == firmware:
                kin += 1
            else:
                others += 1
        return kin, others

    def _others_with(self, version: Version, rule: str, code: str, at: datetime) -> int:
        """Return how many stations with other firmware of the model raised it as well."""
        model, ends = "|".join((*version[:2], "")), f"|{rule}|{code}"
        own = "|".join(version) + ends
        return sum(
            sum(moment >= at - WINDOW for moment in striking.raised_at.values())
            for key, striking in self._striking.items()
            if key != own and key.startswith(model) and key.endswith(ends)
        )

    def _remember(self, key: str) -> Striking:
        """Return the memory of a version and code; it is the newest then."""
        striking = self._striking.pop(key, None) or Striking()
        self._striking[key] = striking
        if len(self._striking) > VERSIONS_AT_MOST:
            del self._striking[next(iter(self._striking))]
        return striking


def _is_worth_a_look(count: int) -> bool:
    """Tell whether to judge now: the fleet is looked over at each growth by a fifth or so."""
    return count >= LEAST and count % (1 + count // 5) == 0


def _forget_before(striking: Striking, moment: datetime) -> None:
    for station in [s for s, at in striking.raised_at.items() if at < moment]:
        del striking.raised_at[station]
        del striking.evidence[station]
