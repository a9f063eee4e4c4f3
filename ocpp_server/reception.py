"""Reception: one socket from its acceptance to handover or refusal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import structlog

from domain.places import StationId
from ocpp_server.addresses import written
from ocpp_server.certificates import certificate_end, certificate_names, name_given
from ocpp_server.front import Accept, NeedMore, judge
from ocpp_server.gate import Refused
from ocpp_server.nameless import Arrival
from ocpp_server.refusal import RefusalReason, Refuse, refusal

if TYPE_CHECKING:
    from ocpp_server.listener import Endpoint

log = structlog.get_logger(__name__)

_ADVICE = {
    401: "The password is wrong or missing.",
    403: "This station may not connect: a client certificate in its name is missing.",
    404: "No station of this id is known here.",
    429: "Too many failed attempts from this address: come back later.",
    503: "Come back in a minute.",
}


class Reception(asyncio.Protocol):
    """Collects the head of one socket, asks front and gate, and hands over or refuses."""

    __slots__ = ("_admission", "_endpoint", "_is_over", "_received", "_timer", "_transport")

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._received = bytearray()
        self._admission: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the time a peer has for its head."""
        self._transport = cast("asyncio.Transport", transport)
        self._timer = asyncio.get_running_loop().call_later(
            self._endpoint.limits.head_timeout_s, self._took_too_long
        )
        self._endpoint.arrived(self)

    def data_received(self, received: bytes) -> None:
        """Collect, and decide as soon as there is enough to decide on."""
        if self._is_over:
            return
        self._received += received
        if self._admission is not None:
            return  # belongs behind the head; handed over with it
        match judge(bytes(self._received), self._endpoint.front_rules):
            case NeedMore():
                pass
            case Refuse() as refused:
                self._refuse(refused)
            case Accept() as accepted:
                self._admit(accepted)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer went before anything was decided."""
        if self._admission is not None and not self._admission.done():
            self._admission.cancel()
        self._end()

    def abort(self) -> None:
        """Drop the socket: the endpoint is closing."""
        if self._transport is not None:
            self._transport.abort()

    def _admit(self, accepted: Accept) -> None:
        transport = self._transport
        wait = self._endpoint.reason_to_wait()
        if wait is not None or transport is None:
            self._refuse(wait or Refuse(RefusalReason.NOT_ACCEPTING))
            return
        if self._timer is not None:
            self._timer.cancel()
        transport.pause_reading()
        del self._received[:]  # from here on: what arrives behind the head
        self._admission = asyncio.get_running_loop().create_task(
            self._ask_gate(accepted, transport), name=f"admit {accepted.station_name}"
        )

    async def _ask_gate(self, accepted: Accept, transport: asyncio.Transport) -> None:
        address = written(transport.get_extra_info("peername"))
        endpoint = self._endpoint
        certificate = transport.get_extra_info("peercert")
        names = certificate_names(certificate)
        arrival = Arrival(accepted, address, names, certificate_end(certificate))
        name = accepted.station_name or name_given(
            names, lambda each: endpoint.evses(StationId(each)) > 0
        )
        try:
            if not name:
                self._let_wait(arrival, transport)
                return
            async with asyncio.timeout(endpoint.limits.admission_timeout_s):
                admission = await endpoint.gate.admit(
                    name,
                    accepted.user,
                    accepted.password,
                    address,
                    certificate_names=names,
                )
            if isinstance(admission, Refused):
                self._refuse(_told(admission, name))
            elif (wait := endpoint.reason_to_wait()) is not None:
                self._refuse(wait)
            elif (slow := self._slow_down(admission.station)) is not None:
                self._refuse(slow)
            elif not transport.is_closing():
                late = bytes(self._received)
                endpoint.take_on(transport, arrival, admission.station, late)
                self._hand_over()  # not before: should taking on fail, the socket is ours
        except TimeoutError:
            self._refuse(refusal(503, RefusalReason.GATE_BUSY, _ADVICE[503]))
        except Exception:
            endpoint.counters.failures += 1
            log.exception("admission failed", station=name)
            self._refuse(refusal(500, RefusalReason.GATE_FAILED, "Our mistake."))

    def _let_wait(self, arrival: Arrival, transport: asyncio.Transport) -> None:
        anteroom = self._endpoint.anteroom
        wait = anteroom.reason_to_wait()
        if wait is not None:
            self._refuse(wait)
        elif not transport.is_closing():
            anteroom.take_on(transport, arrival, bytes(self._received))
            self._hand_over()

    def _slow_down(self, station: StationId) -> Refuse | None:
        now_s = asyncio.get_running_loop().time()
        return self._endpoint.restraint.take_handshake(station, now_s)

    def _took_too_long(self) -> None:
        advice = "The request head did not come in time."
        self._refuse(refusal(408, RefusalReason.HEAD_TIMEOUT, advice))

    def _refuse(self, refused: Refuse) -> None:
        counters = self._endpoint.counters
        counters.refused += 1
        counters.refusals[refused.reason] += 1
        if refused.reason is RefusalReason.TLS_ON_PLAIN_PORT:
            counters.tls_on_plain += 1
        elif refused.reason is RefusalReason.HTTP_PROBE:
            counters.http_probe += 1
        transport = self._transport
        if transport is not None and not transport.is_closing():
            address = written(transport.get_extra_info("peername"))
            now_s = asyncio.get_running_loop().time()
            if self._endpoint.restraint.take_line(address, now_s):
                log.info(
                    "connection refused",
                    reason=refused.reason,
                    address=address,
                    said=refused.said,
                    advice=refused.advice,
                )
            if refused.response:
                transport.write(refused.response)
            transport.close()
        self._end()

    def _hand_over(self) -> None:
        """Let go: the socket is another's, and uvloop keeps us for as long as it is open."""
        self._end()
        self._admission = None

    def _end(self) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport = None
        self._endpoint.left(self)


def _told(refused: Refused, name: str) -> Refuse:
    """Put the gate's refusal into words of HTTP."""
    advice = _ADVICE.get(refused.status, "Refused.")
    return refusal(
        refused.status,
        refused.reason,
        advice,
        said=name,
        retry_after_s=refused.retry_after_s,
    )
