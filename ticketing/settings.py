"""The desk's settings: numbers and names its decisions and texts depend on."""

from __future__ import annotations

from datetime import time, timedelta

import msgspec


class DeskSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the desk that an operator may set; defaults are the contract's.

    `phone` is the number a person answers ("" = none: what needs it falls away).
    `is_rehearsal`: nothing is sent (replay), so what this installation lacks is nobody's task.
    `emergency_number` overrides the number of the site's country ("" = the country's).
    """

    phone: str = ""
    team_name: str = "Foretell"
    emergency_number: str = ""
    quiet_from: time = time(21)
    quiet_until: time = time(7)
    minor_told_after: timedelta = timedelta(hours=4)
    relapse_within: timedelta = timedelta(hours=24)
    closed_after: timedelta = timedelta(hours=24)
    request_joins_within: timedelta = timedelta(hours=2)
    notices_at_most: int = 4
    notices_within: timedelta = timedelta(hours=12)
    history_at_most: int = 500
    is_rehearsal: bool = False
