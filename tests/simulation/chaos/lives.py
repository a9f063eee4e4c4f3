"""What one station says in its life: charges, faults, oddities, before anything disturbs it.

Every event is as the station means it, at its own moment; what becomes of it on the way to us
is decided elsewhere (`delivery`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from domain.events import (
    AnyEvent,
    AuthorizationAsked,
    Booted,
    Breach,
    CommandAnswered,
    ComponentReported,
    ConfigurationReported,
    DeafnessEnded,
    DeafnessNoticed,
    DiagnosticsStatusReported,
    ErrorCleared,
    ErrorRaised,
    ErrorReport,
    FirmwareStatusReported,
    Heard,
    HeartbeatAgreed,
    MessageFlagged,
    PingsStopped,
    ProtocolLearned,
    QueueBlocked,
    QueueMovedOn,
    SecurityEventReported,
    Status,
    StatusReported,
    Unreadable,
    VendorDataReceived,
)
from domain.places import Place
from domain.registry import Station
from tests.simulation.chaos.charging import Charging

CODES = ("", "InternalError", "GroundFailure", "WeakSignal", "OverVoltage", "OtherError", "?!")
VENDOR_CODES = ("", "", "E-1", "E-2", "CX017", "4711")
FIRMWARE = ("Downloading", "Downloaded", "Installing", "Installed")
FIRMWARE_FAILED = ("DownloadFailed", "InstallationFailed", "InvalidSignature")
STUCK = (Status.PREPARING, Status.RESERVED, Status.UNAVAILABLE, Status.SUSPENDED_EVSE)
SECURITY = ("TamperDetectionActivated", "SettingSystemTime", "MemoryExhaustion", "Whatever")
COMMANDS = ("Reset", "ChangeAvailability", "SetChargingProfile", "TriggerMessage")

Say = Callable[[datetime, AnyEvent], None]


class Life:
    """One station. `say` takes each event with the moment at which the station means it."""

    def __init__(
        self, station: Station, dice: random.Random, start: datetime, hours: int, say: Say
    ) -> None:
        self._station = station
        self._dice = dice
        self._start = start
        self._hours = hours
        self._say = say
        self._version = "1.0"

    def live(self) -> None:
        """Say everything, in no order."""
        self._beat()
        self.boot(self._start + timedelta(seconds=self._dice.randint(1, 600)))
        for evse in range(1, self._station.evses + 1):
            place = Place.of_station(self._station.id, evse)
            charging = Charging(place, self._dice, self._say)
            for at in sorted(self._moment() for _ in range(self._dice.randint(0, 6))):
                charging.charge(at)
            for _ in range(self._dice.randint(0, 2)):
                self._get_stuck(place)
            self._have_faults(place)
        self._have_faults(Place.of_station(self._station.id))
        for odd in (
            self._boot_again_and_again,
            self._update,
            self._upload,
            self._be_deaf,
            self._block,
            self._alarm,
            self._have_errors,
            self._answer_commands,
            self._say_oddly,
            self._refuse_cards,
        ):
            for _ in range(self._dice.choice((0, 0, 1, 1, 2))):
                odd(self._moment())

    def boot(self, at: datetime) -> None:
        """Introduce itself and tell how its EVSEs stand."""
        name = self._station.id
        serial = self._dice.choice(("0815", "0815", "0815", "0816"))
        self._say(
            at,
            Booted(
                observed_at=at,
                station=name,
                vendor=self._dice.choice(("Vendor", "FoxESS")),
                model="M1",
                serial=serial,
                firmware=self._version,
            ),
        )
        every = self._dice.choice((10.0, 60.0, 300.0, 3600.0, 86_400.0))
        self._say(at, HeartbeatAgreed(observed_at=at, station=name, every_s=every))
        for evse in range(self._station.evses + 1):
            self._status(at, Place.of_station(name, evse), Status.AVAILABLE)

    def _beat(self) -> None:
        at, end = self._start, self._start + timedelta(hours=self._hours)
        while at < end:
            at += timedelta(seconds=self._dice.choice((300, 600, 600, 1200)))
            if self._dice.random() < 0.01:
                at += timedelta(minutes=self._dice.choice((40, 200)))  # it hangs
            since = at - timedelta(seconds=self._dice.randint(0, 60))
            heard = Heard(observed_at=at, station=self._station.id, last_at=since, count=2)
            self._say(at, heard)

    def _have_faults(self, place: Place) -> None:
        for _ in range(self._dice.choice((0, 0, 1, 2))):
            at = self._moment()
            status = self._dice.choice([Status.FAULTED] * 3 + [Status.AVAILABLE])
            for _ in range(self._dice.choice((1, 1, 1, 2, 5))):
                self._status(at, place, status, self._error())
                at += self._length()
                self._status(at, place, self._dice.choice((Status.AVAILABLE, Status.CHARGING)))
                at += self._length()

    def _have_errors(self, at: datetime) -> None:
        """Errors apart from any status (2.x), one of them the other's cause or its own."""
        place = Place.of_station(self._station.id, self._dice.randint(0, self._station.evses))
        keys = [f"e{self._dice.randint(1, 4)}" for _ in range(self._dice.randint(1, 3))]
        for key in keys:
            error = self._error()
            self._say(
                at,
                ErrorRaised(
                    observed_at=at,
                    place=place,
                    error=error,
                    key=key,
                    severity=self._dice.choice((None, 0, 3, 9)),
                    cause=self._dice.choice(("", *keys)),
                ),
            )
            over = at + self._length()
            if self._dice.random() < 0.9:
                self._say(
                    over, ErrorCleared(observed_at=over, place=place, error=error, key=key)
                )
            at += timedelta(seconds=self._dice.randint(0, 300))

    def _get_stuck(self, place: Place) -> None:
        at = self._moment()
        self._status(at, place, self._dice.choice(STUCK))
        over = at + timedelta(hours=self._dice.choice((0.1, 2, 5, 13)))
        self._status(over, place, Status.AVAILABLE)

    def _boot_again_and_again(self, at: datetime) -> None:
        for _ in range(self._dice.choice((1, 3, 6, 12))):
            self.boot(at)
            at += timedelta(seconds=self._dice.choice((60, 150, 400, 900)))

    def _update(self, at: datetime) -> None:
        for word in FIRMWARE:
            goes_wrong = self._dice.random() < 0.15
            said = self._dice.choice(FIRMWARE_FAILED) if goes_wrong else word
            if self._dice.random() < 0.85:
                status = FirmwareStatusReported(
                    observed_at=at, station=self._station.id, status=said
                )
                self._say(at, status)
            at += timedelta(minutes=self._dice.choice((1, 10, 300)))
        self._version = self._dice.choice(("1.0", "1.1"))
        self.boot(at)

    def _upload(self, at: datetime) -> None:
        for word in ("Uploading", self._dice.choice(("Uploaded", "UploadFailed"))):
            status = DiagnosticsStatusReported(
                observed_at=at, station=self._station.id, status=word
            )
            self._say(at, status)
            at += timedelta(minutes=3)

    def _be_deaf(self, at: datetime) -> None:
        name = self._station.id
        since = at - timedelta(minutes=5)
        self._say(
            at,
            DeafnessNoticed(observed_at=at, station=name, unanswered_count=5, since_at=since),
        )
        over = at + self._length()
        self._say(over, DeafnessEnded(observed_at=over, station=name))

    def _block(self, at: datetime) -> None:
        name, action = self._station.id, "StopTransaction"
        for count in (5, 10, 20):
            blocked = QueueBlocked(
                observed_at=at, station=name, action=action, count=count, first_at=at
            )
            self._say(at, blocked)
        over = at + self._length()
        self._say(over, QueueMovedOn(observed_at=over, station=name, action=action))

    def _alarm(self, at: datetime) -> None:
        for _ in range(self._dice.choice((1, 3))):
            kind = self._dice.choice(SECURITY)
            event = SecurityEventReported(observed_at=at, station=self._station.id, kind=kind)
            self._say(at, event)
            at += self._length()

    def _answer_commands(self, at: datetime) -> None:
        outcome = self._dice.choice(("answered", "timeout", "error", "gone"))
        action = self._dice.choice(COMMANDS)
        self._say(
            at,
            CommandAnswered(
                observed_at=at, station=self._station.id, action=action, outcome=outcome
            ),
        )

    def _say_oddly(self, at: datetime) -> None:
        name = self._station.id
        place = Place.of_station(name, self._dice.randint(0, 9))  # also one that is not there
        breach = Breach("status", "no such word")
        odd: tuple[AnyEvent, ...] = (
            Unreadable(observed_at=at, station=name, said="[2,", because="no JSON"),
            MessageFlagged(observed_at=at, station=name, action="X", breaches=(breach,)),
            VendorDataReceived(observed_at=at, station=name, vendor_id="V", payload="{}"),
            ConfigurationReported(observed_at=at, station=name, settings={"A": "1"}),
            PingsStopped(observed_at=at, station=name),
            ProtocolLearned(observed_at=at, station=name, protocol="ocpp2.0.1"),
            StatusReported(observed_at=at, place=place, status=Status.UNKNOWN),
            ComponentReported(
                observed_at=at, place=place, component="Connector", variable="T", value="1"
            ),
        )
        self._say(at, self._dice.choice(odd))

    def _refuse_cards(self, at: datetime) -> None:
        for number in range(self._dice.choice((2, 6))):
            self._say(
                at,
                AuthorizationAsked(
                    observed_at=at,
                    station=self._station.id,
                    id_token=f"R{number}",
                    is_accepted=self._dice.choice((False, False, False, True, None)),
                    refused_as="Invalid",
                ),
            )
            at += timedelta(minutes=self._dice.choice((1, 9)))

    def _status(
        self, at: datetime, place: Place, status: Status, error: ErrorReport | None = None
    ) -> None:
        said = StatusReported(
            observed_at=at, place=place, reported_at=at, status=status, error=error
        )
        self._say(at, said)

    def _error(self) -> ErrorReport:
        dice = self._dice
        return ErrorReport(code=dice.choice(CODES), vendor_code=dice.choice(VENDOR_CODES))

    def _moment(self) -> datetime:
        return self._start + timedelta(seconds=self._dice.randint(600, self._hours * 3600))

    def _length(self) -> timedelta:
        return timedelta(minutes=self._dice.choice((0.3, 1, 3, 8, 20, 45, 150, 400)))
