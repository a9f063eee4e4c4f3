"""`foretell rules`: the rule lab's commands. The work is done in `app.rulelab`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli_common import (
    MISTAKES,
    CliError,
    ConfigOption,
    DataOption,
    JsonOption,
    RulesOption,
    finish,
    quiet_logs,
    say,
    say_json,
)
from app.cli_service import UrlOption, service_client

RELOAD_WITHIN_S = 100.0

app = typer.Typer(help="The rule lab.", no_args_is_help=True)

FolderArgument = Annotated[
    Path | None, typer.Argument(metavar="[DIR]", help="Folder; else the built-in rules.")
]


@app.command("list")
def list_(rules: RulesOption = None, as_json: JsonOption = False) -> None:
    """List the rules."""
    _run("list", rules, as_json=as_json)


@app.command()
def show(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Its name.")],
    rules: RulesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one rule in full, with its stories."""
    _run("show", rules, rule=rule, as_json=as_json)


@app.command()
def check(folder: FolderArgument = None, as_json: JsonOption = False) -> None:
    """Check rules, dictionary and stories; every mistake is listed with its line."""
    _run("check", folder, as_json=as_json)


@app.command("test")
def run_stories(folder: FolderArgument = None, as_json: JsonOption = False) -> None:
    """Tell every rule its stories and compare what it finds."""
    _run("test", folder, as_json=as_json)


@app.command()
def reload(
    as_json: JsonOption = False,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Let the running service read its rules and dictionary again; SIGHUP does the same.

    Where they have a mistake, the service keeps the rules it has.
    """
    from app.cli_client import RefusedByServiceError

    client = service_client(url, config, data)
    try:
        rules = client.post("/rules/reload", timeout_s=RELOAD_WITHIN_S)
    except RefusedByServiceError as error:
        if not error.mistakes:
            raise
        if as_json:
            say_json({"mistakes": list(error.mistakes)})
        else:
            for mistake in error.mistakes:
                say(mistake)
            say(f"{len(error.mistakes)} mistakes: the service keeps the rules it has")
        finish(MISTAKES)
        return
    if as_json:
        say_json(rules)
        return
    say(f"{len(rules['rules'])} rules in force, version {rules['version']}")


def _run(action: str, folder: Path | None, *, rule: str = "", as_json: bool) -> None:
    if folder is not None and not folder.is_dir():
        message = f"{folder}: cannot be opened: expected a folder of rules"
        raise CliError(message)
    quiet_logs()
    from app import rulelab as backend

    finish(backend.main(action, folder=folder, rule=rule, as_json=as_json))
