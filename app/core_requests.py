"""Core's answers to its neighbours: what web and command line ask over the link."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, assert_never

import structlog

from app.core_parts import Parts
from app.core_rules import RulesInCore
from app.messages import (
    ActOnTicket,
    Answer,
    ClassifyWord,
    CommandDone,
    Done,
    FleetView,
    GetFleet,
    GetHealth,
    GetOwnWords,
    GetRules,
    Health,
    OwnWords,
    PlanMaintenance,
    RecordContact,
    Refusal,
    ReloadRules,
    Request,
    SaveStationPassword,
    SaveToken,
    SaveUser,
    SendCommand,
    Subscribe,
)
from app.own_words import BadWordError, asks_for, entry_of
from domain.events import AnyEvent, ContactMade, FaultDismissed, MaintenancePlanned
from domain.faults import Fault
from domain.places import CustomerId, Place, SiteId, StationId, TicketId
from domain.ports import Clock, CommandQueue
from ticketing.actions import to_dismiss
from ticketing.commands import Action, CloseTicket, RefusedError

log = structlog.get_logger(__name__)


Make = Callable[[int, datetime], AnyEvent]
"""Builds an event from its position in the journal and its moment."""


class Deeds(Protocol):
    """What core does for its neighbours."""

    rules: RulesInCore

    def health(self) -> Health:
        """Say whether stations are taken on and everything is durable, and why not."""

    async def act(self, action: Action) -> None:
        """Do what a person wants done to a ticket, durably. Raises `RefusedError`."""

    async def record_event(self, make: Make) -> int:
        """Record what a person told us, durably; return its position."""

    async def record_contact(self, make: Make) -> TicketId:
        """Record a customer's contact and return the ticket it went to."""


class Requests:
    """Answers requests on core's loop."""

    def __init__(
        self, deeds: Deeds, parts: Parts, commands: CommandQueue, clock: Clock
    ) -> None:
        self._deeds = deeds
        self._parts = parts
        self._commands = commands
        self._clock = clock

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        match request:
            case GetFleet():
                return self._fleet()
            case GetHealth():
                return self._deeds.health()
            case RecordContact():
                return await self._record_contact(request)
            case PlanMaintenance():
                return await self._plan_maintenance(request)
            case ActOnTicket(action):
                return await self._act(action)
            case SendCommand():
                return await self._send_command(request)
            case GetRules() | ReloadRules() | ClassifyWord() | GetOwnWords():
                return await self._of_rules(request)
            case SaveUser() | SaveToken() | SaveStationPassword():
                return self._save(request)
            case Subscribe():
                raise AssertionError("the link answers Subscribe itself")
            case _:
                assert_never(request)

    async def _act(self, action: Action) -> Answer:
        try:
            if isinstance(action, CloseTicket):
                await self._dismiss(action)
            await self._deeds.act(action)
        except RefusedError as error:
            return Refusal(str(error))
        return Done(action.ticket)

    async def _dismiss(self, action: CloseTicket) -> None:
        """End the faults that nothing but a person can end, before their ticket is closed."""
        ticket = self._parts.pipeline.desk.tickets.get(TicketId(action.ticket))
        if ticket is None:
            return  # the action itself is refused, with the reason
        for fault in to_dismiss(ticket, action):
            await self._deeds.record_event(_dismissed(fault, action))

    async def _of_rules(
        self, request: GetRules | ReloadRules | ClassifyWord | GetOwnWords
    ) -> Answer:
        rules = self._deeds.rules
        match request:
            case GetRules():
                return rules.in_force()
            case ReloadRules():
                return await rules.reload(request.who)
            case GetOwnWords():
                return OwnWords(rules.words.text())
            case ClassifyWord():
                return await self._classify(request)
            case _:
                assert_never(request)

    async def _classify(self, request: ClassifyWord) -> Answer:
        """Keep what a person says of a word, and resolve the tasks that asked for it."""
        rules = self._deeds.rules
        try:
            entry = entry_of(request, self._clock.now())
            rules.words.keep(entry)
        except (BadWordError, OSError) as error:
            return Refusal(f"not classified: {error}")
        answer = await rules.reload(request.who)
        meant = entry.meaning if entry.meaning != "none" else "no fault"
        for task in self._parts.pipeline.desk.tickets.copy().values():
            if task.state.is_unresolved and asks_for(task.key, entry):
                key = f"classified:{task.id}:{task.revision}"
                why = f"classified as {meant}"
                close = CloseTicket(ticket=task.id, who=request.who, why=why, key=key)
                try:
                    await self._deeds.act(close)
                except RefusedError as error:
                    log.warning("task not closed", ticket=task.id, reason=str(error))
        return answer

    def _fleet(self) -> FleetView:
        engine = self._parts.engine
        return FleetView(
            self._clock.now(),
            tuple(engine.fleet.stations.values()),
            engine.active_faults(),
        )

    async def _record_contact(self, request: RecordContact) -> Answer:
        registry = self._parts.registry
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

        ticket = await self._deeds.record_contact(make)
        return Done(ticket)

    async def _plan_maintenance(self, request: PlanMaintenance) -> Answer:
        registry = self._parts.registry
        station = self._station(request.station)
        if station is not None:
            place = Place.of_station(station)
        elif request.site is not None and SiteId(request.site) in registry.sites:
            place = Place.of_site(SiteId(request.site))
        else:
            return Refusal("name a site or a station of the fleet file", is_missing=True)
        if request.until <= self._clock.now():
            return Refusal("`until` is in the past: name a moment to come")

        def make(position: int, at: datetime) -> AnyEvent:
            return MaintenancePlanned(
                observed_at=at,
                position=position,
                place=place,
                until=request.until,
                note=request.note,
            )

        await self._deeds.record_event(make)
        return Done(str(place))

    async def _send_command(self, request: SendCommand) -> Answer:
        station = self._station(request.station)
        if station is None:
            return Refusal("name a station", is_missing=True)
        log.info("command", station=station, action=request.action, who=request.who)
        result = await self._commands.send(
            station, request.action, request.payload.encode(), timeout_s=request.timeout_s
        )
        return CommandDone(result.outcome, result.payload.decode("utf-8", "replace"))

    def _save(self, request: SaveUser | SaveToken | SaveStationPassword) -> Answer:
        access = self._parts.access
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
        return self._parts.registry.station_named(name) or StationId(name)


def _dismissed(fault: Fault, action: CloseTicket) -> Make:
    def make(position: int, at: datetime) -> AnyEvent:
        return FaultDismissed(
            observed_at=at,
            position=position,
            rule=fault.rule,
            place=fault.place,
            who=action.who,
            why=action.why,
        )

    return make
