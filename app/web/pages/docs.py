"""The API's description as a page, from its own OpenAPI schema. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

# The schema is JSON from a library: its values are of any type, read here and nowhere else.
Schema = dict[str, Any]


class Parameter(msgspec.Struct, frozen=True):
    """One parameter of a route."""

    name: str
    place: str  # path | query | header
    type: str
    is_required: bool


class Route(msgspec.Struct, frozen=True):
    """One route: how to ask, and what comes back."""

    method: str
    path: str
    summary: str
    parameters: tuple[Parameter, ...]
    body: str
    answer: str
    statuses: tuple[str, ...]


def routes_of(schema: Schema) -> list[tuple[str, list[Route]]]:
    """Return the routes by their tag, in the schema's order."""
    groups: dict[str, list[Route]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["other"])[0]
            groups.setdefault(tag, []).append(_route(path, method, operation, schema))
    return list(groups.items())


def _route(path: str, method: str, operation: Schema, schema: Schema) -> Route:
    body = operation.get("requestBody", {}).get("content", {})
    answers = operation["responses"]
    good: Schema = next((one for status, one in answers.items() if status.startswith("2")), {})
    return Route(
        method=method.upper(),
        path=path,
        summary=operation.get("description") or operation.get("summary", ""),
        parameters=tuple(
            Parameter(one["name"], one["in"], _type(one["schema"]), bool(one.get("required")))
            for one in operation.get("parameters", ())
        ),
        body=_content(body, schema),
        answer=_content(good.get("content", {}), schema),
        statuses=tuple(answers),
    )


def _content(content: Schema, schema: Schema) -> str:
    """Return the outline of a body, one line per member."""
    for media, described in content.items():
        if media.endswith("json"):
            return _outline(described.get("schema", {}), schema, "")
        return media
    return ""


def _outline(part: Schema, schema: Schema, indent: str, depth: int = 0) -> str:
    reference = part.get("$ref")
    if reference is not None:
        part = schema["components"]["schemas"][reference.rsplit("/", 1)[-1]]
    if part.get("type") == "array" and depth < 4:
        inner = _outline(part.get("items", {}), schema, indent, depth)
        return f"[{inner}, …]"
    members = part.get("properties")
    if not members or depth > 3:
        return _type(part)
    deeper = indent + "  "
    lines = [
        f"{deeper}{name}: {_outline(one, schema, deeper, depth + 1)}"
        for name, one in members.items()
    ]
    return "{\n" + "\n".join(lines) + f"\n{indent}}}"


def _type(part: Schema) -> str:
    if "$ref" in part:
        return str(part["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in part:
        return " | ".join(_type(one) for one in part["anyOf"])
    if "enum" in part:
        return " | ".join(str(one) for one in part["enum"])
    kind = str(part.get("type", "any"))
    if kind == "array":
        return f"[{_type(part.get('items', {}))}, …]"
    return str(part.get("format") or part.get("const") or kind)
