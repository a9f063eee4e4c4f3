"""What is so in the field, told from the events alone: a simple view that shares no code with
the engine. It knows two conditions, a status of Faulted and a lost link, and since when each of
them was there, or gone, without anything that hid it from us.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from domain.events import (
    AnyEvent,
    BrokerFound,
    BrokerLost,
    Connected,
    Disconnected,
    GatewayOffline,
    GatewayOnline,
    ServiceStarted,
    ServiceStopped,
    Status,
    StatusReported,
)
from domain.faults import Fault
from domain.places import Place, SiteId, StationId
from domain.registry import Registry

CLEAN = timedelta(minutes=5)
CLEAN_OF_FLAPPING = timedelta(minutes=30)
SETTLE = timedelta(minutes=2)
"""A station that returns gets a moment to say what is still wrong."""

FAULTED_FOR = timedelta(minutes=2)
LOST_FOR = timedelta(minutes=30)
LONGEST_GUARD = timedelta(minutes=90)
"""After anything that may have been our own doing a lost link may wait so long."""

_FAULTED = ("connector-faulted", "station-faulted")


class Field:
    """The field as it is."""

    def __init__(self, registry: Registry, behind: str) -> None:
        self._registry = registry
        self._behind = {s.id for s in registry.stations.values() if s.protocol == behind}
        self._faulted: dict[Place, datetime] = {}
        self._clean: dict[Place, datetime] = {}
        self._up: dict[StationId, datetime] = {}
        self._lost: dict[StationId, datetime] = {}
        self._disturbed_at: datetime | None = None  # our own outage, or much of the fleet's
        self._gateways: dict[SiteId, datetime] = {}
        self._away: set[SiteId] = set()
        self._is_running = True

    def note(self, event: AnyEvent) -> None:
        """Take one event in."""
        at = event.observed_at
        match event:
            case Connected():
                self._up.setdefault(event.station, at)
                self._lost.pop(event.station, None)
            case Disconnected():
                self._lose(event.station, at)
            case ServiceStopped() | ServiceStarted():
                self._up.clear()
                self._lost.clear()
                self._is_running = isinstance(event, ServiceStarted)
                self._disturbed_at = at
                self._gateways.clear()
            case BrokerLost() | BrokerFound():
                self._disturbed_at = at
                self._gateways.clear()
            case GatewayOnline():
                self._away.discard(event.site)
                self._gateways[event.site] = at
            case GatewayOffline():
                self._away.add(event.site)
            case StatusReported() if event.status is Status.FAULTED:
                self._faulted.setdefault(event.place, at)
                self._clean.pop(event.place, None)
            case StatusReported() if event.status is not Status.UNKNOWN:
                self._faulted.pop(event.place, None)
                self._clean.setdefault(event.place, at)
            case _:
                pass

    def overdue(self, active: Iterable[Fault], now: datetime) -> Iterator[str]:
        """Yield what is still active although it has been gone for longer than it may."""
        for fault in active:
            most = CLEAN_OF_FLAPPING if fault.is_flapping else CLEAN
            since = self._gone_since(fault)
            if since is not None and now - since > most + SETTLE:
                yield f"{fault.name} is active at {now}, it is gone since {since}"

    def missing(self, active: Iterable[Fault], now: datetime) -> Iterator[str]:
        """Yield what is not active although it has been there for longer than its patience."""
        found = {(fault.rule, fault.place) for fault in active}
        for place, since in self._faulted.items():
            rule = _FAULTED[place.evse == 0]
            seen_since = self._seen_since(StationId(place.name))
            if seen_since is None or (rule, place) in found:
                continue
            if now - max(since, seen_since) > FAULTED_FOR:
                yield f"{rule}@{place} is not active at {now}, it is there since {since}"
        for station, since in self._lost.items():
            place = Place.of_station(station)
            if ("offline", place) in found or station not in self._registry.stations:
                continue
            lasts = LOST_FOR + LONGEST_GUARD
            if now - since > lasts and not self._is_disturbed(now - lasts):
                yield f"offline@{place} is not active at {now}, it is lost since {since}"

    def _lose(self, station: StationId, at: datetime) -> None:
        if self._up.pop(station, None) is None:
            return
        self._lost[station] = at
        recent = [lost for lost in self._lost.values() if at - lost <= timedelta(minutes=1)]
        if len(recent) > 2:
            self._disturbed_at = at  # it may count as a drop of the whole fleet

    def _gone_since(self, fault: Fault) -> datetime | None:
        station = StationId(fault.place.name)
        if fault.rule == "offline":
            return self._up.get(station)
        if fault.rule in _FAULTED:
            clean, seen = self._clean.get(fault.place), self._seen_since(station)
            return None if clean is None or seen is None else max(clean, seen)
        return None

    def _seen_since(self, station: StationId) -> datetime | None:
        """Return since when the station could be heard without a break; None: not now."""
        if not self._is_running:
            return None
        if station not in self._behind:
            return self._up.get(station)
        site = self._registry.site_of(station)
        if site is None or site.id in self._away:
            return None
        return self._gateways.get(site.id)

    def _is_disturbed(self, since: datetime) -> bool:
        return self._disturbed_at is not None and self._disturbed_at >= since
