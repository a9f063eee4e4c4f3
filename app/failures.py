"""Failures: bugs of ours that the service outlives; one event must not stop all others."""

from __future__ import annotations

import structlog

log = structlog.get_logger(__name__)


class Failures:
    """Bugs of ours that an event or ticket ran into: logged with the traceback, counted."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, what: object, error: Exception) -> None:
        """Take down one of them."""
        self.count += 1
        log.error("could not be dealt with, going on", what=_named(what), exc_info=error)


def _named(what: object) -> str:
    """Name an event, decision or ticket without what people said or are called in it."""
    for name in ("key", "id", "position"):
        if (value := getattr(what, name, None)) not in (None, "", 0):
            return f"{type(what).__name__} {value}"
    return type(what).__name__
