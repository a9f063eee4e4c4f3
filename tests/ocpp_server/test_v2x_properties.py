"""Whatever a 2.x station sends: no exception, one valid answer per call, one event at least."""

import json
import random
import re
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from domain.events import AnyEvent, MessageFlagged
from domain.places import StationId
from ocpp_server.editions import ONLY_2X, ONLY_V16
from ocpp_server.translate import Translation
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v2x.reading import QUEUED
from ocpp_server.v2x.requests import ASKING, CALLS
from ocpp_server.v16.dialect import Dialect16

STATION = StationId("N-001")
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PACKAGE = Path(find_spec("ocpp").submodule_search_locations[0])
CORPUS = Path(__file__).parents[1] / "data" / "ocpp_frames.jsonl"
ROWS = [json.loads(line) for line in CORPUS.read_text().splitlines()]
OWN = [row for row in ROWS if row["version"] != "1.6"]
TOKENS = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"1e999", b"-", b"\\", b"\\ud800"]
ERROR_CODES = {
    "FormatViolation",
    "NotImplemented",
    "OccurrenceConstraintViolation",
    "RpcFrameworkError",
}
PROTOCOLS = {"v201": "ocpp2.0.1", "v21": "ocpp2.1", "v16": "ocpp1.6"}


def answer_schema(version, action):
    path = PACKAGE / version / "schemas" / f"{action}Response.json"
    return Draft4Validator(json.loads(path.read_text("utf-8-sig")))


# A 2.0.1 station that says something of 2.1 is answered by the schemas of 2.1.
ANSWERS = {
    "v201": {
        action: answer_schema("v201" if action in CALLS["v201"] else "v21", action)
        for action in CALLS["v21"]
    },
    "v21": {action: answer_schema("v21", action) for action in CALLS["v21"]},
}
ANSWERS_V16 = {
    action: answer_schema("v16", action)
    for action in (*ONLY_V16, "Authorize", "BootNotification", "MeterValues", "SignCertificate")
}

WORDS = sorted(
    {"Faulted", "Available", "Alerting", "Delta", "Started", "Ended", "true", "false", "kWh"}
    | {"2026-01-05T08:00:00Z", "2026-02-30T08:00:00", "\ud800", "", "null", "Problem"}
    | {"AvailabilityState", "CX017", "NoError", "BasicAuthPassword", "WriteOnly", "9" * 400}
)
MEMBERS = re.findall(
    r"\w+",
    """
    actualValue cause certificateHashData certificateStatusRequests chargePointVendor
    chargingStation cleared component connectorId connectorStatus constantStreamData data
    eventData eventId eventType evse evseId id idTag idToken instance meterValue monitor
    multiplier name offline reportData sampledValue seqNo severity status techCode techInfo
    timestamp transactionId transactionInfo trigger type unit unitOfMeasure value variable
    variableAttribute variableMonitoring variableMonitoringId vatNumber vendorId
    """,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.sampled_from(WORDS)
    | st.text(max_size=60)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(MEMBERS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=16,
)
actions = (
    st.sampled_from(sorted(CALLS["v21"]))
    | st.sampled_from(sorted(ONLY_V16))
    | st.text(max_size=10)
)
ids = st.text(max_size=40) | st.integers() | st.just("\ud800")
payloads = st.dictionaries(st.sampled_from(MEMBERS), values, max_size=8) | values
versions = st.sampled_from(["v201", "v21"])


def new_dialect(version="v21"):
    translation = Translation(station=STATION, protocol=PROTOCOLS[version])
    return (Dialect16 if version == "v16" else Dialect2x)(STATION, translation)


def react(frame, version="v21"):
    return new_dialect(version).receive(frame, now=NOW, position=7)


def check_kept(reaction):
    """The events can be stored and come back equal, which lone surrogates would prevent."""
    assert reaction.events
    for event in reaction.events:
        stored = msgspec.json.encode(event)
        assert msgspec.json.decode(stored, type=AnyEvent) == event


def check_answer(answer, action, version):
    """An answer is a refusal in the words of its edition, or valid by some schema that fits."""
    if answer[0] == 4:
        assert answer[2] in ERROR_CODES | {"FormationViolation"}
        assert action not in QUEUED
        assert len(answer) == 5
        return
    assert len(answer) == 3
    fitting = [
        schemas[action] for schemas in (ANSWERS[version], ANSWERS_V16) if action in schemas
    ]
    if fitting:
        assert any(schema.is_valid(answer[2]) for schema in fitting), answer
    else:
        assert answer[2] == {}


@given(st.binary(max_size=200), versions)
@settings(max_examples=200, deadline=None)
def test_no_bytes_raise_and_all_yield_an_event(frame, version):
    check_kept(react(frame, version))


@given(
    message_id=ids,
    action=actions,
    payload=payloads,
    version=versions,
    extra=st.lists(scalars, max_size=1),
)
@settings(max_examples=300, deadline=None)
def test_every_call_gets_exactly_one_valid_answer_with_its_own_id(
    message_id, action, payload, version, extra
):
    text = json.dumps([2, message_id, action, payload, *extra])
    reaction = react(text.encode("utf-8", "surrogatepass"), version)
    check_kept(reaction)
    answer = json.loads(reaction.answer)
    is_text = isinstance(message_id, str)
    if not (is_text and "\ud800" <= max(message_id, default="") <= "\udfff"):
        assert answer[1] == message_id
        assert type(answer[1]) is type(message_id)
    check_answer(answer, action, version)


@given(action=st.text(max_size=10) | st.just("NotifyPeriodicEventStream"), payload=payloads)
@settings(max_examples=100, deadline=None)
def test_what_is_sent_without_asking_is_never_answered(action, payload):
    reaction = react(json.dumps([6, "1", action, payload]).encode("utf-8", "surrogatepass"))
    check_kept(reaction)
    assert reaction.answer is None


@given(sequence=st.lists(st.tuples(st.sampled_from(OWN), payloads), max_size=6))
@settings(max_examples=60, deadline=None)
def test_no_order_of_messages_raises_and_a_snapshot_changes_nothing(sequence):
    dialect = new_dialect("v201")
    memory = Translation(station=STATION, protocol="ocpp2.0.1")
    for position, (row, odd) in enumerate(sequence, 1):
        for frame in (
            row["frame"],
            json.dumps([2, "1", row.get("action", "NotifyEvent"), odd]),
        ):
            raw = frame.encode("utf-8", "surrogatepass")
            reaction = dialect.receive(raw, now=NOW, position=position)
            memory = msgspec.json.decode(msgspec.json.encode(memory), type=Translation)
            events = memory.received(raw, at=NOW, position=position)
            if reaction.answer is not None:
                events += memory.sent(reaction.answer, at=NOW, position=position + 1)
            assert events == reaction.events


@pytest.mark.parametrize("version", ["v201", "v21"])
@pytest.mark.parametrize("action", sorted(CALLS["v21"]))
def test_an_empty_payload_of_every_action_is_answered_by_its_schema(action, version):
    reaction = react(json.dumps([2, "1", action, {}]).encode(), version)
    check_kept(reaction)
    answer = json.loads(reaction.answer)
    if action == "GetCertificateChainStatus":  # there is no certificate to give a status of
        assert answer[:3] == [4, "1", "OccurrenceConstraintViolation"]
    else:
        ANSWERS[version][action].validate(answer[2])


@pytest.mark.parametrize("action", sorted(CALLS["v21"]))
def test_a_payload_that_is_no_object_is_refused_only_where_something_is_asked(action):
    answer = json.loads(react(json.dumps([2, "1", action, "nothing"]).encode()).answer)
    if action in ASKING:
        assert answer[:3] == [4, "1", "FormatViolation"]
    else:
        ANSWERS["v21"][action].validate(answer[2])


@pytest.mark.parametrize("action", sorted(ONLY_2X - {"NotifyPeriodicEventStream"}))
def test_a_1_6_connection_answers_2x_messages_in_their_own_words(action):
    reaction = react(json.dumps([2, "1", action, {}]).encode(), "v16")
    check_kept(reaction)
    check_answer(json.loads(reaction.answer), action, "v21")


@pytest.mark.parametrize("depth", [50, 500, 900, 950, 1100, 50_000])
def test_no_depth_of_nesting_raises(depth):
    payload = b"[" * depth + b"]" * depth
    for action in (b"StatusNotification", b"TransactionEvent", b"DataTransfer", b"Nonsense"):
        reaction = react(b'[2,"1","%b",{"data":%b,"evseId":%b}]' % (action, payload, payload))
        check_kept(reaction)
        assert json.loads(reaction.answer)[1] == "1"


@pytest.mark.parametrize("row", OWN, ids=lambda row: row["source"][:40])
def test_recorded_frames_are_flagged_exactly_where_their_schema_is_broken(row):
    version = "v21" if row["version"] == "2.1" else "v201"
    reaction = react(row["frame"].encode(), version)
    flagged = any(isinstance(event, MessageFlagged) for event in reaction.events)
    assert flagged == (not row["valid"])
    check_kept(reaction)
    if json.loads(row["frame"])[0] == 2:
        answer = json.loads(reaction.answer)
        ANSWERS[version][row["action"]].validate(answer[2])
    else:
        assert reaction.answer is None


def damaged(frames, dice):
    """Return a recorded frame with a few bytes flipped, cut, put in or taken from another."""
    frame = bytearray(dice.choice(frames))
    for _ in range(dice.choice((1, 1, 2, 4))):
        at = dice.randrange(len(frame) + 1)
        match dice.randrange(4):
            case 0:
                frame[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                frame[at:at] = dice.choice(TOKENS)
            case 2:
                del frame[at : at + dice.randrange(1, 12)]
            case _:
                other = dice.choice(frames)
                start = dice.randrange(len(other))
                frame[at:at] = other[start : start + 20]
    return bytes(frame)


@pytest.mark.parametrize("version", ["v201", "v21", "v16"])
def test_recorded_frames_that_were_damaged_raise_nothing_and_answers_stay_json(version):
    dice = random.Random(version)
    frames = [row["frame"].encode() for row in ROWS]
    dialect = new_dialect(version)
    for position in range(1, 2500):
        reaction = dialect.receive(damaged(frames, dice), now=NOW, position=position)
        check_kept(reaction)
        if reaction.answer is not None:
            assert json.loads(reaction.answer)[0] in (3, 4)
