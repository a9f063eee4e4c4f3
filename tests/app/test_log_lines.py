"""Log lines: what is read, what is named as unusable, and how files are merged."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.log_lines import LogReader, UnusableLineError, parse_line, read_logs
from domain.events import Connected, DeafnessEnded, DeafnessNoticed, Disconnected
from domain.registry import Registry
from ocpp_server.hearing import LOG_CALLS


def line(at="2026-01-05T08:00:00Z", **members):
    return json.dumps({"at": at, **members}).encode()


def test_a_line_is_read_in_utc():
    read = parse_line(line("2026-01-05T09:00:00+01:00", event="tick"))
    assert (read.at, read.event) == (datetime(2026, 1, 5, 8, 0, tzinfo=UTC), "tick")


@pytest.mark.parametrize(
    ("text", "because"),
    [
        (b"", "not one JSON object"),
        (b"hello", "not one JSON object"),
        (line(event="tick") + b" {}", "not one JSON object"),
        (b"\xff\xfe", "not one JSON object"),
        (b"[]", "object"),
        (b"null", "object"),
        (line("2026-01-05T08:00:00", event="tick"), "time zone"),
        (line("soon", event="tick"), "$.at"),
        (b'{"at": 1767600000, "event": "tick"}', "$.at"),
        (line(), "event"),
        (line(event=7), "$.event"),
        (line(event="connected", station=7), "$.station"),
        (line(event="connected", station=""), "$.station"),
        (line(event="received", station="A", frame=[2]), "$.frame"),
        (b'{"x":' * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_line_is_refused_with_the_reason(text, because):
    with pytest.raises(UnusableLineError, match=None) as refused:
        parse_line(text)
    assert because in str(refused.value)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode()))
def test_any_bytes_are_a_line_or_refused(text):
    refusals = []
    try:
        parse_line(text)
    except UnusableLineError as refused:
        refusals.append(str(refused))
    assert "" not in refusals


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["A"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
members = st.dictionaries(
    st.sampled_from(
        ["station", "site", "customer", "frame", "protocol", "code", "until", "note", "text"]
    ),
    json_values | st.just("2026-01-05T09:00:00Z"),
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        [
            *("connected", "disconnected", "received", "sent", "maintenance", "contact"),
            *("mqtt", "service_stopped", "service_started", "tick", "other"),
        ]
    ),
    members,
)
def test_any_members_give_events_or_a_reason(event, given_members):
    moments, reason = set(), ""
    try:
        read = parse_line(line(event=event, **given_members))
        moments = {found.observed_at for found in LogReader(Registry()).read(read, 1)}
    except UnusableLineError as refused:
        reason = str(refused)
    assert moments <= {datetime(2026, 1, 5, 8, 0, tzinfo=UTC)}
    assert not (moments and reason)


def test_files_are_merged_by_time_and_equal_moments_keep_the_order_of_the_files(tmp_path):
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_bytes(
        line("2026-01-05T08:02:00Z", event="tick", note="a1")
        + b"\n\n"
        + line("2026-01-05T08:01:00Z", event="tick", note="a2")
        + b"\nnonsense\n"
    )
    second.write_bytes(
        line("2026-01-05T08:02:00Z", event="tick", note="b1")
        + b"\r\n"
        + line("2026-01-05T08:00:00Z", event="tick", note="b2")
    )
    lines, skipped, count = read_logs([first, second])
    assert [one.note for one in lines] == ["b2", "a2", "a1", "b1"]
    assert [(one.line, one.file) for one in skipped] == [(4, str(first))]
    assert count == 5
    lines, _, _ = read_logs([second, first])
    assert [one.note for one in lines] == ["b2", "a2", "b1", "a1"]


def test_a_byte_order_mark_does_no_harm_and_one_file_needs_no_name(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + line(event="tick") + b"\n?\n")
    lines, skipped, _ = read_logs([file])
    assert len(lines) == 1
    assert [(one.line, one.file) for one in skipped] == [(2, None)]


def test_a_connection_that_was_replaced_long_ago_has_no_close_to_come():
    reader = LogReader(Registry())

    def tell(at, event):
        return reader.read(parse_line(line(at, event=event, station="A")), 1)

    tell("2026-01-05T08:00:00Z", "connected")
    assert isinstance(tell("2026-01-05T08:05:00Z", "connected")[0], Connected)
    # The replaced one's close never stood in the log: an hour later it is the newest one's.
    assert isinstance(tell("2026-01-05T09:05:00Z", "disconnected")[0], Disconnected)
    assert tell("2026-01-05T09:06:00Z", "disconnected") == []


def told(*lines):
    """Read (moment, event, frame) of one station; return what was said of its hearing."""
    reader, events = LogReader(Registry()), []
    for number, (clock, event, frame) in enumerate(lines, 1):
        said = line(f"2026-01-05T{clock}Z", event=event, station="A", frame=frame)
        events += reader.read(parse_line(said), number)
    return [e for e in events if isinstance(e, DeafnessNoticed | DeafnessEnded)]


BEAT = '[2,"h","Heartbeat",{}]'


def called(number):
    return f'[2,"{number}","TriggerMessage",{{"requestedMessage":"MeterValues"}}]'


def test_a_station_of_a_log_that_answers_no_call_and_talks_on_is_deaf():
    deaf = told(
        ("08:00:00", "received", BEAT),
        ("08:01:00", "sent", called(1)),
        ("08:01:40", "received", BEAT),
        ("08:02:00", "sent", called(2)),
        ("08:02:10", "received", BEAT),  # the second has its time left
        ("08:02:31", "received", BEAT),
        ("08:03:00", "received", BEAT),
        ("08:04:00", "sent", called(3)),
        ("08:05:00", "received", '[4,"3","NotSupported","",{}]'),
    )
    noticed = DeafnessNoticed(
        station="A",
        unanswered_count=2,
        since_at=datetime(2026, 1, 5, 8, 1, tzinfo=UTC),
        observed_at=datetime(2026, 1, 5, 8, 2, 31, tzinfo=UTC),
        position=6,
    )
    ended = DeafnessEnded(
        station="A", observed_at=datetime(2026, 1, 5, 8, 5, tzinfo=UTC), position=9
    )
    assert deaf == [noticed, ended]


def test_what_a_call_asked_for_is_as_good_as_its_answer():
    # Excerpts of logs leave answers out.
    values = '[2,"v","MeterValues",{"connectorId":1,"meterValue":[]}]'
    assert not told(
        ("08:00:00", "received", BEAT),
        ("08:01:00", "sent", called(1)),
        ("08:01:05", "received", values),
        ("08:02:00", "sent", called(2)),
        ("08:02:05", "received", values),
        ("08:09:00", "received", BEAT),
        ("08:10:00", "sent", '[2,"4","TriggerMessage",{"requestedMessage":7}]'),
        ("08:19:00", "received", BEAT),
    )
    assert told(
        ("08:00:00", "received", BEAT),
        ("08:01:00", "sent", called(1)),
        ("08:02:00", "sent", called(2)),
        ("08:09:00", "received", values),  # too late to be meant
    )


def test_a_station_that_answers_the_second_call_only_lost_one():
    assert not told(
        ("08:00:00", "received", BEAT),
        ("08:01:00", "sent", called(1)),
        ("08:02:00", "sent", called(2)),
        ("08:02:20", "received", '[3,"2",{"status":"Accepted"}]'),
        ("08:09:00", "received", BEAT),
        ("08:10:00", "sent", called(3)),
        ("08:19:00", "received", BEAT),
    )


def test_a_new_connection_is_given_another_hearing_and_memory_is_bounded():
    calls = [("08:01:00", "sent", called(number)) for number in range(100)]
    assert not told(*calls, ("08:05:00", "connected", None), ("08:06:00", "received", BEAT))
    (noticed,) = told(("08:00:00", "received", BEAT), *calls, ("08:06:00", "received", BEAT))
    assert noticed.unanswered_count == LOG_CALLS
