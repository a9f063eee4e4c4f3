"""What a central system allows one connection, and what it counts. Plain values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

KIB = 1024

BACKLOG = 4096
"""Sockets that wait to be accepted: a fleet comes back at once after our restart."""

_AT_LEAST_ONE = (
    "max_connections",
    "max_message_bytes",
    "max_waiting",
    "max_commands",
    "failed_handshakes",
    "handshakes",
    "ping_deaths",
)
_MORE_THAN_ZERO = (
    "head_timeout_s",
    "tls_timeout_s",
    "ping_every_s",
    "tick_s",
    "close_wait_s",
    "failed_handshake_every_s",
    "handshake_every_s",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit of the endpoint. Durations in seconds.

    Sources of the numbers: 1 MiB because single GetConfiguration answers of many KiB exist;
    pings below the 90 s after which mobile networks forget a connection; boot and settle times
    because some stations reboot when a command arrives before or during their boot.
    """

    protocols: tuple[str, ...] = ("ocpp1.6",)  # in order of preference; the last is assumed
    max_connections: int = 50_000  # beyond: 503
    max_receptions: int = 20_000  # sockets without a whole handshake; beyond: dropped
    max_head_bytes: int = 8 * KIB  # beyond: 431
    tls_timeout_s: float = 30.0  # from accept to the end of a TLS handshake; then dropped
    head_timeout_s: float = 10.0  # from accept to a whole head: 408
    admission_timeout_s: float = 30.0  # for the gate: 503
    failed_handshakes: int = 30  # per address at once, then one in each of the next; else 429
    failed_handshake_every_s: float = 2.0  # 30 a minute: two stations that retry every 5 s
    handshakes: int = 60  # per station at once, then one in each of the next; else 429
    handshake_every_s: float = 0.5  # the quickest real station came back every 3 s
    max_message_bytes: int = KIB * KIB  # beyond: close 1009
    max_unsent_bytes: int = 256 * KIB  # a station that does not read: aborted
    max_waiting: int = 256  # answers that wait for a commit; beyond: we stop reading
    read_buffer_bytes: int = 2 * KIB
    close_wait_s: float = 5.0  # for the peer's half of a close; then aborted
    ping_every_s: float = 60.0
    half_open_after: int = 3  # ping intervals without a sign of life, once a pong was seen
    ping_death_s: float = 5.0  # a link that ends so soon after our ping may have died of it
    ping_deaths: int = 3  # connections in a row that did: no more pings for this station
    max_commands: int = 32  # waiting per station; beyond: refused
    boot_patience_s: float = 30.0  # a connection without a boot gets commands after this
    settle_s: float = 5.0  # from the boot's answer to the first command
    ask_status_after_s: float | None = 60.0  # from the boot; None: never ask
    ask_timeout_s: float = 30.0
    tick_s: float = 0.25  # resolution of all of the above but the first two timeouts

    def __post_init__(self) -> None:
        if not self.protocols:
            raise ValueError("protocols: at least one must be spoken")
        for name in _AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1")
        for name in _MORE_THAN_ZERO:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: must be more than 0")


@dataclass(slots=True)
class Counters:
    """What happened since start, as plain integers that only grow.

    `refusals` splits `refused` by reason; `tls_on_plain` and `http_probe` are two of them.
    """

    accepted: int = 0
    refused: int = 0
    tls_on_plain: int = 0
    http_probe: int = 0
    dropped: int = 0  # sockets beyond max_receptions
    replaced: int = 0  # connections whose station came back on a new one
    lost: int = 0  # connections that ended, replaced ones not counted
    oversize: int = 0  # closed with 1009
    rsv: int = 0  # closed with 1002: reserved bits (compression nobody negotiated)
    violations: int = 0  # closed with 1002 for any other breach of RFC 6455
    half_open: int = 0  # closed: answered pings before, silent now
    overrun: int = 0  # aborted: did not read what we sent
    paused: int = 0  # times we stopped reading a station until its answers were committed
    messages: int = 0  # whole messages received, heartbeats included
    heartbeats: int = 0
    unacknowledged: int = 0  # messages left without a trace: the journal was not writable
    pings: int = 0  # pings and pongs received
    commands: int = 0
    command_timeouts: int = 0
    stray_answers: int = 0  # answers to no command of ours, or to one given up
    failures: int = 0  # exceptions inside our own handlers: a bug each
    refusals: Counter[str] = field(default_factory=Counter)
    bytes: int = 0  # of whole messages received
