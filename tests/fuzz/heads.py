"""Request heads: what stations send, probes, other protocols, and all of them damaged."""

from __future__ import annotations

import base64
import random

from ocpp_server.front import MAX_ID_LENGTH, Accept, FrontRules, NeedMore, judge
from ocpp_server.refusal import Refuse
from tests.fuzz.house import FoundError
from tests.fuzz.mutations import damaged

RULES = FrontRules(("ocpp2.1", "ocpp2.0.1", "ocpp1.6"), 8 * 1024)
KEY = base64.b64encode(b"0123456789abcdef").decode()

_TARGETS = (
    *("/ocpp/F-16", "/F-16", "/", "", "//", "/ocpp/", "/ocpp/F 16", "/ocpp/DE*BMW*E1", "*"),
    *("/ocpp/F%2016", "/ocpp/%00", "/ocpp/%ff%fe", "/ocpp/%zz", "/a/b/c/d/F-16/", "ws://x/F"),
    *("/ocpp/F-16?x=1#y", "/ocpp/" + "A" * 255, "/ocpp/" + "A" * 9000, "/ocpp/é", "/\u00ad"),
)
_LINES = (
    *("Connection: Upgrade", "Connection: keep-alive, Upgrade", "Connection: close"),
    *("Upgrade: websocket", "upgrade: WebSocket", "Upgrade: h2c, websocket", "Upgrade: h2c"),
    *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12", "Sec-WebSocket-Version: x"),
    *(f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Key: no", "Sec-WebSocket-Key: \xff"),
    *("Sec-WebSocket-Protocol: ocpp1.6", "Sec-WebSocket-Protocol: OCPP2.0.1, ocpp1.6"),
    *("Sec-WebSocket-Protocol: ,,;\x01", "Sec-WebSocket-Protocol: " + "x," * 3000),
    *("Sec-WebSocket-Extensions: permessage-deflate", "Origin: null", "Host: \x00"),
    *("Authorization: Basic Og==", "Authorization: Basic !!!", "Authorization: Bearer x"),
    *("Authorization: Basic RjpwYXNz", "authorization: basic /w==", "Authorization:"),
    *(" folded", "\tfolded", ":", "no colon", "X: " + "a" * 9000, "Transfer-Encoding: chunked"),
)
_WHOLE = (
    "Host: x",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Protocol: ocpp1.6",
)
_BEGINNINGS = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40,
    b"\x80\x2e\x01\x03\x01",
    b"\x00" * 50,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"SSH-2.0-x\r\n",
    b"\x10\x0e\x00\x04MQTT\x04\x02",
    b'[2,"1","Heartbeat",{}]',
    b"\r\n\r\n\r\n",
)


def head_of(station: str, protocol: str = "ocpp1.6") -> bytes:
    """Return a head that has to be accepted."""
    lines = (*_WHOLE[:-1], f"Sec-WebSocket-Protocol: {protocol}")
    return f"GET /ocpp/{station} HTTP/1.1\r\n{_block(lines)}".encode()


def drawn_head(dice: random.Random) -> bytes:
    """Return the bytes of some beginning of a connection."""
    kind = dice.randrange(10)
    if kind == 0:
        return bytes(dice.choices(range(256), k=dice.randrange(200)))
    if kind == 1:
        return dice.choice(_BEGINNINGS) + bytes(dice.choices(range(256), k=dice.randrange(20)))
    method = dice.choice(("GET",) * 8 + ("get", "POST", "CONNECT", "", "G\x00T"))
    version = dice.choice(
        ("HTTP/1.1",) * 8 + ("HTTP/1.0", "http/1.1", "HTTP/9", "", "RTSP/1.0")
    )
    lines = list(_WHOLE)
    for _ in range(dice.choice((0, 0, 1, 2, 5))):
        match dice.randrange(4):
            case 0 if lines:
                del lines[dice.randrange(len(lines))]
            case 1 if lines:
                lines[dice.randrange(len(lines))] = dice.choice(_LINES)
            case 2:
                dice.shuffle(lines)
            case _:
                lines.insert(dice.randrange(len(lines) + 1), dice.choice(_LINES))
    end = dice.choice(("\r\n",) * 5 + ("\n", "\n\r", "\r"))
    first = f"{method} {dice.choice(_TARGETS)} {version}{end}"
    raw = (first + _block(lines, end)).encode("utf-8", "replace")
    if dice.randrange(4) == 0:
        raw = damaged(raw, dice)
    return raw


def _block(lines: object, end: str = "\r\n") -> str:
    return end.join(lines) + end + end  # type: ignore[call-overload]


def check_head(raw: bytes) -> str:
    """Judge a beginning as a whole and as it may arrive; return the kind of the verdict."""
    whole = judge(raw, RULES)
    if isinstance(whole, NeedMore) and len(raw) > RULES.max_head_bytes:
        raise FoundError("more than a head's limit, and still waiting")
    if isinstance(whole, Refuse):
        _check_refusal(whole.response)
    if isinstance(whole, Accept):
        name = whole.station_name
        if len(name) > MAX_ID_LENGTH or not name.isprintable():
            raise FoundError(f"accepted a station called {name!r}")
        if not whole.head.endswith(b"\r\n\r\n") or not raw.endswith(whole.rest):
            raise FoundError("what is handed over is not what was said")
    _check_pieces(raw, whole)
    return type(whole).__name__


def _check_refusal(response: bytes) -> None:
    if response and not (response.startswith(b"HTTP/1.1 4") and b"\r\n\r\n" in response):
        raise FoundError(f"refused with {response[:80]!r}")


def _check_pieces(raw: bytes, whole: object) -> None:
    """Whatever arrives a byte at a time comes to the same verdict, or to an earlier one."""
    for end in range(1, min(len(raw), 700)):
        early = judge(raw[:end], RULES)
        if isinstance(early, NeedMore):
            continue
        if type(early) is not type(whole):
            raise FoundError(f"{early} after {end} bytes, {whole} after all")
        if isinstance(early, Accept) and early.station_name != getattr(
            whole, "station_name", None
        ):
            raise FoundError(f"{early} after {end} bytes, {whole} after all")
        return
