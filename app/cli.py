"""The command line. Each command reads its arguments, asks the part that does the work, prints.

Exit status: 0 done; 1 a check or test found mistakes; 2 wrong usage, a file that cannot be
opened or is bad, or something else the person can mend; 70 an error of ours.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app import (
    cli_dictionary,
    cli_doctor,
    cli_fleet,
    cli_people,
    cli_rules,
    cli_service,
    cli_tokens,
)
from app.cli_common import (
    CliError,
    ConfigOption,
    DataOption,
    FleetOption,
    JsonOption,
    RulesOption,
    SetOption,
    finish,
    moment_of,
    quiet_logs,
    say,
    seconds_of,
    settings_from,
)
from app.cli_errors import report
from app.file_limit import raise_file_limit

app = typer.Typer(
    name="foretell",
    help="Watches charging hardware and tells each customer about a fault before they call in.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line and exit with its status."""
    raise_file_limit()
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the one supervisor: nobody sees a traceback
        sys.exit(report(error))


@app.command()
def serve(
    config: ConfigOption = None,
    data: DataOption = None,
    fleet: FleetOption = None,
    rules: RulesOption = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on (default: 127.0.0.1).")
    ] = None,
    ocpp_port: Annotated[
        int | None, typer.Option("--ocpp-port", help="Port for OCPP (default: 9000).")
    ] = None,
    http_port: Annotated[
        int | None, typer.Option("--http-port", help="Port for HTTP (default: 8000).")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="Address people reach the pages under.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option("--log-level", help="debug, info, warning or error.")
    ] = None,
    one_process: Annotated[
        bool, typer.Option("--one-process", help="Run everything in one process.")
    ] = False,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Listen beyond loopback without TLS and passwords."),
    ] = False,
    assignments: SetOption = None,
    show_settings: Annotated[
        bool, typer.Option("--show-settings", help="Print the settings in force and stop.")
    ] = False,
) -> None:
    """Run the service."""
    settings = settings_from(
        {
            "data": data,
            "fleet": fleet,
            "rules": rules,
            "host": host,
            "ocpp.port": ocpp_port,
            "http.port": http_port,
            "http.public_url": public_url,
            "log.level": log_level,
            "one_process": one_process or None,
            "ocpp.insecure": insecure or None,
        },
        config=config,
        assignments=assignments or (),
    )
    if show_settings:
        from app.settings_pages import settings_as_toml

        say(settings_as_toml(settings).rstrip("\n"))
        return
    from app import serve as backend

    finish(backend.run(settings))


@app.command()
def demo(
    sites: Annotated[int, typer.Option("--sites", min=1, max=5_000, help="How many.")] = 500,
    stations_per_site: Annotated[
        int | None,
        typer.Option("--stations-per-site", min=1, max=100, help="Else unevenly, as in life."),
    ] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=1, help="How much faster cars come and go.")
    ] = 60.0,
    duration: Annotated[
        str | None, typer.Option("--duration", help="End by itself, as in 90s, 10m or 2h.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same story.")] = 1,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on with the data of the last run.")
    ] = False,
    data: Annotated[Path, typer.Option("--data", help="Directory of every store.")] = Path(
        "data/demo"
    ),
    assignments: SetOption = None,
) -> None:
    """Run the service with a simulated fleet that suffers faults."""
    duration_s = seconds_of(duration)
    settings = settings_from({"data": data, "demo": True}, assignments=assignments or ())
    from app import demo as backend

    finish(
        backend.run(
            settings,
            sites=sites,
            stations_per_site=stations_per_site,
            speed=speed,
            duration_s=duration_s,
            seed=seed,
            keep=keep,
        )
    )


@app.command()
def simulate(
    url: Annotated[
        str, typer.Option("--url", help="Central system, as in ws://HOST:9000/ocpp.")
    ],
    fleet: Annotated[Path, typer.Option("--fleet", help="Fleet file: the stations to be.")],
    scenario: Annotated[
        Path | None, typer.Option("--scenario", help="What goes wrong, and when.")
    ] = None,
    speed: Annotated[
        float, typer.Option("--speed", min=1, help="How much faster cars come and go.")
    ] = 60.0,
    duration: Annotated[
        str | None, typer.Option("--duration", help="End by itself, as in 90s, 10m or 2h.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same story.")] = 1,
    password: Annotated[
        str | None, typer.Option("--password", help="Basic auth password of every station.")
    ] = None,
) -> None:
    """Run the simulated stations alone, against any central system."""
    if not url.startswith(("ws://", "wss://")):
        message = f"--url {url}: expected ws://HOST:PORT/PATH or wss://..."
        raise CliError(message)
    # The simulator reads the file itself, forgivingly; ours says which line is wrong.
    from app.fleet_file import read_fleet

    read_fleet(fleet)
    _must_be_readable(*([scenario] if scenario else []))
    duration_s = seconds_of(duration)
    from simulator import run as backend

    finish(backend.simulate(url, fleet, scenario, speed, duration_s, seed, password))


@app.command()
def replay(
    logs: Annotated[list[Path], typer.Argument(help="Logs (JSON Lines), merged by time.")],
    fleet: Annotated[Path, typer.Option("--fleet", help="Fleet file, or folder of CSV files.")],
    rules: RulesOption = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Go on to this moment after the last line.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run logs through the real core in virtual time: what would have been opened and sent."""
    _must_be_readable(fleet, *logs)
    end = moment_of(until)
    quiet_logs()
    from app import replay as backend

    finish(backend.main(logs, fleet, rules=rules, until=end, as_json=as_json))


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="Where it goes.")],
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Copy every store, also while the service runs."""
    settings = settings_from({"data": data}, config=config)
    quiet_logs()
    from app import backup as backend

    say(str(backend.backup(settings.data, target)))


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="What `backup` wrote.")],
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Put a backup in place as the data directory, which must be empty."""
    settings = settings_from({"data": data}, config=config)
    quiet_logs()
    from app import backup as backend

    say(str(backend.restore(source, settings.data)))


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    say(installed("foretell"))


cli_doctor.add_to(app)
cli_service.add_to(app)
app.add_typer(cli_rules.app, name="rules")
app.add_typer(cli_dictionary.app, name="dictionary")
app.add_typer(cli_fleet.app, name="fleet")
app.add_typer(cli_people.users, name="user")
app.add_typer(cli_people.stations, name="station")
app.add_typer(cli_tokens.app, name="tokens")


def _must_be_readable(*paths: Path) -> None:
    """Refuse files that cannot be opened before anything else happens."""
    for path in paths:
        if not path.is_dir():
            path.open("rb").close()
