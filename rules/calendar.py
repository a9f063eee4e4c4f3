"""Public holidays of a site, as the `holidays` library knows them. Pure, and cached by year."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import holidays

from domain.registry import Site


def is_holiday(site: Site, day: date) -> bool:
    """Tell whether a day is a public holiday at a site; False for an unknown country."""
    return bool(site.country) and day in _of(site.country, site.region, day.year)


@lru_cache(maxsize=512)
def _of(country: str, region: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, region or None, years=[year]))
    except NotImplementedError:
        if region:  # the library knows the country and not this part of it
            return _of(country, "", year)
        return frozenset()
