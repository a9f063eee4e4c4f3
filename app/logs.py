"""How the service logs: events with values, one line each, on standard error."""

from __future__ import annotations

import logging
import sys

import structlog

from app.settings_parts import LogSettings


def set_up_logs(settings: LogSettings, process: str) -> None:
    """Set up logging for this process; every line names it."""
    level = getattr(logging, settings.level.upper())
    is_console = settings.format == "console" or (
        settings.format == "auto" and sys.stderr.isatty()
    )
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if is_console
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(stream=sys.stderr, level=max(level, logging.WARNING))
