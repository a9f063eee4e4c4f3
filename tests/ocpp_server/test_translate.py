"""Translation: the same events live, in a replayed log, and after a restart."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from domain.events import (
    AuthorizationAsked,
    Heard,
    HeartbeatAgreed,
    MessageFlagged,
    TransactionEnded,
    TransactionStarted,
)
from domain.places import Place, StationId
from ocpp_server.begun import Begun
from ocpp_server.memory import DUE_LIMIT, TRANSACTION_LIMIT
from ocpp_server.translate import Translation
from ocpp_server.v16.dialect import Dialect16

STATION = StationId("N-001")
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
CORPUS = Path(__file__).parents[1] / "data" / "ocpp_frames.jsonl"


def call(action, payload, message_id="1"):
    return json.dumps([2, message_id, action, payload]).encode()


def start(evse=1, message_id="1"):
    payload = {"connectorId": evse, "idTag": "A", "meterStart": 5, "timestamp": "x"}
    return call("StartTransaction", payload, message_id)


def corpus_frames():
    for line in CORPUS.read_text().splitlines():
        row = json.loads(line)
        if row["version"] == "1.6" and row["direction"] == "cp->cs":
            yield row


@pytest.fixture
def translation():
    return Translation(station=STATION, protocol="ocpp1.6")


@pytest.fixture
def told(translation):
    """Say a frame, then send an answer; return the events of the answer."""

    def tell(received, *sent):
        translation.received(received, at=NOW, position=3)
        return [
            event
            for frame in sent
            for event in translation.sent(frame, at=NOW + timedelta(seconds=1), position=4)
        ]

    return tell


def test_received_and_sent_give_what_the_live_dialect_gives():
    dialect = Dialect16(STATION, Translation(station=STATION, protocol="ocpp1.6"))
    translation = Translation(station=STATION, protocol="ocpp1.6")
    frames = [row["frame"].encode() for row in corpus_frames()] + [start(2), start(2)]
    assert len(frames) > 80
    for position, frame in enumerate(frames, 1):
        reaction = dialect.receive(frame, now=NOW, position=position)
        events = translation.received(frame, at=NOW, position=position)
        if reaction.answer is not None:
            # Read back from a journal, the answer is an entry with a position of its own.
            events += translation.sent(reaction.answer, at=NOW, position=position + 1)
        assert events == reaction.events


def test_a_snapshot_in_the_middle_changes_nothing():
    whole = Translation(station=STATION)
    broken = Translation(station=STATION)
    told = [(start(2), b'[3,"1",{"transactionId":9,"idTagInfo":{"status":"Accepted"}}]')]
    stop = call("StopTransaction", {"transactionId": 9, "meterStop": 6, "timestamp": "x"})
    for received, sent in told:
        whole.received(received, at=NOW, position=1)
        broken.received(received, at=NOW, position=1)
        broken = msgspec.msgpack.decode(msgspec.msgpack.encode(broken), type=Translation)
        assert whole.sent(sent, at=NOW, position=2) == broken.sent(sent, at=NOW, position=2)
    broken = msgspec.json.decode(msgspec.json.encode(broken), type=Translation)
    assert whole.received(stop, at=NOW, position=3) == broken.received(stop, at=NOW, position=3)
    assert whole == broken


def test_the_interval_of_an_accepted_boot_is_agreed(told):
    boot = call("BootNotification", {"chargePointVendor": "a", "chargePointModel": "b"})
    sent = b'[3,"1",{"status":"Accepted","currentTime":"2026-01-05T08:00:00Z","interval":60}]'
    assert told(boot, sent, sent) == [
        HeartbeatAgreed(
            station=STATION, every_s=60, observed_at=NOW + timedelta(seconds=1), position=3
        )
    ]


@pytest.mark.parametrize(
    "sent",
    [
        b'[3,"1",{"status":"Pending","currentTime":"2026-01-05T08:00:00Z","interval":60}]',
        b'[3,"1",{"status":"Accepted","interval":0}]',
        b'[3,"1",{"status":"Accepted","interval":"soon"}]',
        b'[3,"2",{"status":"Accepted","interval":60}]',
        b'[4,"1","InternalError","",{}]',
        b'[2,"1","Reset",{"type":"Soft"}]',
        b"garbage",
    ],
)
def test_other_frames_of_the_central_system_agree_on_nothing(told, sent):
    boot = call("BootNotification", {"chargePointVendor": "a", "chargePointModel": "b"})
    assert told(boot, sent) == []


def test_a_refused_start_tells_its_number_and_that_the_token_was_refused(told):
    sent = b'[3,"1",{"transactionId":7,"idTagInfo":{"status":"Blocked"}}]'
    started, asked = told(start(2), sent)
    assert isinstance(started, TransactionStarted)
    assert (started.transaction, started.place) == ("7", Place.of_station(STATION, 2))
    assert (asked.id_token, asked.is_accepted) == ("A", False)


@pytest.mark.parametrize(("status", "is_accepted"), [("Accepted", True), ("Invalid", False)])
def test_the_answer_to_an_authorization_says_whether_it_was_accepted(told, status, is_accepted):
    sent = json.dumps([3, "1", {"idTagInfo": {"status": status}}]).encode()
    (asked,) = told(call("Authorize", {"idTag": "A"}), sent)
    assert isinstance(asked, AuthorizationAsked)
    assert asked.is_accepted is is_accepted


def test_two_calls_with_one_id_are_answered_in_their_order(translation):
    translation.received(call("Authorize", {"idTag": "A"}), at=NOW, position=1)
    translation.received(start(), at=NOW, position=2)
    first = b'[3,"1",{"idTagInfo":{"status":"Accepted"}}]'
    second = b'[3,"1",{"transactionId":7,"idTagInfo":{"status":"Accepted"}}]'
    assert isinstance(translation.sent(first, at=NOW, position=3)[0], AuthorizationAsked)
    assert isinstance(translation.sent(second, at=NOW, position=4)[0], TransactionStarted)


def test_a_new_connection_forgets_what_was_never_answered(translation):
    translation.received(start(), at=NOW, position=1)
    translation.connected("ocpp1.6")
    late = b'[3,"1",{"transactionId":7,"idTagInfo":{"status":"Accepted"}}]'
    assert translation.sent(late, at=NOW, position=2) == ()


def test_open_calls_and_transactions_are_remembered_up_to_a_limit(translation):
    for number in range(DUE_LIMIT + 10):
        translation.received(start(message_id=str(number)), at=NOW, position=number)
    assert len(translation.due) == DUE_LIMIT
    for number in range(TRANSACTION_LIMIT + 10):
        translation.started(str(number), Begun(evse=number + 1, heard_at=NOW))
    assert len(translation.transactions) == len(translation.begun) == TRANSACTION_LIMIT
    for number in range(TRANSACTION_LIMIT + 10):
        translation.remember_old(f"old-{number}")
    assert len(translation.transactions) == TRANSACTION_LIMIT
    assert not translation.begun


def test_a_second_start_on_an_evse_replaces_the_first(translation):
    translation.started("1", Begun(evse=1, heard_at=NOW))
    translation.started("2", Begun(evse=1, heard_at=NOW))
    stop = call("StopTransaction", {"transactionId": 1, "meterStop": 6, "timestamp": "x"})
    ended = translation.received(stop, at=NOW, position=3)[0]
    assert isinstance(ended, TransactionEnded)
    assert ended.place == Place.of_station(STATION)
    assert translation.transactions == {"2": 1}


def test_without_a_subprotocol_a_2x_boot_decides_the_version():
    translation = Translation(station=STATION)
    boot = call("BootNotification", {"reason": "PowerUp", "chargingStation": {"model": "m"}})
    translation.received(boot, at=NOW, position=1)
    assert translation.protocol == "ocpp2.0.1"
    status = call(
        "StatusNotification",
        {
            "timestamp": "2026-01-05T08:00:00Z",
            "connectorStatus": "Faulted",
            "evseId": 1,
            "connectorId": 1,
        },
    )
    events = translation.received(status, at=NOW, position=2)
    assert not any(isinstance(event, MessageFlagged) for event in events)


def test_a_heartbeat_is_heard(translation):
    frame = call("Heartbeat", {})
    assert translation.received(frame, at=NOW, position=0) == (
        Heard(station=STATION, observed_at=NOW),
    )


@pytest.mark.parametrize("row", list(corpus_frames()), ids=lambda row: row["source"][:30])
def test_recorded_frames_are_flagged_exactly_where_their_schema_is_broken(row):
    translation = Translation(station=STATION, protocol="ocpp1.6")
    events = translation.received(row["frame"].encode(), at=NOW, position=1)
    flagged = any(isinstance(event, MessageFlagged) for event in events)
    assert flagged == (not row["valid"])


def test_what_a_release_before_remembered_is_still_read():
    kept = {"station": STATION, "protocol": "ocpp1.6", "transactions": {"5": 2}, "due": []}
    translation = msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=Translation)
    stop = call("StopTransaction", {"transactionId": 5, "meterStop": 6, "timestamp": "x"})
    (ended, _) = translation.received(stop, at=NOW, position=3)
    assert (ended.place.evse, ended.is_foreign) == (2, False)
