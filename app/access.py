"""Who may come in: people, API tokens, stations' passwords, and the key that signs for us.

Only hashes are kept: argon2id of passwords that people chose; BLAKE2b of tokens and, keyed, of
generated station passwords (they are random and long, a slow hash would protect nothing). The
key is the file `secret` beside the database; without it those passwords open nothing.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import argon2
import msgspec
import structlog

from domain.places import StationId
from domain.stores import StoreUnavailableError
from gateway.sqlite_files import migrate, open_reader, open_writer, sync_folder
from ocpp_server.passwords import SALT_BYTES, keyed_hash

log = structlog.get_logger(__name__)

ROLES = ("viewer", "agent", "lead", "admin")
SCOPES = ("read", "write", "command", "admin")

SECRET_FILE = "secret"  # noqa: S105 - a file's name
ACCESS_FILE = "access.db"
_SECRET_BYTES = 32
_OWNER_ONLY = 0o600
_STATION_KEY = b"station-key"  # what is derived tells nothing of what it came from

PASSWORD_LENGTH = 20
"""About 99 bits. OCPP 1.6's security whitepaper takes 16 to 20 bytes for Basic auth."""

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that looks like another

# OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane.
_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

SCHEMA: tuple[str, ...] = (
    """
    CREATE TABLE users (
        name TEXT PRIMARY KEY,
        role TEXT NOT NULL,
        password_hash TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE tokens (
        name TEXT PRIMARY KEY,
        digest TEXT NOT NULL UNIQUE,
        scopes TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE station_passwords (
        station TEXT PRIMARY KEY,
        password_hash TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
)


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person's login. `role` is one of `ROLES`, `password_hash` argon2id."""

    name: str
    role: str
    password_hash: str


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """An API token, known by its digest; `scopes` are some of `SCOPES`."""

    name: str
    digest: str
    scopes: tuple[str, ...]


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password. Takes 19 MiB and tens of milliseconds."""
    return _hasher.hash(password)


def verify_password(password_hash: str, password: str) -> bool:
    """Tell whether the password is the hashed one; False for a hash that cannot be read."""
    try:
        return _hasher.verify(password_hash, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def generate_password() -> str:
    """Return a fresh password for a person or a station: letters and digits, easy to type."""
    return "".join(secrets.choice(_LETTERS) for _ in range(PASSWORD_LENGTH))


def generate_token() -> str:
    """Return a fresh API token; show it once, store its digest."""
    return f"ft_{secrets.token_urlsafe(32)}"


def hash_generated(password: str, key: bytes) -> str:
    """Return what is stored of a password that `generate_password` made for a station.

    `key` is the access store's `station_key`.
    """
    return keyed_hash(password, key, secrets.token_bytes(SALT_BYTES))


def token_digest(token: str) -> str:
    """Return what is stored of an API token: its BLAKE2b, in hex."""
    return hashlib.blake2b(token.encode(), digest_size=32).hexdigest()


class AccessReader:
    """The access store, read-only. `place` is the data directory or the database in it.

    Methods raise `StoreUnavailableError` where it cannot be read, also where it is not there
    yet. They may be called from any thread.
    """

    def __init__(self, place: Path) -> None:
        self._path = place if place.suffix == ".db" else place / ACCESS_FILE
        self._secret: bytes | None = None

    @property
    def secret(self) -> bytes:
        """The key that signs sessions and customers' links, whole as in its file."""
        if self._secret is None:
            self._secret = _read_secret(self._path.with_name(SECRET_FILE))
        return self._secret

    @property
    def station_key(self) -> bytes:
        """The key of generated station passwords, derived from the secret."""
        return hashlib.blake2b(self.secret, digest_size=32, person=_STATION_KEY).digest()

    def user(self, name: str) -> User | None:
        """Return a person's login; None for a stranger."""
        for found in self._rows("SELECT role, password_hash FROM users WHERE name = ?", name):
            return User(name=name, role=found[0], password_hash=found[1])
        return None

    def users(self) -> list[User]:
        """Return all logins by name; an empty list means a first start."""
        rows = self._rows("SELECT name, role, password_hash FROM users ORDER BY name")
        return [User(name=n, role=role, password_hash=hashed) for n, role, hashed in rows]

    def token(self, digest: str) -> ApiToken | None:
        """Return the API token with this digest; None for an unknown one."""
        for name, scopes in self._rows(
            "SELECT name, scopes FROM tokens WHERE digest = ?", digest
        ):
            return ApiToken(name=name, digest=digest, scopes=tuple(scopes.split()))
        return None

    def station_password_hash(self, station: StationId) -> str | None:
        """Return the hash of a station's password; None where none was set."""
        query = "SELECT password_hash FROM station_passwords WHERE station = ?"
        for found in self._rows(query, station):
            return str(found[0])
        return None

    def stations_with_password(self) -> frozenset[StationId]:
        """Return the stations that have a password."""
        rows = self._rows("SELECT station FROM station_passwords")
        return frozenset(StationId(station) for (station,) in rows)

    def _rows(self, query: str, *values: str) -> list[tuple[str, ...]]:
        with _reasons():
            connection = open_reader(self._path)
            try:
                return connection.execute(query, values).fetchall()
            finally:
                connection.close()


class AccessStore(AccessReader):
    """The access store of the process that writes it (core, or the command line without one).

    Opening it creates database and key where they are missing, readable by their owner only.
    Raises `StoreUnavailableError`, and `StoreTooNewError` for a store of a newer release.
    """

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        path = self._path
        with _reasons():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=_OWNER_ONLY)
            self._writer = open_writer(path)
            try:
                migrate(self._writer, path, SCHEMA)
                hashes = self._writer.execute(
                    "SELECT station, password_hash FROM station_passwords"
                )
                # Asked at every connect, in a storm thousands of times a second.
                self._station_hashes: dict[str, str] = dict(hashes)
                _create_secret(path.with_name(SECRET_FILE))
            except BaseException:
                self._writer.close()
                raise

    def close(self) -> None:
        """Close the database."""
        self._writer.close()

    def station_password_hash(self, station: StationId) -> str | None:
        """Return the hash of a station's password, from memory; None where none was set."""
        return self._station_hashes.get(station)

    def save_user(self, name: str, *, role: str, password_hash: str) -> None:
        """Create a person's login, or replace it. Raises ValueError for an unknown role."""
        if role not in ROLES:
            raise ValueError(f"role “{role}” is none of {', '.join(ROLES)}")
        self._write("INSERT OR REPLACE INTO users VALUES (?, ?, ?)", name, role, password_hash)
        log.info("user saved", name=name, role=role)

    def save_token(self, name: str, *, digest: str, scopes: Sequence[str]) -> None:
        """Create an API token, or replace the one of that name. ValueError: unknown scope."""
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown:
            raise ValueError(f"scope “{unknown[0]}” is none of {', '.join(SCOPES)}")
        self._write(
            "INSERT OR REPLACE INTO tokens VALUES (?, ?, ?)", name, digest, " ".join(scopes)
        )
        log.info("token saved", name=name, scopes=list(scopes))

    def save_station_password(self, station: StationId, *, password_hash: str) -> None:
        """Set the password a station must connect with from now on."""
        self._write(
            "INSERT OR REPLACE INTO station_passwords VALUES (?, ?)", station, password_hash
        )
        self._station_hashes[station] = password_hash
        log.info("station password saved", station=station)

    def _write(self, statement: str, *values: str) -> None:
        with _reasons():
            self._writer.execute(statement, values)


@contextmanager
def _reasons() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailableError(f"access store: {error}") from error


def _read_secret(path: Path) -> bytes:
    with _reasons():
        text = path.read_text("ascii", errors="replace").strip()
        if path.stat().st_mode & 0o077:
            log.warning("signing key was readable by others", path=str(path))
            path.chmod(_OWNER_ONLY)
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < _SECRET_BYTES:
        raise StoreUnavailableError(f"{path} holds no key of ours: restore it from a backup")
    return secret


def _create_secret(path: Path) -> None:
    """Create the key, whole and once: a second one would break every link we ever sent."""
    if path.exists():
        return
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_SECRET_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)  # fails where another process was quicker, and never replaces
    except FileExistsError:
        log.info("signing key was created by another process", path=str(path))
    finally:
        part.unlink()
    sync_folder(path.parent)
