"""Fault codes: the one list that faults, tickets and wording share.

ChargeX MREC (CX001..CX026, INL ChargeX_MREC_Rev5, 2023-09) where one fits, else the name of
OCPP 1.6, else one of ours for what neither has a word for.
"""

from __future__ import annotations

MREC_OF_V16: dict[str, str] = {
    "ConnectorLockFailure": "CX001",
    "GroundFailure": "CX002",
    "HighTemperature": "CX003",
    "OverCurrentFailure": "CX004",
    "OverVoltage": "CX005",
    "UnderVoltage": "CX006",
    "WeakSignal": "CX007",
    "PowerSwitchFailure": "CX017",
}
"""OCPP 1.6 error codes that have an MREC code of the same meaning."""

V16_ONLY: frozenset[str] = frozenset(
    {
        "EVCommunicationError",
        "InternalError",
        "LocalListConflict",
        "OtherError",
        "PowerMeterFailure",
        "ReaderFailure",
        "ResetFailure",
    }
)
"""OCPP 1.6 error codes that keep their name. NoError is no code."""

MREC_NAMES: dict[str, str] = {
    "CX001": "ConnectorLockFailure",
    "CX002": "GroundFailure",
    "CX003": "HighTemperature",
    "CX004": "OverCurrentFailure",
    "CX005": "OverVoltage",
    "CX006": "UnderVoltage",
    "CX007": "WeakSignal",
    "CX008": "EmergencyStop",
    "CX009": "AuthorizationTimeout",
    "CX010": "InvalidVehicleMode",
    "CX011": "CableCheckFailure",
    "CX012": "PreChargeFailure",
    "CX013": "NoInternet",
    "CX014": "PilotFault",
    "CX015": "PowerLoss",
    "CX016": "EVContactorFault",
    "CX017": "EVSEContactorFault",
    "CX018": "CableOverTempDerate",
    "CX019": "CableOverTempStop",
    "CX020": "PartialInsertion",
    "CX021": "CapacitanceFault",
    "CX022": "ResistanceFault",
    "CX023": "ProximityFault",
    "CX024": "ConnectorVoltageHigh",
    "CX025": "BrokenLatch",
    "CX026": "CutCable",
}
"""What ChargeX calls its codes; stations send the names, too."""

MREC: frozenset[str] = frozenset(MREC_NAMES)

OWN: frozenset[str] = frozenset(
    {
        "offline",
        "silent",
        "boot-loop",
        "connection-flapping",
        "deaf",
        "queue-blocked",
        "stuck-status",
        "no-energy",
        "meter-frozen",
        "meter-implausible",
        "failed-starts",
        "authorization-failing",
        "phase-missing",
        "degraded",
        "load-limit",
        "disuse",
        "clock-wrong",
        "update-failed",
        "certificate-expiring",
        "security-event",
        "gateway-lost",
        "site-dark",
        "unknown-code",
    }
)
"""Codes of ours."""

DANGER: frozenset[str] = frozenset(
    {"CX002", "CX008", "CX011", "CX017", "CX019", "CX021", "CX022", "CX024", "CX026"}
)
"""Codes that mean danger to people where the place is Faulted."""

OTHER = "OtherError"
"""The code of a fault whose code is missing or outside every list."""
