"""One charge at one EVSE, well or badly: cards, transaction, meter values."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

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
from domain.places import Place, StationId

KINDS = (
    "well",
    "well",
    "empty",
    "frozen",
    "jumping",
    "one phase",
    "hot",
    "short",
    "6 A",
    "too much",
)
_EVERY = timedelta(minutes=4)


class Charging:
    """Charges at a place; what it says goes to `say`, with the moment."""

    def __init__(
        self, place: Place, dice: random.Random, say: Callable[[datetime, AnyEvent], None]
    ) -> None:
        self._place = place
        self._dice = dice
        self._say = say
        self._register = dice.uniform(0, 1e6)
        self._habit = dice.choice(("", "", *KINDS))  # what is broken stays broken

    def charge(self, at: datetime) -> None:
        """Charge once, or fail to several times."""
        kind = self._habit or self._dice.choice(KINDS)
        if kind == "short":
            for _ in range(self._dice.choice((1, 4))):
                at = self._once(at, kind, 0) + timedelta(minutes=2)
        else:
            self._once(at, kind, self._dice.choice((3, 12, 60)))

    def _once(self, at: datetime, kind: str, count: int) -> datetime:
        dice, place = self._dice, self._place
        transaction = f"{dice.randrange(10**6)}" if dice.random() < 0.9 else ""
        token = f"T{dice.randrange(6)}"
        self._status(at, Status.PREPARING)
        asked = AuthorizationAsked(
            observed_at=at,
            station=StationId(place.name),
            id_token=token,
            is_accepted=dice.random() < 0.95,
        )
        self._say(at, asked)
        self._say(
            at,
            TransactionStarted(
                observed_at=at,
                place=place,
                reported_at=at,
                transaction=transaction,
                id_token=token,
                meter_wh=self._register if dice.random() < 0.9 else None,
            ),
        )
        self._status(at, Status.CHARGING)
        for number in range(count):
            at += _EVERY
            self._say(at, self._meter(at, kind, number, transaction))
            if dice.random() < 0.1:
                state = dice.choice(("Charging", "SuspendedEV", "EVConnected"))
                self._say(
                    at,
                    TransactionUpdated(
                        observed_at=at,
                        place=place,
                        reported_at=at,
                        transaction=transaction,
                        charging_state=state,
                    ),
                )
        at += timedelta(seconds=30)
        if dice.random() < 0.1:
            return at  # it never tells of an end
        self._end(at, transaction)
        return at

    def _end(self, at: datetime, transaction: str) -> None:
        reason = self._dice.choice(("EVDisconnected", "Local", "PowerLoss", "Remote", ""))
        self._say(
            at,
            TransactionEnded(
                observed_at=at,
                place=self._place,
                reported_at=at,
                transaction=transaction,
                reason=reason,
                meter_wh=self._register if self._dice.random() < 0.9 else None,
                is_foreign=self._dice.random() < 0.05,
            ),
        )
        self._status(at, Status.FINISHING)
        free = at + timedelta(minutes=self._dice.choice((1, 1, 90)))
        if self._dice.random() < 0.9:
            self._status(free, Status.AVAILABLE)

    def _meter(self, at: datetime, kind: str, number: int, transaction: str) -> MeterSampled:
        amps = {
            "empty": 0.0,
            "6 A": 6.0,
            "too much": 80.0,
            "hot": 8.0 if number > 3 else 16.0,
        }.get(kind, 16.0)
        self._move_register(kind, number, 3 * 230.0 * amps * _EVERY.total_seconds() / 3600)
        phases = (amps, amps, 0.0 if kind == "one phase" else amps)
        samples = [
            Sample("Energy.Active.Import.Register", self._register, "Wh"),
            Sample("Power.Active.Import", sum(phases) * 230.0, "W"),
            Sample("Temperature", 85.0 if kind == "hot" else 31.0, "Celsius"),
        ]
        for phase, own in enumerate(phases, start=1):
            samples.append(Sample("Current.Import", own, "A", f"L{phase}"))
            samples.append(Sample("Voltage", 230.0, "V", f"L{phase}-N"))
        count = self._dice.randint(0, len(samples))  # some say little
        return MeterSampled(
            observed_at=at,
            place=self._place,
            reported_at=at,
            samples=tuple(samples if self._dice.random() < 0.8 else samples[:count]),
            transaction=transaction,
        )

    def _move_register(self, kind: str, number: int, flowed_wh: float) -> None:
        if kind == "jumping" and number == 2:
            self._register = self._dice.choice((-5_000.0, 5e9, 0.0, 9e6))
        elif kind != "frozen":
            self._register += flowed_wh

    def _status(self, at: datetime, status: Status) -> None:
        said = StatusReported(observed_at=at, place=self._place, reported_at=at, status=status)
        self._say(at, said)
