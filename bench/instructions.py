"""Instructions per message: what a change is judged by, for no other load moves them.

In one process without sockets (`bench.layers`), and over sockets with each server under
callgrind, which counts what the process executes and nothing the kernel does for it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.process_words import Ready
from app.settings import Settings
from app.settings_parts import HttpSettings, LogSettings, OcppSettings
from bench import callgrind, contenders, node
from bench.machine import InstructionCounter
from bench.servers import Server, Stations, plain, readme, told

NOT_HERE = "valgrind is not here: instructions are left out"


@dataclass(frozen=True)
class Portion:
    """What is asked of a server: each of its stations says so many messages of the mix."""

    stations: int
    warm: int
    counted: int


PORTIONS = {
    contenders.OURS: Portion(1_000, 10, 10),
    contenders.RPC: Portion(1_000, 20, 10),  # its code is compiled while it runs
    contenders.README: Portion(250, 2, 4),
}
"""Under callgrind a message takes some fifty times as long."""

_LAYER = re.compile(r"^ *([0-9.]+) thousand instructions: (.+)$", re.MULTILINE)
_WITHIN_S = 600


def inside() -> dict[str, float]:
    """Return thousand instructions per message of each layer; the first holds them all."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.layers"],
        capture_output=True,
        text=True,
        timeout=_WITHIN_S,
        check=True,
    )
    return layers_of(done.stdout)


def layers_of(said: str) -> dict[str, float]:
    """Read what the count of the layers prints."""
    return {layer: float(count) for count, layer in _LAYER.findall(said)}


def over_sockets(name: str, folder: Path, fleet: Path) -> dict[str, Any] | str:
    """Count one server's instructions per message; a sentence where it cannot be run."""
    if name == contenders.OURS:
        starting = _core(folder, fleet)
    else:
        command = node.rpc_server() if name == contenders.RPC else readme()
        if isinstance(command, str):
            return command
        starting = plain(name, callgrind.under(command, folder), folder)
    portion = PORTIONS[name]
    with starting as server, closing(Stations(server, folder)) as stations:
        stations.connect(portion.stations)
        for _ in range(portion.warm):
            stations.say("ask")
        counter = InstructionCounter([server.main])
        counter.open()
        before = stations.say("mark")["answered"]
        counter.start()
        for _ in range(portion.counted):
            stations.say("ask")
        counter.stop()
        messages = stations.say("mark")["answered"] - before
        count = counter.close()
    if count is None:
        return f"callgrind counted nothing for {name}"
    return {"server": name, "thousands": count / messages / 1e3, "messages": messages}


@contextmanager
def _core(folder: Path, fleet: Path) -> Iterator[Server]:
    """Run core by itself, as its supervisor would, but under callgrind."""
    data = Path(tempfile.mkdtemp(prefix="core-", dir=folder))
    settings = Settings(
        data=data,
        fleet=fleet,
        ocpp=OcppSettings(port=0),
        http=HttpSettings(port=0),
        log=LogSettings(level="warning"),
    )
    command = [sys.executable, "-m", "app.child", "core"]
    words = settings.model_dump_json()
    with told(callgrind.under(command, folder), words, folder / "core.log") as (pid, answer):
        ready = msgspec.json.decode(answer, type=Ready)
        yield Server(contenders.OURS, "127.0.0.1", ready.ocpp_port, {"core": pid})
