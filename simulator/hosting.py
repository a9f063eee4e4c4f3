"""What an EVSE is given: the station it is part of, and what never changes about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from simulator.calls import Call
from simulator.daily import Rhythm, rhythm_of
from simulator.places import Place
from simulator.plan import Segment, StationPlan
from simulator.vendors import model_named, vendor_named


class Host(Protocol):
    """What an EVSE needs of its station."""

    @property
    def is_up(self) -> bool:
        """True while CALLs can be sent."""

    @property
    def can_charge(self) -> bool:
        """False during a power cut and while the station as a whole is broken."""

    def say_status(self, place: Place) -> None:
        """Report the status of a place, if there is a connection."""

    def put(self, message: Call) -> None:
        """Queue a CALL."""

    def stamp(self) -> str:
        """The moment by the station's clock, as the station writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseKind:
    """What does not change about an EVSE: where it is, what it can do, how it reports."""

    segment: Segment
    rhythm: Rhythm
    arrival_factor: float
    power_kw: float
    is_dc: bool
    meter_s: float
    meters_idle: bool
    skips_finishing: bool
    speed: float


def evse_kind_of(plan: StationPlan, segment: Segment, speed: float) -> EvseKind:
    """Return what the EVSEs of a station have in common."""
    vendor = vendor_named(plan.vendor)
    model = model_named(vendor, plan.model)
    return EvseKind(
        segment=segment,
        rhythm=rhythm_of(segment, is_dc=model.is_dc),
        arrival_factor=plan.traits.arrival_factor,
        power_kw=model.power_kw,
        is_dc=model.is_dc,
        meter_s=plan.traits.meter_s,
        meters_idle=plan.traits.meters_idle,
        skips_finishing=vendor.quirks.skips_finishing,
        speed=speed,
    )
