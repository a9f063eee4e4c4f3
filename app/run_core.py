"""Core as a process or a part of one: build it, say that it is ready, stop it in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import structlog

from app.access import generate_password, generate_token, hash_password, token_digest
from app.core import Core
from app.fleet_file import FleetFileError
from app.link_wire import LinkError
from app.process_words import Ready, Report, StartError
from app.rule_files import RuleFilesError
from app.settings import Settings, reason_to_refuse
from domain.journal import JournalUnavailableError
from domain.stores import StoreTooNewError
from ticketing.store import StoreUnavailableError

log = structlog.get_logger(__name__)

ADMIN = "admin"
CLI_TOKEN = "cli"  # noqa: S105  its name, not its value
ALL_SCOPES = ("read", "write", "command", "admin")


async def run_core(settings: Settings, report: Report, stop: asyncio.Event) -> None:
    """Run core until `stop`. Raises `StartError` where it cannot start."""
    core = build_core(settings)
    try:
        try:
            ports = await core.start()
        except (OSError, LinkError) as error:
            raise StartError(_port_words(error, settings)) from error
        # Not before everything else has worked: a start that fails shows nobody the password.
        password = await _prepare_access(core, settings)
        _reload_on_hangup(core)
        report(Ready(ocpp_port=ports.ocpp, tls_port=ports.tls or 0, admin_password=password))
        await stop.wait()
    finally:
        await core.close()


def build_core(settings: Settings) -> Core:
    """Build core. Raises `StartError` with what is wrong and where."""
    try:
        core = Core(settings)
    except (
        FleetFileError,
        RuleFilesError,
        StoreTooNewError,
        StoreUnavailableError,
        JournalUnavailableError,
        OSError,
    ) as error:
        raise StartError(str(error)) from error
    refusal = reason_to_refuse(
        settings,
        stations=core.parts.registry.stations.keys(),
        with_password=core.parts.access.stations_with_password(),
    )
    if refusal is not None:
        raise StartError(refusal)
    return core


def _reload_on_hangup(core: Core) -> None:
    """SIGHUP: rules and dictionary are read again."""
    loop = asyncio.get_running_loop()
    under_way: set[asyncio.Task[object]] = set()

    def reload() -> None:
        task = loop.create_task(core.rules.reload("SIGHUP"), name="reload rules")
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    # Not in the main thread (tests), where no signal comes anyway.
    with contextlib.suppress(RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGHUP, reload)


async def _prepare_access(core: Core, settings: Settings) -> str:
    """Create what the first start needs; return the admin's password if it was made now."""
    access = core.parts.access
    _renew_cli_token(core, settings.data / "cli-token")
    if access.users():
        return ""
    password = generate_password()
    hashed = await asyncio.to_thread(hash_password, password)
    access.save_user(ADMIN, role="admin", password_hash=hashed)
    return password


def _renew_cli_token(core: Core, path: Path) -> None:
    token = generate_token()
    core.parts.access.save_token(CLI_TOKEN, digest=token_digest(token), scopes=ALL_SCOPES)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    part.replace(path)


def _port_words(error: Exception, settings: Settings) -> str:
    return (
        f"cannot listen on {settings.host}, OCPP port {settings.ocpp.port}: {error}; "
        "is another service running there? --ocpp-port names another port"
    )
