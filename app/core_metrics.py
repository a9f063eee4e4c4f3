"""Core's counters as Prometheus text. Plain integers are read when somebody asks."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from app.clock import SystemClock
from app.failures import Failures
from app.pipeline import Outcome
from app.recorder import GroupRecorder
from domain.faults import Decision
from ocpp_server.listener import Endpoint
from rules.engine import Engine
from ticketing.commands import OpenTicket, SendNotice

_LAG_EVERY_S = 0.05
PAUSE_WINDOW_S = 60.0
"""The longest pause shown is that of the last one to two windows, whoever reads it."""

_KIB = 1024


class CoreMetrics(Collector):
    """What core counts, collected on demand. Values grow from the start of the process."""

    def __init__(
        self,
        endpoint: Endpoint,
        recorder: GroupRecorder,
        engine: Engine,
        clock: SystemClock,
        failures: Failures,
    ) -> None:
        self._undealt = failures
        self._endpoint = endpoint
        self._recorder = recorder
        self._engine = engine
        self._clock = clock
        self._decisions: Counter[tuple[str, str]] = Counter()
        self._tickets: Counter[str] = Counter()
        self._notices: Counter[str] = Counter()
        self._pauses_s = [0.0, 0.0]  # the longest of this window and of the one before
        self.unreadable = 0
        self.nonconforming = 0
        self.rule_mistakes = 0
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def count(self, outcome: Outcome) -> None:
        """Count what a turn decided."""
        for decision in outcome.decisions:
            if isinstance(decision, Decision):
                self._decisions[(decision.fault.rule, decision.change.value)] += 1
            else:
                self._decisions[(decision.rule, "found")] += 1
        for command in outcome.commands:
            if isinstance(command, OpenTicket):
                self._tickets[command.ticket.kind.value] += 1
            elif isinstance(command, SendNotice):
                self._notices[command.notice.reason.value] += 1

    async def watch_loop(self) -> None:
        """Measure how late the loop comes back."""
        loop = asyncio.get_running_loop()
        window_ends = loop.time() + PAUSE_WINDOW_S
        while True:
            due = loop.time() + _LAG_EVERY_S
            await asyncio.sleep(_LAG_EVERY_S)
            self._pauses_s[0] = max(self._pauses_s[0], loop.time() - due)
            if loop.time() >= window_ends:
                window_ends = loop.time() + PAUSE_WINDOW_S
                self._pauses_s = [0.0, self._pauses_s[0]]

    def text(self) -> str:
        """Return all counters as Prometheus text."""
        return generate_latest(self._registry).decode()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        counters = self._endpoint.counters
        for name, words in _COUNTERS.items():
            yield CounterMetricFamily(f"foretell_{name}", words, value=getattr(counters, name))
        for name, words, number in (
            ("unreadable", "Frames that gave no message.", self.unreadable),
            ("nonconforming", "Messages read in spite of a breach.", self.nonconforming),
        ):
            yield CounterMetricFamily(f"foretell_{name}", words, value=number)
        refused = CounterMetricFamily(
            "foretell_refused_handshakes", "Handshakes refused, by reason.", labels=["reason"]
        )
        for reason, number in counters.refusals.items():
            refused.add_metric([str(reason)], number)
        yield refused
        decisions = CounterMetricFamily(
            "foretell_decisions", "Decisions of the engine.", labels=["rule", "change"]
        )
        for (rule, change), number in self._decisions.items():
            decisions.add_metric([rule, change], number)
        yield decisions
        yield InfoMetricFamily(
            "foretell_rules", "The rules in force.", {"version": self._engine.rules_version}
        )
        yield _by_label("foretell_tickets_opened", "Tickets opened.", "kind", self._tickets)
        yield _by_label("foretell_notices", "Notices decided.", "reason", self._notices)
        for name, words, value in self._gauges():
            yield GaugeMetricFamily(f"foretell_{name}", words, value=value)

    def _gauges(self) -> Iterator[tuple[str, str, float]]:
        yield "connections", "Open connections.", self._endpoint.connections
        yield "journal_position", "Position of the newest entry.", self._recorder.position
        yield "active_faults", "Active faults.", len(self._engine.active_faults())
        yield (
            "rule_mistakes",
            "In rule files that did not replace the rules in force.",
            (self.rule_mistakes),
        )
        yield "undealt", "Events and tickets that a bug kept from us.", self._undealt.count
        yield "clock_drift_seconds", "Wall clock ahead of ours.", self._clock.drift_s
        yield "longest_pause_seconds", "Of the loop, in the last minutes.", max(self._pauses_s)
        yield (
            "peak_memory_bytes",
            "Largest resident memory of core.",
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB,
        )


def _by_label(name: str, words: str, label: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(name, words, labels=[label])
    for value, number in counts.items():
        family.add_metric([value], number)
    return family


_COUNTERS = {
    "accepted": "Connections accepted.",
    "replaced": "Connections replaced by a newer one of the same station.",
    "lost": "Connections that ended.",
    "messages": "Messages received.",
    "heartbeats": "Conforming heartbeats, folded.",
    "bytes": "Bytes of messages received.",
    "oversize": "Connections closed for a message over the limit.",
    "rsv": "Connections closed for reserved bits.",
    "violations": "Connections closed for another breach of RFC 6455.",
    "half_open": "Connections closed because nothing was heard on them.",
    "overrun": "Connections cut because the station did not read.",
    "dropped": "Sockets dropped because too many were waiting for their handshake.",
    "paused": "Times a station was not read from because its answers were not committed.",
    "unacknowledged": "Messages left unanswered because the journal was not writable.",
    "pings": "Pings and pongs received.",
    "stray_answers": "Answers to no command of ours.",
    "commands": "Commands sent.",
    "command_timeouts": "Commands without an answer in time.",
    "failures": "Exceptions in our own handlers.",
}
