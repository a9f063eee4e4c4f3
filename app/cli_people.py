"""`foretell user` and `foretell station`: who may come in, and with which password.

While the service runs, it is told over the link and writes itself: the stores have one writer.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli_common import (
    CliError,
    ConfigOption,
    DataOption,
    quiet_logs,
    say,
    settings_from,
    warn,
)
from domain.places import StationId

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.access import AccessStore
    from app.messages import SaveStationPassword, SaveUser
    from app.settings import Settings

users = typer.Typer(help="People who may log in.", no_args_is_help=True)
stations = typer.Typer(help="Stations' credentials.", no_args_is_help=True)

MIN_PASSWORD = 10


class RoleName(StrEnum):
    """What a person may do."""

    VIEWER = "viewer"
    AGENT = "agent"
    LEAD = "lead"
    ADMIN = "admin"


StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@users.command("add")
def add_user(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[RoleName, typer.Option("--role", help="What they may do.")] = (
        RoleName.AGENT
    ),
    from_stdin: StdinOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Let a person in. Without a terminal or --password-stdin, a password is made up."""
    if not re.fullmatch(r"[\w.@+-]{1,64}", name):
        message = f"{name!r}: expected a name of letters, digits and . @ + - _"
        raise CliError(message)
    settings = settings_from({"data": data}, config=config)
    if _role_of(settings, name) is not None:
        message = f"{name} is there already; `foretell user passwd {name}` changes the password"
        raise CliError(message)
    _save_user(settings, name, role.value, from_stdin=from_stdin)


@users.command("passwd")
def change_password(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    from_stdin: StdinOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Give a person a new password."""
    settings = settings_from({"data": data}, config=config)
    role = _role_of(settings, name)
    if role is None:
        message = f"nobody is called {name}; `foretell user add {name}` lets them in"
        raise CliError(message)
    _save_user(settings, name, role, from_stdin=from_stdin)


@stations.command("password")
def station_password(
    station: Annotated[str, typer.Argument(metavar="ID")],
    from_stdin: StdinOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Set a station's Basic auth password; from then on it needs it to connect.

    Without a terminal or --password-stdin one is made up: best for stations, for checking it
    costs nothing even when a whole fleet comes back at once.
    """
    from app.access import hash_generated, hash_password
    from app.messages import SaveStationPassword

    settings = settings_from({"data": data}, config=config)
    known = _registered_spelling(settings, station)
    password = _password(from_stdin=from_stdin)
    if password.is_made_up:
        hashed = hash_generated(password.text, _station_key(settings))
    else:
        hashed = hash_password(password.text)
    request = SaveStationPassword(station=known, password_hash=hashed)
    _save(
        settings,
        request,
        lambda store: store.save_station_password(known, password_hash=hashed),
    )
    _tell(f"password of station {known}", password)


def _station_key(settings: Settings) -> bytes:
    """Return the key of generated passwords; before the first start, make its file."""
    from app.access import SECRET_FILE, AccessReader, AccessStore

    if not (settings.data / SECRET_FILE).exists():
        quiet_logs()
        AccessStore(settings.data).close()
    return AccessReader(settings.data).station_key


def _registered_spelling(settings: Settings, station: str) -> StationId:
    """Return the id as registered; as given where there is no fleet file."""
    from app.fleet_file import read_fleet

    if settings.fleet_path is None:
        warn(f"no fleet file is set or imported here: {station} is taken as it was typed")
        return StationId(station)
    known = read_fleet(settings.fleet_path).station_named(station)
    if known is None:
        message = f"{station}: no such station in {settings.fleet_path}"
        raise CliError(message)
    return known


def _save_user(settings: Settings, name: str, role: str, *, from_stdin: bool) -> None:
    from app.access import hash_password
    from app.messages import SaveUser

    password = _password(from_stdin=from_stdin)
    hashed = hash_password(password.text)
    request = SaveUser(name=name, role=role, password_hash=hashed)
    _save(
        settings, request, lambda store: store.save_user(name, role=role, password_hash=hashed)
    )
    _tell(f"password of {name} ({role})", password)


@dataclass(frozen=True, slots=True)
class _Password:
    text: str = field(repr=False)
    is_made_up: bool


def _password(*, from_stdin: bool) -> _Password:
    """Take a password from standard input or the terminal, else make one up."""
    from app.access import generate_password

    if from_stdin:
        text = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        hint = "Password (empty: one is made up)"
        text = typer.prompt(hint, default="", show_default=False, hide_input=True)
        if not text:
            return _Password(generate_password(), is_made_up=True)
        if typer.prompt("Again", hide_input=True) != text:
            message = "the two are not the same; nothing was changed"
            raise CliError(message)
    else:
        return _Password(generate_password(), is_made_up=True)
    if len(text) < MIN_PASSWORD:
        message = f"expected a password of at least {MIN_PASSWORD} characters"
        raise CliError(message)
    return _Password(text, is_made_up=False)


def _tell(what: str, password: _Password) -> None:
    """Say that it is done; a password that was made up is shown this once."""
    if password.is_made_up:
        say(f"{what}: {password.text}")
        warn("it is stored as a hash only and shown just this once")
    else:
        say(f"{what}: set")


def _role_of(settings: Settings, name: str) -> str | None:
    from app.access import ACCESS_FILE, AccessReader

    if not (settings.data / ACCESS_FILE).exists():
        return None  # nobody was ever let in
    user = AccessReader(settings.data).user(name)
    return None if user is None else user.role


def _save(
    settings: Settings,
    request: SaveUser | SaveStationPassword,
    write: Callable[[AccessStore], object],
) -> None:
    """Have core write it where it runs; else write it ourselves."""
    if _core_answers(settings.link_path):
        asyncio.run(_ask(settings.link_path, request))
        return
    from app.access import AccessStore

    quiet_logs()
    store = AccessStore(settings.data)
    try:
        write(store)
    finally:
        store.close()


def _core_answers(path: Path) -> bool:
    from app.link_place import resolve

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(resolve(path)))
        except OSError:
            return False
        return True


async def _ask(path: Path, request: SaveUser | SaveStationPassword) -> None:
    from app.link import LinkClient, LinkError
    from app.messages import Refusal

    async with LinkClient(path, connect_within_s=2.0) as link:
        try:
            answer = await link.ask(request)
        except LinkError as error:
            message = f"the running service did not take it: {error}"
            raise CliError(message) from None
    if isinstance(answer, Refusal):
        raise CliError(answer.reason)
