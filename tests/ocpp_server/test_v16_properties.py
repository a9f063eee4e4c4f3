"""Whatever a station sends: no exception, one valid answer to each call, one event at least."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import ocpp.v16
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from domain.events import AnyEvent
from domain.places import StationId
from ocpp_server.translate import Translation
from ocpp_server.v16.dialect import Dialect16
from ocpp_server.v16.messages import REQUESTS
from ocpp_server.v16.reading import NEVER_REFUSED

STATION = StationId("N-001")
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SCHEMAS = Path(ocpp.v16.__file__).parent / "schemas"


def answer_schema(action):
    text = (SCHEMAS / f"{action}Response.json").read_text("utf-8-sig")
    return Draft4Validator(json.loads(text))


ANSWERS = {action: answer_schema(action) for action in REQUESTS}
CORPUS = Path(__file__).parents[1] / "data" / "ocpp_frames.jsonl"
TOKENS = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"null", b"1e999", b"-", b"\\", b"\\ud800"]
ERROR_CODES = {"NotImplemented", "FormationViolation"}

WORDS = sorted(
    {"Faulted", "Available", "NoError", "OtherError", "Wh", "kWh", "Voltage", "12,5", "1e999"}
    | {"2026-01-05T08:00:00Z", "2026-02-30T08:00:00", "\ud800", "", "null", "EV-BOX"}
    | {"evbStatusNotification", "1,Faulted,X,,0,Red,1,{,},", "9" * 400, "SignedData"}
)
MEMBERS = sorted(
    {field.encode_name for kind in REQUESTS.values() for field in msgspec.structs.fields(kind)}
    | {"sampledValue", "value", "context", "measurand", "unit", "phase", "format"}
    | {"chargingStation", "connectorStatus", "evseId", "severity", "Status"}
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
    max_leaves=12,
)
actions = st.sampled_from(sorted(NEVER_REFUSED | set(REQUESTS))) | st.text(max_size=10)
ids = (
    st.text(max_size=40)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.just("\ud800")
)
payloads = st.dictionaries(st.sampled_from(MEMBERS), values, max_size=8) | values


def react(frame):
    dialect = Dialect16(STATION, Translation(station=STATION, protocol="ocpp1.6"))
    return dialect.receive(frame, now=NOW, position=7)


def check_kept(reaction):
    """The events can be stored and come back equal, which lone surrogates would prevent."""
    assert reaction.events
    for event in reaction.events:
        stored = msgspec.json.encode(event)
        assert msgspec.json.decode(stored, type=AnyEvent) == event


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise_and_all_yield_an_event(frame):
    check_kept(react(frame))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_damaged_frame_raises(data):
    whole = (
        b'[2,"1","StatusNotification",{"connectorId":1,"errorCode":"GroundFailure",'
        b'"status":"Faulted","timestamp":"2026-01-05T08:00:00Z","info":"x"}]'
    )
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    damage = data.draw(st.binary(max_size=4))
    check_kept(react(whole[:start] + damage + whole[end:]))


@given(
    message_id=ids,
    action=actions,
    payload=payloads,
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 2]),
    extra=st.lists(scalars, max_size=1),
)
@settings(max_examples=200, deadline=None)
def test_every_call_gets_exactly_one_valid_answer_with_its_own_id(
    message_id, action, payload, ascii_only, indent, extra
):
    text = json.dumps(
        [2, message_id, action, payload, *extra], ensure_ascii=ascii_only, indent=indent
    )
    reaction = react(text.encode("utf-8", "surrogatepass"))
    check_kept(reaction)
    answer = json.loads(reaction.answer)
    if not (
        isinstance(message_id, str) and "\ud800" <= max(message_id, default="") <= "\udfff"
    ):
        assert answer[1] == message_id
        assert type(answer[1]) is type(message_id)
    if answer[0] == 4:
        assert answer[2] in ERROR_CODES
        assert action not in NEVER_REFUSED
        assert len(answer) == 5
    else:
        assert len(answer) == 3
        if action in ANSWERS:
            ANSWERS[action].validate(answer[2])
        else:
            assert answer[2] == {}


@pytest.mark.parametrize("action", sorted(REQUESTS))
def test_an_empty_payload_of_every_action_is_answered_by_its_schema(action):
    reaction = react(json.dumps([2, "1", action, {}]).encode())
    ANSWERS[action].validate(json.loads(reaction.answer)[2])
    check_kept(reaction)


@pytest.mark.parametrize("depth", [50, 500, 900, 1100, 50_000])
def test_no_depth_of_nesting_raises(depth):
    payload = b"[" * depth + b"]" * depth
    for action in (b"StatusNotification", b"StartTransaction", b"Nonsense"):
        reaction = react(b'[2,"1","%b",{"connectorId":%b}]' % (action, payload))
        check_kept(reaction)
        assert json.loads(reaction.answer)[1] == "1"


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


def test_recorded_frames_that_were_damaged_raise_nothing_and_answers_stay_json():
    dice = random.Random(7)
    frames = [json.loads(line)["frame"].encode() for line in CORPUS.read_text().splitlines()]
    dialect = Dialect16(STATION, Translation(station=STATION, protocol="ocpp1.6"))
    for position in range(1, 4000):
        reaction = dialect.receive(damaged(frames, dice), now=NOW, position=position)
        check_kept(reaction)
        if reaction.answer is not None:
            assert json.loads(reaction.answer)[0] in (3, 4)
