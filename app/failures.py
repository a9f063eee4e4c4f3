"""Failures: bugs of ours that the service outlives; one event must not stop all others."""

from __future__ import annotations

import structlog

log = structlog.get_logger(__name__)

_SHOWN = 500


class Failures:
    """Bugs of ours that an event or ticket ran into: logged with the traceback, counted."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, what: object, error: Exception) -> None:
        """Take down one of them."""
        self.count += 1
        log.error("could not be dealt with, going on", what=repr(what)[:_SHOWN], exc_info=error)
