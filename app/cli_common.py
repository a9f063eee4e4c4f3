"""What every command shares: settings from flags, ways to print, and errors for people."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.settings import Settings

DONE, MISTAKES, USAGE, SURPRISE = 0, 1, 2, 70
"""Exit statuses. 70 is EX_SOFTWARE of sysexits.h: an error of ours."""

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file; else DATA/foretell.toml.")
]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Directory of every store (default: ./data).")
]
FleetOption = Annotated[
    Path | None, typer.Option("--fleet", help="Fleet file, or folder of CSV files.")
]
RulesOption = Annotated[
    Path | None, typer.Option("--rules", help="Folder of rules instead of the built-in ones.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any setting: log.level=debug."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else.")
]


class CliError(Exception):
    """Something the person at the keyboard can mend; the message says how."""


def settings_from(
    flags: Mapping[str, object], *, config: Path | None = None, assignments: Sequence[str] = ()
) -> Settings:
    """Load settings; `flags` maps dotted keys to values, None meaning that it was not given.

    Raises `app.settings_load.BadSettingsError`, or `CliError` for a malformed `--set`.
    """
    from app.settings_load import flag, load_settings, merge_flags

    parts = [flag(key, value) for key, value in flags.items() if value is not None]
    parts += [flag(*_assignment(text)) for text in assignments]
    return load_settings(merge_flags(*parts), config=config, environ=os.environ)


def _assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[a-z_]+(\.[a-z_]+)?", key.strip()):
        message = f"--set {text}: expected KEY=VALUE, as in --set log.level=debug"
        raise CliError(message)
    return key.strip(), value


def quiet_logs() -> None:
    """Keep log lines out of a command's result: warnings and worse, on standard error."""
    import logging

    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Not the pretty one: it shows the values of variables, passwords among them.
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def is_debugging() -> bool:
    """Whether a person asked for tracebacks (FORETELL_DEBUG)."""
    return os.environ.get("FORETELL_DEBUG", "") not in ("", "0")


def say(line: str) -> None:
    """Write one line of the result to standard output."""
    sys.stdout.write(f"{line}\n")


def warn(line: str) -> None:
    """Write one line about the run, not its result, to standard error."""
    sys.stderr.write(f"{line}\n")


def say_json(document: object) -> None:
    """Write the one JSON document of a `--json` run."""
    say(json.dumps(document, ensure_ascii=False, indent=2))


def say_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table: as wide as the terminal, or unshortened where there is none."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Without a terminal, lines are read by programs: nothing is wrapped or cut.
    console = Console() if sys.stdout.isatty() else Console(width=10_000)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # Text: no markup from the field
    console.print(table)


def finish(status: int) -> None:
    """End the command with this exit status."""
    raise typer.Exit(status)


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)?")
_UNITS_S = {None: 1.0, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def seconds_of(text: str | None) -> float | None:
    """Read a duration such as `90`, `90s`, `10m` or `2h` as seconds; None for None."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        message = f"expected a duration such as 90s, 10m or 2h, not {text!r}"
        raise CliError(message)
    return float(match[1]) * _UNITS_S[match[2]]


def moment_of(text: str | None) -> datetime | None:
    """Read a moment with its zone, such as 2026-01-05T08:00:00Z; None for None."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = f"expected a moment with its zone, as in 2026-01-05T08:00:00Z, not {text!r}"
        raise CliError(message)
    return moment
