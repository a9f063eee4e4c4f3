"""`foretell demo`: the whole service on embedded defaults, with a simulated fleet that suffers.

It keeps a data directory of its own, begun afresh unless told to keep it, and says what it is
doing: the addresses, the first ticket, the first notice, and how the fleet is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from datetime import datetime, time
from pathlib import Path

import uvloop
from rich.console import Console

from app.clock import SystemClock
from app.core_parts import TICKETS_FILE
from app.data_lock import DataBusyError, DataLock
from app.fleet_file import read_fleet
from app.logs import set_up_logs
from app.process_words import StartError
from app.serve import OURS_ALONE, Service
from app.settings import Settings
from app.settings_parts import QuietSettings, TextSettings
from domain.tickets import TicketKind
from simulator.fleet import make_fleet
from simulator.fleet_file import write_fleet_yaml
from simulator.run import Progress
from simulator.run import run as run_fleet
from ticketing.store import TicketReader
from ticketing.store_rows import NoticeState, TicketFilter, TicketOrder

OURS = "foretell-demo"
"""A file that marks a data directory as the demo's own: no other is ever begun afresh."""

FICTIONAL_PHONE = "+49 30 23125 000"
"""From the numbers that Germany's network agency keeps free for fiction."""

SHOWN_KINDS = (TicketKind.FAULT, TicketKind.SITE, TicketKind.FLEET, TicketKind.REQUEST)
LINE_EVERY_S = 10.0
WATCH_EVERY_S = 0.5


def run(
    settings: Settings,
    *,
    sites: int,
    stations_per_site: int | None,
    speed: float,
    duration_s: float | None,
    seed: int,
    keep: bool,
) -> int:
    """Run the demo until Ctrl-C or the end of its duration. Exit status 2: it cannot start."""
    os.umask(OURS_ALONE)
    set_up_logs(settings.log, "demo")
    console = Console(highlight=False)
    try:
        settings = _prepare(settings, console, sites, stations_per_site, seed, keep=keep)
        uvloop.run(Demo(settings, console).run(speed=speed, duration_s=duration_s, seed=seed))
    except StartError as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        return 2
    return 0


def _prepare(
    settings: Settings,
    console: Console,
    sites: int,
    stations_per_site: int | None,
    seed: int,
    *,
    keep: bool,
) -> Settings:
    data = settings.data.resolve()
    mark = data / OURS
    if data.exists() and any(data.iterdir()) and not mark.exists():
        raise StartError(f"{data} is not a demo's data directory: name another with --data")
    if data.exists() and not keep:
        _refuse_if_busy(data)
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
    mark.touch()
    fleet = data / "fleet.yaml"
    if not fleet.exists():
        console.print(f"making a fleet of {sites} sites (seed {seed})")
        write_fleet_yaml(make_fleet(sites, seed, stations_per_site), fleet)
    ocpp_port = _port_or_free(settings.host, settings.ocpp.port, "OCPP", console)
    http_port = _port_or_free(settings.host, settings.http.port, "HTTP", console)
    return settings.model_copy(
        update={
            "data": data,
            "fleet": fleet,
            "ocpp": settings.ocpp.model_copy(update={"port": ocpp_port}),
            "http": settings.http.model_copy(update={"port": http_port}),
            "texts": _demo_texts(settings.texts),
            # A demo is shown at any hour: nothing waits for the morning.
            "quiet": QuietSettings(begins_at=time(0), ends_at=time(0)),
        }
    )


def _refuse_if_busy(data: Path) -> None:
    """Raise `StartError` where another demo is at work: its files must stay."""
    try:
        DataLock(data).close()
    except DataBusyError as error:
        raise StartError(str(error)) from error


def _demo_texts(texts: TextSettings) -> TextSettings:
    """Put a number that belongs to nobody where none is set."""
    words = {"phone": texts.phone or FICTIONAL_PHONE}
    return texts.model_copy(update=words)


def _port_or_free(host: str, port: int, what: str, console: Console) -> int:
    """Return the port, or a free one where it is taken or 0; say so."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            if port:
                sock.bind((host, port))
                return port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
        sock.bind((host, 0))
        free: int = sock.getsockname()[1]
    if port:
        console.print(f"{what} port {port} is taken; using {free}")
    return free


class Demo:
    """One run of the demo."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self._settings = settings
        self._console = console
        self._clock = SystemClock()
        self._up_at: datetime | None = None
        self._progress: Progress | None = None
        self._reader = TicketReader(settings.data / TICKETS_FILE)

    async def run(self, *, speed: float, duration_s: float | None, seed: int) -> None:
        """Start the service, run the fleet, tell what happens, stop in order."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        registry = read_fleet(self._settings.data / "fleet.yaml")
        service = Service(self._settings, self._say)
        await service.start(stop)
        self._up_at = self._clock.now()
        self._say(
            f"connecting {len(registry.stations):,} stations of {len(registry.sites)} sites;"
            " the first faults follow within a minute. Ctrl-C ends everything."
        )
        watch = asyncio.create_task(self._watch(), name="watch")
        settings = service.settings
        try:
            await run_fleet(
                f"ws://{settings.host}:{settings.ocpp.port}/ocpp",
                settings.data / "fleet.yaml",
                speed=speed,
                seed=seed,
                duration_s=duration_s,
                on_progress=self._note,
                stop=stop,
            )
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            self._say("ending: stations first, then the service; the data directory stays")
            await service.close()
            self._reader.close()

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)

    def _note(self, progress: Progress) -> None:
        self._progress = progress

    async def _watch(self) -> None:
        """Tell of the first ticket and notice when they come, and of the fleet now and then."""
        has_ticket = has_notice = False
        next_line_s = 0.0
        with self._console.status("starting") as status:
            while True:
                await asyncio.sleep(WATCH_EVERY_S)
                if not has_ticket:
                    has_ticket = await asyncio.to_thread(self._tell_first_ticket)
                if not has_notice:
                    has_notice = await asyncio.to_thread(self._tell_first_notice)
                line = await asyncio.to_thread(self._line)
                status.update(line)
                at_s = self._progress.at_s if self._progress else 0.0
                if at_s >= next_line_s and not self._console.is_terminal:
                    next_line_s = at_s + LINE_EVERY_S
                    self._say(line)

    def _since_up(self, at: datetime) -> str:
        return f"{(at - self._up_at).total_seconds():.0f} s" if self._up_at else "?"

    def _is_of_this_run(self, at: datetime) -> bool:
        """Whether it is news: data that was kept holds tickets and notices of earlier runs."""
        return self._up_at is not None and at >= self._up_at

    def _tell_first_ticket(self) -> bool:
        page = self._reader.tickets(
            TicketFilter(kinds=SHOWN_KINDS), order=TicketOrder.OLDEST, limit=1
        )
        for ticket in page.items:
            if not self._is_of_this_run(ticket.opened_at):
                break
            at = self._since_up(ticket.opened_at)
            self._say(f"first ticket after {at}: {ticket.id} {ticket.title}")
            self._say(f"  {self._settings.local_url}/console/tickets/{ticket.id}")
        return bool(page.items)

    def _tell_first_notice(self) -> bool:
        page = self._reader.notices(limit=1, is_newest_first=False)
        for stored in page.items:
            notice = stored.notice
            if not self._is_of_this_run(notice.at):
                break
            at = self._since_up(notice.at)
            self._say(
                f"first notice after {at}, to {notice.name or notice.to}: {notice.subject}"
            )
            links = [word for word in notice.text.split() if "/s/" in word]
            if links:
                self._say(f"  the customer's page: {links[-1]}")
            self._say(f"  mails as files: {self._settings.data / 'mail'}")
        return bool(page.items)

    def _line(self) -> str:
        counts = self._reader.ticket_counts(TicketFilter(kinds=SHOWN_KINDS))
        unresolved = sum(number for state, number in counts.items() if state.is_unresolved)
        notices = self._reader.notice_counts().get(NoticeState.SENT, 0)
        fleet = self._progress.counters if self._progress else None
        # Fits a terminal of 80 columns: a line that wraps is left behind at every update.
        head = (
            f"{fleet.up_count:,}/{fleet.station_count:,} stations, {fleet.sent_count:,} frames"
            + (f" ({fleet.unanswered_count:,} unanswered)" if fleet.unanswered_count else "")
            if fleet
            else "starting"
        )
        return f"{head}, unresolved tickets: {unresolved}, notices: {notices}"
