"""What every mapping of a message needs: where, when, and how odd fields are read. Pure."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from msgspec import UNSET, Struct, UnsetType

from domain.events import Breach
from domain.places import Place, StationId
from ocpp_server.memory import Memory
from ocpp_server.moments import read_moment


class Scene(Struct, gc=False):
    """What a mapping needs beside the message. `breaches` collects what it could not read.

    `told` is set by a mapping where the answer's payload depends on the message (2.x).
    """

    memory: Memory
    message_id: str
    at: datetime
    position: int
    breaches: list[Breach] = []
    told: bytes = b""


EVSE_NUMBERS = range(65)
"""Connector and EVSE numbers that are believed, 0 being the station: no station has more, and
what is remembered per number must not grow by whatever somebody sends."""


@lru_cache(maxsize=16384)
def place_at(station: StationId, connector: int) -> Place:
    """Return the place of a connector number of a station."""
    # OCPP 1.6 §4.9: connectorId 0 is the station itself. Cached so that the hash is, too.
    return Place.of_station(station, connector)


def place_of(connector: int | UnsetType, scene: Scene) -> Place:
    """Return the place a message is about; the station where it does not say."""
    if connector is UNSET:
        return place_at(scene.memory.station, 0)
    return place_at(scene.memory.station, believed_number(connector, "connectorId", scene))


def believed_number(number: int, path: str, scene: Scene) -> int:
    """Return a connector or EVSE number; 0, flagged, for one that no station can have."""
    if number in EVSE_NUMBERS:
        return number
    scene.breaches.append(Breach(path, f"no part of a station has the number {number}"))
    return 0


def moment_of(text: str | UnsetType, path: str, scene: Scene) -> datetime | None:
    """Return a timestamp in UTC; None, flagged under `path`, where it cannot be read."""
    if text is UNSET:
        return None
    moment = read_moment(text)
    if moment is None and all(breach.field != path for breach in scene.breaches):
        scene.breaches.append(Breach(path, f"no moment: {text[:40]}"))
    return moment


def text_in(text: str | UnsetType) -> str:
    """Return a text, "" where there is none."""
    return "" if text is UNSET else text


def number_in(number: int | UnsetType) -> float | None:
    """Return a number, None where there is none."""
    return None if number is UNSET else float(number)
