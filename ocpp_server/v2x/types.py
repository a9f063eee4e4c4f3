"""From a JSON schema to a typed struct that decodes exactly what the schema allows.

Structs are made at start-up, once per definition: equal definitions of two messages or versions
are one type. Fields carry snake_case names; every one may be UNSET, because the lenient path
(`ocpp_server.repair`) leaves unset what it could not read. Only the part of JSON Schema that
OCPP uses is understood; anything else raises, so that a new release cannot be half understood.
"""

from __future__ import annotations

import json
import keyword
import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ocpp_server.moments import RFC3339
from ocpp_server.v2x.schemas import Schema

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1  # what we keep and pass on has 64 bits
_SILENT = frozenset({"$schema", "$id", "comment", "description", "javaType", "default"})
_UNDERSTOOD = _SILENT | {
    "$ref",
    "additionalItems",
    "additionalProperties",
    "definitions",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "properties",
    "required",
    "type",
}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class SchemaNotUnderstoodError(ValueError):
    """A schema says something this module has no type for."""


class TypeMaker:
    """Makes types and remembers them, so that equal definitions share one."""

    def __init__(self) -> None:
        # Any: types that are made at run time are values here.
        self._made: dict[str, Any] = {}

    def message(self, name: str, schema: Schema) -> type[msgspec.Struct]:
        """Return the struct of a whole message. Raises SchemaNotUnderstoodError."""
        whole = _resolved(schema, schema.get("definitions", {}))
        made: type[msgspec.Struct] = self._type(name, whole)
        return made

    def _type(self, name: str, schema: Schema) -> Any:  # noqa: ANN401  # see above
        key = json.dumps([name, schema], sort_keys=True)
        if key not in self._made:
            self._made[key] = self._make(name, schema)
        return self._made[key]

    def _make(self, name: str, schema: Schema) -> Any:  # noqa: ANN401  # see above
        match schema.get("type"):
            case "object":
                return self._struct(name, schema)
            case "array":
                item = self._type(name, schema["items"])
                length = _meta(
                    min_length=schema.get("minItems"), max_length=schema.get("maxItems")
                )
                return _annotated(list[item], length)  # type: ignore[valid-type]  # made above
            case "string":
                return _text_type(schema)
            case "integer":
                low = max(_INT_MIN, int(schema.get("minimum", _INT_MIN)))
                high = min(_INT_MAX, int(schema.get("maximum", _INT_MAX)))
                return Annotated[int, Meta(ge=low, le=high)]
            case "number":
                return _annotated(
                    float, _meta(ge=schema.get("minimum"), le=schema.get("maximum"))
                )
            case "boolean":
                return bool
            case None:
                return Any
            case other:
                raise SchemaNotUnderstoodError(f"{name}: type {other}")

    def _struct(self, name: str, schema: Schema) -> type[msgspec.Struct]:
        required = set(schema.get("required", ()))
        fields: list[tuple[str, Any, Any]] = []
        for member, inner in schema.get("properties", {}).items():
            kind = self._type(inner.get("javaType", member), inner)
            default = {} if member in required else {"default": UNSET}
            fields.append(
                (
                    field_name(member),
                    kind | UnsetType if kind is not Any else Any,
                    msgspec.field(name=member, **default),
                )
            )
        return msgspec.defstruct(
            schema.get("javaType", name),
            fields,
            frozen=True,
            kw_only=True,
            gc=False,  # decoded from JSON, so without cycles
            # A missing `additionalProperties` allows any: customData only.
            forbid_unknown_fields=schema.get("additionalProperties", True) is False,
            module=__name__,
        )


def field_name(member: str) -> str:
    """Return the field's name of a JSON member: `evseId` -> `evse_id`."""
    name = _HUMP.sub("_", member).lower()
    return f"{name}_" if keyword.iskeyword(name) else name


def _resolved(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Return the schema without references, and without what is only said to people."""
    if unknown := schema.keys() - _UNDERSTOOD:
        raise SchemaNotUnderstoodError(f"keywords {sorted(unknown)}")
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {**_resolved(definitions[name], definitions), "javaType": name}
    plain = {
        key: value
        for key, value in schema.items()
        if key not in _SILENT and key not in ("definitions", "properties", "items")
    }
    if "properties" in schema:
        plain["properties"] = {
            member: _resolved(inner, definitions)
            for member, inner in schema["properties"].items()
        }
    if "items" in schema:
        plain["items"] = _resolved(schema["items"], definitions)
    return plain


def _text_type(schema: Schema) -> Any:  # noqa: ANN401  # see above
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    match schema.get("format"):
        case None:
            pattern = None
        case "date-time":
            pattern = RFC3339
        case other:
            raise SchemaNotUnderstoodError(f"format {other}")
    lengths = {"min_length": schema.get("minLength"), "max_length": schema.get("maxLength")}
    return _annotated(str, _meta(pattern=pattern, **lengths))


def _meta(**limits: Any) -> Meta | None:  # noqa: ANN401  # see above
    said = {name: limit for name, limit in limits.items() if limit is not None}
    return Meta(**said) if said else None


def _annotated(kind: Any, meta: Meta | None) -> Any:  # noqa: ANN401  # see above
    return kind if meta is None else Annotated[kind, meta]
