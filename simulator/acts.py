"""What can happen to a simulated station at one moment, and the stories made of that.

Times are real seconds from the start of the run. Pure values.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.places import Report

# --- acts: what one station does at one moment -----------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A place reports something wrong, or that it is well again (`report` None)."""

    station: str
    connector: int
    report: Report | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """The connection goes without a close frame; the station dials again by itself."""

    station: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """The station goes and stays away; with `loses_power` its transactions end."""

    station: str
    loses_power: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """A station that stayed away dials again."""

    station: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """The station boots without a reason, over the same connection."""

    station: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRaw:
    """The station sends something that is no message."""

    station: str
    frame: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DialAgain:
    """The station opens a second connection beside the first."""

    station: str


Act = Break | Drop | Leave | Return | Boot | SendRaw | DialAgain


@dataclass(frozen=True, slots=True)
class Moment:
    """An act and when it happens, in seconds from the start."""

    at_s: float
    act: Act


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name and the acts in the order of time."""

    name: str
    moments: tuple[Moment, ...]

    @property
    def stations(self) -> list[str]:
        """The stations that something happens to, each once, the earliest first."""
        return list(dict.fromkeys(moment.act.station for moment in self.moments))


def scenario_of(name: str, moments: list[Moment]) -> Scenario:
    """Put moments into the order of time; equal ones keep theirs."""
    return Scenario(name, tuple(sorted(moments, key=lambda moment: moment.at_s)))


# --- stories made of acts --------------------------------------------------------------------

RETURN_SPREAD_S = 60.0
"""Stations of a site come back one after another over this time, after power over 40-180 s."""


def fault(
    at_s: float, station: str, connector: int, report: Report, for_s: float | None = None
) -> list[Moment]:
    """A fault, and its end after `for_s` where that is given."""
    moments = [Moment(at_s, Break(station=station, connector=connector, report=report))]
    if for_s is not None:
        end = Break(station=station, connector=connector, report=None)
        moments.append(Moment(at_s + for_s, end))
    return moments


@dataclass(frozen=True, slots=True)
class Turns:
    """How often something comes, how many seconds it lasts, and the pause between."""

    times: int
    lasts_s: float
    pause_s: float


def flap(
    at_s: float, station: str, connector: int, report: Report, turns: Turns
) -> list[Moment]:
    """A fault that comes and goes."""
    gap_s = turns.lasts_s + turns.pause_s
    return [
        moment
        for turn in range(turns.times)
        for moment in fault(at_s + turn * gap_s, station, connector, report, turns.lasts_s)
    ]


def absence(
    at_s: float, station: str, for_s: float | None, *, loses_power: bool = False
) -> list[Moment]:
    """A station that goes and, after `for_s` where that is given, returns."""
    moments = [Moment(at_s, Leave(station=station, loses_power=loses_power))]
    if for_s is not None:
        moments.append(Moment(at_s + for_s, Return(station=station)))
    return moments


def outage(
    at_s: float, stations: list[str], for_s: float | None, *, loses_power: bool = False
) -> list[Moment]:
    """All stations of a site go within ten seconds and return one after another."""
    least_s, most_s = (40.0, 180.0) if loses_power else (0.0, RETURN_SPREAD_S)
    count = max(1, len(stations))
    moments: list[Moment] = []
    for rank, station in enumerate(stations):
        share = rank / count
        back_s = None if for_s is None else for_s + least_s + share * (most_s - least_s)
        moments += absence(at_s + 10.0 * share, station, back_s, loses_power=loses_power)
    return moments
