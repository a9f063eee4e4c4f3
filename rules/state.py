"""Everything the engine remembers, as one value that a snapshot can hold."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.beliefs import Fleet
from domain.places import Place, StationId
from rules.memory.lives import Lives
from rules.memory.metering import Metering
from rules.memory.outages import Group, Outages
from rules.memory.usage import Usage
from rules.memory.words import WordSeen
from rules.tracks import Track


class Window(msgspec.Struct, frozen=True):
    """A maintenance window or a silence over a place. `rule` "" means all rules."""

    kind: str  # "maintenance" | "silence"
    place: Place
    until: datetime
    rule: str = ""

    @property
    def name(self) -> str:
        """How faults name it in `inhibited_by`."""
        return f"{self.kind}@{self.place}"


class Hardware(msgspec.Struct):
    """What a station said of itself when it booted; "" where it never said. `tasks_at`: when
    changes became tasks, the newest few."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    tasks_at: list[datetime] = []


class EngineState(msgspec.Struct):
    """The engine's whole memory."""

    fleet: Fleet = msgspec.field(default_factory=Fleet)
    tracks: dict[str, Track] = {}
    windows: list[Window] = []
    wakes: dict[str, dict[str, datetime]] = {}  # by detector's name and key: when to look again
    losses: dict[StationId, list[datetime]] = {}  # of the connection, the latest few
    lives: Lives = msgspec.field(default_factory=Lives)
    metering: Metering = msgspec.field(default_factory=Metering)
    usage: Usage = msgspec.field(default_factory=Usage)
    sites: dict[str, Group] = {}  # dark or clearing
    outages: Outages = msgspec.field(default_factory=Outages)  # wider than one site, or ours
    known_work: set[str] = set()  # keys of tasks found, each once ever
    words: dict[str, WordSeen] = {}  # by key of the task to classify it
    words_at: dict[str, list[datetime]] = {}  # by place: when unknown words became tasks
    hardware: dict[StationId, Hardware] = {}  # as of the last boot
    rules_version: str = ""  # of the rules and words that decided last
