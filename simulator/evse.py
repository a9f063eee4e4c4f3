"""One simulated EVSE: its status, its faults, the cars that charge there, its meter.

Daily life runs `speed` times faster than the clock, but power is real: the register rises by
what the reported power gives in the real seconds, so meter values always agree with the clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from ocpp.v16 import call
from ocpp.v16.enums import ChargePointStatus, Reason

from simulator.calls import Call
from simulator.counters import Counters
from simulator.daily import DAY_S, HOUR_S, Visit, draw_visit, next_arrival_in_s
from simulator.dress import Payload, payload_of
from simulator.hosting import EvseKind, Host
from simulator.meter import Meter
from simulator.places import Place, Report
from simulator.timeline import Alarm, Timeline

MONDAY_MORNING_S = 6.75 * HOUR_S
"""Where the simulated week begins: cars come to work soon after the start of a run."""
SHORTEST_STAY_S = 15.0
"""Real seconds a car stays at least, whatever the speed."""
_METER_LEAST_S, _METER_MOST_S = 30.0, 120.0
_UNPLUG_S = (3.0, 10.0)
_START_S = (2.0, 8.0)
CAR_ERROR = Report(code="EVCommunicationError")
CAR_ERROR_SHARE = 0.015
"""Share of visits in which the car is at fault (an assumption); a few real seconds each."""
_CAR_ERROR_S = (5.0, 60.0)


@dataclass(slots=True)
class _Stay:
    """One car at the EVSE. `number` is the transaction's, -1 until StartTransaction told it."""

    visit: Visit
    id_tag: str
    has_begun: bool = False
    number: int = -1
    alarms: list[Alarm] = field(default_factory=list)


class Evse:
    """One EVSE and the cars that come to it."""

    def __init__(
        self,
        place: Place,
        kind: EvseKind,
        host: Host,
        timeline: Timeline,
        counters: Counters,
        dice: Random,
    ) -> None:
        self.place = place
        self._kind = kind
        self._host = host
        self._timeline = timeline
        self._counters = counters
        self._dice = dice
        self._stay: _Stay | None = None
        self._meter = Meter(timeline, dice)

    @property
    def is_charging(self) -> bool:
        """True while a transaction runs, whether or not energy flows."""
        return self._stay is not None and self._stay.has_begun

    @property
    def is_taken(self) -> bool:
        """True while a car is plugged in."""
        return self._stay is not None

    @property
    def is_free(self) -> bool:
        """True where a car could begin to charge now."""
        return self._stay is None and self.place.is_usable and self._host.can_charge

    @property
    def transaction(self) -> int | None:
        """The number of the running transaction; None without one, -1 while not known."""
        return self._stay.number if self._stay is not None and self._stay.has_begun else None

    # --- daily life ---------------------------------------------------------------------------

    def live(self) -> None:
        """Let cars come from now on."""
        kind = self._kind
        week_s = (MONDAY_MORNING_S + self._timeline.now_s * kind.speed) % (7 * DAY_S)
        wait_s = next_arrival_in_s(kind.rhythm, week_s, kind.arrival_factor, self._dice)
        self._timeline.after(wait_s / kind.speed, self._car_comes)

    def _car_comes(self) -> None:
        self.arrive(id_tag=f"{self._dice.getrandbits(32):08X}", is_known=False)
        self.live()

    def arrive(self, *, id_tag: str, is_known: bool) -> bool:
        """Have a car plug in; False where the EVSE is not free.

        `is_known`: the central system itself asked for the start, nobody is asked again.
        """
        if not self.is_free:
            return False
        kind = self._kind
        visit = draw_visit(
            kind.segment, power_kw=kind.power_kw, is_dc=kind.is_dc, dice=self._dice
        )
        stay = self._stay = _Stay(visit, id_tag)
        self._become(ChargePointStatus.preparing)
        next_step = self._begin if is_known else self._ask
        if not is_known and self._dice.random() < CAR_ERROR_SHARE:
            next_step = self._fail_to_talk
        self._later(stay, self._dice.uniform(*_START_S), next_step)
        return True

    def leave(self, reason: Reason = Reason.ev_disconnected) -> None:
        """Have the car unplug, ending the transaction with a reason."""
        stay = self._stay
        if stay is None:
            return
        self._finish(stay, reason)
        if stay.has_begun and not self._kind.skips_finishing:
            self._become(ChargePointStatus.finishing)
            self._timeline.after(self._dice.uniform(*_UNPLUG_S), self._free_again)
        else:
            self._free_again()

    def cut(self, reason: Reason) -> None:
        """End what goes on at once, without a word about the status (fault, power cut)."""
        if self._stay is not None:
            self._finish(self._stay, reason)
            self.place.own_status = ChargePointStatus.available.value

    def _fail_to_talk(self) -> None:
        """Car and EVSE do not understand each other: over once the car has gone."""
        if self._stay is not None and self.place.report is None:
            self.place.report = CAR_ERROR
            self._host.say_status(self.place)
            self._later(self._stay, self._dice.uniform(*_CAR_ERROR_S), self.leave)

    # --- a transaction, step by step ----------------------------------------------------------

    def _ask(self) -> None:
        stay = self._stay
        if stay is None:
            return
        if not self._host.is_up:
            self._begin()  # offline: allowed locally
            return

        def on_answer(answer: Payload) -> None:
            if self._stay is not stay:
                return
            if _is_accepted(answer):
                self._begin()
            else:
                self._later(stay, 5.0, self.leave)

        def on_lost() -> None:
            if self._stay is stay:
                self._begin()

        body = payload_of(call.Authorize(id_tag=stay.id_tag))
        self._host.put(
            Call(
                action="Authorize",
                write=lambda: dict(body),
                on_answer=on_answer,
                on_lost=on_lost,
            )
        )

    def _begin(self) -> None:
        stay = self._stay
        if stay is None or stay.has_begun:
            return
        stay.has_begun = True
        self._counters.transaction_count += 1
        body = payload_of(
            call.StartTransaction(
                connector_id=self.place.number,
                id_tag=stay.id_tag,
                meter_start=int(self._meter.register_wh),
                timestamp=self._host.stamp(),
            )
        )

        def on_answer(answer: Payload) -> None:
            number = answer.get("transactionId")
            stay.number = number if isinstance(number, int) else -1
            if self._stay is stay and not _is_accepted(answer):
                self.leave(Reason.de_authorized)

        self._host.put(
            Call(
                action="StartTransaction",
                write=lambda: dict(body),
                on_answer=on_answer,
                is_kept=True,
            )
        )
        self._begin_to_charge(stay)

    def _begin_to_charge(self, stay: _Stay) -> None:
        speed = self._kind.speed
        plug_s = max(SHORTEST_STAY_S, stay.visit.plug_s / speed)
        pause_s = stay.visit.pause_s / speed
        charge_s = min(plug_s, stay.visit.charge_s / speed)
        self._let_flow()
        if pause_s > 0:
            pause_at_s = charge_s * self._dice.random()
            self._later(stay, pause_at_s, self._pause)
            self._later(stay, pause_at_s + pause_s, self._let_flow)
        if charge_s + pause_s < plug_s - 1.0:
            self._later(stay, charge_s + pause_s, self._fill_up)
        self._later(stay, plug_s, self.leave)
        first_s = min(self._meter_gap_s(), plug_s / 2) * self._dice.random()
        self._later(stay, first_s, self._say_meter)

    def _let_flow(self) -> None:
        if self._stay is not None:
            self._meter.set_power(self._stay.visit.power_w)
            self._become(ChargePointStatus.charging)

    def _pause(self) -> None:
        self._meter.set_power(0.0)
        self._become(ChargePointStatus.suspended_evse)

    def _fill_up(self) -> None:
        self._meter.set_power(0.0)
        self._become(ChargePointStatus.suspended_ev)

    def _finish(self, stay: _Stay, reason: Reason) -> None:
        self._stay = None
        if self.place.report is CAR_ERROR:
            self.place.report = None  # it leaves with the car
        for alarm in stay.alarms:
            alarm.cancel()
        self._meter.set_power(0.0)
        if not stay.has_begun:
            return
        meter_stop, moment = int(self._meter.register_wh), self._host.stamp()

        def write() -> Payload:
            return payload_of(
                call.StopTransaction(
                    meter_stop=meter_stop,
                    timestamp=moment,
                    transaction_id=stay.number,
                    reason=reason,
                    id_tag=stay.id_tag,
                )
            )

        self._host.put(Call(action="StopTransaction", write=write, is_kept=True))

    def _free_again(self) -> None:
        if self._stay is None:
            self._become(ChargePointStatus.available)

    def _become(self, status: ChargePointStatus) -> None:
        if self.place.own_status == status.value:
            return
        self.place.own_status = status.value
        if self.place.is_usable or not self.place.is_operative:
            self._host.say_status(self.place)

    def _later(self, stay: _Stay, delay_s: float, act: Callable[[], None]) -> None:
        stay.alarms = [alarm for alarm in stay.alarms if alarm.act is not None]
        stay.alarms.append(self._timeline.after(delay_s, act))

    # --- the meter ----------------------------------------------------------------------------

    def _meter_gap_s(self) -> float:
        if self._kind.speed <= 1.0:
            return self._kind.meter_s
        return min(max(self._kind.meter_s, _METER_LEAST_S), _METER_MOST_S)

    def _say_meter(self) -> None:
        stay = self._stay
        if stay is None:
            return
        if self._meter.power_w > 0 or self._kind.meters_idle:
            self.say_meter("Sample.Periodic")
        self._later(stay, self._meter_gap_s(), self._say_meter)

    def say_meter(self, context: str) -> None:
        """Send MeterValues of this moment, for the running transaction if there is one."""
        stay = self._stay if self.is_charging else None
        phase_count = stay.visit.phase_count if stay is not None else 3
        value = {
            "timestamp": self._host.stamp(),
            "sampled_value": self._meter.samples(phase_count=phase_count, context=context),
        }

        def write() -> Payload:
            number = stay.number if stay is not None and stay.number >= 0 else None
            return payload_of(
                call.MeterValues(
                    connector_id=self.place.number, meter_value=[value], transaction_id=number
                )
            )

        self._host.put(Call(action="MeterValues", write=write, is_kept=stay is not None))


def _is_accepted(answer: Payload) -> bool:
    """A missing or odd idTagInfo counts as accepted: the car shall charge."""
    verdict = answer.get("idTagInfo")
    return not isinstance(verdict, dict) or verdict.get("status", "Accepted") == "Accepted"
