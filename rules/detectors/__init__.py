"""The detectors: each listens to events and tells the ledger where a condition begins or ends.

Conditions only: patience, severity, inhibition and flapping are the ledger's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from rules.catalogue import Detector
from rules.detectors.handlers import Handlers
from rules.detectors.hardware import ReplacedHardware
from rules.detectors.links import Links
from rules.detectors.reported import ReportedFaults
from rules.detectors.site_dark import DarkSites
from rules.parameters import CountedParameters, Parameters, ReportedFaultParameters
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
    Detector.OFFLINE: Parameters,
    Detector.SILENT: Parameters,
    Detector.CONNECTION_FLAPPING: CountedParameters,
    Detector.SITE_DARK: CountedParameters,
}
"""What a rule can set for each detector."""

WATCHERS: tuple[type[Watcher], ...] = (
    DarkSites,  # before the links: it speaks for them
    ReportedFaults,
    Links,
    ReplacedHardware,
)
"""All detectors, in the order in which they hear of an event."""
