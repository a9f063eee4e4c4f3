"""Which running transaction a stop is about whose number nobody gave. Pure.

Stations number transactions themselves while they are offline, send 0 or -1, or repeat numbers
of another central system (quirks F2, K1, J10). Such a stop is matched with what runs at the
station by the token, the moments and the meter, and only where a single one fits; else it is
foreign, acknowledged, and ends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

CLOCK_TRUST = timedelta(seconds=60)
"""A begin that a station dates later than this after we heard of it has a wrong clock."""

_METER_NOISE_WH = 10.0  # stops of one watt-hour less than their start were seen (quirk F5)
_NO_NUMBER = "?"
_DIGITS = 10
_NUMBERS = range(1, 2**31)  # what a central system gives


class Begun(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The begin of a transaction, as told. `at` is the station's clock, `heard_at` ours."""

    evse: int
    heard_at: datetime
    at: datetime | None = None
    meter_wh: float | None = None
    id_token: str = ""


class Stop(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The end of a transaction, as told."""

    number: str
    at: datetime | None = None
    meter_wh: float | None = None
    id_token: str = ""


def number_meant(
    stop: Stop, running: Iterable[tuple[str, Begun]], *, is_again: bool = False
) -> str | None:
    """Return the number of the one running transaction that a stop can mean; None if unclear.

    A number that a central system may have given is another system's, where we know the one of
    the transaction: then only the token can tell that ours is meant, and not even that where
    the number ended before (`is_again`).
    """
    fitting = [
        number
        for number, begun in running
        if _fits(stop, begun) and (_is_free(number) or _may_be_ours(stop, is_again=is_again))
    ]
    return fitting[0] if len(fitting) == 1 else None


def unnumbered(evse: int) -> str:
    """Return what stands for the number of a transaction that has none: no station's word."""
    return f"{_NO_NUMBER}{evse}"


def is_given(number: str) -> bool:
    """Tell whether a central system may have given this number."""
    return number.isdecimal() and len(number) <= _DIGITS and int(number) in _NUMBERS


def is_overtaken(at: datetime | None, evse: int, running: Iterable[Begun]) -> bool:
    """Tell whether a begin is old news: a newer transaction runs at its EVSE already.

    Where the newer one's moment lay in the future it proves nothing: the clock has been set
    since (quirk E3).
    """
    if at is None or evse == 0:
        return False
    return any(
        other.evse == evse
        and other.at is not None
        and at < other.at <= other.heard_at + CLOCK_TRUST
        for other in running
    )


def _is_free(number: str) -> bool:
    return number.startswith(_NO_NUMBER)


def _may_be_ours(stop: Stop, *, is_again: bool) -> bool:
    return not is_given(stop.number) or (bool(stop.id_token) and not is_again)


def _fits(stop: Stop, begun: Begun) -> bool:
    if stop.at is None or begun.at is None or stop.at < begun.at:
        return False
    token, other = stop.id_token.casefold(), begun.id_token.casefold()
    if token and other and token != other:
        return False
    if stop.meter_wh is None or begun.meter_wh is None:
        return True
    return stop.meter_wh >= begun.meter_wh - _METER_NOISE_WH
