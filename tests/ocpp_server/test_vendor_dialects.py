"""Every vendor's DataTransfer says what its entry in the YAML says it does."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import (
    Breach,
    ConfigurationReported,
    ErrorReport,
    MessageFlagged,
    MeterSampled,
    Sample,
    Status,
    StatusReported,
    VendorDataReceived,
)
from domain.places import Place, StationId
from ocpp_server.translate import Translation
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v16.dialect import Dialect16
from ocpp_server.vendor.codecs import Codec, decode
from ocpp_server.vendor.dialects import Dialect, Dialects, load

ENTRIES = load()
STATION = StationId("N-001")
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
REPORTED = datetime(2026, 1, 5, 7, 59, tzinfo=UTC)
WHEN = {"observed_at": NOW, "position": 41}
EVBOX = (
    "2,Faulted,GroundFailure,RCD tripped,17,Red,1,{20,7984,0},{5014230,0},"
    "{B,11884,9069,61568},0,0,320,2026-01-05T07:59:00Z,1,3,{239,238,0,0,0,0,0,0,0},230"
)


def hear(frame, protocol="ocpp1.6", transactions=None):
    """Let a station say a frame; return the reaction."""
    translation = Translation(station=STATION, protocol=protocol)
    translation.transactions.update(transactions or {})
    kind = Dialect16 if protocol == "ocpp1.6" else Dialect2x
    return kind(STATION, translation).receive(frame, now=NOW, position=41)


def transfer(data, vendor="EV-BOX", message="evbStatusNotification", **more):
    payload = {"vendorId": vendor, "messageId": message, "data": data}
    return hear(json.dumps([2, "1", "DataTransfer", payload]).encode(), **more)


# --- the entries --------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_example_is_read_in_full_and_accepted(entry):
    assert entry.source
    reaction = hear(entry.example.encode())
    assert reaction.answer.endswith(b'{"status":"Accepted"}]')
    received, *found = reaction.events
    assert isinstance(received, VendorDataReceived)
    assert found
    assert not any(isinstance(event, MessageFlagged) for event in found)
    kinds = {type(event) for event in found}
    assert (StatusReported in kinds) == (entry.status is not None)
    assert (MeterSampled in kinds) == bool(entry.samples)
    assert (ConfigurationReported in kinds) == bool(entry.settings)
    for event in found:
        if isinstance(event, MeterSampled):
            assert len(event.samples) == len(entry.samples)
        if isinstance(event, ConfigurationReported):
            assert len(event.settings) == len(entry.settings)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_example_says_the_same_in_2x(entry):
    in_16, in_2x = (hear(entry.example.encode(), each) for each in ("ocpp1.6", "ocpp2.0.1"))
    assert in_2x.events == in_16.events
    assert in_2x.answer == in_16.answer


@pytest.mark.parametrize(
    "entry", [e for e in ENTRIES if e.codec is Codec.JSON], ids=lambda entry: entry.name
)
def test_an_example_may_be_an_object_in_2x(entry):
    _, message_id, action, payload = json.loads(entry.example)
    payload["data"] = json.loads(payload["data"])
    frame = json.dumps([2, message_id, action, payload]).encode()
    assert hear(frame, "ocpp2.1").events == hear(entry.example.encode()).events


# --- EVBox --------------------------------------------------------------------------------


def test_the_status_that_evbox_hides_in_a_data_transfer_is_found():
    place = Place.of_station(STATION, 2)
    assert transfer(EVBOX).events[1:] == (
        StatusReported(
            place=place,
            status=Status.FAULTED,
            error=ErrorReport("GroundFailure", "EV-BOX", "17", "RCD tripped"),
            has_vehicle=True,
            reported_at=REPORTED,
            **WHEN,
        ),
        MeterSampled(
            place=place,
            samples=(
                Sample("Energy.Active.Import.Register", 5014230.0, "Wh"),
                Sample("Voltage", 239.0, "V", "L1"),
                Sample("Voltage", 238.0, "V", "L2"),
            ),
            reported_at=REPORTED,
            **WHEN,
        ),
    )


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("1,Charging,NoError,No error.,1,Blue,1", None),
        ("1,Available,NoError,,0,Off,0", None),
        (
            "1,Charging,NoError,No error.,1,Red,1",
            ErrorReport("OtherError", "EV-BOX", "1", "LED red"),
        ),
        ("1,Faulted,OtherError,,0,Red,1", ErrorReport("OtherError", "EV-BOX", "", "LED red")),
        (
            "1,charging,noerror,no error.,230,red",
            ErrorReport("OtherError", "EV-BOX", "230", "LED red"),
        ),
    ],
)
def test_a_number_alone_is_no_error_of_evbox_but_a_red_led_is(data, error):
    _, status = transfer(data).events
    assert status.error == error


@pytest.mark.parametrize(
    "data", ["", "hello", "x,Faulted,NoError,,0,Red", "1,,NoError,,0,Red", "1," * 3000]
)
def test_what_is_no_evbox_status_is_flagged_and_kept(data):
    received, flagged = transfer(data).events
    assert received.payload == data
    assert flagged.breaches == (Breach("data", "not as EV-BOX evbStatusNotification has it"),)


@pytest.mark.parametrize(
    ("vendor", "message"),
    [
        ("ev-box", "EVBSTATUSNOTIFICATION"),
        ("EVBox", "evbStatusNotification"),
        ("EV BOX", "evb-status-notification"),
    ],
)
def test_names_are_found_in_any_spelling(vendor, message):
    assert isinstance(transfer(EVBOX, vendor, message).events[1], StatusReported)


WORDS = st.text(st.characters(codec="ascii", exclude_characters="{},;&=:\n"), max_size=12)


@given(
    connector=st.integers(0, 64),
    status=st.sampled_from([s.value for s in Status]),
    text=WORDS,
    number=st.integers(0, 999),
    led=st.sampled_from(["Off", "Blue", "Red", "Yellow", ""]),
    pad=st.sampled_from(["", " ", "  "]),
    rest=st.lists(WORDS | st.builds("{{{},{}}}".format, st.integers(), WORDS), max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_an_evbox_status_is_read_whatever_follows_it(
    connector, status, text, number, led, pad, rest
):
    said = [str(connector), status, "NoError", text, str(number), led, *rest]
    events = transfer(f"{pad},{pad}".join(said)).events
    assert events[1].place == Place.of_station(STATION, connector)
    assert events[1].status.value == status
    assert (events[1].error is not None) == (led == "Red")


# --- EN+ ----------------------------------------------------------------------------------


def test_the_telemetry_of_en_plus_belongs_to_its_transaction():
    data = json.dumps({"transactionId": 9, "AMBTemp": 221, "leakcurr": 3})
    _, sampled = transfer(data, "EN+", "cpChargingParameterRpt", transactions={"9": 2}).events
    assert sampled.place == Place.of_station(STATION, 2)
    assert sampled.samples == (
        Sample("Temperature", 22.1, "Celsius"),
        Sample("LeakageCurrent", 3.0, ""),
    )


def test_what_an_en_plus_gateway_says_of_itself_are_settings():
    data = json.dumps({"fwVer": "V43", "maxCurr": 320, "disconnectReason": 3, "new": 1})
    _, told = transfer(data, "EN+", "gatewayInfo").events
    assert told.settings == {
        "EN+.fwVer": "V43",
        "EN+.maxCurr": "320",
        "EN+.disconnectReason": "3",
    }


@given(
    st.dictionaries(
        st.sampled_from(["AMBTemp", "leakcurr", "transactionId", "x"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5)
        | st.lists(st.integers(), max_size=2),
    )
)
@settings(max_examples=60, deadline=None)
def test_no_value_of_en_plus_breaks_the_reading(fields):
    reaction = transfer(json.dumps(fields), "EN+", "cpChargingParameterRpt")
    assert isinstance(reaction.events[0], VendorDataReceived)
    assert reaction.answer == b'[3,"1",{"status":"Accepted"}]'


# --- meters -------------------------------------------------------------------------------


def test_each_meter_is_told_apart():
    meters = [{"connectorId": n, "type": kind} for n, kind in ((1, "SIGNATURE"), (2, "NONE"))]
    data = json.dumps({"meters": meters})
    _, *told = transfer(data, "generalConfiguration", "setMeterConfiguration").events
    assert [event.settings for event in told] == [
        {"generalConfiguration@1.type": "SIGNATURE"},
        {"generalConfiguration@2.type": "NONE"},
    ]


def test_a_data_transfer_of_nobody_we_know_is_kept_as_it_is():
    (received,) = transfer("a;b", "acme", "hello").events
    assert received.payload == "a;b"


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"messageId": "x"},
        {"vendorId": "EV-BOX", "messageId": "evbStatusNotification"},
        {"vendorId": "EV-BOX", "messageId": "evbStatusNotification", "data": 7},
        {"vendorId": "EN+", "messageId": "gatewayInfo", "data": ["a"]},
        {"vendorId": None, "data": None},
        {"vendorId": "v" * 300, "messageId": 5, "data": {"a": {"b": []}}, "more": 1},
        [],
        "text",
    ],
)
def test_a_data_transfer_is_accepted_whatever_it_holds(payload, protocol):
    reaction = hear(json.dumps([2, "1", "DataTransfer", payload]).encode(), protocol)
    if isinstance(payload, dict) or protocol == "ocpp1.6":
        assert reaction.answer == b'[3,"1",{"status":"Accepted"}]'
    assert reaction.events


# --- codecs -------------------------------------------------------------------------------


def test_positions_count_groups_as_one():
    (fields,) = decode(Codec.CSV, "1, a b ,{x,y},,{},z")
    assert fields == {
        "1": "1",
        "2": "a b",
        "3.1": "x",
        "3.2": "y",
        "4": "",
        "5.1": "",
        "6": "z",
    }


def test_pairs_are_found_with_any_separator():
    assert decode(Codec.PAIRS, "a=1; b : 2&c=x=y\nnoise;d=") == [
        {"a": "1", "b": "2", "c": "x=y", "d": ""}
    ]


def test_bits_count_from_the_right():
    (fields,) = decode(Codec.BITS, "0x0005")
    assert [bit for bit, is_set in fields.items() if is_set == "1"] == ["0", "2"]
    assert len(fields) == 16


def test_members_are_named_by_their_path():
    assert decode(Codec.JSON, '{"a":{"b":[1,{"c":true}]},"d":null}') == [
        {"a.b.0": "1", "a.b.1.c": "true", "d": ""}
    ]
    assert decode(Codec.JSON, json.dumps('{"a":1}')) == [{"a": "1"}]


@given(st.sampled_from(list(Codec)), st.text(max_size=300), st.sampled_from(["", "meters"]))
@settings(max_examples=120, deadline=None)
def test_no_text_breaks_a_codec(codec, text, each):
    for fields in decode(codec, text, each):
        assert all(isinstance(value, str) for value in fields.values())


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("part", ["{", "[", ",", "=", "a=", "{a,", "0", "\\"])
@pytest.mark.timeout(10)
def test_no_text_makes_a_codec_slow(codec, part):
    decode(codec, part * 16_000)


# --- entries that are wrong -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"samples": []}, "tells nothing"),
        ({"status": {"status": "2"}}, "needs a connector"),
        ({"settings": ["a"], "colour": "red"}, "unknown field"),
        ({"settings": ["a"], "codec": "xml"}, "xml"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(wrong, why):
    entry = {"vendor": "v", "codec": "json", "source": "s", "example": "e", **wrong}
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert(entry, Dialect)


def test_a_message_is_described_once():
    entry = msgspec.structs.replace(ENTRIES[0], vendor="evbox")
    with pytest.raises(ValueError, match="twice"):
        Dialects([*ENTRIES, entry])
