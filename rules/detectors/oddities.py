"""The detectors of odd lives: a deaf station, a blocked queue, a critical security event.

The endpoint notices them; here they become faults with a patience. A security event has no end
of its own: it is over when nothing like it came for the rule's clean time, or when a person
says so. Repeated ones of a station are one fault (quirk K6: a harmless kind comes for ever).
"""

from __future__ import annotations

from datetime import datetime

from domain.events import (
    Connected,
    DeafnessEnded,
    DeafnessNoticed,
    ErrorReport,
    QueueBlocked,
    QueueMovedOn,
    SecurityEventReported,
)
from domain.faults import ClearedBy
from domain.places import Place, StationId
from rules.catalogue import Detector, Rule
from rules.detectors.handlers import Handlers
from rules.parameters import Parameters
from rules.sighting import Sighting
from rules.workplace import Workplace


class SecurityParameters(Parameters, frozen=True, kw_only=True):
    """`kinds`: the security events that a person has to look at.

    Those that the OCPP security whitepaper calls critical and that ask for a decision of a
    person; not the ones that follow from our own work or from a failed handshake of ours.
    """

    kinds: tuple[str, ...] = (
        "TamperDetectionActivated",
        "InvalidFirmwareSignature",
        "InvalidFirmwareSigningCertificate",
        "FirmwareUpdatedUnexpectedly",
        "FailedToAuthenticateAtCsms",
        "FailedToAuthenticateAtCentralSystem",
        "CsmsFailedToAuthenticate",
        "CentralSystemFailedToAuthenticate",
        "InvalidCsmsCertificate",
        "InvalidCentralSystemCertificate",
        "InvalidChargingStationCertificate",
        "InvalidChargePointCertificate",
        "AttemptedReplayAttacks",
        "SecurityLogWasCleared",
        "MemoryExhaustion",
    )


class Oddities:
    """Deaf stations, blocked queues, security events."""

    def __init__(self, work: Workplace) -> None:
        catalogue = work.catalogue
        self._ledger = work.ledger
        self._deaf = catalogue.of(Detector.DEAF)
        self._blocked = catalogue.of(Detector.QUEUE_BLOCKED)
        rules = catalogue.of(Detector.SECURITY_EVENT)
        self._security = [(rule, rule.set_for(SecurityParameters).kinds) for rule in rules]

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        return {
            DeafnessNoticed: self.on_deaf,
            DeafnessEnded: self.on_listening,
            Connected: self.on_listening,  # a new connection is what cures it (quirk A12)
            QueueBlocked: self.on_blocked,
            QueueMovedOn: self.on_moved_on,
            SecurityEventReported: self.on_security_event,
        }

    def on_deaf(self, event: DeafnessNoticed) -> None:
        """The station is heard, and leaves our calls unanswered."""
        why = f"{event.unanswered_count} calls of ours unanswered"
        for rule in self._deaf:
            self._see(rule, event.station, event.observed_at, event.position, why)

    def on_listening(self, event: DeafnessEnded | Connected) -> None:
        """It answers, or has a new connection."""
        place = Place.of_station(event.station)
        for rule in self._deaf:
            at = event.observed_at
            self._ledger.end(rule, place, at, event.position, by=ClearedBy.EVIDENCE)

    def on_blocked(self, event: QueueBlocked) -> None:
        """The station says one record again and again although it was answered."""
        why = f"the same {event.action} {event.count} times"
        for rule in self._blocked:
            self._see(rule, event.station, event.observed_at, event.position, why)

    def on_moved_on(self, event: QueueMovedOn) -> None:
        """Another record came."""
        place = Place.of_station(event.station)
        for rule in self._blocked:
            at = event.observed_at
            self._ledger.end(rule, place, at, event.position, by=ClearedBy.EVIDENCE)

    def on_security_event(self, event: SecurityEventReported) -> None:
        """A kind that a person has to look at is a fault from this moment on."""
        place = Place.of_station(event.station)
        for rule, kinds in self._security:
            if event.kind not in kinds:
                continue
            sighting = Sighting(
                at=event.observed_at,
                since=event.observed_at,
                codes=(rule.code,),
                error=ErrorReport(code=event.kind, text=event.text),
                position=event.position,
                why=event.kind,
            )
            self._ledger.see(rule, place, sighting)
            self._ledger.end(rule, place, event.observed_at, by=ClearedBy.EVIDENCE)

    def _see(
        self, rule: Rule, station: StationId, at: datetime, position: int, why: str
    ) -> None:
        sighting = Sighting(at=at, since=at, codes=(rule.code,), position=position, why=why)
        self._ledger.see(rule, Place.of_station(station), sighting)
