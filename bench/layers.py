"""`python -m bench.layers`: instructions per message, layer by layer, without sockets.

Messages are handed to the connections of a started core, a few hundred per turn of the loop, as
a busy listener does. Each layer is counted with everything below it. Instructions are those of
callgrind: they repeat within a per cent on the busiest machine, so this is what a change is
measured with; without valgrind there is only time, the least of many turns.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import structlog
import uvloop

from app.core import Core
from app.settings import Settings
from app.settings_parts import HttpSettings, OcppSettings
from bench import mix
from domain.places import StationId
from ocpp_server.connection import Connection

STATIONS = 250
"""All of them speak in one turn of the loop: what comes together at saturation."""

WARM_TURNS = 24
COUNTED_TURNS = 20

_MARK = "os_getppid"  # the C function behind `os.getppid`: callgrind writes a dump before it
_WITHIN_S = 600

Turn = list[bytes]
Say = Callable[[Turn], Awaitable[None]]


class _NoWire:
    """Takes answers and forgets them."""

    def send(self, frame: bytes) -> None:
        pass

    def close(self, code: int, reason: str) -> None:
        pass

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass


class _NoJournal:
    """Stores nothing."""

    last_position = 0

    def append(self, entries: Sequence[object]) -> None:
        pass


def main() -> None:
    """Count the layers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=[*mix.SHARES], help="this kind of message only")
    parser.add_argument("--time", action="store_true", help="least CPU time instead")
    parser.add_argument("--dumps", type=Path, help="keep callgrind's dumps here")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="foretell-layers-"))
    try:
        if wanted.inside or wanted.time or shutil.which("valgrind") is None:
            uvloop.run(_Bench(folder, wanted.kind).run())
        else:
            _count(wanted.kind, wanted.dumps or folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _count(kind: str | None, folder: Path) -> None:
    """Run ourselves under callgrind and read what it counted between the marks."""
    folder.mkdir(exist_ok=True)
    out = folder / "callgrind"
    command = ["valgrind", "--tool=callgrind", f"--dump-before={_MARK}"]
    command += [f"--callgrind-out-file={out}", sys.executable, "-m", "bench.layers", "--inside"]
    command += ["--kind", kind] if kind else []
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=_WITHIN_S
    )
    names = [line for line in done.stdout.splitlines() if line.startswith("layer ")]
    for number, line in enumerate(names):
        # Dumps count from 1; each layer has one before it and one behind it.
        dump = out.with_name(f"{out.name}.{2 * number + 2}").read_text()
        total = int(dump.rpartition("\ntotals: ")[2].split()[0])
        each = total / (COUNTED_TURNS * STATIONS) / 1e3
        print(f"{each:8.1f} thousand instructions: {line.removeprefix('layer ')}")


class _Bench:
    """A core with its stations, and the layers taken from it one after the other."""

    def __init__(self, folder: Path, kind: str | None) -> None:
        self.turns = _turns(kind)
        self.core = Core(
            Settings(
                data=folder / "data",
                fleet=mix.write_fleet(folder / "fleet", STATIONS, sites=STATIONS // 2),
                ocpp=OcppSettings(port=0),
                http=HttpSettings(port=0),
            )
        )

    async def run(self) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
        core = self.core
        await core.start()
        await self._stand_alone()
        connections = [_connect(core, number) for number in range(STATIONS)]

        async def say(turn: Turn) -> None:
            now = core.clock.now()
            for connection, frame in zip(connections, turn, strict=True):
                connection.receive(frame, now)
            await core.recorder.flush()
            await asyncio.sleep(0)

        await say([b'[2,"b","BootNotification",%b]' % mix.boot()] * STATIONS)
        for turn in self.turns[:WARM_TURNS]:
            await say(turn)
        dialects = [connection._dialect for connection in connections]
        at = datetime.now(UTC)

        async def read(turn: Turn) -> None:
            for dialect, frame in zip(dialects, turn, strict=True):
                dialect.receive(frame, now=at, position=1)

        recorder = core.recorder
        await self._count("everything but sockets", say)
        journal, recorder._journal = recorder._journal, _NoJournal()  # type: ignore[assignment]
        await self._count("without the journal", say)
        believe, recorder._believe = recorder._believe, lambda _: None
        await self._count("without journal, beliefs, rules", say)
        recorder._believe, recorder._journal = believe, journal
        await self._count("from a frame to its answer", read)
        await core.close(0)

    async def _stand_alone(self) -> None:
        """Stop the recurring jobs: they would fall into one layer or the other."""
        for task in self.core._tasks:
            task.cancel()
        await asyncio.sleep(0)
        gc.disable()

    async def _count(self, what: str, say: Say) -> None:
        least_s = 1e9
        print(f"layer {what}", flush=True)
        os.getppid()
        for turn in self.turns[WARM_TURNS:]:
            began = perf_counter()
            await say(turn)
            least_s = min(least_s, perf_counter() - began)
        os.getppid()
        print(f"{least_s / STATIONS * 1e6:8.2f} us at least: {what}", flush=True)


def _connect(core: Core, number: int) -> Connection:
    station = StationId(mix.station_name(number))
    endpoint = core.endpoint
    connection = Connection(
        station,
        endpoint._make_dialect(station, "ocpp1.6"),
        _NoWire(),
        endpoint.context,
        protocol="ocpp1.6",
        address="127.0.0.1:1",
        evses=2,
    )
    connection.opened(core.clock.now())
    return connection


def _turns(kind: str | None) -> list[Turn]:
    """Return turns of one message per station, each station in its own order."""
    bodies = mix.payloads(datetime.now(UTC))
    orders = [mix.order(number) for number in range(STATIONS)]
    return [
        [
            _frame(
                number,
                count,
                kind or orders[number][count % 20],
                bodies[kind or orders[number][count % 20]],
            )
            for number in range(STATIONS)
        ]
        for count in range(WARM_TURNS + COUNTED_TURNS)
    ]


def _frame(number: int, count: int, action: str, bodies: list[bytes]) -> bytes:
    body = bodies[(number + 7 * count) % len(bodies)]
    return b'[2,"%04d%04d","%b",%b]' % (number, count, action.encode(), body)


if __name__ == "__main__":
    main()
