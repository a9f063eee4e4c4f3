"""A stage without sockets: stations, a scripted central system, and virtual time."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import ocpp
import pytest
from jsonschema import Draft4Validator

from simulator.counters import Counters
from simulator.plan import Segment, StationPlan, Traits
from simulator.station import Station
from simulator.timeline import VirtualTimeline
from simulator.wire import WireListener
from simulator.world import World

ORIGIN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
LATENCY_S = 0.01
PLAIN_TRAITS = Traits(
    firmware="1.0",
    serial="0001",
    heartbeat_s=300.0,
    obeys_boot_interval=True,
    spares_heartbeats=False,
    meter_s=60.0,
    meters_idle=False,
    boots_on_return=False,
    clock_offset_s=0.0,
    chatter_s=None,
    arrival_factor=1.0,
    drops_per_month=0.0,
)
SCHEMAS = Path(ocpp.__file__).parent / "v16" / "schemas"


@functools.cache
def _validator(name: str) -> Draft4Validator:
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8-sig"))
    return Draft4Validator(schema)


def breaches(frame: str) -> list[str]:
    """How a station's CALL breaks the schema of its action."""
    kind, _, action, payload = json.loads(frame)
    assert kind == 2
    return [error.message for error in _validator(action).iter_errors(payload)]


@dataclass
class FakeWire:
    """One connection between a station and the fake central system."""

    central: FakeCentral
    station: str
    listener: WireListener
    is_open: bool = True
    was_closed_well: bool = False
    ping_count: int = 0

    def send(self, frame: str) -> None:
        if self.is_open:
            self.central.heard(self, frame)

    def ping(self) -> None:
        self.ping_count += 1

    def close(self) -> None:
        self.was_closed_well = True
        self.is_open = False

    def abort(self) -> None:
        self.is_open = False

    def break_off(self) -> None:
        """The central system or the network ends it."""
        if self.is_open:
            self.is_open = False
            self.listener.closed(self, "gone")


@dataclass
class FakeCentral:
    """A central system that answers after a moment, unless told otherwise."""

    timeline: VirtualTimeline
    is_away: bool = False
    is_mute: bool = False
    wires: list[FakeWire] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    heard_at_s: list[float] = field(default_factory=list)
    replies: list[list[object]] = field(default_factory=list)
    dials_at_s: list[float] = field(default_factory=list)
    answers: dict[str, dict[str, object]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    transactions: int = 0

    def dial(self, station: str, listener: WireListener) -> None:
        self.dials_at_s.append(self.timeline.now_s)

        def settle() -> None:
            if self.is_away:
                listener.refused("away")
                return
            wire = FakeWire(self, station, listener)
            self.wires.append(wire)
            listener.opened(wire)

        self.timeline.after(LATENCY_S, settle)

    def heard(self, wire: FakeWire, frame: str) -> None:
        message = json.loads(frame) if frame.endswith("]") else None
        if message is None:
            self.frames.append(frame)
            return
        if message[0] != 2:
            self.replies.append(message)
            return
        self.frames.append(frame)
        self.heard_at_s.append(self.timeline.now_s)
        if not self.is_mute:
            answer = self._answer(message[1], message[2])
            self.timeline.after(LATENCY_S, lambda: self._send(wire, answer))

    def command(self, action: str, payload: dict[str, object]) -> list[object]:
        """Send a CALL on the newest connection and return the frame that answered it."""
        before = len(self.replies)
        self._send(self.wires[-1], [2, f"cmd-{before}", action, payload])
        assert len(self.replies) == before + 1, "a CALL is answered at once"
        return self.replies[-1]

    def _send(self, wire: FakeWire, frame: list[object]) -> None:
        if wire.is_open:
            wire.listener.received(wire, json.dumps(frame))

    def _answer(self, message_id: str, action: str) -> list[object]:
        if action in self.errors:
            return [4, message_id, self.errors[action], "", {}]
        if action == "StartTransaction" and action not in self.answers:
            self.transactions += 1
            body: dict[str, object] = {
                "transactionId": self.transactions,
                "idTagInfo": {"status": "Accepted"},
            }
            return [3, message_id, body]
        default: dict[str, dict[str, object]] = {
            "BootNotification": {
                "status": "Accepted",
                "interval": 120,
                "currentTime": "2026-01-05T08:00:00Z",
            },
            "Authorize": {"idTagInfo": {"status": "Accepted"}},
        }
        return [3, message_id, self.answers.get(action, default.get(action, {}))]

    # --- what was heard ---

    def calls(self, action: str | None = None) -> list[dict[str, object]]:
        """Bodies of the CALLs heard, of one action or of all."""
        messages = [json.loads(frame) for frame in self.frames if frame.endswith("]")]
        return [m[3] for m in messages if action is None or m[2] == action]

    def actions(self) -> list[str]:
        return [json.loads(frame)[2] for frame in self.frames if frame.endswith("]")]

    def statuses(self, connector: int) -> list[tuple[str, str]]:
        return [
            (str(body["status"]), str(body["errorCode"]))
            for body in self.calls("StatusNotification")
            if body["connectorId"] == connector
        ]

    def forget(self) -> None:
        self.frames.clear()
        self.heard_at_s.clear()


class Stage:
    """Virtual time, a central system, and stations made on demand."""

    def __init__(self) -> None:
        self.timeline = VirtualTimeline(ORIGIN)
        self.central = FakeCentral(self.timeline)
        self.counters = Counters()
        self.world = World(
            timeline=self.timeline,
            dialer=self.central,
            counters=self.counters,
            seed=1,
            speed=60.0,
            return_within_s=10.0,
        )

    def station(
        self,
        id_: str = "S-1",
        *,
        evses: int = 1,
        vendor: str = "",
        model: str = "",
        segment: Segment = Segment.COMPANY,
        world: dict[str, object] | None = None,
        **traits: object,
    ) -> Station:
        plan = StationPlan(
            id=id_,
            evses=evses,
            vendor=vendor,
            model=model,
            traits=replace(PLAIN_TRAITS, **traits),  # type: ignore[arg-type]
        )
        return Station(plan, segment, replace(self.world, **(world or {})))  # type: ignore[arg-type]

    def settled(self, **plan: object) -> Station:
        """A station that has booted and reported; what it said until then is forgotten."""
        station = self.station(**plan)  # type: ignore[arg-type]
        station.start(with_cars=False)
        self.run_for(2.0)
        assert station.is_up
        self.central.forget()
        return station

    def run_for(self, seconds: float) -> None:
        self.timeline.run_until(self.timeline.now_s + seconds)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="session")
def make_stage() -> Callable[[], Stage]:
    """For tests that need a new stage for every example."""
    return Stage


@pytest.fixture(scope="session")
def breaches_of() -> Callable[[str], list[str]]:
    return breaches


@pytest.fixture
def plain_traits() -> Traits:
    return PLAIN_TRAITS


@pytest.fixture
def timeline() -> VirtualTimeline:
    return VirtualTimeline(ORIGIN)
