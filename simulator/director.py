"""Plays a scenario: does each act to its station at its moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

from simulator.acts import (
    Act,
    Boot,
    Break,
    DialAgain,
    Drop,
    Leave,
    Moment,
    Return,
    Scenario,
    SendRaw,
)
from simulator.counters import Counters
from simulator.station import Station
from simulator.timeline import Timeline


def direct(
    scenario: Scenario,
    stations: Mapping[str, Station],
    timeline: Timeline,
    counters: Counters,
    on_act: Callable[[Moment], None] | None = None,
) -> None:
    """Set an alarm for every act. Stations that are not simulated are passed over."""

    def play(moment: Moment) -> None:
        station = stations.get(moment.act.station)
        if station is None:
            return
        perform(moment.act, station)
        counters.step_count += 1
        if on_act is not None:
            on_act(moment)

    for moment in scenario.moments:
        timeline.at(moment.at_s, lambda moment=moment: play(moment))  # type: ignore[misc]


def perform(act: Act, station: Station) -> None:
    """Do one act to one station."""
    match act:
        case Break():
            station.report(act.connector, act.report)
        case Drop():
            station.link.drop()
        case Leave():
            station.leave(loses_power=act.loses_power)
        case Return():
            station.come_back()
        case Boot():
            station.say_boot()
        case SendRaw():
            station.send_raw(act.frame)
        case DialAgain():
            station.link.dial_again()
        case _:
            assert_never(act)
