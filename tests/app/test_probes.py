"""Questions the engine wants asked: one harmless trigger each, in the words of the station."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from app.probes import AT_ONCE, StatusProbes, question
from domain.beliefs import Fleet
from domain.places import Place, StationId
from domain.ports import CommandResult


class _Commands:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, object]] = []
        self.waiting = 0
        self.most_waiting = 0

    async def send(
        self, station: StationId, action: str, payload: bytes, *, timeout_s: float
    ) -> CommandResult:
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        await asyncio.sleep(0)
        self.waiting -= 1
        self.sent.append((station, action, msgspec.json.decode(payload)))
        return CommandResult("answered")


@pytest.mark.parametrize(
    ("protocol", "evse", "asked"),
    [
        ("ocpp1.6", 2, {"requestedMessage": "StatusNotification", "connectorId": 2}),
        ("ocpp1.6", 0, {"requestedMessage": "StatusNotification"}),
        (
            "ocpp2.0.1",
            1,
            {"requestedMessage": "StatusNotification", "evse": {"id": 1, "connectorId": 1}},
        ),
    ],
)
def test_a_station_is_asked_in_its_own_words(protocol, evse, asked):
    assert msgspec.json.decode(question(protocol, evse)) == asked


async def test_each_place_is_asked_once_and_few_at_a_time():
    commands = _Commands()
    probes = StatusProbes(commands, Fleet())
    places = [Place.of_station(StationId(f"N-{number:03}"), 1) for number in range(20)]
    probes.ask([*places, Place.of_station(StationId("N-999"))])
    for _ in range(100):
        await asyncio.sleep(0)
    await probes.close()
    assert [station for station, _, _ in commands.sent] == [*(p.name for p in places), "N-999"]
    assert {action for _, action, _ in commands.sent} == {"TriggerMessage"}
    assert 1 < commands.most_waiting <= AT_ONCE
