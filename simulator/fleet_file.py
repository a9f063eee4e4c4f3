"""Reads and writes the fleet file: the YAML that names customers, sites and stations.

The reader takes what the simulator needs and ignores the rest; whether a file is right is for
the central system to say. What a file does not tell (vendor traits, kind of link) is drawn from
the seed, so that reading a written fleet gives the same stations again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import yaml

from simulator.plan import (
    ContactPlan,
    CustomerPlan,
    FleetPlan,
    Segment,
    SitePlan,
    StationPlan,
)
from simulator.traits import later_protocol_of, link_of, traits_of
from simulator.vendors import vendor_named

_NOT_IN_FILE = {"segment", "link", "stations"}


class FleetFileError(Exception):
    """A fleet file that cannot be used; the message says where and what was expected."""


def write_fleet_yaml(plan: FleetPlan, path: Path) -> None:
    """Write a fleet in the fleet file's format, whole or not at all."""
    document = {
        "customers": [_customer_entry(customer) for customer in plan.customers],
        "sites": [_site_entry(site) for site in plan.sites],
    }
    text = yaml.dump(document, allow_unicode=True, sort_keys=False, width=100)
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def read_fleet_yaml(path: Path, seed: int) -> FleetPlan:
    """Read a fleet file; stations of other protocols than OCPP are left out.

    Raises FleetFileError where the file is not YAML or lacks what a station needs, OSError
    where it cannot be opened.
    """
    text = path.read_text(encoding="utf-8")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise FleetFileError(f"{path}: not YAML: {error}") from error
    root = _Entry(str(path), document)
    customers = tuple(_customer(entry) for entry in root.entries("customers"))
    segments = {customer.id: customer.segment for customer in customers}
    sites = tuple(_site(entry, segments, seed) for entry in root.entries("sites"))
    return FleetPlan(seed=seed, customers=customers, sites=sites)


class _Entry:
    """One mapping of the file, and where it stands."""

    def __init__(self, where: str, value: object) -> None:
        if not isinstance(value, dict):
            raise FleetFileError(f"{where}: expected keys and values")
        self.where = where
        self._values = value

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if value is None:
            raise FleetFileError(f"{self.where}: expected {key}")
        return str(value)

    def count(self, key: str) -> int:
        value = self._values.get(key)
        if not isinstance(value, int) or value < 1:
            raise FleetFileError(f"{self.where}: expected {key}, a number of at least 1")
        return value

    def entries(self, key: str) -> list[_Entry]:
        values = self._values.get(key) or []
        if not isinstance(values, list):
            raise FleetFileError(f"{self.where}: expected a list of {key}")
        return [_Entry(f"{self.where}: {key}[{i}]", value) for i, value in enumerate(values)]


def _customer(entry: _Entry) -> CustomerPlan:
    contacts = tuple(
        ContactPlan(name=contact.text("name", ""), role=contact.text("role", ""))
        for contact in entry.entries("contacts")
    )
    return CustomerPlan(
        id=entry.text("id"),
        name=entry.text("name", ""),
        segment=entry.text("segment", "company"),
        language=entry.text("language", "en"),
        contacts=contacts,
    )


def _site(entry: _Entry, segments: dict[str, str], seed: int) -> SitePlan:
    id_, customer = entry.text("id"), entry.text("customer")
    opening_hours = entry.text("opening_hours", "")
    carrier = entry.text("carrier", "")
    segment = _segment(segments.get(customer, "company"), opening_hours)
    link = link_of(seed, id_, segment, carrier)
    stations: list[StationPlan] = []
    for station in entry.entries("stations"):
        if station.text("protocol", "ocpp") != "ocpp":
            continue
        station_id = station.text("id")
        vendor = vendor_named(station.text("vendor", ""))
        stations.append(
            StationPlan(
                id=station_id,
                evses=station.count("evses"),
                vendor=station.text("vendor", ""),
                model=station.text("model", ""),
                traits=traits_of(seed, station_id, segment, vendor, link),
                later_protocol=later_protocol_of(seed, station_id, segment),
            )
        )
    return SitePlan(
        id=id_,
        customer=customer,
        segment=segment,
        timezone=entry.text("timezone"),
        link=link,
        stations=tuple(stations),
        name=entry.text("name", ""),
        opening_hours=opening_hours,
        carrier=carrier,
        gateway=entry.text("gateway", ""),
    )


def _segment(word: str, opening_hours: str) -> Segment:
    """A company's site that never closes is taken for a public one (hotel, shop, car park)."""
    match word:
        case "private":
            return Segment.PRIVATE
        case "fleet":
            return Segment.FLEET
        case _:
            return Segment.COMPANY if opening_hours else Segment.PUBLIC


def _filled(plan: object, names: Iterable[str]) -> dict[str, object]:
    """The members that say something, tuples as lists, in the order of the class."""
    entry: dict[str, object] = {}
    for name in names:
        value = getattr(plan, name)
        if value not in ("", None, ()):
            entry[name] = list(value) if isinstance(value, tuple) else value
    return entry


def _customer_entry(customer: CustomerPlan) -> dict[str, object]:
    entry = _filled(customer, ("id", "name", "segment", "language"))
    contacts = [_filled(contact, _names(ContactPlan)) for contact in customer.contacts]
    for contact in contacts:
        if contact.get("channel") == "email":
            del contact["channel"]  # the format's default
    return entry | ({"contacts": contacts} if contacts else {})


def _site_entry(site: SitePlan) -> dict[str, object]:
    entry = _filled(site, (name for name in _names(SitePlan) if name not in _NOT_IN_FILE))
    entry["stations"] = [
        _filled(station, ("id", "vendor", "model", "evses")) for station in site.stations
    ]
    return entry


def _names(plan: type[ContactPlan] | type[SitePlan]) -> list[str]:
    return [field.name for field in fields(plan)]
