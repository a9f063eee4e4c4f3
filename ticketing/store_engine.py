"""Connecting to the ticket store: durable SQLite now, migrations at start, errors with reasons.

Nothing in here knows what a table means.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from domain.stores import StoreTooNewError, StoreUnavailableError

__all__ = [
    "MIGRATIONS",
    "StoreUnavailableError",
    "engine_for",
    "migrate",
    "reasons",
    "url_of",
]

log = structlog.get_logger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
"""Alembic's scripts: what leads from one schema version to the next."""


def url_of(place: str | Path) -> URL:
    """Return the URL of a store named by a file path or by a URL."""
    if isinstance(place, str) and "://" in place:
        return make_url(place)
    return URL.create("sqlite", database=str(place))


def engine_for(url: URL, *, is_writer: bool) -> Engine:
    """Return an engine whose transactions read one moment, or, of the writer, may write.

    A SQLite file is in WAL mode with synchronous=FULL: a commit that returned is on the disk.
    """
    if url.get_backend_name() != "sqlite":
        return create_engine(url)
    if not is_writer:
        path = quote(str(Path(url.database or "").absolute()))
        url = url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})
    engine = create_engine(url, connect_args={"timeout": 5.0})

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so
        cursor = connection.cursor()
        if is_writer:
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: a writer waits for its turn at the start, never in the middle.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")

    return engine


@contextmanager
def reasons() -> Iterator[None]:
    """Turn the database's refusals into `StoreUnavailableError`."""
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailableError(str(error.orig or error)) from error
    except PoolTimeoutError as error:
        raise StoreUnavailableError("too many readers at once") from error


def migrate(engine: Engine, scripts_folder: Path = MIGRATIONS) -> None:
    """Bring the store to the newest schema, after a copy of a SQLite file that held an older.

    Raises `StoreTooNewError` for a store of a newer release, untouched, and
    `StoreUnavailableError` where the database refuses; a migration is done whole or not at all.
    """
    config = Config()
    config.set_main_option("script_location", str(scripts_folder).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    newest = scripts.get_current_head()
    with reasons(), engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found == newest:
        return
    known = {script.revision for script in scripts.walk_revisions()}
    name = engine.url.database or str(engine.url)
    if found is not None and found not in known:
        raise StoreTooNewError(name, found=found, known=str(newest))
    if found is not None and engine.url.get_backend_name() == "sqlite":
        _copy_file(Path(name), Path(f"{name}.bak-v{found}"))
    with reasons(), engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    if found is not None:
        log.info("ticket store migrated", path=name, before=found, version=newest)


def _copy_file(path: Path, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    source, copy = sqlite3.connect(path), sqlite3.connect(part)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    except sqlite3.Error as error:
        raise StoreUnavailableError(f"no copy before migration: {error}") from error
    finally:
        copy.close()
        source.close()
    with part.open("rb+") as handle:
        os.fsync(handle.fileno())
    part.replace(target)
    log.info("ticket store copied before migration", path=str(path), copy=str(target))
