"""What the desk may ask about the field at the moment it writes; no answer, no sentence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from domain.places import Place, SiteId


class SiteView(Protocol):
    """What the stations of a site report at this moment."""

    def points_at(self, site: SiteId) -> Mapping[Place, bool | None]:
        """Return for every EVSE of a site whether it is ready or charging; None: not visible.

        Empty where nothing is known of the site at all.
        """

    def charged_at(self, place: Place, after: datetime) -> datetime | None:
        """Return when a vehicle last charged at the place since a moment; None: not seen."""


class NoView:
    """A view that sees nothing: every sentence that needs one falls away."""

    def points_at(self, site: SiteId) -> Mapping[Place, bool | None]:
        """Return nothing."""
        return {}

    def charged_at(self, place: Place, after: datetime) -> datetime | None:
        """Return None."""
        return None
