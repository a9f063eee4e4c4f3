"""A slow disk for whoever has a fast one: every fsync of a process takes so much longer."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

ADDED_MS = 5.0

_SOURCE = Path(__file__).with_name("slow_disk.c")
_COUNTS = struct.Struct("=QQ")


@dataclass(frozen=True)
class SlowDisk:
    """A built library that slows a process's fsyncs down, and where it counts them."""

    library: Path
    counts: Path

    def environment(self) -> dict[str, str]:
        """Return what a process needs in its environment to have the slow disk."""
        return {
            "LD_PRELOAD": str(self.library),
            "BENCH_FSYNC_US": f"{ADDED_MS * 1e3:.0f}",
            "BENCH_FSYNC_FILE": str(self.counts),
        }

    def count(self, pid: int) -> tuple[int, int]:
        """Return how many fsyncs held up a process's first thread, and how many others."""
        path = self.counts.with_name(f"{self.counts.name}.{pid}")
        if not path.exists():
            return 0, 0
        on_first, beside = _COUNTS.unpack(path.read_bytes())
        return on_first, beside


def build(folder: Path) -> SlowDisk | str:
    """Compile the library into `folder`; a sentence where that cannot be done."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return "no C compiler is here, so the slow disk is left out"
    library = folder / "slow_disk.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"the slow disk cannot be compiled and is left out: {done.stderr.strip()[-300:]}"
    return SlowDisk(library, folder / "fsyncs")
