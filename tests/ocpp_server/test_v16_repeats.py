"""A call that comes again is answered again and counted once."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.events import Booted, Heard, MessageFlagged, TransactionEnded, TransactionStarted
from domain.places import StationId
from ocpp_server.repeats import REPEAT_LIMIT, REPEAT_WITHIN, digest_of
from ocpp_server.scene import EVSE_NUMBERS
from ocpp_server.translate import Translation
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v16.dialect import Dialect16

STATION = StationId("N-001")
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def call(action, payload, message_id="1"):
    return json.dumps([2, message_id, action, payload]).encode()


def start(meter=5, message_id="1"):
    payload = {
        "connectorId": 1,
        "idTag": "A",
        "meterStart": meter,
        "timestamp": "2026-01-05T08:00:00Z",
    }
    return call("StartTransaction", payload, message_id)


STOP = call(
    "StopTransaction",
    {"transactionId": 1, "meterStop": 900, "timestamp": "2026-01-05T09:00:00Z"},
    "2",
)
BOOT = call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}, "3")


class Line:
    """One connection of the station, counting positions as the journal does."""

    def __init__(self):
        self.translation = Translation(station=STATION, protocol="ocpp1.6")
        self.dialect = Dialect16(STATION, self.translation)
        self.position = 0

    def say(self, frame, after=timedelta(0)):
        self.position += 2
        return self.dialect.receive(frame, now=NOW + after, position=self.position)


@pytest.fixture
def line():
    return Line()


def kinds(reaction):
    return [type(event) for event in reaction.events]


def test_a_start_said_again_gets_its_number_again_and_starts_nothing(line):
    first = line.say(start())
    assert TransactionStarted in kinds(first)
    for hours in (0, 1, 30):
        again = line.say(start(), timedelta(hours=hours))
        assert again.answer == first.answer
        assert kinds(again) == [Heard]


def test_the_same_id_with_another_payload_is_another_call(line):
    first, second = line.say(start(meter=5)), line.say(start(meter=6))
    assert TransactionStarted in kinds(second)
    assert first.answer != second.answer


def test_the_same_payload_with_another_id_is_another_call(line):
    line.say(start(message_id="1"))
    assert TransactionStarted in kinds(line.say(start(message_id="2")))


def test_a_stop_said_again_ends_nothing_twice(line):
    assert TransactionEnded in kinds(line.say(STOP))
    assert kinds(line.say(STOP)) == [Heard]


def test_a_boot_said_again_within_the_minute_is_one_boot_with_one_answer(line):
    first = line.say(BOOT)
    again = line.say(BOOT, REPEAT_WITHIN / 2)
    assert again.answer == first.answer
    assert again.is_boot
    assert kinds(again) == [Heard]


def test_a_boot_said_again_later_is_a_boot_and_is_told_the_present_time(line):
    line.say(BOOT)
    again = line.say(BOOT, REPEAT_WITHIN)
    assert Booted in kinds(again)
    assert b"08:01:00" in again.answer


def test_a_new_connection_begins_anew(line):
    line.say(start())
    line.translation.connected("ocpp1.6")
    assert TransactionStarted in kinds(line.say(start()))


def test_only_the_latest_calls_are_remembered(line):
    for number in range(REPEAT_LIMIT + 5):
        line.say(start(message_id=str(number)))
    assert len(line.translation.earlier) == REPEAT_LIMIT
    assert kinds(line.say(start(message_id=str(REPEAT_LIMIT)))) == [Heard]
    assert TransactionStarted in kinds(line.say(start(message_id="0")))


def test_what_was_refused_is_read_again(line):
    broken = b'[2,"9","Authorize",7]'
    first = line.say(broken)
    assert first.answer.startswith(b"[4,")
    assert kinds(line.say(broken)) == kinds(first)


def test_a_secret_in_a_repeated_frame_is_blotted_out_as_in_the_first(line):
    frame = call("DataTransfer", {"vendorId": "V", "password": "hunter2"})
    assert b"hunter2" not in line.say(frame).body
    assert b"hunter2" not in line.say(frame).body


@pytest.mark.parametrize("action", ["Heartbeat", "MeterValues", "StatusNotification"])
def test_frequent_calls_are_not_looked_at(action):
    assert digest_of(call(action, {})) == b""


@pytest.mark.parametrize(
    "frame",
    [
        b'[2,"1","Authorize",{}]',
        b'[\n  2,\n  "1",\n  "Authorize",\n  {}\n]',
        b'[2,17,"Authorize",{}]',
        b'[2,"a\\"b","Authorize",{}]',
    ],
)
def test_odd_ids_and_spacing_are_looked_at_all_the_same(frame):
    assert digest_of(frame)


def test_a_restart_and_a_replay_read_a_repeat_as_it_was_read_live(line):
    replayed = Translation(station=STATION, protocol="ocpp1.6")
    for position, frame in enumerate([start(), BOOT, start(), STOP, STOP, BOOT], 1):
        live = line.dialect.receive(frame, now=NOW, position=position)
        events = replayed.received(frame, at=NOW, position=position)
        events += replayed.sent(live.answer, at=NOW, position=position)
        assert events == live.events
        stored = msgspec.json.encode(replayed)
        replayed = msgspec.json.decode(stored, type=Translation)
    assert replayed == line.translation


def test_a_transaction_event_of_2x_said_again_is_answered_again_and_counted_once():
    translation = Translation(station=STATION, protocol="ocpp2.0.1")
    dialect = Dialect2x(STATION, translation)
    frame = call(
        "TransactionEvent",
        {
            "eventType": "Started",
            "timestamp": "2026-01-05T08:00:00Z",
            "triggerReason": "CablePluggedIn",
            "seqNo": 0,
            "transactionInfo": {"transactionId": "T1"},
            "evse": {"id": 1},
            "idToken": {"idToken": "A", "type": "Central"},
        },
    )
    first = dialect.receive(frame, now=NOW, position=1)
    again = dialect.receive(frame, now=NOW + timedelta(hours=1), position=2)
    assert TransactionStarted in kinds(first)
    assert (again.answer, kinds(again)) == (first.answer, [Heard])


@pytest.mark.parametrize("number", [-1, EVSE_NUMBERS.stop, 10**12])
@pytest.mark.parametrize("action", ["StatusNotification", "MeterValues", "StartTransaction"])
def test_a_number_no_connector_has_means_the_station_and_is_flagged(line, action, number):
    payload = {
        "StatusNotification": {"errorCode": "NoError", "status": "Available"},
        "MeterValues": {
            "meterValue": [
                {"timestamp": "2026-01-05T08:00:00Z", "sampledValue": [{"value": "1"}]}
            ]
        },
        "StartTransaction": {
            "idTag": "A",
            "meterStart": 1,
            "timestamp": "2026-01-05T08:00:00Z",
        },
    }[action]
    events = line.say(call(action, {"connectorId": number, **payload})).events
    told = [event for event in events if hasattr(event, "place")]
    assert told
    assert {event.place.evse for event in told} == {0}
    flagged = [event for event in events if isinstance(event, MessageFlagged)]
    assert [breach.field for breach in flagged[0].breaches] == ["connectorId"]


def test_an_evbox_status_of_a_number_no_connector_has_means_the_station(line):
    text = "9999,Faulted,OtherError,burnt,7,Red,1"
    payload = {"vendorId": "EV-BOX", "messageId": "evbStatusNotification", "data": text}
    events = line.say(call("DataTransfer", payload)).events
    assert [event.place.evse for event in events if hasattr(event, "place")] == [0]


def test_the_highest_believed_number_is_believed(line):
    payload = {
        "connectorId": EVSE_NUMBERS.stop - 1,
        "errorCode": "NoError",
        "status": "Available",
    }
    (event,) = line.say(call("StatusNotification", payload)).events
    assert event.place.evse == EVSE_NUMBERS.stop - 1
