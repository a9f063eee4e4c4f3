"""The few ways in which vendors pack fields into one text. Pure.

Every codec gives the same: field names and their texts. It knows nothing of meanings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

import msgspec

from ocpp_server.repair import as_text

Fields = Mapping[str, str]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

LENGTH_LIMIT = 16_384
"""Characters of a text that is decoded; real ones have a few hundred."""

FIELD_LIMIT = 512
"""Fields of one text; one with more is nothing we know."""

ITEM_LIMIT = 64
"""Items taken from a list of things alike; no station has more connectors."""

_DEPTH_LIMIT = 6
_CSV = re.compile(r"\{([^{}]*)\}|([^,{}]+)|(?<=,)(?=,)|(?<=,)\Z")
_PAIR = re.compile(r"\s*([^=:;&\n]{1,80}?)\s*[=:]\s*([^;&\n]*)")
_HEX = re.compile(r"\s*(?:0x)?([0-9a-f]{1,32})\s*\Z", re.IGNORECASE)


class Codec(StrEnum):
    """How a text is packed."""

    CSV = "csv"  # positions from 1; `{a,b}` is one of them, its parts are `8.1`, `8.2`
    JSON = "json"  # members by their path, `a.b.0`
    PAIRS = "pairs"  # `a=1;b=2`, also with `:` and `&`
    BITS = "bits"  # a hexadecimal number: bit 0 is `0`, each `1` or `0`


def decode(codec: Codec, text: str, each: str = "") -> list[Fields]:
    """Return the fields of a text, none where it is not packed so.

    With `each`, those of every object in the JSON list of that name.
    """
    if len(text) > LENGTH_LIMIT:
        return []
    if codec is Codec.JSON and each:
        return _items(text, each)
    fields = _DECODERS[codec](text)
    return [fields] if fields else []


def _csv(text: str) -> Fields:
    fields: dict[str, str] = {}
    for position, found in enumerate(_CSV.finditer(text), 1):
        group, plain = found.groups()
        if group is None:
            fields[str(position)] = (plain or "").strip()
        else:
            for index, part in enumerate(group.split(","), 1):
                fields[f"{position}.{index}"] = part.strip()
        if position > FIELD_LIMIT:
            return {}
    return fields


def _json(text: str) -> Fields:
    value = _parsed(text)
    return _flat(value) if isinstance(value, dict) else {}


def _items(text: str, each: str) -> list[Fields]:
    value = _parsed(text)
    items = value.get(each) if isinstance(value, dict) else None
    if isinstance(items, dict):
        items = [items]
    if not isinstance(items, list):
        return []
    return [_flat(item) for item in items[:ITEM_LIMIT] if isinstance(item, dict)]


def _parsed(text: str) -> Json:
    try:
        value: Json = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    if isinstance(value, str):  # some pack it twice
        return _parsed(value) if value[:1] == "{" else None
    return value


def _flat(value: Json) -> Fields:
    fields: dict[str, str] = {}
    for path, leaf in _leaves(value, "", 0):
        fields[path] = "" if leaf is None else as_text(leaf)
        if len(fields) > FIELD_LIMIT:
            return {}
    return fields


def _leaves(value: Json, path: str, depth: int) -> Iterator[tuple[str, Json]]:
    if depth > _DEPTH_LIMIT:
        return
    match value:
        case dict():
            for name, inner in value.items():
                yield from _leaves(inner, f"{path}.{name}" if path else name, depth + 1)
        case list():
            for index, inner in enumerate(value):
                yield from _leaves(inner, f"{path}.{index}", depth + 1)
        case _:
            yield path, value


def _pairs(text: str) -> Fields:
    pairs = (_PAIR.fullmatch(part) for part in re.split(r"[;&\n]", text, maxsplit=FIELD_LIMIT))
    return {pair[1]: pair[2].strip() for pair in pairs if pair}


def _bits(text: str) -> Fields:
    found = _HEX.match(text)
    if found is None:
        return {}
    number, width = int(found[1], 16), 4 * len(found[1])
    return {str(bit): str(number >> bit & 1) for bit in range(width)}


_DECODERS: dict[Codec, Callable[[str], Fields]] = {
    Codec.CSV: _csv,
    Codec.JSON: _json,
    Codec.PAIRS: _pairs,
    Codec.BITS: _bits,
}
