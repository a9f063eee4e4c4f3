import json

import pytest
from ocpp.messages import get_validator


def answered(reply, action):
    """The body of a CALLRESULT, checked against the schema of its action."""
    assert reply[0] == 3
    get_validator(3, action, "1.6").validate(reply[2])
    return reply[2]


def test_a_triggered_status_is_accepted_first_and_then_sent(stage):
    stage.settled(evses=2)
    reply = stage.central.command(
        "TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 2}
    )
    assert answered(reply, "TriggerMessage") == {"status": "Accepted"}
    stage.run_for(1.0)
    numbers = [body["connectorId"] for body in stage.central.calls("StatusNotification")]
    assert numbers == [2]


def test_a_triggered_status_without_connector_tells_all_places(stage):
    stage.settled(evses=2)
    stage.central.command("TriggerMessage", {"requestedMessage": "StatusNotification"})
    stage.run_for(1.0)
    numbers = [body["connectorId"] for body in stage.central.calls("StatusNotification")]
    assert numbers == [0, 1, 2]


@pytest.mark.parametrize("wanted", ["Heartbeat", "MeterValues", "BootNotification"])
def test_other_messages_can_be_triggered_too(stage, wanted):
    station = stage.settled()
    stage.central.command("TriggerMessage", {"requestedMessage": wanted})
    stage.run_for(1.0)
    assert stage.central.actions() == [wanted]
    assert station.is_up, "a triggered boot is no restart"


def test_what_cannot_be_triggered_is_said_to_be_unknown_or_rejected(stage):
    stage.settled()
    reply = stage.central.command("TriggerMessage", {"requestedMessage": "DiagnosticsStatus"})
    assert answered(reply, "TriggerMessage") == {"status": "NotImplemented"}
    reply = stage.central.command(
        "TriggerMessage", {"requestedMessage": "Heartbeat", "connectorId": 7}
    )
    assert answered(reply, "TriggerMessage") == {"status": "Rejected"}


def test_settings_are_told_and_unknown_ones_named(stage):
    stage.settled(evses=2)
    reply = stage.central.command("GetConfiguration", {"key": ["NumberOfConnectors", "Nope"]})
    body = answered(reply, "GetConfiguration")
    assert body["configurationKey"] == [
        {"key": "NumberOfConnectors", "readonly": True, "value": "2"}
    ]
    assert body["unknownKey"] == ["Nope"]
    everything = answered(stage.central.command("GetConfiguration", {}), "GetConfiguration")
    assert len(everything["configurationKey"]) == 4


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("HeartbeatInterval", "30", "Accepted"),
        ("HeartbeatInterval", "soon", "Rejected"),
        ("NumberOfConnectors", "9", "Rejected"),
        ("Nope", "1", "NotSupported"),
    ],
)
def test_settings_are_changed_where_they_can_be(stage, key, value, status):
    stage.settled()
    reply = stage.central.command("ChangeConfiguration", {"key": key, "value": value})
    assert answered(reply, "ChangeConfiguration") == {"status": status}


def test_a_changed_heartbeat_interval_takes_effect(stage):
    stage.settled()
    stage.central.command("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "30"})
    stage.run_for(1200.0)
    assert len(stage.central.calls("Heartbeat")) > 30


def test_an_evse_taken_out_of_service_says_so_and_back_again(stage):
    station = stage.settled(evses=2)
    body = {"connectorId": 1, "type": "Inoperative"}
    reply = stage.central.command("ChangeAvailability", body)
    assert answered(reply, "ChangeAvailability") == {"status": "Accepted"}
    assert not station.evses[0].arrive(id_tag="CAR", is_known=True)
    stage.run_for(1.0)
    stage.central.command("ChangeAvailability", {"connectorId": 1, "type": "Operative"})
    stage.run_for(1.0)
    assert stage.central.statuses(1) == [("Unavailable", "NoError"), ("Available", "NoError")]
    assert stage.central.statuses(2) == []


def test_a_busy_evse_goes_out_of_service_once_its_car_has_gone(stage):
    station = stage.settled()
    station.evses[0].arrive(id_tag="CAR", is_known=True)
    stage.run_for(10.0)
    body = {"connectorId": 0, "type": "Inoperative"}
    reply = stage.central.command("ChangeAvailability", body)
    assert answered(reply, "ChangeAvailability") == {"status": "Scheduled"}
    assert station.evses[0].is_charging
    station.evses[0].leave()
    stage.run_for(30.0)
    assert stage.central.statuses(1)[-1] == ("Unavailable", "NoError")


@pytest.mark.parametrize(("kind", "reason"), [("Hard", "HardReset"), ("Soft", "SoftReset")])
def test_a_reset_ends_the_transaction_and_boots_again(stage, kind, reason):
    station = stage.settled()
    station.evses[0].arrive(id_tag="CAR", is_known=True)
    stage.run_for(10.0)
    wire = stage.central.wires[-1]
    reply = stage.central.command("Reset", {"type": kind})
    assert answered(reply, "Reset") == {"status": "Accepted"}
    assert wire.was_closed_well
    stage.central.forget()
    stage.run_for(90.0)
    assert station.is_up
    assert stage.central.actions()[0] == "BootNotification"
    assert reason in {body["reason"] for body in stage.central.calls("StopTransaction")}


def test_unlocking_ends_the_charging(stage):
    station = stage.settled()
    station.evses[0].arrive(id_tag="CAR", is_known=True)
    stage.run_for(10.0)
    reply = stage.central.command("UnlockConnector", {"connectorId": 1})
    assert answered(reply, "UnlockConnector") == {"status": "Unlocked"}
    stage.run_for(5.0)
    assert stage.central.calls("StopTransaction")[0]["reason"] == "UnlockCommand"


def test_a_remote_start_charges_without_asking_and_a_remote_stop_ends_it(stage):
    station = stage.settled(evses=2)
    reply = stage.central.command("RemoteStartTransaction", {"idTag": "ME", "connectorId": 2})
    assert answered(reply, "RemoteStartTransaction") == {"status": "Accepted"}
    stage.run_for(10.0)
    assert stage.central.calls("StartTransaction")[0]["idTag"] == "ME"
    assert "Authorize" not in stage.central.actions()
    again = stage.central.command("RemoteStartTransaction", {"idTag": "ME", "connectorId": 2})
    assert again[2] == {"status": "Rejected"}
    number = station.evses[1].transaction
    reply = stage.central.command("RemoteStopTransaction", {"transactionId": number})
    assert answered(reply, "RemoteStopTransaction") == {"status": "Accepted"}
    stage.run_for(1.0)
    assert stage.central.calls("StopTransaction")[0]["reason"] == "Remote"
    gone = stage.central.command("RemoteStopTransaction", {"transactionId": number})
    assert gone[2] == {"status": "Rejected"}


@pytest.mark.parametrize(
    ("action", "body", "code"),
    [
        ("Teleport", {}, "NotImplemented"),
        ("SetChargingProfile", {"connectorId": 1}, "NotImplemented"),
        ("Reset", {}, "OccurenceConstraintViolation"),
        ("UnlockConnector", {"connectorId": "one"}, "TypeConstraintViolation"),
        ("GetConfiguration", {"key": 5}, "TypeConstraintViolation"),
    ],
)
def test_commands_that_cannot_be_done_get_an_error(stage, action, body, code):
    stage.settled()
    reply = stage.central.command(action, body)
    assert (reply[0], reply[2]) == (4, code)
    assert json.dumps(reply)
