"""What every detector offers the engine: the kinds of events it listens to, and with what."""

from __future__ import annotations

from collections.abc import Callable

from domain.events import Event

Handlers = dict[type[Event], Callable[..., None]]
