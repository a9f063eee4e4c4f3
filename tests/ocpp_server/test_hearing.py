"""A station that talks and answers no call is deaf: told once, and once more when it hears."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.events import DeafnessNoticed
from domain.ports import CommandResult
from ocpp_server.commands import Command


def triggers(house: Any) -> list[bytes]:
    return [frame for frame in house.wire.sent if b"TriggerMessage" in frame]


def noticed(house: Any) -> list[str]:
    return [name for name in house.recorder.facts() if name.startswith("Deafness")]


def test_a_station_that_talks_and_leaves_two_calls_unanswered_is_deaf(house: Any) -> None:
    # Quirk A12; the two questions after the boot will do.
    house.boot()
    house.pass_time(61)
    left_at = house.clock.at
    house.pass_time(61)
    assert len(triggers(house)) == 2
    assert noticed(house) == []

    house.say(b'[2,"h","Heartbeat",{}]')
    house.say(b'[2,"h","Heartbeat",{}]')

    assert noticed(house) == ["DeafnessNoticed"]
    fact = next(e for e in house.recorder.events if isinstance(e, DeafnessNoticed))
    assert fact.unanswered_count == 2
    assert left_at - timedelta(seconds=2) <= fact.since_at <= left_at
    house.pass_time(600)
    assert len(triggers(house)) == 2  # it is left alone then


@pytest.mark.parametrize("word", ["message", "ping"])
def test_any_word_proves_that_the_station_is_alive(house: Any, word: str) -> None:
    house.boot()
    house.pass_time(125)
    if word == "ping":
        house.connection.heard()
    else:
        house.say(b'[2,"1","Status",1]')

    assert noticed(house) == ["DeafnessNoticed"]


def test_a_station_of_which_nothing_is_heard_is_not_deaf_but_gone(house: Any) -> None:
    house.boot()
    house.pass_time(3600)

    assert noticed(house) == []


def test_one_lost_answer_is_no_deafness(house: Any) -> None:
    house.boot()
    house.pass_time(95)
    house.say(b'[3,"m2",{"status":"Accepted"}]')
    results: list[CommandResult] = []
    house.connection.commands.add(Command("A", b"{}", 10, results.append))
    house.pass_time(20)
    house.say(b'[2,"h","Heartbeat",{}]')

    assert noticed(house) == []


def test_a_station_that_was_given_no_time_is_not_deaf(house: Any) -> None:
    house.boot()
    house.say(b'[2,"1","Status",1]')
    house.say(b'[2,"2","Status",2]')
    results: list[CommandResult] = []
    for _ in range(3):
        house.connection.commands.add(Command("A", b"{}", 2, results.append))
    house.pass_time(30)
    house.say(b'[2,"h","Heartbeat",{}]')

    assert [result.outcome for result in results] == ["timeout"] * 3
    assert noticed(house) == []


def test_deafness_ends_with_any_answer_a_late_one_too(house: Any) -> None:
    house.boot()
    house.pass_time(125)
    house.say(b'[2,"h","Heartbeat",{}]')
    house.say(b'[3,"m1",{"status":"Accepted"}]')

    assert noticed(house) == ["DeafnessNoticed", "DeafnessEnded"]


def test_deafness_waits_for_the_journal(house: Any) -> None:
    house.boot()
    house.pass_time(125)
    house.recorder.is_accepting = False
    house.connection.heard()
    assert noticed(house) == []

    house.recorder.is_accepting = True
    house.connection.heard()
    assert noticed(house) == ["DeafnessNoticed"]


def test_a_new_connection_is_given_another_hearing(house: Any) -> None:
    house.boot()
    house.pass_time(125)
    house.connection = house.connect()
    house.say(b'[2,"h","Heartbeat",{}]')

    assert noticed(house) == []
