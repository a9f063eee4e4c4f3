"""Moments as stations write them: every ISO 8601 form, and what else has been seen. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

RFC3339 = (
    r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])\Z"
)
"""What the schemas' `date-time` means (RFC 3339 §5.6). Days such as 30 February still match."""

_LEAP_SECOND = re.compile(r":60(?=$|[.,Zz+-])")
_EPOCH = re.compile(r"-?[0-9]{1,13}(?:\.[0-9]+)?\Z")
_MILLISECONDS_FROM = 100_000_000_000  # as seconds that would be the year 5138


def read_moment(text: str) -> datetime | None:
    """Return the moment in UTC, or None where the text is no moment at all.

    A text without a zone is taken as UTC: the station's own zone is not known here, and
    `reported_at` decides nothing.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        tidy = _LEAP_SECOND.sub(":59", text.strip().upper())
        try:
            moment = datetime.fromisoformat(tidy)
        except ValueError:
            return read_epoch(float(tidy)) if _EPOCH.match(tidy) else None
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # year 1 or 9999, pushed out of the calendar by its offset
        return None


def read_epoch(number: float) -> datetime | None:
    """Return the moment of a Unix time in seconds or milliseconds; None before 1970."""
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    if not 0 <= seconds < _MILLISECONDS_FROM:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@lru_cache(maxsize=16)  # all answers of one turn of the loop share their moment
def write_moment(moment: datetime) -> str:
    """Write a UTC moment as stations understand it: `YYYY-MM-DDTHH:MM:SSZ` (quirk B8)."""
    return f"{moment.isoformat()[:19]}Z"
