"""What a run counts, and the log of every frame."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO


@dataclass(slots=True, kw_only=True)
class Counters:
    """Totals of a run. `up_count` is of this moment, all others only grow."""

    station_count: int = 0
    up_count: int = 0
    connect_count: int = 0
    refused_count: int = 0
    refused_because: str = ""  # the latest of them
    lost_count: int = 0
    sent_count: int = 0  # CALLs
    answered_count: int = 0  # CALLRESULTs to our CALLs
    error_count: int = 0  # CALLERRORs to our CALLs, and answers we cannot read
    unanswered_count: int = 0  # CALLs that timed out or whose connection went
    stray_count: int = 0  # answers to no CALL of ours
    dropped_count: int = 0  # messages a full or hopeless queue gave up
    command_count: int = 0  # CALLs of the central system, answered
    transaction_count: int = 0
    step_count: int = 0  # scenario steps done

    def copy(self) -> Counters:
        """Return the totals as they are now."""
        return Counters(**asdict(self))


class FrameLog:
    """Writes every CALL sent and every answer received, one JSON object a line.

    `{"at", "station", "event", ...}` with event `connected`, `refused` or `disconnected`
    (`because`), `sent` (`id`, `action`, `frame`), `answered` (`id`, `action`, `frame` as it was
    sent, `answer`), `failed` (the same for a CALLERROR), `unanswered` (`id`, `action`, `frame`,
    `because`) and `commanded` (`action`, `answer`). Whatever stands in an `answered` line was
    acknowledged by the central system. Lines reach the file with each flush.
    """

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8")

    def write(self, at: datetime, station: str, event: str, **more: object) -> None:
        """Add a line."""
        line = {"at": at.isoformat(), "station": station, "event": event, **more}
        self._file.write(json.dumps(line) + "\n")

    def flush(self) -> None:
        """Hand everything written so far to the system."""
        self._file.flush()

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()
