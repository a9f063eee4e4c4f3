"""Where a 2.x message applies, and what the connectors of one EVSE say together. Pure."""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET, UnsetType

from domain.clocks import WRONG_FROM
from domain.events import Breach, Status
from domain.places import Place
from ocpp_server.memory import Memory
from ocpp_server.scene import Scene, believed_number, place_at
from ocpp_server.status_words import status_meant
from ocpp_server.v2x.remembered import CONNECTOR_LIMIT, EVSE_LIMIT, remember
from ocpp_server.v2x.shapes import Component, Evse

# What 1.6 says more exactly, 2.x says in one word.
_OCCUPIED = frozenset(
    {
        Status.PREPARING,
        Status.CHARGING,
        Status.SUSPENDED_EV,
        Status.SUSPENDED_EVSE,
        Status.FINISHING,
    }
)
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
    status = Status.UNKNOWN if word is UNSET else status_meant(word)
    return Status.OCCUPIED if status in _OCCUPIED else status


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


def note_moment(
    memory: Memory, evse: int, connector: int, reported_at: datetime | None, at: datetime
) -> None:
    """Remember when a connector reported its status, by a clock that was right just then."""
    of_2x = memory.of_2x()
    moments = of_2x.reported_at.get(evse, {})
    if reported_at is None or abs(at - reported_at) > WRONG_FROM:
        moments.pop(connector, None)
    else:
        remember(moments, connector, reported_at, CONNECTOR_LIMIT)
    remember(of_2x.reported_at, evse, moments, EVSE_LIMIT)


def is_old_news(
    memory: Memory, evse: int, connector: int, reported_at: datetime | None
) -> bool:
    """Tell whether a status that comes as an event was overtaken by a StatusNotification.

    Events wait in a queue while a station is offline, StatusNotifications do not (quirk C14).
    An event about a whole EVSE (connector 0) is as old as it is for any of its connectors.
    """
    if reported_at is None or memory.v2x is None:
        return False
    moments = memory.v2x.reported_at.get(evse, {})
    known = moments.values() if connector == 0 else (moments.get(connector),)
    return any(moment is not None and reported_at < moment for moment in known)


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
