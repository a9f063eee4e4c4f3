"""Core's answers to its neighbours: what web and command line ask over the link."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, assert_never

import structlog

from app.messages import (
    ActOnTicket,
    Answer,
    CommandDone,
    Done,
    FleetView,
    GetFleet,
    GetHealth,
    PlanMaintenance,
    RecordContact,
    Refusal,
    Request,
    SaveStationPassword,
    SaveToken,
    SaveUser,
    SendCommand,
    Subscribe,
)
from domain.events import AnyEvent, ContactMade, MaintenancePlanned
from domain.places import CustomerId, Place, SiteId, StationId
from ticketing.commands import RefusedError

if TYPE_CHECKING:
    from app.core import Core

log = structlog.get_logger(__name__)


class Requests:
    """Answers requests on core's loop."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        core = self._core
        match request:
            case GetFleet():
                return self._fleet()
            case GetHealth():
                return core.health()
            case RecordContact():
                return await self._record_contact(request)
            case PlanMaintenance():
                return await self._plan_maintenance(request)
            case ActOnTicket(action):
                try:
                    core.act(action)
                except RefusedError as error:
                    return Refusal(str(error))
                return Done(action.ticket)
            case SendCommand():
                return await self._send_command(request)
            case SaveUser() | SaveToken() | SaveStationPassword():
                return self._save(request)
            case Subscribe():
                raise AssertionError("the link answers Subscribe itself")
            case _:
                assert_never(request)

    def _fleet(self) -> FleetView:
        engine = self._core.parts.engine
        return FleetView(
            self._core.clock.now(),
            tuple(engine.fleet.stations.values()),
            engine.active_faults(),
        )

    async def _record_contact(self, request: RecordContact) -> Answer:
        registry = self._core.parts.registry
        customer = CustomerId(request.customer)
        if customer not in registry.customers:
            return Refusal(f"there is no customer {request.customer!r}", is_missing=True)
        station = self._station(request.station)
        if request.site is not None and SiteId(request.site) not in registry.sites:
            return Refusal(f"there is no site {request.site!r}", is_missing=True)
        owner = registry.customer_of(station) if station is not None else None
        if station is not None and owner is not None and owner.id != customer:
            return Refusal(f"station {station!r} belongs to another customer")

        def make(position: int, at: datetime) -> AnyEvent:
            return ContactMade(
                observed_at=at,
                position=position,
                customer=customer,
                channel=request.channel,
                station=station,
                site=SiteId(request.site) if request.site is not None else None,
                text=request.text,
            )

        ticket = await self._core.record_contact(make)
        return Done(ticket)

    async def _plan_maintenance(self, request: PlanMaintenance) -> Answer:
        registry = self._core.parts.registry
        station = self._station(request.station)
        if station is not None:
            place = Place.of_station(station)
        elif request.site is not None and SiteId(request.site) in registry.sites:
            place = Place.of_site(SiteId(request.site))
        else:
            return Refusal("name a site or a station of the fleet file", is_missing=True)
        if request.until <= self._core.clock.now():
            return Refusal("`until` is in the past: name a moment to come")

        def make(position: int, at: datetime) -> AnyEvent:
            return MaintenancePlanned(
                observed_at=at,
                position=position,
                place=place,
                until=request.until,
                note=request.note,
            )

        await self._core.record_event(make)
        return Done(str(place))

    async def _send_command(self, request: SendCommand) -> Answer:
        station = self._station(request.station)
        if station is None:
            return Refusal("name a station", is_missing=True)
        log.info("command", station=station, action=request.action, who=request.who)
        result = await self._core.endpoint.commands.send(
            station, request.action, request.payload.encode(), timeout_s=request.timeout_s
        )
        return CommandDone(result.outcome, result.payload.decode("utf-8", "replace"))

    def _save(self, request: SaveUser | SaveToken | SaveStationPassword) -> Answer:
        access = self._core.parts.access
        match request:
            case SaveUser():
                access.save_user(
                    request.name, role=request.role, password_hash=request.password_hash
                )
                return Done(request.name)
            case SaveToken():
                access.save_token(request.name, digest=request.digest, scopes=request.scopes)
                return Done(request.name)
            case SaveStationPassword():
                station = self._station(request.station) or StationId(request.station)
                access.save_station_password(station, password_hash=request.password_hash)
                return Done(station)
            case _:
                assert_never(request)

    def _station(self, name: str | None) -> StationId | None:
        if name is None:
            return None
        return self._core.parts.registry.station_named(name) or StationId(name)
