"""What a process of the service says to its supervisor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

Role = Literal["core", "web"]


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process does its work. Ports are as bound; 0 where it has none of the kind."""

    ocpp_port: int = 0
    tls_port: int = 0
    http_port: int = 0
    admin_password: str = ""  # of the admin created at the first start, said once


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The process cannot start, for a reason that trying again does not mend."""

    reason: str


Message = Ready | Failed
Report = Callable[[Message], None]


class StartError(Exception):
    """A process cannot start; the message says why and what to do."""
