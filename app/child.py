"""One process of the service: `python -m app.child core|web`, started by the supervisor.

Settings come as one JSON line on standard input; that stream's end means that the supervisor
is gone, and the process stops. What the supervisor needs to know goes out as JSON lines.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import msgspec
import uvloop

from app.logs import set_up_logs
from app.process_words import Failed, Message, Report, Role, StartError
from app.settings import Settings


async def run_role(role: Role, settings: Settings, report: Report, stop: asyncio.Event) -> None:
    """Run one role until `stop`; report when it is ready."""
    if role == "core":
        from app.run_core import run_core

        await run_core(settings, report, stop)
    else:
        from app.run_web import run_web

        await run_web(settings, report, stop)


def main(role: Role) -> int:
    """Run the process. Exit status 2: it cannot start, and said why."""
    settings = Settings.model_validate_json(sys.stdin.readline())
    set_up_logs(settings.log, role)
    send = _sender()
    try:
        uvloop.run(_until_told(lambda stop: run_role(role, settings, send, stop)))
    except StartError as error:
        send(Failed(str(error)))
        return 2
    return 0


async def _until_told(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await loop.connect_read_pipe(lambda: _Lifeline(stop), sys.stdin.buffer)
    await work(stop)


class _Lifeline(asyncio.Protocol):
    """Standard input: its end means that nobody is left to supervise us."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop."""
        self._stop.set()


def _sender() -> Report:
    def send(message: Message) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
        sys.stdout.buffer.flush()

    return send


if __name__ == "__main__":
    sys.exit(main("web" if sys.argv[1:] == ["web"] else "core"))
