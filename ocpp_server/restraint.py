"""Restraint: what one station or one address may cost us before it has to wait. Pure."""

from __future__ import annotations

from domain.places import StationId
from ocpp_server.addresses import host_of
from ocpp_server.allowance import Allowance
from ocpp_server.limits import Limits
from ocpp_server.refusal import RefusalReason, Refuse, refusal

_REFUSALS_TOLD = 20
_REFUSAL_TOLD_EVERY_S = 10.0


class Restraint:
    """Counts handshakes per station and refusals logged per address.

    `now_s` is any clock that only goes forward, in seconds.
    """

    __slots__ = ("_handshakes", "_lines")

    def __init__(self, limits: Limits) -> None:
        self._handshakes = Allowance[StationId](limits.handshakes, limits.handshake_every_s)
        self._lines = Allowance[str](_REFUSALS_TOLD, _REFUSAL_TOLD_EVERY_S)

    def take_handshake(self, station: StationId, now_s: float) -> Refuse | None:
        """Count a handshake of a station; say why it has to come back later, if it has to.

        A station that comes back at once each time, or two of one id that replace each other,
        would otherwise keep us busy with nothing else.
        """
        wait_s = self._handshakes.take(station, now_s)
        if wait_s == 0:
            return None
        advice = "Too many connections of one station: come back later."
        reason = RefusalReason.TOO_MANY_HANDSHAKES
        return refusal(429, reason, advice, said=station, retry_after_s=wait_s)

    def take_line(self, address: str, now_s: float) -> bool:
        """Whether one more refusal of this address is logged: all are counted, some told."""
        return self._lines.take(host_of(address), now_s) == 0
