"""The registry: customers, their sites, stations and contacts, as the fleet file names them.

Pure values and look-ups. Reading files, and saying which line is wrong, is app's work.
"""

from __future__ import annotations

from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from domain.places import CustomerId, Place, SiteId, StationId


class Segment(StrEnum):
    """What kind of customer this is; it decides who reads notices and in which tone."""

    PRIVATE = "private"
    COMPANY = "company"
    FLEET = "fleet"


class Role(StrEnum):
    """What a contact is to the customer."""

    SITE = "site"
    PROJECT_MANAGER = "project_manager"
    OWNER = "owner"
    BILLING = "billing"


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A person or desk we write to. No `sites` means all of the customer's sites."""

    name: str
    role: Role
    email: str = ""
    phone: str = ""
    language: str = ""  # "" = the customer's
    channel: str = "email"  # "email" | "sms"
    sites: tuple[SiteId, ...] = ()

    @property
    def address(self) -> str:
        """Where a notice to this contact goes on its channel; "" where nothing is known."""
        return self.phone if self.channel == "sms" else self.email


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer and the people there."""

    id: CustomerId
    name: str
    segment: Segment = Segment.COMPANY
    language: str = "en"
    contacts: tuple[Contact, ...] = ()


class Station(msgspec.Struct, frozen=True, kw_only=True):
    """A charging station as registered. `evses` counts its EVSEs."""

    id: StationId
    evses: int
    vendor: str = ""
    model: str = ""
    protocol: str = "ocpp"  # "ocpp" | "mqtt"
    profile: str = "native"
    topic_root: str = ""  # below sites/{site}/; "" = stations/{id}


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's location and the stations there."""

    id: SiteId
    customer: CustomerId
    timezone: str
    name: str = ""
    address: str = ""
    country: str = ""
    region: str = ""
    latitude: float | None = None
    longitude: float | None = None
    opening_hours: str = ""
    carrier: str = ""
    gateway: str = ""
    fuse_limit_a: float | None = None
    stations: tuple[Station, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def title(self) -> str:
        """The site's name for people; its id where it has none."""
        return self.name or self.id


class Registry:
    """Look-ups over customers and sites. Build a new one for every change."""

    def __init__(
        self, customers: tuple[Customer, ...] = (), sites: tuple[Site, ...] = ()
    ) -> None:
        self.customers: dict[CustomerId, Customer] = {c.id: c for c in customers}
        self.sites: dict[SiteId, Site] = {s.id: s for s in sites}
        self.stations: dict[StationId, Station] = {}
        self._site_of: dict[StationId, Site] = {}
        self._spelling: dict[str, StationId] = {}
        for site in sites:
            for station in site.stations:
                self.stations[station.id] = station
                self._site_of[station.id] = site
                self._spelling[station.id.casefold()] = station.id
        self._sites_of: dict[CustomerId, list[Site]] = {}
        for site in sites:
            self._sites_of.setdefault(site.customer, []).append(site)

    def station_named(self, name: str) -> StationId | None:
        """Return the registered id that `name` means, ignoring case; None if unknown."""
        exact = StationId(name)
        if exact in self.stations:
            return exact
        return self._spelling.get(name.casefold())

    def site_of(self, place: Place | StationId) -> Site | None:
        """Return the site a station or place belongs to; None for unknown or wider ones."""
        if isinstance(place, str):
            return self._site_of.get(place)
        station = place.station
        if station is not None:
            return self._site_of.get(station)
        return self.sites.get(SiteId(place.name)) if place.kind.value == "site" else None

    def customer_of(self, place: Place | StationId) -> Customer | None:
        """Return the customer whose place this is; None where there is none."""
        site = self.site_of(place)
        return self.customers.get(site.customer) if site else None

    def sites_of(self, customer: CustomerId) -> list[Site]:
        """Return a customer's sites in the order of the fleet file."""
        return self._sites_of.get(customer, [])
