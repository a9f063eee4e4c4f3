"""Transactions and meter values of OCPP 2.x, from messages to events. Pure.

A station that was offline sends its backlog later (`offline`), not always in order. What is
older than what we know, by number and by the station's own clock, changes nothing any more
(quirk C14); nothing is ever judged old by its clock alone (quirk J14).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from domain.events import (
    AnyEvent,
    MeterSampled,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from domain.places import Place
from ocpp_server.memory import AnswerDue
from ocpp_server.scene import Scene, moment_of, place_at, text_in
from ocpp_server.v2x.meters import DEFAULT_MEASURAND, read_samples
from ocpp_server.v2x.places import evse_of
from ocpp_server.v2x.remembered import TRANSACTION_LIMIT, Memory2x, Progress, remember
from ocpp_server.v2x.shapes import MeterValue, MeterValues, TransactionEvent

ACCEPTED_TOKEN = b'{"idTokenInfo":{"status":"Accepted"}}'


class _Told(msgspec.Struct, frozen=True):
    """A TransactionEvent, its fields in our terms."""

    number: str
    kind: str
    seq_no: int
    at: datetime | None
    is_offline: bool
    evse: int
    id_token: str
    is_known: bool
    is_over: bool  # it ended before, and this is no new begin


def meter_sampled(message: MeterValues, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read MeterValues: one event per moment that has a readable sample."""
    evse = 0 if message.evse_id is UNSET else max(message.evse_id, 0)
    return _sampled(message.meter_value, place_at(scene.memory.station, evse), "", scene)


def transaction_told(message: TransactionEvent, scene: Scene) -> tuple[AnyEvent, ...]:
    """Read a TransactionEvent: begun, gone on or ended, with the samples it may bring."""
    memory = scene.memory.of_2x()
    told = _told(message, memory, scene)
    _expect_token(told, scene)
    is_old = _is_old(told, memory)
    is_overtaken = _is_overtaken(told, memory)
    has_successor = _has_successor(told, memory)
    if not is_old:
        _advance(told, memory)
    elif told.kind == "Ended":
        memory.transactions[told.number].is_ended = True
    if is_old or is_overtaken:
        return _ended(message, told, place_at(scene.memory.station, 0), (), scene)
    place = place_at(scene.memory.station, told.evse)
    sampled = _sampled(message.meter_value, place, told.number, scene)
    match told.kind:
        case "Ended":
            ended_at = place_at(scene.memory.station, 0) if has_successor else place
            return (*sampled, *_ended(message, told, ended_at, sampled, scene))
        case "Started":
            started = TransactionStarted(
                place=place,
                transaction=told.number,
                id_token=told.id_token,
                meter_wh=_register(sampled, "Transaction.Begin"),
                reported_at=told.at,
                observed_at=scene.at,
                position=scene.position,
            )
            updated = _updated(message, told, place, scene)
            return (started, *(updated if updated[0].charging_state else ()), *sampled)
        case _ if told.is_over:
            return sampled  # a closing reading is one (quirk J7), but nothing runs any more
        case _:
            return (*_updated(message, told, place, scene), *sampled)


def _told(message: TransactionEvent, memory: Memory2x, scene: Scene) -> _Told:
    transaction, token = message.transaction_info, message.id_token
    number = "" if transaction is UNSET else text_in(transaction.transaction_id)
    known = memory.transactions.get(number)
    # The EVSE is named once; later messages may leave it out.
    evse = evse_of(message.evse, scene) or (known.evse if known else 0)
    return _Told(
        number=number,
        kind=text_in(message.event_type),
        seq_no=-1 if message.seq_no is UNSET else message.seq_no,
        at=moment_of(message.timestamp, "timestamp", scene),
        is_offline=message.offline is True,
        evse=evse,
        id_token="" if token is UNSET else text_in(token.id_token),
        is_known=known is not None,
        is_over=known is not None and known.is_ended and message.event_type != "Started",
    )


def _expect_token(told: _Told, scene: Scene) -> None:
    """Where a token was sent, the answer says whether it is accepted."""
    if not told.id_token:
        return
    scene.told = ACCEPTED_TOKEN
    scene.memory.expect(
        AnswerDue(
            message_id=scene.message_id,
            action="TransactionEvent",
            position=scene.position,
            place=place_at(scene.memory.station, told.evse),
            id_token=told.id_token,
        )
    )


def _is_old(told: _Told, memory: Memory2x) -> bool:
    """Tell whether we know something newer about the same transaction."""
    known = memory.transactions.get(told.number)
    if known is None or told.seq_no >= known.seq_no:
        return False
    is_earlier = told.at is not None and known.at is not None and told.at < known.at
    return told.is_offline or is_earlier


def _is_overtaken(told: _Told, memory: Memory2x) -> bool:
    """Tell whether this is a backlog and a newer transaction runs at the same EVSE."""
    if not told.is_offline or told.evse == 0 or told.at is None:
        return False
    return any(
        other.evse == told.evse
        and not other.is_ended
        and number != told.number
        and other.at is not None
        and other.at > told.at
        for number, other in memory.transactions.items()
    )


def _has_successor(told: _Told, memory: Memory2x) -> bool:
    """Tell whether another transaction began at the EVSE since: its end ends only itself.

    Of two where we saw no begin of the one, the moments of both have to tell.
    """
    numbers = list(memory.transactions)
    since = numbers[numbers.index(told.number) + 1 :] if told.is_known else numbers
    others = [memory.transactions[number] for number in since]
    return any(
        other.evse == told.evse
        and not other.is_ended
        and (told.is_known or told.at is None or other.at is None or told.at < other.at)
        for other in others
    )


def _advance(told: _Told, memory: Memory2x) -> None:
    progress = Progress(
        evse=told.evse,
        seq_no=told.seq_no,
        at=told.at,
        is_ended=told.kind == "Ended" or told.is_over,
    )
    remember(memory.transactions, told.number, progress, TRANSACTION_LIMIT)


def _updated(
    message: TransactionEvent, told: _Told, place: Place, scene: Scene
) -> tuple[TransactionUpdated]:
    transaction = message.transaction_info
    updated = TransactionUpdated(
        place=place,
        transaction=told.number,
        charging_state="" if transaction is UNSET else text_in(transaction.charging_state),
        reported_at=told.at,
        observed_at=scene.at,
        position=scene.position,
    )
    return (updated,)


def _ended(
    message: TransactionEvent,
    told: _Told,
    place: Place,
    sampled: Sequence[MeterSampled],
    scene: Scene,
) -> tuple[AnyEvent, ...]:
    """Return the end of a transaction, late ones too: it ends only the one it names."""
    if told.kind != "Ended":
        return ()
    transaction = message.transaction_info
    return (
        TransactionEnded(
            place=place,
            transaction=told.number,
            reason="" if transaction is UNSET else text_in(transaction.stopped_reason),
            meter_wh=_register(sampled, "Transaction.End"),
            is_foreign=not told.is_known,
            reported_at=told.at,
            observed_at=scene.at,
            position=scene.position,
        ),
    )


def _register(sampled: Sequence[MeterSampled], context: str) -> float | None:
    """Return the energy register in Wh, of this context where there is one; None without."""
    registers = [
        sample
        for event in sampled
        for sample in event.samples
        if sample.measurand == DEFAULT_MEASURAND and not sample.phase
    ]
    if context == "Transaction.End":
        registers.reverse()  # the last one is the nearest
    for sample in registers:
        if sample.context == context:
            return sample.value
    return registers[0].value if registers else None


def _sampled(
    values: Sequence[MeterValue] | UnsetType, place: Place, transaction: str, scene: Scene
) -> tuple[MeterSampled, ...]:
    if values is UNSET:
        return ()
    events: list[MeterSampled] = []
    for index, value in enumerate(values):
        if value.sampled_value is UNSET:
            continue
        path = f"meterValue[{index}]"
        samples = read_samples(value.sampled_value, f"{path}.sampledValue", scene.breaches)
        if samples:
            events.append(
                MeterSampled(
                    place=place,
                    samples=samples,
                    transaction=transaction,
                    reported_at=moment_of(value.timestamp, f"{path}.timestamp", scene),
                    observed_at=scene.at,
                    position=scene.position,
                )
            )
    return tuple(events)
