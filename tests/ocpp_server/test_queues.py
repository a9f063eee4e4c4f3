"""A queue that one record blocks is told of once, and once more when it moves on."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.events import QueueBlocked, QueueMovedOn
from domain.places import StationId
from ocpp_server.queues import BLOCKED_COUNT, RECORD_LIMIT
from ocpp_server.translate import Translation

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
STOP = {"transactionId": 7, "meterStop": 10, "timestamp": "2022-07-28T10:00:00Z"}
BEGIN = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-01-05T08:00:00Z"}
ENDED = {
    "eventType": "Ended",
    "timestamp": "2026-01-05T08:00:00Z",
    "triggerReason": "EVDeparted",
    "seqNo": 4,
    "transactionInfo": {"transactionId": "TX"},
}
# Quirk G2, as a station said it seventeen times in eight minutes.
READINGS = {
    "connectorId": 1,
    "transactionId": 1,
    "meterValue": {
        "timestamp": "2024-04-16T17:28:55Z",
        "sampledValue": [{"value": "0.00", "context": "Transaction.Begin"}],
    },
}


class Line:
    """One station, and what its queue was told to be."""

    def __init__(self, protocol="ocpp1.6"):
        self.translation = Translation(station=StationId("N-001"), protocol=protocol)
        self.at = START
        self.position = 0

    def say(self, action, payload, *, after_s=30, message_id=None):
        self.at += timedelta(seconds=after_s)
        self.position += 1
        number = message_id or f"id-{self.position}"
        frame = msgspec.json.encode([2, number, action, payload])
        events = self.translation.received(frame, at=self.at, position=self.position)
        return [e for e in events if isinstance(e, QueueBlocked | QueueMovedOn)]


@pytest.mark.parametrize("message_id", [None, "always-the-same"])
@pytest.mark.parametrize(
    ("protocol", "action", "payload"),
    [
        ("ocpp1.6", "StopTransaction", STOP),
        ("ocpp1.6", "StartTransaction", BEGIN),
        ("ocpp1.6", "MeterValues", READINGS),
        ("ocpp2.0.1", "TransactionEvent", ENDED),
        ("ocpp2.1", "TransactionEvent", ENDED),
        ("ocpp2.0.1", "StopTransaction", STOP),
    ],
)
def test_a_record_said_again_and_again_blocks_the_queue_and_is_told_once(
    protocol, action, payload, message_id
):
    line = Line(protocol)
    told = [line.say(action, payload, message_id=message_id) for _ in range(17)]
    assert [len(events) for events in told] == [0] * 4 + [1] + [0] * 12
    (blocked,) = told[BLOCKED_COUNT - 1]
    assert blocked == QueueBlocked(
        station="N-001",
        action=action,
        count=BLOCKED_COUNT,
        first_at=START + timedelta(seconds=30),
        observed_at=START + timedelta(seconds=30 * BLOCKED_COUNT),
        position=BLOCKED_COUNT,
    )


def test_a_record_that_is_broken_blocks_like_any_other():
    line = Line()
    frame = b'[2,"%d","StopTransaction",{"idTag":"336699\\\\\\"x,"transactionId":5'
    told = []
    for number in range(BLOCKED_COUNT):
        told += line.translation.received(
            frame % number, at=START + timedelta(seconds=number), position=number + 1
        )
    assert [e.action for e in told if isinstance(e, QueueBlocked)] == ["StopTransaction"]


def test_the_next_record_says_that_the_queue_moved_on():
    line = Line()
    for _ in range(6):
        line.say("StopTransaction", STOP)
    assert line.say("StartTransaction", BEGIN) == [
        QueueMovedOn(station="N-001", action="StopTransaction", observed_at=line.at, position=7)
    ]
    assert line.say("StopTransaction", STOP | {"transactionId": 8}) == []


def test_a_queue_that_moved_on_may_be_blocked_again():
    line = Line()
    for _ in range(5):
        line.say("StopTransaction", STOP)
    line.say("StartTransaction", BEGIN)
    told = [line.say("StopTransaction", STOP) for _ in range(5)]
    assert [len(events) for events in told] == [0, 0, 0, 0, 1]


def test_what_was_said_in_between_before_does_not_move_a_queue_on():
    line = Line()
    told = []
    for _ in range(8):
        told += line.say("StopTransaction", STOP)
        told += line.say("StartTransaction", BEGIN)
    assert [type(event) for event in told] == [QueueBlocked, QueueBlocked]


def test_a_few_repeats_are_a_lost_answer_and_no_blocked_queue():
    line = Line()
    assert [line.say("StopTransaction", STOP) for _ in range(4)] == [[]] * 4


def test_repeats_over_hours_are_a_station_that_reconnects():
    line = Line()
    assert [line.say("StopTransaction", STOP, after_s=600) for _ in range(12)] == [[]] * 12


def reading(minute, value="0"):
    sampled = [{"value": value, "measurand": name} for name in ("Voltage", "Current.Import")]
    told = {"timestamp": f"2026-01-05T08:{minute:02}:00Z", "sampledValue": sampled}
    return {"connectorId": 1, "meterValue": [told]}


def test_readings_that_conform_and_have_one_moment_block_like_others():
    line = Line()
    told = [line.say("MeterValues", reading(0)) for _ in range(9)]
    assert [len(events) for events in told] == [0] * 5 + [1] + [0] * 3
    (moved,) = line.say("MeterValues", reading(1, "7"))
    assert isinstance(moved, QueueMovedOn)


def test_meter_values_of_an_idle_station_or_without_a_moment_are_readings_not_records():
    line = Line()
    assert [line.say("MeterValues", reading(minute)) for minute in range(9)] == [[]] * 9
    bare = {"connectorId": 1, "meterValue": {"sampledValue": [{"value": "0"}]}}
    assert [line.say("MeterValues", bare) for _ in range(9)] == [[]] * 9


def test_a_new_connection_does_not_unblock_a_queue():
    line = Line()
    told = []
    for _ in range(BLOCKED_COUNT):
        line.translation.connected("ocpp1.6")
        told += line.say("StopTransaction", STOP)
    assert len(told) == 1


def test_what_is_remembered_of_a_queue_is_bounded():
    line = Line()
    for number in range(50):
        line.say("StopTransaction", STOP | {"transactionId": number})
    assert len(line.translation.queue.records) == RECORD_LIMIT


def test_a_snapshot_in_between_changes_nothing():
    line, other = Line(), Line()
    told = []
    for _ in range(BLOCKED_COUNT):
        told.append((line.say("StopTransaction", STOP), other.say("StopTransaction", STOP)))
        kept = msgspec.msgpack.encode(other.translation)
        other.translation = msgspec.msgpack.decode(kept, type=Translation)
    assert all(one == two for one, two in told)
    assert told[-1][0]


def test_readings_beside_the_queue_do_not_prove_that_it_moved_on():
    line = Line()
    told = []
    for minute in range(12):
        told += line.say("StopTransaction", STOP)
        told += line.say("MeterValues", reading(minute, str(minute)))
    assert [type(event) for event in told] == [QueueBlocked]
    (moved,) = line.say("StopTransaction", STOP | {"transactionId": 8})
    assert isinstance(moved, QueueMovedOn)


def test_a_record_that_is_said_no_more_blocks_nothing():
    line = Line()
    for _ in range(BLOCKED_COUNT):
        line.say("StopTransaction", STOP)
    told = [line.say("MeterValues", reading(minute), after_s=120) for minute in range(10)]
    assert [type(event) for events in told for event in events] == [QueueMovedOn]
