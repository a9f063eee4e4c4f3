"""Counting where the machine has no counters: a process under valgrind's callgrind.

Instructions of the process alone, not those of the kernel on its behalf; they repeat within a
thousandth. Until counting begins the process runs some five times slower, then fifty.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

WHAT = "user instructions"
"""What is counted, in words of the table."""

_OUT = "--callgrind-out-file="
_ANSWER_WITHIN_S = 120


def is_here() -> bool:
    """Tell whether valgrind is installed."""
    return (
        shutil.which("valgrind") is not None and shutil.which("callgrind_control") is not None
    )


def under(command: Sequence[str], folder: Path) -> list[str]:
    """Return the command as one whose instructions `Count` can count; dumps go to `folder`."""
    options = ("--tool=callgrind", "--instr-atstart=no", "-q", f"{_OUT}{folder}/callgrind.%p")
    return ["valgrind", *options, *command]


def is_under(pid: int) -> bool:
    """Tell whether a process was started by `under`."""
    return _dumps_of(pid) is not None


class Count:
    """Counts one process's instructions between `start` and `stop`."""

    def __init__(self, pid: int) -> None:
        dumps = _dumps_of(pid)
        if dumps is None:
            raise ValueError(f"process {pid} does not run under callgrind")
        self._pid = pid
        self._dumps = dumps
        self._known = set(self._written())

    def start(self) -> None:
        """Begin to count at zero."""
        self._control("-z")
        self._control("-i", "on")

    def stop(self) -> None:
        """Count no further."""
        self._control("-i", "off")

    def close(self) -> float | None:
        """Return the count; None where callgrind wrote none."""
        self._control("-d")
        fresh = [path for path in self._written() if path not in self._known]
        return total_of(fresh[0].read_text(errors="replace")) if fresh else None

    def _control(self, *words: str) -> None:
        subprocess.run(
            ["callgrind_control", *words, str(self._pid)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_ANSWER_WITHIN_S,
            check=True,
        )

    def _written(self) -> list[Path]:
        return list(self._dumps.parent.glob(f"{self._dumps.name}.*"))


def total_of(dump: str) -> float | None:
    """Return the sum of a dump's costs; None where it has none."""
    for line in reversed(dump.splitlines()):
        if line.startswith("totals:"):
            return float(line.split()[1])
    return None


def _dumps_of(pid: int) -> Path | None:
    """Return where a process's dumps go, from the command line valgrind leaves it."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    for word in words:
        if word.startswith(_OUT):
            return Path(word.removeprefix(_OUT).replace("%p", str(pid)))
    return None
