"""Asking for the status that a station did not report by itself, at most once per connection.

Some stations reconnect without a word about their connectors. A station that is asked too
often, or while it boots, reboots: so it is asked late, one connector at a time, and no further
once it refuses. A BootNotification is never asked for: it makes some stations reboot for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from domain.events import AnyEvent, StatusReported
from domain.ports import CommandResult
from ocpp_server.commands import Command, CommandLine
from ocpp_server.context import Context

WHOLE_STATION = 0
"""Stands for all connectors of a station whose number of EVSEs is not known."""


class StatusAsker:
    """Watches one connection until every connector's status is known, then is done.

    `evses` is the number of EVSEs registered for the station, 0 if unknown.
    """

    __slots__ = ("_boots", "_context", "_is_done", "_line", "_unreported")

    def __init__(
        self, line: CommandLine, context: Context, *, evses: int, wait_s: float
    ) -> None:
        self._line = line
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
        # Refused or not understood once is refused for every connector.
        if last.outcome != "answered" or not self._unreported:
            return
        connector = min(self._unreported)
        self._unreported.discard(connector)
        self._line.add(
            Command(
                "TriggerMessage",
                status_request(connector),
                self._context.limits.ask_timeout_s,
                self._ask_next,
                moves_on=False,  # the newer connection asks for itself
            )
        )


def status_request(connector: int) -> bytes:
    """Build a TriggerMessage (OCPP 1.6 §5.17) for one connector's status."""
    request: dict[str, str | int] = {"requestedMessage": "StatusNotification"}
    if connector != WHOLE_STATION:
        request["connectorId"] = connector
    return msgspec.json.encode(request)
