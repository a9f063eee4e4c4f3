"""The typed messages agree with the JSON schemas that the `ocpp` package ships."""

import copy
import json
import random
import re
from pathlib import Path

import jsonschema
import msgspec
import ocpp.v16
import pytest
from jsonschema import Draft4Validator, FormatChecker

from ocpp_server.repair import Repairer
from ocpp_server.v16.mapping import MAPPINGS
from ocpp_server.v16.messages import REQUESTS

SCHEMAS = Path(ocpp.v16.__file__).parent / "schemas"

# What the central system asks of a station; everything else is asked by stations.
COMMANDS = {
    "CancelReservation",
    "CertificateSigned",
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "ClearChargingProfile",
    "DeleteCertificate",
    "ExtendedTriggerMessage",
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetDiagnostics",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "GetLog",
    "InstallCertificate",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "ReserveNow",
    "Reset",
    "SendLocalList",
    "SetChargingProfile",
    "SignedUpdateFirmware",
    "TriggerMessage",
    "UnlockConnector",
    "UpdateFirmware",
}

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time")
def is_date_time(value):
    """RFC 3339, written apart from the code under test.

    The `ocpp` package checks no formats at all; we are stricter, because a moment without a
    zone is a breach worth counting. Leap seconds (:60) count as a breach here and there.
    """
    if not isinstance(value, str):
        return True
    found = re.fullmatch(
        r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
        r"([Zz]|[+-]([0-9]{2}):([0-9]{2}))",
        value,
    )
    if found is None:
        return False
    _, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if found[9] is not None and (int(found[9]) > 23 or int(found[10]) > 59):
        return False
    return 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60


def validator(name):
    text = (SCHEMAS / f"{name}.json").read_text("utf-8-sig")
    return Draft4Validator(json.loads(text), format_checker=FORMATS)


VALIDATORS = {action: validator(action) for action in REQUESTS}
DECODERS = {action: msgspec.json.Decoder(request) for action, request in REQUESTS.items()}
REPAIRERS = {action: Repairer(request) for action, request in REQUESTS.items()}

SAMPLE = {
    "value": "12.5",
    "context": "Sample.Periodic",
    "format": "Raw",
    "measurand": "Voltage",
    "phase": "L1-N",
    "location": "Outlet",
    "unit": "V",
}
METER = {"timestamp": "2026-01-05T08:00:00Z", "sampledValue": [SAMPLE, {"value": "1"}]}
FULL = {
    "Authorize": {"idTag": "2475589B"},
    "BootNotification": {
        "chargePointVendor": "Alfen BV",
        "chargePointModel": "NG910",
        "chargePointSerialNumber": "ACE0177305",
        "chargeBoxSerialNumber": "ACE0177305",
        "firmwareVersion": "6.6.12",
        "iccid": "",
        "imsi": "",
        "meterType": "Internal",
        "meterSerialNumber": "1",
    },
    "DataTransfer": {"vendorId": "EN+", "messageId": "gatewayInfo", "data": "{}"},
    "DiagnosticsStatusNotification": {"status": "Uploaded"},
    "FirmwareStatusNotification": {"status": "Installed"},
    "Heartbeat": {},
    "LogStatusNotification": {"status": "Uploaded", "requestId": 7},
    "MeterValues": {"connectorId": 1, "transactionId": 7, "meterValue": [METER]},
    "SecurityEventNotification": {
        "type": "SettingSystemTime",
        "timestamp": "2026-01-05T08:00:00.123456789+01:00",
        "techInfo": "ocppBoot",
    },
    "SignCertificate": {"csr": "-----BEGIN CERTIFICATE REQUEST-----"},
    "SignedFirmwareStatusNotification": {"status": "InvalidSignature", "requestId": 7},
    "StartTransaction": {
        "connectorId": 1,
        "idTag": "A",
        "meterStart": 0,
        "reservationId": 3,
        "timestamp": "2026-01-05T08:00:00Z",
    },
    "StatusNotification": {
        "connectorId": 1,
        "errorCode": "OtherError",
        "info": "dirty",
        "status": "Faulted",
        "timestamp": "2026-01-05T08:00:00Z",
        "vendorId": "com.ctek",
        "vendorErrorCode": "NoPPDetected",
    },
    "StopTransaction": {
        "idTag": "A",
        "meterStop": 10,
        "timestamp": "2026-01-05T08:00:00Z",
        "transactionId": 7,
        "reason": "Local",
        "transactionData": [METER],
    },
}

ODD_VALUES = [
    None, True, False, 0, 1, -1, 1.0, 1.5, 2**31, 2**63 - 1, "", "1", "x" * 20, "x" * 21,
    "x" * 25, "x" * 26, "x" * 50, "x" * 51, "x" * 255, "x" * 256, "ä" * 20, "😀" * 21, [], {},
    [[]], [{}], {"value": "1"}, "Faulted", "faulted", "NoError", "Accepted", "Hertz", "Celcius",
    "2026-01-05T08:00:00Z", "2026-01-05t08:00:00z", "2026-01-05T08:00:00", "2026-01-05",
    "2026-01-05 08:00:00Z", "2026-01-05T08:00:00+02", "2026-01-05T08:00:00+0200",
    "2026-01-05T08:00:00+02:00", "2026-01-05T08:00:00.1234567Z", "2026-01-05T08:00:00.Z",
    "2026-13-05T08:00:00Z", "2026-01-32T08:00:00Z", "2026-01-05T24:00:00Z",
    "2026-01-05T23:59:60Z", "1970-01-01T00:00:00Z", "2026-01-05T08:00:00Z\n",
    "٢026-01-05T08:00:00Z",
    METER, SAMPLE, [METER], [SAMPLE],
]  # fmt: skip


def nodes(value, path=()):
    """Every place inside a payload, the outermost first."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from nodes(value[key], (*path, key))
    if isinstance(value, list):
        for index in range(len(value)):
            yield from nodes(value[index], (*path, index))


def mutated(payload, dice):
    """Return the payload with one to three things wrong, or odd, in it."""
    payload = copy.deepcopy(payload)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        path = dice.choice([path for path in nodes(payload) if path] or [()])
        parent = payload
        for step in path[:-1]:
            parent = parent[step]
        match dice.randrange(5):
            case 0 if path:
                del parent[path[-1]]
            case 1 if path and isinstance(parent, dict):
                parent[dice.choice(("severity", "level", str(path[-1]).lower()))] = 1
            case 2 if path and isinstance(parent, list):
                parent.append(copy.deepcopy(dice.choice(ODD_VALUES)))
            case _ if path:
                parent[path[-1]] = copy.deepcopy(dice.choice(ODD_VALUES))
            case _:
                payload[dice.choice(("severity", "connectorId"))] = dice.choice((1, "x"))
    return payload


def is_strictly_read(action, payload):
    try:
        DECODERS[action].decode(json.dumps(payload).encode())
    except msgspec.ValidationError:
        return False
    return True


def test_every_action_of_the_package_is_a_command_or_has_a_message_and_a_meaning():
    shipped = {
        path.stem for path in SCHEMAS.glob("*.json") if not path.stem.endswith("Response")
    }
    assert shipped - COMMANDS == set(REQUESTS) == set(MAPPINGS)


@pytest.mark.parametrize("action", sorted(REQUESTS))
def test_a_full_payload_conforms_here_and_there(action):
    jsonschema.validate(FULL[action], VALIDATORS[action].schema)
    assert is_strictly_read(action, FULL[action])


@pytest.mark.thorough
@pytest.mark.parametrize("action", sorted(REQUESTS))
def test_mutated_payloads_are_judged_as_the_schema_judges_them(action):
    dice = random.Random(action)
    seen = {True: 0, False: 0}
    for _ in range(400):
        payload = mutated(FULL[action], dice)
        conforms = VALIDATORS[action].is_valid(payload)
        seen[conforms] += 1
        assert is_strictly_read(action, payload) == conforms, payload
    assert seen[False] > 50, "the mutations prove nothing"


@pytest.mark.parametrize("action", sorted(REQUESTS))
def test_repair_finds_a_breach_exactly_where_the_schema_does(action):
    dice = random.Random(f"repair {action}")
    for _ in range(200):
        payload = mutated(FULL[action], dice)
        breaches = []
        REPAIRERS[action].read(payload, breaches)
        assert bool(breaches) != VALIDATORS[action].is_valid(payload), (payload, breaches)


@pytest.mark.parametrize("action", sorted(REQUESTS))
def test_repair_of_a_conforming_payload_is_what_the_strict_decoder_reads(action):
    breaches = []
    repaired = REPAIRERS[action].read(FULL[action], breaches)
    assert repaired == DECODERS[action].decode(json.dumps(FULL[action]).encode())
    assert not breaches


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**25])
def test_a_number_beyond_64_bits_is_a_breach_although_no_schema_says_so(number):
    payload = FULL["StatusNotification"] | {"connectorId": number}
    assert VALIDATORS["StatusNotification"].is_valid(payload)
    assert not is_strictly_read("StatusNotification", payload)
