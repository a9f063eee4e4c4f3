"""Quiet hours: when a site's people sleep, in the site's own time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec


class QuietHours(msgspec.Struct, frozen=True):
    """A daily span of local time, usually over midnight. Equal ends mean no quiet hours."""

    zone: ZoneInfo
    starts: time
    ends: time

    def are_at(self, moment: datetime) -> bool:
        """Tell whether the moment lies in quiet hours; their end does not."""
        clock = moment.astimezone(self.zone).time()
        if self.starts <= self.ends:
            return self.starts <= clock < self.ends
        return clock >= self.starts or clock < self.ends

    def end_after(self, moment: datetime) -> datetime:
        """Return the moment itself, or the end of the quiet hours it lies in (UTC)."""
        if not self.are_at(moment):
            return moment
        local = moment.astimezone(self.zone)
        day = local.date()
        if local.time() >= self.ends:
            day += timedelta(days=1)
        return datetime.combine(day, self.ends, tzinfo=self.zone).astimezone(UTC)
