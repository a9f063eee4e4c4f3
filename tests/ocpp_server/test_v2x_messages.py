"""The types made from the schemas agree with them, and so does what is said about them."""

import copy
import json
import random
import re
import typing
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft4Validator, FormatChecker

from ocpp_server.editions import MARKS, ONLY_2X, ONLY_V16, Edition, edition_of
from ocpp_server.repair import Repairer
from ocpp_server.v2x import shapes
from ocpp_server.v2x.mapping import MAPPINGS
from ocpp_server.v2x.reading import V21, V201
from ocpp_server.v2x.requests import ASKING, CALLS, SENDS
from ocpp_server.v2x.schemas import SchemasMissingError, request_schema
from ocpp_server.v2x.types import SchemaNotUnderstoodError, TypeMaker, field_name
from ocpp_server.v16.messages import REQUESTS as REQUESTS_V16

PACKAGE = Path(find_spec("ocpp").submodule_search_locations[0])
TYPES = {"v201": V201.types, "v21": V21.types}
EVERY = [(version, action) for version, types in TYPES.items() for action in sorted(types)]
MUTATED = 16_000  # payloads per version

# What the central system asks of a station; everything else is asked by stations.
COMMANDS = {
    "AFRRSignal",
    "AdjustPeriodicEventStream",
    "CancelReservation",
    "CertificateSigned",
    "ChangeAvailability",
    "ChangeTransactionTariff",
    "ClearCache",
    "ClearChargingProfile",
    "ClearDERControl",
    "ClearDisplayMessage",
    "ClearTariffs",
    "ClearVariableMonitoring",
    "CostUpdated",
    "CustomerInformation",
    "DeleteCertificate",
    "GetBaseReport",
    "GetChargingProfiles",
    "GetCompositeSchedule",
    "GetDERControl",
    "GetDisplayMessages",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "GetLog",
    "GetMonitoringReport",
    "GetPeriodicEventStream",
    "GetReport",
    "GetTariffs",
    "GetTransactionStatus",
    "GetVariables",
    "InstallCertificate",
    "NotifyAllowedEnergyTransfer",
    "NotifyWebPaymentStarted",
    "PublishFirmware",
    "RequestBatterySwap",
    "RequestStartTransaction",
    "RequestStopTransaction",
    "ReserveNow",
    "Reset",
    "SendLocalList",
    "SetChargingProfile",
    "SetDERControl",
    "SetDefaultTariff",
    "SetDisplayMessage",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "SetNetworkProfile",
    "SetVariableMonitoring",
    "SetVariables",
    "TriggerMessage",
    "UnlockConnector",
    "UnpublishFirmware",
    "UpdateDynamicSchedule",
    "UpdateFirmware",
    "UsePriorityCharging",
}

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time")
def is_date_time(value):
    """RFC 3339, written apart from the code under test; see the same for 1.6."""
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


def validator(version, action):
    # Draft 4, as the `ocpp` package validates: there 1.0 is no integer.
    return Draft4Validator(request_schema(version, action), format_checker=FORMATS)


VALIDATORS = {every: validator(*every) for every in EVERY}
DECODERS = {
    (version, action): msgspec.json.Decoder(TYPES[version][action]) for version, action in EVERY
}
REPAIRERS = {(version, action): Repairer(TYPES[version][action]) for version, action in EVERY}


def example(schema, definitions, dice):
    """Build a payload with every member the schema knows."""
    if "$ref" in schema:
        return example(definitions[schema["$ref"].rpartition("/")[2]], definitions, dice)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    match schema.get("type"):
        case "object":
            return {
                name: example(inner, definitions, dice)
                for name, inner in schema["properties"].items()
            }
        case "array":
            return [example(schema["items"], definitions, dice)]
        case "string" if schema.get("format") == "date-time":
            return "2026-01-05T08:00:00Z"
        case "string":
            return "x" * min(4, schema.get("maxLength", 4))
        case "integer":
            return int(schema.get("minimum", 0)) + 1
        case "number":
            return min(schema.get("minimum", 0) + 0.5, schema.get("maximum", 1))
        case "boolean":
            return True
        case _:
            return {"any": ["thing"]}


def full(version, action):
    schema = request_schema(version, action)
    return example(schema, schema["definitions"], random.Random(action))


FULL = {every: full(*every) for every in EVERY}

ODD_VALUES = [
    None, True, False, 0, 1, -1, 1.0, 1.5, -0.5, 100, 101, 2**31, 2**63 - 1, "", "1", "x" * 20,
    "x" * 21, "x" * 36, "x" * 37, "x" * 50, "x" * 51, "x" * 255, "x" * 256, "x" * 2501,
    "ä" * 20, "😀" * 21, [], {}, [[]], [{}], {"value": "1"}, {"vendorId": "x", "more": 1},
    {"vendorId": 1}, {"id": 1}, {"name": "x"}, "Faulted", "faulted", "Accepted", "Alerting",
    "2026-01-05T08:00:00Z", "2026-01-05t08:00:00z", "2026-01-05T08:00:00", "2026-01-05",
    "2026-01-05T08:00:00+02", "2026-01-05T08:00:00+02:00", "2026-13-05T08:00:00Z",
    "2026-01-05T08:00:00.1234567Z", "2026-01-05T24:00:00Z", "2026-01-05T08:00:00Z\n",
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
    """Return the payload with one to three things wrong, odd, or left out."""
    payload = copy.deepcopy(payload)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        path = dice.choice([path for path in nodes(payload) if path] or [()])
        parent = payload
        for step in path[:-1]:
            parent = parent[step]
        match dice.randrange(6):
            case 0 | 1 if path:
                del parent[path[-1]]
            case 2 if path and isinstance(parent, dict):
                parent[dice.choice(("severity", "level", str(path[-1]).lower()))] = 1
            case 3 if path and isinstance(parent, list):
                parent.append(copy.deepcopy(dice.choice([*ODD_VALUES, parent[0]])))
            case _ if path:
                parent[path[-1]] = copy.deepcopy(dice.choice(ODD_VALUES))
            case _:
                payload[dice.choice(("severity", "evseId"))] = dice.choice((1, "x"))
    return payload


def is_strictly_read(every, payload):
    try:
        DECODERS[every].decode(json.dumps(payload).encode())
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize("version", ["v201", "v21"])
def test_every_action_of_the_package_is_a_command_or_has_a_type_and_a_meaning(version):
    shipped = {
        path.stem.removesuffix("Request")
        for path in (PACKAGE / version / "schemas").glob("*.json")
        if not path.stem.endswith("Response")
    }
    assert shipped - COMMANDS == {*CALLS[version], *SENDS[version]} == set(TYPES[version])
    assert set(TYPES[version]) <= set(MAPPINGS)


def test_nothing_has_a_meaning_that_no_station_can_say():
    assert set(MAPPINGS) == set(V21.types) >= set(V201.types)
    assert set(CALLS["v21"]) >= ASKING


def test_equal_definitions_are_one_type():
    boot, later = V201.types["Heartbeat"], V21.types["Heartbeat"]
    assert boot is later


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_a_full_payload_conforms_here_and_there(version, action):
    VALIDATORS[version, action].validate(FULL[version, action])
    assert is_strictly_read((version, action), FULL[version, action])


@pytest.mark.thorough
@pytest.mark.parametrize(("version", "action"), EVERY)
def test_mutated_payloads_are_judged_as_the_schema_judges_them(version, action):
    dice = random.Random(action)
    seen = {True: 0, False: 0}
    every = (version, action)
    for number in range(MUTATED // len(TYPES[version]) + 1):
        payload = mutated(FULL[every], dice)
        conforms = VALIDATORS[every].is_valid(payload)
        seen[conforms] += 1
        assert is_strictly_read(every, payload) == conforms, payload
        if number % 4 == 0:
            breaches = []
            REPAIRERS[every].read(payload, breaches)
            assert bool(breaches) != conforms, (payload, breaches)
    assert seen[False] > 50, "the mutations prove nothing"


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_repair_of_a_conforming_payload_is_what_the_strict_decoder_reads(version, action):
    every, breaches = (version, action), []
    repaired = REPAIRERS[every].read(FULL[every], breaches)
    assert repaired == DECODERS[every].decode(json.dumps(FULL[every]).encode())
    assert not breaches


# --- what is said about the types -------------------------------------------------------------

READ_AS = {
    "Authorize": shapes.Authorize,
    "BootNotification": shapes.BootNotification,
    "ClosePeriodicEventStream": shapes.CloseStream,
    "DataTransfer": shapes.DataTransfer,
    "FirmwareStatusNotification": shapes.WithStatus,
    "GetCertificateChainStatus": shapes.GetCertificateChainStatus,
    "LogStatusNotification": shapes.WithStatus,
    "MeterValues": shapes.MeterValues,
    "NotifyDERAlarm": shapes.DerAlarm,
    "NotifyEvent": shapes.NotifyEvent,
    "NotifyMonitoringReport": shapes.NotifyMonitoringReport,
    "NotifyPeriodicEventStream": shapes.Stream,
    "NotifyReport": shapes.NotifyReport,
    "OpenPeriodicEventStream": shapes.OpenStream,
    "PublishFirmwareStatusNotification": shapes.WithStatus,
    "SecurityEventNotification": shapes.SecurityEventNotification,
    "StatusNotification": shapes.StatusNotification,
    "TransactionEvent": shapes.TransactionEvent,
    "VatNumberValidation": shapes.VatNumberValidation,
}


def kinds_in(hint):
    """What a hint names, without UNSET, lists, limits."""
    hint = hint.__value__ if hasattr(hint, "__value__") else hint
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return kinds_in(typing.get_args(hint)[0])
    if origin is None:
        return {hint} - {msgspec.UnsetType}
    if origin is typing.Literal:
        return {str}
    return set().union(*(kinds_in(part) for part in typing.get_args(hint)))


def assert_looks_like(made, shape, path):
    fields = {field.name: field for field in msgspec.structs.fields(made)}
    for name, hint in typing.get_type_hints(shape).items():
        assert name in fields, f"{path}.{name} is not in the schema"
        (said,) = kinds_in(hint)
        if said is object:
            continue
        (is_made,) = kinds_in(fields[name].type)
        if getattr(said, "_is_protocol", False):
            assert_looks_like(is_made, said, f"{path}.{name}")
        else:
            assert is_made is said, f"{path}.{name} is {is_made}, read as {said}"


@pytest.mark.parametrize(
    ("version", "action"), [every for every in EVERY if every[1] in READ_AS]
)
def test_what_is_read_is_in_the_schema(version, action):
    assert_looks_like(TYPES[version][action], READ_AS[action], action)


def test_every_message_that_is_read_is_held_against_its_shape():
    silent = {name for name, mapping in MAPPINGS.items() if mapping.__name__ == "heard"}
    assert set(READ_AS) == set(MAPPINGS) - silent


def members(kind):
    return {field.encode_name for field in msgspec.structs.fields(kind)}


def test_marks_tell_the_editions_apart():
    both = set(REQUESTS_V16) & set(V21.types)
    assert set(REQUESTS_V16) - set(V21.types) == ONLY_V16
    assert set(V21.types) - set(REQUESTS_V16) == ONLY_2X
    for action in both - {"LogStatusNotification", "SecurityEventNotification"}:
        old, new = members(REQUESTS_V16[action]), members(V21.types[action])
        if action in MARKS[Edition.V16]:
            assert MARKS[Edition.V16][action] <= old - new
        if action in MARKS[Edition.V2X]:
            assert MARKS[Edition.V2X][action] <= new - old


@pytest.mark.parametrize(("version", "action"), EVERY)
def test_a_full_payload_is_never_taken_for_the_other_edition(version, action):
    assert edition_of(action, FULL[version, action]) is not Edition.V16


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("evseId", "evse_id"),
        ("iso15118SchemaVersion", "iso15118_schema_version"),
        ("exiRequest", "exi_request"),
        ("evMaxV2XEnergy", "ev_max_v2_x_energy"),
        ("from", "from_"),
        ("id", "id"),
    ],
)
def test_members_are_fields_in_our_spelling(member, name):
    assert field_name(member) == name


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "patternProperties": {}},
        {"type": "object", "properties": {"x": {"type": "string", "format": "uri"}}},
        {"type": "object", "properties": {"x": {"type": "null"}}},
        {"type": "object", "properties": {"x": {"oneOf": []}}},
    ],
)
def test_a_schema_that_says_more_than_we_understand_is_refused(schema):
    with pytest.raises(SchemaNotUnderstoodError):
        TypeMaker().message("New", schema)


def test_a_schema_that_is_not_there_is_missed_at_start():
    with pytest.raises(SchemasMissingError, match="v201 BatterySwap"):
        request_schema("v201", "BatterySwap")
