"""Judging the clock and the time zones: promises and journal live by them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from app.doctor_facts import Facts, Finding, ok, problem, warning

AHEAD_LIMIT = timedelta(minutes=2)
"""Files from the future by more than this: the clock was set back, or is wrong now."""

JUMP_LIMIT_S = 0.5
"""What a clock may jump while we look; NTP moves it by milliseconds."""


def check_clock(facts: Facts) -> Iterator[Finding]:
    """Judge the clock."""
    clock, check = facts.clock, "clock"
    set_it = "set the clock and keep NTP running (systemd: timedatectl set-ntp true)"
    shown = f"{clock.now:%Y-%m-%d %H:%M:%S} UTC"
    newest = clock.newest_file_at
    if newest is not None and newest - clock.now > AHEAD_LIMIT:
        behind = f"{clock.newest_file} was written {newest:%Y-%m-%d %H:%M:%S} UTC"
        yield problem(check, f"it is {shown} by the clock, but {behind}", set_it)
    elif abs(clock.drift_s) > JUMP_LIMIT_S:
        says = f"the clock jumped by {clock.drift_s:.1f} s while it was looked at"
        yield warning(check, says, set_it)
    elif clock.is_synchronised is False:
        yield warning(check, f"{shown}, kept right by nobody (NTP is off or fails)", set_it)
    else:
        kept = "kept right by NTP" if clock.is_synchronised else "whether by NTP is not known"
        yield ok(check, f"{shown}, {kept}")


def check_time_zones(facts: Facts) -> Iterator[Finding]:
    """Judge the time zone database: quiet hours and promises are in the sites' time."""
    if facts.zones_trouble:
        yield problem("time-zones", facts.zones_trouble, "install the newest `tzdata`")
    else:
        yield ok("time-zones", "known")
