"""Moments and spans as people read them, in the zone and language of the reader. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from babel.dates import format_datetime

_PATTERNS = {
    "en": "EEE d MMM, HH:mm",
    "de": "EEE, d. MMM, HH:mm 'Uhr'",
}


def written(at: datetime, zone: tzinfo = UTC, language: str = "en") -> str:
    """Write a moment with its day: `Mon 5 Jan, 09:12`, `Mo., 5. Jan., 09:12 Uhr`."""
    known = language if language in _PATTERNS else "en"
    return format_datetime(at.astimezone(zone), _PATTERNS[known], locale=known)


def clock(at: datetime, zone: tzinfo = UTC) -> str:
    """Write the hour and minute of a moment near now: `22:05`."""
    return f"{at.astimezone(zone):%H:%M}"


def span(length: timedelta) -> str:
    """Write a span by its two largest units: `40 s`, `12 min`, `2 h 5 min`, `3 d 4 h`.

    Only the size counts, not the sign.
    """
    seconds = int(abs(length).total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 1:
        return f"{seconds} s"
    if hours < 1:
        return f"{minutes} min"
    if days < 1:
        rest = minutes % 60
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    rest = hours % 24
    return f"{days} d {rest} h" if rest else f"{days} d"
