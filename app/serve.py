"""`foretell serve`: starts core and web, restarts the one that dies, stops in order.

With `one_process` both run on one loop (tests). The supervisor itself holds no state: whatever
happens to a process, the stores and the journal know where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable

import msgspec
import structlog
import uvloop
from rich.console import Console

from app.logs import set_up_logs
from app.process_words import Failed, Message, Ready, Report, Role, StartError
from app.serve_notes import notes_on
from app.settings import Settings

log = structlog.get_logger(__name__)

RESTART_FIRST_S = 0.2
RESTART_LAST_S = 10.0
STEADY_AFTER_S = 60.0
"""A process that lived this long starts again without a pause."""
STOP_WITHIN_S = 20.0
START_WITHIN_S = 600.0
"""A core that has months of journal to replay may take minutes."""

OURS_ALONE = 0o077
"""Stores, mails and frames name customers and their people: no other user may read them."""

_MESSAGE_READER = msgspec.json.Decoder(Message)
Say = Callable[[str], None]


def run(settings: Settings) -> int:
    """Run the service until it is told to stop. Exit status 2 where it cannot start."""
    os.umask(OURS_ALONE)
    set_up_logs(settings.log, "serve")
    console = Console(stderr=False, highlight=False)
    try:
        return uvloop.run(
            serve(settings, lambda line: console.print(line, markup=False, soft_wrap=True))
        )
    except StartError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        return 2


async def serve(settings: Settings, say: Say) -> int:
    """Run the service until SIGTERM or SIGINT. Raises `StartError`."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    service = Service(settings, say)
    # The end of a terminal ends what runs in it; a service in the background reads its rules.
    is_ours = sys.stdin is not None and sys.stdin.isatty()
    loop.add_signal_handler(signal.SIGHUP, stop.set if is_ours else service.hang_up)
    await service.start(stop)
    for note in () if stop.is_set() else notes_on(service.settings):
        say(f"note:     {note}")
    await stop.wait()
    say("stopping: letting answers leave, keeping everything")
    await service.close()
    return 0


class Service:
    """The processes of one service. After `start`, `settings` names the ports as bound."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self.settings = settings
        self._say = say
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._processes: dict[Role, asyncio.subprocess.Process] = {}
        self._started: set[Role] = set()

    async def start(self, stop: asyncio.Event | None = None) -> None:
        """Start core, then web. Raises `StartError`; `stop` ends a start that takes long."""
        stop = stop or asyncio.Event()
        data = self.settings.data
        data.mkdir(parents=True, exist_ok=True)
        self.settings = self.settings.model_copy(update={"data": data.resolve()})
        await self._start_role("core", stop)
        if stop.is_set():
            return
        ocpp = self.settings.ocpp
        self._say(f"stations: ws://{self.settings.plain_host}:{ocpp.port}/ocpp/<id>")
        if ocpp.has_tls:
            self._say(f"stations: wss://{self.settings.host}:{ocpp.port_tls}/ocpp/<id>")
        await self._start_role("web", stop)
        if stop.is_set():
            return
        # Ports may have come from flags, or been chosen: the command line finds us by this.
        self.settings.address_path.write_text(f"{self.settings.local_url}\n", "utf-8")
        self._say(f"console:  {self.settings.local_url}/console/")
        self._say(f"API:      {self.settings.local_url}/docs")

    async def close(self) -> None:
        """Stop web, then core: nobody is left who could ask for what is not there."""
        self._stop.set()
        if "web" in self._started:
            self.settings.address_path.unlink(missing_ok=True)
        await self._end("web")
        await self._end("core")
        if self._tasks:  # with one process they are the service, and stop in order themselves
            await asyncio.wait(self._tasks, timeout=STOP_WITHIN_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hang_up(self) -> None:
        """Hand SIGHUP on: core reads its rules again (in one process it took it itself)."""
        core = self._processes.get("core")
        if core is not None and core.returncode is None and "core" in self._started:
            core.send_signal(signal.SIGHUP)

    async def _end(self, role: Role) -> None:
        process = self._processes.get(role)
        if process is not None and process.returncode is None:
            await _stop_process(process)

    async def _start_role(self, role: Role, stop: asyncio.Event) -> None:
        """Start a role and wait until it is ready, or until we are told to stop."""
        ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        work = (
            self._run_here(role, ready)
            if self.settings.one_process
            else self._keep(role, ready)
        )
        self._tasks.append(asyncio.create_task(work, name=role))
        stopping = asyncio.create_task(stop.wait(), name="until stopped")
        await asyncio.wait(
            (ready, stopping), timeout=START_WITHIN_S, return_when=asyncio.FIRST_COMPLETED
        )
        stopping.cancel()
        if not ready.done() and not stop.is_set():
            ready.set_exception(StartError(f"{role} was not ready in {START_WITHIN_S:g} s"))
        try:
            if ready.done():
                self._note(ready.result())
                self._started.add(role)
        except StartError:
            await self.close()
            raise

    def _note(self, ready: Ready) -> None:
        """Keep the ports: after a restart stations and browsers look for us where we were."""
        settings = self.settings
        if ready.ocpp_port:
            ocpp = settings.ocpp.model_copy(
                update={
                    "port": ready.ocpp_port,
                    "port_tls": ready.tls_port or settings.ocpp.port_tls,
                }
            )
            self.settings = settings.model_copy(update={"ocpp": ocpp})
        if ready.http_port:
            http = settings.http.model_copy(update={"port": ready.http_port})
            self.settings = settings.model_copy(update={"http": http})
        if ready.admin_password:
            self._say(f"login:    admin  {ready.admin_password}   (shown this once)")

    async def _run_here(self, role: Role, ready: asyncio.Future[Ready]) -> None:
        from app.run_core import run_core
        from app.run_web import run_web

        work = run_core if role == "core" else run_web
        try:
            await work(self.settings, _into(ready), self._stop)
        except Exception as error:  # the supervisor of a role that runs in here
            if not isinstance(error, StartError):
                log.exception("role fell", role=role)
            if not ready.done():
                ready.set_exception(StartError(str(error) or type(error).__name__))

    async def _keep(self, role: Role, ready: asyncio.Future[Ready]) -> None:
        """Run a process again and again until we stop; the first failure to start is final."""
        pause_s = RESTART_FIRST_S
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            started_at = loop.time()
            is_first = not ready.done()
            try:
                reason = await self._run_process(
                    role, _into(ready) if is_first else self._again(role)
                )
            except Exception as error:  # the one supervisor of a role: nobody else restarts it
                log.exception("supervision stumbled", role=role)
                reason = f"supervision stumbled: {error}"
                await self._end(role)
            if self._stop.is_set():
                return
            if not ready.done():
                ready.set_exception(StartError(reason))
                return
            lived_s = loop.time() - started_at
            pause_s = (
                RESTART_FIRST_S
                if lived_s > STEADY_AFTER_S
                else min(pause_s * 2, RESTART_LAST_S)
            )
            log.error("process died, starting it again", role=role, reason=reason, in_s=pause_s)
            self._say(f"{role} died ({reason}); starting it again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause_s)

    def _again(self, role: Role) -> Report:
        def report(message: Message) -> None:
            if isinstance(message, Ready):
                self._say(f"{role} is back")
            else:
                self._say(f"{role} cannot start: {message.reason}")

        return report

    async def _run_process(self, role: Role, report: Report) -> str:
        """Run one process to its end and return why it ended."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app.child",
            role,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches the supervisor, which stops them in order
        )
        self._processes[role] = process
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both streams were asked for")
        process.stdin.write(_settings_line(self.settings))
        failed = ""
        async for line in process.stdout:
            try:
                message = _MESSAGE_READER.decode(line)
            except msgspec.MsgspecError:  # a library that prints is no reason to fall
                log.warning("process said something else", role=role, said=line[:200])
                continue
            if isinstance(message, Failed):
                failed = message.reason
            report(message)
        status = await process.wait()
        return failed or (f"signal {-status}" if status < 0 else f"exit status {status}")


def _into(ready: asyncio.Future[Ready]) -> Report:
    def report(message: Message) -> None:
        if isinstance(message, Ready) and not ready.done():
            ready.set_result(message)

    return report


def _settings_line(settings: Settings) -> bytes:
    """The settings for a child, secrets in clear: the pipe is ours alone."""
    plain = settings.model_dump(mode="json", by_alias=False)
    plain["smtp"]["password"] = settings.smtp.password.get_secret_value()
    return msgspec.json.encode(plain) + b"\n"


async def _stop_process(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
    except TimeoutError:
        log.warning("process did not stop in time", pid=process.pid)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
