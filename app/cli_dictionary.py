"""`foretell dictionary`: what vendors' words mean, as people here said it."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli_common import ConfigOption, DataOption, JsonOption, say, say_json
from app.cli_rules import RELOAD_WITHIN_S
from app.cli_service import UrlOption, service_client

app = typer.Typer(help="Vendors' words and what they mean.", no_args_is_help=True)


@app.command()
def classify(
    vendor: Annotated[
        str, typer.Argument(metavar="VENDOR", help="As in the task; - for whoever says it.")
    ],
    word: Annotated[str, typer.Argument(metavar="CODE", help="As the stations say it.")],
    meaning: Annotated[
        str, typer.Option("--meaning", help="A code such as CX014, or none: no fault.")
    ],
    model: Annotated[str, typer.Option("--model", help="Of this model only.")] = "",
    severity: Annotated[
        str, typer.Option("--severity", help="Where it differs from what the status says.")
    ] = "",
    owner: Annotated[
        list[str] | None,
        typer.Option("--owner", help="driver, site, operator, vehicle, hardware; several."),
    ] = None,
    part: Annotated[str, typer.Option("--part", help="Likely needed on site.")] = "",
    note: Annotated[str, typer.Option("--note", help="Where it is known from.")] = "",
    as_json: JsonOption = False,
    url: UrlOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Say what a vendor's code means: from now on, for what is open, and for its task."""
    body = {
        "vendor": "" if vendor == "-" else vendor,
        "word": word,
        "meaning": meaning,
        "model": model,
        "severity": severity,
        "owner": owner or [],
        "part": part,
        "note": note,
    }
    client = service_client(url, config, data)
    rules = client.post("/dictionary", body, timeout_s=RELOAD_WITHIN_S)
    if as_json:
        say_json(rules)
        return
    for mistake in rules["mistakes"]:
        say(mistake)
    kept = "kept; it counts once the mistakes above are mended" if rules["mistakes"] else ""
    say(kept or f"{word} means {meaning} from now on (version {rules['version']})")


@app.command()
def export(url: UrlOption = None, config: ConfigOption = None, data: DataOption = None) -> None:
    """Print what was classified here, as entries for `rules/dictionary.yaml`."""
    say(service_client(url, config, data).text("/dictionary").rstrip("\n"))
