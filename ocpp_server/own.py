"""Facts in our own answers: heartbeat interval, transaction number, authorization. Pure.

Answers to messages of 2.x are read here, too: only the names of two members differ.

Live these are the answers we just built; in a replayed log they may be any central system's.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.events import AnyEvent, AuthorizationAsked, HeartbeatAgreed, TransactionStarted
from ocpp_server import frames
from ocpp_server.begun import Begun
from ocpp_server.frames import CallError, CallResult
from ocpp_server.memory import AnswerDue, Memory


class _IdTagInfo(msgspec.Struct, frozen=True):
    status: str = "Accepted"


class _Boot(msgspec.Struct, frozen=True):
    interval: float = 0.0
    status: str = "Accepted"


class _Start(msgspec.Struct, frozen=True, rename="camel"):
    transaction_id: int | None = None
    id_tag_info: _IdTagInfo = _IdTagInfo()


class _Authorization(msgspec.Struct, frozen=True, rename="camel"):
    id_tag_info: _IdTagInfo | None = None  # 1.6
    id_token_info: _IdTagInfo | None = None  # 2.x


def read_own(frame: bytes, memory: Memory, *, at: datetime) -> tuple[AnyEvent, ...]:
    """Read a frame that was sent to the station. Anything but an awaited answer is nothing.

    The events carry the position of the call that was answered.
    """
    envelope = frames.read(frame)
    if isinstance(envelope, CallError):
        memory.answered(envelope.message_id)  # refused: no fact follows
        return ()
    if not isinstance(envelope, CallResult):
        return ()
    due = memory.answered(envelope.message_id)
    if due is None:
        return ()
    try:
        return _facts(due, envelope.payload, memory, at)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()  # somebody else's answer, and a broken one


def _facts(
    due: AnswerDue, payload: bytes, memory: Memory, at: datetime
) -> tuple[AnyEvent, ...]:
    match due.action:
        case "BootNotification":
            boot = msgspec.json.decode(payload, type=_Boot)
            # Of a Pending or Rejected answer the interval says when to boot again, no more.
            if boot.status != "Accepted" or boot.interval <= 0:
                return ()
            return (
                HeartbeatAgreed(
                    station=memory.station,
                    every_s=boot.interval,
                    observed_at=at,
                    position=due.position,
                ),
            )
        case "StartTransaction":
            return _started(due, msgspec.json.decode(payload, type=_Start), memory, at)
        case _:
            answer = msgspec.json.decode(payload, type=_Authorization)
            told = answer.id_token_info or answer.id_tag_info or _IdTagInfo()
            if due.action == "TransactionEvent" and told.status == "Accepted":
                return ()  # as with a start: only that a token was refused is news
            return (_asked(due, told, memory, at),)


def _started(
    due: AnswerDue, answer: _Start, memory: Memory, at: datetime
) -> tuple[AnyEvent, ...]:
    events: list[AnyEvent] = []
    if answer.transaction_id is not None:
        events += _numbered(due, str(answer.transaction_id), memory, at)
    if answer.id_tag_info.status != "Accepted":
        events.append(_asked(due, answer.id_tag_info, memory, at))
    return tuple(events)


def _numbered(
    due: AnswerDue, number: str, memory: Memory, at: datetime
) -> tuple[AnyEvent, ...]:
    """Say that a transaction runs under a number; nothing of one that was over before."""
    if due.is_old:
        memory.remember_old(number)
        return ()
    memory.started(
        number,
        Begun(
            evse=due.place.evse,
            heard_at=at,
            at=due.reported_at,
            meter_wh=due.meter_wh,
            id_token=due.id_token,
        ),
    )
    return (
        TransactionStarted(
            place=due.place,
            transaction=number,
            id_token=due.id_token,
            meter_wh=due.meter_wh,
            observed_at=at,
            position=due.position,
        ),
    )


def _asked(
    due: AnswerDue, told: _IdTagInfo, memory: Memory, at: datetime
) -> AuthorizationAsked:
    return AuthorizationAsked(
        station=memory.station,
        id_token=due.id_token,
        is_accepted=told.status == "Accepted",
        refused_as="" if told.status == "Accepted" else told.status,
        observed_at=at,
        position=due.position,
    )
