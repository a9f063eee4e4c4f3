"""Phrasing: how places, moments and faults are called in a text. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_datetime

from domain.faults import Fault, Severity
from domain.places import Place
from domain.registry import Customer, Registry, Segment, Site
from ticketing.wording import FaultText, FaultWords, Wording

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_CHOICE = re.compile(r"\[([^\[\]|]*)(?:\|([^\[\]]*))?\]")
_MOMENTS = {"en": "EEE d MMM, HH:mm", "de": "EEE, d. MMM, HH:mm 'Uhr'"}

DANGER_EFFECT = "do_not_use"
NOT_CHARGING = "no_charging"
NO_CONNECTION = "no_connection"
REPORTED = "fault_reported"


def fill(template: str, values: Mapping[str, str]) -> str:
    """Fill a sentence; return "" where a placeholder of it has no value.

    `[with {phone}|without]` becomes its first half if that can be filled, else the second.
    """

    def choose(match: re.Match[str]) -> str:
        if all(values.get(name) for name in _PLACEHOLDER.findall(match[1])):
            return match[1]
        return match[2] or ""

    chosen = _CHOICE.sub(choose, template)
    names = _PLACEHOLDER.findall(chosen)
    if not all(values.get(name) for name in names):
        return ""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], chosen)


def plain(name: str) -> str:
    """Return a registered name on one line, so that it cannot break a subject or a header."""
    return " ".join(name.split())


def moment(at: datetime, zone: ZoneInfo, language: str, suffix: str = "") -> str:
    """Write a local moment with its day: `Mon 5 Jan, 09:12`, `Mo., 5. Jan., 09:12 Uhr`.

    `suffix` names the zone where a reader has sites in several.
    """
    said = format_datetime(at.astimezone(zone), _MOMENTS[language], locale=language)
    return f"{said} ({suffix})" if suffix else said


class PlaceWords(msgspec.Struct, frozen=True):
    """One place in the words of one reader."""

    place: str  # no article
    at_place: str  # inside a sentence
    subject: str  # at the start of a sentence
    used: str  # as what somebody uses
    full: str  # for subjects, with the site


def place_words(
    place: Place, customer: Customer, registry: Registry, wording: Wording, language: str
) -> PlaceWords:
    """Return how a place is called to a customer; private ones read "your charging station"."""
    site = registry.site_of(place)
    values = {
        "evse": str(place.evse),
        "station": plain(place.name),
        "site_name": plain(site.title) if site else plain(place.name),
    }
    key = _variant(place, customer, registry)
    said = [
        fill(wording.phrase(group, key, language), values)
        for group in ("place", "at_place", "place_subject", "place_object")
    ]
    full = said[0]
    if site is not None and key != "site" and customer.segment is not Segment.PRIVATE:
        full = f"{said[0]}, {plain(site.title)}"
    return PlaceWords(said[0], said[1], said[2], said[3], full)


def _variant(place: Place, customer: Customer, registry: Registry) -> str:
    if place.station is None:
        return "site"
    station = registry.stations.get(place.station)
    is_one_of_many = place.evse > 0 and (station is None or station.evses > 1)
    kind = "evse" if is_one_of_many else "station"
    if customer.segment is not Segment.PRIVATE:
        return kind
    owned = sum(len(site.stations) for site in registry.sites_of(customer.id))
    return f"{kind}_own" if owned > 1 else f"{kind}_private"


class Saying(msgspec.Struct, frozen=True):
    """What is said about one fault: an effect key and templates with placeholders."""

    effect: str
    impact: str
    reader_action: str = ""
    finding: str = ""
    asks_nothing: bool = False  # the reader can do nothing about it, and is told so


def saying_of(fault: Fault, wording: Wording, language: str) -> Saying:
    """Choose what is said about a fault so that it is true at the fault's severity.

    A code's own sentence holds at its own level; a place that is faulted cannot charge whatever
    the code says, and a code reported without that leaves open what it means.
    """
    words, text = _words_of(fault, wording, language)
    own = Saying(words.effect, text.impact, text.reader_action, "", not text.reader_action)
    if fault.is_danger:
        return own if words.level == "danger" else _danger(text, wording, language)
    if words.level in ("", _level_of(fault)):
        return own
    if fault.severity.rank >= Severity.MAJOR.rank:
        key = "faulted" if text.finding else "faulted_plain"
        impact = text.faulted or wording.phrase("impact", key, language)
        effect = NOT_CHARGING
    else:
        impact = wording.phrase("impact", "reported", language)
        effect = REPORTED
    return Saying(effect, impact, "", text.finding, not text.reader_action)


def _level_of(fault: Fault) -> str:
    return "major" if fault.severity.rank >= Severity.MAJOR.rank else "minor"


def _danger(text: FaultText, wording: Wording, language: str) -> Saying:
    key = "danger" if text.finding else "danger_plain"
    return Saying(
        DANGER_EFFECT,
        wording.phrase("impact", key, language),
        wording.phrase("reader_action", "danger", language),
        text.finding,
    )


def _words_of(fault: Fault, wording: Wording, language: str) -> tuple[FaultWords, FaultText]:
    known = [wording.of_code(code) for code in fault.codes] or [wording.of_code("")]
    words = min(known, key=lambda row: ("danger", "major", "minor", "").index(row.level))
    return words, words.texts[language]


def zone_suffix(
    site: Site, customer: Customer, registry: Registry, wording: Wording, language: str
) -> str:
    """Return the name of the site's zone where the customer has sites in several, else ""."""
    if len({other.timezone for other in registry.sites_of(customer.id)}) < 2:
        return ""
    city = site.timezone.rpartition("/")[2].replace("_", " ")
    return fill(wording.phrase("other", "zone", language), {"city": city})
