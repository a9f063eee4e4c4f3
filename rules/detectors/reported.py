"""The detector of what stations say of themselves: Faulted, or an error code without Faulted.

It reads words through the dictionary and tells the ledger where a condition begins or ends.
"""

from __future__ import annotations

from datetime import datetime

from domain.codes import OTHER
from domain.events import ErrorCleared, ErrorRaised, Status, StatusReported
from domain.places import Place, StationId
from rules.catalogue import Detector, Rule
from rules.detectors.handlers import Handlers
from rules.dictionary import Meaning, StationKind
from rules.parameters import ReportedFaultParameters
from rules.sighting import Sighting, is_danger
from rules.tracks import MOST_ERRORS, Track
from rules.workplace import Workplace

DANGER_SEVERITY = 0
"""The worst severity of OCPP 2.1's NotifyEvent; 7 and above are notices and raise nothing."""


_FAULTED = Status.FAULTED  # taken out once: naming a member is slow (CPython 3.11)


class ReportedFaults:
    """What stations say of themselves: Faulted, or an error code without Faulted."""

    def __init__(self, work: Workplace) -> None:
        rules = work.catalogue.of(Detector.REPORTED_FAULT)
        self._rules = [(rule, rule.set_for(ReportedFaultParameters)) for rule in rules]
        self._names = {rule.name for rule in rules}
        self._dictionary = work.dictionary
        self._registry = work.registry
        self._fleet = work.fleet
        self._ledger = work.ledger

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        return {
            StatusReported: self.on_status,
            ErrorRaised: self.on_error_raised,
            ErrorCleared: self.on_error_cleared,
        }

    def on_status(self, event: StatusReported) -> None:
        """Read a status: it may begin one rule's condition and end another's."""
        is_faulted = event.status is _FAULTED
        station = StationId(event.place.name)
        if not is_faulted and event.error is None and not self._is_any_on(station):
            return  # by far the most frequent case
        meaning = self._dictionary.meaning(event.error, self._kind(station))
        for rule, wants in self._rules:
            if not _fits(wants, event.place):
                continue
            if wants.faulted and is_faulted:
                self._see_faulted(rule, event, meaning)
            elif wants.faulted:
                if event.status is not Status.UNKNOWN:
                    self._ledger.end(rule, event.place, event.observed_at, event.position)
            elif meaning.codes and not is_faulted:
                self._see_error(rule, event, "status", meaning)
            else:
                self._end_error(rule, event, "status")

    def _is_any_on(self, station: StationId) -> bool:
        """Tell whether there is anything at the station that a good status could end."""
        tracks = self._ledger.tracks_at(station)
        return bool(tracks) and any(t.is_present and t.rule in self._names for t in tracks)

    def on_error_raised(self, event: ErrorRaised) -> None:
        """An error apart from any status: a fault of its own, danger at once."""
        meaning = self._dictionary.meaning(event.error, self._kind(event.place.name))
        if meaning.is_harmless:
            return  # told as an event, and known to be none: a button that was released
        codes = meaning.codes or (OTHER,)
        for rule, wants in self._rules:
            if not wants.faulted and _fits(wants, event.place):
                known = Meaning(codes, meaning.severity, meaning.unknown, remedy=meaning.remedy)
                self._see_error(rule, event, event.key or event.error.code, known)

    def on_error_cleared(self, event: ErrorCleared) -> None:
        """An error apart from any status ended."""
        for rule, wants in self._rules:
            if not wants.faulted and _fits(wants, event.place):
                self._end_error(rule, event, event.key or event.error.code)

    def read_again(self, at: datetime, position: int) -> None:
        """The dictionary is another one: say what is known of what is reported now."""
        for rule, wants in self._rules:
            for track in self._ledger.tracks_of(rule):
                if track.is_present and track.errors:
                    self._read_again(rule, track, at, position, is_faulted=wants.faulted)

    def _read_again(
        self, rule: Rule, track: Track, at: datetime, position: int, *, is_faulted: bool
    ) -> None:
        kind = self._kind(track.place.name)
        meanings = [self._dictionary.meaning(error, kind) for error in track.errors]
        found = {code for meaning in meanings for code in meaning.codes}
        if len(track.errors) >= MOST_ERRORS:
            found |= {*track.codes} - {OTHER}  # of reports that are not kept any more
        unknown = tuple(dict.fromkeys(word for one in meanings for word in one.unknown))
        if not found and not is_faulted:
            self._ledger.end(rule, track.place, at, position)
            return
        latest = meanings[-1]
        codes = tuple(sorted(found)) or (OTHER,)
        if [*codes] == track.codes and [*unknown] == track.unknown:
            return
        self._ledger.reword(
            track,
            rule,
            Sighting(
                at=at,
                since=at,
                codes=codes,
                key=track.keys[-1] if track.keys else "",
                severity=latest.severity,
                remedy=latest.remedy,
                unknown=unknown,
                position=position,
                is_danger=is_faulted and is_danger(codes),
                why=track.why,
                because="the dictionary knows what was said",
            ),
        )

    def _see_faulted(self, rule: Rule, event: StatusReported, meaning: Meaning) -> None:
        codes, severity = meaning.codes, meaning.severity
        if not codes:
            track = self._ledger.find(rule, event.place)
            # Faulted that is sent again often loses its words: the last known ones stay. In
            # OCPP 2.x it never has any: what is reported apart at the place says them.
            known = track.codes if track and track.codes else self._codes_apart(event.place)
            codes = tuple(known) or (OTHER,)
            if track is not None and track.codes and severity is None:
                severity = track.base
        self._ledger.see(
            rule,
            event.place,
            Sighting(
                at=event.observed_at,
                since=event.observed_at,
                codes=codes,
                severity=severity,
                remedy=meaning.remedy,
                error=event.error,
                unknown=meaning.unknown,
                position=event.position,
                can_flap=True,
                is_danger=is_danger(codes),
            ),
        )

    def _see_error(
        self, rule: Rule, event: StatusReported | ErrorRaised, key: str, meaning: Meaning
    ) -> None:
        self._ledger.see(
            rule,
            event.place,
            Sighting(
                at=event.observed_at,
                since=event.observed_at,
                codes=meaning.codes,
                key=key,
                cause=event.cause if isinstance(event, ErrorRaised) else "",
                severity=meaning.severity,
                remedy=meaning.remedy,
                error=event.error,
                position=event.position,
                can_flap=True,
                is_danger=_is_dangerous(event, meaning),
            ),
        )

    def _end_error(self, rule: Rule, event: StatusReported | ErrorCleared, key: str) -> None:
        self._ledger.end_error(rule, event.place, key, event.observed_at, event.position)

    def _codes_apart(self, place: Place) -> list[str]:
        station = place.station
        tracks = self._ledger.tracks_at(station) if station is not None else []
        return sorted({code for t in tracks if t.place == place and t.keys for code in t.codes})

    def _kind(self, station: str) -> StationKind:
        """Return what is known of vendor, model and firmware, as registered and as booted."""
        name = StationId(station)
        registered, booted = self._registry.stations.get(name), self._fleet.stations.get(name)
        known = (one for one in (registered, booted) if one is not None)
        make = " ".join(f"{one.vendor} {one.model}" for one in known).casefold()
        if booted is None:
            return StationKind(make)
        return StationKind(make, booted.firmware, booted.protocol)


def _is_dangerous(event: StatusReported | ErrorRaised, meaning: Meaning) -> bool:
    """An event of its own is danger by its code or by severity 0 (OCPP 2.1: Danger)."""
    if not isinstance(event, ErrorRaised):
        return False  # a code beside a status that is not Faulted: charging goes on
    return event.severity == DANGER_SEVERITY or is_danger(meaning.codes)


def _fits(wants: ReportedFaultParameters, place: Place) -> bool:
    return wants.scope == "" or (wants.scope == "evse") == (place.evse > 0)
