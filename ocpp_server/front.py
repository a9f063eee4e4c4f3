"""The front: reads the head of a new connection and decides what becomes of it.

Bytes in, a verdict out; no socket, no clock. It forgives what real stations get wrong in the
handshake (a `Connection` header that is odd or absent, no subprotocol, bare line feeds, stray
path segments), because a station that is refused is a station nobody watches. Whether a
station may come in at all is the gate's decision, not this module's.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from ocpp_server.naming import station_name_in
from ocpp_server.refusal import RefusalReason, Refuse, refusal

MAX_ID_LENGTH = 255
"""Longest station id taken on, in characters (OCPP 2.1 allows 48; real ones exceed limits)."""

_TLS_HANDSHAKE = 0x16  # RFC 8446 §5.1: the content type that opens every TLS connection
_PLAIN_PORT = (
    "This port speaks no TLS: the station's address must begin with ws://, or name the port "
    "that does."
)
_PROTOCOL = re.compile(r"ocpp[^0-9]*([0-9][0-9._-]*)[!-~]*", re.ASCII)
_KIN = {"16": "ocpp1.6", "20": "ocpp2.0.1", "201": "ocpp2.0.1", "21": "ocpp2.1"}
_SEPARATORS = re.compile(r"[,;\s\"']+")
_LONGEST_WORD = 40  # of an offer: a longer one is a token of something else, not to be logged
_VERSIONS = ("", "7", "8", "13")  # Sec-WebSocket-Version; all mean the framing of RFC 6455


@dataclass(frozen=True, slots=True)
class NeedMore:
    """The head is not complete yet."""


@dataclass(frozen=True, slots=True)
class Accept:
    """A websocket handshake that can be answered, if the gate agrees.

    `station_name` is the id as the station spells it, "" where it gave none. `subprotocol` is
    the one to answer with, None for an answer without that header; `protocol` is the OCPP
    version to assume. `head` is the request as picows' strict parser wants it, `rest` what
    followed the head.
    """

    station_name: str
    subprotocol: str | None
    protocol: str
    offered: tuple[str, ...]
    head: bytes
    rest: bytes
    user: str | None = None
    password: str | None = field(default=None, repr=False)


Verdict = NeedMore | Refuse | Accept


@dataclass(frozen=True, slots=True)
class FrontRules:
    """What the front goes by: OCPP versions in order of preference, and the head's limit.

    `protocols` stand in order of preference; the last one is assumed where a station offers
    none that we speak.
    """

    protocols: Sequence[str] = ("ocpp1.6",)
    max_head_bytes: int = 8 * 1024

    def __post_init__(self) -> None:
        if not self.protocols:
            raise ValueError("at least one protocol must be spoken")


def judge(received: bytes, rules: FrontRules) -> Verdict:
    """Say what all bytes received so far on a new connection amount to."""
    if not received:
        return NeedMore()
    if received[0] == _TLS_HANDSHAKE:
        # The peer waits for a TLS answer that will never come: closing at once lets it tell
        # its installer now instead of after a timeout.
        return Refuse(RefusalReason.TLS_ON_PLAIN_PORT, advice=_PLAIN_PORT)
    begun = received.lstrip(b"\r\n")  # RFC 9112 §2.2: tolerate empty lines before a request
    if begun and not begun[:1].isalpha():
        return refusal(400, RefusalReason.NOT_HTTP, "This is a websocket port for OCPP.")
    end, start_of_rest = _end_of_head(begun)
    if end > rules.max_head_bytes or (end < 0 and len(received) > rules.max_head_bytes):
        return refusal(431, RefusalReason.HEAD_TOO_LARGE, "The request head is too large.")
    if end < 0:
        return NeedMore()
    return _judge_head(begun[:end], begun[start_of_rest:], rules)


def _end_of_head(received: bytes) -> tuple[int, int]:
    """Return where the head ends and where what follows begins; (-1, -1) if not there yet."""
    found = [
        (at, at + len(mark))
        for mark in (b"\r\n\r\n", b"\n\n", b"\n\r\n")
        if (at := received.find(mark)) >= 0
    ]
    return min(found, default=(-1, -1))


def _judge_head(head: bytes, rest: bytes, rules: FrontRules) -> Refuse | Accept:
    request_line, _, header_block = head.partition(b"\n")
    words = request_line.decode("latin-1").split()
    if len(words) < 3 or not words[-1].upper().startswith("HTTP/"):
        return refusal(400, RefusalReason.BAD_REQUEST, "The request line is not HTTP.")
    # Some stations put a blank into their id and do not escape it.
    method, target = words[0], " ".join(words[1:-1])
    if method != "GET":
        return refusal(405, RefusalReason.BAD_METHOD, "Only GET is answered.", said=method[:20])
    # The id alone may be told: tokens stand before it in some addresses, and behind it.
    name = station_name_in(target)
    said = name[:200]
    headers = _headers(header_block)
    if "websocket" not in headers.get("upgrade", "").lower():
        advice = "This is a websocket port for OCPP: connect to ws://HOST:PORT/ocpp/STATION-ID."
        return refusal(426, RefusalReason.HTTP_PROBE, advice, said=said)
    key = headers.get("sec-websocket-key", "")
    if not _is_key(key):
        advice = "Sec-WebSocket-Key must be 16 bytes in base64."
        return refusal(400, RefusalReason.BAD_KEY, advice, said=said)
    version = headers.get("sec-websocket-version", "")
    if version not in _VERSIONS:
        advice = "Only version 13 of websocket is spoken."
        return refusal(426, RefusalReason.BAD_VERSION, advice, said=version[:20])
    user, password = _credentials(headers.get("authorization", ""), name)
    # Without an id in the address the login says whose it is (OCPP security: user = id).
    name = name or (user or "").strip()
    if len(name) > MAX_ID_LENGTH or not name.isprintable():
        advice = f"A station id has at most {MAX_ID_LENGTH} printable characters."
        return refusal(404, RefusalReason.BAD_STATION_ID, advice, said=repr(said))
    words = _SEPARATORS.split(headers.get("sec-websocket-protocol", ""))
    offered = tuple(word for word in words if 0 < len(word) <= _LONGEST_WORD)
    subprotocol, protocol = _choose(offered, rules.protocols)
    return Accept(
        station_name=name,
        subprotocol=subprotocol,
        protocol=protocol,
        offered=offered,
        head=_head_for_picows(key),
        rest=rest,
        user=user,
        password=password,
    )


def _headers(block: bytes) -> dict[str, str]:
    """Return headers by lower-case name; repeated ones joined, unusable lines left out."""
    headers: dict[str, str] = {}
    name = ""
    for line in block.decode("latin-1").split("\n"):
        if line[:1] in (" ", "\t") and name:  # obsolete folding, RFC 9112 §5.2
            headers[name] = f"{headers[name]} {line.strip()}".strip()
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower() if colon else ""
        if name:
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key.encode("latin-1"), validate=True)) == 16
    except binascii.Error:
        return False


def _choose(offered: tuple[str, ...], spoken: Sequence[str]) -> tuple[str | None, str]:
    """Return the subprotocol to answer with, in the station's spelling, and what to assume.

    Where no word is one of ours, one that means the same is (`ocpp1.6j`, `OCPP16`, and
    `ocpp2.0`, which 2.0.1 took the place of): many clients give up without an answer to their
    offer. A station that offers nothing, or nothing we speak, is answered without the header
    and assumed to speak our last, oldest version: the payload decides in the end.
    """
    for reading in (str.lower, _meant):
        words = {reading(word): word for word in reversed(offered)}
        for protocol in spoken:
            if protocol in words:
                return words[protocol], protocol
    return None, spoken[-1]


def _meant(word: str) -> str:
    """Return the version that an odd spelling means; "" where it means none we know."""
    found = _PROTOCOL.fullmatch(word.lower())
    return _KIN.get(re.sub(r"[^0-9]", "", found[1]), "") if found else ""


def _credentials(authorization: str, name: str) -> tuple[str | None, str | None]:
    """Return user and password of Basic authentication; None where there are none.

    `name` is the station's id as its address has it, for an id may hold colons (MAC addresses
    do), and a user name ends at the first one otherwise.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None, None
    encoded = encoded.strip()
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        return None, None
    own = name.encode() + b":"
    if name and raw[: len(own)].lower() == own.lower():
        user, password = raw[: len(own) - 1], raw[len(own) :]
    else:
        user, _, password = raw.partition(b":")
    return _text(user), _password(password)


def _password(raw: bytes) -> str:
    """Return a password as people write it down: a key of raw bytes in hexadecimal.

    OCPP-J 1.6 §6.2: a station that was given 40 hexadecimal digits as its AuthorizationKey
    sends the 20 bytes they stand for.
    """
    text = _text(raw)
    is_key = any(unicodedata.category(letter) == "Cc" for letter in text)
    return raw.hex() if is_key else text


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _head_for_picows(key: str) -> bytes:
    return (
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()
