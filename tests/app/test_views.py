"""The JSON shapes: keys are a contract, moments are UTC with Z, online is honest."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.views import fault_view, is_online, moment, notice_view, station_view, ticket_view
from domain.beliefs import Link, StationBelief
from domain.events import Status
from domain.faults import Fault, Severity
from domain.places import CustomerId, Place, StationId, TicketId
from domain.tickets import Notice, NoticeReason, Ticket, TicketKind, TicketState

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
N001 = StationId("N-001")


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NOW, "2026-01-05T08:00:00Z"),
        (NOW + timedelta(milliseconds=250), "2026-01-05T08:00:00.25Z"),
        (NOW + timedelta(microseconds=1), "2026-01-05T08:00:00.000001Z"),
        (NOW + timedelta(seconds=10), "2026-01-05T08:00:10Z"),
        (NOW.astimezone(timezone(timedelta(hours=1))), "2026-01-05T08:00:00Z"),
    ],
)
def test_moments_are_utc_with_a_fraction_only_where_there_is_one(at, text) -> None:
    assert moment(at) == text


@given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_moment_can_be_read_back(at: datetime) -> None:
    assert datetime.fromisoformat(moment(at)) == at


def a_fault(rule: str = "offline", station: StationId = N001) -> Fault:
    return Fault(
        fingerprint="f",
        rule=rule,
        place=Place.of_station(station),
        episode=1,
        severity=Severity.MINOR,
        codes=("offline",),
        seen_at=NOW,
        raised_at=NOW,
    )


@pytest.mark.parametrize(
    ("link", "faults", "online"),
    [
        (Link.UP, [], True),
        (Link.LOST, [], False),
        (Link.NEVER, [], None),
        (Link.UNKNOWN, [], None),
        (Link.UNKNOWN, [a_fault()], False),
        (Link.UNKNOWN, [a_fault("silent")], None),
        (Link.UNKNOWN, [a_fault(station=StationId("N-002"))], None),
        (Link.UP, [a_fault()], True),
    ],
)
def test_online_is_null_where_we_cannot_know(link, faults, online) -> None:
    assert is_online(StationBelief(station=N001, link=link), faults) is online


def test_a_station_shows_its_evses_and_the_whole_apart() -> None:
    belief = StationBelief(
        station=N001,
        link=Link.UP,
        status={2: Status.CHARGING, 0: Status.AVAILABLE, 1: Status.FAULTED},
        firmware="6.4.0",
    )
    view = station_view(belief, [a_fault("silent"), a_fault(station=StationId("X"))])
    assert view["status"] == {"1": "Faulted", "2": "Charging"}
    assert view["station_status"] == "Available"
    assert view["faults"] == ["silent@N-001"]
    assert (view["id"], view["online"], view["firmware"]) == ("N-001", True, "6.4.0")


def test_every_view_is_plain_json_with_the_keys_of_the_contract() -> None:
    ticket = Ticket(
        id=TicketId("T-1001"),
        kind=TicketKind.FAULT,
        state=TicketState.NEW,
        severity=Severity.MAJOR,
        title="t",
        opened_at=NOW,
        place=Place.of_station(N001),
    )
    notice = Notice(
        key="k",
        at=NOW,
        ticket=ticket.id,
        customer=CustomerId("acme"),
        to="a@acme.example",
        channel="email",
        language="de",
        reason=NoticeReason.OPENED,
        subject="s",
        text="t",
    )
    wanted = {
        "id kind state customer site stations places rules codes severity opened_at "
        "resolved_at reopened flapping late notified title": ticket_view(ticket),
        "at ticket customer to channel language reason subject text": notice_view(notice),
        "rule place raised_at cleared_at inhibited_by": fault_view(a_fault()),
        "id online status firmware": station_view(StationBelief(station=N001), []),
    }
    for keys, view in wanted.items():
        assert list(json.loads(json.dumps(view)))[: len(keys.split())] == keys.split()
    assert ticket_view(ticket)["customer"] is None
    assert ticket_view(ticket)["resolved_at"] is None
