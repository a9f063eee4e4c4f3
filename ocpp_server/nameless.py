"""Stations that do not say who they are in their address (quirk A5): their boot tells.

Some stations connect to the server's address as it is, without an id, and cannot be told
otherwise. Their websocket is taken on, what they say is kept, unanswered, until a
BootNotification names a serial number; under that they face the gate like everybody else.
One that does not boot is asked to, once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import structlog

from domain.places import StationId
from ocpp_server.connection import Connection, Wire
from ocpp_server.front import MAX_ID_LENGTH, Accept
from ocpp_server.gate import Refused
from ocpp_server.handover import hand_over
from ocpp_server.link import Link
from ocpp_server.pings import PingHabits
from ocpp_server.refusal import RefusalReason, Refuse, refusal

if TYPE_CHECKING:
    from ocpp_server.context import Context
    from ocpp_server.listener import Endpoint

log = structlog.get_logger(__name__)

MAX_NAMELESS = 200
"""Websockets that may wait for their boot; beyond it a station is asked to come back."""

MAX_KEPT = 64
"""Messages of one that are kept; beyond it the websocket is closed."""

_POLICY = 1008  # RFC 6455 §7.4.1


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who knocked: what the handshake said, from where, with which certificate."""

    accepted: Accept
    address: str
    certificate_names: tuple[str, ...] | None
    certificate_until: datetime | None = None


class Nameless:
    """What a link reports to while nobody knows whose it is."""

    __slots__ = ("_kept_bytes", "_limits", "_on_boot", "_wire", "arrival", "frames", "task")

    def __init__(
        self,
        wire: Wire,
        context: Context,
        arrival: Arrival,
        on_boot: Callable[[Nameless, tuple[str, ...]], None],
    ) -> None:
        self.arrival = arrival
        self.frames: list[bytes] = []
        self.task: asyncio.Task[None] | None = None  # asks the gate, once there is a name
        self._kept_bytes = 0
        self._limits = context.limits
        self._wire = wire
        self._on_boot = on_boot

    def receive(self, frame: bytes, now: datetime) -> None:
        """Keep one message; the boot among them tells who speaks."""
        self.frames.append(frame)
        self._kept_bytes += len(frame)
        if len(self.frames) > MAX_KEPT or self._kept_bytes > self._limits.max_message_bytes:
            self._wire.close(_POLICY, "no boot told who you are")
        elif self.task is None and (serials := serials_in(frame)) is not None:
            self._on_boot(self, serials)

    def heard(self) -> None:
        """A ping or pong of nobody in particular."""

    def look_after(self) -> None:
        """Nothing waits for a commit here."""


class Anteroom:
    """Where nameless websockets wait. `adopt(link, connection)` takes over a named one."""

    def __init__(
        self,
        endpoint: Endpoint,
        connect: Callable[[StationId, Link, Arrival], Connection],
        adopt: Callable[[Link], None],
        on_end: Callable[[Link, int, str], None],
    ) -> None:
        self._endpoint = endpoint
        self._connect = connect
        self._adopt = adopt
        self._on_end = on_end
        self._waiting: set[Link] = set()

    def reason_to_wait(self) -> Refuse | None:
        """Say why no more nameless stations are taken on; None where one is."""
        if len(self._waiting) < MAX_NAMELESS:
            return None
        advice = "No station id in the address: connect to ws://HOST:PORT/ocpp/STATION-ID."
        return refusal(503, RefusalReason.NO_STATION_ID, advice)

    def take_on(self, transport: asyncio.Transport, arrival: Arrival, late: bytes) -> None:
        """Open a websocket for a station that gave no id."""
        context = self._endpoint.context
        limits = context.limits
        link = Link(
            context,
            self._opened,
            self._ended,
            first_ping_s=limits.ping_every_s,
            habits=PingHabits(),
        )

        def on_boot(nameless: Nameless, serials: tuple[str, ...]) -> None:
            self._name(link, nameless, serials)

        link.connection = Nameless(link, context, arrival, on_boot)
        log.info("no station id in the address: waiting for a boot", address=arrival.address)
        hand_over(transport, arrival.accepted, link, context, late)

    def _opened(self, link: Link) -> None:
        self._waiting.add(link)
        self._endpoint.links.add(link)
        wait_s = self._endpoint.limits.boot_patience_s
        self._endpoint.context.wheel.after(wait_s, lambda: self._ask_for_boot(link))

    def _ask_for_boot(self, link: Link) -> None:
        """Some boot only when they have lost power; asked, they boot or tell as if they had."""
        if not self._is_unnamed(link):
            return
        context = self._endpoint.context
        number = context.new_message_id()
        request = [2, number, "TriggerMessage", {"requestedMessage": "BootNotification"}]
        link.send(msgspec.json.encode(request))
        context.wheel.after(context.limits.boot_patience_s, lambda: self._give_up(link))

    def _give_up(self, link: Link) -> None:
        if self._is_unnamed(link):
            link.close(_POLICY, "no station id in the address and no boot")

    def _is_unnamed(self, link: Link) -> bool:
        nameless = link.connection
        return link in self._waiting and isinstance(nameless, Nameless) and not nameless.task

    def _name(self, link: Link, nameless: Nameless, serials: tuple[str, ...]) -> None:
        evses = self._endpoint.evses
        registered = (serial for serial in serials if evses(StationId(serial)))
        host = nameless.arrival.address.rpartition(":")[0].strip("[]")
        name = next(registered, None) or next(iter(serials), f"unnamed-{host}")
        nameless.task = asyncio.get_running_loop().create_task(
            self._admit(link, nameless, name), name=f"admit {name}"
        )

    async def _admit(self, link: Link, nameless: Nameless, name: str) -> None:
        arrival, endpoint = nameless.arrival, self._endpoint
        try:
            async with asyncio.timeout(endpoint.limits.admission_timeout_s):
                admission = await endpoint.gate.admit(
                    name,
                    arrival.accepted.user,
                    arrival.accepted.password,
                    arrival.address,
                    certificate_names=arrival.certificate_names,
                )
            if link not in self._waiting:
                return  # gone meanwhile
            if isinstance(admission, Refused):
                self._refuse(link, admission.reason, name)
            elif (wait := self._reason_to_wait(admission.station)) is not None:
                self._refuse(link, wait.reason, name)
            else:
                self._take_over(link, nameless, admission.station)
        except TimeoutError:
            self._refuse(link, RefusalReason.GATE_BUSY, name)
        except Exception:
            endpoint.counters.failures += 1
            log.exception("admission failed", station=name)
            self._refuse(link, RefusalReason.GATE_FAILED, name)

    def _reason_to_wait(self, station: StationId) -> Refuse | None:
        endpoint, now_s = self._endpoint, asyncio.get_running_loop().time()
        return endpoint.reason_to_wait() or endpoint.restraint.take_handshake(station, now_s)

    def _take_over(self, link: Link, nameless: Nameless, station: StationId) -> None:
        log.info("named by its boot", station=station, address=nameless.arrival.address)
        self._waiting.discard(link)
        link.connection = self._connect(station, link, nameless.arrival)
        self._adopt(link)
        now = self._endpoint.context.clock.now()
        for frame in nameless.frames:
            link.connection.receive(frame, now)

    def _refuse(self, link: Link, reason: RefusalReason, name: str) -> None:
        counters = self._endpoint.counters
        counters.refused += 1
        counters.refusals[reason] += 1
        log.info("connection refused", reason=reason, said=name)
        link.close(_POLICY, reason)

    def _ended(self, link: Link, code: int, why: str) -> None:
        if isinstance(link.connection, Nameless):
            self._waiting.discard(link)
            self._endpoint.links.discard(link)
        else:
            self._on_end(link, code, why)


def serials_in(frame: bytes) -> tuple[str, ...] | None:
    """Return the serial numbers in a BootNotification that may serve as an id; () where it
    has none, None where the frame is no boot.
    """
    try:
        match msgspec.json.decode(frame):
            case [2, _, "BootNotification", dict(payload)]:
                pass
            case _:
                return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    inner = payload.get("chargingStation")
    said = [
        payload.get("chargePointSerialNumber"),
        payload.get("chargeBoxSerialNumber"),
        inner.get("serialNumber") if isinstance(inner, dict) else None,
    ]
    trimmed = [word.strip() for word in said if isinstance(word, str)]
    return tuple(w for w in trimmed if w and w.isprintable() and len(w) <= MAX_ID_LENGTH)
