"""`foretell fleet`: check a fleet file, take it on, write it out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli_common import (
    MISTAKES,
    CliError,
    ConfigOption,
    DataOption,
    JsonOption,
    finish,
    say,
    say_json,
    settings_from,
)

if TYPE_CHECKING:
    from domain.registry import Registry

app = typer.Typer(
    help="The registry: customers, sites, stations, contacts.", no_args_is_help=True
)

FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="YAML, or a folder of CSV files.")
]


@app.command()
def check(file: FileArgument, as_json: JsonOption = False) -> None:
    """Check a fleet file; every mistake is listed with its line."""
    from app.fleet_file import FleetFileError, FleetFileMissingError, read_fleet

    try:
        registry = read_fleet(file)
    except FleetFileMissingError:
        raise  # exit status 2: there was nothing to check
    except FleetFileError as error:
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
        say(f"{file}: {_counted(registry)}: no mistakes")


@app.command("import")
def import_(file: FileArgument, config: ConfigOption = None, data: DataOption = None) -> None:
    """Take a fleet on: it becomes DATA/fleet.yaml, which `serve` reads."""
    from app.fleet_file import read_fleet, write_fleet_yaml

    settings = settings_from({"data": data}, config=config)
    if settings.fleet is not None:
        message = f"the service reads {settings.fleet} (setting `fleet`): change that file"
        raise CliError(message)
    registry = read_fleet(file)
    target = settings.imported_fleet
    target.parent.mkdir(parents=True, exist_ok=True)
    _replace(target, write_fleet_yaml(registry))
    say(f"{target}: {_counted(registry)}; a running service takes it on at its next start")


@app.command()
def export(config: ConfigOption = None, data: DataOption = None) -> None:
    """Print the fleet in force as YAML."""
    from app.fleet_file import read_fleet, write_fleet_yaml

    settings = settings_from({"data": data}, config=config)
    if settings.fleet_path is None:
        message = f"there is no fleet: set `fleet`, or import one into {settings.data}"
        raise CliError(message)
    say(write_fleet_yaml(read_fleet(settings.fleet_path)).rstrip("\n"))


def _counted(registry: Registry) -> str:
    evses = sum(station.evses for station in registry.stations.values())
    counts = (
        (len(registry.customers), "customer"),
        (len(registry.sites), "site"),
        (len(registry.stations), "station"),
        (evses, "EVSE"),
    )
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)


def _replace(target: Path, text: str) -> None:
    """Put the whole text in place at once: a reader sees the old file or the new one."""
    whole = target.with_suffix(".yaml.new")
    with whole.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    whole.replace(target)
