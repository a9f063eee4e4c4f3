"""The published JSON schemas of OCPP 2.x, as the `ocpp` package ships them.

They are read once, when this package is loaded, and never changed: their licence allows no
derivatives, so none of them is copied into this repository.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ocpp_server.v2x.requests import SENDS, Version

# Any: JSON Schema is JSON of any shape; `v2x.types` turns it into types once, at this border.
Schema = dict[str, Any]


class SchemasMissingError(RuntimeError):
    """The `ocpp` package does not hold the schemas where they are expected."""


def request_schema(version: Version, action: str) -> Schema:
    """Return the schema of a request. Raises SchemasMissingError where there is none."""
    name = action if action in SENDS[version] else f"{action}Request"
    path = _folder() / version / "schemas" / f"{name}.json"
    try:
        schema: Schema = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise SchemasMissingError(f"no schema of {version} {action}: {error}") from error
    return schema


def _folder() -> Path:
    # Found without importing the package: its own modules are not needed here.
    spec = find_spec("ocpp")
    if spec is None or not spec.submodule_search_locations:
        raise SchemasMissingError("the ocpp package is not installed")
    return Path(spec.submodule_search_locations[0])
