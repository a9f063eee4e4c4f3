"""What 2.x frames mean, conforming and not, and what they are answered."""

import json
from datetime import UTC, datetime

import pytest

from domain.events import (
    AuthorizationAsked,
    Booted,
    Breach,
    ConfigurationReported,
    DiagnosticsStatusReported,
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
    TransactionUpdated,
    Unreadable,
    VendorDataReceived,
)
from domain.places import Place, StationId
from ocpp_server.translate import Translation
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v2x.remembered import CONNECTOR_LIMIT, EVSE_LIMIT, TRANSACTION_LIMIT
from ocpp_server.v16.dialect import Dialect16

STATION = StationId("N-001")
NOW = datetime(2026, 1, 5, 8, 0, 0, 123_456, tzinfo=UTC)
POSITION = 41
STAMP = "2026-01-05T07:59:00Z"
REPORTED = datetime(2026, 1, 5, 7, 59, tzinfo=UTC)
WHEN = {"observed_at": NOW, "position": POSITION}
EVSE_1 = Place.of_station(STATION, 1)
WHOLE = Place.of_station(STATION)


@pytest.fixture(params=["ocpp2.0.1", "ocpp2.1"])
def dialect(request):
    return Dialect2x(STATION, Translation(station=STATION, protocol=request.param))


@pytest.fixture
def say(dialect):
    """Say one call and return the reaction."""

    def say_it(action, payload, message_id="1"):
        frame = json.dumps([2, message_id, action, payload]).encode()
        return dialect.receive(frame, now=NOW, position=POSITION)

    return say_it


@pytest.fixture
def v201():
    """Say one call on a 2.0.1 connection; return the events."""
    dialect = Dialect2x(STATION, Translation(station=STATION, protocol="ocpp2.0.1"))

    def say_it(action, payload, kind=2):
        frame = json.dumps([kind, "1", action, payload]).encode()
        return dialect.receive(frame, now=NOW, position=POSITION)

    return say_it


@pytest.fixture
def v21():
    dialect = Dialect2x(STATION, Translation(station=STATION, protocol="ocpp2.1"))

    def say_it(action, payload, kind=2):
        frame = json.dumps([kind, "1", action, payload]).encode()
        return dialect.receive(frame, now=NOW, position=POSITION)

    return say_it


@pytest.fixture
def v16():
    dialect = Dialect16(STATION, Translation(station=STATION, protocol="ocpp1.6"))

    def say_it(action, payload):
        frame = json.dumps([2, "1", action, payload]).encode()
        return dialect.receive(frame, now=NOW, position=POSITION)

    return say_it


def breaches_of(reaction):
    (flagged,) = [event for event in reaction.events if isinstance(event, MessageFlagged)]
    return flagged.breaches


def answered(reaction):
    return json.loads(reaction.answer)


def status(evse=1, connector=1, word="Available"):
    return {
        "timestamp": STAMP,
        "connectorStatus": word,
        "evseId": evse,
        "connectorId": connector,
    }


def transaction(kind, seq_no=0, **more):
    return {
        "eventType": kind,
        "timestamp": STAMP,
        "triggerReason": "ChargingStateChanged",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "TX-1"},
        **more,
    }


def register(value, context="Sample.Periodic", **more):
    sampled = {"value": value, "measurand": "Energy.Active.Import.Register", "context": context}
    return [{"timestamp": STAMP, "sampledValue": [sampled | more]}]


# --- boot, heartbeat, authorization -----------------------------------------------------------


def test_a_conforming_heartbeat_is_folded_and_answered_in_whole_seconds(say):
    reaction = say("Heartbeat", {})
    assert reaction.is_heartbeat
    assert answered(reaction) == [3, "1", {"currentTime": "2026-01-05T08:00:00Z"}]
    assert reaction.events == (Heard(station=STATION, **WHEN),)


def test_a_boot_is_accepted_and_agrees_on_the_heartbeat_interval(say):
    reaction = say(
        "BootNotification",
        {
            "reason": "PowerUp",
            "chargingStation": {
                "vendorName": "FoxESS",
                "model": "A022KP1",
                "serialNumber": "60BF1",
                "firmwareVersion": "1.07",
            },
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
            vendor="FoxESS",
            model="A022KP1",
            serial="60BF1",
            firmware="1.07",
            reason="PowerUp",
            **WHEN,
        ),
        HeartbeatAgreed(station=STATION, every_s=300, **WHEN),
    )


def test_a_token_is_asked_for_and_accepted(say):
    reaction = say("Authorize", {"idToken": {"idToken": "04A1", "type": "ISO14443"}})
    assert answered(reaction) == [3, "1", {"idTokenInfo": {"status": "Accepted"}}]
    asked = AuthorizationAsked(station=STATION, id_token="04A1", **WHEN)
    accepted = AuthorizationAsked(station=STATION, id_token="04A1", is_accepted=True, **WHEN)
    assert reaction.events == (asked, accepted)


def told_by(answer, action, payload, protocol="ocpp2.0.1"):
    """Return the events of an answer to a call, as a log has both."""
    translation = Translation(station=STATION, protocol=protocol)
    frame = json.dumps([2, "1", action, payload]).encode()
    translation.received(frame, at=NOW, position=POSITION)
    return translation.sent(
        json.dumps([3, "1", answer]).encode(), at=NOW, position=POSITION + 1
    )


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Authorize", {"idToken": {"idToken": "04A1", "type": "Local"}}),
        (
            "TransactionEvent",
            {"eventType": "Started", "idToken": {"idToken": "04A1", "type": "Local"}},
        ),
    ],
)
def test_a_refused_token_in_a_log_is_told(action, payload):
    refused = {"idTokenInfo": {"status": "Blocked"}}
    (asked,) = told_by(refused, action, payload)
    assert asked == AuthorizationAsked(
        station=STATION, id_token="04A1", is_accepted=False, refused_as="Blocked", **WHEN
    )


def test_an_accepted_token_of_a_transaction_is_no_news():
    payload = {"eventType": "Started", "idToken": {"idToken": "04A1", "type": "Local"}}
    for answer in ({}, {"idTokenInfo": {"status": "Accepted"}}):
        assert told_by(answer, "TransactionEvent", payload) == ()


# --- status -----------------------------------------------------------------------------------


def test_the_status_of_a_connector_is_that_of_its_evse(say):
    reaction = say("StatusNotification", status(word="Occupied"))
    assert answered(reaction) == [3, "1", {}]
    assert reaction.events == (
        StatusReported(place=EVSE_1, status=Status.OCCUPIED, reported_at=REPORTED, **WHEN),
    )


def test_evse_0_is_the_station_and_takes_nothing_from_its_evses(say):
    say("StatusNotification", status(1, 1, "Faulted"))
    (event,) = say("StatusNotification", status(0, 0, "Available")).events
    assert (event.place, event.status) == (WHOLE, Status.AVAILABLE)
    (event,) = say("StatusNotification", status(1, 2, "Available")).events
    assert (event.place, event.status) == (EVSE_1, Status.FAULTED)


@pytest.mark.parametrize(
    ("words", "together"),
    [
        (["Available", "Faulted"], Status.FAULTED),
        (["Faulted", "Occupied"], Status.FAULTED),
        (["Faulted", "Available", "Available"], Status.AVAILABLE),
        (["Occupied", "Unavailable"], Status.OCCUPIED),
        (["Available", "Unavailable"], Status.UNAVAILABLE),
        (["Unavailable", "Reserved"], Status.RESERVED),
        (["Faulted", "Broken", "Available"], Status.AVAILABLE),
        (["Faulted", "Available", "Broken"], Status.FAULTED),
        (["Broken", "Occupied"], Status.OCCUPIED),
        (["Broken"], Status.UNKNOWN),
    ],
)
def test_of_several_connectors_the_worst_counts(say, words, together):
    # A third word is the first connector's again.
    for number, word in enumerate(words):
        reaction = say("StatusNotification", status(1, 1 + number % 2, word))
    assert reaction.events[0].status is together


def test_a_boot_forgets_connectors_that_are_not_told_again(say):
    say("StatusNotification", status(1, 2, "Faulted"))
    say("BootNotification", {"reason": "PowerUp", "chargingStation": {"model": "m"}})
    (event,) = say("StatusNotification", status(1, 1, "Available")).events
    assert event.status is Status.AVAILABLE


def test_a_connector_without_an_evse_is_taken_as_the_evse_and_flagged(say):
    reaction = say("StatusNotification", status(0, 2, "Faulted"))
    assert reaction.events[0].place == Place.of_station(STATION, 2)
    assert breaches_of(reaction) == (Breach("evseId", "none beside connector 2"),)


def test_an_older_status_is_not_thrown_away(say):
    say("StatusNotification", status())
    late = status(word="Faulted") | {"timestamp": "2025-12-31T00:00:00Z"}
    assert say("StatusNotification", late).events[0].status is Status.FAULTED


@pytest.mark.parametrize("word", ["faulted", " Faulted "])
def test_a_status_is_known_in_spite_of_its_spelling(say, word):
    reaction = say("StatusNotification", status(word=word))
    assert reaction.events[0].status is Status.FAULTED
    assert breaches_of(reaction)[0].field == "connectorStatus"


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Charging", Status.OCCUPIED),
        ("SuspendedEV", Status.OCCUPIED),
        ("Fault", Status.FAULTED),
        ("Sulking", Status.UNKNOWN),
    ],
)
def test_a_word_of_another_list_is_read_as_what_it_means(say, word, meant):
    assert say("StatusNotification", status(word=word)).events[0].status is meant


def test_a_breach_of_the_envelope_alone_is_told_alone(dialect):
    told = status(word="Faulted")
    frame = json.dumps([2, "9", "StatusNotification", told, {}]).encode()
    reaction = dialect.receive(frame, now=NOW, position=1)
    assert [breach.why for breach in breaches_of(reaction)] == [
        "a call of 5 elements instead of 4"
    ]


def test_a_status_under_its_old_name_is_a_status(say):
    told = status(evse=2, word="Faulted")
    told["status"] = told.pop("connectorStatus")
    reaction = say("StatusNotification", told)
    reported = reaction.events[0]
    assert (reported.place.evse, reported.status) == (2, Status.FAULTED)
    assert [breach.field for breach in breaches_of(reaction)] == ["status"]


def test_an_evse_that_is_an_object_is_not_the_whole_station(say):
    told = status(word="Faulted")
    del told["evseId"], told["connectorId"]
    told["evse"] = {"id": 2, "connectorId": 1}
    reaction = say("StatusNotification", told)
    assert reaction.events[0].place.evse == 2
    assert [breach.field for breach in breaches_of(reaction)] == ["evse"]


def test_connectors_are_remembered_up_to_a_limit(dialect, say):
    for evse in range(1, EVSE_LIMIT + 10):
        say("StatusNotification", status(evse))
    for connector in range(1, CONNECTOR_LIMIT + 10):
        say("StatusNotification", status(EVSE_LIMIT, connector))
    memory = dialect._translation.v2x
    assert len(memory.connectors) == EVSE_LIMIT
    assert len(memory.connectors[EVSE_LIMIT]) == CONNECTOR_LIMIT


@pytest.mark.parametrize("number", [EVSE_LIMIT + 1, 10**9])
def test_a_number_no_evse_has_means_the_station_and_is_flagged(dialect, say, number):
    reaction = say("StatusNotification", status(number))
    assert reaction.events[0].place.evse == 0
    assert breaches_of(reaction)[0].field == "evseId"
    assert not (dialect._translation.v2x and dialect._translation.v2x.connectors)


def test_a_status_in_broken_json_is_salvaged(dialect):
    frame = (
        b'[2,"7","StatusNotification",{"timestamp":"2026-01-05T07:59:00Z","evseId":1,'
        b'"connectorId":1,"connectorStatus":"Faulted","customData":{"vendorId":"a"b"}}]'
    )
    reaction = dialect.receive(frame, now=NOW, position=POSITION)
    status_event, unreadable = reaction.events
    assert (status_event.place, status_event.status) == (EVSE_1, Status.FAULTED)
    assert isinstance(unreadable, Unreadable)
    assert answered(reaction)[:3] == [4, "7", "FormatViolation"]


# --- transactions and meters ------------------------------------------------------------------


def test_a_transaction_begins_with_its_register_token_and_charging_state(say):
    reaction = say(
        "TransactionEvent",
        transaction(
            "Started",
            evse={"id": 2, "connectorId": 1},
            idToken={"idToken": "04A1", "type": "ISO14443"},
            transactionInfo={"transactionId": "TX-1", "chargingState": "Charging"},
            meterValue=register(1.5, "Transaction.Begin", unitOfMeasure={"unit": "kWh"}),
        ),
    )
    place = Place.of_station(STATION, 2)
    assert answered(reaction) == [3, "1", {"idTokenInfo": {"status": "Accepted"}}]
    assert reaction.events == (
        TransactionStarted(
            place=place,
            transaction="TX-1",
            id_token="04A1",
            meter_wh=1500,
            reported_at=REPORTED,
            **WHEN,
        ),
        TransactionUpdated(
            place=place,
            transaction="TX-1",
            charging_state="Charging",
            reported_at=REPORTED,
            **WHEN,
        ),
        MeterSampled(
            place=place,
            transaction="TX-1",
            samples=(
                Sample(
                    "Energy.Active.Import.Register", 1500, "Wh", context="Transaction.Begin"
                ),
            ),
            reported_at=REPORTED,
            **WHEN,
        ),
    )


def test_a_transaction_without_a_token_is_answered_with_nothing_more(say):
    reaction = say("TransactionEvent", transaction("Updated", evse={"id": 1}))
    assert answered(reaction) == [3, "1", {}]
    assert reaction.events == (
        TransactionUpdated(place=EVSE_1, transaction="TX-1", reported_at=REPORTED, **WHEN),
    )


def test_a_reading_after_the_end_is_kept_and_wakes_nothing_up(say):
    # Quirk J7.
    say("TransactionEvent", transaction("Started", 0, evse={"id": 1}))
    say("TransactionEvent", transaction("Ended", 1))
    closing = transaction("Updated", 2, meterValue=register(99.0, "Transaction.End"))
    (sampled,) = say("TransactionEvent", closing).events
    assert isinstance(sampled, MeterSampled)
    assert (sampled.place, sampled.transaction) == (EVSE_1, "TX-1")
    assert say("TransactionEvent", transaction("Updated", 3)).events == (
        Heard(station=STATION, **WHEN),
    )
    later = transaction("Started", 0, evse={"id": 1}, timestamp="2026-01-05T07:59:30Z")
    again = say("TransactionEvent", later).events
    assert isinstance(again[0], TransactionStarted)


def test_an_end_of_what_we_never_heard_of_is_foreign_and_ends_nothing_that_is_newer(say):
    # Quirks C14 and K1, without the mark of a backlog.
    say("TransactionEvent", transaction("Started", 0, evse={"id": 1}))
    old = {"timestamp": "2026-01-05T06:00:00Z"}
    other = {"transactionInfo": {"transactionId": "TX-0"}}
    (end,) = say(
        "TransactionEvent", transaction("Ended", 9, evse={"id": 1}) | other | old
    ).events
    assert (end.is_foreign, end.place, end.transaction) == (True, WHOLE, "TX-0")
    newer = {"timestamp": "2026-01-05T09:00:00Z"}
    third = {"transactionInfo": {"transactionId": "TX-3"}}
    (end,) = say(
        "TransactionEvent", transaction("Ended", 9, evse={"id": 1}) | third | newer
    ).events
    assert (end.is_foreign, end.place, end.transaction) == (True, EVSE_1, "TX-3")


def test_a_late_end_leaves_the_transaction_alone_that_followed(say):
    say("TransactionEvent", transaction("Started", 0, evse={"id": 1}))
    second = {"transactionInfo": {"transactionId": "TX-2"}}
    say("TransactionEvent", transaction("Started", 0, evse={"id": 1}) | second)
    (end,) = say("TransactionEvent", transaction("Ended", 1)).events
    assert (end.is_foreign, end.place, end.transaction) == (False, WHOLE, "TX-1")
    (end,) = say("TransactionEvent", transaction("Ended", 1) | second).events
    assert (end.place, end.transaction) == (EVSE_1, "TX-2")


def test_a_transaction_stays_where_it_began_until_its_end(say):
    say("TransactionEvent", transaction("Started", 0, evse={"id": 1}))
    (updated,) = say("TransactionEvent", transaction("Updated", 1)).events
    ended = say(
        "TransactionEvent",
        transaction(
            "Ended",
            2,
            transactionInfo={"transactionId": "TX-1", "stoppedReason": "EmergencyStop"},
            meterValue=register(99.0, "Transaction.End"),
        ),
    )
    assert updated.place == EVSE_1
    sampled, end = ended.events
    assert isinstance(sampled, MeterSampled)
    assert isinstance(end, TransactionEnded)
    assert (end.place, end.reason, end.meter_wh) == (EVSE_1, "EmergencyStop", 99)


def test_what_is_older_than_we_know_changes_nothing(say):
    at = {"timestamp": "2026-01-05T07:00:00Z"}
    say("TransactionEvent", transaction("Updated", 5, evse={"id": 1}))
    for old in (
        transaction("Started", 0, offline=True, evse={"id": 1}, meterValue=register(1.0)),
        transaction("Updated", 4, evse={"id": 1}) | at,
    ):
        reaction = say("TransactionEvent", old)
        assert reaction.events == (Heard(station=STATION, **WHEN),)
        assert answered(reaction) == [3, "1", {}]


def test_a_counter_that_starts_again_is_not_old(say):
    say("TransactionEvent", transaction("Updated", 50, evse={"id": 1}))
    later = transaction("Updated", 0) | {"timestamp": "2026-01-05T07:59:30Z"}
    assert isinstance(say("TransactionEvent", later).events[0], TransactionUpdated)


def test_an_end_is_never_too_old_to_end_its_transaction(say):
    say("TransactionEvent", transaction("Updated", 5, evse={"id": 1}))
    (end,) = say("TransactionEvent", transaction("Ended", 4, offline=True)).events
    assert isinstance(end, TransactionEnded)
    assert end.transaction == "TX-1"


def test_a_backlog_does_not_touch_the_transaction_that_runs_now(say):
    say("TransactionEvent", transaction("Started", evse={"id": 1}))
    before = {"timestamp": "2026-01-04T07:00:00Z", "offline": True, "evse": {"id": 1}}
    old = {"transactionInfo": {"transactionId": "TX-0"}}
    started = say("TransactionEvent", transaction("Started", 0) | before | old)
    ended = say("TransactionEvent", transaction("Ended", 1) | before | old)
    assert started.events == (Heard(station=STATION, **WHEN),)
    (end,) = ended.events
    # It names the EVSE of a transaction that goes on: only the number may end anything.
    assert (end.place, end.transaction) == (WHOLE, "TX-0")


def test_a_backlog_in_order_reads_as_it_would_have_live(say):
    started = say("TransactionEvent", transaction("Started", 0, offline=True, evse={"id": 1}))
    ended = say("TransactionEvent", transaction("Ended", 1, offline=True))
    assert isinstance(started.events[0], TransactionStarted)
    assert isinstance(ended.events[0], TransactionEnded)
    assert ended.events[0].place == EVSE_1


def test_transactions_are_remembered_up_to_a_limit(dialect, say):
    for number in range(TRANSACTION_LIMIT + 10):
        info = {"transactionInfo": {"transactionId": str(number)}}
        say("TransactionEvent", transaction("Started") | info)
    assert len(dialect._translation.v2x.transactions) == TRANSACTION_LIMIT


def sampled_by(say, **sampled):
    reaction = say(
        "MeterValues",
        {"evseId": 1, "meterValue": [{"timestamp": STAMP, "sampledValue": [sampled]}]},
    )
    found = [event for event in reaction.events if isinstance(event, MeterSampled)]
    return found[0].samples[0] if found else None


@pytest.mark.parametrize(
    ("sampled", "measurand", "value", "unit"),
    [
        ({"value": 5}, "Energy.Active.Import.Register", 5, "Wh"),
        (
            {"value": 5, "unitOfMeasure": {"multiplier": 3}},
            "Energy.Active.Import.Register",
            5000,
            "Wh",
        ),
        (
            {"value": 11, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "kW"}},
            "Power.Active.Import",
            11000,
            "W",
        ),
        ({"value": 16, "measurand": "Current.Import"}, "Current.Import", 16, "A"),
        ({"value": 0.9, "measurand": "Power.Factor"}, "Power.Factor", 0.9, ""),
        ({"value": 230, "unitOfMeasure": {"unit": "V"}}, "Voltage", 230, "V"),
        (
            {"value": 2, "measurand": "Energy.Apparent.Net", "unitOfMeasure": {"unit": "kVAh"}},
            "Energy.Apparent.Net",
            2000,
            "VAh",
        ),
    ],
)
def test_samples_come_in_base_units(say, sampled, measurand, value, unit):
    assert sampled_by(say, **sampled) == Sample(measurand, value, unit)


@pytest.mark.parametrize(
    "sampled",
    [
        {"value": 1, "measurand": "Voltage", "unitOfMeasure": {"unit": "Wh"}},
        {"value": 1, "unitOfMeasure": {"unit": "furlong"}},
        {"value": 1e308, "unitOfMeasure": {"multiplier": 24}},
        {"value": 1, "unitOfMeasure": {"multiplier": 400}},
        {"value": 1, "context": "CurrentMax"},
        {"value": "many"},
    ],
)
def test_a_sample_that_means_nothing_is_left_out_and_flagged(say, sampled):
    good = {"value": 1}
    reaction = say(
        "MeterValues",
        {"evseId": 1, "meterValue": [{"timestamp": STAMP, "sampledValue": [sampled, good]}]},
    )
    (event,) = [event for event in reaction.events if isinstance(event, MeterSampled)]
    assert event.samples == (Sample("Energy.Active.Import.Register", 1, "Wh"),)
    assert any("sampledValue[0]" in breach.field for breach in breaches_of(reaction))


@pytest.mark.parametrize(
    ("written", "is_late"), [("true", True), ("1", True), (1, True), ("maybe", False)]
)
def test_true_and_false_are_read_however_they_are_written(say, written, is_late):
    say("TransactionEvent", transaction("Updated", 5, evse={"id": 1}))
    reaction = say("TransactionEvent", transaction("Updated", 4, offline=written))
    told = [e for e in reaction.events if isinstance(e, TransactionUpdated)]
    assert bool(told) != is_late
    assert any(breach.field == "offline" for breach in breaches_of(reaction))


def test_a_number_out_of_range_is_kept_and_flagged(v21):
    reaction = v21(
        "MeterValues",
        {"evseId": -1, "meterValue": [{"timestamp": STAMP, "sampledValue": [{"value": 1}]}]},
    )
    assert reaction.events[0].place == WHOLE
    assert breaches_of(reaction) == (Breach("evseId", "out of range: -1"),)


def test_a_value_written_as_text_is_read(say):
    assert sampled_by(say, value="12,5").value == 12.5


# --- the rest ---------------------------------------------------------------------------------


def test_the_answers_to_what_we_cannot_do_say_so_in_their_own_words(say):
    assert answered(say("SignCertificate", {"csr": "x"})) == [3, "1", {"status": "Rejected"}]
    chain = {"iso15118SchemaVersion": "1", "action": "Install", "exiRequest": "x"}
    assert answered(say("Get15118EVCertificate", chain)) == [
        3,
        "1",
        {"status": "Failed", "exiResponse": ""},
    ]
    needs = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "AC_three_phase"}}
    assert answered(say("NotifyEVChargingNeeds", needs)) == [3, "1", {"status": "Accepted"}]


def test_certificates_of_a_chain_are_each_answered_as_failed(v21):
    hashed = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": "a",
        "issuerKeyHash": "b",
        "serialNumber": "1",
    }
    asked = {"source": "OCSP", "urls": ["http://x"], "certificateHashData": hashed}
    broken = asked | {"certificateHashData": {"hashAlgorithm": "MD5"}}
    reaction = v21("GetCertificateChainStatus", {"certificateStatusRequests": [asked, broken]})
    assert answered(reaction)[2] == {
        "certificateStatus": [
            {
                "certificateHashData": hashed,
                "source": "OCSP",
                "status": "Failed",
                "nextUpdate": "2026-01-05T08:00:00Z",
            }
        ]
    }


def test_a_vat_number_is_repeated_and_not_vouched_for(v21):
    answer = answered(v21("VatNumberValidation", {"vatNumber": "DE123"}))
    assert answer == [3, "1", {"vatNumber": "DE123", "status": "Rejected"}]


def test_updates_uploads_and_security_events_are_told(say):
    (firmware,) = say("FirmwareStatusNotification", {"status": "InstallationFailed"}).events
    assert firmware == FirmwareStatusReported(
        station=STATION, status="InstallationFailed", **WHEN
    )
    (log,) = say("LogStatusNotification", {"status": "UploadFailure", "requestId": 1}).events
    assert log == DiagnosticsStatusReported(station=STATION, status="UploadFailure", **WHEN)
    (security,) = say(
        "SecurityEventNotification", {"type": "SettingSystemTime", "timestamp": STAMP}
    ).events
    assert security == SecurityEventReported(
        station=STATION, kind="SettingSystemTime", reported_at=REPORTED, **WHEN
    )


def test_vendor_data_of_any_shape_is_kept_as_text(say):
    (event,) = say("DataTransfer", {"vendorId": "x", "data": {"a": [1]}}).events
    assert event == VendorDataReceived(
        station=STATION, vendor_id="x", payload='{"a":[1]}', **WHEN
    )


def report(name, value, **attribute):
    return {
        "requestId": 1,
        "generatedAt": STAMP,
        "seqNo": 0,
        "reportData": [
            {
                "component": {"name": "SecurityCtrlr", "evse": {"id": 2}},
                "variable": {"name": name, "instance": "A"},
                "variableAttribute": [{"value": value, **attribute}],
            }
        ],
    }


def test_a_report_tells_settings(say):
    (event,) = say("NotifyReport", report("Identity", "N-001")).events
    assert event == ConfigurationReported(
        station=STATION, settings={"SecurityCtrlr@2.Identity/A": "N-001"}, **WHEN
    )
    (event,) = say("NotifyReport", report("Limit", "16", type="MaxSet")).events
    assert event.settings == {"SecurityCtrlr@2.Limit/A#MaxSet": "16"}


@pytest.mark.parametrize("name", ["BasicAuthPassword", "WifiPassphrase", "TunnelSharedKey"])
def test_secrets_are_masked_in_event_and_frame(say, name):
    reaction = say("NotifyReport", report(name, "hunter2"))
    assert list(reaction.events[0].settings.values()) == ["***"]
    assert b"hunter2" not in reaction.body
    assert b'"***"' in reaction.body


def test_what_can_only_be_written_is_not_repeated(say):
    reaction = say("NotifyReport", report("Odd", "hunter2", mutability="WriteOnly"))
    assert list(reaction.events[0].settings.values()) == ["***"]


def test_a_secret_in_an_answer_is_masked(dialect):
    result = {
        "getVariableResult": [
            {
                "attributeStatus": "Accepted",
                "attributeValue": "hunter2",
                "component": {"name": "SecurityCtrlr"},
                "variable": {"name": "BasicAuthPassword"},
            }
        ]
    }
    frame = json.dumps([3, "c1", result]).encode()
    reaction = dialect.receive(frame, now=NOW, position=POSITION)
    assert reaction.result_of == "c1"
    assert b"hunter2" not in reaction.body + reaction.result


def test_a_broken_frame_that_names_a_secret_loses_its_values(dialect):
    frame = json.dumps([2, "1", "NotifyReport", report("BasicAuthPassword", "hunter2")])[:-9]
    reaction = dialect.receive(frame.encode(), now=NOW, position=POSITION)
    assert b"hunter2" not in reaction.body
    assert "hunter2" not in repr(reaction.events)


# --- envelopes, versions ----------------------------------------------------------------------


def test_what_nobody_knows_is_refused_in_the_spelling_of_2x(say, dialect):
    assert answered(say("Nonsense", {}))[:3] == [4, "1", "NotImplemented"]
    assert answered(say("Authorize", "x"))[:3] == [4, "1", "FormatViolation"]
    headless = dialect.receive(b"[2]", now=NOW, position=POSITION)
    assert headless.answer is None
    odd_id = dialect.receive(b'[2,{},"Heartbeat",{}]', now=NOW, position=POSITION)
    assert answered(odd_id)[:3] == [4, "-1", "RpcFrameworkError"]


def test_an_unknown_notification_is_acknowledged_and_flagged(say):
    reaction = say("NotifyWeather", {})
    assert answered(reaction) == [3, "1", {}]
    assert "not read" in breaches_of(reaction)[0].why


def test_a_broken_message_of_the_other_edition_is_answered_in_its_own_words(dialect):
    broken = b'[2,"7","StopTransaction",{"transactionId":1,"idTag":"336699\\"}]'
    reaction = dialect.receive(broken, now=NOW, position=POSITION)
    assert answered(reaction) == [3, "7", {"idTagInfo": {"status": "Accepted"}}]
    old = Dialect16(STATION, Translation(station=STATION, protocol="ocpp1.6"))
    broken = b'[2,"8","TransactionEvent",{"seqNo":1,"x":"a"b"}]'
    assert answered(old.receive(broken, now=NOW, position=POSITION)) == [3, "8", {}]


@pytest.mark.parametrize("frame", [b"", b"pong", b" \n"])
def test_a_keep_alive_of_the_application_is_a_sign_of_life(dialect, frame):
    reaction = dialect.receive(frame, now=NOW, position=POSITION)
    assert reaction.is_heartbeat
    assert reaction.answer is None


@pytest.mark.parametrize("sent", ["Nonsense", "Heartbeat"])
def test_what_is_sent_and_unknown_is_unreadable_and_not_answered(v21, sent):
    reaction = v21(sent, {}, kind=6)
    assert reaction.answer is None
    assert isinstance(reaction.events[0], Unreadable)


def test_a_message_without_what_it_is_about_is_heard_and_flagged(say):
    for action in ("StatusNotification", "FirmwareStatusNotification", "LogStatusNotification"):
        reaction = say(action, {})
        assert answered(reaction) == [3, "1", {}]
        (flagged,) = reaction.events
        assert isinstance(flagged, MessageFlagged)


@pytest.mark.parametrize("action", ["TransactionEvent", "NotifyEvent", "MeterValues"])
def test_what_stations_queue_is_acknowledged_even_when_broken(dialect, action):
    frame = b'[2,"7","%b",{"seqNo":1,"x":"a"b"}]' % action.encode()
    reaction = dialect.receive(frame, now=NOW, position=POSITION)
    assert answered(reaction) == [3, "7", {}]
    assert isinstance(reaction.events[0], Unreadable)


def test_a_station_that_cannot_use_our_answer_is_heard_of(dialect):
    frame = b'[5,"7","FormatViolation","no interval",{}]'
    reaction = dialect.receive(frame, now=NOW, position=POSITION)
    assert reaction.answer is None
    assert reaction.result_of is None
    assert "our answer 7 was refused" in breaches_of(reaction)[0].why


def test_an_answer_and_a_refusal_of_a_command_are_passed_on(dialect):
    good = dialect.receive(b'[3,"c1",{"status":"Accepted"}]', now=NOW, position=POSITION)
    assert (good.result_of, good.result, good.is_error) == (
        "c1",
        b'{"status":"Accepted"}',
        False,
    )
    bad = dialect.receive(b'[4,"c2","NotSupported","",{}]', now=NOW, position=POSITION)
    assert (bad.result_of, bad.result, bad.is_error) == ("c2", b'["NotSupported","",{}]', True)


def test_2_1_words_on_a_2_0_1_connection_are_read_and_flagged(v201):
    reaction = v201(
        "NotifyDERStartStop", {"controlId": "x", "started": True, "timestamp": STAMP}
    )
    assert answered(reaction) == [3, "1", {}]
    assert breaches_of(reaction) == (Breach("", "a message of OCPP 2.1"),)
    reaction = v201("VatNumberValidation", {"vatNumber": "DE1"})
    assert answered(reaction)[2] == {"vatNumber": "DE1", "status": "Rejected"}


# --- the other edition on this connection (quirks A1, A2, J1) ---------------------------------


def test_1_6_messages_on_a_2x_connection_are_read_and_answered_as_1_6(say):
    reaction = say(
        "StatusNotification",
        {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted"},
    )
    assert answered(reaction) == [3, "1", {}]
    reported, _ = reaction.events
    assert (reported.status, reported.error.code) == (Status.FAULTED, "GroundFailure")
    assert breaches_of(reaction) == (Breach("", "a message of OCPP 1.6"),)
    start = {"connectorId": 1, "idTag": "A", "meterStart": 5, "timestamp": STAMP}
    reaction = say("StartTransaction", start)
    assert answered(reaction)[2] == {
        "transactionId": POSITION,
        "idTagInfo": {"status": "Accepted"},
    }
    numbers = [e.transaction for e in reaction.events if isinstance(e, TransactionStarted)]
    assert numbers == ["", str(POSITION)]
    reaction = say("Authorize", {"idTag": "A"})
    assert answered(reaction)[2] == {"idTagInfo": {"status": "Accepted"}}


def test_a_broken_1_6_message_on_a_2x_connection_is_repaired_as_1_6(say):
    reaction = say("StatusNotification", {"connectorId": "1", "status": "Faulted"})
    assert (reaction.events[0].place, reaction.events[0].status) == (EVSE_1, Status.FAULTED)
    assert Breach("errorCode", "missing") in breaches_of(reaction)


def test_messages_of_both_editions_may_alternate(say):
    assert say("StatusNotification", status(word="Faulted")).events[0].place == EVSE_1
    old = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    assert say("StatusNotification", old).events[0].status is Status.AVAILABLE
    assert say("Heartbeat", {}).is_heartbeat


def test_2x_messages_on_a_1_6_connection_are_read_and_answered_as_2x(v16):
    reaction = v16("TransactionEvent", transaction("Started", evse={"id": 1}))
    assert isinstance(reaction.events[0], TransactionStarted)
    assert answered(reaction) == [3, "1", {}]
    assert breaches_of(reaction) == (Breach("", "a message of OCPP 2.x"),)
    reaction = v16("Authorize", {"idToken": {"idToken": "A", "type": "Local"}})
    assert answered(reaction)[2] == {"idTokenInfo": {"status": "Accepted"}}
    assert reaction.events[-1].is_accepted
    assert answered(v16("Get15118EVCertificate", {}))[2]["status"] == "Failed"


def test_a_2x_secret_on_a_1_6_connection_is_masked(v16):
    assert b"hunter2" not in v16("NotifyReport", report("BasicAuthPassword", "hunter2")).body


def test_a_secret_is_masked_where_nothing_was_agreed_on():
    dialect = Dialect16(STATION, Translation(station=STATION))
    frame = json.dumps([2, "1", "NotifyReport", report("BasicAuthPassword", "hunter2")])
    assert b"hunter2" not in dialect.receive(frame.encode(), now=NOW, position=1).body


def test_a_message_that_fits_both_editions_is_of_the_one_agreed_on(say, v16):
    for speak in (say, v16):
        (event,) = speak("FirmwareStatusNotification", {"status": "Installed"}).events
        assert isinstance(event, FirmwareStatusReported)
