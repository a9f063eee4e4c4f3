from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access import (
    AccessReader,
    AccessStore,
    ApiToken,
    User,
    generate_password,
    generate_token,
    hash_generated,
    hash_password,
    token_digest,
    verify_password,
)
from domain.places import StationId
from domain.stores import StoreTooNewError, StoreUnavailableError
from ocpp_server.passwords import verify_keyed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AccessStore]:
    store = AccessStore(tmp_path / "access.db")
    yield store
    store.close()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_password_is_known_again_and_another_one_is_not() -> None:
    hashed = hash_password("correct horse")

    assert verify_password(hashed, "correct horse")
    assert not verify_password(hashed, "correct horsf")
    assert not verify_password("no hash at all", "correct horse")
    assert hashed != hash_password("correct horse")


def test_passwords_are_hashed_as_the_contract_says() -> None:
    assert hash_password("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_generated_passwords_and_tokens_are_long_and_never_the_same() -> None:
    passwords = {generate_password() for _ in range(100)}
    tokens = {generate_token() for _ in range(100)}

    assert len(passwords) == len(tokens) == 100
    assert {len(password) for password in passwords} == {20}
    assert all(password.isalnum() for password in passwords)
    assert all(len(token) > 40 for token in tokens)


def test_a_token_is_found_by_its_digest_and_stored_as_nothing_else(
    store: AccessStore, tmp_path: Path
) -> None:
    token = generate_token()
    store.save_token("ci", digest=token_digest(token), scopes=("read", "write"))

    found = store.token(token_digest(token))
    assert found == ApiToken(name="ci", digest=token_digest(token), scopes=("read", "write"))
    assert store.token(token_digest("another")) is None
    store.close()
    assert token.encode() not in (tmp_path / "access.db").read_bytes()


def test_a_token_of_the_same_name_replaces_the_old_one(store: AccessStore) -> None:
    store.save_token("ci", digest="old", scopes=())
    store.save_token("ci", digest="new", scopes=("admin",))

    assert store.token("old") is None
    assert store.token("new") == ApiToken(name="ci", digest="new", scopes=("admin",))


def test_users_are_created_replaced_and_listed(store: AccessStore) -> None:
    assert store.users() == []

    store.save_user("zoe", role="agent", password_hash="h1")
    store.save_user("ada", role="admin", password_hash="h2")
    store.save_user("zoe", role="lead", password_hash="h3")

    assert store.user("zoe") == User(name="zoe", role="lead", password_hash="h3")
    assert [user.name for user in store.users()] == ["ada", "zoe"]
    assert store.user("Zoe") is None


def test_unknown_roles_and_scopes_are_refused(store: AccessStore) -> None:
    with pytest.raises(ValueError, match="king"):
        store.save_user("zoe", role="king", password_hash="h")
    with pytest.raises(ValueError, match="fly"):
        store.save_token("t", digest="d", scopes=("read", "fly"))

    assert store.user("zoe") is None
    assert store.token("d") is None


def test_station_passwords_survive_a_restart(store: AccessStore, tmp_path: Path) -> None:
    station = StationId("DE*BMW*E1")
    assert store.station_password_hash(station) is None
    assert not store.stations_with_password()

    store.save_station_password(station, password_hash="h1")
    assert store.station_password_hash(station) == "h1"
    store.save_station_password(station, password_hash="h2")
    store.close()

    again = AccessStore(tmp_path / "access.db")
    assert again.station_password_hash(station) == "h2"
    assert again.stations_with_password()
    assert AccessReader(tmp_path / "access.db").station_password_hash(station) == "h2"
    again.close()


def test_a_generated_station_password_opens_with_its_data_directorys_key_only(
    store: AccessStore, tmp_path: Path
) -> None:
    password = generate_password()
    stored = hash_generated(password, store.station_key)
    another = AccessStore(tmp_path / "elsewhere")
    another.close()

    assert stored.startswith("blake2b$")
    assert password not in stored
    assert stored != hash_generated(password, store.station_key)
    assert verify_keyed(stored, password, AccessReader(tmp_path).station_key)
    assert not verify_keyed(stored, password, another.station_key)
    assert not verify_keyed(stored, generate_password(), store.station_key)
    assert store.station_key != store.secret


def test_the_key_is_created_once_and_for_its_owner_only(
    store: AccessStore, tmp_path: Path
) -> None:
    secret = store.secret
    store.close()

    again = AccessStore(tmp_path)
    assert again.secret == secret
    assert len(secret) == 32
    assert AccessReader(tmp_path).secret == secret
    assert mode_of(tmp_path / "secret") == 0o600
    assert mode_of(tmp_path / "access.db") == 0o600
    assert sorted(p.name for p in tmp_path.iterdir() if "access" not in p.name) == ["secret"]
    again.close()


def test_a_key_others_could_read_is_closed_to_them(store: AccessStore, tmp_path: Path) -> None:
    (tmp_path / "secret").chmod(0o644)

    assert len(store.secret) == 32
    assert mode_of(tmp_path / "secret") == 0o600


@pytest.mark.parametrize("content", ["", "abcd", "not hex at all" * 10])
def test_a_broken_key_is_said_and_never_replaced(
    store: AccessStore, tmp_path: Path, content: str
) -> None:
    (tmp_path / "secret").write_text(content)

    with pytest.raises(StoreUnavailableError, match="restore it"):
        _ = AccessReader(tmp_path).secret
    AccessStore(tmp_path).close()
    assert (tmp_path / "secret").read_text() == content


def test_a_reader_follows_the_writer_and_waits_for_it_to_begin(tmp_path: Path) -> None:
    reader = AccessReader(tmp_path / "access.db")
    with pytest.raises(StoreUnavailableError):
        reader.user("ada")
    with pytest.raises(StoreUnavailableError):
        _ = reader.secret

    store = AccessStore(tmp_path / "access.db")
    store.save_user("ada", role="admin", password_hash="h")

    assert reader.user("ada") == User(name="ada", role="admin", password_hash="h")
    assert reader.secret == store.secret
    assert not hasattr(reader, "save_user")
    store.close()


def test_a_store_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    AccessStore(tmp_path).close()
    with sqlite3.connect(tmp_path / "access.db") as file:
        file.execute("PRAGMA user_version=99")
    file.close()

    with pytest.raises(StoreTooNewError, match="99"):
        AccessStore(tmp_path)


def test_a_file_that_is_no_store_is_said_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "access.db").write_text("no database" * 100)

    with pytest.raises(StoreUnavailableError, match="not a database"):
        AccessStore(tmp_path)
