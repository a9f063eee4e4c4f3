"""Where the list of tokens is kept: `tokens.db`. The command line writes it, core reads it.

Core looks a token up when a station asks, so that an import counts from that moment on, whole
or not at all. The stations' queues must not stand still for a file of ours: while the list
cannot be read every token is accepted, as without a list, and the log says so.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from domain.stores import StoreUnavailableError
from domain.tokens import Authorize, Standing, Token, TokenStatus, key_of, standing_of
from gateway.sqlite_files import migrate, open_reader, open_writer

log = structlog.get_logger(__name__)

TOKENS_FILE = "tokens.db"
_OWNER_ONLY = 0o600  # ids of cards are personal, and copies of them charge

SCHEMA: tuple[str, ...] = (
    """
    CREATE TABLE tokens (
        id_key TEXT NOT NULL,
        kind_key TEXT NOT NULL,
        token BLOB NOT NULL,
        PRIMARY KEY (id_key, kind_key)
    ) WITHOUT ROWID;
    """,
)
"""A token is kept whole, as JSON, under what it is looked up by."""

_decode = msgspec.json.Decoder(Token).decode
_encode = msgspec.json.Encoder().encode


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import came to: tokens now listed, and how many of them are new, and so on."""

    listed: int
    added: int
    changed: int
    removed: int


class TokenReader:
    """The list, read-only. `data` is the data directory; without a file the list is empty.

    For one thread. Methods raise `StoreUnavailableError` where the list cannot be read.
    """

    def __init__(self, data: Path) -> None:
        self._path = data / TOKENS_FILE
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def with_id(self, token_id: str) -> list[Token]:
        """Return the entries of an id, of every type."""
        # A lone surrogate is no text that a file could hold.
        key = key_of(token_id).encode("utf-8", "replace").decode()
        return self._tokens("SELECT token FROM tokens WHERE id_key = ?", key)

    def tokens(self) -> list[Token]:
        """Return the whole list by id and type."""
        return self._tokens("SELECT token FROM tokens ORDER BY id_key, kind_key")

    def count(self) -> int:
        """Return how many tokens are listed."""
        return int(self._rows("SELECT count(*) FROM tokens")[0][0]) if self._is_there() else 0

    def _tokens(self, query: str, *values: str) -> list[Token]:
        if not self._is_there():
            return []
        try:
            return [_decode(row[0]) for row in self._rows(query, *values)]
        except msgspec.MsgspecError as error:
            raise StoreUnavailableError(f"list of tokens: {error}") from error

    def _is_there(self) -> bool:
        return self._connection is not None or self._path.exists()

    def _rows(self, query: str, *values: str) -> list[tuple[bytes, ...]]:
        with _reasons():
            if self._connection is None:
                self._connection = open_reader(self._path)
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error:
                self.close()  # the next question opens it anew
                raise


class TokenStore(TokenReader):
    """The list for the one who writes it. Opening creates the file, for its owner only.

    Raises `StoreUnavailableError`, and `StoreTooNewError` for a list of a newer release.
    """

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        with _reasons():
            data.mkdir(parents=True, exist_ok=True)
            if not self._path.exists():
                self._path.touch(mode=_OWNER_ONLY)
                _give_to_owner_of(data, self._path)
            self._connection = open_writer(self._path)
            try:
                migrate(self._connection, self._path, SCHEMA)
            except BaseException:
                self.close()
                raise

    def take(self, tokens: Sequence[Token], *, keep_others: bool) -> Imported:
        """Make these the list, or with `keep_others` add them to it; in one step."""
        before = {token.key: token for token in self.tokens()}
        after = {token.key: token for token in tokens}
        if keep_others:
            after = before | after
        with _reasons():
            self._replace(after)
        log.info("tokens imported", count=len(after))
        return Imported(
            listed=len(after),
            added=len(after.keys() - before.keys()),
            changed=sum(before[key] != after[key] for key in after.keys() & before.keys()),
            removed=len(before.keys() - after.keys()),
        )

    def _replace(self, tokens: dict[tuple[str, str], Token]) -> None:
        if self._connection is None:
            raise AssertionError("the store is closed")
        run = self._connection
        run.execute("BEGIN IMMEDIATE")
        try:
            run.execute("DELETE FROM tokens")
            rows = ((*key, _encode(token)) for key, token in tokens.items())
            run.executemany("INSERT INTO tokens VALUES (?, ?, ?)", rows)
            run.execute("COMMIT")
        except BaseException:
            run.execute("ROLLBACK")
            raise


def authorize_by(tokens: TokenReader) -> Authorize:
    """Return what tells how a presented token stands by this list. It never raises."""
    is_told = False

    def authorize(token_id: str, kind: str, now: datetime) -> Standing:
        nonlocal is_told
        try:
            listed = tokens.with_id(token_id)
        except StoreUnavailableError as error:
            if not is_told:
                log.warning("list of tokens unreadable: all are accepted", reason=str(error))
            is_told = True
            return Standing(TokenStatus.ACCEPTED)
        if is_told:
            log.warning("list of tokens readable again")
        is_told = False
        return standing_of(listed, kind, now)

    return authorize


def _give_to_owner_of(folder: Path, file: Path) -> None:
    """Let the service read what root imported: the file goes to the data directory's owner."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


@contextmanager
def _reasons() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailableError(f"list of tokens: {error}") from error
