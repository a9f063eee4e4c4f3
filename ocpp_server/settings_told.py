"""Answers of a station that tell its settings: GetConfiguration and GetVariables. Pure.

They are recognised by what is in them: an answer names no action, and a journal that is read
again must say the same as the live connection did.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from domain.events import AnyEvent, ConfigurationReported, Heard
from domain.places import StationId
from ocpp_server.masking import MASK, is_secret

SETTING_LIMIT = 500
"""Characters kept of a setting's value; the journal has the whole."""

SETTINGS_LIMIT = 1_000
"""Settings kept of one answer; stations have some 50 to 400."""

Kind = TypeVar("Kind")

_MARKS = (b'"configurationKey"', b'"getVariableResult"')


class _Key(Struct, frozen=True):
    key: str = ""
    value: object = None


class _Evse(Struct, frozen=True):
    id: int = 0


class _Named(Struct, frozen=True):
    name: str = ""
    instance: str = ""
    evse: _Evse | None = None


class _Result(Struct, frozen=True, rename="camel"):
    component: _Named = _Named()
    variable: _Named = _Named()
    attribute_value: str | UnsetType = UNSET
    attribute_type: str = "Actual"


class _Answer(Struct, frozen=True, rename="camel"):
    configuration_key: list[msgspec.Raw] = []
    get_variable_result: list[msgspec.Raw] = []


def answer_told(
    payload: bytes, station: StationId, *, at: datetime, position: int
) -> tuple[AnyEvent, ...]:
    """Return what an answer says beyond that the station is there. `payload` is masked."""
    settings: dict[str, str] = {}
    if any(mark in payload for mark in _MARKS):
        settings = _settings_in(payload)
    if not settings:
        return (Heard(station=station, observed_at=at, position=position),)
    return (
        ConfigurationReported(
            station=station, settings=settings, observed_at=at, position=position
        ),
    )


def _settings_in(payload: bytes) -> dict[str, str]:
    """Return settings and values; one that cannot be read leaves the others alone."""
    answer = _decoded(payload, _Answer)
    if answer is None:
        return {}
    settings: dict[str, str] = {}
    for raw in answer.configuration_key[:SETTINGS_LIMIT]:
        told = _decoded(raw, _Key)
        if told is not None and told.key and told.value is not None:
            settings[told.key] = _kept(told.key, _text(told.value))
    for raw in answer.get_variable_result[:SETTINGS_LIMIT]:
        result = _decoded(raw, _Result)
        if result is not None and result.attribute_value is not UNSET:
            name = _name(result)
            settings[name] = _kept(name, result.attribute_value)
    return settings


def _name(result: _Result) -> str:
    """Name a variable as reports of the device model do."""
    evse = result.component.evse
    where = f"@{evse.id}" if evse and evse.id else ""
    mark = f"#{result.attribute_type}" if result.attribute_type not in ("", "Actual") else ""
    return f"{_full(result.component)}{where}.{_full(result.variable)}{mark}"


def _full(named: _Named) -> str:
    return f"{named.name}/{named.instance}" if named.instance else named.name


def _kept(name: str, value: str) -> str:
    is_hidden = bool(value) and is_secret(name.partition("#")[0])
    return MASK if is_hidden else value[:SETTING_LIMIT]


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _decoded(raw: bytes | msgspec.Raw, kind: type[Kind]) -> Kind | None:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
