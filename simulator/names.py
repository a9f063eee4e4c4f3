"""Invents names of towns, people and companies. Likeness to real ones is chance.

Mail addresses end in `.example` (RFC 2606), telephone numbers are of ranges that regulators
keep free for fiction: (030) 23125 000-999 in Germany, 020 7946 0000-0999 in Britain.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

_TOWN_HEADS = (
    "Amsel", "Birken", "Dorn", "Erlen", "Falken", "Grau", "Hasel", "Kranich", "Linden",
    "Moor", "Otter", "Quell", "Rohr", "Silber", "Tannen", "Ulmen", "Wacholder", "Zeisig",
)  # fmt: skip
_TOWN_TAILS = ("brück", "furt", "hafen", "mark", "münde", "rode", "stedt", "wörth", "zell")
_EN_TOWN_HEADS = ("Alder", "Bramble", "Copper", "Fern", "Hollow", "Larch", "Otter", "Thistle")
_EN_TOWN_TAILS = ("bourne", "combe", "ford", "haven", "mere", "stead", "wick")
_STREETS = (
    "Werkstraße", "Am Umspannwerk", "Lindenallee", "Hafenweg", "Industriering", "Mühlgasse",
    "Am Güterbahnhof", "Gartenstraße", "Fabrikweg", "Zum Depot",
)  # fmt: skip
_EN_STREETS = ("Foundry Road", "Orchard Lane", "Station Way", "Mill Street", "Quay Road")
_FIRST = (
    "Anke", "Bela", "Carla", "Deniz", "Emil", "Frieda", "Gesa", "Hanno", "Ines", "Jonas",
    "Katja", "Levin", "Mira", "Nils", "Okan", "Pia", "Ruben", "Selma", "Tilda", "Yusuf",
)  # fmt: skip
_LAST = (
    "Ahrendt", "Brückmann", "Celik", "Dornbach", "Ehlers", "Feldkamp", "Grothe", "Hallstein",
    "Imhoff", "Jessen", "Kortmann", "Lindqvist", "Merten", "Nowack", "Osterloh", "Petrik",
    "Quandt", "Rademacher", "Sievert", "Tomasek", "Ungerer", "Vossberg", "Wieland", "Zeller",
)  # fmt: skip
_HOUSES = {
    "company": ("Maschinenbau", "Steuerberatung", "Verlag", "Elektrotechnik", "Klinik",
                "Software", "Pharma", "Holzwerk", "Druckerei", "Labor"),
    "fleet": ("Logistik", "Paketdienst", "Busbetriebe", "Pflegedienst", "Entsorgung"),
    "public": ("Hotels", "Märkte", "Parkhaus", "Thermen", "Gastwirtschaften"),
}  # fmt: skip
_EN_HOUSES = {
    "company": ("Engineering", "Publishing", "Analytics", "Instruments", "Dental Group"),
    "fleet": ("Logistics", "Parcel Service", "Bus Company", "Care Services"),
    "public": ("Hotels", "Stores", "Car Parks", "Spa Resorts"),
}
_ASCII = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", " ": "-", "'": ""})


@dataclass(frozen=True, slots=True)
class Area:
    """A part of a country: where its sites lie, which time and language they keep."""

    country: str
    region: str  # ISO 3166-2 subdivision
    timezone: str
    language: str
    latitude: float
    longitude: float


AREAS: tuple[tuple[Area, float], ...] = (
    (Area("DE", "NW", "Europe/Berlin", "de", 51.5, 7.6), 16.0),
    (Area("DE", "BY", "Europe/Berlin", "de", 48.9, 11.6), 14.0),
    (Area("DE", "BW", "Europe/Berlin", "de", 48.6, 9.1), 12.0),
    (Area("DE", "NI", "Europe/Berlin", "de", 52.7, 9.2), 9.0),
    (Area("DE", "HE", "Europe/Berlin", "de", 50.6, 9.0), 7.0),
    (Area("DE", "SN", "Europe/Berlin", "de", 51.0, 13.3), 4.0),
    (Area("DE", "BE", "Europe/Berlin", "de", 52.5, 13.4), 5.0),
    (Area("DE", "HH", "Europe/Berlin", "de", 53.6, 10.0), 4.0),
    (Area("DE", "SH", "Europe/Berlin", "de", 54.2, 9.8), 3.0),
    (Area("AT", "3", "Europe/Vienna", "de", 48.2, 15.6), 5.0),
    (Area("CH", "ZH", "Europe/Zurich", "de", 47.4, 8.6), 4.0),
    (Area("NL", "UT", "Europe/Amsterdam", "en", 52.1, 5.2), 5.0),
    (Area("DK", "84", "Europe/Copenhagen", "en", 55.7, 12.3), 3.0),
    (Area("IE", "L", "Europe/Dublin", "en", 53.3, -6.8), 3.0),
    (Area("GB", "ENG", "Europe/London", "en", 52.3, -1.4), 6.0),
)
"""Areas and how many of a hundred sites lie in each (an assumption)."""


def draw_area(dice: Random) -> Area:
    """Draw an area by its share."""
    return dice.choices([area for area, _ in AREAS], [share for _, share in AREAS])[0]


def slug(text: str) -> str:
    """Return a text as lower-case ASCII for ids and mail addresses."""
    return text.lower().translate(_ASCII)


def town(dice: Random, language: str) -> str:
    """Invent a town."""
    if language == "de":
        return dice.choice(_TOWN_HEADS) + dice.choice(_TOWN_TAILS)
    return dice.choice(_EN_TOWN_HEADS) + dice.choice(_EN_TOWN_TAILS)


def street(dice: Random, language: str) -> str:
    """Invent a street and number."""
    if language == "de":
        return f"{dice.choice(_STREETS)} {dice.randint(1, 90)}"
    return f"{dice.randint(1, 90)} {dice.choice(_EN_STREETS)}"


def person(dice: Random) -> tuple[str, str]:
    """Invent a person: first and last name."""
    return dice.choice(_FIRST), dice.choice(_LAST)


def house(dice: Random, kind: str, language: str) -> str:
    """Invent a company of a kind: company, fleet or public."""
    trades = (_HOUSES if language == "de" else _EN_HOUSES)[kind]
    return f"{dice.choice(_LAST)} {dice.choice(trades)}"


def phone(dice: Random, country: str) -> str:
    """Return a telephone number that belongs to nobody."""
    if country in ("GB", "IE"):
        return f"+44 20 7946 {dice.randint(0, 999):04d}"
    return f"+49 30 23125 {dice.randint(0, 999):03d}"
