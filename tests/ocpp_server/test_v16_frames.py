"""The envelope: what is a call, what is an answer, and what can be salvaged of the rest."""

import json

import pytest

from ocpp_server import frames
from ocpp_server.frames import Call, CallError, CallResult, NotAFrame


def test_a_compact_call_is_seen_at_a_glance():
    assert frames.head(b'[2,"0583200","Heartbeat",{}]') == (b"0583200", b"Heartbeat")
    assert frames.head(b'[2, "36:352", "Heartbeat", {}]') == (b"36:352", b"Heartbeat")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"pong",
        b'[2,7,"Heartbeat",{}]',
        b'[3,"1",{"status":"Accepted"}]',
        b'[\n  2,\n  "1",\n  "Heartbeat",\n  {}\n]',
        b'[2,"a\\",\\"Heartbeat","Heartbeat",{}]',
    ],
)
def test_everything_else_takes_a_careful_look(frame):
    assert frames.head(frame) is None


def test_the_id_is_kept_as_it_stands_in_the_frame():
    call = frames.read(b'[2, 20240801000000000000001, "Heartbeat", {}]')
    assert call == Call(
        b"20240801000000000000001", "20240801000000000000001", "Heartbeat", b"{}"
    )


def test_pretty_printed_json_is_a_call_like_any_other():
    frame = json.dumps([2, "1", "Heartbeat", {}], indent=4).encode()
    assert frames.read(frame) == Call(b'"1"', "1", "Heartbeat", b"{}")


@pytest.mark.parametrize(
    ("frame", "count"), [(b'[2,"1","Heartbeat"]', 3), (b'[2,"1","Heartbeat",{},{}]', 5)]
)
def test_a_call_of_three_or_five_elements_is_read_and_flagged(frame, count):
    call = frames.read(frame)
    assert isinstance(call, Call)
    assert [breach.why for breach in call.breaches] == [
        f"a call of {count} elements instead of 4"
    ]


def test_a_call_without_an_action_is_no_frame_but_its_id_is_known():
    assert frames.read(b'[2,"1"]').raw_id == b'"1"'
    assert frames.read(b'[2,"1",{}]').raw_id == b'"1"'
    assert frames.read(b"[2]").raw_id == b""


@pytest.mark.parametrize("raw_id", ["null", "true", "{}", '["a"]'])
def test_an_id_that_is_neither_text_nor_number_is_answered_with_minus_one(raw_id):
    broken = frames.read(f'[2,{raw_id},"Heartbeat",{{}}]'.encode())
    assert isinstance(broken, NotAFrame)
    assert broken.raw_id == b'"-1"'


def test_answers_of_two_to_five_elements_are_answers():
    assert frames.read(b'[3,"1",{"status":"Accepted"}]') == CallResult(
        "1", b'{"status":"Accepted"}'
    )
    assert frames.read(b'[3,"1"]') == CallResult("1", b"{}")
    assert frames.read(b'[4,"1"]') == CallError("1", b"[]")
    assert frames.read(b'[4,"1","NotSupported","","details as text"]') == CallError(
        "1", b'["NotSupported","","details as text"]'
    )


@pytest.mark.parametrize("frame", [b"", b"  \r\n", b"pong", b"PONG", b'"pong"', b"\x00"])
def test_an_empty_text_and_pong_are_signs_of_life(frame):
    assert frames.read(frame) == NotAFrame("a sign of life", is_quiet=True)


@pytest.mark.parametrize(
    "frame",
    [b"hello", b"{}", b"[]", b"[7,1]", b'[null,"1"]', b'"text"', b"12", b"\xff\xfe", b"[3]"],
)
def test_what_is_no_frame_says_why_and_wants_no_answer(frame):
    broken = frames.read(frame)
    assert isinstance(broken, NotAFrame)
    assert broken.because
    assert not broken.raw_id
    assert not broken.is_quiet


def test_bytes_that_are_not_utf_8_are_replaced_and_flagged():
    call = frames.read(b'[2,"1","DataTransfer",{"vendorId":"Z\xfcrich"}] \x00')
    assert isinstance(call, Call)
    assert json.loads(call.payload) == {"vendorId": "Z�rich"}
    assert call.breaches


def test_lone_surrogates_nan_and_numbers_without_end_do_not_reach_anybody():
    call = frames.read(b'[2,"\\ud800","A",{"a":NaN,"b":1e999,"c":' + b"9" * 5000 + b"}]")
    assert isinstance(call, Call)
    assert (call.raw_id, call.message_id) == (b'"\\ud800"', "?")
    assert json.loads(call.payload) == {"a": None, "b": None, "c": None}


def test_id_and_action_of_broken_json_are_salvaged():
    broken = frames.read(b'[2,"213","StartTransaction",{"connectorId":2,"idTag":"336699\\",')
    assert (broken.raw_id, broken.action) == (b'"213"', "StartTransaction")


def test_nesting_without_end_is_no_frame_but_its_head_is_known():
    deep = b'[2,"1","StatusNotification",' + b"[" * 100_000 + b"]" * 100_000 + b"]"
    broken = frames.read(deep)
    assert (broken.because, broken.raw_id) == ("nested too deeply", b'"1"')


def test_a_salvaged_id_that_is_no_text_becomes_minus_one():
    assert frames.read(b'[2,"\xff","Heartbeat",{').raw_id == b'"-1"'


@pytest.mark.parametrize(
    "payload",
    [
        rb'{"connectorId":2,"info":"C:\path","status":"Faulted"}',
        rb'{"connectorId":2,"info":"C:\\path","status":"Faulted",}',
        rb'{"connectorId":02,"info":"C:\\path","status":"Faulted" , }',
    ],
)
def test_slips_of_the_pen_are_mended_and_flagged(payload):
    call = frames.read(b'[2,"7\\"8","StatusNotification",' + payload + b"]")
    assert json.loads(call.payload) == {
        "connectorId": 2,
        "info": r"C:\path",
        "status": "Faulted",
    }
    assert call.raw_id == rb'"7\"8"'
    assert call.breaches


def test_what_stands_in_a_string_is_never_mended():
    text = r'{"info":", } 007 \\ \n \u0041 ,]","b":0.50,"c":1e05,}'
    call = frames.read(f'[2,"1","A",{text}]'.encode())
    assert json.loads(call.payload) == {"info": ", } 007 \\ \n A ,]", "b": 0.5, "c": 1e5}


def test_an_id_with_a_bare_backslash_is_never_echoed_as_it_came():
    call = frames.read(rb'[2,"a\x","Heartbeat",{}]')
    assert call.raw_id == rb'"a\\x"'


def test_long_rubbish_is_not_mended():
    slip = b'[2,"1","DataTransfer",{"data":"' + b"x" * 70_000 + b'",}]'
    assert isinstance(frames.read(slip), NotAFrame)


@pytest.mark.parametrize("frame", [b'[2,0123,"Heartbeat",{}]', b"[2,1.,", b'[2,-,"Heartbeat"'])
def test_a_number_that_is_no_json_is_never_echoed(frame):
    assert frames.read(frame).raw_id == b""


def test_a_frame_cut_right_after_its_id_is_salvaged():
    assert frames.read(b'[2,"216"').raw_id == b'"216"'
    assert frames.read(b"[2,216").raw_id == b"216"
