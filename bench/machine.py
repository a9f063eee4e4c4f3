"""What the system counts for processes: CPU, memory, instructions; and pinning. Linux only."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bench import callgrind

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PERF_WAIT_S = 5


def cpu_s(pid: int) -> float:
    """Return the CPU seconds (user and system) of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def rss_kb(pid: int) -> int:
    """Return the resident memory of a process in KB (1,024 bytes)."""
    return _status(pid, "VmRSS:")


def peak_rss_kb(pid: int) -> int:
    """Return the most resident memory a process ever had, in KB (1,024 bytes)."""
    return _status(pid, "VmHWM:")


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0


def children(pid: int) -> list[int]:
    """Return the ids of a process's direct children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return found


def command_line(pid: int) -> str:
    """Return a process's command line."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """Return the command, bound to one core where the machine has more than one."""
    if shutil.which("taskset") is None or (os.cpu_count() or 1) < 2:
        return list(command)
    return ["taskset", "-c", str(core), *command]


@dataclass
class InstructionCounter:
    """Counts instructions of processes between `start` and `stop`.

    With `perf` where it may count, else with callgrind where that runs the (one) process.
    `what` names what was counted: all instructions, or user ones where the kernel's are hidden.
    """

    pids: Sequence[int]
    what: str = "none"
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _ends: tuple[int, int] = field(default=(-1, -1), repr=False)
    _count: callgrind.Count | None = field(default=None, repr=False)

    def open(self) -> None:
        """Attach to the processes, not counting yet."""
        if len(self.pids) == 1 and callgrind.is_under(self.pids[0]):
            self.what, self._count = callgrind.WHAT, callgrind.Count(self.pids[0])
            return
        event = countable()
        if event is None:
            return
        self.what = event
        commands_out, commands_in = os.pipe()
        done_out, done_in = os.pipe()
        self._process = subprocess.Popen(
            [
                *("perf", "stat", "-x", ",", "-e", self.what, "--delay", "-1"),
                *("--control", f"fd:{commands_out},{done_in}"),
                *("-p", ",".join(map(str, self.pids))),
            ],
            stderr=subprocess.PIPE,
            pass_fds=(commands_out, done_in),
            text=True,
        )
        os.close(commands_out)
        os.close(done_in)
        self._ends = (commands_in, done_out)

    def start(self) -> None:
        """Begin to count."""
        if self._count is not None:
            self._count.start()
        self._say(b"enable\n")

    def stop(self) -> None:
        """Count no further."""
        if self._count is not None:
            self._count.stop()
        self._say(b"disable\n")

    def close(self) -> float | None:
        """Return the instructions between start and stop; None where they cannot be counted."""
        if self._count is not None:
            return self._count.close()
        process = self._process
        if process is None:
            return None
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=_PERF_WAIT_S)
        for end in self._ends:
            os.close(end)
        for line in errors.splitlines():
            parts = line.split(",")
            if len(parts) > 2 and parts[2].startswith("instructions"):
                with contextlib.suppress(ValueError):
                    return float(parts[0])
        return None

    def _say(self, word: bytes) -> None:
        if self._process is not None:
            os.write(self._ends[0], word)
            os.read(self._ends[1], 100)


@cache
def countable() -> str | None:
    """Return the event `perf` can count here; None where it cannot count any."""
    if shutil.which("perf") is None:
        return None
    events = ("instructions", "instructions:u")
    return next((event for event in events if _can_count(event)), None)


def _can_count(event: str) -> bool:
    """Try an event: without the right, or in a guest without counters, it is not supported."""
    tried = subprocess.run(
        ["perf", "stat", "-x", ",", "-e", event, "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    return tried.returncode == 0 and not tried.stderr.startswith("<not")
