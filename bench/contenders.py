"""Who is measured: Foretell as it comes, over TLS, on a slow disk, and the two measures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench import node, slow_disk, tls_files
from bench.servers import Server, Surroundings, foretell, plain, readme
from bench.slow_disk import SlowDisk

OURS = "foretell"
TLS = "foretell-tls"
SLOW = "foretell-slow"
RPC = "ocpp-rpc"
README = "readme"
BARE = "connections"

Start = Callable[[], AbstractContextManager[Server]]
"""Starts a server afresh and stops it behind the block."""


@dataclass
class Contenders:
    """How each is started, by name; `left_out` says why others cannot be."""

    by_name: dict[str, Start] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    disk: SlowDisk | None = None


def contenders(names: set[str], folder: Path, fleet: Path) -> Contenders:
    """Prepare the named ones; what needs something this machine lacks is left out."""
    found = Contenders()
    if OURS in names:
        found.by_name[OURS] = ours(folder, fleet)
    if TLS in names:
        files = tls_files.make(folder)
        if isinstance(files, str):
            found.left_out.append(files)
        else:
            found.by_name[TLS] = partial(foretell, Surroundings(fleet, tls=files), folder)
    if SLOW in names:
        disk = slow_disk.build(folder)
        if isinstance(disk, str):
            found.left_out.append(disk)
        else:
            found.disk = disk
            found.by_name[SLOW] = partial(foretell, Surroundings(fleet, disk=disk), folder)
    if RPC in names:
        command = node.rpc_server()
        if isinstance(command, str):
            found.left_out.append(command)
        else:
            found.by_name[RPC] = partial(plain, RPC, command, folder)
    if README in names:
        found.by_name[README] = partial(plain, README, readme(), folder)
    if BARE in names:
        bare = [sys.executable, "-m", "bench.bare_server"]
        found.by_name[BARE] = partial(plain, BARE, bare, folder)
    return found


def ours(folder: Path, fleet: Path | None, data: Path | None = None) -> Start:
    """Return how Foretell is started on a fleet, and on kept stores where `data` is given."""
    return partial(foretell, Surroundings(fleet, data), folder)
