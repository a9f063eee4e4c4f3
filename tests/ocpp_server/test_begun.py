"""Stops without a number of ours, and starts that come late: what they touch, and what not."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.beliefs import Fleet
from domain.events import TransactionEnded, TransactionStarted
from domain.places import Place, StationId
from ocpp_server.memory import OVER_LIMIT
from ocpp_server.translate import Translation
from ocpp_server.v16.dialect import Dialect16

STATION = StationId("N-001")
EIGHT = datetime(2026, 1, 5, 8, tzinfo=UTC)


class Station:
    """A 1.6 station in a live connection, and what is believed of it."""

    def __init__(self):
        self.translation = Translation(station=STATION, protocol="ocpp1.6")
        self.dialect = Dialect16(STATION, self.translation)
        self.fleet = Fleet()
        self.position = 0

    def say(self, now, action, payload):
        self.position += 1
        frame = msgspec.json.encode([2, str(self.position), action, payload])
        reaction = self.dialect.receive(frame, now=now, position=self.position)
        for event in reaction.events:
            self.fleet.apply(event)
        return reaction

    def start(self, now, *, at=None, evse=1, token="A", meter=1000):
        payload = {"connectorId": evse, "idTag": token, "meterStart": meter}
        payload["timestamp"] = (at or now).isoformat()
        reaction = self.say(now, "StartTransaction", payload)
        return str(msgspec.json.decode(reaction.answer)[2]["transactionId"])

    def stop(self, now, number, *, at=None, meter=5000, **more):
        payload = {"transactionId": number, "meterStop": meter, **more}
        payload["timestamp"] = (at or now).isoformat()
        reaction = self.say(now, "StopTransaction", payload)
        (ended,) = [e for e in reaction.events if isinstance(e, TransactionEnded)]
        assert reaction.answer.endswith(b'{"idTagInfo":{"status":"Accepted"}}]')
        return ended

    @property
    def running(self):
        return self.fleet.stations[STATION].transactions


def later(minutes):
    return EIGHT + timedelta(minutes=minutes)


@pytest.mark.parametrize("number", [-1, 0, -42, 2**31, 2**63 - 1])
def test_a_stop_without_a_number_ends_the_only_transaction_it_can_mean(number):
    # Quirk F2: our number did not reach the station, or it keeps one of its own.
    station = Station()
    station.start(EIGHT)
    ended = station.stop(later(60), number)
    assert ended.place == Place.of_station(STATION, 1)
    assert not ended.is_foreign
    assert ended.transaction == str(number)  # as it was said
    assert station.running == {}


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (-1, {"at": later(-30)}),  # it ended before ours began
        (-1, {"meter": 500}),  # of a meter that stands lower
        (-1, {"idTag": "B"}),  # somebody else's
        (1704534842, {}),  # a number that another central system gave, and no token
        (1704534842, {"idTag": "B"}),
    ],
)
def test_a_stop_that_cannot_mean_ours_is_foreign_and_ends_nothing(number, said):
    # Quirk K1: sessions of hours or days before, or that no central system started.
    station = Station()
    ours = station.start(EIGHT)
    ended = station.stop(later(60), number, **said)
    assert ended.is_foreign
    assert ended.place == Place.of_station(STATION, 0)
    assert station.running == {1: ours}


def test_a_number_of_another_system_with_the_token_of_ours_is_ours():
    station = Station()
    station.start(EIGHT, token="a1")
    assert not station.stop(later(60), 1704534842, idTag="A1").is_foreign
    assert station.running == {}


def test_among_several_the_meter_or_the_token_tells_which_one_is_meant():
    station = Station()
    station.start(EIGHT, evse=1, token="A", meter=1000)
    two = station.start(later(5), evse=2, token="B", meter=90_000)
    assert station.stop(later(60), -1, meter=4000).place.evse == 1
    assert station.running == {2: two}

    one = station.start(later(70), evse=1, token="C", meter=4000)
    assert station.stop(later(80), -1, meter=95_000).is_foreign  # it could be either
    assert station.running == {1: one, 2: two}
    assert station.stop(later(90), 0, meter=95_000, idTag="B").place.evse == 2


def test_a_watt_hour_less_than_at_the_start_is_noise():
    # Quirk F5.
    station = Station()
    station.start(EIGHT, meter=269_456)
    assert not station.stop(later(1), -1, meter=269_455).is_foreign


def test_a_stop_without_a_moment_is_matched_with_nothing():
    station = Station()
    station.start(EIGHT)
    reaction = station.say(
        later(5), "StopTransaction", {"transactionId": -1, "meterStop": 1, "timestamp": "-"}
    )
    assert reaction.events[0].is_foreign


def test_a_late_start_and_its_late_stop_leave_the_newer_transaction_alone():
    # Quirks F3 and J13: a backlog that comes after what happens now.
    station = Station()
    now = station.start(later(180), meter=9000)
    late = station.start(later(181), at=EIGHT, meter=1000)
    assert late != now
    assert station.running == {1: now}
    ended = station.stop(later(182), int(late), at=later(60))
    assert not ended.is_foreign
    assert ended.place == Place.of_station(STATION, 0)
    assert station.running == {1: now}
    assert station.stop(later(240), int(now), meter=12_000).place.evse == 1
    assert station.running == {}


def test_a_late_start_is_told_where_nothing_newer_runs():
    # Quirk F3: three hours old, before any status.
    station = Station()
    late = station.start(later(180), at=EIGHT)
    assert station.running == {1: late}


def test_a_start_after_a_clock_was_set_back_is_no_late_one():
    # Quirk E3: two hours ahead until the clock was set; the first stop never came.
    station = Station()
    station.start(EIGHT, at=later(120))
    second = station.start(later(30))
    assert station.running == {1: second}


def test_a_late_start_on_another_evse_or_without_a_moment_is_told():
    station = Station()
    one = station.start(later(180))
    two = station.start(later(181), at=EIGHT, evse=2)
    assert station.running == {1: one, 2: two}
    reaction = station.say(
        later(190),
        "StartTransaction",
        {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "soon"},
    )
    assert any(isinstance(event, TransactionStarted) for event in reaction.events)


def test_a_stop_that_comes_again_is_not_foreign_and_ends_nothing_else():
    # Quirk F1: under another id, while the same driver charges again.
    station = Station()
    first = int(station.start(EIGHT))
    station.stop(later(60), first, idTag="A")
    second = station.start(later(70))
    again = station.stop(later(80), first, idTag="A")
    assert (again.is_foreign, again.place) == (False, Place.of_station(STATION, 0))
    assert station.running == {1: second}
    for _ in range(40):
        station.stop(later(90), int(station.start(later(85))))
    assert len(station.translation.over) == OVER_LIMIT


def logged(*said):
    """Read a log without our answers; return its ends, and what is believed to run."""
    translation, fleet, ends = Translation(station=STATION, protocol="ocpp1.6"), Fleet(), []
    for minute, action, payload in said:
        at = later(minute)
        frame = msgspec.json.encode(
            [2, str(minute), action, payload | {"timestamp": at.isoformat()}]
        )
        for event in translation.received(frame, at=at, position=minute + 1):
            fleet.apply(event)
            ends += [event] if isinstance(event, TransactionEnded) else []
    return ends, fleet.stations[STATION].transactions


def begin(evse, token="A", meter=0):
    return {"connectorId": evse, "idTag": token, "meterStart": meter}


def test_in_a_log_without_our_answers_a_stop_ends_the_one_it_can_mean():
    stop = {"transactionId": 4711, "meterStop": 5000}
    ends, running = logged(
        (0, "StartTransaction", begin(1)),
        (60, "StopTransaction", stop),
        (61, "StopTransaction", stop | {"transactionId": 4712}),
    )
    assert [(end.place.evse, end.is_foreign) for end in ends] == [(1, False), (0, True)]
    assert running == {}


def test_of_two_unnumbered_ones_the_token_or_the_meter_tells():
    ends, running = logged(
        (0, "StartTransaction", begin(1, "A", 90_000)),
        (1, "StartTransaction", begin(2, "B", 1000)),
        (60, "StopTransaction", {"transactionId": 7, "meterStop": 5000}),
        (61, "StopTransaction", {"transactionId": 8, "meterStop": 95_000, "idTag": "A"}),
    )
    assert [end.place.evse for end in ends] == [2, 1]
    assert running == {}


def test_a_start_that_named_no_connector_is_remembered_until_its_number_comes():
    station = Station()
    number = station.start(EIGHT, evse=0)
    assert station.translation.transactions == {number: 0}
    assert list(station.translation.begun) == [number]


def test_a_restart_in_between_changes_nothing():
    station = Station()
    station.start(EIGHT)
    kept = msgspec.msgpack.encode(station.translation)
    restored = msgspec.msgpack.decode(kept, type=Translation)
    station.dialect = Dialect16(STATION, restored)
    assert station.stop(later(60), -1).place.evse == 1
