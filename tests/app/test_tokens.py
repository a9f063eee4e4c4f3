"""The list of tokens: its file, its store, its commands, and a service that goes by it."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from app.cli_tokens import masked
from app.core import Core
from app.interpret import Interpreter
from app.settings import Settings
from app.token_file import COLUMNS, MISTAKE_LIMIT, TokenFileError, parse_tokens, write_tokens
from app.token_store import TOKENS_FILE, TokenReader, TokenStore, authorize_by
from domain.events import AuthorizationAsked
from domain.stores import StoreTooNewError, StoreUnavailableError
from domain.tokens import KINDS, LISTED, Standing, Token, TokenStatus
from gateway.journal import JournalReader

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
GOOD = "id,status\n04A1B2,\n BAD ,blocked\n"


def mistakes_in(text):
    with pytest.raises(TokenFileError) as found:
        parse_tokens(text, "t.csv")
    return [str(mistake) for mistake in found.value.mistakes]


# --- the file -------------------------------------------------------------------------------


def test_a_file_is_read_in_our_words() -> None:
    text = (
        "id,type,status,group,expires_at,note\n"
        '04A1B2,iso14443,accepted,FLEET,2026-12-31,"Kim, van 3"\n'
        "\n"
        " de-xyz ,EMAID,,,2026-06-01T12:00:00+02:00\n"
    )
    assert parse_tokens(text, "t.csv") == [
        Token(
            id="04A1B2",
            kind="ISO14443",
            group="FLEET",
            expires_at=datetime(2027, 1, 1, tzinfo=UTC),
            note="Kim, van 3",
        ),
        Token(id="de-xyz", kind="eMAID", expires_at=datetime(2026, 6, 1, 10, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    "heads",
    [
        "idTag,parentIdTag,expiryDate,status",
        "ID_TAG, Parent_Id_Tag ,EXPIRES,Status",
        "idToken,groupIdToken,cacheExpiryDateTime,status",
    ],
)
def test_a_file_is_read_in_the_words_of_the_standards(heads) -> None:
    [token] = parse_tokens(f"{heads}\nA,G,2026-01-01T00:00:00z,ConcurrentTX\n", "t.csv")
    assert (token.id, token.group, token.status) == ("A", "G", TokenStatus.CONCURRENT)
    assert token.expires_at == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "t.csv: expected a first line with the names of the columns; the file is empty"),
        ("id\n", "t.csv: expected at least one token"),
        ("id;status\nA;\n", "t.csv:1: expected columns separated by commas"),
        ("status\nAccepted\n", "t.csv:1: expected a column 'id' (or idTag, idToken)"),
        ("id,idTag\nA,B\n", "t.csv:1: expected each column once"),
        (
            "id,colour\nA,red\n",
            "t.csv:1: expected columns id, type, status, group, expires_at, note, not 'colour'",
        ),
        ("id\nA,B\n", "t.csv:2: expected at most 1 cells, as in the first line; there are 2"),
        ("id,note\n,x\n", "t.csv:2: expected an id"),
        (
            "id\nA\n\n a\n",
            "t.csv:4: expected each token once; this one stands in line 2",
        ),
        (
            "id,status\nA,Unknown\n",
            "t.csv:2: status: expected one of Accepted, Blocked, Expired, Invalid, "
            "ConcurrentTx, or nothing",
        ),
        (
            "id,type\nA,RFID\n",
            f"t.csv:2: type: expected one of {', '.join(KINDS)}, or nothing",
        ),
        ('id,note\n"A\nB",x\n', "t.csv:2: id: expected one line of printable characters"),
        (f"id\n{'A' * 256}\n", "t.csv:2: id: expected at most 255 characters"),
        (f"id,group\nA,{'G' * 37}\n", "t.csv:2: group: expected at most 36 characters"),
        ('id\n"A', "t.csv:2: expected CSV: unexpected end of data"),
    ],
)
def test_a_mistake_is_told_with_its_line(text, mistake) -> None:
    assert mistakes_in(text) == [mistake]


@pytest.mark.parametrize("text", ["tomorrow", "2026-02-30", "2026-01-01T00:00:00", "31.12.26"])
def test_an_end_must_be_a_day_or_a_moment_with_its_zone(text) -> None:
    assert mistakes_in(f"id,expires_at\nA,{text}\n") == [
        "t.csv:2: expires_at: expected a day as in 2026-12-31, or a moment as in "
        "2026-12-31T18:00:00Z"
    ]


def test_all_mistakes_are_told_at_once_up_to_a_limit() -> None:
    assert len(mistakes_in("id,status\nA,x\n,y\n")) == 3
    many = mistakes_in("id,status\n" + "".join(f"{n},x\n" for n in range(MISTAKE_LIMIT + 5)))
    assert many[-1] == "t.csv: and 5 more"
    assert len(many) == MISTAKE_LIMIT + 1


printable = st.text(max_size=20).map(
    lambda text: "".join(filter(str.isprintable, text)).strip()
)
tokens = st.builds(
    Token,
    id=printable.filter(bool),
    kind=st.sampled_from(["", *KINDS]),
    status=st.sampled_from(LISTED),
    group=printable,
    expires_at=st.none()
    | st.datetimes(timezones=st.just(UTC)).map(
        lambda at: at.replace(year=max(at.year, 1970), day=min(at.day, 28), microsecond=0)
    ),
    note=printable,
)


@given(st.lists(tokens, min_size=1, max_size=5, unique_by=lambda token: token.key))
def test_what_is_exported_is_imported_as_it_was(listed) -> None:
    assert parse_tokens(write_tokens(listed), "t.csv") == listed


# --- the store ------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    store = TokenStore(tmp_path)
    yield store
    store.close()


def test_an_import_replaces_the_list_or_adds_to_it(store) -> None:
    done = store.take([Token(id="A"), Token(id="B")], keep_others=False)
    assert (done.listed, done.added, done.changed, done.removed) == (2, 2, 0, 0)
    done = store.take([Token(id="b", note="x"), Token(id="C")], keep_others=True)
    assert (done.listed, done.added, done.changed, done.removed) == (3, 1, 1, 0)
    done = store.take([Token(id="C")], keep_others=False)
    assert (done.listed, done.added, done.changed, done.removed) == (1, 0, 0, 2)
    assert store.tokens() == [Token(id="C")]
    assert store.count() == 1


def test_the_file_is_for_its_owner_only(store, tmp_path) -> None:
    assert (tmp_path / TOKENS_FILE).stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_imports_belongs_to_the_service(tmp_path) -> None:
    os.chown(tmp_path, 65_534, 65_534)
    TokenStore(tmp_path).close()
    assert (tmp_path / TOKENS_FILE).stat().st_uid == 65_534


def test_a_reader_sees_an_import_at_once_also_the_first(tmp_path) -> None:
    reader = TokenReader(tmp_path)
    authorize = authorize_by(reader)
    assert authorize("A", "", NOW) == Standing(TokenStatus.UNKNOWN)
    assert (reader.tokens(), reader.count()) == ([], 0)
    for status in (TokenStatus.ACCEPTED, TokenStatus.BLOCKED):
        store = TokenStore(tmp_path)
        store.take([Token(id="A", status=status)], keep_others=False)
        store.close()
        assert authorize(" a", "", NOW).status is status
    reader.close()


def test_a_list_that_cannot_be_read_stops_nobody(tmp_path) -> None:
    (tmp_path / TOKENS_FILE).write_bytes(b"no database at all" * 100)
    reader = TokenReader(tmp_path)
    with pytest.raises(StoreUnavailableError):
        reader.with_id("A")
    authorize = authorize_by(reader)
    assert authorize("A", "", NOW) == Standing(TokenStatus.ACCEPTED)
    assert authorize("A", "", NOW) == Standing(TokenStatus.ACCEPTED)


def test_an_id_that_is_no_text_is_not_listed(store) -> None:
    assert authorize_by(store)("\ud800", "", NOW) == Standing(TokenStatus.UNKNOWN)


def test_a_list_of_a_newer_release_is_left_alone(store, tmp_path) -> None:
    store._connection.execute("PRAGMA user_version=99")
    with pytest.raises(StoreTooNewError):
        TokenStore(tmp_path)


# --- the commands ---------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "cards.csv"
    path.write_text(GOOD, "utf-8")
    return path


def test_a_file_is_checked(run_cli, file) -> None:
    result = run_cli("tokens", "check", file)
    assert (result.status, result.out) == (0, f"{file}: 2 tokens: no mistakes\n")
    assert json.loads(run_cli("tokens", "check", file, "--json").out) == {"mistakes": []}


def test_a_check_that_finds_mistakes_ends_with_1(run_cli, file) -> None:
    file.write_text("id\nA\na\n")
    result = run_cli("tokens", "check", file)
    said = "expected each token once; this one stands in line 2"
    assert (result.status, result.out) == (1, f"{file}:3: {said}\n")
    told = json.loads(run_cli("tokens", "check", file, "--json").out)
    assert told == {"mistakes": [{"file": str(file), "line": 3, "expected": said}]}


def test_a_file_that_is_not_there_ends_with_2(run_cli, tmp_path) -> None:
    for command in ("check", "import"):
        result = run_cli("tokens", command, tmp_path / "none.csv")
        assert result.status == 2
        assert "cannot be opened" in result.err


def test_a_bad_file_is_not_imported(run_cli, file, tmp_path) -> None:
    file.write_bytes(b"id\nA\n\xff\n")
    result = run_cli("tokens", "import", file, "--data", tmp_path / "data")
    assert result.status == 2
    assert f"{file}:3: expected text in UTF-8" in result.err
    assert not (tmp_path / "data").exists()


def test_a_list_is_imported_shown_masked_and_exported_whole(run_cli, file, tmp_path) -> None:
    result = run_cli("tokens", "import", file, "--data", tmp_path)
    assert result.status == 0
    assert result.out == "2 tokens listed: 2 new, 0 changed, 0 removed\n"
    assert 'ocpp.authorize is "accept"' in result.err
    shown = run_cli("tokens", "list", "--data", tmp_path).out
    assert "***B2" in shown
    assert "04A1B2" not in shown
    assert "04A1B2" in run_cli("tokens", "list", "--show", "--data", tmp_path).out
    rows = json.loads(run_cli("tokens", "list", "--json", "--data", tmp_path).out)["items"]
    assert [row["id"] for row in rows] == ["***B2", "***D"]
    assert rows[1]["status"] == "Blocked"
    exported = run_cli("tokens", "export", "--data", tmp_path).out
    assert exported == ",".join(COLUMNS) + "\n04A1B2,,Accepted,,,\nBAD,,Blocked,,,\n"


def test_an_empty_list_is_said_to_be_empty(run_cli, tmp_path) -> None:
    assert run_cli("tokens", "list", "--data", tmp_path).out == "no token is listed\n"


@pytest.mark.parametrize(
    ("whole", "shown"), [("", ""), ("A", "***"), ("ABC", "***C"), ("04A1B2C3", "***C3")]
)
def test_a_third_of_an_id_is_shown(whole, shown) -> None:
    assert masked(whole) == shown


# --- a service that goes by it ---------------------------------------------------------------


async def test_a_running_service_goes_by_an_import_at_once(tmp_path) -> None:
    core = Core(Settings(data=tmp_path, ocpp={"port": 0, "authorize": "list"}))
    ports = await core.start()
    url = f"ws://127.0.0.1:{ports.ocpp}/ocpp/N-1"
    try:
        async with connect(url, subprotocols=["ocpp1.6"]) as station:
            assert await _standing(station, "1") == "Invalid"
            store = TokenStore(tmp_path)
            store.take([Token(id="04a1b2")], keep_others=False)
            store.close()
            assert await _standing(station, "2") == "Accepted"
    finally:
        await core.close(drain_s=1.0)


async def test_a_restart_reads_what_was_answered_whatever_the_list_says_since(tmp_path) -> None:
    settings = Settings(data=tmp_path, ocpp={"port": 0, "authorize": "list"})
    core = Core(settings)
    ports = await core.start()
    async with connect(
        f"ws://127.0.0.1:{ports.ocpp}/ocpp/N-1", subprotocols=["ocpp1.6"]
    ) as station:
        assert await _standing(station, "1") == "Invalid"
    await core.close(drain_s=1.0)
    store = TokenStore(tmp_path)
    store.take([Token(id="04A1B2")], keep_others=False)
    store.close()
    entries = JournalReader(tmp_path / "journal").read()
    interpreter = Interpreter()
    events = [event for entry in entries for event in interpreter.read(entry)]
    asked = [event for event in events if isinstance(event, AuthorizationAsked)]
    assert [(one.is_accepted, one.refused_as) for one in asked] == [
        (None, ""),
        (False, "Invalid"),
    ]


async def test_without_a_list_everybody_may_charge(tmp_path) -> None:
    core = Core(Settings(data=tmp_path, ocpp={"port": 0}))
    ports = await core.start()
    try:
        async with connect(
            f"ws://127.0.0.1:{ports.ocpp}/ocpp/N-1", subprotocols=["ocpp1.6"]
        ) as station:
            assert await _standing(station, "1") == "Accepted"
    finally:
        await core.close(drain_s=1.0)


async def _standing(station, number):
    await station.send(json.dumps([2, number, "Authorize", {"idTag": "04A1B2"}]))
    return json.loads(await station.recv())[2]["idTagInfo"]["status"]
