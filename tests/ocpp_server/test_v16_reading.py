"""What 1.6 frames mean, conforming and not, and what they are answered."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from domain.events import (
    AuthorizationAsked,
    Booted,
    Breach,
    DiagnosticsStatusReported,
    ErrorReport,
    FirmwareStatusReported,
    Heard,
    HeartbeatAgreed,
    MessageFlagged,
    MeterSampled,
    Sample,
    SecurityEventReported,
    Status,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
    Unreadable,
    VendorDataReceived,
)
from domain.places import Place, StationId
from ocpp_server.translate import Translation
from ocpp_server.v16.dialect import Dialect16

STATION = StationId("N-001")
NOW = datetime(2026, 1, 5, 8, 0, 0, 123_456, tzinfo=UTC)
POSITION = 41
REPORTED = datetime(2026, 1, 5, 7, 59, tzinfo=UTC)
STAMP = "2026-01-05T07:59:00Z"
WHEN = {"observed_at": NOW, "position": POSITION}
EVSE_1 = Place.of_station(STATION, 1)
WHOLE = Place.of_station(STATION)


@pytest.fixture
def dialect():
    return Dialect16(STATION, Translation(station=STATION, protocol="ocpp1.6"))


@pytest.fixture
def say(dialect):
    """Say one call and return the reaction."""

    def say_it(action, payload, message_id="1"):
        frame = json.dumps([2, message_id, action, payload]).encode()
        return dialect.receive(frame, now=NOW, position=POSITION)

    return say_it


@pytest.fixture
def raw(dialect):
    def say_it(frame):
        return dialect.receive(frame, now=NOW, position=POSITION)

    return say_it


def breaches_of(reaction):
    (flagged,) = [event for event in reaction.events if isinstance(event, MessageFlagged)]
    return flagged.breaches


def answered(reaction):
    return json.loads(reaction.answer)


# --- what conforms ----------------------------------------------------------------------------


def test_a_conforming_heartbeat_is_answered_with_the_time_in_whole_seconds(say):
    reaction = say("Heartbeat", {})
    assert reaction.is_heartbeat
    assert answered(reaction) == [3, "1", {"currentTime": "2026-01-05T08:00:00Z"}]
    assert reaction.events == (Heard(station=STATION, **WHEN),)


def test_a_boot_is_accepted_and_agrees_on_the_heartbeat_interval(say):
    reaction = say(
        "BootNotification",
        {
            "chargePointVendor": "Alfen BV",
            "chargePointModel": "NG910",
            "chargeBoxSerialNumber": "ACE0177305",
            "firmwareVersion": "6.6",
        },
    )
    assert reaction.is_boot
    assert answered(reaction) == [
        3,
        "1",
        {"status": "Accepted", "currentTime": "2026-01-05T08:00:00Z", "interval": 300},
    ]
    assert reaction.events == (
        Booted(
            station=STATION,
            vendor="Alfen BV",
            model="NG910",
            serial="ACE0177305",
            firmware="6.6",
            **WHEN,
        ),
        HeartbeatAgreed(station=STATION, every_s=300, **WHEN),
    )


def test_a_fault_keeps_the_words_of_the_station(say):
    reaction = say(
        "StatusNotification",
        {
            "connectorId": 1,
            "errorCode": "OtherError",
            "status": "Faulted",
            "timestamp": STAMP,
            "vendorId": "com.ctek",
            "vendorErrorCode": "NoPPDetected",
            "info": "dirty",
        },
    )
    assert answered(reaction) == [3, "1", {}]
    assert reaction.events == (
        StatusReported(
            place=EVSE_1,
            status=Status.FAULTED,
            error=ErrorReport("OtherError", "com.ctek", "NoPPDetected", "dirty"),
            reported_at=REPORTED,
            **WHEN,
        ),
    )


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"vendorId": "StarCharge"},
        {"vendorId": "com.wallbox", "vendorErrorCode": "", "info": ""},
        {"vendorErrorCode": "0x0000", "info": "null"},
        {"vendorErrorCode": "0x00", "info": "NULL"},
        {"vendorErrorCode": "none", "info": "none", "vendorId": "ABL"},
        {"info": "No error.", "vendorErrorCode": "0"},
        {"info": "Status Update", "vendorId": "Chago"},
        {"info": "B;400"},
        {"info": "Pilot and Charger:10h", "vendorId": "UC"},
        {"vendorErrorCode": "AMINA_INFO", "vendorId": "amina"},
    ],
)
def test_vendor_words_that_mean_nothing_are_no_error(say, words):
    payload = {"connectorId": 0, "errorCode": "NoError", "status": "Available", **words}
    (event,) = say("StatusNotification", payload).events
    assert event == StatusReported(place=WHOLE, status=Status.AVAILABLE, **WHEN)


def test_vendor_words_that_say_something_are_kept_even_beside_no_error(say):
    payload = {
        "connectorId": 1,
        "errorCode": "NoError",
        "status": "SuspendedEVSE",
        "info": "Error,NoEnergy",
    }
    (event,) = say("StatusNotification", payload).events
    assert event.error == ErrorReport("NoError", text="Error,NoEnergy")


def test_a_pilot_state_f_is_not_noise(say):
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "info": "F;400"}
    (event,) = say("StatusNotification", payload).events
    assert event.error == ErrorReport("NoError", text="F;400")


def test_faulted_with_no_error_is_faulted_without_an_error(say):
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Faulted"}
    (event,) = say("StatusNotification", payload).events
    assert (event.status, event.error) == (Status.FAULTED, None)


def test_several_vendor_codes_stay_one_raw_text(say):
    payload = {
        "connectorId": 1,
        "errorCode": "OtherError",
        "status": "Finishing",
        "vendorId": "com.evgo.mrec",
        "vendorErrorCode": "A0F1,F003",
    }
    (event,) = say("StatusNotification", payload).events
    assert event.error.vendor_code == "A0F1,F003"


def meter(*samples, **members):
    return {
        "connectorId": 1,
        "meterValue": [{"timestamp": STAMP, "sampledValue": list(samples)}],
        **members,
    }


def test_samples_come_in_base_units_with_the_defaults_of_the_standard(say):
    reaction = say(
        "MeterValues",
        meter(
            {"value": "1500"},
            {"value": "1.5", "measurand": "Power.Active.Import", "unit": "kW", "phase": "L1"},
            {"value": "230.1", "measurand": "Voltage", "phase": "L1-N", "context": "Trigger"},
            {"value": "300.15", "measurand": "Temperature", "unit": "K"},
            {"value": "50", "measurand": "Temperature", "unit": "Fahrenheit"},
            transactionId=7,
        ),
    )
    assert answered(reaction) == [3, "1", {}]
    (event,) = reaction.events
    energy, power, voltage, kelvin, fahrenheit = event.samples
    assert energy == Sample("Energy.Active.Import.Register", 1500.0, "Wh")
    assert power == Sample("Power.Active.Import", 1500.0, "W", "L1")
    assert voltage == Sample("Voltage", 230.1, "V", "L1-N", "Trigger")
    assert kelvin.value == pytest.approx(27.0)
    assert (fahrenheit.value, fahrenheit.unit) == (pytest.approx(10.0), "Celsius")
    assert (event.place, event.transaction, event.reported_at) == (EVSE_1, "7", REPORTED)


def test_signed_data_is_legal_and_no_number(say):
    reaction = say("MeterValues", meter({"value": "0A3F", "format": "SignedData"}))
    assert reaction.events == (Heard(station=STATION, **WHEN),)


@pytest.mark.parametrize("number", [0, -1])
def test_the_numbers_of_idle_stations_are_no_transaction(say, number):
    (event,) = say("MeterValues", meter({"value": "1"}, transactionId=number)).events
    assert event.transaction == ""


def test_a_transaction_gets_a_number_and_ends_where_it_began(say):
    started = say(
        "StartTransaction",
        {"connectorId": 2, "idTag": "A", "meterStart": 100, "timestamp": STAMP},
    )
    assert answered(started) == [
        3,
        "1",
        {"transactionId": POSITION, "idTagInfo": {"status": "Accepted"}},
    ]
    place = Place.of_station(STATION, 2)
    told = {"place": place, "id_token": "A", "meter_wh": 100.0, **WHEN}
    assert started.events == (
        TransactionStarted(reported_at=REPORTED, **told),
        TransactionStarted(transaction=str(POSITION), **told),
    )
    ended = say(
        "StopTransaction",
        {
            "transactionId": POSITION,
            "meterStop": 200,
            "timestamp": STAMP,
            "reason": "Local",
            "transactionData": [{"timestamp": STAMP, "sampledValue": [{"value": "200"}]}],
        },
    )
    assert answered(ended) == [3, "1", {"idTagInfo": {"status": "Accepted"}}]
    sampled, end = ended.events
    assert isinstance(sampled, MeterSampled)
    assert sampled.place == place
    assert end == TransactionEnded(
        place=place,
        transaction=str(POSITION),
        reason="Local",
        meter_wh=200.0,
        reported_at=REPORTED,
        **WHEN,
    )


@pytest.mark.parametrize("number", [-1, 0, 9223372036854775807, -42])
def test_a_stop_of_a_transaction_we_never_saw_is_acknowledged(say, number):
    reaction = say(
        "StopTransaction", {"transactionId": number, "meterStop": 0, "timestamp": STAMP}
    )
    assert answered(reaction)[0] == 3
    (event,) = reaction.events
    assert (event.place, event.transaction) == (WHOLE, str(number))


@pytest.mark.parametrize(
    ("position", "number"), [(1, 1), (2**31 - 1, 2**31 - 1), (2**31, 1), (2**40, 512)]
)
def test_transaction_numbers_are_positive_and_fit_31_bits(dialect, position, number):
    frame = (
        b'[2,"1","StartTransaction",{"connectorId":1,"idTag":"A","meterStart":0,'
        b'"timestamp":"2026-01-05T07:59:00Z"}]'
    )
    reaction = dialect.receive(frame, now=NOW, position=position)
    assert answered(reaction)[2]["transactionId"] == number


def test_an_authorization_is_asked_and_accepted(say):
    reaction = say("Authorize", {"idTag": "2475589B"})
    assert answered(reaction) == [3, "1", {"idTagInfo": {"status": "Accepted"}}]
    assert reaction.events == (
        AuthorizationAsked(station=STATION, id_token="2475589B", **WHEN),
        AuthorizationAsked(station=STATION, id_token="2475589B", is_accepted=True, **WHEN),
    )


@pytest.mark.parametrize(
    ("action", "payload", "event", "answer"),
    [
        (
            "FirmwareStatusNotification",
            {"status": "InstallationFailed"},
            FirmwareStatusReported(station=STATION, status="InstallationFailed", **WHEN),
            {},
        ),
        (
            "SignedFirmwareStatusNotification",
            {"status": "InvalidSignature", "requestId": 1},
            FirmwareStatusReported(station=STATION, status="InvalidSignature", **WHEN),
            {},
        ),
        (
            "DiagnosticsStatusNotification",
            {"status": "Uploaded"},
            DiagnosticsStatusReported(station=STATION, status="Uploaded", **WHEN),
            {},
        ),
        (
            "LogStatusNotification",
            {"status": "Uploading"},
            DiagnosticsStatusReported(station=STATION, status="Uploading", **WHEN),
            {},
        ),
        (
            "SecurityEventNotification",
            {"type": "SettingSystemTime", "timestamp": STAMP, "techInfo": "ocppBoot"},
            SecurityEventReported(
                station=STATION,
                kind="SettingSystemTime",
                text="ocppBoot",
                reported_at=REPORTED,
                **WHEN,
            ),
            {},
        ),
        (
            "SignCertificate",
            {"csr": "x"},
            Heard(station=STATION, **WHEN),
            {"status": "Rejected"},
        ),
        (
            "DataTransfer",
            {"vendorId": "acme", "messageId": "hello", "data": '{"fwVer":"1"}'},
            VendorDataReceived(
                station=STATION,
                vendor_id="acme",
                message_id="hello",
                payload='{"fwVer":"1"}',
                **WHEN,
            ),
            {"status": "Accepted"},
        ),
    ],
)
def test_the_other_requests_are_answered_and_become_events(say, action, payload, event, answer):
    reaction = say(action, payload)
    assert reaction.events == (event,)
    assert answered(reaction) == [3, "1", answer]


# --- what does not conform --------------------------------------------------------------------


def test_an_unknown_error_code_is_kept_raw_and_the_fault_is_not_missed(raw):
    reaction = raw(
        b'[2,"28240181849166013077","StatusNotification",'
        b'{"connectorId":0,"errorCode":"Error","status":"Faulted"}]'
    )
    assert reaction.answer == b'[3,"28240181849166013077",{}]'
    status, flagged = reaction.events
    assert (status.status, status.error) == (Status.FAULTED, ErrorReport("Error"))
    assert flagged == MessageFlagged(
        station=STATION,
        action="StatusNotification",
        breaches=(Breach("errorCode", "unknown word: Error"),),
        **WHEN,
    )


def test_an_unknown_status_keeps_its_error(say):
    reaction = say(
        "StatusNotification",
        {"connectorId": 1, "errorCode": "GroundFailure", "status": "Broken"},
    )
    assert reaction.events[0].status is Status.UNKNOWN
    assert reaction.events[0].error == ErrorReport("GroundFailure")


def test_a_status_where_the_error_code_belongs_is_no_error(say):
    reaction = say(
        "StatusNotification",
        {"connectorId": 1, "errorCode": "Charging", "status": "Charging", "info": "SCN(16A)"},
    )
    assert reaction.events[0].error is None
    assert breaches_of(reaction)


def test_foreign_members_long_texts_and_wrong_types_are_flagged_and_read(say):
    reaction = say(
        "StatusNotification",
        {
            "connectorId": "1",
            "errorCode": "HighTemperature",
            "status": "faulted",
            "info": "x" * 79,
            "severity": 2,
            "vendorErrorCode": None,
            "VendorId": "amina",
        },
    )
    assert answered(reaction) == [3, "1", {}]
    assert reaction.events[0] == StatusReported(
        place=EVSE_1,
        status=Status.FAULTED,
        error=ErrorReport("HighTemperature", "amina", "", "x" * 79),
        **WHEN,
    )
    assert {breach.field for breach in breaches_of(reaction)} == {
        "connectorId",
        "status",
        "info",
        "severity",
        "vendorErrorCode",
        "VendorId",
    }


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-01-05T07:59:00",
        "2026-01-05T09:59:00+02",
        "2026-01-05T17:59:00+1000",
        "2026-01-05 07:59:00Z",
        1767599940,
    ],
)
def test_odd_timestamps_are_flagged_and_read(say, stamp):
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    reaction = say("StatusNotification", {**payload, "timestamp": stamp})
    assert reaction.events[0].reported_at == REPORTED
    assert [breach.field for breach in breaches_of(reaction)] == ["timestamp"]


@pytest.mark.parametrize("stamp", ["", "soon", "2026-02-30T08:00:00Z", None, {}])
def test_a_timestamp_that_is_none_costs_the_message_nothing_else(say, stamp):
    payload = {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted"}
    reaction = say("StatusNotification", {**payload, "timestamp": stamp})
    assert reaction.events[0].reported_at is None
    assert reaction.events[0].status is Status.FAULTED
    assert [breach.field for breach in breaches_of(reaction)] == ["timestamp"]


def test_a_meter_value_without_its_list_and_a_number_without_quotes_are_read(say):
    reaction = say(
        "MeterValues",
        {
            "connectorId": 1,
            "meterValue": {"timestamp": STAMP, "sampledValue": [{"value": 1.5, "unit": "kWh"}]},
        },
    )
    assert answered(reaction) == [3, "1", {}]
    assert reaction.events[0].samples == (
        Sample("Energy.Active.Import.Register", 1500.0, "Wh"),
    )
    assert [breach.field for breach in breaches_of(reaction)] == [
        "meterValue",
        "meterValue[0].sampledValue[0].value",
    ]


def test_one_bad_sample_does_not_cost_the_others(say):
    reaction = say(
        "MeterValues",
        meter(
            {"value": "16", "context": "CurrentMax", "measurand": "Current.Import"},
            {"value": "5", "measurand": "Energy.Active.Import.Session"},
            {"value": "21", "measurand": "Temperature", "unit": "Wh"},
            {"value": "broken", "measurand": "Voltage"},
            {"value": "NaN", "measurand": "Voltage"},
            {"value": " 12,5 ", "measurand": "Current.Import", "unit": "Amp"},
        ),
    )
    assert reaction.events[0].samples == (Sample("Current.Import", 12.5, "A"),)
    dropped = {
        breach.field for breach in breaches_of(reaction) if breach.why.startswith("left out")
    }
    assert dropped == {
        "meterValue[0].sampledValue[0].context",
        "meterValue[0].sampledValue[1]",
        "meterValue[0].sampledValue[2]",
        "meterValue[0].sampledValue[3].value",
        "meterValue[0].sampledValue[4].value",
    }


def test_empty_lists_of_values_are_flagged_and_answered(say):
    reaction = say("MeterValues", meter())
    assert answered(reaction) == [3, "1", {}]
    assert [breach.field for breach in breaches_of(reaction)] == ["meterValue[0].sampledValue"]


def test_a_stop_with_foreign_members_is_still_a_stop(say):
    reaction = say(
        "StopTransaction",
        {
            "connectorId": 1,
            "disconnectReason": "EVDisconnected",
            "transactionId": 1,
            "meterStop": 5,
            "timestamp": STAMP,
        },
    )
    assert answered(reaction)[0] == 3
    assert isinstance(reaction.events[0], TransactionEnded)


def test_a_broken_start_still_gets_a_positive_number(say):
    reaction = say("StartTransaction", {"connectorId": None, "idTag": 7, "meterStart": "x"})
    assert answered(reaction)[2]["transactionId"] == POSITION
    started = reaction.events[0]
    assert (started.place, started.id_token, started.meter_wh) == (WHOLE, "7", None)


def test_a_heartbeat_with_members_is_journalled_like_any_message(say):
    reaction = say("Heartbeat", {"status": "ok"})
    assert not reaction.is_heartbeat
    assert answered(reaction)[2] == {"currentTime": "2026-01-05T08:00:00Z"}
    assert [breach.field for breach in breaches_of(reaction)] == ["status"]


def test_breaches_beyond_the_limit_are_counted(say):
    reaction = say("Heartbeat", {f"m{number:03}": 1 for number in range(500)})
    breaches = breaches_of(reaction)
    assert len(breaches) == 21
    assert breaches[-1].why == "and 480 more"


CONFORMING = [
    ("Authorize", {"idTag": "A"}),
    ("BootNotification", {"chargePointVendor": "v", "chargePointModel": "m", "imsi": ""}),
    (
        "DataTransfer",
        {
            "vendorId": "EV-BOX",
            "messageId": "evbStatusNotification",
            "data": "2,Faulted,GroundFailure,RCD tripped,17,Red,1",
        },
    ),
    ("FirmwareStatusNotification", {"status": "Idle"}),
    ("DiagnosticsStatusNotification", {"status": "Idle"}),
    ("SecurityEventNotification", {"type": "x", "timestamp": STAMP}),
    ("MeterValues", meter({"value": "1", "unit": "kWh"}, {"value": "2", "phase": "L1"})),
    ("StatusNotification", {"connectorId": 2, "errorCode": "NoError", "status": "Faulted"}),
    (
        "StartTransaction",
        {"connectorId": 2, "idTag": "A", "meterStart": 100, "timestamp": STAMP},
    ),
    ("StopTransaction", {"transactionId": 3, "meterStop": 4, "timestamp": STAMP}),
]


@pytest.mark.parametrize(("action", "payload"), CONFORMING)
def test_a_foreign_member_changes_nothing_but_that_it_is_flagged(say, action, payload):
    strict = say(action, payload)
    lenient = say(action, {**payload, "severity": 2})
    assert lenient.answer == strict.answer
    flagged = MessageFlagged(
        station=STATION, action=action, breaches=(Breach("severity", "foreign member"),), **WHEN
    )
    assert flagged not in strict.events
    assert tuple(event for event in lenient.events if event != flagged) == strict.events
    assert flagged in lenient.events


# --- refusals, and what is never refused ------------------------------------------------------


def test_an_unknown_action_is_refused_and_recorded(say):
    reaction = say("TransactionStarted", {"idTag": {}})
    assert answered(reaction)[:3] == [4, "1", "NotImplemented"]
    (event,) = reaction.events
    assert isinstance(event, Unreadable)
    assert event.because == "unknown action TransactionStarted"


@pytest.mark.parametrize("payload", [None, [], "x", 5, [1, 2]])
@pytest.mark.parametrize(
    "action",
    ["BootNotification", "StatusNotification", "MeterValues", "StartTransaction", "Heartbeat",
     "StopTransaction", "DataTransfer", "SecurityEventNotification", "TransactionEvent",
     "FirmwareStatusNotification", "NotifyEvent", "VendorStatusNotification"],
)  # fmt: skip
def test_what_stations_repeat_for_ever_is_never_refused(say, action, payload):
    reaction = say(action, payload)
    assert answered(reaction)[:2] == [3, "1"]
    assert reaction.events


@pytest.mark.parametrize("action", ["Authorize", "SignCertificate"])
def test_other_payloads_that_are_no_object_are_refused_in_the_spelling_of_1_6(say, action):
    assert answered(say(action, [1]))[:3] == [4, "1", "FormationViolation"]


def test_broken_json_of_a_transaction_gets_its_result_so_that_the_queue_moves_on(raw):
    reaction = raw(b'[2,"213","StartTransaction",{"connectorId":2,"idTag":"336699\\","meter')
    assert answered(reaction) == [
        3,
        "213",
        {"transactionId": POSITION, "idTagInfo": {"status": "Accepted"}},
    ]
    (event,) = reaction.events
    assert (event.because, event.said[:11]) == ("not JSON", '[2,"213","S')


def test_other_broken_json_is_refused_and_without_an_id_not_answered_at_all(raw):
    assert answered(raw(b'[2,"9","StatusNotification",{'))[:3] == [4, "9", "FormationViolation"]
    reaction = raw(b"garbage \xff\x00")
    assert reaction.answer is None
    assert isinstance(reaction.events[0], Unreadable)


def test_a_fault_inside_broken_json_is_not_missed(raw):
    reaction = raw(
        b'[2,"9","StatusNotification",{"connectorId":1,"info":"Error "E5" seen",'
        b'"errorCode":"GroundFailure","status":"Faulted"}]'
    )
    assert answered(reaction)[:3] == [4, "9", "FormationViolation"]
    status, unreadable = reaction.events
    assert (status.place, status.status) == (EVSE_1, Status.FAULTED)
    assert status.error.code == "GroundFailure"
    assert isinstance(unreadable, Unreadable)


@pytest.mark.parametrize(
    "cut",
    [
        b'{"connectorId":1,"errorCode":"GroundFail',
        b'{"errorCode":"GroundFailure","status":"Faulted"',
    ],
)
def test_what_is_cut_off_is_not_made_up(raw, cut):
    (event,) = raw(b'[2,"9","StatusNotification",' + cut).events
    assert isinstance(event, Unreadable)


@pytest.mark.parametrize(
    ("cut", "status", "code"),
    [
        (b'"errorCode":"GroundFailure","status":"Faul', Status.UNKNOWN, "GroundFailure"),
        (b'"status":"Faulted","errorCode":"Grou', Status.FAULTED, ""),
    ],
)
def test_the_whole_half_of_a_cut_status_is_heard(raw, cut, status, code):
    reported, _ = raw(b'[2,"9","StatusNotification",{"connectorId":1,' + cut).events
    assert reported.status is status
    assert (reported.error.code if reported.error else "") == code


@pytest.mark.parametrize("raw_id", [b"null", b"true", b'{"a":1}'])
def test_a_fault_is_heard_though_its_id_is_none(raw, raw_id):
    told = b'{"connectorId":1,"errorCode":"GroundFailure","status":"Faulted"}'
    reaction = raw(b'[2,%b,"StatusNotification",%b]' % (raw_id, told))
    assert reaction.events[0].status is Status.FAULTED
    assert answered(reaction)[:3] == [4, "-1", "FormationViolation"]


def test_a_payload_packed_twice_is_unpacked(raw):
    told = json.dumps('{"connectorId":1,"errorCode":"GroundFailure","status":"Faulted"}')
    reaction = raw(b'[2,"9","StatusNotification",%b]' % told.encode())
    assert reaction.events[0].error.code == "GroundFailure"
    assert answered(reaction) == [3, "9", {}]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Fault", Status.FAULTED),
        ("ERROR", Status.FAULTED),
        ("OutOfOrder", Status.FAULTED),
        ("Inoperative", Status.UNAVAILABLE),
        ("SUSPENDED_EVSE", Status.SUSPENDED_EVSE),
        ("Suspended EV", Status.SUSPENDED_EV),
        ("occupied", Status.OCCUPIED),
        ("Unavailable\0", Status.UNAVAILABLE),
        ("Sulking", Status.UNKNOWN),
    ],
)
def test_a_status_in_another_spelling_is_meant(say, word, status):
    told = {"connectorId": 1, "errorCode": "NoError", "status": word}
    assert say("StatusNotification", told).events[0].status is status


@pytest.mark.parametrize("word", ["(null)", "<none>", "--", "[]", "NA", "Success", '"none"'])
def test_more_words_name_no_error(say, word):
    told = {"connectorId": 1, "errorCode": word, "status": "Available"}
    told |= {"info": word, "vendorErrorCode": word}
    assert say("StatusNotification", told).events[0].error is None


def test_empty_words_of_a_sample_are_the_defaults(say):
    sampled = {"value": "5", "measurand": "", "context": "", "unit": "", "phase": ""}
    moment = {"timestamp": "2026-01-05T08:00:00Z", "sampledValue": [sampled]}
    event, _ = say("MeterValues", {"connectorId": 1, "meterValue": [moment]}).events
    assert event.samples == (Sample("Energy.Active.Import.Register", 5.0, "Wh"),)


def test_an_id_that_nobody_understands_is_refused_as_minus_one(raw):
    assert answered(raw(b'[2,null,"Heartbeat",{}]'))[:3] == [4, "-1", "FormationViolation"]


def test_a_numeric_id_comes_back_as_a_number(raw):
    reaction = raw(b'[2,17,"Heartbeat",{}]')
    assert answered(reaction)[:2] == [3, 17]
    assert reaction.is_heartbeat


@pytest.mark.parametrize("frame", [b"", b"pong"])
def test_quiet_frames_are_folded_like_heartbeats_and_not_answered(raw, frame):
    reaction = raw(frame)
    assert reaction.answer is None
    assert reaction.is_heartbeat
    assert reaction.events == (Heard(station=STATION, **WHEN),)


# --- answers of the station, and secrets ------------------------------------------------------


def test_the_answer_to_a_command_names_the_command(raw):
    reaction = raw(b'[3,"c-1",{"status":"Accepted"}]')
    assert (reaction.result_of, reaction.result) == ("c-1", b'{"status":"Accepted"}')
    assert not reaction.is_error
    assert reaction.answer is None
    assert reaction.events == (Heard(station=STATION, **WHEN),)


def test_a_refusal_of_a_command_brings_code_description_and_details(raw):
    reaction = raw(b'[4,"c-1","ProtocolError","no",{}]')
    assert reaction.is_error
    assert (reaction.result_of, reaction.result) == ("c-1", b'["ProtocolError","no",{}]')


def test_the_password_of_a_station_is_in_neither_body_nor_result(raw):
    reaction = raw(
        b'[3,"c-1",{"configurationKey":[{"key":"AuthorizationKey","readonly":false,'
        b'"value":"hush"}]}]'
    )
    assert b"hush" not in reaction.body + reaction.result
    assert msgspec.json.decode(reaction.body)[2]["configurationKey"][0]["value"] == "***"


def test_a_broken_frame_with_a_password_gives_nothing_away(raw):
    reaction = raw(b'[3,"c-1",{"configurationKey":[{"key":"AuthorizationKey","value":"hush"')
    assert b"hush" not in reaction.body
    assert "hush" not in reaction.events[0].said


def test_a_command_is_built_as_a_call(dialect):
    assert (
        dialect.call("c-1", "TriggerMessage", b'{"requestedMessage":"Heartbeat"}')
        == b'[2,"c-1","TriggerMessage",{"requestedMessage":"Heartbeat"}]'
    )


# --- messages of another version --------------------------------------------------------------


def test_a_2x_boot_on_a_1_6_connection_is_a_boot(say):
    reaction = say(
        "BootNotification",
        {
            "reason": "PowerUp",
            "chargingStation": {
                "vendorName": "FoxESS",
                "model": "A022",
                "firmwareVersion": "1",
            },
        },
    )
    assert answered(reaction)[2]["interval"] == 300
    assert reaction.events[0] == Booted(
        station=STATION,
        vendor="FoxESS",
        model="A022",
        firmware="1",
        reason="PowerUp",
        **WHEN,
    )
    assert breaches_of(reaction) == (Breach("", "a message of OCPP 2.x"),)
    assert isinstance(reaction.events[-1], HeartbeatAgreed)


def test_a_2x_status_on_a_1_6_connection_is_a_status(say):
    reaction = say(
        "StatusNotification",
        {"timestamp": STAMP, "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1},
    )
    assert reaction.events[0] == StatusReported(
        place=EVSE_1, status=Status.OCCUPIED, reported_at=REPORTED, **WHEN
    )
    assert answered(reaction) == [3, "1", {}]


def test_other_2x_messages_are_flagged_and_answered(say):
    reaction = say("NotifyEvent", {"eventData": []})
    assert answered(reaction) == [3, "1", {}]
    assert isinstance(reaction.events[0], MessageFlagged)
