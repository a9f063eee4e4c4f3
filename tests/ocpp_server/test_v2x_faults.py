"""NotifyEvent, the channel of faults in 2.x: what raises, what clears, and what is neither."""

import json
from datetime import UTC, datetime

import pytest

from domain.events import (
    ComponentReported,
    ErrorCleared,
    ErrorRaised,
    ErrorReport,
    Heard,
    MessageFlagged,
    Status,
    StatusReported,
)
from domain.places import Place, StationId
from ocpp_server.translate import Translation
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v2x.remembered import CAUSE_LIMIT, CODE_LIMIT, ERROR_LIMIT, MONITOR_LIMIT

STATION = StationId("N-001")
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
STAMP = "2026-01-05T07:59:00Z"
REPORTED = datetime(2026, 1, 5, 7, 59, tzinfo=UTC)
EVSE_1 = Place.of_station(STATION, 1)
WHOLE = Place.of_station(STATION)


def speaker(protocol):
    dialect = Dialect2x(STATION, Translation(station=STATION, protocol=protocol))

    def say(action, payload, kind=2):
        frame = json.dumps([kind, "1", action, payload]).encode()
        reaction = dialect.receive(frame, now=NOW, position=41)
        assert reaction.answer is None or json.loads(reaction.answer)[0] == 3
        return reaction.events

    say.memory = dialect._translation
    return say


@pytest.fixture(params=["ocpp2.0.1", "ocpp2.1"])
def say(request):
    return speaker(request.param)


@pytest.fixture
def v21():
    return speaker("ocpp2.1")


@pytest.fixture
def v201():
    return speaker("ocpp2.0.1")


def entry(variable="Problem", value="true", *, component="EVSE", evse=1, **more):
    where = {"evse": {"id": evse}} if evse else {}
    return {
        "eventId": 1,
        "timestamp": STAMP,
        "trigger": "Alerting",
        "actualValue": value,
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": component, **where},
        "variable": {"name": variable},
        **more,
    }


def event(*entries):
    return {"generatedAt": STAMP, "seqNo": 0, "eventData": list(entries)}


def errors(events):
    return [event for event in events if isinstance(event, ErrorRaised | ErrorCleared)]


def notify(say, *entries):
    return errors(say("NotifyEvent", event(*entries)))


def test_a_problem_raises_and_its_end_clears_with_the_same_key(say):
    reported, raised = say(
        "NotifyEvent",
        event(entry(techCode="CX017", techInfo="contactor welded", eventId=7, cause=3)),
    )
    assert reported == ComponentReported(
        place=EVSE_1,
        component="EVSE",
        variable="Problem",
        value="true",
        trigger="Alerting",
        tech_code="CX017",
        tech_info="contactor welded",
        event_id="7",
        cause_id="3",
        reported_at=REPORTED,
        observed_at=NOW,
        position=41,
    )
    assert raised == ErrorRaised(
        place=EVSE_1,
        error=ErrorReport("", "", "CX017", "contactor welded"),
        key="evse|1|problem|cx017",
        reported_at=REPORTED,
        observed_at=NOW,
        position=41,
    )
    (cleared,) = notify(say, entry(value="false", techCode="CX017", cleared=True, eventId=8))
    assert isinstance(cleared, ErrorCleared)
    assert cleared.key == raised.key
    assert cleared.place == EVSE_1


def test_a_1_6_error_code_sent_as_a_technical_code_is_one(say):
    (raised,) = notify(say, entry(techCode="groundfailure"))
    assert raised.error.code == "GroundFailure"


def test_without_words_of_its_own_the_component_speaks(say):
    (raised,) = notify(say, entry("Tripped", component="RCD"))
    assert raised.error == ErrorReport(text="RCD.Tripped")
    (raised,) = notify(say, entry("Temperature", "91.5", component="Cable"))
    assert raised.error == ErrorReport(text="Cable.Temperature = 91.5")


def test_a_clear_without_a_code_ends_every_error_of_the_variable(say):
    raised = notify(say, entry(techCode="CX001"), entry(techCode="CX014"))
    notify(say, entry(techCode="CX001", component="EVSE", evse=2))
    cleared = notify(say, entry(value="false", cleared=True))
    assert [event.key for event in cleared] == [event.key for event in raised]
    assert [event.error.vendor_code for event in cleared] == ["CX001", "CX014"]


def test_a_clear_with_a_code_ends_only_that_error(say):
    first, second = notify(say, entry(techCode="CX001"), entry(techCode="CX014"))
    (cleared,) = notify(say, entry(techCode="CX014", value="false", cleared=True))
    assert cleared.key == second.key
    (cleared,) = notify(say, entry(value="false"))
    assert cleared.key == first.key


def test_an_error_raised_without_a_code_ends_with_one_that_names_it(say):
    (raised,) = notify(say, entry())
    cleared = notify(say, entry(techCode="CX014", value="false", cleared=True))
    assert raised.key in [event.key for event in cleared]


def test_a_clear_of_what_we_never_heard_of_still_clears(say):
    (cleared,) = notify(say, entry(techCode="CX014", cleared=True))
    assert isinstance(cleared, ErrorCleared)
    assert cleared.key == "evse|1|problem|cx014"


def test_case_and_instance_make_one_key_or_two(say):
    component = {"name": "Evse", "instance": "DC", "evse": {"id": 1}}
    (other,) = notify(say, entry(techCode="A", component="x") | {"component": component})
    (same,) = notify(
        say, entry(techCode="a") | {"component": component | {"name": "EVSE", "instance": "dc"}}
    )
    (plain,) = notify(say, entry(techCode="A"))
    assert other.key == same.key != plain.key


@pytest.mark.parametrize("code", ["", "NoError", "none", "0"])
def test_a_code_that_means_nothing_is_none(say, code):
    assert notify(say, entry("Power", "11", trigger="Delta", techCode=code)) == []
    (cleared,) = notify(say, entry(value="false", techCode=code))
    assert cleared.key == "evse|1|problem|"


@pytest.mark.parametrize(
    ("component", "variable", "value", "trigger", "is_raised"),
    [
        ("EVSE", "Power", "11000", "Delta", False),  # a change is business as usual
        ("EVSE", "Power", "11000", "Periodic", False),
        ("EVSE", "Problem", "true", "Periodic", False),
        ("EVSE", "Problem", "true", "Delta", True),
        ("EVSE", "Overload", "TRUE", "Delta", True),
        ("EmergencyStopSensor", "Active", "true", "Delta", True),
        ("TokenReader", "Active", "true", "Delta", False),
        ("Cable", "Temperature", "91", "Alerting", True),  # a monitor's threshold was passed
        ("Contactor", "Welded", "true", "Alerting", True),  # not in the standard, and clear
        ("TokenReader", "Active", "true", "Alerting", False),  # a state that comes and goes
        ("EVSE", "Available", "false", "Alerting", False),
        ("RCD/2", "Tripped/a", "true", "Delta", True),
    ],
)
def test_what_raises(say, component, variable, value, trigger, is_raised):
    found = notify(say, entry(variable, value, component=component, trigger=trigger))
    assert [type(event) for event in found] == ([ErrorRaised] if is_raised else [])


def test_a_component_without_an_evse_is_the_stations(say):
    (raised,) = notify(say, entry(evse=0))
    assert raised.place == WHOLE


@pytest.mark.parametrize("severity", [0, 1, 6])
def test_severities_up_to_warning_raise_and_are_kept(v21, severity):
    (raised,) = notify(v21, entry(severity=severity))
    assert raised.severity == severity


def test_a_state_with_a_severity_raises(v21):
    state = entry("Active", "false", component="DataLink", severity=4)
    (raised,) = notify(v21, state)
    assert raised.severity == 4


@pytest.mark.parametrize("severity", [7, 8, 9])
def test_notices_and_below_neither_raise_nor_clear(v21, severity):
    assert notify(v21, entry(techCode="CX017", severity=severity)) == []
    assert notify(v21, entry(techCode="CX017", severity=severity, cleared=True)) == []


def test_danger_raises_without_any_code(v21):
    (raised,) = notify(v21, entry("Power", "1", trigger="Delta", severity=0))
    assert raised.severity == 0


def test_a_2_0_1_station_that_says_a_severity_is_heard_and_flagged(v201):
    events = v201("NotifyEvent", event(entry(severity=0)))
    assert errors(events)[0].severity == 0
    assert isinstance(events[-1], MessageFlagged)


def monitors(*severities):
    return {
        "requestId": 1,
        "seqNo": 0,
        "generatedAt": STAMP,
        "monitor": [
            {
                "component": {"name": "Cable", "evse": {"id": 1}},
                "variable": {"name": "Temperature"},
                "variableMonitoring": [
                    {
                        "id": number,
                        "transaction": False,
                        "value": 80.0,
                        "type": "UpperThreshold",
                        "severity": severity,
                        "eventNotificationType": "CustomMonitor",
                    }
                    for number, severity in enumerate(severities, 1)
                ],
            }
        ],
    }


def test_the_monitor_that_is_named_knows_the_severity(say):
    events = say("NotifyMonitoringReport", monitors(8, 2))
    assert isinstance(events[0], Heard | MessageFlagged)
    assert notify(say, entry("Temperature", "81", variableMonitoringId=1)) == []
    (raised,) = notify(say, entry("Temperature", "81", variableMonitoringId=2))
    assert raised.severity == 2
    (raised,) = notify(say, entry("Temperature", "81", variableMonitoringId=99))
    assert raised.severity is None


def test_a_cause_is_named_by_the_key_of_what_it_raised(say):
    cause, effect = notify(
        say, entry(techCode="CX015", eventId=5, evse=0), entry(techCode="CX006", cause=5)
    )
    assert effect.cause == cause.key
    assert cause.cause == ""
    (unknown,) = notify(say, entry(techCode="CX014", cause=99))
    assert unknown.cause == ""


def test_an_event_id_used_again_means_its_last_use(say):
    notify(say, entry(techCode="CX015", eventId=5))
    later, effect = notify(say, entry(techCode="CX013", eventId=5), entry("Tripped", cause=5))
    assert effect.cause == later.key


def availability(word, component="Connector", connector=1, **more):
    told = entry("AvailabilityState", word, component=component, trigger="Delta", **more)
    told["component"]["evse"]["connectorId"] = connector
    return told


def test_the_status_of_a_connector_may_come_as_an_event(say):
    _, status = say("NotifyEvent", event(availability("Occupied")))
    assert status == StatusReported(
        place=EVSE_1, status=Status.OCCUPIED, reported_at=REPORTED, observed_at=NOW, position=41
    )


def test_a_status_as_an_event_keeps_its_code_and_raises_nothing_beside_it(say):
    events = say("NotifyEvent", event(availability("Faulted", techCode="CX017")))
    assert errors(events) == []
    assert events[1].status is Status.FAULTED
    assert events[1].error.vendor_code == "CX017"


def test_both_ways_of_telling_a_status_know_of_each_other(say):
    say("NotifyEvent", event(availability("Faulted", connector=2)))
    (status,) = say(
        "StatusNotification",
        {"timestamp": STAMP, "connectorStatus": "Available", "evseId": 1, "connectorId": 1},
    )
    assert status.status is Status.FAULTED


def test_an_alarm_of_the_grid_is_told_and_is_no_fault_of_the_station(v21):
    (told,) = v21(
        "NotifyDERAlarm",
        {"controlType": "FreqDroop", "gridEventFault": "OverFrequency", "timestamp": STAMP},
    )
    assert (told.component, told.variable, told.value) == (
        "DERAlarm",
        "FreqDroop",
        "OverFrequency",
    )


def test_a_stream_tells_its_newest_value_while_it_is_open(v21):
    v21("NotifyMonitoringReport", monitors(8))
    opened = {
        "constantStreamData": {"id": 4, "variableMonitoringId": 1, "params": {"interval": 5}}
    }
    values = {"id": 4, "pending": 0, "basetime": STAMP, "data": [{"t": 0, "v": "20"}]}
    values["data"].append({"t": 1, "v": "21.5"})
    assert isinstance(v21("NotifyPeriodicEventStream", values, kind=6)[0], Heard)
    v21("OpenPeriodicEventStream", opened)
    (told,) = v21("NotifyPeriodicEventStream", values, kind=6)
    assert (told.component, told.variable, told.value) == ("Cable", "Temperature", "21.5")
    assert (told.place, told.trigger) == (EVSE_1, "Periodic")
    v21("ClosePeriodicEventStream", {"id": 4})
    assert isinstance(v21("NotifyPeriodicEventStream", values, kind=6)[0], Heard)


def test_a_secret_variable_is_masked(say):
    (reported, *_) = say("NotifyEvent", event(entry("BasicAuthPassword", "hunter2")))
    assert reported.value == "***"
    assert all("hunter2" not in repr(told) for told in say("NotifyEvent", event(entry("x"))))


def test_one_broken_entry_leaves_the_others_alone(say):
    broken = {"eventId": "x", "component": 5}
    events = say("NotifyEvent", event(broken, entry(techCode="CX017")))
    (raised,) = errors(events)
    assert raised.error.vendor_code == "CX017"
    assert isinstance(events[-1], MessageFlagged)


def test_what_is_remembered_has_limits(say):
    for number in range(ERROR_LIMIT + CAUSE_LIMIT):
        notify(say, entry(component=f"C{number}", eventId=number))
    for number in range(CODE_LIMIT + 10):
        notify(say, entry(techCode=f"X{number}"))
    say("NotifyMonitoringReport", monitors(*[5] * (MONITOR_LIMIT + 10)))
    memory = say.memory.v2x
    assert len(memory.errors) == ERROR_LIMIT
    assert len(memory.causes) == CAUSE_LIMIT
    assert len(memory.errors["evse|1|problem"]) == CODE_LIMIT
    assert len(memory.monitors) == MONITOR_LIMIT
