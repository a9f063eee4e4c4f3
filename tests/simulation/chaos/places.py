"""The fleet that suffers: small, and with every kind of neighbour that a rule asks for."""

from __future__ import annotations

from domain.places import CustomerId, SiteId, StationId
from domain.registry import Contact, Customer, Registry, Role, Segment, Site, Station

STRANGER = StationId("NOBODY-KNOWS")
BEHIND = "mqtt"


def fleet() -> Registry:
    """Return six sites of three customers: a depot, a home, one with a controller, others."""
    return Registry(
        customers=(
            _customer("acme", Segment.FLEET, "de"),
            _customer("mayer", Segment.PRIVATE, "de"),
            _customer("firm", Segment.COMPANY, "en"),
        ),
        sites=(
            _site("depot", "acme", {"D-1": 2, "D-2": 1, "D-3": 1, "D-4": 2}, fuse=63.0),
            _site("yard", "acme", {"Y-1": 1, "Y-2": 1}, carrier="telco"),
            _site("home", "mayer", {"H-1": 1}),
            _site("court", "firm", {"C-1": 2, "C-2": 2}, carrier="telco"),
            _site("mill", "firm", {"M-1": 1, "M-2": 1, "M-3": 1}, behind=2, fuse=40.0),
            _site("inn", "firm", {"I-1": 1}, carrier="telco", zone="America/New_York"),
        ),
    )


def _customer(name: str, segment: Segment, language: str) -> Customer:
    contacts = [
        Contact(name="PM", role=Role.PROJECT_MANAGER, email=f"pm@{name}.example"),
        Contact(name="Here", role=Role.SITE, email=f"here@{name}.example"),
        Contact(name="Books", role=Role.BILLING, email=f"books@{name}.example"),
    ]
    if segment is Segment.PRIVATE:
        contacts = [
            Contact(name="Anna", role=Role.OWNER, email=f"anna@{name}.example"),
            Contact(name="Bell", role=Role.SITE, phone="+49 30 23125 002", channel="sms"),
        ]
    return Customer(
        id=CustomerId(name),
        name=name.title(),
        segment=segment,
        language=language,
        contacts=tuple(contacts),
    )


def _site(
    name: str,
    customer: str,
    stations: dict[str, int],
    *,
    behind: int = 0,
    carrier: str = "",
    fuse: float | None = None,
    zone: str = "Europe/Berlin",
) -> Site:
    """Return a site; the first `behind` of its stations stand behind its controller."""
    return Site(
        id=SiteId(name),
        customer=CustomerId(customer),
        name=name.title(),
        timezone=zone,
        country="US" if zone.startswith("America") else "DE",
        carrier=carrier,
        gateway=f"gw-{name}" if behind else "",
        fuse_limit_a=fuse,
        stations=tuple(
            Station(id=StationId(s), evses=n, protocol=BEHIND if number < behind else "ocpp")
            for number, (s, n) in enumerate(stations.items())
        ),
    )
