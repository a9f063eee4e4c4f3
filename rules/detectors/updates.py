"""The detectors of firmware updates and log uploads that fail or do not come to an end.

An update is stuck when it tells of no progress for the rule's patience, and over with the words
for success, with other firmware at a boot, or with another update. Scheduled ones wait rightly.
States that are left out (8 % of updates, fleet statistics 2.5) are no fault: only the last word
counts.
"""

from __future__ import annotations

from domain.events import Booted, DiagnosticsStatusReported, FirmwareStatusReported
from domain.faults import ClearedBy
from domain.places import Place, StationId
from rules.catalogue import Detector, Rule
from rules.detectors.handlers import Handlers
from rules.memory.lives import Update
from rules.sighting import Sighting
from rules.workplace import Workplace

FAILED = frozenset(
    {
        "DownloadFailed",
        "InstallationFailed",
        "InstallVerificationFailed",
        "InvalidSignature",
        "InvalidCertificate",
        "RevokedCertificate",
        "UnpublishFailed",
    }
)
"""Words for an update that failed (OCPP 1.6 §7.25, its security extension, 2.x)."""

UNDER_WAY = frozenset(
    {
        "Downloading",
        "Downloaded",
        "DownloadPaused",
        "SignatureVerified",
        "Installing",
        "InstallRebooting",
    }
)
"""Words for an update that ought to go on by itself within hours."""

UPLOAD_FAILED = frozenset({"UploadFailed", "UploadFailure", "PermissionDenied", "BadMessage"})
"""Words for a log that did not arrive (1.6 §7.24, LogStatusNotification)."""


class Updates:
    """Firmware updates and log uploads, by the last word on each."""

    def __init__(self, work: Workplace) -> None:
        catalogue = work.catalogue
        self._failed = catalogue.of(Detector.UPDATE_FAILED)
        self._stuck = catalogue.of(Detector.UPDATE_STUCK)
        self._upload = catalogue.of(Detector.UPLOAD_FAILED)
        self._ledger = work.ledger
        self._fleet = work.fleet
        self._updates = work.state.lives.updates

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        return {
            FirmwareStatusReported: self.on_firmware,
            DiagnosticsStatusReported: self.on_upload,
            Booted: self.on_booted,
        }

    def on_firmware(self, event: FirmwareStatusReported) -> None:
        """Take the last word on an update."""
        station, status = event.station, event.status
        before = self._updates.get(station)
        if status == "Idle" and before is not None and before.status in FAILED:
            return  # asked, and nothing goes on: which takes back no failure
        firmware = before.firmware if before else self._fleet.belief(station).firmware
        if status in UNDER_WAY or status in FAILED:
            self._updates[station] = Update(status, event.observed_at, firmware)
        else:
            self._updates.pop(station, None)
        self._judge(self._failed, event, holds=status in FAILED)
        if before is None or before.status != status:
            # Another word is progress: patience begins anew.
            self._judge(self._stuck, event, holds=False)
        self._judge(self._stuck, event, holds=status in UNDER_WAY)

    def on_booted(self, event: Booted) -> None:
        """Other firmware than before the update: it came to its end, whatever was said."""
        update = self._updates.get(event.station)
        if update is None or not event.firmware or event.firmware == update.firmware:
            return
        del self._updates[event.station]
        for rule in (*self._failed, *self._stuck):
            place = Place.of_station(event.station)
            at = event.observed_at
            self._ledger.end(rule, place, at, event.position, by=ClearedBy.EVIDENCE)

    def on_upload(self, event: DiagnosticsStatusReported) -> None:
        """Take the last word on an upload."""
        self._judge(self._upload, event, holds=event.status in UPLOAD_FAILED)

    def _judge(
        self,
        rules: tuple[Rule, ...],
        event: FirmwareStatusReported | DiagnosticsStatusReported,
        *,
        holds: bool,
    ) -> None:
        place = Place.of_station(StationId(event.station))
        at = event.observed_at
        for rule in rules:
            if holds:
                sighting = Sighting(
                    at=at,
                    since=at,
                    codes=(rule.code,),
                    position=event.position,
                    why=f"it says {event.status}",
                )
                self._ledger.see(rule, place, sighting)
            else:
                self._ledger.end(rule, place, at, event.position)
