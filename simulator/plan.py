"""A fleet as the simulator plays it: customers, their sites, their stations, their traits.

Pure values. `fleet.py` invents one, `fleet_file.py` reads one from a fleet file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Segment(StrEnum):
    """What kind of site it is; it decides sizes, links and the rhythm of the day."""

    PRIVATE = "private"
    COMPANY = "company"
    FLEET = "fleet"  # a depot
    PUBLIC = "public"  # hotels, shops, car parks: a company's site that never closes


class Link(StrEnum):
    """How stations of a site reach the internet."""

    WIFI = "wifi"
    LTE = "lte"
    ETHERNET = "ethernet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What makes one station differ from another of its model.

    `heartbeat_s` is None for stations that never send one and ping instead; those with
    `obeys_boot_interval` take the interval of the boot answer. `clock_offset_s` is how far the
    station's clock is ahead. `chatter_s` is the gap between unasked DataTransfers, None for
    none. `arrival_factor` scales how often cars come.
    """

    firmware: str
    serial: str
    heartbeat_s: float | None
    obeys_boot_interval: bool
    spares_heartbeats: bool  # leaves one out while other frames flow
    meter_s: float
    meters_idle: bool  # sends MeterValues although no energy flows
    boots_on_return: bool
    clock_offset_s: float
    chatter_s: float | None
    arrival_factor: float
    drops_per_month: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPlan:
    """One station. `protocol` is what it speaks now, `later_protocol` what its draw asks for
    once the simulator speaks more than OCPP 1.6."""

    id: str
    evses: int
    vendor: str
    model: str
    traits: Traits
    protocol: str = "ocpp1.6"
    later_protocol: str = "ocpp1.6"


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlan:
    """One site and its stations. Texts are "" where there is nothing."""

    id: str
    customer: str
    segment: Segment
    timezone: str
    link: Link
    stations: tuple[StationPlan, ...]
    name: str = ""
    address: str = ""
    country: str = ""
    region: str = ""
    latitude: float | None = None
    longitude: float | None = None
    opening_hours: str = ""
    carrier: str = ""
    gateway: str = ""
    fuse_limit_a: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPlan:
    """A person or desk to write to. No `sites` means all of the customer's."""

    name: str
    role: str
    email: str = ""
    phone: str = ""
    language: str = ""
    channel: str = "email"
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPlan:
    """A customer. `segment` is the fleet file's word: private, company or fleet."""

    id: str
    name: str
    segment: str
    language: str
    contacts: tuple[ContactPlan, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """A whole fleet, and the seed its traits were drawn with."""

    seed: int
    customers: tuple[CustomerPlan, ...]
    sites: tuple[SitePlan, ...]

    @property
    def stations(self) -> tuple[StationPlan, ...]:
        """All stations in the order of their sites."""
        return tuple(station for site in self.sites for station in site.stations)

    @property
    def evse_count(self) -> int:
        """How many EVSEs the fleet has."""
        return sum(station.evses for station in self.stations)
