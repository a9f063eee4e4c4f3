"""Settings for people's eyes: what is in force, and the reference of everything there is."""

from __future__ import annotations

from typing import get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from app.settings import Settings


def setting_fields() -> dict[str, FieldInfo]:
    """Return every setting by its dotted key, in the order of the reference."""
    fields: dict[str, FieldInfo] = {}
    for name, field in Settings.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            for inner_name, inner in model.model_fields.items():
                fields[f"{name}.{inner.alias or inner_name}"] = inner
        else:
            fields[name] = field
    return fields


def settings_as_toml(settings: Settings) -> str:
    """Print the settings in force as TOML, with secrets hidden and unset ones left out."""
    tables: list[str] = []
    lines: list[str] = []
    for name, value in settings:
        if isinstance(value, BaseModel):
            inner = [
                _toml_line(type(value).model_fields[key].alias or key, part)
                for key, part in value
                if part is not None
            ]
            tables.append("\n".join([f"[{name}]", *inner]))
        elif value is not None:
            lines.append(_toml_line(name, value))
    return "\n\n".join(["\n".join(lines), *tables]) + "\n"


def _toml_line(key: str, value: object) -> str:
    match value:
        case bool():
            return f"{key} = {str(value).lower()}"
        case int() | float():
            return f"{key} = {value}"
        case SecretStr():
            return f'{key} = "{"***" if value.get_secret_value() else ""}"'
        case _:
            text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'{key} = "{text}"'


def settings_reference() -> str:
    """Write the reference page of all settings, generated from the model itself."""
    rows = ["| key | default | meaning |", "| --- | --- | --- |"]
    for key, field in setting_fields().items():
        words = get_args(field.annotation) if _is_words(field.annotation) else ()
        choice = f" One of {', '.join(f'`{word}`' for word in words)}." if words else ""
        rows.append(f"| `{key}` | {_shown(field.default)} | {field.description}{choice} |")
    return "\n".join(rows) + "\n"


def _is_words(annotation: object) -> bool:
    return bool(get_args(annotation)) and all(isinstance(w, str) for w in get_args(annotation))


def _shown(default: object) -> str:
    match default:
        case None | "":
            return "none"
        case SecretStr():
            return "none"
        case bool():
            return f"`{str(default).lower()}`"
        case _:
            return f"`{default}`"
