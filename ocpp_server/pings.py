"""What each station's answers to our pings taught us, over all its connections. Pure.

Some stations answer no ping ever, and a few lose their connection over one (quirks A11, A17).
The first are judged by what they say; the second get no pings at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.places import StationId

MAX_STATIONS = 100_000
"""Stations remembered; beyond it the one whose connection ended longest ago is forgotten."""


@dataclass(slots=True)
class PingHabits:
    """One station's. `answers`: it is known to answer pings. `deaths`: connections in a row
    that ended at once after an unanswered ping. `is_off`: it gets none any more.
    """

    answers: bool = False
    deaths: int = 0
    is_off: bool = False


_UNKNOWN = PingHabits()  # one for all: most links never teach anything

UNPINGED = PingHabits(is_off=True)
"""Those of a station that an earlier run of ours stopped pinging; nobody changes them."""


@dataclass(frozen=True, slots=True)
class PingLesson:
    """What one connection showed. `has_ponged`: it answered a ping. `died_of_ping`: it ended
    at once after one. `outlived_ping`: it went on after one. `fell_silent`: we closed it, for
    it gave no sign of life any more.
    """

    has_ponged: bool = False
    died_of_ping: bool = False
    outlived_ping: bool = False
    fell_silent: bool = False


class PingMemory:
    """The habits of all stations of an endpoint; a station nobody met has those of most."""

    __slots__ = ("_deaths_allowed", "_habits", "_max_stations")

    def __init__(self, ping_deaths: int, max_stations: int = MAX_STATIONS) -> None:
        self._deaths_allowed = ping_deaths
        self._max_stations = max_stations
        self._habits: dict[StationId, PingHabits] = {}

    def __len__(self) -> int:
        return len(self._habits)

    def of(self, station: StationId) -> PingHabits:
        """Return what is known of a station; the caller only reads it."""
        return self._habits.get(station, _UNKNOWN)

    def ended(self, station: StationId, lesson: PingLesson) -> bool:
        """Learn from one connection; True where its station gets no pings from now on."""
        habits = self._habits.pop(station, None) or PingHabits()
        if lesson.has_ponged:
            habits.answers, habits.deaths = True, 0
        elif lesson.fell_silent:
            # It answered once, and now no more: new firmware. Its silence proves nothing.
            habits.answers = False
        elif lesson.outlived_ping:
            habits.deaths = 0
        elif lesson.died_of_ping:
            habits.deaths += 1
        if habits == PingHabits():
            return False  # nothing worth the memory
        self._habits[station] = habits
        if len(self._habits) > self._max_stations:
            del self._habits[next(iter(self._habits))]
        if habits.is_off or habits.deaths < self._deaths_allowed:
            return False
        habits.is_off = True
        return True
