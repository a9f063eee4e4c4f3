"""Reading at a glance: exactly what the decoder reads, or nothing at all."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import Sample
from domain.places import Place, StationId
from ocpp_server.memory import Memory
from ocpp_server.translate import Translation
from ocpp_server.v16 import known, reading
from ocpp_server.v16.known import KNOWN, KnownFrames, read_at_a_glance

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
DATA = Path(__file__).parents[1]
TOKENS = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b",",
    b":",
    b"\n",
    b"\t",
    b" ",
    b"-",
    b"+",
    b".",
    b"e9",
    b"_",
]
TOKENS += [b"nan", b"\xc3\xa9", b"\xff", b"\x00", b"\\u0031", b"null", b"0", b"00", b"1e999"]
TOKENS += [b'"value":"7",', b'"timestamp":"2026-01-05T08:00:00Z",', b'"connectorId":2,']
TOKENS += ["\u0663".encode(), b"24:00:00", b":60Z", b"-02-30T", b'"transactionId":7,', b"65"]


def frames_of_the_corpus():
    texts = [
        json.loads(line).get("frame", "")
        for path in [
            *sorted((DATA / "golden").glob("*.jsonl")),
            DATA / "data/ocpp_frames.jsonl",
        ]
        for line in path.read_text("utf-8").splitlines()
    ]
    frames = [text.encode("utf-8", "replace") for text in texts if isinstance(text, str)]
    return [
        frame
        for frame in frames
        if b'"MeterValues"' in frame or b'"StatusNotification"' in frame
    ]


def meter_values(values=("230.1", "16.00"), **members):
    sampled = [
        {"value": value, "measurand": measurand, "phase": "L1", "unit": unit}
        for value, (measurand, unit) in zip(
            values, (("Voltage", "V"), ("Current.Import", "A")), strict=True
        )
    ]
    moment = {"timestamp": "2026-01-05T08:00:00Z", "sampledValue": sampled}
    payload = {"connectorId": 1, "transactionId": 57, "meterValue": [moment], **members}
    return call("MeterValues", payload)


def status(**members):
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    return call("StatusNotification", payload | members)


def call(action, payload):
    return json.dumps([2, "19223201", action, payload], separators=(",", ":")).encode()


def fresh():
    return Memory(station=StationId("N-001"), protocol="ocpp1.6")


def glance(frame):
    return read_at_a_glance(frame, fresh(), at=NOW, position=7)


def decode(frame):
    return reading.read(frame, fresh(), at=NOW, position=7)


def forget():
    for table in KNOWN.values():
        table.forget()


@pytest.fixture(autouse=True)
def nothing_known():
    forget()
    yield
    forget()


def mutated(rng, frame):
    """Change digits (most of what comes), or break the frame somewhere."""
    if rng.random() < 0.5:
        keep = rng.random()
        return re.sub(
            rb"[0-9]",
            lambda found: found[0] if rng.random() < keep else b"%d" % rng.randrange(10),
            frame,
        )
    at = rng.randrange(len(frame))
    end = min(len(frame), at + rng.choice((0, 0, 1, 1, 2, 9)))
    return frame[:at] + rng.choice(TOKENS) + frame[end:]


def power_without_a_measurand(value):
    moment = {
        "timestamp": "2026-01-05T08:00:00Z",
        "sampledValue": [{"value": value, "unit": "kW"}],
    }
    return call("MeterValues", {"connectorId": 1, "meterValue": [moment]})


SEEDS = [*frames_of_the_corpus(), meter_values(), status(), status(info="70 C, 3 A")]
SEEDS += [power_without_a_measurand("0.00")]


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(SEEDS))
def test_a_glance_reads_what_the_decoder_reads_or_nothing(rng, seed):
    forget()
    frames = [seed]
    for _ in range(6):
        frame = mutated(rng, rng.choice(frames))
        decode(frame)  # whatever was learned from it
        frames.append(frame)
        for other in (frame, mutated(rng, frame)):
            seen = glance(other)
            assert seen is None or seen == decode(other)


def test_most_of_the_corpus_is_known_when_it_comes_again():
    for frame in SEEDS:
        decode(frame)
    again = [re.sub(rb'(?<=^\[2,")[^"]*', b"another", frame) for frame in SEEDS]
    conforming = [frame for frame in again if decode(frame).is_conforming]
    assert len(conforming) > 100
    known_ones = [frame for frame in conforming if glance(frame) is not None]
    assert len(known_ones) > 0.8 * len(conforming)


def test_other_numbers_of_the_same_width_are_read_at_a_glance():
    decode(meter_values())
    seen = glance(
        meter_values(("231.7", "08.25"), connectorId=2, transactionId=91)
        .replace(b"08:00:00Z", b"09:30:59Z")
        .replace(b"19223201", b"b7c1-\xc3\xa9"[:5])
    )
    event = seen.events[0]
    assert event.place == Place.of_station(StationId("N-001"), 2)
    assert event.samples == (
        Sample("Voltage", 231.7, "V", "L1"),
        Sample("Current.Import", 8.25, "A", "L1"),
    )
    assert event.transaction == "91"
    assert event.reported_at == datetime(2026, 1, 5, 9, 30, 59, tzinfo=UTC)
    assert seen.raw_id == b'"b7c1-"'


def test_a_conforming_heartbeat_is_known_from_the_start():
    frame = call("Heartbeat", {})
    assert glance(frame) == decode(frame)


def test_units_are_converted_at_a_glance_as_well():
    power = {"value": "11.04", "measurand": "Power.Active.Import", "unit": "kW"}
    heat = {"value": "-0.0", "measurand": "Temperature", "unit": "Fahrenheit"}
    moment = {"timestamp": "2026-01-05T08:00:00+01:00", "sampledValue": [power, heat]}
    frame = call("MeterValues", {"connectorId": 0, "meterValue": [moment, moment]})
    assert decode(frame) == glance(frame)
    assert [sample.value for sample in glance(frame).events[0].samples] == [11040, -160 / 9]


def test_a_layout_learned_from_zero_still_scales_what_comes_after():
    decode(power_without_a_measurand("0.00"))
    seen = glance(power_without_a_measurand("3.68"))
    assert seen.events[0].samples == (Sample("Power.Active.Import", 3680.0, "W"),)


@pytest.mark.parametrize(
    ("learned", "other"),
    [
        (meter_values(), meter_values(transactionId="07").replace(b'"07"', b"07")),
        (meter_values(), meter_values(("230.1", "16_00"))),
        (meter_values(), meter_values(("230.1", "1 .00"))),
        (meter_values(), meter_values(("230.1", "1\n.00")).replace(b"\\n", b"\n")),
        (meter_values(), meter_values(("230.1", "1.6.0"))),
        (meter_values(), meter_values().replace(b"2026-01-05", b"2026-02-30")),
        (meter_values(), meter_values().replace(b"08:00:00", b"24:00:00")),
        (meter_values(), meter_values().replace(b"08:00:00", b"08:00:60")),
        (meter_values(), meter_values().replace(b"2026-01-05T", b"2026-W02-1T")),
        (meter_values(connectorId=10), meter_values(connectorId=99)),
        (meter_values(connectorId=10), meter_values().replace(b'Id":1,', b'Id":01,')),
        (
            meter_values().replace(b'Id":1,', b'Id":0e1,'),
            meter_values().replace(b'Id":1,', b'Id":1e1,'),
        ),
        (
            meter_values().replace(b'"connectorId":1,', b'"connectorId":2,"connectorId":1,'),
            meter_values().replace(b'"connectorId":1,', b'"connectorId":1,"connectorId":2,'),
        ),
        (status(info="70 C"), status(info="7\x010C").replace(b"\\u0001", b"\x01")),
    ],
)
def test_what_is_not_certain_is_decoded(learned, other):
    decode(learned)
    assert glance(other) is None


def test_a_number_in_a_text_is_no_place():
    decode(status(info="70 C", vendorErrorCode="E1"))
    other = status(info="80 C", vendorErrorCode="E2")
    assert glance(other) is None
    decode(other)
    assert glance(other) == decode(other)
    assert glance(status(info="70 C", vendorErrorCode="E1")) is not None


def test_ids_with_escapes_or_beyond_ascii_are_left_to_the_decoder():
    for raw_id in (b'a\\"b', b"\\u0041", "\u00e9".encode(), b"\xff", b"a\tb"):
        assert glance(call("Heartbeat", {}).replace(b"19223201", raw_id)) is None


def test_a_flagged_message_is_not_learned_from():
    flagged = meter_values(("230.1", "16,00"))
    assert len(decode(flagged).events) == 2
    assert glance(flagged) is None


def test_the_table_has_a_most_and_then_learns_seldom(monkeypatch):
    monkeypatch.setattr(known, "MOST_LAYOUTS", 4)
    table = KnownFrames()
    for width in range(1, 5):
        learn_width(table, width)
    learn_width(table, 5)
    assert read_width(table, 5) is None
    for _ in range(known.LEARN_ONE_IN):
        learn_width(table, 6)
    assert read_width(table, 6) is not None
    assert read_width(table, 1) is None, "the oldest gave way"
    assert read_width(table, 4) is not None


def tail_of_width(width):
    return meter_values(("1" * width, "16.00")).split(b'"', 4)[4]


def learn_width(table, width):
    frame = meter_values(("1" * width, "16.00"))
    message = reading._ACTIONS["MeterValues"].decoder.decode(frame).payload
    table.learn(tail_of_width(width), message, decode(frame).events, fresh())


def read_width(table, width):
    return table.read(tail_of_width(width), fresh(), NOW, 7)


def test_a_translation_of_2x_never_glances():
    decode(status())
    translation = Translation(station=StationId("N-001"), protocol="ocpp2.0.1")
    read = translation.read(status(), at=NOW, position=7)
    assert not read.is_conforming
