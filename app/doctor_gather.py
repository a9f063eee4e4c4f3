"""Looking up what the doctor judges: disk, stores, files, clock. Changes nothing for good.

It works whether the service runs or not, and looks into stores read-only.
"""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter  # a duration on this machine, not a moment
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alembic.config import Config
from alembic.script import ScriptDirectory

from app.access import ACCESS_FILE, SCHEMA, SECRET_FILE, AccessReader
from app.backup import JOURNAL_FOLDER, TICKETS_FILE
from app.clock import SystemClock
from app.doctor_facts import ClockFacts, DataFacts, Facts, FleetFacts, StoreFacts
from app.doctor_probe import (
    certificate_facts,
    client_ca_facts,
    mail_trouble,
    port_facts,
    service_facts,
)
from app.fleet_file import FleetFileError, read_fleet
from app.rule_files import WORDS_FILE, RuleFilesError, load_rules
from app.settings import Settings
from app.token_store import SCHEMA as TOKENS_SCHEMA
from app.token_store import TOKENS_FILE, TokenReader
from domain.places import StationId
from domain.registry import Registry
from domain.stores import StoreUnavailableError
from gateway.journal_days import SCHEMA as JOURNAL_SCHEMA
from gateway.journal_reader import day_files
from gateway.sqlite_files import open_reader, version_of
from ticketing.readers import readers_of
from ticketing.store_engine import MIGRATIONS

_SYNC_COUNT = 9
_SYNC_BYTES = 4096
_CHECKED_BYTES = 256 * 1024 * 1024  # a larger file is not read through: it would take minutes
_TIMEDATECTL_WITHIN_S = 5
_A_ZONE = "Europe/Berlin"
_OTHERS = 0o077


def gather(settings: Settings) -> Facts:
    """Look up everything. Never raises for what it finds."""
    clock = SystemClock()
    clock.now()
    service = service_facts(settings)
    return Facts(
        settings=settings,
        data=_data(settings.data),
        stores=tuple(_stores(settings.data)),
        ports=tuple(port_facts(settings, is_running=service.is_running)),
        certificate=certificate_facts(settings),
        client_ca=client_ca_facts(settings),
        service=service,
        fleet=_fleet(settings),
        secret_trouble=_secret_trouble(settings.data),
        rules_trouble=_rules_trouble(settings),
        mail_trouble=mail_trouble(settings),
        zones_trouble=_zones_trouble(),
        file_limit=_file_limit(),
        passwords=_passwords(settings.data),
        token_count=_token_count(settings.data),
        clock=_clock(settings.data, clock),  # last: the longer we look, the more it shows
    )


def _data(folder: Path) -> DataFacts:
    is_there = folder.is_dir()
    place = next(
        path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()
    )
    try:
        sync_ms = _sync_ms(place)
        refusal = ""
    except OSError as error:
        sync_ms, refusal = None, error.strerror or str(error)
    days = day_files(folder / JOURNAL_FOLDER)
    return DataFacts(
        folder=folder,
        is_there=is_there,
        is_private=not is_there or not folder.stat().st_mode & _OTHERS,
        refusal=refusal,
        free_bytes=shutil.disk_usage(place).free,
        sync_ms=sync_ms,
        journal_bytes=sum(path.stat().st_size for path in days),
        journal_days=len(days),
    )


def _sync_ms(folder: Path) -> float:
    """Return the median of what a small write takes to be durable, in a file that is gone."""
    taken: list[float] = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
        for _ in range(_SYNC_COUNT):
            start = perf_counter()
            file.write(b"\0" * _SYNC_BYTES)
            file.flush()
            os.fsync(file.fileno())
            taken.append((perf_counter() - start) * 1000)
    return statistics.median(taken)


def _stores(data: Path) -> Iterator[StoreFacts]:
    if (data / TICKETS_FILE).exists():
        yield _ticket_store(data / TICKETS_FILE)
    for name, schema in ((ACCESS_FILE, SCHEMA), (TOKENS_FILE, TOKENS_SCHEMA)):
        if (data / name).exists():
            yield _store(data / name, name, len(schema))
    for path in day_files(data / JOURNAL_FOLDER)[-1:]:
        yield _store(path, f"{JOURNAL_FOLDER}/{path.name}", len(JOURNAL_SCHEMA))


def _store(path: Path, name: str, newest: int) -> StoreFacts:
    try:
        connection = open_reader(path)
        try:
            found = version_of(connection)
            trouble = _damage(connection, path)
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        return StoreFacts(name=name, trouble=str(error))
    if found == newest:
        return StoreFacts(name=name, trouble=trouble)
    return StoreFacts(
        name=name, version="newer" if found > newest else "older", trouble=trouble
    )


def _ticket_store(path: Path) -> StoreFacts:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    try:
        connection = open_reader(path)
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            trouble = _damage(connection, path)
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        return StoreFacts(name=path.name, trouble=str(error))
    found = None if row is None else str(row[0])
    if found == scripts.get_current_head():
        return StoreFacts(name=path.name, trouble=trouble)
    known = {script.revision for script in scripts.walk_revisions()}
    is_older = found is None or found in known
    return StoreFacts(name=path.name, version="older" if is_older else "newer", trouble=trouble)


def _damage(connection: sqlite3.Connection, path: Path) -> str:
    """Return the first damage that SQLite finds in a file of moderate size."""
    if path.stat().st_size > _CHECKED_BYTES:
        return ""
    said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    return "" if said == "ok" else said


def _secret_trouble(data: Path) -> str:
    secret = data / SECRET_FILE
    if not (data / ACCESS_FILE).exists():
        return ""  # the first start makes it
    try:
        if secret.stat().st_mode & _OTHERS:
            return f"others can read {secret}"
        _ = AccessReader(data).secret
    except FileNotFoundError:
        return f"{secret} is gone: sessions, links and stations' passwords need it"
    except (OSError, StoreUnavailableError) as error:
        return str(error)
    return ""


def _passwords(data: Path) -> frozenset[StationId]:
    if not (data / ACCESS_FILE).exists():
        return frozenset()
    try:
        return AccessReader(data).stations_with_password()
    except StoreUnavailableError:
        return frozenset()  # the check of the stores says why


def _token_count(data: Path) -> int:
    reader = TokenReader(data)
    try:
        return reader.count()
    except StoreUnavailableError:
        return 0
    finally:
        reader.close()


def _fleet(settings: Settings) -> FleetFacts:
    path = settings.fleet_path
    if path is None:
        return FleetFacts()
    try:
        registry = read_fleet(path)
    except FleetFileError as error:
        mistakes = tuple(str(mistake) for mistake in error.mistakes)
        return FleetFacts(path=path, mistakes=mistakes)
    return FleetFacts(
        path=path,
        stations=frozenset(registry.stations),
        sites_without_readers=_sites_without_readers(registry),
    )


def _sites_without_readers(registry: Registry) -> int:
    customers = registry.customers
    return sum(
        not readers_of(customers[site.customer], site.id).readers
        for site in registry.sites.values()
        if site.customer in customers
    )


def _rules_trouble(settings: Settings) -> str:
    try:
        load_rules(settings.rules, settings.data / WORDS_FILE)
    except RuleFilesError as error:
        return str(error).partition("\n")[0]
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return ""


def _zones_trouble() -> str:
    try:
        ZoneInfo(_A_ZONE)
    except ZoneInfoNotFoundError:
        return "there is no time zone database on this machine"
    return ""


def _file_limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if soft == resource.RLIM_INFINITY else soft


def _clock(data: Path, clock: SystemClock) -> ClockFacts:
    files = [path for path in (data, data / JOURNAL_FOLDER) if path.is_dir()]
    written = [path for folder in files for path in folder.iterdir() if path.is_file()]
    newest = max(written, key=_written_s, default=None)
    written_s = 0.0 if newest is None else _written_s(newest)
    now = clock.now()
    return ClockFacts(
        now=now,
        drift_s=clock.drift_s,
        newest_file="" if newest is None else newest.name,
        newest_file_at=datetime.fromtimestamp(written_s, UTC) if written_s else None,
        is_synchronised=_is_synchronised(),
    )


def _written_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # gone while we looked


def _is_synchronised() -> bool | None:
    """Tell whether NTP keeps the clock right; None where there is no systemd to ask."""
    command = shutil.which("timedatectl")
    if command is None:
        return None
    try:
        asked = subprocess.run(  # noqa: S603 - the system's own, with fixed words
            [command, "show", "-p", "NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=_TIMEDATECTL_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(asked.stdout.strip())
