"""`foretell tokens`: the list of who may charge. A running service goes by it at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli_common import (
    MISTAKES,
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
    from domain.tokens import Token

app = typer.Typer(help="The list of tokens, for `ocpp.authorize = list`.", no_args_is_help=True)

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="CSV: id, type, status, group, expires_at, note.")
]

_MASK = "***"
_SHOWN_SHARE = 3  # a third of an id is shown: it tells cards apart, and makes no copy of one


@app.command()
def check(file: FileArgument, as_json: JsonOption = False) -> None:
    """Check a file of tokens; every mistake is listed with its line."""
    from app.token_file import TokenFileError, read_tokens

    try:
        tokens = read_tokens(file)
    except TokenFileError as error:
        if as_json:
            rows = [
                {"file": m.file, "line": m.line, "expected": m.expected} for m in error.mistakes
            ]
            say_json({"mistakes": rows})
        else:
            for mistake in error.mistakes:
                say(str(mistake))
        finish(MISTAKES)
        return
    if as_json:
        say_json({"mistakes": []})
    else:
        say(f"{file}: {counted(len(tokens))}: no mistakes")


@app.command("import")
def import_(
    file: FileArgument,
    add: Annotated[
        bool, typer.Option("--add", help="Keep what is listed and not in the file.")
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Make a file the list; a running service goes by it from the next question on."""
    from app.token_file import read_tokens
    from app.token_store import TokenStore

    settings = settings_from({"data": data}, config=config)
    tokens = read_tokens(file)
    quiet_logs()
    store = TokenStore(settings.data)
    try:
        done = store.take(tokens, keep_others=add)
    finally:
        store.close()
    changes = f"{done.added} new, {done.changed} changed, {done.removed} removed"
    say(f"{counted(done.listed)} listed: {changes}")
    if settings.ocpp.authorize != "list":
        warn('ocpp.authorize is "accept": every token is accepted until it is "list"')


@app.command("list")
def list_(
    show: Annotated[bool, typer.Option("--show", help="Show ids and groups whole.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Show the list; of each id only its end, unless asked for the whole."""
    rows = [_row(token, is_whole=show) for token in _listed(config, data)]
    if as_json:
        say_json({"items": rows})
    elif rows:
        say_table(tuple(rows[0]), [[str(cell or "") for cell in row.values()] for row in rows])
    else:
        say("no token is listed")


@app.command()
def export(config: ConfigOption = None, data: DataOption = None) -> None:
    """Print the list as CSV, with whole ids."""
    from app.token_file import write_tokens

    say(write_tokens(_listed(config, data)).rstrip("\n"))


def _listed(config: Path | None, data: Path | None) -> list[Token]:
    from app.token_store import TokenReader

    settings = settings_from({"data": data}, config=config)
    reader = TokenReader(settings.data)
    try:
        return reader.tokens()
    finally:
        reader.close()


def counted(count: int) -> str:
    """Return a number of tokens in words."""
    return f"{count} token{'' if count == 1 else 's'}"


def masked(text: str) -> str:
    """Return an id with its end only, as views show it."""
    shown = len(text) // _SHOWN_SHARE
    return f"{_MASK}{text[-shown:]}" if shown else _MASK * bool(text)


# Any: a row of JSON, whose cells are texts or null.
def _row(token: Token, *, is_whole: bool) -> dict[str, Any]:
    from app.token_file import written_moment

    expires_at = token.expires_at
    return {
        "id": token.id if is_whole else masked(token.id),
        "type": token.kind,
        "status": token.status.value,
        "group": token.group if is_whole else masked(token.group),
        "expires_at": None if expires_at is None else written_moment(expires_at),
        "note": token.note,
    }
