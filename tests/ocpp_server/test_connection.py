"""One connection's life, with every port faked and no socket."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.events import AnyEvent, Connected
from domain.journal import EntryKind
from ocpp_server.connection import disconnected
from ocpp_server.limits import Limits


def test_an_answer_leaves_after_the_commit_that_holds_its_message(house: Any) -> None:
    house.connection.receive(b'[2,"1","Meter",{}]', house.clock.now())

    assert house.wire.sent == []
    house.recorder.commit()
    assert house.wire.sent == [b'[3,"1","Meter"]']
    assert [(e.kind, e.body) for e in house.recorder.entries] == [
        (EntryKind.RECEIVED, b'[2,"1","Meter",{}]'),
        (EntryKind.SENT, b'[3,"1","Meter"]'),
    ]


def test_a_heartbeat_is_answered_at_once_and_leaves_no_entry(house: Any) -> None:
    house.connection.receive(b'[2,"1","Heartbeat",{}]', house.clock.now())

    assert house.wire.sent == [b'[3,"1","Heartbeat"]']
    assert house.recorder.entries == []
    assert house.recorder.signs_of_life == {"N-001": 1}
    assert house.counters.heartbeats == 1


def test_an_empty_text_is_a_sign_of_life_without_an_answer(house: Any) -> None:
    house.say(b"")
    house.say(b"pong")

    assert house.wire.sent == []
    assert house.recorder.entries == []
    assert house.recorder.signs_of_life == {"N-001": 2}


def test_a_heartbeat_overtakes_but_answers_keep_their_order(house: Any) -> None:
    for frame in (b'[2,"1","A"]', b'[2,"2","Heartbeat"]', b'[2,"3","B"]'):
        house.connection.receive(frame, house.clock.now())
    house.recorder.commit()

    assert house.wire.sent == [b'[3,"2","Heartbeat"]', b'[3,"1","A"]', b'[3,"3","B"]']


def test_what_gives_no_answer_is_recorded_all_the_same(house: Any) -> None:
    house.say(b"\xff\xfe garbage")

    assert house.recorder.bodies(EntryKind.RECEIVED) == [b"\xff\xfe garbage"]
    assert house.wire.sent == []


def test_events_carry_the_position_of_their_entry(house: Any) -> None:
    house.say(b'[2,"1","A"]')
    house.say(b'[2,"2","Status",1]')

    assert [event.position for event in house.recorder.events] == [3]
    assert house.recorder.entries[2].body == b'[2,"2","Status",1]'


def test_nothing_is_answered_while_the_journal_cannot_be_written(house: Any) -> None:
    house.recorder.is_accepting = False
    house.say(b'[2,"1","A"]')
    house.say(b'[2,"2","Heartbeat"]')

    assert house.wire.sent == []
    assert house.counters.unacknowledged == 2
    assert house.recorder.signs_of_life == {}


def test_opening_and_closing_are_facts_that_read_back(house: Any) -> None:
    house.connection.opened(house.clock.now())
    disconnected(house.recorder, house.connection.station, code=1006, at=house.clock.now())

    bodies = house.recorder.bodies(EntryKind.FACT)
    assert [
        msgspec.json.decode(body, type=AnyEvent) for body in bodies
    ] == house.recorder.events
    first = house.recorder.events[0]
    assert isinstance(first, Connected)
    assert (first.protocol, first.address) == ("ocpp1.6", "192.0.2.7:5000")


def test_a_station_that_says_too_much_at_once_is_read_again_after_the_commit(
    make_house: Any,
) -> None:
    house = make_house(Limits(max_waiting=4))
    for number in range(6):
        house.connection.receive(b'[2,"%d","A"]' % number, house.clock.now())

    assert not house.wire.is_reading
    assert house.counters.paused == 1
    house.recorder.commit()
    assert house.wire.is_reading
    assert len(house.wire.sent) == 6
    assert house.connection.waiting == 0


def test_answers_lost_in_a_failed_commit_do_not_stop_reading_for_ever(make_house: Any) -> None:
    house = make_house(Limits(max_waiting=2))
    house.connection.receive(b'[2,"1","A"]', house.clock.now())
    house.connection.receive(b'[2,"2","A"]', house.clock.now())
    house.recorder.lose()
    house.recorder.is_accepting = False
    house.connection.look_after()
    house.connection.look_after()
    assert not house.wire.is_reading

    house.recorder.is_accepting = True
    house.connection.look_after()
    house.say(b'[2,"3","A"]')

    assert house.wire.is_reading
    assert house.wire.sent == [b'[3,"3","A"]']


def test_a_pause_that_a_commit_is_about_to_end_is_left_alone(make_house: Any) -> None:
    house = make_house(Limits(max_waiting=2))
    house.connection.receive(b'[2,"1","A"]', house.clock.now())
    house.connection.receive(b'[2,"2","A"]', house.clock.now())
    house.connection.look_after()

    assert not house.wire.is_reading


def test_a_replaced_connection_is_closed_and_hands_its_commands_on(house: Any) -> None:
    assert house.connection.replaced() == []
    assert house.wire.closed == (1001, "replaced by a newer connection")
    assert house.connection.is_replaced
    assert house.recorder.entries == []
