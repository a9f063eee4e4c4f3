"""Labelled faults (fleet statistics 2.6): how each kind changes what a place says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import msgspec

from domain.events import (
    Booted,
    Connected,
    Disconnected,
    FirmwareStatusReported,
    MeterSampled,
    Sample,
    SecurityEventReported,
    Status,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
)
from domain.places import Place
from tests.rules.month.fleet import Body, Town, Use
from tests.rules.month.life import START, Talker, Timed

REGISTER = "Energy.Active.Import.Register"
Said = dict[tuple[str, int], list[Timed]]


@dataclass(frozen=True)
class Label:
    """A cause: what kind, where, from when to when, and which rule ought to find it."""

    kind: str
    rule: str
    place: Place
    begins: datetime
    ends: datetime


@dataclass
class Plan:
    """One fault that is being worked into a place's words."""

    body: Body
    evse: int
    begins: datetime
    ends: datetime
    draw: Random

    def talker(self) -> Talker:
        """Return somebody who speaks for the place, after what it has said so far."""
        return Talker(self.body, self.evse, self.draw)

    def is_during(self, at: datetime) -> bool:
        """Whether the fault is there."""
        return self.begins <= at < self.ends


Change = Callable[[Plan, list[Timed]], list[Timed]]


def _stuck(status: Status) -> Change:
    def change(plan: Plan, said: list[Timed]) -> list[Timed]:
        talker = plan.talker()
        talker.status(plan.begins, status)
        if status is Status.SUSPENDED_EVSE:
            talker.said.clear()
            talker.status(plan.begins, Status.PREPARING)
            talker.flow(plan.begins, talker.start(plan.begins, "hungry"), status)
        if status is Status.UNAVAILABLE and plan.body.is_2x:
            event = StatusReported(
                observed_at=plan.begins, place=talker.place, status=Status.UNAVAILABLE
            )
            talker.said.append((plan.begins, event))
        return [*_outside(plan, said), *talker.said, *_well(plan)]

    return change


def _finishing(plan: Plan, said: list[Timed]) -> list[Timed]:
    talker = plan.talker()
    talker.status(plan.begins, Status.PREPARING)
    number = talker.start(plan.begins + timedelta(seconds=5), "somebody")
    talker.flow(plan.begins + timedelta(seconds=6), number, Status.CHARGING)
    talker.stop(plan.begins + timedelta(hours=1), number, "EVDisconnected")
    talker.status(plan.begins + timedelta(hours=1, seconds=1), Status.FINISHING)
    return [*_outside(plan, said), *talker.said, *_well(plan)]


def _failed_starts(plan: Plan, said: list[Timed]) -> list[Timed]:
    """Nearly every start that comes ends after a minute or two, without energy."""
    kept = _outside(plan, said)
    talker = plan.talker()
    for at, event in said:
        if plan.is_during(at) and isinstance(event, TransactionStarted):
            for again in range(plan.draw.choice([1, 2])):
                begins = at + timedelta(minutes=6 * again)
                number = talker.start(begins, event.id_token)
                talker.stop(begins + timedelta(seconds=90), number, "Other")
    return [*kept, *talker.said]


def _no_energy(plan: Plan, said: list[Timed]) -> list[Timed]:
    def nothing(event: MeterSampled) -> MeterSampled:
        power = [s for s in event.samples if s.measurand != REGISTER]
        samples = [Sample(REGISTER, 4e6, "Wh")]
        samples += [msgspec.structs.replace(s, value=0.0) for s in power]
        return msgspec.structs.replace(event, samples=tuple(samples))

    return _stands_at(plan, _metered(plan, said, nothing), 4e6)


def _frozen(plan: Plan, said: list[Timed]) -> list[Timed]:
    def still(event: MeterSampled) -> MeterSampled:
        samples = [
            Sample(REGISTER, 4e6, "Wh") if s.measurand == REGISTER else s for s in event.samples
        ]
        return msgspec.structs.replace(event, samples=tuple(samples))

    return _stands_at(plan, _metered(plan, said, still), 4e6)


def _implausible(plan: Plan, said: list[Timed]) -> list[Timed]:
    factor = plan.draw.choice([0.001, 0.5, -1.0, 40.0])

    def other(event: MeterSampled) -> MeterSampled:
        samples = [
            msgspec.structs.replace(s, value=s.value * factor) if s.measurand == REGISTER else s
            for s in event.samples
        ]
        return msgspec.structs.replace(event, samples=tuple(samples))

    return _metered(plan, said, other)


def _phase(plan: Plan, said: list[Timed]) -> list[Timed]:
    def without(event: MeterSampled) -> MeterSampled:
        samples = [
            msgspec.structs.replace(s, value=0.0) if s.phase == "L2" else s
            for s in event.samples
        ]
        if plan.body.is_2x:  # these measure voltages, too
            volts = enumerate((231.0, 40.0, 229.0), start=1)
            samples += [Sample("Voltage", v, "V", f"L{n}") for n, v in volts]
        return msgspec.structs.replace(event, samples=tuple(samples))

    return _metered(plan, said, without)


def _hot(plan: Plan, said: list[Timed]) -> list[Timed]:
    def hot(event: MeterSampled) -> MeterSampled:
        heat = [s for s in event.samples if s.measurand != "Temperature"]
        return msgspec.structs.replace(
            event, samples=(*heat, Sample("Temperature", 88.0, "Celsius"))
        )

    return _metered(plan, said, hot)


def _refused(plan: Plan, said: list[Timed]) -> list[Timed]:
    talker, at, number = plan.talker(), plan.begins, 0
    while at < plan.ends:
        talker.authorize(at, f"card {number % 400}", accepted=False)
        at, number = at + timedelta(minutes=plan.draw.uniform(4, 40)), number + 1
    return [*_outside(plan, said), *talker.said]


def _clock(plan: Plan, said: list[Timed]) -> list[Timed]:
    off = timedelta(minutes=plan.draw.choice([7, -11, 38, -1000]))
    return [
        (at, msgspec.structs.replace(event, reported_at=event.reported_at + off))
        if plan.is_during(at) and getattr(event, "reported_at", None) is not None
        else (at, event)
        for at, event in said
    ]


def _boots(plan: Plan, said: list[Timed]) -> list[Timed]:
    found, at = _outside(plan, said), plan.begins
    station, every = plan.body.id, plan.draw.uniform(40, 180)
    while at < min(plan.ends, plan.begins + timedelta(hours=8)):
        back = at + timedelta(seconds=20)
        found.append((at, Disconnected(observed_at=at, station=station)))
        found.append((back, Connected(observed_at=at, station=station)))
        booted = Booted(observed_at=at, station=station, vendor="V", model="M1", firmware="1.0")
        found.append((back + timedelta(seconds=1), booted))
        at += timedelta(seconds=every + 20)
    return found


def _update(plan: Plan, said: list[Timed]) -> list[Timed]:
    words = plan.draw.choice(
        [["Downloading", "Installing"], ["Installing", "InstallationFailed"]]
    )
    return [
        *said,
        *(
            (
                plan.begins + timedelta(minutes=9 * n),
                FirmwareStatusReported(
                    observed_at=plan.begins, station=plan.body.id, status=word
                ),
            )
            for n, word in enumerate(words)
        ),
    ]


def _security(plan: Plan, said: list[Timed]) -> list[Timed]:
    kind = "TamperDetectionActivated"
    event = SecurityEventReported(observed_at=plan.begins, station=plan.body.id, kind=kind)
    return [*said, (plan.begins, event)]


def _disuse(plan: Plan, said: list[Timed]) -> list[Timed]:
    return _outside(plan, said)


def _outside(plan: Plan, said: list[Timed]) -> list[Timed]:
    """Leave out every visit that begins during the fault; what began before may end."""
    kept: list[Timed] = []
    is_kept = True
    for at, event in said:
        if isinstance(event, StatusReported) and event.status in (
            Status.PREPARING,
            Status.OCCUPIED,
        ):
            is_kept = not plan.is_during(at)
        if is_kept or not plan.is_during(at):
            kept.append((at, event))
    return kept


def _well(plan: Plan) -> list[Timed]:
    event = StatusReported(
        observed_at=plan.ends, place=plan.body.place(plan.evse), status=Status.AVAILABLE
    )
    return [(plan.ends, event)]


def _metered(
    plan: Plan, said: list[Timed], change: Callable[[MeterSampled], MeterSampled]
) -> list[Timed]:
    return [
        (at, change(event))
        if plan.is_during(at) and isinstance(event, MeterSampled) and _flows(event)
        else (at, event)
        for at, event in said
    ]


def _flows(event: MeterSampled) -> bool:
    return any(s.measurand.startswith("Power") and s.value > 500 for s in event.samples)


def _stands_at(plan: Plan, said: list[Timed], register: float) -> list[Timed]:
    """Let transactions begin and end with the register where it stands."""
    return [
        (at, msgspec.structs.replace(event, meter_wh=register))
        if plan.is_during(at) and isinstance(event, TransactionStarted | TransactionEnded)
        else (at, event)
        for at, event in said
    ]


KINDS: dict[str, tuple[str, Change, int]] = {
    "8 boot loop": ("boot-loop", _boots, 1),
    "12 stuck Preparing": ("stuck-preparing", _stuck(Status.PREPARING), 1),
    "13 stuck Reserved": ("stuck-reserved", _stuck(Status.RESERVED), 2),
    "14 Unavailable": ("stuck-unavailable", _stuck(Status.UNAVAILABLE), 1),
    "15 SuspendedEVSE": ("stuck-suspended", _stuck(Status.SUSPENDED_EVSE), 1),
    "16 Finishing without a car": ("stuck-finishing", _finishing, 1),
    "17 failed starts": ("failed-starts", _failed_starts, 5),
    "18 authorization fails": ("authorization-failing", _refused, 1),
    "19 charging without energy": ("no-energy", _no_energy, 5),
    "20 frozen meter": ("meter-frozen", _frozen, 5),
    "21 implausible meter": ("meter-implausible", _implausible, 5),
    "22 phase missing": ("phase-missing", _phase, 7),
    "23 derating": ("degraded", _hot, 5),
    "25 clock": ("clock-wrong", _clock, 5),
    "26 update": ("update-", _update, 2),
    "29 security event": ("security-event", _security, 1),
    "31 disuse": ("disuse", _disuse, 17),
}
"""By kind: the rule that ought to find it, what it does to the words, and days it lasts."""

_BUSY = {"17 failed starts", "19 charging without energy", "20 frozen meter"}
_BUSY |= {"21 implausible meter", "22 phase missing", "23 derating", "25 clock", "31 disuse"}


_LEAST = {"17 failed starts": 1.2, "31 disuse": 0.95}
"""Plug-ins a day below which no month has enough of them."""


def inject(town: Town, said: Said, seed: int, days: int, each: int) -> Iterator[Label]:
    """Work `each` faults of every kind into a town's words, at places of their own."""
    draw = Random(f"{seed}:faults")
    free = [(b, e) for b in town.bodies for e in range(1, b.evses + 1)]
    free = [(b, e) for b, e in free if b.site not in town.closed and b.drops < 3]
    draw.shuffle(free)
    taken: set[str] = set()
    for kind, (rule, change, lasts) in KINDS.items():
        for _ in range(each):
            body, evse = _choose(kind, free, taken, town)
            taken.add(body.id)
            day = days - max(lasts, 4) - 1
            begins = START + timedelta(days=day, hours=draw.uniform(5, 9))
            ends = begins + timedelta(days=lasts)
            begins = _free_from(said[body.id, evse], begins)
            plan = Plan(body, evse, begins, ends, draw)
            words = change(plan, said[body.id, evse])
            said[body.id, evse] = sorted(words, key=lambda pair: pair[0])
            yield Label(kind, rule, body.place(evse), begins, ends)


def _free_from(said: list[Timed], begins: datetime) -> datetime:
    """Return when nobody is there any more: whoever came before `begins` has gone."""
    is_free = True
    for at, event in said:
        if not isinstance(event, StatusReported):
            continue
        if at >= begins and is_free:
            return begins
        is_free = event.status is Status.AVAILABLE
        if at >= begins and is_free:
            return at + timedelta(seconds=30)
    return begins


def _choose(
    kind: str, free: list[tuple[Body, int]], taken: set[str], town: Town
) -> tuple[Body, int]:
    for body, evse in free:
        if body.id in taken:
            continue
        rate = body.rates[evse - 1]
        if kind in _BUSY and rate < _LEAST.get(kind, 0.6):
            continue
        if kind == "25 clock" and body.evses > 1:
            continue  # only one EVSE's words are changed, and a station has one clock
        if kind == "22 phase missing" and body.use is Use.PUBLIC_DC:
            continue
        if kind == "31 disuse" and body.use is Use.PRIVATE:
            continue
        if kind == "15 SuspendedEVSE" and body.use is Use.PRIVATE:
            continue
        if kind == "13 stuck Reserved" and body.is_2x:
            continue
        return body, evse
    raise AssertionError(f"no place left for {kind}")
