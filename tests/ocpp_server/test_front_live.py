"""Handshakes over a real socket: what leaves for odd requests, and what an operator reads."""

from __future__ import annotations

import asyncio
import base64
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from domain.places import StationId
from domain.ports import CommandResult
from ocpp_server.gate import PasswordGate
from ocpp_server.limits import Limits
from ocpp_server.naming import resolve_name
from ocpp_server.passwords import keyed_hash
from ocpp_server.refusal import RefusalReason

VERSIONS = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")
FAST = {"tick_s": 0.01, "close_wait_s": 0.2}
KEY = b"k" * 32


def headers_of(answer: bytes) -> dict[str, str]:
    lines = answer.decode().split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}


@pytest.mark.parametrize(
    ("offer", "answered"),
    [
        ("ocpp1.6, ocpp2.0.1", "ocpp2.0.1"),
        ("ocpp2.0", "ocpp2.0"),
        ("OCPP1.6J", "OCPP1.6J"),
        ("ocpp1.5", None),
        ("graphql-ws", None),
    ],
)
async def test_the_answer_names_a_subprotocol_that_was_offered_or_none(
    serve: Any, dial: Any, wire_words: SimpleNamespace, offer: str, answered: str | None
) -> None:
    served = await serve(limits=Limits(protocols=VERSIONS, **FAST))
    station = await dial(served.port)
    answer = await station.handshake(wire_words.head_with(f"Sec-WebSocket-Protocol: {offer}"))

    assert answer.startswith(b"HTTP/1.1 101 ")
    assert headers_of(answer).get("sec-websocket-protocol") == answered


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits, x-webkit-deflate-frame",
    ],
)
async def test_no_extension_is_agreed_on_though_offered(
    serve: Any, dial: Any, wire_words: SimpleNamespace, offer: str
) -> None:
    served = await serve()
    station = await dial(served.port)
    answer = await station.handshake(wire_words.head_with(f"Sec-WebSocket-Extensions: {offer}"))

    assert "sec-websocket-extensions" not in headers_of(answer)
    station.frame(b'[2,"1","A"]')
    assert await station.read_frame() == (1, b'[3,"1","A"]')


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/ocpp/DE%2ABMW%2AE1%20north", "DE*BMW*E1 north"),
        ("/OCPP16/tenant/token/n-001/", "N-001"),
        ("/ocpp/N-001N-001", "N-001"),
        ("/ocppN-001", "N-001"),
        ("//N-001//?a=b#c", "N-001"),
    ],
)
async def test_a_station_is_known_by_whatever_address_it_dials(
    serve: Any, dial: Any, wire_words: SimpleNamespace, target: str, name: str
) -> None:
    registered = {"n-001": StationId("N-001")}

    def resolve(said: str) -> StationId:
        return resolve_name(said, lambda each: registered.get(each.casefold()))

    served = await serve(gate=PasswordGate({}.get, resolve))
    station = await dial(served.port)
    await station.handshake(wire_words.head_with(target=target))
    await served.until(lambda: served.endpoint.connections == 1)

    assert served.endpoint.connected_stations() == (name,)


@pytest.mark.parametrize(
    ("sent", "reason", "advice"),
    [
        (b"\x16\x03\x01\x02\x00\x01", RefusalReason.TLS_ON_PLAIN_PORT, "ws://"),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            RefusalReason.HTTP_PROBE,
            "ws://HOST:PORT/ocpp/",
        ),
        (b"HELO x\r\n\r\n", RefusalReason.BAD_REQUEST, "HTTP"),
    ],
)
async def test_what_is_no_handshake_ends_at_once_and_the_log_says_what_to_do(
    serve: Any, dial: Any, sent: bytes, reason: RefusalReason, advice: str
) -> None:
    served = await serve()
    with capture_logs() as logged:
        stranger = await dial(served.port)
        stranger.write(sent)
        answer = await stranger.read_to_end()

    assert len(answer) < 500
    (line,) = [line for line in logged if line["event"] == "connection refused"]
    assert line["reason"] is reason
    assert advice in line["advice"]
    assert line["address"].startswith("127.0.0.1:")


async def test_a_command_that_waited_follows_the_station_to_its_new_connection(
    serve: Any, dial: Any
) -> None:
    served = await serve(limits=Limits(settle_s=0.05, boot_patience_s=30.0, **FAST))
    older, newer = await dial(served.port), await dial(served.port)
    await older.handshake()
    sent = asyncio.ensure_future(
        served.endpoint.commands.send(StationId("N-001"), "Reset", b"{}", timeout_s=5.0)
    )
    await asyncio.sleep(0.02)  # it waits for the boot
    await newer.handshake()
    newer.frame(b'[2,"b","Boot",{}]')
    assert await newer.read_frame() == (1, b'[3,"b","Boot"]')
    _, command = await newer.read_frame()
    assert b'"Reset"' in command
    number = command.split(b'"')[1]
    newer.frame(b'[3,"%b",{}]' % number)

    assert await sent == CommandResult("answered", b"{}")
    assert "Disconnected" not in served.recorder.facts()


async def test_nothing_secret_is_logged_whatever_comes_of_a_handshake(
    serve: Any, dial: Any, wire_words: SimpleNamespace
) -> None:
    secret = "Geheim-4711-geheim"
    stored = {"N-001": keyed_hash("x" * 20, KEY, b"s" * 16)}
    gate = PasswordGate(stored.get, key=KEY)

    class Broken(PasswordGate):
        async def admit(self, *arguments: Any, **others: Any) -> Any:
            raise RuntimeError("on purpose")

    with capture_logs() as logged:
        for chosen in (gate, Broken(stored.get, key=KEY)):
            served = await serve(gate=chosen)
            for user in ("N-001", "somebody", ""):
                for target in (
                    "/ocpp/N-001",
                    f"/ocpp/{secret}/N-001?t={secret}",
                    "/ocpp/N-002",
                ):
                    login = base64.b64encode(f"{user}:{secret}".encode()).decode()
                    station = await dial(served.port)
                    await station.handshake(
                        wire_words.head_with(f"Authorization: Basic {login}", target=target)
                    )
            station = await dial(served.port)
            station.write(f"GET /a/{secret}/b?t={secret} HTTP/1.1\r\n\r\n".encode())
            await station.read_to_end()

    assert {line["event"] for line in logged} >= {"connection refused", "admission failed"}
    assert secret not in repr(logged)
    assert base64.b64encode(f"N-001:{secret}".encode()).decode() not in repr(logged)
