"""Repair: build a message from a payload that breaks its schema, and list every breach. Pure.

The strict decoder says yes or no; this reads field by field what can be read. It never raises
on payloads: what cannot be read stays `UNSET`, with a breach that says so. One plan per message
type is made from the type itself, so strict and lenient reading cannot drift apart.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType, inspect

from domain.events import Breach
from ocpp_server.masking import mask_text

BREACH_LIMIT = 20
"""Breaches listed per message; a further one says how many were left out."""

TEXT_LIMIT = 4000
"""Characters kept of a text that its schema limits; the journal has the whole."""

ITEM_LIMIT = 10_000
"""Elements read of one list: a day of samples every ten seconds, some 40 ms of work."""

_SHOWN = 60  # characters of a bad value that a breach quotes
_INT_MAX = 2**63 - 1
_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

# A payload is JSON of any shape and a message is built by keyword: here, at the border of the
# typed world, values are `object` and only the struct's own constructor arguments are Any.
_Read = Callable[[object, str, list[Breach]], object]


class Repairer:
    """Reads payloads of one message type leniently."""

    def __init__(self, message: type[msgspec.Struct]) -> None:
        info = inspect.type_info(message)
        if not isinstance(info, inspect.StructType):
            raise TypeError(f"{message} is not a struct")
        self._read = _struct_reader(info)

    def read(self, payload: object, breaches: list[Breach]) -> Any:  # noqa: ANN401  # see above
        """Return the message with every field that could be read; others are UNSET."""
        return self._read(payload if isinstance(payload, dict) else {}, "", breaches)


def limited(breaches: list[Breach]) -> tuple[Breach, ...]:
    """Return at most `BREACH_LIMIT` breaches, and one more that counts the others."""
    if len(breaches) <= BREACH_LIMIT:
        return tuple(breaches)
    left_out = len(breaches) - BREACH_LIMIT
    return (*breaches[:BREACH_LIMIT], Breach("", f"and {left_out} more"))


def as_text(value: object) -> str:
    """Return a JSON value as text: a string as it is, anything else as compact JSON.

    Returns "" for what cannot be written: infinite, or nested too deeply.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return ""


def _shown(value: object) -> str:
    text = mask_text(as_text(value))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _struct_reader(info: inspect.StructType) -> _Read:
    fields = [(field, _reader(field.type)) for field in info.fields]
    names = {field.encode_name for field in info.fields}
    spellings = {name.casefold(): name for name in names}
    is_closed = info.cls.__struct_config__.forbid_unknown_fields

    def read(value: object, path: str, breaches: list[Breach]) -> object:
        if not isinstance(value, dict):
            breaches.append(Breach(path, f"not an object: {_shown(value)}"))
            return UNSET
        members = _members(value, names, spellings, path, breaches) if is_closed else value
        found: dict[str, Any] = {}
        for field, read_field in fields:
            where = f"{path}.{field.encode_name}" if path else field.encode_name
            if field.encode_name in members:
                found[field.name] = read_field(members[field.encode_name], where, breaches)
            else:
                found[field.name] = UNSET
                if field.required:
                    breaches.append(Breach(where, "missing"))
        return info.cls(**found)

    return read


def _members(
    value: dict[str, object],
    names: set[str],
    spellings: dict[str, str],
    path: str,
    breaches: list[Breach],
) -> dict[str, object]:
    """Sort out foreign members; one that only its case makes foreign is taken as meant."""
    foreign = value.keys() - names
    if not foreign:
        return value
    members = {name: value[name] for name in names & value.keys()}
    for name in sorted(foreign):
        where = f"{path}.{name}"[:_SHOWN] if path else name[:_SHOWN]
        meant = spellings.get(name.strip().casefold())
        if meant is not None and meant not in members:
            members[meant] = value[name]
            breaches.append(Breach(where, f"should be spelled {meant}"))
        else:
            breaches.append(Breach(where, "foreign member"))
    return members


def _reader(kind: inspect.Type) -> _Read:
    match kind:
        case inspect.StrType(max_length=max_length, pattern=pattern):
            return _text_reader(max_length, pattern)
        case inspect.IntType(ge=low, le=high):
            return _integer_reader(low, high)
        case inspect.FloatType(ge=low, le=high):
            return _number_reader(low, high)
        case inspect.BoolType():
            return _read_truth
        case inspect.AnyType():
            return _read_anything
        case inspect.LiteralType(values=words):
            return _word_reader(str(word) for word in words)
        case inspect.ListType(item_type=item, min_length=least, max_length=most):
            return _list_reader(_reader(item), least or 0, most)
        case inspect.StructType():
            return _struct_reader(kind)
        case _:
            raise TypeError(f"no lenient reader for {kind}")


def _text_reader(max_length: int | None, pattern: str | None) -> _Read:
    shape = re.compile(pattern) if pattern else None

    def read(value: object, path: str, breaches: list[Breach]) -> object:
        if value is None:
            breaches.append(Breach(path, "null"))
            return UNSET
        text = as_text(value)
        if not isinstance(value, str):
            breaches.append(Breach(path, f"not a text: {_shown(value)}"))
        elif max_length is not None and len(text) > max_length:
            breaches.append(Breach(path, f"{len(text)} characters, at most {max_length}"))
        elif shape is not None and not shape.search(text):
            breaches.append(Breach(path, f"not a date-time: {_shown(text)}"))
        return text if max_length is None else text[:TEXT_LIMIT]

    return read


def _integer_reader(low: float | None, high: float | None) -> _Read:
    def read(value: object, path: str, breaches: list[Breach]) -> object:
        number = _integer_of(value)
        if number is UNSET:
            breaches.append(Breach(path, f"not an integer: {_shown(value)}"))
        elif not isinstance(value, int) or isinstance(value, bool):
            breaches.append(Breach(path, f"not written as an integer: {_shown(value)}"))
        elif not _is_within(value, low, high):
            breaches.append(Breach(path, f"out of range: {_shown(value)}"))
        return number

    return read


def _number_reader(low: float | None, high: float | None) -> _Read:
    def read(value: object, path: str, breaches: list[Breach]) -> object:
        number = _number_of(value)
        if number is UNSET:
            breaches.append(Breach(path, f"not a number: {_shown(value)}"))
        elif not isinstance(value, int | float):
            breaches.append(Breach(path, f"not written as a number: {_shown(value)}"))
        elif not _is_within(number, low, high):
            breaches.append(Breach(path, f"out of range: {_shown(value)}"))
        return number

    return read


def _is_within(number: float | UnsetType, low: float | None, high: float | None) -> bool:
    if number is UNSET:
        return False
    return (low is None or number >= low) and (high is None or number <= high)


def _number_of(value: object) -> float | UnsetType:
    """Read 1, "1" and "1,5" (quirk G8) as numbers; booleans and what is not finite as none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return UNSET
    try:
        number = float(value.replace(",", ".") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return UNSET
    return number if math.isfinite(number) else UNSET


def _read_truth(value: object, path: str, breaches: list[Breach]) -> object:
    if isinstance(value, bool):
        return value
    breaches.append(Breach(path, f"not true or false: {_shown(value)}"))
    return _TRUTHS.get(as_text(value).strip().casefold(), UNSET)


def _read_anything(value: object, path: str, breaches: list[Breach]) -> object:
    return value


def _integer_of(value: object) -> int | UnsetType:
    """Read 1, 1.0, "1" and "1.0" as 1; a fraction is cut; booleans are no numbers."""
    if isinstance(value, bool):
        return UNSET
    if isinstance(value, str):
        try:
            value = float(value) if "." in value else int(value)
        except ValueError:
            return UNSET
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    if isinstance(value, int) and abs(value) <= _INT_MAX:
        return value
    return UNSET


def _word_reader(words: Iterable[str]) -> _Read:
    known = frozenset(words)
    spellings = {word.casefold(): word for word in known}

    def read(value: object, path: str, breaches: list[Breach]) -> object:
        if value is None:
            breaches.append(Breach(path, "null"))
            return UNSET
        text = as_text(value)[:TEXT_LIMIT]
        if isinstance(value, str) and text in known:
            return text
        breaches.append(Breach(path, f"unknown word: {_shown(value)}"))
        return spellings.get(text.strip().casefold(), text)

    return read


def _list_reader(read_item: _Read, min_length: int, max_length: int | None) -> _Read:
    def read(value: object, path: str, breaches: list[Breach]) -> object:
        if isinstance(value, dict):  # quirk G2: the only element without its list
            breaches.append(Breach(path, "an object instead of a list"))
            value = [value]
        if not isinstance(value, list):
            breaches.append(Breach(path, f"not a list: {_shown(value)}"))
            return UNSET
        if len(value) < min_length:
            breaches.append(Breach(path, f"{len(value)} elements, at least {min_length}"))
        if max_length is not None and len(value) > max_length:
            breaches.append(Breach(path, f"{len(value)} elements, at most {max_length}"))
        if len(value) > ITEM_LIMIT:
            breaches.append(Breach(path, f"{len(value)} elements, {ITEM_LIMIT} were read"))
        items = (
            read_item(item, f"{path}[{number}]", breaches)
            for number, item in enumerate(value[:ITEM_LIMIT])
        )
        return [item for item in items if item is not UNSET]

    return read
