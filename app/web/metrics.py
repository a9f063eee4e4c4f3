"""The web process's own numbers, for /metrics beside core's."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class WebMetrics:
    """Counters of one application; a registry of its own, so that tests start at zero."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "foretell_http_requests",
            "Requests answered, by route and status.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "foretell_http_request_seconds",
            "Seconds from request to the answer's head.",
            ("route",),
            registry=self._registry,
        )
        self.logins = Counter(
            "foretell_logins", "Tries to log in.", ("outcome",), registry=self._registry
        )
        self.listeners = Gauge(
            "foretell_live_pages", "Pages that follow changes.", registry=self._registry
        )
        self.core_up = Gauge(
            "foretell_core_up",
            "1 while the web process reaches core.",
            registry=self._registry,
        )

    def text(self) -> str:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self._registry).decode()
