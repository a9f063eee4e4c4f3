"""Which requests a 2.x station may send, and which of them ask for something. Data.

The schemas do not say who sends a message: this is the part of the standards that names the
Charging Station as the sender. A test compares both lists with what the `ocpp` package ships.
"""

from __future__ import annotations

from typing import Literal

Version = Literal["v201", "v21"]

_BOTH = (
    "Authorize",
    "BootNotification",
    "ClearedChargingLimit",
    "DataTransfer",
    "FirmwareStatusNotification",
    "Get15118EVCertificate",
    "GetCertificateStatus",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "NotifyChargingLimit",
    "NotifyCustomerInformation",
    "NotifyDisplayMessages",
    "NotifyEVChargingNeeds",
    "NotifyEVChargingSchedule",
    "NotifyEvent",
    "NotifyMonitoringReport",
    "NotifyReport",
    "PublishFirmwareStatusNotification",
    "ReportChargingProfiles",
    "ReservationStatusUpdate",
    "SecurityEventNotification",
    "SignCertificate",
    "StatusNotification",
    "TransactionEvent",
)
_ONLY_V21 = (
    "BatterySwap",
    "ClosePeriodicEventStream",
    "GetCertificateChainStatus",
    "NotifyDERAlarm",
    "NotifyDERStartStop",
    "NotifyPriorityCharging",
    "NotifySettlement",
    "OpenPeriodicEventStream",
    "PullDynamicScheduleUpdate",
    "ReportDERControl",
    "VatNumberValidation",
)

CALLS: dict[Version, tuple[str, ...]] = {"v201": _BOTH, "v21": _BOTH + _ONLY_V21}
"""Actions that are answered."""

SENDS: dict[Version, tuple[str, ...]] = {"v201": (), "v21": ("NotifyPeriodicEventStream",)}
"""Actions of unanswered messages (OCPP 2.1, message type 6)."""

ASKING = frozenset(
    {
        "Authorize",
        "ClosePeriodicEventStream",
        "Get15118EVCertificate",
        "GetCertificateChainStatus",
        "GetCertificateStatus",
        "OpenPeriodicEventStream",
        "PullDynamicScheduleUpdate",
        "SignCertificate",
        "VatNumberValidation",
    }
)
"""Requests that ask for something: refused where their payload is no object.

Every other one tells something, and is acknowledged whatever it holds: stations repeat what is
not acknowledged, and hold everything back that stands behind it (quirks C13, C17, F1).
"""
