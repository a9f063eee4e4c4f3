"""Meter values that no float holds, or none once they are in base units: left out, flagged."""

import json
import math
from datetime import UTC, datetime

import msgspec
import pytest

from domain.events import AnyEvent, MessageFlagged, MeterSampled
from domain.places import StationId
from ocpp_server.translate import Translation

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def meter_values(value, unit):
    sampled = [
        {"value": value, "measurand": "Energy.Active.Import.Register", "unit": unit},
        {"value": "230.1", "measurand": "Voltage", "unit": "V"},
    ]
    moment = {"timestamp": "2026-01-05T08:00:00Z", "sampledValue": sampled}
    payload = {"connectorId": 1, "meterValue": [moment]}
    return json.dumps([2, "1", "MeterValues", payload], separators=(",", ":")).encode()


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1"])
@pytest.mark.parametrize("is_learned", [False, True])
@pytest.mark.parametrize(
    ("value", "unit"),
    [("1e308", "kWh"), ("9" * 400, "Wh"), ("9" * 307, "kWh"), ("1e308,0", "kWh")],
)
def test_a_number_beyond_all_floats_is_left_out_and_the_others_are_read(
    value, unit, is_learned, protocol
):
    translation = Translation(station=StationId("N-001"), protocol=protocol)
    if is_learned:  # the frame's layout is known from frames like it
        for _ in range(5):
            translation.received(meter_values("12.5", unit), at=NOW, position=1)
    events = translation.received(meter_values(value, unit), at=NOW, position=2)
    samples = [s for event in events if isinstance(event, MeterSampled) for s in event.samples]
    assert [sample.value for sample in samples] == [230.1]
    assert all(math.isfinite(sample.value) for sample in samples)
    assert any(isinstance(event, MessageFlagged) for event in events)
    for event in events:
        assert msgspec.json.decode(msgspec.json.encode(event), type=AnyEvent) == event


@pytest.mark.parametrize(
    ("finite", "value", "unit"),
    [("1" + "0" * 308, "9" * 309, "Wh"), ("1" * 306, "9" * 306, "kWh")],
)
def test_a_layout_known_from_a_number_a_float_holds_lets_no_larger_one_by(finite, value, unit):
    translation = Translation(station=StationId("N-001"), protocol="ocpp1.6")
    for _ in range(5):
        translation.received(meter_values(finite, unit), at=NOW, position=1)
    events = translation.received(meter_values(value, unit), at=NOW, position=2)
    samples = [s for event in events if isinstance(event, MeterSampled) for s in event.samples]
    assert [sample.value for sample in samples] == [230.1]


@pytest.mark.parametrize("is_learned", [False, True])
def test_a_long_number_that_a_float_holds_is_read(is_learned):
    translation = Translation(station=StationId("N-001"), protocol="ocpp1.6")
    for _ in range(5 * is_learned):
        translation.received(meter_values("12.5", "Wh"), at=NOW, position=1)
    value = "0." + "1" * 400
    events = translation.received(meter_values(value, "Wh"), at=NOW, position=2)
    (event,) = (event for event in events if isinstance(event, MeterSampled))
    assert event.samples[0].value == float(value)
