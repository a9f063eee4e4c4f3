"""What the detectors of odd lives remember: boots, updates, commands, certificates."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.places import StationId


class Update(msgspec.Struct):
    """A firmware update as the station tells of it, and the version before it."""

    status: str
    told_at: datetime
    firmware: str = ""


class Lives(msgspec.Struct):
    """By station; what is over is forgotten."""

    boots: dict[StationId, list[datetime]] = {}  # restarts that count, the latest few
    firmware: dict[StationId, str] = {}  # as of the last boot
    updates: dict[StationId, Update] = {}  # the latest told of, while it can still matter
    commanded: dict[StationId, datetime] = {}  # our last command that makes a station restart
    asked: dict[StationId, datetime] = {}  # our last question that may ask for a boot message
    away: dict[StationId, datetime] = {}  # links lost, or back after too short for a restart
    switched: dict[StationId, datetime] = {}  # our last ChangeAvailability
    limited: dict[StationId, datetime] = {}  # our last charging profile
    certificates: dict[StationId, datetime] = {}  # when each ends
    unplugged: dict[str, bool] = {}  # place whose vehicle was unplugged, while it is not free
    taken_out: dict[str, bool] = {}  # place out of use by a command of ours, while it lasts
