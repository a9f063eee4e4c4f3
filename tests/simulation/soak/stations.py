"""Stations that live through the days of a soak: one call at a time, in virtual time.

They connect, boot or do not, report, charge, break, heal, fall silent and come back, and hold
what they said against what they were answered. They know the endpoint by its sockets only.
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from tests.simulation.soak.framing import client_frame, frames_in
from tests.simulation.soak.traits import Traits
from tests.simulation.soak.virtual import VirtualSocket
from tests.simulation.soak.words import Charging, Odd, Said, new_charging
from tests.simulation.soak.world import World

HEARTBEAT_S = 300.0
CHARGES_EVERY_S = 4 * 3600.0
CHARGES_FOR_S = (600.0, 7200.0)
DROPS_EVERY_S = 6 * 3600.0
AWAY_S = (1.0, 300.0)
BREAKS_EVERY_S = 5 * 86_400.0
BROKEN_FOR_S = (20.0, 3600.0)
CHATTERS_EVERY_S = 1800.0
IS_ODD_EVERY_S = 60.0
ERRORS = ("InternalError", "GroundFailure", "OverCurrentFailure", "WeakSignal", "OtherError")

_HEAD = (
    "GET /ocpp/{name} HTTP/1.1\r\nHost: soak\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{protocol}\r\n"
)


class _Asked(NamedTuple):
    said: Said
    on_answer: Callable[[Any], None] | None
    raw: Odd | None = None


class Station:
    """One station, for as long as the soak lasts."""

    def __init__(self, traits: Traits, world: World, dice: random.Random) -> None:
        self._traits = traits
        self._words = traits.words
        self._world = world
        self._dice = dice
        self._socket: VirtualSocket | None = None
        self._life = 0  # counts connections: what belongs to an old one does nothing
        self._is_open = False
        self._queue: deque[_Asked] = deque()
        self._asked: _Asked | None = None
        self._asked_at_s = 0.0
        self._last_id = 0
        self._odd_turn = dice.randrange(1000)
        self._charging: dict[int, Charging] = {}
        self._broken: dict[int, str] = {}
        self._meters_wh = [dice.randrange(10**6, 10**7) for _ in range(traits.evses + 1)]
        world.after(dice.uniform(0, 60), self._connect)
        for evse in range(1, traits.evses + 1):
            self._later(CHARGES_EVERY_S, partial(self._plug_in, evse))
        self._later(BREAKS_EVERY_S, self._break)

    @property
    def overdue_s(self) -> float:
        """How long an answer has been due on an open connection; 0 where none is."""
        return 0.0 if self._asked is None else self._world.now_s - self._asked_at_s

    # --- the connection ------------------------------------------

    def _connect(self) -> None:
        self._life += 1
        traits = self._traits
        protocol = f"Sec-WebSocket-Protocol: {self._words.protocol}\r\n"
        head = _HEAD.format(
            name=traits.name, protocol=protocol if traits.offers_protocol else ""
        )
        socket = self._world.open(partial(self._received, self._life))
        self._socket = socket
        socket.send(head.encode())

    def _received(self, life: int, data: bytes) -> None:
        """Take what the service wrote; b"" says that it closed."""
        if life != self._life:
            return  # of a connection that this station has forgotten
        if not data:
            self._lost()
        elif not self._is_open:
            self._is_open = data.startswith(b"HTTP/1.1 101")
            if self._is_open:
                self._opened()
            else:
                self._world.tally.refused += 1
        else:
            for opcode, payload in frames_in(data):
                self._heard(opcode, payload)

    def _opened(self) -> None:
        self._world.tally.connections += 1
        life = self._life
        if life == 1 or self._traits.boots_on_return or self._dice.random() < 0.1:
            self._ask(self._words.boot(f"SN-{self._traits.name}"), self._booted)
        else:
            self._report()
        for act, every_s in (
            (self._beat, HEARTBEAT_S),
            (self._chat, CHATTERS_EVERY_S),
            (self._be_odd, IS_ODD_EVERY_S),
        ):
            self._world.after(self._dice.uniform(1, every_s), partial(act, life))
        self._later(DROPS_EVERY_S, partial(self._drop, life))

    def _booted(self, answer: Any) -> None:
        if answer["status"] != "Accepted":
            self._world.tally.breach(f"{self._traits.name}: boot {answer['status']}")
        self._report()

    def _report(self) -> None:
        if self._dice.random() < 0.02:
            return  # some say nothing; they may be asked
        for evse in range(self._traits.evses + 1):
            self._say_status(evse)

    def _drop(self, life: int) -> None:
        if life != self._life or self._socket is None:
            return
        manner = self._dice.random()
        socket = self._socket
        if manner < 0.3:
            socket.send(client_frame(0x88, b"\x03\xe8"))  # closes in good order
            return
        away_s = self._dice.uniform(*AWAY_S)
        if manner < 0.7:
            socket.lose()  # the cable
        elif manner < 0.8:
            away_s = 900.0  # no power: the socket stays, and nobody is there
        else:
            away_s = 1.0  # comes back while we believe the old one open
        self._forget_connection()
        self._life += 1
        self._world.after(away_s, self._connect)

    def _lost(self) -> None:
        self._forget_connection()
        self._life += 1
        self._world.after(self._dice.uniform(5, 60), self._connect)

    def _forget_connection(self) -> None:
        if self._asked is not None:
            self._world.tally.gone += 1  # its connection ended first: nothing is due
        self._socket, self._asked, self._is_open = None, None, False
        self._queue.clear()

    # --- calls and answers ------------------------------------------

    def _ask(self, said: Said, on_answer: Callable[[Any], None] | None = None) -> None:
        self._put(_Asked(said, on_answer))

    def _put(self, asked: _Asked) -> None:
        if self._is_open:
            self._queue.append(asked)
            self._say_next()

    def _say_next(self) -> None:
        if self._asked is not None or not self._queue or self._socket is None:
            return
        asked = self._asked = self._queue.popleft()
        self._asked_at_s = self._world.now_s
        self._last_id += 1
        message_id = b"%d-%d" % (self._life, self._last_id)
        if asked.raw is not None:
            frame = asked.raw.with_id(message_id)
            self._note_odd(asked.raw.frame)
        else:
            action, payload = asked.said
            frame = b'[2,"%b","%b",%b]' % (message_id, action.encode(), payload)
        self._world.tally.calls += 1
        self._socket.send(client_frame(0x81, frame))

    def _heard(self, opcode: int, payload: bytes) -> None:
        socket = self._socket
        if socket is None:
            return
        if opcode == 9:
            if self._traits.pongs:
                socket.send(client_frame(0x8A, payload))
        elif opcode == 8:
            socket.send(client_frame(0x88, payload))
        elif opcode == 1:
            kind, message_id, *rest = json.loads(payload)
            if kind == 2:
                self._obey(socket, message_id)
            else:
                self._answered(kind, message_id, rest)

    def _obey(self, socket: VirtualSocket, message_id: str) -> None:
        self._world.tally.commands += 1
        word = "Rejected" if self._dice.random() < 0.5 else "NotImplemented"
        answer = b'[3,"%b",{"status":"%b"}]' % (message_id.encode(), word.encode())
        socket.send(client_frame(0x81, answer))

    def _answered(self, kind: int, message_id: object, rest: list[Any]) -> None:
        tally = self._world.tally
        asked = self._asked
        if asked is None or message_id != f"{self._life}-{self._last_id}":
            # An odd frame whose id could not be made ours is answered by its own.
            if self._traits.odd:
                tally.odd_answers += 1
            else:
                tally.breach(f"{self._traits.name}: an answer to nothing: {message_id}")
            return
        tally.answered += 1
        self._asked = None
        if kind == 4 and asked.raw is None:
            tally.breach(f"{self._traits.name}: {asked.said.action} refused: {rest}")
        elif asked.on_answer is not None:
            asked.on_answer(rest[0])
        self._say_next()

    # --- what it does all day ------------------------------------------

    def _beat(self, life: int) -> None:
        if life == self._life:
            self._ask(Said("Heartbeat", b"{}"))
            self._world.after(HEARTBEAT_S, partial(self._beat, life))

    def _chat(self, life: int) -> None:
        if life == self._life:
            self._ask(self._words.chatter(self._last_id, self._world.stamp))
            self._world.after(CHATTERS_EVERY_S, partial(self._chat, life))

    def _be_odd(self, life: int) -> None:
        if life != self._life or not self._traits.odd:
            return
        odd = self._traits.odd[self._odd_turn % len(self._traits.odd)]
        self._odd_turn += 1
        if odd.head:
            self._put(_Asked(Said("", b""), None, odd))
        elif self._is_open and self._socket is not None:
            self._socket.send(client_frame(0x81, odd.frame))
            self._note_odd(odd.frame)
        self._world.after(IS_ODD_EVERY_S, partial(self._be_odd, life))

    def _note_odd(self, frame: bytes) -> None:
        self._world.tally.odd += 1
        self._world.tally.expected.sent(frame, self._words.protocol)

    def _say_status(self, evse: int) -> None:
        error = self._broken.get(evse, "")
        word = "Charging" if evse in self._charging else "Available"
        said = self._words.status(evse, "Faulted" if error else word, error, self._world.stamp)
        self._ask(said)

    def _break(self) -> None:
        evse = self._dice.randrange(self._traits.evses + 1)
        self._broken[evse] = self._dice.choice(ERRORS)
        self._say_status(evse)
        self._world.after(self._dice.uniform(*BROKEN_FOR_S), partial(self._heal, evse))
        self._later(BREAKS_EVERY_S, self._break)

    def _heal(self, evse: int) -> None:
        self._broken.pop(evse, None)
        self._say_status(evse)

    def _plug_in(self, evse: int) -> None:
        self._later(CHARGES_EVERY_S, partial(self._plug_in, evse))
        if not self._is_open or evse in self._charging:
            return
        charging = new_charging(
            self._world.next_number(), self._meters_wh[evse], self._dice.randrange(5)
        )
        self._charging[evse] = charging
        tag = f"TAG{self._dice.randrange(5000):05}"
        self._ask(self._words.authorize(tag))
        said = self._words.start(evse, tag, charging, self._world.stamp)
        self._ask(said, partial(self._started, charging))
        self._say_status(evse)
        self._world.after(self._traits.meter_s, partial(self._meter, evse, charging))
        self._world.after(self._dice.uniform(*CHARGES_FOR_S), partial(self._plug_out, evse))

    def _started(self, charging: Charging, answer: Any) -> None:
        charging.number = answer.get("transactionId", charging.number)

    def _meter(self, evse: int, charging: Charging) -> None:
        if self._charging.get(evse) is charging:
            charging.meter_wh += int(charging.power_w * self._traits.meter_s / 3600)
            self._ask(self._words.meter(evse, charging, self._world.stamp))
            self._world.after(self._traits.meter_s, partial(self._meter, evse, charging))

    def _plug_out(self, evse: int) -> None:
        charging = self._charging.pop(evse)
        self._meters_wh[evse] = charging.meter_wh
        self._ask(self._words.stop(evse, charging, self._world.stamp))
        self._say_status(evse)

    def _later(self, mean_s: float, act: Callable[[], None]) -> None:
        self._world.after(self._dice.expovariate(1 / mean_s), act)
