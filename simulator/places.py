"""What a station says about itself and its EVSEs: status, error code, vendor's words."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp.v16 import call

from simulator.dress import Payload, payload_of

NO_ERROR = "NoError"
AVAILABLE = "Available"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a place says is wrong. `status` "" leaves its status as it is (a code alone)."""

    code: str = "OtherError"
    status: str = "Faulted"
    vendor_id: str = ""
    vendor_code: str = ""
    text: str = ""


@dataclass(slots=True)
class Place:
    """A station (number 0) or an EVSE: what it would say in a StatusNotification."""

    number: int
    own_status: str = AVAILABLE
    report: Report | None = None
    is_operative: bool = True

    @property
    def status(self) -> str:
        """The status to report."""
        if self.report is not None and self.report.status:
            return self.report.status
        if not self.is_operative and self.own_status == AVAILABLE:
            return "Unavailable"
        return self.own_status

    @property
    def code(self) -> str:
        """The error code to report."""
        return NO_ERROR if self.report is None else self.report.code

    @property
    def is_usable(self) -> bool:
        """True where a car could charge."""
        is_broken = self.report is not None and self.report.status == "Faulted"
        return self.is_operative and not is_broken

    def status_body(self, stamp: str) -> Payload:
        """Return the body of a StatusNotification of this moment."""
        report = self.report or Report(code=self.code, status="")
        return payload_of(
            call.StatusNotification(
                connector_id=self.number,
                error_code=report.code,
                status=self.status,
                timestamp=stamp,
                info=report.text or None,
                vendor_id=report.vendor_id or None,
                vendor_error_code=report.vendor_code or None,
            )
        )
