"""Where a 2.x message applies, and what the connectors of one EVSE say together. Pure."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from domain.events import Breach, Status
from domain.places import Place
from ocpp_server.memory import Memory
from ocpp_server.scene import Scene, believed_number, place_at
from ocpp_server.v2x.remembered import CONNECTOR_LIMIT, EVSE_LIMIT, remember
from ocpp_server.v2x.shapes import Component, Evse

_WORDS = {
    "available": Status.AVAILABLE,
    "occupied": Status.OCCUPIED,
    "reserved": Status.RESERVED,
    "unavailable": Status.UNAVAILABLE,
    "faulted": Status.FAULTED,
}
# The first of these that any connector of an EVSE reports is the status of the EVSE. A fault
# counts most; while one connector is in use the others are unavailable, by the standard (G01),
# and the EVSE is not. A word nobody knows says least.
_WORST_FIRST = (
    Status.FAULTED,
    Status.OCCUPIED,
    Status.RESERVED,
    Status.UNAVAILABLE,
    Status.AVAILABLE,
    Status.UNKNOWN,
)


def status_of(word: str | UnsetType) -> Status:
    """Return the status a word names; UNKNOWN where it names none."""
    return Status.UNKNOWN if word is UNSET else _WORDS.get(word.strip().lower(), Status.UNKNOWN)


def whole_status(memory: Memory, evse: int, connector: int, status: Status) -> Status:
    """Note what one connector reports, and return what that makes its EVSE: the worst counts.

    The station itself (EVSE 0) has no connectors: its status stands alone (quirk C15).
    """
    if evse == 0:
        return status
    of_2x = memory.of_2x()
    connectors = of_2x.connectors.get(evse, {})
    if status is Status.UNKNOWN and connectors.get(connector) is Status.FAULTED:
        status = Status.FAULTED  # a word that nobody knows must not end a fault
    remember(connectors, connector, status, CONNECTOR_LIMIT)
    remember(of_2x.connectors, evse, connectors, EVSE_LIMIT)
    return min(connectors.values(), key=_WORST_FIRST.index)


def evse_in(evse: int | UnsetType, connector: int | UnsetType, scene: Scene) -> int:
    """Return the EVSE meant; 0 is the station. A connector without an EVSE is flagged."""
    if evse is not UNSET and evse > 0:
        return believed_number(evse, "evseId", scene)
    if connector is not UNSET and connector > 0:
        # Some number connectors as 1.6 does, and leave out the EVSE or give it as 0.
        scene.breaches.append(Breach("evseId", f"none beside connector {connector}"))
        return believed_number(connector, "connectorId", scene)
    return 0


def evse_of(evse: Evse | UnsetType, scene: Scene) -> int:
    """Return the number of an EVSE; 0 where there is none."""
    if evse is UNSET or evse.id is UNSET:
        return 0
    return believed_number(evse.id, "evse.id", scene)


def place_of_component(component: Component | UnsetType, scene: Scene) -> Place:
    """Return the place of a component: its EVSE, or the station."""
    evse = 0 if component is UNSET else evse_of(component.evse, scene)
    return place_at(scene.memory.station, evse)
