"""Asking for a status that was not reported: late, one connector at a time, never twice."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from jsonschema import Draft4Validator

from domain.journal import EntryKind
from domain.ports import CommandResult
from ocpp_server.asking import status_request, status_request_2x
from ocpp_server.commands import Command
from ocpp_server.limits import Limits


def triggers(house: Any) -> list[bytes]:
    return [frame for frame in house.wire.sent if b"TriggerMessage" in frame]


def test_connectors_that_stay_silent_after_a_boot_are_asked_one_by_one(house: Any) -> None:
    house.boot()
    house.say(b'[2,"s","Status",0]')
    house.pass_time(59)
    assert triggers(house) == []

    house.pass_time(2)
    assert triggers(house) == [
        b'[2,"m1","TriggerMessage",{"requestedMessage":"StatusNotification","connectorId":1}]'
    ]
    house.say(b'[3,"m1",{"status":"Accepted"}]')
    assert len(triggers(house)) == 2
    assert b'"connectorId":2' in triggers(house)[1]
    house.say(b'[3,"m2",{"status":"Accepted"}]')
    house.pass_time(600)
    assert len(triggers(house)) == 2


def test_a_station_that_reports_by_itself_is_never_asked(house: Any) -> None:
    house.boot()
    house.say(b'[2,"1","Status",1]')
    house.say(b'[2,"2","Status",2]')
    house.pass_time(300)

    assert triggers(house) == []


def test_only_the_connector_that_said_nothing_is_asked(house: Any) -> None:
    house.boot()
    house.say(b'[2,"1","Status",1]')
    house.pass_time(61)

    assert [b'"connectorId":2' in frame for frame in triggers(house)] == [True]


def test_a_station_that_refuses_is_asked_no_further(house: Any) -> None:
    house.boot()
    house.pass_time(61)
    house.say(b'[4,"m1","NotImplemented","",{}]')
    house.pass_time(300)

    assert len(triggers(house)) == 1


def test_a_second_boot_on_the_same_connection_asks_no_second_time(house: Any) -> None:
    house.boot()
    house.pass_time(61)
    house.say(b'[3,"m1",{"status":"Accepted"}]')
    house.say(b'[3,"m2",{"status":"Accepted"}]')
    house.boot()
    house.pass_time(300)

    assert len(triggers(house)) == 2


def test_a_station_that_never_boots_is_asked_a_minute_after_its_half_minute(house: Any) -> None:
    house.pass_time(89)
    assert triggers(house) == []

    house.pass_time(2)
    assert len(triggers(house)) == 1


def test_a_question_that_waited_does_not_go_over_to_a_newer_connection(house: Any) -> None:
    house.boot()
    results: list[CommandResult] = []
    house.pass_time(59)
    house.connection.commands.add(Command("A", b"{}", 600, results.append))
    house.pass_time(2)  # the question now waits behind the command
    newer = house.connect()
    newer.commands.adopt(house.connection.replaced())
    newer.receive(b'[2,"b","Boot",{}]', house.clock.now())
    house.recorder.commit()
    house.pass_time(59)
    assert triggers(house) == []

    house.pass_time(2)
    assert len(triggers(house)) == 1


def test_a_late_boot_starts_the_minute_anew(house: Any) -> None:
    house.pass_time(40)
    house.boot()
    house.pass_time(55)
    assert triggers(house) == []

    house.pass_time(6)
    assert len(triggers(house)) == 1


def test_a_station_of_unknown_size_that_reports_anything_is_not_asked(make_house: Any) -> None:
    house = make_house(evses=0)
    house.boot()
    house.say(b'[2,"1","Status",1]')
    house.pass_time(300)

    assert triggers(house) == []


def test_a_station_of_unknown_size_is_asked_for_its_first_connector(make_house: Any) -> None:
    # Quirk K9: asked without a connector some answer for the station alone, or refuse.
    house = make_house(evses=0)
    house.boot()
    house.pass_time(61)

    assert triggers(house) == [b'[2,"m1","TriggerMessage",%b]' % status_request(1)]
    house.say(b'[3,"m1",{"status":"Accepted"}]')
    house.pass_time(300)
    assert len(triggers(house)) == 1


@pytest.mark.parametrize("refusal", [b'{"status":"Rejected"}', b'{"status":"NotImplemented"}'])
def test_a_station_that_says_no_politely_is_asked_no_further(
    house: Any, refusal: bytes
) -> None:
    house.boot()
    house.pass_time(61)
    house.say(b'[3,"m1",%b]' % refusal)
    house.pass_time(300)

    assert len(triggers(house)) == 1


@pytest.mark.parametrize("answer", [b"{}", b'{"status":7}', b'"yes"', b"[1]"])
def test_an_answer_that_says_nothing_is_no_refusal(house: Any, answer: bytes) -> None:
    house.boot()
    house.pass_time(61)
    house.say(b'[3,"m1",%b]' % answer)

    assert len(triggers(house)) == 2


@pytest.mark.parametrize("protocol", ["ocpp2.0.1", "ocpp2.1"])
def test_a_2x_station_is_asked_in_its_own_words(make_house: Any, protocol: str) -> None:
    house = make_house()
    house.connection = house.connect(protocol=protocol)
    house.boot()
    house.say(b'[2,"1","Status",1]')
    house.pass_time(61)

    (asked,) = triggers(house)
    assert msgspec.json.decode(asked)[2:] == [
        "TriggerMessage",
        {"requestedMessage": "StatusNotification", "evse": {"id": 2, "connectorId": 1}},
    ]


@pytest.mark.parametrize("version", ["v16", "v201", "v21"])
def test_the_question_is_valid_by_its_schema(version: str) -> None:
    folder = files(f"ocpp.{version}") / "schemas"
    name = "TriggerMessage.json" if version == "v16" else "TriggerMessageRequest.json"
    schema = json.loads((folder / name).read_text("utf-8-sig"))
    build = status_request if version == "v16" else status_request_2x

    assert Draft4Validator(schema).is_valid(json.loads(build(2)))


def test_whoever_says_what_is_spoken_later_is_asked_in_those_words(make_house: Any) -> None:
    house = make_house()
    house.connection = house.connect(protocol="")
    house.boot()
    house.say(b'[2,"l","Learned","ocpp2.0.1"]')
    house.pass_time(61)

    assert b'"evse":{"id":1,"connectorId":1}' in triggers(house)[0]


def test_nothing_is_asked_where_asking_is_off(make_house: Any) -> None:
    house = make_house(Limits(ask_status_after_s=None))
    house.boot()
    house.pass_time(300)

    assert triggers(house) == []


def test_nothing_but_a_status_is_ever_asked_for_whatever_happens(house: Any) -> None:
    # Quirks B4, J9, J12 and class H: a boot asked for is a reboot, a configuration read too.
    for _ in range(3):
        house.boot()
        house.pass_time(400)
        house.say(b'[2,"1","Status",0]')
        house.connection = house.connect()
    asked = [msgspec.json.decode(body) for body in house.recorder.bodies(EntryKind.SENT)]
    commands = [frame for frame in asked if frame[0] == 2]

    assert len(commands) == 6  # two connectors, three connections
    assert {frame[2] for frame in commands} == {"TriggerMessage"}
    assert {frame[3]["requestedMessage"] for frame in commands} == {"StatusNotification"}


def test_the_status_may_come_before_the_answer_to_its_question(house: Any) -> None:
    # Quirk C6.
    house.boot()
    house.pass_time(61)
    house.say(b'[2,"1","Status",1]')
    house.say(b'[3,"m1",{"status":"Accepted"}]')

    assert house.wire.sent[-2:] == [b'[3,"1","Status"]', triggers(house)[1]]
    assert b'"connectorId":2' in triggers(house)[1]
