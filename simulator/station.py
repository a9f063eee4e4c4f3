"""One simulated station: booting, reporting, answering; a life without sockets.

The station is told what its connection does (`Link`) and what time it is (`Timeline`); it never
blocks and opens nothing itself. It speaks OCPP 1.6.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from ocpp.exceptions import OCPPError
from ocpp.messages import Call as OcppCall
from ocpp.messages import CallResult, unpack
from ocpp.v16 import call
from ocpp.v16.enums import Reason

from simulator.answers import answer
from simulator.calls import Call, CallQueue
from simulator.dress import Dresser, Payload, payload_of
from simulator.evse import Evse
from simulator.hosting import evse_kind_of
from simulator.link import Link
from simulator.places import Place, Report
from simulator.plan import Segment, StationPlan
from simulator.timeline import Alarm
from simulator.traits import stream
from simulator.vendors import vendor_named
from simulator.wire import Wire
from simulator.world import World

DEFAULT_HEARTBEAT_S = 300.0
BOOT_RETRY_S = 60.0
PING_S = 60.0
"""How often a station that sends no Heartbeat pings."""
REBOOT_S = (20.0, 60.0)
"""How long a restart takes, in real seconds."""


class Station:
    """One station, from its start to its end."""

    def __init__(self, plan: StationPlan, segment: Segment, world: World) -> None:
        quirks = vendor_named(plan.vendor).quirks
        self.id = plan.id
        self.place = Place(0)
        self._is_powered = True
        self._plan = plan
        self._traits = plan.traits
        self._reports_station = quirks.reports_station
        self._world = world
        self._timeline = world.timeline
        self._dice = stream(world.seed, plan.id, "life")
        self._dresser = Dresser(quirks, self._dice)
        self._queue = CallQueue(
            plan.id, world.timeline, self._dresser, world.counters, world.frame_log
        )
        kind = evse_kind_of(plan, segment, world.speed)
        self.evses = tuple(
            Evse(Place(n), kind, self, world.timeline, world.counters, self._dice)
            for n in range(1, plan.evses + 1)
        )
        self.link = Link(plan.id, world, self._dice, self)
        self._is_settled = False  # the boot, where there was one, has been accepted
        self._needs_boot = True
        self._spoke_s = 0.0
        self._heartbeat_s = self._traits.heartbeat_s or DEFAULT_HEARTBEAT_S
        self._alarms: list[Alarm] = []  # of the connection; they go with it
        self.configuration = {
            "HeartbeatInterval": (f"{self._heartbeat_s:.0f}", False),
            "MeterValueSampleInterval": (f"{self._traits.meter_s:.0f}", True),
            "NumberOfConnectors": (str(plan.evses), True),
            "SupportedFeatureProfiles": ("Core,RemoteTrigger", True),
        }

    @property
    def is_up(self) -> bool:
        """True while CALLs other than the boot can be sent."""
        return self.link.wire is not None and self._is_settled

    @property
    def is_quiet(self) -> bool:
        """True while nothing waits to be said or to be answered."""
        return self._queue.is_idle

    @property
    def can_charge(self) -> bool:
        """False during a power cut and while the station as a whole is broken."""
        return self._is_powered and self.place.is_usable

    # --- what a scenario or the run asks for --------------------------------------------------

    def start(self, *, with_cars: bool = True) -> None:
        """Dial for the first time and let daily life begin."""
        self.link.dial()
        if with_cars:
            for evse in self.evses:
                evse.live()

    def report(self, number: int, report: Report | None) -> None:
        """Let a place (0: the station) break in some way, or heal with None."""
        place = self.place if number == 0 else self.evses[number - 1].place
        place.report = report
        self.say_status(place)
        if not place.is_usable:
            for evse in self.evses:
                if number in (0, evse.place.number) and evse.is_taken:
                    evse.cut(Reason.other)
                    if number == 0:
                        self.say_status(evse.place)

    def leave(self, *, loses_power: bool = False) -> None:
        """Lose the connection without a word and stay away until `come_back`."""
        if loses_power:
            self._is_powered = False
            self._needs_boot = True
            for evse in self.evses:
                evse.cut(Reason.power_loss)
        self.link.hold()

    def come_back(self, *, after_s: float = 0.0) -> None:
        """Dial again, `after_s` seconds from now."""
        self._is_powered = True
        self.link.release(after_s)

    def reboot(self, reason: Reason = Reason.reboot) -> None:
        """Restart: end transactions, close, come back with a boot."""
        for evse in self.evses:
            evse.cut(reason)
        self._needs_boot = True
        self.link.restart(self._dice.uniform(*REBOOT_S))

    def send_raw(self, frame: str) -> None:
        """Send any text, if there is a connection."""
        if self.link.wire is not None:
            self.link.wire.send(frame)

    # --- the connection -----------------------------------------------------------------------

    def linked(self, wire: Wire) -> None:
        """A connection opened: boot where that is due, else go on where we were."""
        if self._needs_boot or self._traits.boots_on_return:
            self._is_settled = False
            self._dresser.restart()
            self.say_boot()
            self._queue.open(wire, only="BootNotification")
        else:
            self._settle_in(wire)

    def unlinked(self, because: str) -> None:
        """The connection is gone, and with it what was to be done on it."""
        self._is_settled = False
        self._queue.shut(because)
        for alarm in self._alarms:
            alarm.cancel()
        self._alarms.clear()

    def heard(self, frame: str) -> None:
        """Read a frame of the central system: an answer to us, or a CALL we answer."""
        try:
            message = unpack(frame)
        except OCPPError:
            self._world.counters.error_count += 1
            return
        if isinstance(message, OcppCall):
            self._obey(message)
        elif isinstance(message, CallResult):
            body = message.payload if isinstance(message.payload, dict) else {}
            self._queue.answered(str(message.unique_id), body, frame)
        else:
            self._queue.failed(str(message.unique_id), f"error {message.error_code}", frame)

    def _obey(self, command: OcppCall) -> None:
        wire = self.link.wire
        if wire is None:
            return
        body = command.payload if isinstance(command.payload, dict) else {}
        reply = answer(self, str(command.action), body)
        if reply.error:
            frame = self._dresser.error(command.unique_id, reply.error, reply.description)
        else:
            frame = self._dresser.result(command.unique_id, reply.payload)
        wire.send(frame)
        self._world.counters.command_count += 1
        log = self._world.frame_log
        if log is not None:
            action = str(command.action)
            log.write(self._timeline.wall, self.id, "commanded", action=action, answer=frame)
        if reply.then is not None:
            reply.then()

    # --- boot, heartbeat, chatter -------------------------------------------------------------

    def say_boot(self) -> None:
        """Send a BootNotification before anything else that waits, if there is a connection."""
        if self.link.wire is None:
            return
        body = payload_of(
            call.BootNotification(
                # The schema allows 20 characters each.
                charge_point_model=(self._plan.model or "Unknown")[:20],
                charge_point_vendor=(self._plan.vendor or "Unknown")[:20],
                charge_point_serial_number=self._traits.serial,
                firmware_version=self._traits.firmware,
            )
        )
        self._queue.put_first(
            Call(
                action="BootNotification",
                write=lambda: dict(body),
                on_answer=self._boot_answered,
                on_lost=lambda: self._boot_again_in(BOOT_RETRY_S),
            )
        )

    def _boot_answered(self, body: Payload) -> None:
        interval = body.get("interval")
        interval_s = float(interval) if isinstance(interval, int) and interval > 0 else 0.0
        if body.get("status") != "Accepted":
            self._boot_again_in(interval_s or BOOT_RETRY_S)
            return
        if interval_s and self._traits.obeys_boot_interval:
            self.configure("HeartbeatInterval", f"{interval_s:.0f}")
        self._needs_boot = False
        if self.link.wire is not None and not self._is_settled:
            self._settle_in(self.link.wire)

    def _boot_again_in(self, wait_s: float) -> None:
        if self.link.wire is not None and not self._is_settled:
            self._alarm(wait_s, self.say_boot)

    def _settle_in(self, wire: Wire) -> None:
        """After the boot: what waited, then every status, then live on."""
        self._is_settled = True
        self._queue.open(wire)
        for place in (self.place, *(evse.place for evse in self.evses)):
            self._put_status(place)
        self._alarm(self._beat_gap_s() * self._dice.random(), self._beat)
        if self._traits.chatter_s is not None:
            self._alarm(self._traits.chatter_s * self._dice.random(), self._chatter)
        if self._world.sample_every_s is not None:
            self._alarm(self._world.sample_every_s * self._dice.random(), self._sample)

    def _sample(self) -> None:
        for evse in self.evses:
            evse.say_meter("Sample.Clock")
        self._alarm(self._world.sample_every_s or DEFAULT_HEARTBEAT_S, self._sample)

    def _beat_gap_s(self) -> float:
        return PING_S if self._traits.heartbeat_s is None else self._heartbeat_s

    def _beat(self) -> None:
        gap_s = self._beat_gap_s()
        is_fresh = self._timeline.now_s - self._spoke_s < gap_s
        if self._traits.heartbeat_s is None:
            if self.link.wire is not None:
                self.link.wire.ping()
        elif not (self._traits.spares_heartbeats and is_fresh):
            self.say_heartbeat()
        self._alarm(gap_s, self._beat)

    def say_heartbeat(self) -> None:
        """Send a Heartbeat."""
        self._queue.put(Call(action="Heartbeat", write=dict))

    def _chatter(self) -> None:
        body = payload_of(
            call.DataTransfer(
                vendor_id=self._plan.vendor or "Unknown",
                message_id="telemetry",
                data=f'{{"rssi":{-50 - self._dice.randrange(40)}}}',
            )
        )
        self.put(Call(action="DataTransfer", write=lambda: dict(body)))
        self._alarm(self._traits.chatter_s or DEFAULT_HEARTBEAT_S, self._chatter)

    def _alarm(self, wait_s: float, act: Callable[[], None]) -> None:
        self._alarms = [alarm for alarm in self._alarms if alarm.act is not None]
        self._alarms.append(self._timeline.after(wait_s, act))

    # --- what EVSEs and commands use ----------------------------------------------------------

    def put(self, message: Call) -> None:
        """Queue a CALL."""
        self._spoke_s = self._timeline.now_s
        self._queue.put(message)

    def stamp(self) -> str:
        """The moment by the station's own clock, as its vendor writes it."""
        offset = timedelta(seconds=self._traits.clock_offset_s)
        return self._dresser.stamp(self._timeline.wall + offset)

    def say_status(self, place: Place) -> None:
        """Report the status of a place, and the station's with it where the vendor does so."""
        if not self.is_up:
            return
        self._put_status(place)
        if self._reports_station and place.number != 0:
            self._put_status(self.place)

    def _put_status(self, place: Place) -> None:
        body = place.status_body(self.stamp())
        self.put(Call(action="StatusNotification", write=lambda: dict(body)))

    def configure(self, key: str, value: str) -> bool:
        """Change a setting; only the heartbeat interval takes effect."""
        if not value.isdecimal() or int(value) < 1:
            return False
        self._heartbeat_s = float(value)
        self.configuration[key] = (value, False)
        return True
