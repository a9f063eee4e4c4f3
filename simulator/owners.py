"""Invents who owns the sites: customers, their contacts, and where the sites lie."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from simulator import names
from simulator.names import Area
from simulator.plan import ContactPlan, CustomerPlan, Segment
from simulator.traits import stream

_SITES_PER_CUSTOMER = {
    Segment.COMPANY: ((1, 2, 3, 5), (0.75, 0.15, 0.07, 0.03)),
    Segment.FLEET: ((1, 2, 4), (0.70, 0.20, 0.10)),
    Segment.PUBLIC: ((1, 2, 4, 8), (0.50, 0.25, 0.15, 0.10)),
}
_DEPOTS = {"de": "Depot", "en": "Depot"}
_WORKS = {
    "de": ("Hauptsitz", "Werk", "Niederlassung"),
    "en": ("Head office", "Plant", "Office"),
}
_PUBLIC = {"de": ("Hotel", "Markt", "Parkhaus"), "en": ("Hotel", "Store", "Car park")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """A site before its stations are drawn."""

    customer: str
    segment: Segment
    area: Area
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Estates:
    """All customers and, in their order, all sites."""

    customers: tuple[CustomerPlan, ...]
    sites: tuple[Estate, ...]


def settle(segments: list[Segment], seed: int) -> Estates:
    """Invent customers for sites of these segments; sites of one customer stand together.

    A site's id later numbers the sites in this order, and contacts that name sites use it.
    """
    customers: list[CustomerPlan] = []
    sites: list[Estate] = []
    taken: set[str] = set()
    place = 0
    while place < len(segments):
        segment = segments[place]
        left = sum(1 for other in segments[place:] if other is segment)
        dice = stream(seed, f"customer-{place}")
        count = min(left, _site_count(dice, segment))
        area = names.draw_area(dice)
        customer, estates = _customer(dice, segment, area, place, count, taken)
        taken.add(customer.id)
        customers.append(customer)
        sites += estates
        place += count
    return Estates(tuple(customers), tuple(sites))


def _site_count(dice: Random, segment: Segment) -> int:
    if segment is Segment.PRIVATE:
        return 1
    counts, shares = _SITES_PER_CUSTOMER[segment]
    return dice.choices(counts, shares)[0]


def _customer(
    dice: Random, segment: Segment, area: Area, first: int, count: int, taken: set[str]
) -> tuple[CustomerPlan, list[Estate]]:
    first_name, last_name = names.person(dice)
    if segment is Segment.PRIVATE:
        name = f"{first_name} {last_name}"
    else:
        name = names.house(dice, segment.value, area.language)
    id_ = names.slug(name)
    if id_ in taken:
        id_ = f"{id_}-{first + 1}"
    estates = []
    for _ in range(count):
        town = names.town(dice, area.language)
        estates.append(
            Estate(
                customer=id_,
                segment=segment,
                area=area,
                name=_site_name(dice, segment, area.language, town, last_name),
                address=f"{names.street(dice, area.language)}, {town}",
            )
        )
    domain = f"{id_}.example"
    if segment is Segment.PRIVATE:
        contacts = [_owner(dice, first_name, last_name, area, domain)]
    else:
        letter = {Segment.COMPANY: "c", Segment.FLEET: "d", Segment.PUBLIC: "p"}[segment]
        site_ids = [f"{letter}{first + index + 1:03d}" for index in range(count)]
        contacts = _desk(dice, area, domain, site_ids)
    word = "company" if segment is Segment.PUBLIC else segment.value
    plan = CustomerPlan(
        id=id_, name=name, segment=word, language=area.language, contacts=tuple(contacts)
    )
    return plan, estates


def _site_name(dice: Random, segment: Segment, language: str, town: str, last: str) -> str:
    match segment:
        case Segment.PRIVATE:
            return f"Zuhause {last}" if language == "de" else f"Home of {last}"
        case Segment.COMPANY:
            return f"{dice.choice(_WORKS[language])} {town}"
        case Segment.FLEET:
            return f"{_DEPOTS[language]} {town}"
        case Segment.PUBLIC:
            return f"{dice.choice(_PUBLIC[language])} {town}"


def _owner(dice: Random, first: str, last: str, area: Area, domain: str) -> ContactPlan:
    return ContactPlan(
        name=f"{first} {last}",
        role="owner",
        email=f"{names.slug(first)}@{domain}",
        phone=names.phone(dice, area.country),
    )


def _desk(dice: Random, area: Area, domain: str, site_ids: list[str]) -> list[ContactPlan]:
    """A project manager always, a person at most sites, accounts at every third customer."""
    contacts = [_employee(dice, "project_manager", area, domain, ())]
    for site_id in site_ids:
        if dice.random() < 0.7:
            sites = (site_id,) if len(site_ids) > 1 else ()
            contacts.append(_employee(dice, "site", area, domain, sites))
    if dice.random() < 1 / 3:
        is_german = area.language == "de"
        contacts.append(
            ContactPlan(
                name="Buchhaltung" if is_german else "Accounts",
                role="billing",
                email=f"{'rechnung' if is_german else 'accounts'}@{domain}",
            )
        )
    return contacts


def _employee(
    dice: Random, role: str, area: Area, domain: str, sites: tuple[str, ...]
) -> ContactPlan:
    first, last = names.person(dice)
    # In every tenth German-speaking house the person prefers English.
    language = "en" if area.language == "de" and dice.random() < 0.1 else ""
    return ContactPlan(
        name=f"{first} {last}",
        role=role,
        email=f"{names.slug(first)}.{names.slug(last)}@{domain}",
        phone=names.phone(dice, area.country),
        language=language,
        sites=sites,
    )
