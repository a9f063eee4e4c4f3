"""Asking for the status that a station did not report by itself, at most once per connection.

Some stations reconnect without a word about their connectors. A station that is asked too
often, or while it boots, reboots: so it is asked late, one connector at a time, and no further
once it refuses or leaves two questions unanswered. A BootNotification is never asked for: it
makes some stations reboot for ever (quirk B4).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from domain.events import AnyEvent, ProtocolLearned, StatusReported
from domain.ports import CommandResult
from ocpp_server.commands import Command, CommandLine
from ocpp_server.context import Context
from ocpp_server.frames import Call

WHOLE_STATION = 0
"""Stands for all connectors of a station whose number of EVSEs is not known.

Asked for is the first then: some reject a question that names no connector, others answer it
for the station alone (quirk K9).
"""

_MOST_UNANSWERED = 1
"""Questions that may be lost; with one more the station counts as deaf and is left alone."""


class _Answer(msgspec.Struct):
    """What a TriggerMessage is answered with, the part that matters here."""

    status: str = "Accepted"


class _Trigger(msgspec.Struct, rename="camel"):
    """A TriggerMessage, the part that matters here."""

    requested_message: str = ""


class StatusAsker:
    """Watches one connection until every connector's status is known, then is done.

    `evses` is the number of EVSEs registered for the station, 0 if unknown; `protocol` what it
    speaks, "" while that is not known.
    """

    __slots__ = (
        "_boots",
        "_context",
        "_is_2x",
        "_is_done",
        "_line",
        "_unanswered",
        "_unreported",
    )

    def __init__(
        self, line: CommandLine, context: Context, *, protocol: str, evses: int, wait_s: float
    ) -> None:
        self._line = line
        self._is_2x = _is_2x(protocol)
        self._unanswered = 0
        self._context = context
        self._unreported = set(range(1, evses + 1)) or {WHOLE_STATION}
        self._boots = 0
        self._is_done = False
        unbooted_s = context.limits.boot_patience_s + wait_s
        context.wheel.after(unbooted_s, partial(self._ask, 0))

    def note(self, events: Sequence[AnyEvent]) -> bool:
        """Take in what the station said; True once there is nothing left to watch for."""
        for event in events:
            if type(event) is StatusReported:
                self._unreported.discard(event.place.evse)
                self._unreported.discard(WHOLE_STATION)
            elif type(event) is ProtocolLearned:
                self._is_2x = _is_2x(event.protocol)
        if not self._unreported:
            self._is_done = True
        return self._is_done

    def boot_answered(self, wait_s: float) -> None:
        """The answer to a BootNotification left: wait for the statuses that follow it."""
        self._boots += 1
        self._context.wheel.after(wait_s, partial(self._ask, self._boots))

    def _ask(self, boots: int) -> None:
        if boots == self._boots and not self._is_done:
            self._is_done = True
            self._ask_next(CommandResult("answered"))

    def _ask_next(self, last: CommandResult) -> None:
        if last.outcome == "timeout":
            self._unanswered += 1
        # Refused or not understood once is refused for every connector.
        is_refused = last.outcome in ("error", "gone") or _is_refusal(last.payload)
        if is_refused or self._unanswered > _MOST_UNANSWERED or not self._unreported:
            return
        connector = min(self._unreported)
        self._unreported.discard(connector)
        build = status_request_2x if self._is_2x else status_request
        self._line.add(
            Command(
                "TriggerMessage",
                build(connector or 1),
                self._context.limits.ask_timeout_s,
                self._ask_next,
                moves_on=False,  # the newer connection asks for itself
            )
        )


def status_request(connector: int) -> bytes:
    """Build a TriggerMessage (OCPP 1.6 §5.17) for one connector's status."""
    return msgspec.json.encode(
        {"requestedMessage": "StatusNotification", "connectorId": connector}
    )


def status_request_2x(evse: int) -> bytes:
    """Build a TriggerMessage (OCPP 2.0.1 F06) for the status of an EVSE's first connector."""
    place = {"id": evse, "connectorId": 1}
    return msgspec.json.encode({"requestedMessage": "StatusNotification", "evse": place})


def triggered_by(call: Call) -> str:
    """Return the message that a call asks a station to send; "" where it asks for none."""
    if call.action not in ("TriggerMessage", "ExtendedTriggerMessage"):
        return ""
    try:
        return msgspec.json.decode(call.payload or b"{}", type=_Trigger).requested_message
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _is_2x(protocol: str) -> bool:
    return protocol.startswith("ocpp2")


def _is_refusal(answer: bytes) -> bool:
    """Tell whether a station said no; an answer that cannot be read says nothing."""
    try:
        return msgspec.json.decode(answer or b"{}", type=_Answer).status != "Accepted"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
