"""What stations are told of tokens where a list decides: never an error, nor a lost number."""

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ocpp.v16
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft6Validator

from domain.events import AuthorizationAsked, TransactionStarted
from domain.places import StationId
from domain.tokens import LISTED, Standing, Token, TokenStatus, key_of, standing_of
from ocpp_server.authorizing import ASKING, presented_in
from ocpp_server.translate import Translation
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v16.dialect import Dialect16

STATION = StationId("N-001")
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PACKAGE = Path(ocpp.v16.__file__).parents[1]
CORPUS = Path(__file__).parents[1] / "data" / "ocpp_frames.jsonl"
END = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
LIST = [
    Token(id="04A1B2", group="FLEET", expires_at=END),
    Token(id="DE-XYZ-C1", kind="eMAID"),
    Token(id="BAD", status=TokenStatus.BLOCKED, group="a group of more than 20"),
    Token(id="OLD", expires_at=NOW),
    Token(id="BUSY", status=TokenStatus.CONCURRENT),
]


def authorize(token, kind, now):
    return standing_of([one for one in LIST if one.key[0] == key_of(token)], kind, now)


class Line:
    """One connection of a station, counting positions as the journal does."""

    def __init__(self, protocol="ocpp1.6", *, asked=authorize):
        self.translation = Translation(station=STATION, protocol=protocol)
        dialect = Dialect16 if protocol == "ocpp1.6" else Dialect2x
        self.dialect = dialect(STATION, self.translation, authorize=asked)
        self.position = 0
        self.journal = []

    def say(self, frame, at=NOW):
        self.position += 2
        reaction = self.dialect.receive(frame, now=at, position=self.position - 1)
        self.journal.append((reaction.body, reaction.answer, self.position, at))
        return reaction

    def ask(self, action, payload, message_id="1", at=NOW):
        reaction = self.say(json.dumps([2, message_id, action, payload]).encode(), at)
        kind, echoed, told = json.loads(reaction.answer)
        assert (kind, echoed) == (3, message_id)
        return told, reaction.events


def start(token="04A1B2", at="2026-01-05T08:00:00Z"):
    return {"connectorId": 1, "idTag": token, "meterStart": 5, "timestamp": at}


def event(token, kind="ISO14443", event_type="Started", **more):
    return {
        "eventType": event_type,
        "timestamp": "2026-01-05T08:00:00Z",
        "triggerReason": "Authorized",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T1"},
        "idToken": {"idToken": token, "type": kind},
        **more,
    }


@pytest.mark.parametrize(
    ("token", "info"),
    [
        (
            " 04a1b2 ",
            {
                "status": "Accepted",
                "expiryDate": "2026-12-31T23:59:59Z",
                "parentIdTag": "FLEET",
            },
        ),
        ("stranger", {"status": "Invalid"}),
        ("", {"status": "Invalid"}),
        ("BAD", {"status": "Blocked"}),
        ("old", {"status": "Expired", "expiryDate": "2026-01-05T08:00:00Z"}),
        ("Busy", {"status": "ConcurrentTx"}),
    ],
)
def test_1_6_hears_what_the_list_says(token, info) -> None:
    told, events = Line().ask("Authorize", {"idTag": token})
    assert told == {"idTagInfo": info}
    asked, decided = events
    assert isinstance(asked, AuthorizationAsked)
    assert isinstance(decided, AuthorizationAsked)
    is_accepted = info["status"] == "Accepted"
    assert (asked.is_accepted, decided.is_accepted) == (None, is_accepted)
    assert decided.refused_as == ("" if is_accepted else info["status"])


@pytest.mark.parametrize(
    ("token", "kind", "info"),
    [
        (
            "04a1b2",
            "ISO14443",
            {
                "status": "Accepted",
                "cacheExpiryDateTime": "2026-12-31T23:59:59Z",
                "groupIdToken": {"idToken": "FLEET", "type": "Central"},
            },
        ),
        ("stranger", "ISO14443", {"status": "Unknown"}),
        ("de-xyz-c1", "EMAID", {"status": "Accepted"}),
        ("DE-XYZ-C1", "ISO14443", {"status": "Unknown"}),
        ("", "NoAuthorization", {"status": "Accepted"}),
    ],
)
@pytest.mark.parametrize("protocol", ["ocpp2.0.1", "ocpp2.1"])
def test_2_x_hears_what_the_list_says(protocol, token, kind, info) -> None:
    line = Line(protocol)
    assert line.ask("Authorize", {"idToken": {"idToken": token, "type": kind}})[0] == {
        "idTokenInfo": info
    }
    if token:
        assert line.ask("TransactionEvent", event(token, kind), "2")[0] == {"idTokenInfo": info}


def test_a_start_gets_its_number_whatever_the_list_says_and_however_late_it_is() -> None:
    line = Line()
    for hours, token in zip((9, 6, 3, 0), ["stranger", "BAD", "", "04A1B2"], strict=True):
        at = (NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
        told, events = line.ask("StartTransaction", start(token, at), f"s{hours}")
        assert told["transactionId"] > 0
        is_accepted = told["idTagInfo"]["status"] == "Accepted"
        assert is_accepted == (token == "04A1B2")
        refused = [one for one in events if isinstance(one, AuthorizationAsked)]
        assert [one.refused_as for one in refused] == (
            [] if is_accepted else [told["idTagInfo"]["status"]]
        )
        assert any(isinstance(one, TransactionStarted) for one in events)


def test_a_stop_by_no_token_is_nobodys_fault() -> None:
    stop = {"transactionId": 1, "meterStop": 9, "timestamp": "2026-01-05T09:00:00Z"}
    line = Line()
    assert line.ask("StopTransaction", stop)[0] == {"idTagInfo": {"status": "Accepted"}}
    assert line.ask("StopTransaction", stop | {"idTag": ""}, "2")[0] == {
        "idTagInfo": {"status": "Accepted"}
    }
    told, events = line.ask("StopTransaction", stop | {"idTag": "stranger"}, "3")
    assert told == {"idTagInfo": {"status": "Invalid"}}
    assert not [one for one in events if isinstance(one, AuthorizationAsked)]


def test_a_transaction_event_without_a_token_hears_nothing_of_one() -> None:
    went_on = event("x", event_type="Updated")
    del went_on["idToken"]
    assert Line("ocpp2.0.1").ask("TransactionEvent", went_on)[0] == {}


def test_a_call_said_again_hears_the_same_although_the_list_changed() -> None:
    standings = iter([Standing(TokenStatus.ACCEPTED), Standing(TokenStatus.BLOCKED)])
    line = Line(asked=lambda *_: next(standings))
    first, _ = line.ask("StartTransaction", start(), "7")
    again, _ = line.ask("StartTransaction", start(), "7", at=NOW + timedelta(minutes=5))
    assert again == first
    other, _ = line.ask("StartTransaction", start(), "8")
    assert other["idTagInfo"] == {"status": "Blocked"}


def test_a_message_of_the_other_edition_is_answered_in_its_own_words() -> None:
    told, _ = Line("ocpp1.6").ask("TransactionEvent", event("stranger"))
    assert told == {"idTokenInfo": {"status": "Unknown"}}
    told, _ = Line("ocpp2.0.1").ask("StartTransaction", start("stranger"))
    assert told["idTagInfo"] == {"status": "Invalid"}
    assert told["transactionId"] > 0


@pytest.mark.parametrize(
    "frame",
    [
        b'[2,"1","StartTransaction",{"connectorId":1,"idTag":"336699\\","meterStart":0}]',
        b'[2,"1","StartTransaction",null]',
        b'[2,"1","StartTransaction",{"idTag":',
    ],
)
def test_a_broken_start_gets_a_number_and_no_welcome(frame) -> None:
    told = json.loads(Line().say(frame).answer)[2]
    assert told["transactionId"] > 0
    assert told["idTagInfo"]["status"] == "Invalid"


@pytest.mark.parametrize(
    ("payload", "token"),
    [
        ({"idTag": "A"}, ("A", "")),
        ({"IDTAG": 17}, ("17", "")),
        ({"idTag": None}, ("", "")),
        ([{"idTag": "A"}], ("A", "")),
        ({"idToken": "A"}, ("A", "")),
        ({"idToken": {"idToken": "A", "type": "Local"}}, ("A", "Local")),
        ({}, ("", "")),
        ("text", ("", "")),
    ],
)
def test_a_token_is_found_however_it_is_said(payload, token) -> None:
    assert presented_in(json.dumps([2, "1", "Authorize", payload]).encode()) == token


def test_the_journalled_answer_decides_whatever_the_list_says_now() -> None:
    for protocol in ("ocpp1.6", "ocpp2.0.1"):
        line, live = Line(protocol), []
        for frame in _asking_frames():
            live += line.say(frame).events
        replayed = []
        later = Translation(station=STATION, protocol=protocol)
        for body, answer, position, at in line.journal:
            replayed += later.received(body, at=at, position=position - 1)
            if answer is not None:
                replayed += later.sent(answer, at=at, position=position)
        assert replayed == live
        assert any(isinstance(one, AuthorizationAsked) and one.refused_as for one in live)


def _asking_frames():
    frames = [json.loads(line)["frame"] for line in CORPUS.read_text("utf-8").splitlines()]
    texts = [one if isinstance(one, str) else json.dumps(one) for one in frames]
    return [text.encode() for text in texts if any(f'"{name}"' in text for name in ASKING)]


ANSWERS = [
    ("ocpp1.6", "Authorize", "v16", "AuthorizeResponse", Draft4Validator),
    ("ocpp1.6", "StartTransaction", "v16", "StartTransactionResponse", Draft4Validator),
    ("ocpp1.6", "StopTransaction", "v16", "StopTransactionResponse", Draft4Validator),
    ("ocpp2.0.1", "Authorize", "v201", "AuthorizeResponse", Draft6Validator),
    ("ocpp2.0.1", "TransactionEvent", "v201", "TransactionEventResponse", Draft6Validator),
    ("ocpp2.1", "Authorize", "v21", "AuthorizeResponse", Draft6Validator),
    ("ocpp2.1", "TransactionEvent", "v21", "TransactionEventResponse", Draft6Validator),
]
CALLS = {
    "Authorize": {"idTag": "A"},
    "StartTransaction": start("A"),
    "StopTransaction": {
        "transactionId": 1,
        "meterStop": 9,
        "timestamp": "2026-01-05T09:00:00Z",
        "idTag": "A",
    },
    "TransactionEvent": event("A"),
}
SCHEMAS = {
    (folder, name): validator(
        json.loads((PACKAGE / folder / "schemas" / f"{name}.json").read_text("utf-8-sig"))
    )
    for _, _, folder, name, validator in ANSWERS
}


@given(
    st.sampled_from([*LISTED, TokenStatus.UNKNOWN]),
    st.text(max_size=36),
    st.none()
    | st.datetimes(timezones=st.just(UTC)).map(
        lambda at: at.replace(year=max(at.year, 1970), day=min(at.day, 28))
    ),
)
@settings(max_examples=60, deadline=None)
def test_every_standing_makes_an_answer_by_the_schema(status, group, expires_at) -> None:
    standing = Standing(status, group, expires_at)
    for protocol, action, folder, name, _ in ANSWERS:
        payload = CALLS[action]
        if action == "Authorize" and protocol != "ocpp1.6":
            payload = {"idToken": {"idToken": "A", "type": "Local"}}
        told, _ = Line(protocol, asked=lambda *_: standing).ask(action, payload)
        SCHEMAS[folder, name].validate(told)
        for moment in _moments(told):
            assert moment.endswith("Z")
            assert len(moment) == 20


def _moments(told):
    for info in told.values():
        if isinstance(info, dict):
            yield from (
                v for k, v in info.items() if k in ("expiryDate", "cacheExpiryDateTime")
            )


def test_a_list_that_accepts_everybody_changes_no_answer_whatever_the_frame() -> None:
    dice = random.Random(7)
    frames = _asking_frames()
    frames += [_spoiled(dice.choice(frames), dice) for _ in range(400)]
    for protocol in ("ocpp1.6", "ocpp2.0.1", "ocpp2.1"):
        free = Line(protocol, asked=None)
        listed = Line(protocol, asked=lambda *_: Standing(TokenStatus.ACCEPTED))
        for frame in frames:
            expected, found = free.say(frame), listed.say(frame)
            assert (found.answer, found.events) == (expected.answer, expected.events)


def _spoiled(frame, dice):
    """Return a frame with a piece of it cut out, doubled, or turned into something else."""
    start = dice.randrange(len(frame))
    end = min(start + dice.randrange(1, 12), len(frame))
    odd = dice.choice(
        [b"", b'"', b"\\", b"null", b"{", b"[", b"}", b"\xff", b"1e999", b'\\ud800"']
    )
    return frame[:start] + dice.choice([odd, frame[start:end] * 2]) + frame[end:]
