"""What the doctor knows when it judges, and how it words what it found. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal

import msgspec

from app.settings import Settings
from domain.places import StationId


class Grade(StrEnum):
    """How bad a finding is. Problems keep the service from its work, warnings may not."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. `do` is what to do about it, "" where nothing is."""

    check: str
    grade: Grade
    says: str
    do: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """The data directory. `refusal`: why nothing can be written there, "" where it can.

    `sync_ms` is the median of what a small write takes to be durable.
    """

    folder: Path
    is_there: bool = True
    is_private: bool = True
    refusal: str = ""
    free_bytes: int = 0
    sync_ms: float | None = None
    journal_bytes: int = 0
    journal_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """One store's file. `trouble`: why it cannot be read."""

    name: str
    version: Literal["known", "older", "newer"] = "known"
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortFacts:
    """A port we want. `said`: what the system says of one that cannot be had."""

    setting: str
    host: str
    port: int
    state: Literal["free", "ours", "taken", "refused", "any"]
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """A certificate, or the file of several. `trouble`: why it cannot be used at all.

    `lacks_issuer`: signed by one that neither the file nor this system holds.
    """

    file: Path
    trouble: str = ""
    subject: str = ""
    names: tuple[str, ...] = ()
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    lacks_issuer: str = ""
    is_key_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFacts:
    """The clock. `drift_s`: how far it jumped while we looked; None: nobody can say."""

    now: datetime
    drift_s: float = 0.0
    newest_file: str = ""
    newest_file_at: datetime | None = None
    is_synchronised: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFacts:
    """The running service, as it speaks of itself."""

    is_running: bool = False
    reasons: tuple[str, ...] = ()  # why it is not ready


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFacts:
    """The fleet file; without one `path` is None."""

    path: Path | None = None
    mistakes: tuple[str, ...] = ()
    stations: frozenset[StationId] = frozenset()
    sites_without_readers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that was looked up. Where a fact is a text of a trouble, "" is well."""

    settings: Settings
    data: DataFacts
    clock: ClockFacts
    stores: tuple[StoreFacts, ...] = ()
    ports: tuple[PortFacts, ...] = ()
    certificate: CertificateFacts | None = None
    client_ca: tuple[CertificateFacts, ...] = ()
    service: ServiceFacts = field(default_factory=ServiceFacts)
    fleet: FleetFacts = field(default_factory=FleetFacts)
    secret_trouble: str = ""
    rules_trouble: str = ""
    mail_trouble: str = ""
    zones_trouble: str = ""
    file_limit: int = 65_536
    passwords: frozenset[StationId] = frozenset()
    token_count: int = 0


def ok(check: str, says: str) -> Finding:
    """Return what is well."""
    return Finding(check, Grade.OK, says)


def warning(check: str, says: str, do: str) -> Finding:
    """Return what should be looked at."""
    return Finding(check, Grade.WARNING, says, do)


def problem(check: str, says: str, do: str) -> Finding:
    """Return what must be mended."""
    return Finding(check, Grade.PROBLEM, says, do)
