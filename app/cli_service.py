"""Commands that ask a running service: tickets, stations, faults, notices, send."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from app.cli_common import (
    DONE,
    USAGE,
    CliError,
    ConfigOption,
    DataOption,
    JsonOption,
    finish,
    quiet_logs,
    say,
    say_json,
    say_table,
    settings_from,
    warn,
)

if TYPE_CHECKING:
    from app.cli_client import ServiceClient
    from app.settings import Settings

UrlOption = Annotated[
    str | None,
    typer.Option("--url", envvar="FORETELL_URL", help="The service; else as set."),
]
LimitOption = Annotated[
    int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")
]

Item = dict[str, Any]
Column = tuple[str, Callable[[Item], str]]

COLUMNS: dict[str, Sequence[Column]] = {
    "tickets": (
        ("id", lambda item: item["id"]),
        ("kind", lambda item: item["kind"]),
        ("state", lambda item: item["state"]),
        ("severity", lambda item: item["severity"]),
        ("opened at", lambda item: item["opened_at"]),
        ("told", lambda item: "yes" if item["notified"] else "no"),
        ("title", lambda item: item["title"]),
    ),
    "stations": (
        ("id", lambda item: item["id"]),
        ("online", lambda item: {True: "yes", False: "no"}.get(item["online"], "unknown")),
        ("status", lambda item: " ".join(f"{n}:{s}" for n, s in item["status"].items())),
        ("firmware", lambda item: item["firmware"]),
    ),
    "faults": (
        ("rule", lambda item: item["rule"]),
        ("place", lambda item: item["place"]),
        ("raised at", lambda item: item["raised_at"]),
        ("inhibited by", lambda item: item["inhibited_by"] or ""),
    ),
    "notices": (
        ("at", lambda item: item["at"]),
        ("ticket", lambda item: item["ticket"]),
        ("reason", lambda item: item["reason"]),
        ("to", lambda item: item["to"]),
        ("subject", lambda item: item["subject"]),
    ),
}


NO_ANSWER = {
    "gone": "{station} is not connected: the command did not reach it",
    "timeout": "{station} did not answer within {timeout_s:g} s; it may still do as told",
    "error": "{station} answered with an error",
    "refused": "the command was not sent",
}
"""What to say of the outcomes that are no success."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (tickets, stations, faults, notices, explain, send):
        app.command()(command)


def tickets(
    as_json: JsonOption = False,
    limit: LimitOption = 500,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """List tickets of the running service, the next promise first."""
    _list("tickets", url, config, data, limit=limit, as_json=as_json)


def stations(
    as_json: JsonOption = False,
    limit: LimitOption = 5_000,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """List stations of the running service."""
    _list("stations", url, config, data, limit=limit, as_json=as_json)


def faults(
    as_json: JsonOption = False,
    limit: LimitOption = 500,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """List active faults of the running service."""
    _list("faults", url, config, data, limit=limit, as_json=as_json)


def notices(
    as_json: JsonOption = False,
    limit: LimitOption = 500,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """List notices of the running service, the newest first."""
    _list("notices", url, config, data, limit=limit, as_json=as_json)


def explain(
    ticket: Annotated[str, typer.Argument(metavar="TICKET", help="As in T-1001.")],
    as_json: JsonOption = False,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Say why a ticket is what it is: every decision with its frames, and who was told.

    Asks the running service; where none runs, reads the stores of the data directory.
    """
    from app.cli_client import NoServiceError
    from app.explain_text import explanation_text

    try:
        shown: Any = service_client(url, config, data).get(
            f"/tickets/{quote(ticket, safe='')}/explanation"
        )
    except NoServiceError:
        if url is not None:
            raise
        shown = _stored_explanation(ticket, config, data)
        if shown is None:
            raise
    if as_json:
        say_json(shown)
    else:
        say(explanation_text(shown))


def _stored_explanation(ticket: str, config: Path | None, data: Path | None) -> object:
    """Return what the stores say; None where there are none. Raises CliError for a stranger."""
    from app.core_parts import TICKETS_FILE
    from app.explain_stored import stored_explanation

    settings = settings_from({"data": data}, config=config)
    if not (settings.data / TICKETS_FILE).exists():
        return None
    quiet_logs()
    shown = stored_explanation(settings.data, settings.rules, ticket)
    if shown is None:
        message = f"there is no ticket {ticket} in {settings.data}"
        raise CliError(message)
    return shown


def send(
    station: Annotated[str, typer.Argument(metavar="STATION")],
    action: Annotated[str, typer.Argument(metavar="ACTION", help="As in TriggerMessage.")],
    payload: Annotated[str, typer.Argument(metavar="[JSON]", help="Its payload.")] = "{}",
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=1, max=600, help="Seconds to wait.")
    ] = 30.0,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Send one OCPP command; print the answer as JSON."""
    try:
        parsed = json.loads(payload)
    except (ValueError, RecursionError) as error:
        message = f"expected the payload as JSON: {error}"
        raise CliError(message) from None
    if not isinstance(parsed, dict):
        message = 'expected the payload as a JSON object, as in \'{"type": "Soft"}\''
        raise CliError(message)
    client = service_client(url, config, data)
    answer = client.send(station, action, parsed, timeout_s=timeout_s)
    say_json(answer)
    outcome = str(answer.get("outcome"))
    if outcome in NO_ANSWER:
        warn(NO_ANSWER[outcome].format(station=station, timeout_s=timeout_s))
    finish(DONE if outcome == "answered" else USAGE)


def _list(
    things: str,
    url: str | None,
    config: Path | None,
    data: Path | None,
    *,
    limit: int,
    as_json: bool,
) -> None:
    found = service_client(url, config, data).list(things, limit=limit)
    if as_json:
        say_json(found)
        return
    columns = COLUMNS[things]
    rows = [[cell(item) for _, cell in columns] for item in found["items"]]
    say_table([name for name, _ in columns], rows)
    if found["next"] is not None:
        warn(f"only the first {limit}: there are more (--limit)")


def service_client(url: str | None, config: Path | None, data: Path | None) -> ServiceClient:
    """Return a client of the running service: as named, as it left word, or as set."""
    from app.cli_client import client_for

    settings = settings_from({"data": data}, config=config)
    return client_for(url or _address_left(settings) or settings.local_url, settings.data)


def _address_left(settings: Settings) -> str:
    """Return where the service that runs on this data says it is; "" where none runs."""
    try:
        return settings.address_path.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
