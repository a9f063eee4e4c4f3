"""Every recorded frame that a station sent, of all versions, to the running service."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as websocket

pytestmark = pytest.mark.e2e

CORPUS = Path(__file__).parents[1] / "data" / "ocpp_frames.jsonl"
ANSWER_WITHIN_S = 15.0
LAST_ID = "the-last-one"
LAST_WORD = json.dumps([2, LAST_ID, "DataTransfer", {"vendorId": "test"}])


def schema_of(version: str, action: str) -> Draft7Validator:
    """Return what checks an answer: the schema that the `ocpp` library ships."""
    folder = files(f"ocpp.v{version.replace('.', '')}") / "schemas"
    return Draft7Validator(json.loads((folder / f"{action}Response.json").read_text()))


@dataclass
class Talk:
    """What one source's station said and was told, in order."""

    station: str
    version: str
    frames: list[str]
    answers: list[str] = field(default_factory=list)

    @property
    def calls(self) -> list[list[Any]]:
        """The frames that are calls which anybody can parse."""
        parsed = [json.loads(frame) for frame in self.frames]
        return [frame for frame in parsed if frame[0] == 2 and len(frame) >= 3]

    @property
    def conforming_heartbeats(self) -> list[str]:
        """The frames that are answered at once and folded."""
        return [frame for frame in self.frames if json.loads(frame)[2:] in (["Heartbeat", {}],)]


def talks_of_the_corpus() -> list[Talk]:
    """Return the corpus by source: one station each."""
    by_source: dict[tuple[str, str], list[str]] = {}
    for line in CORPUS.read_text("utf-8").splitlines():
        recorded = json.loads(line)
        if recorded["direction"] == "cp->cs":
            source = recorded["source"], recorded["version"]
            by_source.setdefault(source, []).append(recorded["frame"])
    return [
        Talk(f"CORPUS-{number:02}", version, frames)
        for number, ((_, version), frames) in enumerate(by_source.items(), start=1)
    ]


def hold(talk: Talk, connection: ClientConnection) -> None:
    """Say everything, the next call once the last one was answered, and a last word."""
    for frame in talk.frames:
        connection.send(frame)
        if json.loads(frame)[0] == 2:
            talk.answers.append(str(connection.recv(ANSWER_WITHIN_S)))
    connection.send(LAST_WORD)
    assert json.loads(connection.recv(ANSWER_WITHIN_S))[1] == LAST_ID


@pytest.fixture(scope="module")
def replayed(start_service) -> tuple[Any, list[Talk]]:
    """The service after it heard the whole corpus, stopped in order."""
    service = start_service()
    talks = talks_of_the_corpus()
    for talk in talks:
        with websocket(
            f"{service.stations_url}/{talk.station}",
            subprotocols=[f"ocpp{talk.version}"],
            ping_interval=None,
        ) as connection:
            assert connection.subprotocol == f"ocpp{talk.version}"
            hold(talk, connection)
    assert service.stop() == 0
    return service, talks


def test_the_corpus_is_worth_the_name(replayed) -> None:
    _, talks = replayed
    assert len(talks) >= 40
    assert sum(len(talk.frames) for talk in talks) >= 140
    assert {talk.version for talk in talks} == {"1.6", "2.0.1", "2.1"}
    assert sum(len(talk.conforming_heartbeats) for talk in talks) >= 1


def test_every_call_gets_a_valid_answer_with_its_own_id(replayed) -> None:
    _, talks = replayed
    checked = Counter[str]()
    for talk in talks:
        assert len(talk.answers) == len(talk.calls)
        for said, frame in zip(talk.calls, talk.answers, strict=True):
            answer = json.loads(frame)
            assert answer[:2] == [3, said[1]], (talk.station, said, answer)
            assert len(answer) == 3
            schema_of(talk.version, said[2]).validate(answer[2])
            if "currentTime" in answer[2]:
                assert datetime.fromisoformat(answer[2]["currentTime"]).tzinfo is not None
            checked[said[2]] += 1
    assert {"StatusNotification", "MeterValues", "TransactionEvent"} <= set(checked)


def test_no_frame_is_missing_from_the_journal(replayed) -> None:
    service, talks = replayed
    for talk in talks:
        folded = talk.conforming_heartbeats
        expected = [frame for frame in talk.frames if frame not in folded]
        kept = [body.decode() for body in service.frames(talk.station)]
        assert kept == [*expected, LAST_WORD], talk.station
        facts = service.facts(talk.station)
        heard = sum(fact.get("count", 1) for fact in facts if fact["type"] == "Heard")
        assert heard == len(folded), talk.station


def test_every_answer_that_left_is_in_the_journal_too(replayed) -> None:
    service, talks = replayed
    for talk in talks:
        folded = talk.conforming_heartbeats
        said = [frame for frame in talk.frames if json.loads(frame)[0] == 2]
        due = [
            answer
            for frame, answer in zip(said, talk.answers, strict=True)
            if frame not in folded
        ]
        sent = [body.decode() for body in service.frames(talk.station, kind=2)]
        last = sent.pop()
        assert sent == due, talk.station
        assert json.loads(last)[:2] == [3, LAST_ID]


def test_no_connection_is_closed_by_us(replayed) -> None:
    service, talks = replayed
    for talk in talks:
        ends = [f for f in service.facts(talk.station) if f["type"] == "Disconnected"]
        assert [end["code"] for end in ends] == [1000], talk.station  # as the station said
    service.assert_no_bug()
