"""What is read again from a journal is what was read live."""

from datetime import UTC, datetime

import msgspec
import pytest

from app.interpret import Interpreter
from domain.events import Connected, MessageFlagged
from domain.journal import Entry, EntryKind
from domain.places import StationId

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
STATION = StationId("N-001")


@pytest.mark.parametrize(("is_assumed", "protocol"), [(True, ""), (False, "ocpp1.6")])
def test_a_connection_without_agreement_is_read_again_as_one(is_assumed, protocol):
    interpreter = Interpreter()
    fact = Connected(observed_at=NOW, position=1, station=STATION, is_assumed=is_assumed)
    interpreter.read(Entry(1, NOW, EntryKind.FACT, STATION, msgspec.json.encode(fact)))
    assert interpreter.translation(STATION).protocol == protocol

    status = {
        "timestamp": "2026-01-05T08:00:00Z",
        "connectorStatus": "Available",
        "evseId": 1,
        "connectorId": 1,
    }
    frame = msgspec.json.encode([2, "1", "StatusNotification", status])
    events = interpreter.read(Entry(2, NOW, EntryKind.RECEIVED, STATION, frame))
    assert any(isinstance(event, MessageFlagged) for event in events) is not is_assumed
