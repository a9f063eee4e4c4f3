"""Every recorded oddity is read and answered as it was when somebody last looked at it.

`NAME.jsonl` holds lines of the replay log, `NAME.events.json` what each of them led to.
`pytest tests/golden --update-golden` rewrites the latter.
"""

import json
from datetime import datetime
from pathlib import Path

import msgspec

from domain.places import StationId
from ocpp_server.translate import Translation
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v16.dialect import Dialect16


def outcome(case):
    """Run a case's lines through live connections; return what each line led to.

    A case without a `connected` line is one connection of 1.6.
    """
    station = StationId("N-001")
    translation = Translation(station=station, protocol="ocpp1.6")
    dialect = Dialect16(station, translation)
    told = []
    for position, line in enumerate(case.read_text("utf-8").splitlines(), 1):
        entry = json.loads(line)
        if entry["event"] == "connected":
            translation.connected(entry["protocol"])
            is_v16 = entry["protocol"] == "ocpp1.6"
            dialect = (Dialect16 if is_v16 else Dialect2x)(station, translation)
            continue
        assert entry["event"] == "received", "a golden case holds what a station sent"
        frame = entry["frame"].encode("utf-8", "surrogateescape")
        at = datetime.fromisoformat(entry["at"])
        reaction = dialect.receive(frame, now=at, position=position)
        told.append(
            {
                "said": entry["frame"][:60].encode("utf-8", "replace").decode(),
                "answer": reaction.answer.decode() if reaction.answer else None,
                "result_of": reaction.result_of,
                "is_heartbeat": reaction.is_heartbeat,
                "events": [
                    msgspec.json.decode(msgspec.json.encode(e)) for e in reaction.events
                ],
            }
        )
    return told


def test_a_recorded_case_reads_as_it_always_did(case, is_updating):
    told = outcome(case)
    expected = case.with_suffix(".events.json")
    if is_updating:
        expected.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert told == json.loads(expected.read_text("utf-8"))


def test_every_expectation_has_its_case():

    here = Path(__file__).parent
    cases = {case.stem for case in here.glob("*.jsonl")}
    assert {
        path.name.removesuffix(".events.json") for path in here.glob("*.events.json")
    } == cases
