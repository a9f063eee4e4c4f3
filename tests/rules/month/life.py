"""A station's ordinary life (fleet statistics 2.2 to 2.4): what it says on a good line."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from domain.events import (
    AnyEvent,
    AuthorizationAsked,
    MeterSampled,
    Sample,
    Status,
    StatusReported,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from rules.calendar import is_holiday
from tests.rules.month.fleet import Body, Town, Use

START = datetime(2026, 3, 9, tzinfo=UTC)  # a Monday; summer time and Easter lie ahead
BERLIN = ZoneInfo("Europe/Berlin")
Timed = tuple[datetime, AnyEvent]

_HOURS = {
    Use.PRIVATE: "2 2 1 1 1 .5 1 2 2 2.5 3 3.5 4 4.5 5 7 10 14 13 9 6 5 3.5 2.5",
    Use.COMPANY: ".1 .1 .1 .1 .1 1 8 24 27 10 4 4 7 6 3 2 1.5 1 .5 .5 0 0 0 0",
    Use.DEPOT: ".2 .2 .2 .2 .2 .5 1 1 1 1 2 4 5 3 4 9 17 23 15 7 3 1.5 .5 .5",
    Use.PUBLIC_AC: ".4 .4 .4 .4 .4 .5 1.5 4.5 7 8 8 8 7.5 7 7 7 7.5 7.5 7 4.5 2.5 1.5 1 .5",
    Use.PUBLIC_DC: ".4 .4 .4 .4 .4 .5 1.5 3 4.5 6 6.5 7.5 8.5 8.5 8 8 8 8 7 5 3.5 2 1.5 .5",
}
HOURS = {use: [float(share) for share in text.split()] for use, text in _HOURS.items()}
_WEEKEND = {Use.COMPANY: 0.07, Use.DEPOT: 0.25}
_ENERGY = {  # median kWh, sd of its logarithm
    Use.PRIVATE: (10, 0.7),
    Use.COMPANY: (11, 0.6),
    Use.DEPOT: (28, 0.5),
    Use.PUBLIC_AC: (9, 0.75),
    Use.PUBLIC_DC: (16, 0.8),
}
ZERO = {
    Use.PRIVATE: 0.01,
    Use.COMPANY: 0.02,
    Use.DEPOT: 0.015,
    Use.PUBLIC_AC: 0.08,
    Use.PUBLIC_DC: 0.18,
}


class Talker:
    """Writes what one EVSE says, with its register and its station's clock."""

    def __init__(self, body: Body, evse: int, draw: Random) -> None:
        self.body, self.evse, self.draw = body, evse, draw
        self.place = body.place(evse)
        self.register_wh = draw.uniform(1e4, 9e6)
        self.said: list[Timed] = []
        self.count = 0

    def their(self, at: datetime) -> datetime:
        """Return a moment as the station writes it."""
        return at + timedelta(seconds=self.body.clock_s)

    def status(self, at: datetime, status: Status) -> None:
        """Say a status, as far as the protocol has a word for it."""
        if self.body.is_2x and status is not Status.AVAILABLE:
            status = Status.OCCUPIED if status is Status.PREPARING else Status.UNKNOWN
            if status is Status.UNKNOWN:
                return
        event = StatusReported(
            observed_at=at, reported_at=self.their(at), place=self.place, status=status
        )
        self.said.append((at, event))

    def flow(self, at: datetime, number: str, status: Status) -> None:
        """Say that it charges, or who holds it back."""
        self.status(at, status)
        if self.body.is_2x:
            event = TransactionUpdated(
                observed_at=at,
                reported_at=self.their(at),
                place=self.place,
                transaction=number,
                charging_state=status.value,
            )
            self.said.append((at, event))

    def meter(self, at: datetime, number: str, power_w: float, phases: int = 3) -> None:
        """Read the meter."""
        amps = [power_w / (230 * phases) if n < phases else 0.0 for n in range(3)]
        samples = [Sample("Energy.Active.Import.Register", self.register_wh, "Wh")]
        samples.append(Sample("Power.Active.Import", power_w, "W"))
        if self.body.use is Use.PUBLIC_DC:
            samples.append(Sample("Temperature", self.draw.uniform(30, 58), "Celsius"))
        else:
            phased = enumerate(amps, start=1)
            samples += [Sample("Current.Import", a, "A", f"L{n}") for n, a in phased]
        event = MeterSampled(
            observed_at=at,
            reported_at=self.their(at),
            place=self.place,
            transaction=number,
            samples=tuple(samples),
        )
        self.said.append((at, event))

    def start(self, at: datetime, token: str) -> str:
        """Begin a transaction; return its number."""
        self.count += 1
        number = f"{self.body.id}-{self.evse}-{self.count}"
        began = TransactionStarted(
            observed_at=at,
            reported_at=self.their(at),
            place=self.place,
            transaction=number,
            id_token=token,
            meter_wh=self.register_wh,
        )
        self.said.append((at, began))
        return number

    def stop(self, at: datetime, number: str, reason: str) -> None:
        """End it."""
        ended = TransactionEnded(
            observed_at=at,
            reported_at=self.their(at),
            place=self.place,
            transaction=number,
            reason=reason,
            meter_wh=self.register_wh,
        )
        self.said.append((at, ended))

    def authorize(self, at: datetime, token: str, *, accepted: bool) -> None:
        """Show a card."""
        asked = AuthorizationAsked(
            observed_at=at, station=self.body.id, id_token=token, is_accepted=accepted
        )
        self.said.append((at, asked))


def live(town: Town, seed: int, days: int) -> dict[tuple[str, int], list[Timed]]:
    """Return what every EVSE of a town says in so many days."""
    said = {}
    for body in town.bodies:
        for evse in range(1, body.evses + 1):
            draw = Random(f"{seed}:life:{body.id}:{evse}")
            talker = Talker(body, evse, draw)
            _fill(talker, town, days)
            said[body.id, evse] = talker.said
    return said


def _fill(talker: Talker, town: Town, days: int) -> None:
    body, draw = talker.body, talker.draw
    talker.status(START + timedelta(seconds=draw.uniform(1, 60)), Status.AVAILABLE)
    free_at = START
    site = town.registry.sites[body.site]
    for number in range(days):
        day = (START + timedelta(days=number)).date()
        rate = body.rates[talker.evse - 1] * _of_day(town, body, day, number)
        rate *= 0.0 if is_holiday(site, day) and body.use in _WEEKEND else 1.0
        for _ in range(_poisson(draw, rate)):
            hour = draw.choices(range(24), HOURS[body.use])[0]
            local = datetime(day.year, day.month, day.day, hour, tzinfo=BERLIN)
            at = local.astimezone(UTC) + timedelta(seconds=draw.uniform(0, 3600))
            if at < free_at:
                continue  # somebody is there
            free_at = _visit(talker, town, at) + timedelta(minutes=3)


def _of_day(town: Town, body: Body, day: date, number: int) -> float:
    first, last = town.closed.get(body.site, (0, 0))
    if first <= number < last:
        return 0.0
    return _WEEKEND.get(body.use, 1.0) if day.weekday() >= 5 else 1.0


def _visit(talker: Talker, town: Town, at: datetime) -> datetime:
    """Somebody plugs in; return when the EVSE is free again."""
    body, draw = talker.body, talker.draw
    token = "home" if body.use is Use.PRIVATE else f"card {draw.randrange(400)}"
    talker.status(at, Status.PREPARING)
    wait_s = draw.uniform(300, 3000) if draw.random() < 0.02 else draw.uniform(5, 60)
    at += timedelta(seconds=wait_s)
    refused = 0.02 if body.use in (Use.PUBLIC_AC, Use.PUBLIC_DC) else 0.005
    if draw.random() < refused:
        talker.authorize(at, f"old {draw.randrange(99)}", accepted=False)
        at += timedelta(seconds=20)
    talker.authorize(at, token, accepted=True)
    number = talker.start(at + timedelta(seconds=1), token)
    if draw.random() < ZERO[body.use]:
        return _nothing(talker, at + timedelta(seconds=1), number)
    plugged_s, energy_wh = _stay(body.use, at, draw)
    leaves_at = at + timedelta(seconds=plugged_s)
    charged_at = _charge(talker, town, at + timedelta(seconds=3), leaves_at, number, energy_wh)
    if draw.random() < 0.3:  # stopped by card or app; the vehicle stays
        talker.stop(charged_at, number, "Local")
        talker.status(charged_at, Status.FINISHING)
    else:
        talker.stop(leaves_at, number, "EVDisconnected")
        if draw.random() < 0.85:
            talker.status(leaves_at, Status.FINISHING)
    talker.status(leaves_at + timedelta(seconds=2), Status.AVAILABLE)
    return leaves_at


def _nothing(talker: Talker, at: datetime, number: str) -> datetime:
    """A start without energy: a wrong card, a full car, a change of mind."""
    draw = talker.draw
    length = timedelta(minutes=min(draw.lognormvariate(math.log(1.9), 1.5), 240))
    is_full = length > timedelta(minutes=8)
    talker.flow(at, number, Status.SUSPENDED_EV if is_full else Status.CHARGING)
    talker.meter(at + timedelta(seconds=20), number, 0.0)
    talker.stop(at + length, number, draw.choice(["EVDisconnected", "Local"]))
    talker.status(at + length + timedelta(seconds=1), Status.FINISHING)
    talker.status(at + length + timedelta(seconds=8), Status.AVAILABLE)
    return at + length


def _stay(use: Use, at: datetime, draw: Random) -> tuple[float, float]:
    """Return how long a vehicle stays (s) and what it wants (Wh)."""
    median, spread = _ENERGY[use]
    energy = min(draw.lognormvariate(math.log(median), spread), 75) * 1000
    local = at.astimezone(BERLIN)
    morning = (24 + 7.0 - local.hour) % 24 or 24.0
    match use:
        case Use.PRIVATE if draw.random() < 0.75:
            hours = morning + draw.gauss(0, 1.2)
        case Use.PRIVATE:
            hours = draw.choice([draw.lognormvariate(1.1, 0.8)] * 4 + [draw.uniform(24, 72)])
        case Use.COMPANY:
            hours = draw.choice([draw.lognormvariate(1.5, 0.4), draw.gauss(9, 0.9)])
        case Use.DEPOT:
            hours = morning if draw.random() < 0.85 else draw.uniform(0.75, 1.5)
        case Use.PUBLIC_AC:
            long = draw.random() < 0.03
            hours = draw.uniform(24, 96) if long else draw.lognormvariate(0.9, 1.0)
        case _:
            hours = draw.lognormvariate(math.log(26 / 60), 0.6)
    return max(hours, 0.15) * 3600, energy


def _charge(
    talker: Talker,
    town: Town,
    at: datetime,
    until: datetime,
    number: str,
    energy_wh: float,
) -> datetime:
    """Let energy flow until the vehicle is full or leaves; return when it is full."""
    body, draw = talker.body, talker.draw
    if body.use is Use.PRIVATE and draw.random() < 0.35:  # a night tariff, or the sun
        waits = draw.choice([Status.SUSPENDED_EVSE, Status.SUSPENDED_EV])
        talker.flow(at, number, waits)
        local = at.astimezone(BERLIN)
        if 5 <= local.hour < 22:
            at = min(at + timedelta(hours=23 - local.hour), until)
    phases = draw.choice([1, 3, 3, 3]) if body.use is not Use.PUBLIC_DC else 3
    power = body.power_w * draw.uniform(0.5, 0.98) * (phases / 3)
    pause_s = 0.0
    if body.site in town.managed and draw.random() < 0.35:
        pause_s = min(draw.lognormvariate(math.log(18 * 60), 1.2), 4 * 3600)
    wanted = talker.register_wh + energy_wh
    talker.flow(at, number, Status.CHARGING)
    step = timedelta(seconds=body.meter_s)
    while at + step < until and talker.register_wh < wanted:
        left = (wanted - talker.register_wh) / energy_wh
        flows = power * (0.5 if left < 0.15 else 1.0)
        if pause_s and left < 0.6:
            talker.flow(at + timedelta(seconds=1), number, Status.SUSPENDED_EVSE)
            at += timedelta(seconds=pause_s)
            pause_s = 0.0
            if at + step >= until:
                break
            talker.flow(at, number, Status.CHARGING)
        at += step
        talker.register_wh += flows * body.meter_s / 3600
        talker.meter(at, number, flows, phases)
    if at < until - timedelta(minutes=5):
        _be_full(talker, at, until, number)
    return min(at, until)


def _be_full(talker: Talker, at: datetime, until: datetime, number: str) -> None:
    """A full car: the station says so, most do; readings go on at half of them."""
    draw = talker.draw
    if draw.random() < 0.9:
        talker.flow(at + timedelta(seconds=2), number, Status.SUSPENDED_EV)
    moment = at
    while draw.random() < 0.95 and moment + timedelta(minutes=30) < until:
        moment += timedelta(minutes=30)
        talker.meter(moment, number, 0.0)
    if draw.random() < 0.1 and moment + timedelta(minutes=20) < until:  # it wakes once
        talker.flow(moment + timedelta(minutes=1), number, Status.CHARGING)
        talker.register_wh += 150
        talker.meter(moment + timedelta(minutes=6), number, 1800.0)
        talker.flow(moment + timedelta(minutes=8), number, Status.SUSPENDED_EV)


def _poisson(draw: Random, mean: float) -> int:
    count, left = 0, draw.random()
    term = math.exp(-mean)
    while left > term and count < 60:
        left -= term
        count += 1
        term *= mean / count
    return count
