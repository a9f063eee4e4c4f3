"""Every code on every occasion, to everybody, under the longest names: no notice is withheld.

The names are the worst that are real: a branch with an umlaut and a hyphen, an identity as the
roaming hubs write it, customers with sites in two time zones. The limits are counted here anew,
so that a mistake in the check's own counting shows.
"""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from domain.faults import Fault, Severity
from domain.places import CustomerId, Place, SiteId, StationId, TicketId
from domain.registry import Customer, Registry, Role, Segment, Site, Station
from domain.tickets import NoticeReason, Reader, Ticket, TicketKind, TicketState
from ticketing.facts import gather
from ticketing.notices import NoticeWriter, Written
from ticketing.occasions import Occasion, Sources
from ticketing.settings import DeskSettings
from ticketing.wording import LANGUAGES, load_wording

pytestmark = pytest.mark.thorough

W = load_wording()
AT = datetime(2026, 9, 30, 8, 12, tzinfo=UTC)  # a Wednesday; "Sept." is the longest month
DESK = "Leitstand Niederlassung Wacholdermünde-Süd"
PERSON = "Dr. Maria-Magdalena Oberwallner-Schmidtbauer"
PHONE = "+49 (0) 30 23125 001 - 27"
SITE_CODES = {"site-dark", "gateway-lost", "load-limit", "offline"}


class Names(msgspec.Struct, frozen=True):
    """What site and stations are called."""

    branch: str = "Niederlassung Wacholdermünde-Süd"
    station: StationId = StationId("DE*ABC*E123456*01")
    other: StationId = StationId("DE*ABC*E123456*02")


REAL = Names()
# OCPP 2.0.1: an identity has at most 48 characters.
ABSURD = Names(
    branch="Logistikzentrum Wacholdermünde-Süd, Halle 4, Tor 12 bis 17, Zufahrt über den Hof",
    station=StationId("DE*ABC*E" + "1234567890" * 4),
)

READERS = [
    (Segment.PRIVATE, Role.OWNER),
    (Segment.COMPANY, Role.SITE),
    (Segment.COMPANY, Role.PROJECT_MANAGER),
    (Segment.FLEET, Role.SITE),
    (Segment.FLEET, Role.PROJECT_MANAGER),
]
OCCASIONS = [
    "opened at a point", "opened for a station", "opened for a site", "opened: danger",
    "added", "worse", "worse: a danger it was already", "partly back", "no news", "late",
    "part resolved", "resolved", "resolved: ready", "resolved: charged", "resolved: late",
    "reopened",
    "reopened: danger", "retracted",
]  # fmt: skip
ENDS = {name for name in OCCASIONS if name.startswith(("part", "resolved", "retracted"))}


def registry_for(segment: Segment, *, evses: int = 12, names: Names = REAL) -> Registry:
    customer = Customer(
        id=CustomerId("mueller"),
        name="Müller & Söhne Speditionsgesellschaft mbH & Co. KG",
        segment=segment,
    )
    north = Site(
        id=SiteId("wacholdermuende-sued"),
        customer=customer.id,
        timezone="America/Argentina/Buenos_Aires",  # "Ortszeit Buenos Aires"
        name=names.branch,
        country="DE",
        stations=(
            Station(id=names.station, evses=evses),
            Station(id=names.other, evses=evses),
        ),
    )
    south = Site(id=SiteId("s"), customer=customer.id, timezone="Europe/London", name="London")
    return Registry((customer,), (north, south))


class Points:
    """Some EVSEs ready, some not, some out of sight: the longest thing to say of them."""

    def __init__(self, registry: Registry, name: str) -> None:
        self._charged_at = AT if name == "resolved: charged" else None
        believed = (True, True, None) if name == "resolved: ready" else (True, False, None)
        self.points = {
            Place.of_station(station.id, evse): believed[evse % 3]
            for station in registry.stations.values()
            for evse in range(1, station.evses + 1)
        }

    def points_at(self, site):
        return self.points

    def charged_at(self, place, after):
        return self._charged_at


def fault_of(code, place, severity, *, is_danger=False, cleared=False):
    return Fault(
        fingerprint=f"{code}@{place}",
        rule="connector-faulted",
        place=place,
        episode=1,
        severity=severity,
        codes=(code,),
        seen_at=AT - timedelta(minutes=2),
        raised_at=AT,
        cleared_at=AT + timedelta(hours=1) if cleared else None,
        is_danger=is_danger,
    )


def others(severity, names, *, cleared=False):
    """Further faults at the same station: the same code is spoken of by its places."""
    return tuple(
        fault_of(code, Place.of_station(names.station, evse), severity, cleared=cleared)
        for code, evse in (("CX001", 11), ("CX016", 12))
    )


def occasion_for(name: str, code: str, severity: Severity, names: Names = REAL) -> Occasion:
    """Return the fullest occasion of its kind that can come about with the code."""
    is_danger = "danger" in name
    if is_danger:
        severity = Severity.CRITICAL
    cleared = name in ENDS
    point = Place.of_station(names.station, 10)
    lead = fault_of(code, point, severity, is_danger=is_danger, cleared=cleared)
    same = fault_of(code, Place.of_station(names.station, 9), severity, cleared=cleared)
    faults = (lead, same, *others(severity, names, cleared=cleared))
    about = {"reason": NoticeReason.OPENED, "told_at_site": (DESK, PERSON)}
    first = name.partition(":")[0]
    if first == "opened for a station":
        every = (
            fault_of(code, Place.of_station(names.station, n), severity) for n in range(1, 13)
        )
        faults = (*every, *others(severity, names))
    elif first == "opened for a site":
        faults = (fault_of(code, Place.of_site(SiteId("wacholdermuende-sued")), severity),)
    elif first == "added":
        about["reason"] = NoticeReason.ADDED
    elif first in ("worse", "partly back", "no news", "late", "part resolved"):
        about["reason"] = NoticeReason.UPDATE
        about["is_worse"] = first == "worse"
        about["is_late"] = first in ("late", "worse", "part resolved")
        if first == "partly back":
            about["gone"] = (fault_of("CX014", Place.of_station(names.station, 8), severity,
                                      cleared=True),)  # fmt: skip
    elif first == "resolved":
        about["reason"] = NoticeReason.RESOLVED
        about["is_late"] = name == "resolved: late"
    elif first in ("reopened", "retracted"):
        about["reason"] = NoticeReason(first)
    promise_at = None if cleared else AT + timedelta(days=1)
    return Occasion(
        at=AT,
        faults=faults,
        promise_at=promise_at,
        is_danger=name == "opened: danger",
        **about,
    )


def ticket_for(occasion: Occasion, *, is_site: bool, names: Names = REAL) -> Ticket:
    return Ticket(
        id=TicketId("T-1234567"),
        kind=TicketKind.SITE if is_site else TicketKind.FAULT,
        state=TicketState.NEW,
        severity=occasion.faults[0].severity,
        title="",
        opened_at=AT,
        place=Place.of_station(names.station),
        customer=CustomerId("mueller"),
        site=SiteId("wacholdermuende-sued"),
        stations=(names.station, names.other) if is_site else (names.station,),
    )


def reader_for(role: Role, language: str, channel: str = "email") -> Reader:
    return Reader(
        address="a@b.example",
        name=PERSON,
        role=role.value,
        channel=channel,
        language=language,
        opened_at=AT,
        last_at=AT,
        resolved_told_at=AT,
    )


def sources_for(segment, phone, name="", *, evses=12, names=REAL):
    registry = registry_for(segment, evses=evses, names=names)
    return Sources(
        registry,
        W,
        DeskSettings(phone=phone, team_name="Ladeservice der Stadtwerke Wacholdermünde"),
        lambda customer, ticket: f"https://laden.stadtwerke-wacholdermuende.example/s/{ticket}",
        Points(registry, name),
    )


def body_of(text: str) -> str:
    return text.partition("\n\n")[2].rpartition("\n\n")[0]


def assert_goes(name, code, severity, language, segment, role, phone, names=REAL):
    """Write the notice, and read it as strictly as the limits are meant."""
    occasion = occasion_for(name, code, severity, names)
    ticket = ticket_for(occasion, is_site=name == "opened for a site", names=names)
    reader = reader_for(role, language)
    sources = sources_for(segment, phone, name, names=names)
    written = NoticeWriter(sources).write(ticket, reader, occasion)
    assert isinstance(written, Written), written
    without_phone = () if phone else ("no value for phone",)
    assert written.left_out == (without_phone if occasion.is_danger else ())
    body = body_of(written.text)
    words = re.findall(r"\S*\w\S*", re.sub(r"https?://\S+", "", body))
    assert len(words) < 90, body
    assert 0 < len(written.subject) <= 90
    assert "{" not in written.subject + written.text
    facts = gather(ticket, reader, occasion, sources)
    assert facts is not None
    if occasion.promise_at is not None:
        assert facts.values["impact"] in body
        assert facts.values["next_update_at"] in body
    if occasion.reason in (NoticeReason.OPENED, NoticeReason.ADDED):
        assert facts.values["effect"] in written.subject
    if occasion.is_danger:
        assert facts.values["reader_action"] in body
        assert facts.values["emergency_number"] in body
    assert ticket.id in body
    return written


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", OCCASIONS)
def test_every_code_can_be_told_on_every_occasion_whatever_the_names(name, language):
    for number, code in enumerate(sorted(W.faults)):
        if name == "opened for a site" and code not in SITE_CODES:
            continue
        for turn, severity in enumerate((Severity.MINOR, Severity.MAJOR)):
            segment, role = READERS[(number + turn) % len(READERS)]
            phone = PHONE if (number // len(READERS) + turn) % 2 else ""
            assert_goes(name, code, severity, language, segment, role, phone)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("segment", "role"), READERS)
@pytest.mark.parametrize("phone", ["", PHONE])
def test_every_reader_can_be_told_on_every_occasion(language, segment, role, phone):
    for name in OCCASIONS:
        is_site = name == "opened for a site"
        codes = ("site-dark", "gateway-lost") if is_site else wordiest(language)
        severities = (Severity.MINOR, Severity.MAJOR, Severity.CRITICAL)
        for code, severity in zip(codes, severities, strict=False):
            assert_goes(name, code, severity, language, segment, role, phone)


def wordiest(language: str) -> list[str]:
    """Return the codes with the longest sentence, request, and words for a faulted place."""
    texts = {code: words.texts[language] for code, words in W.faults.items()}
    return [
        max(texts, key=lambda code: len(getattr(texts[code], part).split()))
        for part in ("impact", "reader_action", "finding")
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", [Role.SITE, Role.PROJECT_MANAGER])
def test_what_became_worse_for_a_fleet_names_the_other_places_too(language, role):
    for code in sorted(W.faults):
        written = assert_goes(
            "worse", code, Severity.CRITICAL, language, Segment.FLEET, role, PHONE
        )
        body = body_of(written.text)
        by_number = re.search(r"(Ladepunkte|charging points) 9, 11, 12\.", body)
        assert by_number or re.search(r"(Ladepunkt|charging point) 9\.", body), body


def test_of_many_places_the_first_are_named_and_the_rest_counted():
    sources = sources_for(Segment.COMPANY, PHONE, evses=40)
    every = tuple(
        fault_of("CX014", Place.of_station(REAL.station, n), Severity.MAJOR)
        for n in range(1, 31)
    )
    occasion = Occasion(
        reason=NoticeReason.OPENED, at=AT, faults=every, promise_at=AT + timedelta(days=1)
    )
    ticket = ticket_for(occasion, is_site=False)
    said = [
        NoticeWriter(sources).write(ticket, reader_for(Role.SITE, language), occasion)
        for language in LANGUAGES
    ]
    assert "Also affected there: charging points 2, 3, 4, 5, 6, 7 and 23 more." in said[0].text
    assert "Dort ebenfalls betroffen: Ladepunkte 2, 3, 4, 5, 6, 7 und 23 weitere." in (
        said[1].text
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", OCCASIONS)
def test_an_identity_of_the_greatest_length_shortens_the_subject_and_stops_nothing(
    name, language
):
    code = "site-dark" if name == "opened for a site" else "CX007"
    for segment, role in READERS:
        assert_goes(name, code, Severity.MINOR, language, segment, role, PHONE, ABSURD)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("names", [REAL, ABSURD])
@pytest.mark.parametrize("name", OCCASIONS)
def test_a_short_message_fits_and_has_the_number_to_call(name, names, language):
    occasion = occasion_for(name, "CX017", Severity.MAJOR, names)
    ticket = ticket_for(occasion, is_site=False, names=names)
    sources = sources_for(Segment.COMPANY, PHONE, name, names=names)
    written = NoticeWriter(sources).write(
        ticket, reader_for(Role.SITE, language, "sms"), occasion
    )
    assert isinstance(written, Written)
    assert written.text.startswith(written.subject)
    assert PHONE in written.text
    assert len(written.text) <= 300


def test_the_occasions_above_reach_every_pattern():
    reached = set()
    for name in OCCASIONS:
        for code in ("offline", "CX014", "CX003"):
            occasion = occasion_for(name, code, Severity.MAJOR)
            ticket = ticket_for(occasion, is_site=name == "opened for a site")
            sources = sources_for(Segment.COMPANY, PHONE, name)
            facts = gather(ticket, reader_for(Role.SITE, "en"), occasion, sources)
            reached.add(facts.pattern)
    assert reached == set(W.patterns)
