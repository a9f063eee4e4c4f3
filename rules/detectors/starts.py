"""The detector of failed starts: charges that end at once without energy, more than by chance.

Zero-energy transactions are ordinary: a wrong card, a full car, a change of mind. Two per cent
at work, one at homes, up to 28 at public fast chargers (fleet statistics 1.5, 2.3). So the last
ones of an EVSE are judged against its own long run, which begins at a cautious share, and what
chance does once in ten thousand times is found. That looks back a week: at work one vehicle a
day comes. One driver who tries again, or a car that fails everywhere, is not the station:
different tokens are wanted, except at a home, where there is but one. Many tries within minutes
are found at once (sequence S21). It ends when energy flows.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from domain.events import TransactionEnded, TransactionStarted
from domain.faults import ClearedBy, Severity
from domain.places import Place, StationId
from domain.registry import Segment
from rules.catalogue import Detector, Rule
from rules.chance import binomial_tail, shrunk_share
from rules.detectors.handlers import Handlers
from rules.memory.usage import Starts, Try
from rules.parameters import Parameters
from rules.sighting import Sighting
from rules.workplace import Workplace

NEWS_FOR = timedelta(minutes=15)
"""An end that the station dates before this is late news."""

_MOST_TRIES = 16
_LONG_RUN = 400
_MOST_FAIL = 0.8
_MANY = 5


class StartParameters(Parameters, frozen=True, kw_only=True):
    """A start failed with less than `energy_wh` in less than `shorter_than`. The tries of
    `window` are found when chance makes them in less than one of `odds` cases and `drivers`
    different tokens failed (one at a home). `prior` is the share where the long run is young,
    `fast_prior` at an EVSE that was seen to give more than `fast_w` (no AC does); it takes
    `weight` transactions to outweigh it. `burst_count` starts shorter than
    `burst_shorter_than` within `burst_window` are found too; of one token, twice as many."""

    energy_wh: float = 100.0
    shorter_than: timedelta = timedelta(minutes=15)
    window: timedelta = timedelta(days=7)
    odds: float = 10_000.0
    drivers: int = 3
    prior: float = 0.05
    fast_prior: float = 0.2
    fast_w: float = 25_000.0
    weight: float = 50.0
    burst_count: int = 3
    burst_window: timedelta = timedelta(minutes=15)
    burst_shorter_than: timedelta = timedelta(minutes=1)


class FailedStarts:
    """Judges every transaction when it ends."""

    def __init__(self, work: Workplace) -> None:
        rules = work.catalogue.of(Detector.FAILED_STARTS)
        self._rules = [(rule, rule.set_for(StartParameters)) for rule in rules]
        self._registry = work.registry
        self._ledger = work.ledger
        self._starts = work.state.usage.starts
        self._metered = work.state.metering.evses

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        if not self._rules:
            return {}
        return {TransactionStarted: self.on_started, TransactionEnded: self.on_ended}

    def on_started(self, event: TransactionStarted) -> None:
        """A transaction began: remember by whom and at which register."""
        station, evse = event.place.station, event.place.evse
        if station is None or not evse or station not in self._registry.stations:
            return
        starts = self._starts.setdefault(station, {}).setdefault(evse, Starts())
        starts.began_at, starts.token = event.observed_at, event.id_token
        starts.meter_wh = event.meter_wh

    def on_ended(self, event: TransactionEnded) -> None:
        """It ended: with energy, as a failed start, or nobody can tell."""
        station, evse = event.place.station, event.place.evse
        starts = self._starts.get(station, {}).get(evse) if station else None
        if starts is None or starts.began_at is None or station is None:
            return
        began_at, starts.began_at = starts.began_at, None
        energy_wh = self._energy_of(event, station, starts)
        if energy_wh is None:
            return
        at = event.observed_at
        is_news = event.reported_at is None or at - event.reported_at <= NEWS_FOR
        for rule, limit in self._rules:
            is_failed = energy_wh < limit.energy_wh and at - began_at < limit.shorter_than
            tried = Try(at, starts.token, is_failed, (at - began_at).total_seconds())
            if not is_news:
                continue  # out of a backlog: how long it took, and when, is not to be seen
            if is_failed:
                why = self._judge(starts, tried, limit, event.place)
                if why:
                    self._see(rule, event, why, starts)
            elif energy_wh >= limit.energy_wh:
                where, moment = event.place, event.position
                self._ledger.end(rule, where, at, moment, by=ClearedBy.EVIDENCE)
            _remember(starts, tried, limit.window)

    def _judge(self, starts: Starts, tried: Try, limit: StartParameters, place: Place) -> str:
        recent = [t for t in (*starts.tries, tried) if tried.at - t.at <= limit.window]
        customer = self._registry.customer_of(place)
        is_home = customer is not None and customer.segment is Segment.PRIVATE
        metered = self._metered.get(StationId(place.name), {}).get(place.evse)
        is_fast = metered is not None and metered.peak_w > limit.fast_w
        drivers = 1 if is_home else limit.drivers
        return burst(recent, limit, is_home=is_home) or unlikely(
            recent, starts, limit, drivers=drivers, is_fast=is_fast
        )

    def _see(self, rule: Rule, event: TransactionEnded, why: str, starts: Starts) -> None:
        at = event.observed_at
        failed = [t.is_failed for t in starts.tries]
        is_most = len(failed) + 1 >= _MANY and sum(failed) + 1 >= _MOST_FAIL * (len(failed) + 1)
        sighting = Sighting(
            at=at,
            since=at,
            codes=(rule.code,),
            severity=Severity.MAJOR if is_most else rule.severity,
            position=event.position,
            why=why,
        )
        self._ledger.see(rule, event.place, sighting)

    def _energy_of(
        self, event: TransactionEnded, station: StationId, starts: Starts
    ) -> float | None:
        """Return what the transaction delivered; None where neither end nor meter says."""
        metered = self._metered.get(station, {}).get(event.place.evse)
        if event.meter_wh is not None and starts.meter_wh is not None:
            return event.meter_wh - starts.meter_wh
        if metered is None or metered.first_wh is None or metered.register_wh is None:
            return None
        return max(metered.register_wh - metered.first_wh, metered.flowed_wh)


def burst(recent: list[Try], limit: StartParameters, *, is_home: bool) -> str:
    """Say that starts failed within minutes, one after the other; "" where they did not."""
    last_at = recent[-1].at
    quick = [
        t
        for t in recent
        if t.is_failed
        and t.seconds < limit.burst_shorter_than.total_seconds()
        and last_at - t.at <= limit.burst_window
    ]
    is_of_many = is_home or len({t.token for t in quick}) > 1
    wanted = limit.burst_count if is_of_many else 2 * limit.burst_count
    if len(quick) < wanted:
        return ""
    return f"{len(quick)} starts ended within a minute, without energy"


def unlikely(
    recent: list[Try],
    starts: Starts,
    limit: StartParameters,
    *,
    drivers: int,
    is_fast: bool = False,
) -> str:
    """Say that more of the latest starts failed than chance explains; "" where it does."""
    prior = limit.fast_prior if is_fast else limit.prior
    share = shrunk_share(starts.failed_count, starts.count, prior=prior, weight=limit.weight)
    if drivers > 1:
        recent = _once_per_driver(recent)
    for length in range(2, len(recent) + 1):
        last = recent[-length:]
        failed = [t for t in last if t.is_failed]
        if len({t.token for t in failed}) < drivers:
            continue
        if binomial_tail(len(failed), length, share) * limit.odds < 1:
            return (
                f"{len(failed)} of the last {length} starts failed, {share:.0%} is usual here"
            )
    return ""


def _once_per_driver(tries: list[Try]) -> list[Try]:
    """Leave out the tries that one driver at once tries again: they tell the same."""
    again = [a.is_failed and b.is_failed and a.token == b.token for a, b in pairwise(tries)]
    return [t for t, is_again in zip(tries, [*again, False], strict=True) if not is_again]


def _remember(starts: Starts, tried: Try, window: timedelta) -> None:
    """Keep the latest tries; those before them are the long run they are judged against."""
    tries = [*starts.tries, tried]
    since = 0 if tried.is_failed else len(tries)  # energy flows: nothing of before is recent
    while since < len(tries) and (
        len(tries) - since > _MOST_TRIES or tried.at - tries[since].at > window
    ):
        since += 1
    for old in tries[:since]:
        starts.count += 1
        starts.failed_count += old.is_failed
    starts.tries = tries[since:]
    if starts.count >= _LONG_RUN:
        starts.count //= 2
        starts.failed_count //= 2
