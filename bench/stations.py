"""The load generator: many stations on one loop, in a process of its own, and cheap.

Commands come on stdin, one per line; each is answered by one line of JSON on stdout:

    connect N S A  connect and boot N more stations, each with its first S statuses,
                   A of them at a time
    drop           end all connections without a word
    saturate       every station sends its next message as soon as the last one is answered
    rate X         X messages per second over all stations, open loop
    ask            every station sends one message; answered once all are
    stop           send nothing more; answered once every message is
    mark           counters, and answer times since the last mark
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import ssl
import sys
from array import array
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

import uvloop

from bench import mix
from bench.station import Frame, Station, prepare

_BOOTED_WITHIN_S = 120
_TICK_S = 0.001
_BACKLOG = 100_000
"""Messages that may be late in an open loop; beyond, the rate is simply not reached."""


class Field:
    """All stations, their counters and the pace."""

    def __init__(self, passwords: dict[str, str], *, with_tls: bool) -> None:
        at = datetime.now(UTC)
        self.at = at
        self.passwords = passwords
        self.greeting: list[Frame] = []  # what a station says first; the last comes first
        self._tls = _trusting() if with_tls else None
        self.stations: list[Station] = []
        self.rounds = {
            kind: [prepare(kind, body) for body in bodies]
            for kind, bodies in mix.payloads(at).items()
        }
        self.answered = 0
        self.wrong = 0
        self.lost = 0
        self.bytes_sent = 0
        self.is_saturating = False
        self.takes_times = False
        self.times = array("d")
        self.waiting: deque[float] = deque()
        self._rate = 0.0
        self._due = 0.0
        self._ticked_at = 0.0
        self._next = 0
        self._most_late_s = 0.0

    async def connect(
        self, count: int, where: tuple[str, int], *, statuses: int, at_once: int
    ) -> float:
        """Connect and boot more stations; return the seconds it took."""
        began = perf_counter()
        self.prepare_greeting(statuses)
        gate = asyncio.Semaphore(at_once)
        first = len(self.stations)
        fresh = [Station(self, first + index) for index in range(count)]
        self.stations += fresh
        await asyncio.gather(*(self._connect_one(one, gate, where) for one in fresh))
        return perf_counter() - began

    def prepare_greeting(self, statuses: int) -> None:
        """Prepare what a station says first: its boot, then so many statuses."""
        self.greeting = [
            *(
                prepare("StatusNotification", mix.first_status(evse, self.at))
                for evse in reversed(range(statuses))
            ),
            prepare("BootNotification", mix.boot()),
        ]

    async def _connect_one(
        self, station: Station, gate: asyncio.Semaphore, where: tuple[str, int]
    ) -> None:
        loop = asyncio.get_running_loop()
        async with gate:
            await loop.create_connection(lambda: station, *where, ssl=self._tls)
            await asyncio.wait_for(station.booted, _BOOTED_WITHIN_S)

    async def drop(self) -> None:
        """End all connections as a failing network does, and forget the stations."""
        for station in self.stations:
            station.let_go()
        while not all(station.is_lost for station in self.stations):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.stations = []

    async def ask(self) -> float:
        """Send one message of each station; return the seconds until all were answered."""
        began = perf_counter()
        self.is_saturating = self.takes_times = False
        for station in self.stations:
            station.send_next()
        await self.stop()
        return perf_counter() - began

    def saturate(self) -> None:
        """Let every station send as fast as it is answered."""
        self.is_saturating, self.takes_times = True, False
        for station in self.stations:
            if station.due is None:
                station.send_next()

    def pace(self, rate: float) -> None:
        """Send so many messages per second from now on, over all stations in turn."""
        self.is_saturating, self.takes_times = False, True
        self._rate, self._due = rate, 0.0
        self._ticked_at = perf_counter()
        self.waiting.clear()
        self._tick()

    async def stop(self) -> None:
        """Send nothing more and wait until everything is answered."""
        self.is_saturating = False
        self._rate = 0.0
        self.waiting.clear()
        while any(station.due is not None and not station.is_lost for station in self.stations):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def mark(self) -> dict[str, float]:
        """Return the counters, and the answer times since the last mark."""
        times, self.times = sorted(self.times), array("d")
        late, self._most_late_s = self._most_late_s, 0.0
        marks = {
            "at": perf_counter(),
            "answered": self.answered,
            "wrong": self.wrong,
            "lost": self.lost,
            "bytes": self.bytes_sent,
            "cpu_s": process_time(),
            "waiting": len(self.waiting),
            "late_ms": late * 1e3,
        }
        if times:
            marks["p50_ms"] = times[len(times) // 2] * 1e3
            marks["p99_ms"] = times[len(times) * 99 // 100] * 1e3
        return marks

    def _tick(self) -> None:
        if not self._rate:
            return
        now = perf_counter()
        elapsed, self._ticked_at = now - self._ticked_at, now
        self._most_late_s = max(self._most_late_s, elapsed - _TICK_S)
        self._due = min(self._due + elapsed * self._rate, _BACKLOG)
        stations = self.stations
        while self._due >= 1:
            self._due -= 1
            station = stations[self._next]
            self._next = (self._next + 1) % len(stations)
            if station.due is None:
                station.sent_at = now
                station.send_next()
            elif len(self.waiting) < _BACKLOG:
                self.waiting.append(now)
        asyncio.get_running_loop().call_later(_TICK_S, self._tick)


def _trusting() -> ssl.SSLContext:
    """TLS that trusts whoever answers: the certificate was made for this run."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _obey(field: Field, where: tuple[str, int]) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        word, *numbers = line.decode().split()
        answer: dict[str, float] = {}
        match word, [float(number) for number in numbers]:
            case "connect", [count, statuses, at_once]:
                answer["took_s"] = await field.connect(
                    int(count), where, statuses=int(statuses), at_once=int(at_once)
                )
            case "drop", []:
                await field.drop()
            case "saturate", []:
                field.saturate()
            case "rate", [rate]:
                field.pace(rate)
            case "ask", []:
                answer["took_s"] = await field.ask()
            case "stop", []:
                await field.stop()
            case "mark", []:
                answer = field.mark()
            case _:
                raise ValueError(line)
        print(json.dumps(answer), flush=True)


def main() -> None:
    """Run until stdin ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", action="store_true", help="over TLS, trusting anybody")
    parser.add_argument("--passwords", type=Path, help="JSON: station id to password")
    wanted = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    passwords = json.loads(wanted.passwords.read_text()) if wanted.passwords else {}

    async def run() -> None:
        await _obey(Field(passwords, with_tls=wanted.tls), (wanted.host, wanted.port))

    uvloop.run(run())


if __name__ == "__main__":
    main()
