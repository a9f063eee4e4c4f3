"""The built-in scenario: a seeded half hour of trouble, and a slower trickle after it.

The first two minutes show every kind a support agent should see at once: a danger code, plain
faults, a flapping connector, a site going dark, a station that stays away, blips that nobody
should hear of. Then single stories go on at random, recoveries included.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from simulator.acts import (
    Boot,
    DialAgain,
    Drop,
    Moment,
    Scenario,
    SendRaw,
    Turns,
    absence,
    fault,
    flap,
    outage,
    scenario_of,
)
from simulator.places import Report
from simulator.plan import FleetPlan, Segment, SitePlan, StationPlan
from simulator.traits import stream

BUSY_UNTIL_S = 1500.0
BUSY_GAP_S, CALM_GAP_S = 75.0, 240.0
HORIZON_S = 6 * 3600.0
"""How long the trickle goes on where the run has no end of its own."""
_MONTH_S = 30 * 86400.0

_DANGERS = (
    Report(code="GroundFailure", text="Residual current detected via sensor"),
    Report(code="PowerSwitchFailure", text="Contactor welded"),
)
_FAULTS = (
    Report(code="ConnectorLockFailure"),
    Report(code="InternalError", text="Controller restarted"),
    Report(code="PowerMeterFailure", text="Meter does not answer"),
    Report(code="OverCurrentFailure", text="MCB of type 2 socket triggered"),
    Report(code="ReaderFailure"),
    Report(code="HighTemperature"),
    Report(code="OtherError", vendor_id="com.ctek", vendor_code="NoPPDetected"),
    Report(code="UnderVoltage"),
    Report(code="NoError"),  # Faulted without a code: some vendors know no better
)
_CODES_ALONE = (
    Report(code="ReaderFailure", status=""),
    Report(code="WeakSignal", status=""),
    Report(code="EVCommunicationError", status=""),
)
_VENDOR_FAULTS = {
    "Alfen BV": Report(
        code="OtherError",
        vendor_code="210",
        text="Modbus TCP/IP lost, in safe mode max 14.0A",
    ),
    "alpitronic": Report(code="OtherError", vendor_code="30", text="Cooler Error"),
}
"""What stations of these vendors are publicly known to report."""
_GARBAGE = '[2,"17","StatusNotification",{"connectorId":1,"errorCode":"NoErr'


class _Cast:
    """Hands out stations and sites for roles, each once while there are unused ones."""

    def __init__(self, fleet: FleetPlan, dice: Random) -> None:
        self._dice = dice
        self._sites = [site for site in fleet.sites if site.stations]
        dice.shuffle(self._sites)
        self._used: set[str] = set()

    def site(self, fits: Callable[[SitePlan], bool]) -> SitePlan | None:
        """Return an unused site that fits, None where there is none."""
        site = next((s for s in self._sites if s.id not in self._used and fits(s)), None)
        if site is not None:
            self._used.add(site.id)
        return site

    def station(self, *segments: Segment, evses: int = 1) -> StationPlan | None:
        """Return a station of an unused site; any of the fleet where none fits better."""

        def has_one(site: SitePlan) -> bool:
            is_wanted = not segments or site.segment in segments
            return is_wanted and any(s.evses >= evses for s in site.stations)

        site = self.site(has_one) or self.site(lambda _: True)
        if site is None:
            everywhere = [s for other in self._sites for s in other.stations]
            return self._dice.choice(everywhere) if everywhere else None
        fitting = [s for s in site.stations if s.evses >= evses] or list(site.stations)
        return self._dice.choice(fitting)


def demo_scenario(fleet: FleetPlan, seed: int, duration_s: float | None = None) -> Scenario:
    """Return the built-in scenario for a fleet: the same for the same fleet and seed.

    Small fleets get the roles they have stations for.
    """
    dice = stream(seed, "demo-scenario")
    cast = _Cast(fleet, dice)
    moments = _opening(cast, dice)
    moments += _trickle(cast, dice, duration_s or HORIZON_S)
    moments += _short_drops(fleet, stream(seed, "short-drops"), duration_s or HORIZON_S)
    return scenario_of("demo", moments)


def _opening(cast: _Cast, dice: Random) -> list[Moment]:
    """The roles of the first minutes, in the order of their importance for small fleets."""
    moments: list[Moment] = []
    danger = cast.station(Segment.COMPANY, evses=2)
    if danger is not None:
        moments += fault(15.0, danger.id, 1, _DANGERS[0], 900.0)
    for at_s, for_s in ((20.0, 420.0), (26.0, 900.0), (34.0, 1500.0), (55.0, 300.0)):
        station = cast.station(Segment.COMPANY, Segment.FLEET, Segment.PUBLIC)
        if station is not None:
            moments += fault(at_s, station.id, 1, _fault_for(station, dice), for_s)
    dark = cast.site(lambda site: 3 <= len(site.stations) <= 20)
    if dark is not None:
        moments += outage(40.0, [s.id for s in dark.stations], 840.0)
    flapping = cast.station(Segment.PUBLIC, Segment.COMPANY)
    if flapping is not None:
        report = Report(code="OtherError", text="Lock jams")
        moments += flap(45.0, flapping.id, 1, report, Turns(8, lasts_s=35.0, pause_s=30.0))
    return moments + _lesser_roles(cast, dice) + _odd_roles(cast)


def _lesser_roles(cast: _Cast, dice: Random) -> list[Moment]:
    """Stations that stay away, a home, a code alone, blips, a whole station."""
    moments: list[Moment] = []
    for at_s, for_s in ((60.0, 3000.0), (70.0, None)):
        station = cast.station(Segment.PRIVATE, Segment.COMPANY)
        if station is not None:
            moments += absence(at_s, station.id, for_s)
    home = cast.station(Segment.PRIVATE)
    if home is not None:
        moments += fault(30.0, home.id, 1, _fault_for(home, dice), 700.0)
    alone = cast.station(Segment.FLEET)
    if alone is not None:
        moments += fault(75.0, alone.id, 1, dice.choice(_CODES_ALONE), 1200.0)
    for at_s in (65.0, 90.0, 110.0):
        blip = cast.station()
        if blip is not None:
            moments += fault(at_s, blip.id, 1, dice.choice(_FAULTS), dice.uniform(15.0, 50.0))
    whole = cast.station(Segment.COMPANY, evses=2)
    if whole is not None:
        for number in range(whole.evses + 1):
            moments += fault(100.0, whole.id, number, Report(code="InternalError"), 800.0)
    return moments


def _odd_roles(cast: _Cast) -> list[Moment]:
    """A boot loop, a flapping connection, garbage, a double connection."""
    moments: list[Moment] = []
    for at_s, act_of, times, gap_s in ((120.0, Boot, 6, 45.0), (150.0, Drop, 7, 50.0)):
        station = cast.station()
        if station is not None:
            moments += [
                Moment(at_s + turn * gap_s, act_of(station=station.id)) for turn in range(times)
            ]
    odd = cast.station()
    if odd is not None:
        moments.append(Moment(130.0, SendRaw(station=odd.id, frame=_GARBAGE)))
        moments.append(Moment(160.0, DialAgain(station=odd.id)))
    return moments


def _trickle(cast: _Cast, dice: Random, until_s: float) -> list[Moment]:
    """Single stories at random, dense first, then calmer; two big ones at fixed times."""
    moments: list[Moment] = []
    second_danger = cast.station(Segment.FLEET, Segment.PUBLIC)
    if second_danger is not None:
        moments += fault(420.0, second_danger.id, 1, _DANGERS[1], 600.0)
    second_dark = cast.site(lambda site: 3 <= len(site.stations) <= 12)
    if second_dark is not None:
        stations = [s.id for s in second_dark.stations]
        moments += outage(600.0, stations, 900.0, loses_power=True)
    at_s = 180.0
    while True:
        at_s += dice.expovariate(1 / (BUSY_GAP_S if at_s < BUSY_UNTIL_S else CALM_GAP_S))
        station = cast.station()
        if at_s >= until_s or station is None:
            return moments
        moments += _story(at_s, station, dice)


def _story(at_s: float, station: StationPlan, dice: Random) -> list[Moment]:
    number = dice.randint(1, station.evses)
    match dice.choices(("fault", "blip", "away", "code", "danger"), (50, 20, 15, 12, 3))[0]:
        case "fault":
            for_s = dice.uniform(180.0, 1200.0)
            return fault(at_s, station.id, number, _fault_for(station, dice), for_s)
        case "blip":
            return fault(at_s, station.id, number, dice.choice(_FAULTS), dice.uniform(10, 90))
        case "away":
            return absence(at_s, station.id, dice.lognormvariate(5.5, 1.2))
        case "code":
            report = dice.choice(_CODES_ALONE)
            return fault(at_s, station.id, number, report, dice.uniform(300.0, 1800.0))
        case _:
            return fault(at_s, station.id, number, dice.choice(_DANGERS), 900.0)


def _fault_for(station: StationPlan, dice: Random) -> Report:
    known = _VENDOR_FAULTS.get(station.vendor)
    return known if known is not None and dice.random() < 0.5 else dice.choice(_FAULTS)


def _short_drops(fleet: FleetPlan, dice: Random, until_s: float) -> list[Moment]:
    """The ordinary noise of links: at its real rate, about ten an hour in a whole fleet."""
    moments: list[Moment] = []
    for station in fleet.stations:
        gap_s = _MONTH_S / max(station.traits.drops_per_month, 1e-6)
        at_s = dice.expovariate(1 / gap_s)
        while at_s < until_s:
            moments.append(Moment(at_s, Drop(station=station.id)))
            at_s += dice.expovariate(1 / gap_s)
    return moments
