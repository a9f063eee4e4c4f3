"""Statuses of 2.x come as messages and as events: whichever comes late ends no fault."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.events import ComponentReported, Status, StatusReported
from domain.places import StationId
from ocpp_server.translate import Translation

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
STATION = StationId("N-001")


@pytest.fixture(params=["ocpp2.0.1", "ocpp2.1"])
def station(request):
    return Station(request.param)


class Station:
    def __init__(self, protocol):
        self.translation = Translation(station=STATION, protocol=protocol)

    def say(self, action, payload):
        frame = msgspec.json.encode([2, "1", action, payload])
        return self.translation.received(frame, at=NOW, position=1)

    def status(self, word, late_s=0, *, evse=1, connector=1):
        payload = {"timestamp": moment(late_s), "connectorStatus": word}
        payload |= {"evseId": evse, "connectorId": connector}
        return statuses(self.say("StatusNotification", payload))

    def event(self, word, late_s=0, *, evse=1, connector=1):
        place = {"id": evse} | ({"connectorId": connector} if connector else {})
        entry = {
            "eventId": 1,
            "timestamp": moment(late_s),
            "trigger": "Delta",
            "actualValue": word,
            "eventNotificationType": "HardWiredNotification",
            "component": {"name": "Connector", "evse": place},
            "variable": {"name": "AvailabilityState"},
        }
        payload = {"generatedAt": moment(late_s), "seqNo": 0, "eventData": [entry]}
        told = self.say("NotifyEvent", payload)
        assert isinstance(told[0], ComponentReported)  # kept in any case
        return statuses(told)


def moment(late_s):
    return (NOW - timedelta(seconds=late_s)).isoformat()


def statuses(events):
    return [event.status for event in events if isinstance(event, StatusReported)]


def test_an_event_out_of_a_queue_does_not_end_a_fault_that_is_newer(station):
    station.status("Faulted")
    assert station.event("Available", late_s=10_800) == []
    assert station.status("Faulted") == [Status.FAULTED]


@pytest.mark.parametrize("connector", [1, 0])
def test_an_event_about_a_connector_or_its_evse_is_as_old(station, connector):
    station.status("Faulted")
    assert station.event("Available", late_s=2, connector=connector) == []


def test_the_same_moment_told_twice_is_told_twice(station):
    station.status("Occupied")
    assert station.event("Occupied") == [Status.OCCUPIED]


def test_what_another_connector_or_evse_reported_makes_nothing_old(station):
    station.status("Available")
    assert station.event("Available", late_s=20, connector=2) == [Status.AVAILABLE]
    assert station.event("Available", late_s=20, evse=2) == [Status.AVAILABLE]


def test_a_fault_is_taken_in_however_old_it_looks(station):
    # Quirk J14: were the clock set back, it would be new.
    station.status("Available")
    assert station.event("Faulted", late_s=3600) == [Status.FAULTED]


@pytest.mark.parametrize("late_s", [-7200, 7200])
def test_a_clock_that_was_wrong_makes_nothing_old(station, late_s):
    # Quirk E3: two hours ahead, then set.
    station.status("Faulted", late_s)
    assert station.event("Available", late_s=10_000) == [Status.AVAILABLE]


def test_a_boot_begins_anew(station):
    station.status("Faulted")
    boot = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}
    station.say("BootNotification", boot)
    assert station.event("Available", late_s=5) == [Status.AVAILABLE]


def test_a_status_notification_is_never_old(station):
    # Quirk J14.
    station.status("Faulted")
    assert station.status("Available", late_s=10_800) == [Status.AVAILABLE]
