"""Which edition of OCPP a message is of, by its own words (quirks A1, A2, J1). Pure.

What a connection agreed on says little: some stations speak 1.6 on a 2.0.1 connection, some the
other way round, and some mix them. So each message decides for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Edition(StrEnum):
    """Families of versions whose messages look alike."""

    V16 = "1.6"
    V2X = "2.x"


ONLY_V16 = frozenset(
    {
        "DiagnosticsStatusNotification",
        "SignedFirmwareStatusNotification",
        "StartTransaction",
        "StopTransaction",
    }
)
"""Requests of stations that 2.x does not have."""

ONLY_2X = frozenset(
    {
        "BatterySwap",
        "ClearedChargingLimit",
        "ClosePeriodicEventStream",
        "Get15118EVCertificate",
        "GetCertificateChainStatus",
        "GetCertificateStatus",
        "NotifyChargingLimit",
        "NotifyCustomerInformation",
        "NotifyDERAlarm",
        "NotifyDERStartStop",
        "NotifyDisplayMessages",
        "NotifyEVChargingNeeds",
        "NotifyEVChargingSchedule",
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyPeriodicEventStream",
        "NotifyPriorityCharging",
        "NotifyReport",
        "NotifySettlement",
        "OpenPeriodicEventStream",
        "PublishFirmwareStatusNotification",
        "PullDynamicScheduleUpdate",
        "ReportChargingProfiles",
        "ReportDERControl",
        "ReservationStatusUpdate",
        "TransactionEvent",
        "VatNumberValidation",
    }
)
"""Requests of stations that 1.6 does not have."""

# Action -> members that only one edition knows. Actions that read alike are not listed.
MARKS: Mapping[Edition, Mapping[str, frozenset[str]]] = {
    Edition.V16: {
        "Authorize": frozenset({"idTag"}),
        "BootNotification": frozenset(
            {
                "chargeBoxSerialNumber",
                "chargePointModel",
                "chargePointSerialNumber",
                "chargePointVendor",
                "firmwareVersion",
                "iccid",
                "imsi",
                "meterSerialNumber",
                "meterType",
            }
        ),
        "MeterValues": frozenset({"connectorId", "transactionId"}),
        "StatusNotification": frozenset(
            {"errorCode", "info", "status", "vendorErrorCode", "vendorId"}
        ),
    },
    Edition.V2X: {
        "Authorize": frozenset({"certificate", "idToken", "iso15118CertificateHashData"}),
        "BootNotification": frozenset({"chargingStation", "reason"}),
        "FirmwareStatusNotification": frozenset({"requestId", "statusInfo"}),
        "LogStatusNotification": frozenset({"statusInfo"}),
        "MeterValues": frozenset({"evseId"}),
        "SignCertificate": frozenset({"certificateType", "hashRootCertificate", "requestId"}),
        "StatusNotification": frozenset({"connectorStatus", "evseId"}),
    },
}


def edition_of(action: str, members: Iterable[str]) -> Edition | None:
    """Return the edition a message is of by its action and members; None where it fits both."""
    if action in ONLY_V16:
        return Edition.V16
    if action in ONLY_2X:
        return Edition.V2X
    names = frozenset(members)
    old = len(MARKS[Edition.V16].get(action, frozenset()) & names)
    new = len(MARKS[Edition.V2X].get(action, frozenset()) & names)
    if old == new:
        return None
    return Edition.V16 if old > new else Edition.V2X
