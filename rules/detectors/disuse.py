"""The detector of unusual disuse: an EVSE says Available, and nobody has charged there.

Every EVSE has a habit: how often a transaction begins in each hour of its local week, drawn
towards the shape of its segment's week while its own is young. What the habit lets expect is
added up from its last transaction on; the more it comes to, the less chance explains it. Rates
of use vary, so the tail is that of a rate that varies (a well-used EVSE at work had quiet times
of 6 to 14 days, which a plain Poisson tail calls a fault; fleet statistics 2.2).

Holidays count for nothing, nor does time in which the station was not seen or not Available. A
site that is quiet as a whole (closed, seasonal) is no fault of one EVSE: what is expected
shrinks with what its neighbours get. A quiet time must be half as long again as any before it.
Found, it is worth a look and nobody's trouble: info, and the station is asked how it stands.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.beliefs import Link
from domain.events import Status, TransactionStarted
from domain.faults import ClearedBy
from domain.places import Place, StationId
from domain.registry import Segment, Site
from rules.calendar import is_holiday
from rules.catalogue import Detector, Rule
from rules.chance import quiet_tail
from rules.detectors.handlers import Handlers
from rules.memory.usage import Days, Habit
from rules.parameters import Parameters
from rules.sighting import Sighting
from rules.workplace import Workplace

LOOK_EVERY = timedelta(hours=6)
HOURS_OF_WEEK = 168
_HOUR = timedelta(hours=1)
_WEEK_S = 168 * 3600.0
_MOST_DAYS = 70
_USUAL_DAYS = 28
_LONG_RUN_WEEKS = 26.0
_MOST_COUNT = 255
_WAKE = "disuse"


class DisuseParameters(Parameters, frozen=True, kw_only=True):
    """A habit counts after `weeks` and `transactions`; a quiet time is found when a rate that
    varies with `shape` (`shape_with_neighbours` where others of the site are used) makes it in
    less than one of `odds` cases, and it is `times` as long as any before."""

    weeks: float = 3.0
    transactions: int = 12
    shape: float = 4.0
    shape_with_neighbours: float = 8.0
    odds: float = 250.0
    times: float = 1.5


class Disuse:
    """Learns the habit of every EVSE, and looks at its quiet time four times a day."""

    def __init__(self, work: Workplace) -> None:
        rules = work.catalogue.of(Detector.DISUSE)
        self._rules = [(rule, rule.set_for(DisuseParameters)) for rule in rules]
        self._registry = work.registry
        self._fleet = work.fleet
        self._ledger = work.ledger
        self._usage = work.state.usage
        self._ledger.on_wake(_WAKE, self._look)

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        return {TransactionStarted: self.on_started} if self._rules else {}

    def on_started(self, event: TransactionStarted) -> None:
        """Somebody charges: the quiet time is over, and the habit knows one hour better."""
        station, evse, at = event.place.station, event.place.evse, event.observed_at
        site = self._registry.site_of(event.place)
        if station is None or not evse or site is None:
            return
        habits = self._usage.habits.setdefault(station, {})
        habit = habits.get(evse)
        if habit is None:
            habit = habits[evse] = Habit(last_at=at, looked_at=at)
            self._ledger.wake(at + LOOK_EVERY, _WAKE, str(event.place))
        self._add_up(habit, site, event.place, at)
        habit.longest = max(habit.longest, habit.expected)
        habit.last_at, habit.expected = at, 0.0
        self._count(habit, site, at)
        for rule, _ in self._rules:
            self._ledger.end(rule, event.place, at, event.position, by=ClearedBy.EVIDENCE)

    def _count(self, habit: Habit, site: Site, at: datetime) -> None:
        local = at.astimezone(site.zone)
        hour = local.weekday() * 24 + local.hour
        hours = bytearray(habit.hours or bytes(HOURS_OF_WEEK))
        hours[hour] = min(hours[hour] + 1, _MOST_COUNT)
        habit.count += 1
        if hours[hour] == _MOST_COUNT or habit.weeks > _LONG_RUN_WEEKS:
            hours = bytearray(count // 2 for count in hours)
            habit.count, habit.weeks = sum(hours), habit.weeks / 2
        habit.hours = bytes(hours)
        shape = self._usage.segments.setdefault(self._segment(site), [0] * HOURS_OF_WEEK)
        shape[hour] += 1
        days = self._usage.days.setdefault(site.id, Days()).counts
        today = local.toordinal()
        days[today] = days.get(today, 0) + 1
        for day in [day for day in days if day < today - _MOST_DAYS]:
            del days[day]

    def _look(self, at: datetime, key: str) -> None:
        name, _, number = key.rpartition("/")
        station, evse = StationId(name), int(number)
        place = Place.of_station(station, evse)
        habit = self._usage.habits.get(station, {}).get(evse)
        site = self._registry.site_of(station)
        if habit is None or site is None:
            return
        self._ledger.wake(at + LOOK_EVERY, _WAKE, key)
        self._add_up(habit, site, place, at)
        for rule, limit in self._rules:
            why = self._judge(habit, site, at, limit) if self._is_free(place) else ""
            if why:
                self._see(rule, place, Sighting(at=at, since=at, codes=(rule.code,), why=why))
            elif not self._is_free(place):
                self._ledger.end(rule, place, at, by=ClearedBy.EVIDENCE)

    def _see(self, rule: Rule, place: Place, sighting: Sighting) -> None:
        track = self._ledger.find(rule, place)
        if track is None or not track.is_present:
            self._ledger.ask_status(place)
        self._ledger.see(rule, place, sighting)

    def _add_up(self, habit: Habit, site: Site, place: Place, at: datetime) -> None:
        """Add what the habit lets expect from the last look to now, in hours that count."""
        is_free = self._is_free(place)
        moment = habit.looked_at
        shape = self._usage.segments.get(self._segment(site), [])
        while moment + _HOUR <= at:
            local = moment.astimezone(site.zone)
            if not is_holiday(site, local.date()):
                habit.weeks += 3600.0 / _WEEK_S
                if is_free and habit.weeks >= 1:
                    habit.expected += rate_of(habit, local.weekday() * 24 + local.hour, shape)
            moment += _HOUR
        habit.looked_at = moment

    def _judge(self, habit: Habit, site: Site, at: datetime, limit: DisuseParameters) -> str:
        if habit.weeks < limit.weeks or habit.count < limit.transactions:
            return ""
        others = sum(station.evses for station in site.stations) - 1
        share = self._neighbours_share(habit, site, at) if others else 1.0
        expected = habit.expected * share
        shape = limit.shape_with_neighbours if others else limit.shape
        if quiet_tail(expected, shape) * limit.odds >= 1:
            return ""
        if expected < limit.times * habit.longest:
            return ""
        days = (at - habit.last_at).days
        return f"no charge for {days} days, {expected:.0f} would be usual"

    def _neighbours_share(self, habit: Habit, site: Site, at: datetime) -> float:
        """Return how much the whole site was used since, of what is usual there; at most 1."""
        days = self._usage.days.get(site.id, Days()).counts
        since, today = habit.last_at.astimezone(site.zone).toordinal(), at.toordinal()
        usual = sum(days.get(since - back, 0) for back in range(1, _USUAL_DAYS + 1))
        own = habit.count / max(habit.weeks, 1.0) / 7 * _USUAL_DAYS
        of_others = max(usual - own, 0.0) / _USUAL_DAYS * (today - since)
        if of_others <= 0:
            return 1.0
        seen = sum(days.get(day, 0) for day in range(since + 1, today + 1))
        return min(seen / of_others, 1.0)

    def _is_free(self, place: Place) -> bool:
        belief = self._fleet.stations.get(StationId(place.name))
        if belief is None or belief.link is not Link.UP:
            return False
        status = belief.status.get(place.evse, Status.AVAILABLE)
        return status is Status.AVAILABLE and place.evse not in belief.transactions

    def _segment(self, site: Site) -> str:
        customer = self._registry.customers.get(site.customer)
        return customer.segment if customer is not None else Segment.COMPANY


def rate_of(habit: Habit, hour: int, shape: list[int]) -> float:
    """Return how many transactions a habit lets expect in one hour of the week.

    Its own count, drawn towards the segment's week as if that had been seen for four weeks.
    """
    weight = 4.0
    weekly = habit.count / habit.weeks
    whole = sum(shape)
    of_segment = shape[hour] / whole if whole else 1 / HOURS_OF_WEEK
    own = habit.hours[hour] if habit.hours else 0
    return (own + weight * weekly * of_segment) / (habit.weeks + weight)
