"""The detectors: each listens to events and tells the ledger where a condition begins or ends.

Conditions only: patience, severity, inhibition and flapping are the ledger's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from rules.catalogue import Detector
from rules.detectors.boots import BootLoopParameters, BootLoops
from rules.detectors.cards import CardParameters, RefusedCards
from rules.detectors.carrier import LostCarriers
from rules.detectors.clocks import CertificateParameters, ClockParameters, Clocks
from rules.detectors.disuse import Disuse, DisuseParameters
from rules.detectors.gateway import Gateways
from rules.detectors.handlers import Handlers
from rules.detectors.hardware import ReplacedHardware
from rules.detectors.links import Links
from rules.detectors.metering import Meters
from rules.detectors.models import BadFirmware
from rules.detectors.oddities import Oddities, SecurityParameters
from rules.detectors.ourselves import Ourselves
from rules.detectors.reported import ReportedFaults
from rules.detectors.reports import CustomerReports
from rules.detectors.site_dark import DarkSites
from rules.detectors.site_load import ExceededParameters, SafeModeParameters, SiteLoads
from rules.detectors.starts import FailedStarts, StartParameters
from rules.detectors.stuck import StuckParameters, StuckStatuses
from rules.detectors.updates import Updates
from rules.energy import FlowParameters, FrozenParameters, ImplausibleParameters
from rules.parameters import (
    CountedParameters,
    GroupParameters,
    OfflineParameters,
    Parameters,
    ReportedFaultParameters,
)
from rules.phases import HeatParameters, PhaseParameters
from rules.workplace import Workplace


class Watcher(Protocol):
    """A detector, or several that look at the same events."""

    def __init__(self, work: Workplace) -> None:
        """Take up the work where the state in `work` stands."""

    @property
    def handlers(self) -> Handlers:
        """The events it listens to."""


PARAMETERS: Mapping[Detector, type[Parameters]] = {
    Detector.REPORTED_FAULT: ReportedFaultParameters,
    Detector.OFFLINE: OfflineParameters,
    Detector.SILENT: Parameters,
    Detector.CONNECTION_FLAPPING: CountedParameters,
    Detector.SITE_DARK: GroupParameters,
    Detector.GATEWAY_LOST: Parameters,
    Detector.CARRIER_LOST: GroupParameters,
    Detector.FLEET_DROP: GroupParameters,
    Detector.BROKER_LOST: Parameters,
    Detector.STUCK_STATUS: StuckParameters,
    Detector.BOOT_LOOP: BootLoopParameters,
    Detector.DEAF: Parameters,
    Detector.QUEUE_BLOCKED: Parameters,
    Detector.UPDATE_FAILED: Parameters,
    Detector.UPDATE_STUCK: Parameters,
    Detector.UPLOAD_FAILED: Parameters,
    Detector.CLOCK_WRONG: ClockParameters,
    Detector.CERTIFICATE_EXPIRING: CertificateParameters,
    Detector.SECURITY_EVENT: SecurityParameters,
    Detector.NO_ENERGY: FlowParameters,
    Detector.METER_FROZEN: FrozenParameters,
    Detector.METER_IMPLAUSIBLE: ImplausibleParameters,
    Detector.PHASE_MISSING: PhaseParameters,
    Detector.DEGRADED: HeatParameters,
    Detector.LOAD_EXCEEDED: ExceededParameters,
    Detector.LOAD_SAFE_MODE: SafeModeParameters,
    Detector.FAILED_STARTS: StartParameters,
    Detector.AUTHORIZATION_FAILING: CardParameters,
    Detector.DISUSE: DisuseParameters,
}
"""What a rule can set for each detector."""

WATCHERS: tuple[type[Watcher], ...] = (
    Ourselves,  # the wider cause first: it speaks for those after it
    LostCarriers,
    Gateways,
    DarkSites,  # before the links: it speaks for them
    ReportedFaults,
    Links,
    ReplacedHardware,
    BadFirmware,  # what becomes active, whoever found it
    BootLoops,  # before the updates: a boot that ends one is explained by it
    Updates,
    StuckStatuses,
    Oddities,
    Clocks,
    FailedStarts,  # before the meters: they forget a transaction when it ends
    Meters,
    RefusedCards,
    Disuse,
    CustomerReports,
    SiteLoads,
)
"""All detectors, in the order in which they hear of an event."""
