"""Where nothing was agreed on, no version is a breach; the first word tells."""

from datetime import UTC, datetime

import msgspec
import pytest

from domain.events import Booted, Connected, MessageFlagged, ProtocolLearned, StatusReported
from domain.places import StationId
from ocpp_server.translate import Translation
from ocpp_server.v16.dialect import Dialect16

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
STATION = StationId("N-001")
AT = "2026-01-05T08:00:00Z"
BOOT_2X = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}
BOOT_16 = {"chargePointVendor": "V", "chargePointModel": "M"}
STATUS_2X = {"timestamp": AT, "connectorStatus": "Faulted", "evseId": 1, "connectorId": 1}
STATUS_16 = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
ENDED = {
    "eventType": "Ended",
    "timestamp": AT,
    "triggerReason": "EVDeparted",
    "seqNo": 1,
    "transactionInfo": {"transactionId": "TX"},
}
NOTIFIED = {
    "generatedAt": AT,
    "seqNo": 0,
    "eventData": [
        {
            "eventId": 1,
            "timestamp": AT,
            "trigger": "Alerting",
            "actualValue": "true",
            "eventNotificationType": "HardWiredNotification",
            "component": {"name": "Connector", "evse": {"id": 1}},
            "variable": {"name": "Problem"},
        }
    ],
}


@pytest.fixture
def say():
    dialect = Dialect16(STATION, Translation(station=STATION))

    def said(action, payload):
        frame = msgspec.json.encode([2, "1", action, payload])
        return dialect.receive(frame, now=NOW, position=1)

    return said


@pytest.mark.parametrize("boot", [None, BOOT_2X])
@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StatusNotification", STATUS_2X),
        ("TransactionEvent", ENDED),
        ("NotifyEvent", NOTIFIED),
        ("Heartbeat", {}),
    ],
)
def test_a_2x_message_is_no_breach_before_the_boot_nor_after_it(say, boot, action, payload):
    if boot is not None:
        say("BootNotification", boot)
    events = say(action, payload).events
    assert events
    assert not any(isinstance(event, MessageFlagged) for event in events)


def test_1_6_is_no_breach_either(say):
    events = (
        say("BootNotification", BOOT_16).events + say("StatusNotification", STATUS_16).events
    )
    assert not any(isinstance(event, MessageFlagged | ProtocolLearned) for event in events)


def test_a_2x_boot_says_what_is_spoken_from_then_on(say):
    events = say("BootNotification", BOOT_2X).events
    assert isinstance(events[0], Booted)
    learned = ProtocolLearned(
        station=STATION, protocol="ocpp2.0.1", observed_at=NOW, position=1
    )
    assert learned in events
    assert learned not in say("BootNotification", BOOT_2X).events  # once is enough
    (status,) = say("StatusNotification", STATUS_2X).events
    assert isinstance(status, StatusReported)


def test_without_a_boot_any_word_of_2x_says_it_too(say):
    assert any(
        isinstance(e, ProtocolLearned) for e in say("StatusNotification", STATUS_2X).events
    )
    (status,) = say("StatusNotification", STATUS_2X).events
    assert isinstance(status, StatusReported)


@pytest.mark.parametrize("frame", [b'[6,"1","Whatever",{}]', b'[5,"1","x","",{}]', b"[2"])
def test_what_is_no_call_decides_nothing(frame):
    translation = Translation(station=STATION)
    translation.received(frame, at=NOW, position=1)
    assert translation.protocol == ""


def test_a_connection_without_agreement_says_so(make_house):
    house = make_house()
    for protocol, expected in (("", ("ocpp1.6", True)), ("ocpp2.1", ("ocpp2.1", False))):
        house.connect(protocol=protocol).opened(NOW)
        fact = house.recorder.events[-1]
        assert isinstance(fact, Connected)
        assert (fact.protocol, fact.is_assumed) == expected
