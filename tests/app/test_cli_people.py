from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.access import AccessReader, AccessStore, verify_password
from app.link import LinkServer
from app.messages import Answer, Done, Refusal, Request, SaveStationPassword, SaveUser
from app.settings_load import load_settings
from domain.places import StationId
from ocpp_server.passwords import verify_keyed

FLEET = """\
customers: [{id: c, name: C}]
sites: [{id: s, customer: c, timezone: UTC, stations: [{id: S-1, evses: 1}]}]
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put text on standard input."""

    def put(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return put


def test_a_person_is_let_in_with_a_password_that_is_made_up_and_shown_once(
    run_cli, data: Path, typed
) -> None:
    typed("")
    result = run_cli("user", "add", "kim", "--role", "lead", "--data", data)
    assert result.status == 0
    label, _, password = result.out.strip().rpartition(" ")
    assert label == "password of kim (lead):"
    user = AccessReader(data).user("kim")
    assert user is not None
    assert user.role == "lead"
    assert verify_password(user.password_hash, password)


def test_a_password_from_standard_input_is_not_shown(run_cli, data: Path, typed) -> None:
    typed("correct horse battery\n")
    result = run_cli("user", "add", "kim", "--password-stdin", "--data", data)
    assert (result.status, result.err) == (0, "")
    assert result.out == "password of kim (agent): set\n"
    user = AccessReader(data).user("kim")
    assert user is not None
    assert verify_password(user.password_hash, "correct horse battery")


def test_a_short_password_changes_nothing(run_cli, data: Path, typed) -> None:
    typed("short\n")
    result = run_cli("user", "add", "kim", "--password-stdin", "--data", data)
    assert result.status == 2
    assert "at least 10 characters" in result.err
    assert not data.exists()


def test_a_new_password_keeps_the_role(run_cli, data: Path, typed) -> None:
    typed("")
    run_cli("user", "add", "kim", "--role", "admin", "--data", data)
    typed("another password\n")
    result = run_cli("user", "passwd", "kim", "--password-stdin", "--data", data)
    assert result.status == 0
    user = AccessReader(data).user("kim")
    assert user is not None
    assert user.role == "admin"
    assert verify_password(user.password_hash, "another password")


def test_nobody_is_added_twice_or_changed_without_being_there(
    run_cli, data: Path, typed
) -> None:
    typed("")
    assert run_cli("user", "passwd", "kim", "--data", data).status == 2
    run_cli("user", "add", "kim", "--data", data)
    again = run_cli("user", "add", "kim", "--data", data)
    assert again.status == 2
    assert "is there already" in again.err
    for odd in ("", "a b", "a\nb", "x" * 65):
        assert run_cli("user", "add", odd, "--data", data).status == 2
    assert run_cli("user", "add", "pat", "--role", "boss", "--data", data).status == 2


def test_a_stations_password_is_stored_under_its_registered_spelling(
    run_cli, data: Path, typed
) -> None:
    typed("")
    data.mkdir()
    (data / "fleet.yaml").write_text(FLEET)
    result = run_cli("station", "password", "s-1", "--data", data)
    assert result.status == 0
    assert result.out.startswith("password of station S-1: ")
    hashed = AccessReader(data).station_password_hash(StationId("S-1"))
    assert hashed is not None
    assert hashed.startswith("blake2b$")
    key = AccessReader(data).station_key
    assert verify_keyed(hashed, result.out.split()[-1], key)
    unknown = run_cli("station", "password", "S-9", "--data", data)
    assert unknown.status == 2
    assert "no such station" in unknown.err


def test_a_password_that_someone_chose_for_a_station_is_hashed_slowly(
    run_cli, data: Path, typed
) -> None:
    typed("correct horse battery\n")
    run_cli("station", "password", "S-1", "--password-stdin", "--data", data)
    hashed = AccessReader(data).station_password_hash(StationId("S-1"))
    assert hashed is not None
    assert hashed.startswith("$argon2id$")
    assert verify_password(hashed, "correct horse battery")


def test_a_made_up_password_is_keyed_by_the_running_services_secret(
    run_cli, core: Core, data: Path, typed
) -> None:
    typed("")
    result = run_cli("station", "password", "S-1", "--data", data)
    (request,) = core.asked
    assert isinstance(request, SaveStationPassword)
    key = AccessReader(data).station_key
    assert verify_keyed(request.password_hash, result.out.split()[-1], key)
    assert result.out.split()[-1] not in request.password_hash


class Core:
    """A stand-in for the running core: answers over the link, on a loop of its own."""

    def __init__(self, path: Path) -> None:
        self.answer: Answer = Done()
        self.asked: list[Request] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = LinkServer(path, self._take)
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(5)

    async def _take(self, request: Request) -> Answer:
        self.asked.append(request)
        return self.answer

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def core(data: Path) -> Iterator[Core]:
    data.mkdir()
    AccessStore(data).close()
    stand_in = Core(load_settings({"data": data}, environ={}).link_path)
    yield stand_in
    stand_in.stop()


def test_a_running_service_writes_itself_and_is_told_a_hash_only(
    run_cli, core: Core, data: Path, typed
) -> None:
    typed("a long password\n")
    assert run_cli("user", "add", "kim", "--password-stdin", "--data", data).status == 0
    typed("another password\n")
    result = run_cli("station", "password", "S-1", "--password-stdin", "--data", data)
    assert result.status == 0
    user, station = core.asked
    assert isinstance(user, SaveUser)
    assert (user.name, user.role) == ("kim", "agent")
    assert verify_password(user.password_hash, "a long password")
    assert isinstance(station, SaveStationPassword)
    assert verify_password(station.password_hash, "another password")
    assert AccessReader(data).users() == []  # the one writer is core


def test_what_the_running_service_refuses_is_said(
    run_cli, core: Core, data: Path, typed
) -> None:
    core.answer = Refusal("not today")
    typed("a long password\n")
    result = run_cli("user", "add", "kim", "--password-stdin", "--data", data)
    assert (result.status, result.out, result.err) == (2, "", "not today\n")
