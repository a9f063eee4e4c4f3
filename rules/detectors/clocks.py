"""The detectors of time: a station's clock that is wrong, and a certificate that runs out.

A clock is wrong by what `domain.clocks` holds true of it. An offset of whole quarters of an
hour is a time zone told wrongly: known, constant and harmless (quirks E1 to E3), so it is left
alone. A clock that was lost with the power is set by the first boot answer: patience covers it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.events import (
    Connected,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
)
from domain.faults import ClearedBy
from domain.places import Place, StationId
from rules.catalogue import Detector
from rules.detectors.handlers import Handlers
from rules.parameters import Parameters
from rules.sighting import Sighting
from rules.workplace import Workplace

_ZONE_STEP_S = 900.0
_ZONE_SLACK_S = 90.0
_FARTHEST_ZONE_S = 14 * 3600.0
_WAKE = "certificate"


class ClockParameters(Parameters, frozen=True, kw_only=True):
    """`off_by`: the offset from which a clock is worth a look."""

    off_by: timedelta = timedelta(minutes=5)


class CertificateParameters(Parameters, frozen=True, kw_only=True):
    """`ahead`: how long before its end a certificate is worth a look."""

    ahead: timedelta = timedelta(days=21)


class Clocks:
    """Clocks of stations, and the end of their certificates."""

    def __init__(self, work: Workplace) -> None:
        clocks = work.catalogue.of(Detector.CLOCK_WRONG)
        limits = [rule.set_for(ClockParameters).off_by.total_seconds() for rule in clocks]
        self._clocks = list(zip(clocks, limits, strict=True))
        ends = work.catalogue.of(Detector.CERTIFICATE_EXPIRING)
        self._ends = [(rule, rule.set_for(CertificateParameters).ahead) for rule in ends]
        self._fleet = work.fleet
        self._ledger = work.ledger
        self._expiries = work.state.lives.certificates
        self._ledger.on_wake(_WAKE, self._look_at_certificate)

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to: a few a day from every station."""
        return {
            StatusReported: self.on_moment,
            TransactionStarted: self.on_moment,
            TransactionEnded: self.on_moment,
            Connected: self.on_connected,
        }

    def on_moment(self, event: StatusReported | TransactionStarted | TransactionEnded) -> None:
        """The station wrote a moment: look at what is believed of its clock."""
        station = event.place.station
        if station is None or event.reported_at is None:
            return
        clock = self._fleet.belief(station).clock
        if clock is None or clock.ahead_s is None:
            return
        ahead_s = clock.ahead_s
        is_tracked = bool(self._ledger.tracks_at(station))
        for rule, limit_s in self._clocks:
            is_off = abs(ahead_s) >= limit_s and not is_zone(ahead_s)
            if not (is_off or is_tracked):
                continue  # by far the most frequent case
            place, at = Place.of_station(station), event.observed_at
            if is_off:
                way = "ahead" if ahead_s > 0 else "behind"
                why = f"its clock is {roughly(abs(ahead_s))} {way}"
                codes = (rule.code,)
                seen = Sighting(at=at, since=at, codes=codes, position=event.position, why=why)
                self._ledger.see(rule, place, seen)
            else:
                self._ledger.end(rule, place, at, event.position, by=ClearedBy.EVIDENCE)

    def on_connected(self, event: Connected) -> None:
        """A station that shows a certificate tells when it ends."""
        if event.certificate_until is None:
            return
        self._expiries[event.station] = event.certificate_until
        self._look(event.station, event.observed_at, event.position)

    def _look_at_certificate(self, at: datetime, key: str) -> None:
        self._look(StationId(key), at, 0)

    def _look(self, station: StationId, at: datetime, position: int) -> None:
        place = Place.of_station(station)
        expires_at = self._expiries[station]
        for rule, ahead in self._ends:
            if expires_at - at <= ahead:  # neither end of the calendar is too far
                why = f"its certificate ends on {expires_at:%Y-%m-%d}"
                codes = (rule.code,)
                seen = Sighting(at=at, since=at, codes=codes, position=position, why=why)
                self._ledger.see(rule, place, seen)
            else:
                self._ledger.end(rule, place, at, position, by=ClearedBy.EVIDENCE)
                self._ledger.wake(expires_at - ahead, _WAKE, station)


def roughly(seconds: float) -> str:
    """Write how far a clock is off, in the unit that people would take."""
    for span, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * span:
            return f"{seconds / span:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def is_zone(ahead_s: float) -> bool:
    """Tell whether an offset looks like a time zone: quarters of an hour, up to 14 h."""
    steps = round(ahead_s / _ZONE_STEP_S)
    is_near = abs(ahead_s - steps * _ZONE_STEP_S) <= _ZONE_SLACK_S
    return steps != 0 and is_near and abs(ahead_s) <= _FARTHEST_ZONE_S + _ZONE_SLACK_S
