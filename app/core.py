"""Core: the one process that writes. Listener, journal, engine, desk and outbox on one loop.

A turn is: entries committed, answers sent, events believed, decisions made, commands stored.
Everything else (snapshot, retention, folding) happens between turns.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from datetime import date, datetime, timedelta

import msgspec
import structlog

from app.clock import TurnClock
from app.core_metrics import CoreMetrics
from app.core_parts import Parts, build_parts, make_endpoint, make_outbox, server_tls
from app.core_requests import Requests
from app.core_rules import RulesInCore
from app.link_server import LinkServer
from app.messages import Changed, Health
from app.pipeline import Outcome
from app.probes import StatusProbes
from app.recorder import GroupRecorder
from app.recovery import CoreSnapshot, encode_snapshot, replay_journal, save_snapshot
from app.settings import Settings
from app.stored_turns import StoredTurns
from domain.events import (
    AnyEvent,
    MessageFlagged,
    MeterSampled,
    PlaceEvent,
    ServiceStarted,
    ServiceStopped,
    StationEvent,
    Unreadable,
)
from domain.places import TicketId
from ticketing.commands import Action, RefusedError, SendNotice

log = structlog.get_logger(__name__)

SNAPSHOT_EVERY_S = 60.0
HOUSEKEEPING_EVERY_S = 3600.0
FLUSH_WITHIN_S = 5.0
"""A journal that takes nothing must not keep us from stopping."""
COMPACT_EVERY_S = 5.0
"""The journal's log goes into its file this often, in small steps beside the loop."""
RENEW_TLS_EVERY_S = 30.0
"""How soon a renewed certificate is taken on."""
PUBLISH_EVERY_S = 0.5
"""Changes of stations are gathered this long before the pages hear of them."""
LONGEST_SLEEP_S = 30.0
"""However far the next deadline, look at the clock again: it may have been slewed."""
SLOW_COMMIT_S = 0.001
"""An fsync slower than this goes into a thread."""
GC_THRESHOLDS = (10_000, 50, 20)
"""A fleet that connects makes objects that stay: with the thresholds Python comes with, a fifth
of a connection's CPU went into looking at them again and again."""
KEPT_KEYS = timedelta(days=60)
"""Keys of applied decisions are kept longer than any snapshot or journal could repeat them."""


class Ports(msgspec.Struct, frozen=True):
    """Where core listens: ports as bound, `tls` None where no certificate is set."""

    ocpp: int
    tls: int | None = None


class Core:
    """The service's only writer. `start`, then `close`; it drives itself in between."""

    def __init__(self, settings: Settings, clock: TurnClock | None = None) -> None:
        self._settings = settings
        self.clock = clock or TurnClock()
        self.parts: Parts = build_parts(settings, self.clock)
        journal = self.parts.journal
        self.recorder = GroupRecorder(
            journal,
            self.clock,
            self._believe,
            beside_loop=journal.measured_commit_s > SLOW_COMMIT_S,
        )
        self.endpoint = make_endpoint(settings, self.parts, self.recorder, self.clock)
        self.outbox = make_outbox(settings, self.parts, self.clock)
        parts = self.parts
        self.metrics = CoreMetrics(
            self.endpoint, self.recorder, parts.engine, self.clock, parts.failures
        )
        self.rules = RulesInCore(settings, parts, self.metrics, self.record_event)
        requests = Requests(self, self.parts, self.endpoint.commands, self.clock)
        self.link = LinkServer(settings.link_path, requests.answer)
        self._probes = StatusProbes(self.endpoint.commands, parts.engine.fleet)
        self._turns = StoredTurns(self.parts.store)
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._changed_stations: set[str] = set()
        self._contact_tickets: dict[int, TicketId] = {}

    # --- life ---

    async def start(self) -> Ports:
        """Recover, then take stations on. Raises OSError where a port cannot be had."""
        self._recover()
        loop = asyncio.get_running_loop()
        self.clock.follow(loop)
        self.recorder.record_fact(
            lambda position: ServiceStarted(observed_at=self.clock.now(), position=position),
            None,
        )
        self.rules.note_start(self.recorder, self.clock)
        await self.recorder.flush()
        await self.link.start()
        settings = self._settings
        ports = Ports(
            await self.endpoint.start(settings.plain_host, settings.ocpp.port),
            await self._start_tls(),
        )
        self._tasks += [
            loop.create_task(self._every(1.0, self._fold), name="fold"),
            loop.create_task(self._every(SNAPSHOT_EVERY_S, self._snapshot), name="snapshot"),
            loop.create_task(
                self._every(HOUSEKEEPING_EVERY_S, self._keep_house, first_s=SNAPSHOT_EVERY_S),
                name="house",
            ),
            loop.create_task(self._every(COMPACT_EVERY_S, self._compact), name="compact"),
            loop.create_task(self._every(PUBLISH_EVERY_S, self._publish), name="publish"),
            loop.create_task(self.outbox.run(), name="outbox"),
            loop.create_task(self.metrics.watch_loop(), name="loop-lag"),
        ]
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        return ports

    async def close(self, drain_s: float = 5.0) -> None:
        """Let answers leave, tell the stations, keep everything, stop."""
        await self.endpoint.close(drain_s)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.recorder.fold(everything=True)  # what was heard was heard before we stopped
        self.recorder.record_fact(
            lambda position: ServiceStopped(observed_at=self.clock.now(), position=position),
            None,
        )
        try:
            async with asyncio.timeout(FLUSH_WITHIN_S):
                await self.recorder.close()
                await self._snapshot()
        except TimeoutError:  # nothing in there was acknowledged to anybody
            log.warning("stopped without the last entries", reason=self.recorder.trouble)
        if self._timer is not None:
            self._timer.cancel()
        await self._probes.close()
        await self.link.close()
        self.parts.close()
        self.clock.leave()

    async def _start_tls(self) -> int | None:
        tls = server_tls(self._settings)
        if tls is None:
            return None
        self._tasks.append(
            asyncio.get_running_loop().create_task(
                self._every(RENEW_TLS_EVERY_S, tls.renew), name="certificates"
            )
        )
        settings = self._settings
        return await self.endpoint.start(settings.host, settings.ocpp.port_tls, tls)

    def _recover(self) -> None:
        parts = self.parts
        replayed = replay_journal(
            parts.journal,
            parts.store,
            parts.interpreter,
            parts.pipeline,
            parts.snapshot,
            self._turns.add,
        )
        parts.pipeline.desk.remember(parts.engine.active_faults())
        log.info("recovered", entries=replayed.count, position=parts.journal.last_position)
        if replayed.last_at is None:
            return
        self.clock.not_before(replayed.last_at)
        if parts.engine.fleet.is_up:
            # We did not stop, we fell: our outage began after the last thing we wrote.
            last_at = replayed.last_at
            self.recorder.record_fact(
                lambda position: ServiceStopped(observed_at=last_at, position=position), None
            )

    # --- a turn ---

    def _believe(self, events: list[AnyEvent]) -> None:
        self._turn(events)
        changed = self._changed_stations
        for event in events:
            if type(event) is MeterSampled or isinstance(event, PlaceEvent):  # most of them
                changed.add(event.place.name)
            elif isinstance(event, StationEvent):
                changed.add(event.station)
                if isinstance(event, Unreadable):
                    self.metrics.unreadable += 1
                elif isinstance(event, MessageFlagged):
                    self.metrics.nonconforming += 1

    def _turn(self, events: list[AnyEvent]) -> None:
        now = self.clock.now()
        try:
            self._take(self.parts.pipeline.feed(now, events), now)
        # The supervisor of all turns: without it a bug in one would be the last turn there is.
        except Exception as error:  # noqa: BLE001 - logged with its traceback and counted
            self.parts.failures.note(events, error)
            self._sleep_until(None)

    def _take(self, outcome: Outcome, now: datetime) -> None:
        if outcome.commands or outcome.keys:
            self._turns.add(outcome, self.recorder.position, now)
            self.metrics.count(outcome)
            self._tell(outcome, now)
        for contact, ticket in outcome.contacts:
            if ticket is not None:
                self._contact_tickets[contact.position] = ticket
        self._probes.ask(outcome.asks)
        self._sleep_until(outcome.wake_at)

    async def act(self, action: Action) -> None:
        """Do what a person wants done to a ticket, durably. Raises `RefusedError`."""
        if troubles := self._troubles():
            raise RefusedError(f"nothing can be kept just now ({troubles[0]}): try again later")
        # What was recorded before it counts before it, as it will in a replay.
        await self.recorder.flush()
        if self.parts.store.is_applied([action.key]):
            return
        now = self.clock.now()
        self._take(self.parts.pipeline.act(now, action), now)

    async def record_event(self, make: Callable[[int, datetime], AnyEvent]) -> int:
        """Record what a person told us, wait until it is durable, return its position.

        `make` builds the event from its position and moment.
        """
        position = self.recorder.record_fact(
            lambda position: make(position, self.clock.now()), None
        )
        await self.recorder.flush()
        return position

    async def record_contact(self, make: Callable[[int, datetime], AnyEvent]) -> TicketId:
        """Record a customer's contact and return the ticket it went to."""
        position = await self.record_event(make)
        return self._contact_tickets.pop(position)

    def _sleep_until(self, wake_at: datetime | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay_s = LONGEST_SLEEP_S
        if wake_at is not None:
            delay_s = min(delay_s, max((wake_at - self.clock.now()).total_seconds(), 0.0))
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake)

    def _wake(self) -> None:
        # What was recorded before a deadline counts before it, as it will in a replay.
        if self.recorder.is_idle:
            self._turn([])
        else:
            self._timer = asyncio.get_running_loop().call_later(0.001, self._wake)

    def _tell(self, outcome: Outcome, now: datetime) -> None:
        notices = tuple(c.key for c in outcome.commands if isinstance(c, SendNotice))
        tickets = {c.ticket.id for c in outcome.commands if not isinstance(c, SendNotice)}
        if notices:
            self.outbox.wake()
        self.link.publish(Changed(at=now, tickets=tuple(sorted(tickets)), notices=notices))

    # --- between turns ---

    async def _every(
        self, seconds: float, work: Callable[[], object], *, first_s: float | None = None
    ) -> None:
        """The supervisor of one recurring job: a failure is logged and the job goes on."""
        await asyncio.sleep(seconds if first_s is None else first_s)
        while True:
            try:
                result = work()
                if asyncio.iscoroutine(result):
                    await result
            except Exception:
                log.exception("recurring job failed", job=getattr(work, "__name__", "job"))
            await asyncio.sleep(seconds)

    def _fold(self) -> None:
        self.recorder.fold()
        self._turns.store_waiting()

    async def _snapshot(self) -> None:
        await self.recorder.flush()
        if self._turns.is_behind:
            return  # the store is behind: a restart has to take these decisions again
        parts = self.parts
        payload = encode_snapshot(
            CoreSnapshot(
                self.recorder.position,
                self.clock.now(),
                parts.engine.state,
                parts.interpreter.translations,
            )
        )
        await asyncio.to_thread(save_snapshot, parts.snapshot_path, payload)

    async def _keep_house(self) -> None:
        """Drop old days; beside the loop, for the files are large."""
        dropped = await asyncio.to_thread(self._drop_days, self.clock.now().date())
        if dropped:
            log.info("journal days dropped", days=[str(day) for day in dropped])
        self.parts.store.forget_applied(self.clock.now() - KEPT_KEYS)

    def _drop_days(self, today: date) -> list[date]:
        limits, journal = self._settings.journal, self.parts.journal
        return [
            *journal.drop_before(today - timedelta(days=limits.retention_days)),
            *journal.drop_over(int(limits.max_gb * 1e9)),
        ]

    async def _compact(self) -> None:
        await asyncio.to_thread(self.parts.journal.compact)

    def _publish(self) -> None:
        if self._changed_stations:
            stations, self._changed_stations = self._changed_stations, set()
            self.link.publish(Changed(at=self.clock.now(), stations=tuple(sorted(stations))))

    # --- questions ---

    def health(self) -> Health:
        """Say whether stations are taken on and everything is durable, and why not."""
        troubles = self._troubles()
        return Health(not troubles, troubles, self.metrics.text())

    def _troubles(self) -> tuple[str, ...]:
        found = (
            ("journal not writable", self.recorder.trouble),
            ("ticket store not writable", self._turns.trouble),
        )
        return tuple(f"{what}: {reason}" for what, reason in found if reason)
