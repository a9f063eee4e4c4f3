"""Read settings from the TOML file, the environment and flags, and say exactly what is wrong.

The only place that reads configuration. Every mistake is listed, each with where it stands.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, SettingsError

from app.settings import CONFIG_NAME, ENV_PREFIX, Settings
from app.settings_pages import setting_fields

Values = dict[str, Any]
"""Settings as read, not yet checked: tables within tables, keyed as in the TOML file."""

NO_FLAGS: Mapping[str, Any] = MappingProxyType({})

PATHS = (
    ("data",),
    ("fleet",),
    ("rules",),
    ("ocpp", "tls_cert"),
    ("ocpp", "tls_key"),
    ("ocpp", "tls_client_ca"),
)
"""Settings that name files: in the TOML file they are relative to its own folder."""


class BadSettingsError(Exception):
    """Settings that cannot be used. `mistakes`: one line each, source and key first."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def load_settings(
    flags: Mapping[str, Any] = NO_FLAGS,
    *,
    config: Path | None = None,
    environ: Mapping[str, str],
) -> Settings:
    """Read all sources, weakest first: file, environment, flags.

    `config` is a TOML file that must exist; without it DATA/foretell.toml is read where there
    is one. `flags` holds what the command line set, nested like the file. `environ` is needed
    as it is in `os.environ`. Raises `BadSettingsError`.
    """
    from_environment = _read_environment(environ)
    data = Path(flags.get("data") or from_environment.get("data") or "data")
    file = config if config is not None else data / CONFIG_NAME
    text, from_file = _read_file(file, is_required=config is not None)
    if config is None and "data" in from_file:
        line = _line_of(text, ("data",))
        reason = "data: this file is read from the data directory; set it by --data instead"
        raise BadSettingsError([f"{_at(file, line)}: {reason}"])
    merged = _merge(_merge(_anchor_paths(from_file, file.parent), from_environment), flags)
    try:
        return Settings(**merged)
    except ValidationError as error:
        sources = _Sources(file, text, from_environment, flags)
        mistakes = [_describe(detail, sources) for detail in error.errors()]
        raise BadSettingsError(mistakes) from None


def flag(key: str, value: object) -> Values:
    """Turn `ocpp.port` and a value into the nested form of `flags`."""
    first, *rest = key.split(".")
    return {first: flag(".".join(rest), value) if rest else value}


def merge_flags(*parts: Mapping[str, Any]) -> Values:
    """Put nested flags together; a later one wins."""
    merged: Values = {}
    for part in parts:
        merged = _merge(merged, part)
    return merged


def _read_environment(environ: Mapping[str, str]) -> Values:
    unknown = [
        f"environment {name}: no such setting{_nearest(name, _variables())}"
        for name in environ
        if name.startswith(ENV_PREFIX)
        and "__" in name
        and name.removeprefix(ENV_PREFIX).split("__")[0].lower() not in Settings.model_fields
    ]
    if unknown:
        raise BadSettingsError(unknown)
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in environ.items() if value}
    try:
        return dict(source())
    except SettingsError as error:
        table = re.search(r'field "(\w+)"', str(error))
        key = table.group(1) if table else "?"
        variable = f"{ENV_PREFIX}{key.upper()}"
        reason = f"a table: set its parts, as in {variable}__NAME"
        raise BadSettingsError([f"environment {variable}: expected {reason}"]) from None


def _read_file(file: Path, *, is_required: bool) -> tuple[str, Values]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
        return text, tomllib.loads(text)
    except FileNotFoundError:
        if is_required:
            raise BadSettingsError([f"{file}: no such file"]) from None
        return "", {}
    except OSError as error:
        raise BadSettingsError([f"{file}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise BadSettingsError([f"{file}: expected text in UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettingsError([_toml_mistake(file, str(error))]) from None
    except RecursionError:
        raise BadSettingsError([f"{file}: expected TOML: nested too deeply"]) from None


def _toml_mistake(file: Path, said: str) -> str:
    place = re.search(r" \(at line (\d+), column \d+\)", said)
    if place is None:
        return f"{file}: expected TOML: {said}"
    return f"{file}:{place.group(1)}: expected TOML: {said.replace(place.group(0), '')}"


def _anchor_paths(values: Values, folder: Path) -> Values:
    for *tables, name in PATHS:
        table: Any = values
        for part in tables:
            table = table.get(part) if isinstance(table, dict) else None
        if isinstance(table, dict) and isinstance(table.get(name), str):
            table[name] = str(folder / table[name])
    return values


def _merge(weak: Mapping[str, Any], strong: Mapping[str, Any]) -> Values:
    merged: Values = dict(weak)
    for key, value in strong.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            merged[key] = _merge(below, value)
        else:
            merged[key] = value
    return merged


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where settings came from, for saying where a wrong one stands."""

    file: Path
    text: str
    environment: Values
    flags: Mapping[str, Any]

    def place_of(self, key: tuple[str, ...]) -> str:
        """Name the strongest source that has the key, or a part of the way to it."""
        if _has(self.flags, key):
            return "flag"
        if _has(self.environment, key):
            return f"environment {ENV_PREFIX}{'__'.join(key).upper()}"
        if self.text:
            return _at(self.file, _line_of(self.text, key))
        return "settings"


def _has(values: Mapping[str, Any], key: tuple[str, ...]) -> bool:
    node: Any = values
    for part in key:
        if not isinstance(node, Mapping) or part not in node:
            return False
        node = node[part]
    return True


def _at(file: Path, line: int | None) -> str:
    return f"{file}:{line}" if line else str(file)


def _line_of(text: str, key: tuple[str, ...]) -> int | None:
    """Find the line of a key, or of the nearest table above it; None where it is not plain."""
    *tables, name = key
    header, found = "", None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line.startswith("["):
            header = line.strip("[] ").split("]")[0].replace('"', "").replace(" ", "")
            if header == ".".join(key) or (found is None and header == ".".join(tables)):
                found = number
            continue
        written = line.split("=")[0].strip().replace('"', "").replace(" ", "")
        if not written or "=" not in line:
            continue
        full = f"{header}.{written}" if header else written
        if full == ".".join(key):
            return number
        if full == ".".join(tables) and name in line:
            found = number  # an inline table
    return found


def _describe(detail: ErrorDetails, sources: _Sources) -> str:
    key = tuple(str(part) for part in detail["loc"])
    dotted = ".".join(key)
    place = sources.place_of(key)
    if detail["type"] == "extra_forbidden":
        reason = f"no such setting{_nearest(dotted, list(setting_fields()))}"
        return f"{place}: {dotted}: {reason}"
    expected = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    expected = re.sub(r"^Input should (be|have)", r"expected to \1", expected)
    expected = re.sub(r"^(Value|String) should (match|have)", r"expected to \2", expected)
    got = detail["input"]
    said = "" if isinstance(got, Mapping | BaseModel) or _is_secret(key) else f" (got {got!r})"
    subject = f"{dotted}: " if dotted else ""
    return f"{place}: {subject}{expected}{said}"


def _is_secret(key: tuple[str, ...]) -> bool:
    return key[-1:] == ("password",)


def _nearest(word: str, words: list[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _variables() -> list[str]:
    return [ENV_PREFIX + key.replace(".", "__").upper() for key in setting_fields()]
