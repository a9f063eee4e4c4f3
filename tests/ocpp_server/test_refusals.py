"""Where an error is due, which one, in the spelling of the version; and where none is, none."""

import json
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from domain.places import StationId
from ocpp_server.commanded import COMMANDS
from ocpp_server.editions import ONLY_2X, ONLY_V16
from ocpp_server.translate import Translation
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v2x.requests import CALLS, SENDS
from ocpp_server.v16.dialect import Dialect16
from ocpp_server.v16.messages import REQUESTS

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
STATION = StationId("N-001")
VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1", "")

# OCPP-J 1.6 §4.2.3; OCPP-J 2.0.1 and 2.1 §4.3. Two words are spelled otherwise in each.
SPELLED = {
    "ocpp1.6": {
        "FormationViolation",
        "GenericError",
        "InternalError",
        "NotImplemented",
        "NotSupported",
        "OccurenceConstraintViolation",
        "PropertyConstraintViolation",
        "ProtocolError",
        "SecurityError",
        "TypeConstraintViolation",
    },
    "2.x": {
        "FormatViolation",
        "GenericError",
        "InternalError",
        "MessageTypeNotSupported",
        "NotImplemented",
        "NotSupported",
        "OccurrenceConstraintViolation",
        "PropertyConstraintViolation",
        "ProtocolError",
        "RpcFrameworkError",
        "SecurityError",
        "TypeConstraintViolation",
    },
}

# What was said -> the error due on a connection of 1.6 (or of nothing), and on one of 2.x.
DUE = {
    "an action that nobody knows": (
        b'[2,"7","TransactionStarted",{"idTag":{"id":1}}]',
        ("NotImplemented", "NotImplemented"),
    ),
    "an action that is ours to say": (
        b'[2,"7","TriggerMessage",{"requestedMessage":"Heartbeat"}]',
        ("NotSupported", "NotSupported"),
    ),
    "broken JSON with an id and an action that asks": (
        b'[2,"7","Authorize",{"idTag":"a"',
        ("FormationViolation", "FormatViolation"),
    ),
    "broken JSON with an id alone": (
        b'[2,"7",',
        ("FormationViolation", "RpcFrameworkError"),
    ),
    "a call without an action": (b'[2,"7"]', ("FormationViolation", "RpcFrameworkError")),
    "an action that is no text": (
        b'[2,"7",{"a":1},{}]',
        ("FormationViolation", "RpcFrameworkError"),
    ),
    "a payload that is a list": (
        b'[2,"7","Authorize",[1,2]]',
        ("FormationViolation", "FormatViolation"),
    ),
    "a payload that is a text": (
        b'[2,"7","Authorize","x"]',
        ("FormationViolation", "FormatViolation"),
    ),
}

NEVER_ANSWERED = {
    "sent without asking": b'[6,"7","NotifyPeriodicEventStream",{"id":1,"data":[]}]',
    "sent, and unknown": b'[6,"7","Whatever",{}]',
    "sent, and broken": b'[6,"7","NotifyPeriodicEventStream",{"id"',
    "our answer, refused": b'[5,"7","FormatViolation","",{}]',
    "a type that nobody knows": b'[7,"7","Heartbeat",{}]',
    "an answer": b'[3,"7",{}]',
    "a refusal": b'[4,"7","GenericError","",{}]',
    "a call without an id": b"[2]",
    "an empty list": b"[]",
    "no list": b'{"a":1}',
    "no JSON": b"hello",
}


def answer(protocol, frame):
    translation = Translation(station=STATION, protocol=protocol)
    dialect = (Dialect2x if protocol.startswith("ocpp2") else Dialect16)(STATION, translation)
    reaction = dialect.receive(frame, now=NOW, position=1)
    assert reaction.events
    return None if reaction.answer is None else json.loads(reaction.answer)


@pytest.mark.parametrize("protocol", VERSIONS)
@pytest.mark.parametrize("said", DUE)
def test_the_error_due_is_spelled_as_its_version_spells_it(said, protocol):
    frame, (of_16, of_2x) = DUE[said]
    is_2x = protocol.startswith("ocpp2")
    told = answer(protocol, frame)
    assert told[:3] == [4, "7", of_2x if is_2x else of_16]
    assert len(told) == 5
    assert isinstance(told[3], str)
    assert told[4] == {}
    assert told[2] in SPELLED["2.x" if is_2x else "ocpp1.6"]


def test_what_is_ours_to_say_is_all_that_no_station_says():
    shipped, said = set(), set(REQUESTS)
    for version in ("v16", "v201", "v21"):
        names = {path.name for path in (files(f"ocpp.{version}") / "schemas").iterdir()}
        shipped |= {
            name.removesuffix(".json").removesuffix("Request")
            for name in names
            if name.endswith(".json") and not name.endswith("Response.json")
        }
    for version in ("v201", "v21"):
        said |= {*CALLS[version], *SENDS[version]}
    assert shipped - said == COMMANDS


@pytest.mark.parametrize("protocol", VERSIONS)
def test_an_id_that_cannot_be_read_is_answered_as_minus_one(protocol):
    # OCPP-J 2.0.1 §4.2.3 names it; a station of 1.6 ignores an id it never gave.
    assert answer(protocol, b'[2,{"id":7},"Authorize",{}]')[:2] == [4, "-1"]


@pytest.mark.parametrize("protocol", VERSIONS)
@pytest.mark.parametrize("said", NEVER_ANSWERED)
def test_what_wants_no_answer_gets_none(said, protocol):
    assert answer(protocol, NEVER_ANSWERED[said]) is None


@pytest.mark.parametrize("protocol", VERSIONS)
@pytest.mark.parametrize("payload", [b"[]", b'"x"', b"7", b"null", b'{"a":', b"[[1],2]"])
@pytest.mark.parametrize(
    "action",
    [
        "BootNotification",
        "DataTransfer",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "MeterValues",
        "NotifyEvent",
        "SecurityEventNotification",
        "StartTransaction",
        "StatusNotification",
        "StopTransaction",
        "TransactionEvent",
    ],
)
def test_what_only_tells_is_never_refused_whatever_it_holds(protocol, payload, action):
    # General rule 1; broken JSON only where stations queue, for nothing else repeats for ever.
    is_broken = payload == b'{"a":'
    is_queued = action in {"MeterValues", "StartTransaction", "StopTransaction"}
    if protocol.startswith("ocpp2") or action in ONLY_2X:
        is_queued = action in ONLY_V16 or action in {
            "MeterValues",
            "NotifyEvent",
            "SecurityEventNotification",
            "TransactionEvent",
        }
    frame = b'[2,"7","%b",%b' % (action.encode(), payload) + (b"" if is_broken else b"]")
    told = answer(protocol, frame)
    assert told[1] == "7"
    if not is_broken or is_queued:
        assert told[0] == 3
