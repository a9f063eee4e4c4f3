"""The servers under test, as processes: started, found, asked and stopped."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.machine import children, command_line, pinned
from bench.slow_disk import SlowDisk
from bench.tls_files import TlsFiles

SERVER_CORE = 0
STATIONS_CORE = 1

_STATIONS_AT = re.compile(r"stations: ws://([^:/]+):([0-9]+)/")
_CONSOLE_AT = re.compile(r"console: +(http://[^/]+)/")
_START_WITHIN_S = 60
_LOG_END = 2_000
_STOP_WITHIN_S = 60
_PAUSE = re.compile(r"^foretell_longest_pause_seconds ([0-9.e+-]+)$", re.MULTILINE)


@dataclass
class Server:
    """A running central system. `roles` maps what it consists of to process ids."""

    name: str
    host: str
    port: int
    roles: dict[str, int]
    http: str = ""
    has_tls: bool = False

    @property
    def main(self) -> int:
        """The process that stations talk to."""
        return self.roles.get("core") or next(iter(self.roles.values()))

    def longest_pause_s(self) -> float | None:
        """Return the loop's longest pause of the last minutes; None where nobody counts it."""
        if not self.http:
            return None
        with urllib.request.urlopen(f"{self.http}/metrics", timeout=30) as answer:
            found = _PAUSE.search(answer.read().decode())
        return float(found.group(1)) if found else None


@dataclass(frozen=True)
class Surroundings:
    """What Foretell is run with beyond its defaults. `data` is kept; without it, fresh stores.

    With `profile`, all of it in one process under cProfile, which writes its figures there.
    """

    fleet: Path | None = None
    data: Path | None = None
    tls: TlsFiles | None = None
    disk: SlowDisk | None = None
    profile: Path | None = None


@contextmanager
def foretell(with_: Surroundings, folder: Path) -> Iterator[Server]:
    """Run `foretell serve` with everything it does by default."""
    data = with_.data or Path(tempfile.mkdtemp(prefix="serve-", dir=folder))
    command = [sys.executable, "-m", "app"]
    if with_.profile is not None:
        command = [sys.executable, "-m", "cProfile", "-o", str(with_.profile), "-m", "app"]
    command += ["serve", "--data", str(data)]
    command += ["--one-process"] if with_.profile is not None else []
    command += ["--ocpp-port", "0", "--http-port", "0", "--log-level", "warning"]
    if with_.fleet is not None:
        command += ["--fleet", str(with_.fleet)]
    environment = with_.disk.environment() if with_.disk is not None else {}
    if with_.tls is not None:
        environment |= with_.tls.environment()
    log = folder / "serve.log"
    process = _start(command, log, environment=environment)
    try:
        host, port = _wait_for(process, _STATIONS_AT, log)
        http = _wait_for(process, _CONSOLE_AT, log)[0]
        roles = {"supervisor": process.pid}
        for child in children(process.pid):
            roles[command_line(child).split()[-1]] = child
        where = int(port) if with_.tls is None else with_.tls.port
        yield Server("foretell", host, where, roles, http, with_.tls is not None)
    finally:
        _stop(process)
        if with_.data is None:
            shutil.rmtree(data, ignore_errors=True)


@contextmanager
def plain(name: str, command: list[str], folder: Path) -> Iterator[Server]:
    """Run a central system of one process that says where it listens."""
    log = folder / f"{name}.log"
    process = _start(command, log)
    try:
        host, port = _wait_for(process, _STATIONS_AT, log)
        yield Server(name, host, int(port), {"server": process.pid})
    finally:
        _stop(process)


@contextmanager
def told(command: list[str], first: str, log: Path) -> Iterator[tuple[int, str]]:
    """Run a server that is told a first line; yield its process id and its first answer."""
    process = _start(command, log, talks=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(f"{first}\n")
        process.stdin.flush()
        yield process.pid, process.stdout.readline()
    finally:
        _stop(process)


def readme() -> list[str]:
    """Return the command of the central system that the `ocpp` library's README shows."""
    return [sys.executable, "-m", "bench.readme_server"]


class Stations:
    """The load generator, driven over its streams."""

    def __init__(self, server: Server, folder: Path, passwords: Path | None = None) -> None:
        command = [sys.executable, "-m", "bench.stations", server.host, str(server.port)]
        command += ["--tls"] if server.has_tls else []
        command += ["--passwords", str(passwords)] if passwords is not None else []
        self._process = _start(command, folder / "stations.log", core=STATIONS_CORE, talks=True)

    def say(self, words: str) -> dict[str, float]:
        """Give a command and return its answer. Raises RuntimeError where it failed."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{words}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator failed at {words!r}: see stations.log")
        answer: dict[str, float] = json.loads(line)
        return answer

    def connect(self, count: int, *, statuses: int = 3, at_once: int = 64) -> float:
        """Connect and boot more stations; return the seconds it took."""
        return self.say(f"connect {count} {statuses} {at_once}")["took_s"]

    def close(self) -> None:
        """Let all connections go."""
        _stop(self._process)


def file_limit(wanted: int) -> int:
    """Raise our limit of open files for all processes below us; return what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted and soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _start(
    command: list[str],
    log: Path,
    *,
    core: int = SERVER_CORE,
    talks: bool = False,
    environment: Mapping[str, str] = {},
) -> subprocess.Popen[str]:
    with log.open("a") as errors:
        return subprocess.Popen(
            pinned(core, command),
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200", **environment},
        )


def _wait_for(
    process: subprocess.Popen[str], pattern: re.Pattern[str], log: Path
) -> tuple[str, ...]:
    """Read what it prints until it says where it listens. RuntimeError with its log's end."""
    assert process.stdout is not None
    give_up = threading.Timer(_START_WITHIN_S, process.kill)
    give_up.start()
    try:
        for line in process.stdout:
            if (found := pattern.search(line)) is not None:
                return tuple(found.groups())
    finally:
        give_up.cancel()
    raise RuntimeError(f"the server did not come up: {log.read_text()[-_LOG_END:]}")


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
