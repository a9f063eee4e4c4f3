"""What a station answers to the CALLs of the central system, and what it does then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ocpp.v16 import call_result
from ocpp.v16.enums import (
    AvailabilityStatus,
    ConfigurationStatus,
    Reason,
    RemoteStartStopStatus,
    ResetStatus,
    TriggerMessageStatus,
    UnlockStatus,
)

from simulator.dress import Payload, payload_of
from simulator.evse import Evse
from simulator.places import Place


@dataclass(frozen=True, slots=True)
class Reply:
    """A CALLRESULT with what follows it, or a CALLERROR where `error` names its code."""

    payload: Payload
    then: Callable[[], None] | None = None
    error: str = ""
    description: str = ""


class Commanded(Protocol):
    """What commands act on."""

    @property
    def place(self) -> Place:
        """The station itself, as connector 0."""

    @property
    def evses(self) -> Sequence[Evse]:
        """The EVSEs, number 1 first."""

    @property
    def configuration(self) -> dict[str, tuple[str, bool]]:
        """Settings: value, and whether it is read-only."""

    def say_status(self, place: Place) -> None:
        """Report the status of a place."""

    def say_boot(self) -> None:
        """Send a BootNotification."""

    def say_heartbeat(self) -> None:
        """Send a Heartbeat."""

    def configure(self, key: str, value: str) -> bool:
        """Change a setting; False where the value is not usable."""

    def reboot(self, reason: Reason) -> None:
        """Restart: end transactions, go, come back with a boot."""


def answer(station: Commanded, action: str, body: Payload) -> Reply:
    """Answer one CALL. Unknown actions get NotImplemented, unusable ones a CALLERROR."""
    act = _ACTIONS.get(action)
    if act is None:
        return Reply({}, error="NotImplemented", description=f"{action} is not known here")
    try:
        return act(station, body)
    except KeyError as missing:
        # The name the 1.6 schemas ship; OCPP-J 1.6 spells it this way (quirk C7).
        return Reply({}, error="OccurenceConstraintViolation", description=f"{missing} missing")
    except (TypeError, ValueError) as error:
        return Reply({}, error="TypeConstraintViolation", description=str(error))


def _reply(message: object, then: Callable[[], None] | None = None) -> Reply:
    return Reply(payload_of(message), then)


def _evse(station: Commanded, number: object) -> Evse | None:
    if not isinstance(number, int):
        raise TypeError("connectorId is not a number")
    return station.evses[number - 1] if 1 <= number <= len(station.evses) else None


def _trigger(station: Commanded, body: Payload) -> Reply:
    wanted = str(body["requestedMessage"])
    number = body.get("connectorId")
    evses = list(station.evses)
    if number not in (None, 0):
        evse = _evse(station, number)
        if evse is None:
            return _reply(call_result.TriggerMessage(status=TriggerMessageStatus.rejected))
        evses = [evse]
    then = _triggered(station, wanted, number, evses)
    if then is None:
        return _reply(call_result.TriggerMessage(status=TriggerMessageStatus.not_implemented))
    return _reply(call_result.TriggerMessage(status=TriggerMessageStatus.accepted), then)


def _triggered(
    station: Commanded, wanted: str, number: object, evses: list[Evse]
) -> Callable[[], None] | None:
    def say_statuses() -> None:
        if number in (None, 0):
            station.say_status(station.place)
        if number != 0:
            for evse in evses:
                station.say_status(evse.place)

    def say_meters() -> None:
        for evse in evses:
            evse.say_meter("Trigger")

    return {
        "StatusNotification": say_statuses,
        "MeterValues": say_meters,
        "Heartbeat": station.say_heartbeat,
        "BootNotification": station.say_boot,
    }.get(wanted)


def _get_configuration(station: Commanded, body: Payload) -> Reply:
    asked = body.get("key") or list(station.configuration)
    if not isinstance(asked, list):
        raise TypeError("key is not a list")
    known = [str(key) for key in asked if str(key) in station.configuration]
    return _reply(
        call_result.GetConfiguration(
            configuration_key=[
                {
                    "key": key,
                    "readonly": station.configuration[key][1],
                    "value": station.configuration[key][0],
                }
                for key in known
            ],
            unknown_key=[str(key) for key in asked if str(key) not in station.configuration],
        )
    )


def _change_configuration(station: Commanded, body: Payload) -> Reply:
    key, value = str(body["key"]), str(body["value"])
    if key not in station.configuration:
        status = ConfigurationStatus.not_supported
    elif station.configuration[key][1] or not station.configure(key, value):
        status = ConfigurationStatus.rejected
    else:
        status = ConfigurationStatus.accepted
    return _reply(call_result.ChangeConfiguration(status=status))


def _change_availability(station: Commanded, body: Payload) -> Reply:
    number, is_operative = body["connectorId"], body["type"] == "Operative"
    evse = _evse(station, number)
    if evse is None and number != 0:
        return _reply(call_result.ChangeAvailability(status=AvailabilityStatus.rejected))
    evses = list(station.evses) if evse is None else [evse]
    for each in evses:
        each.place.is_operative = is_operative
    is_busy = any(each.is_charging for each in evses)
    status = (
        AvailabilityStatus.scheduled
        if is_busy and not is_operative
        else AvailabilityStatus.accepted
    )

    def say() -> None:
        for each in evses:
            if not each.is_charging:  # the others report once their car has gone
                station.say_status(each.place)

    return _reply(call_result.ChangeAvailability(status=status), say)


def _reset(station: Commanded, body: Payload) -> Reply:
    reason = Reason.hard_reset if body["type"] == "Hard" else Reason.soft_reset
    return _reply(
        call_result.Reset(status=ResetStatus.accepted), lambda: station.reboot(reason)
    )


def _unlock(station: Commanded, body: Payload) -> Reply:
    evse = _evse(station, body["connectorId"])
    if evse is None:
        return _reply(call_result.UnlockConnector(status=UnlockStatus.not_supported))
    return _reply(
        call_result.UnlockConnector(status=UnlockStatus.unlocked),
        lambda: evse.leave(Reason.unlock_command),
    )


def _remote_start(station: Commanded, body: Payload) -> Reply:
    id_tag = str(body["idTag"])
    number = body.get("connectorId")
    wanted = _evse(station, number) if number is not None else None
    candidates = station.evses if number is None else [wanted] if wanted is not None else []
    evse = next((evse for evse in candidates if evse.is_free), None)
    if evse is None:
        status = RemoteStartStopStatus.rejected
        return _reply(call_result.RemoteStartTransaction(status=status))

    def begin() -> None:
        evse.arrive(id_tag=id_tag, is_known=True)

    status = RemoteStartStopStatus.accepted
    return _reply(call_result.RemoteStartTransaction(status=status), begin)


def _remote_stop(station: Commanded, body: Payload) -> Reply:
    number = body["transactionId"]
    evse = next((evse for evse in station.evses if evse.transaction == number), None)
    if evse is None:
        status = RemoteStartStopStatus.rejected
        return _reply(call_result.RemoteStopTransaction(status=status))
    status = RemoteStartStopStatus.accepted
    return _reply(
        call_result.RemoteStopTransaction(status=status), lambda: evse.leave(Reason.remote)
    )


_ACTIONS: dict[str, Callable[[Commanded, Payload], Reply]] = {
    "TriggerMessage": _trigger,
    "GetConfiguration": _get_configuration,
    "ChangeConfiguration": _change_configuration,
    "ChangeAvailability": _change_availability,
    "Reset": _reset,
    "UnlockConnector": _unlock,
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
}
