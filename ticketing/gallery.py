"""`python -m ticketing.gallery`: every kind of notice, about an invented fleet, to be read.

For people who change words: read these as the customer would.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from domain.faults import Change, Decision, Fault, Severity
from domain.places import CustomerId, Place, SiteId, StationId, TicketId
from domain.registry import Contact, Customer, Registry, Role, Segment, Site, Station
from domain.tickets import Notice
from ticketing.commands import SendNotice
from ticketing.desk import Desk
from ticketing.settings import DeskSettings

PHONE = "+49 30 23125 001"
MONDAY = datetime(2026, 1, 5, 8, 10, tzinfo=UTC)


class Story:
    """One desk and what was sent from it."""

    def __init__(self, registry: Registry, *, phone: str = PHONE) -> None:
        self.notices: list[Notice] = []
        is_german = any(one.language == "de" for one in registry.customers.values())
        self._view = _Points(registry)
        self._desk = Desk(
            registry,
            DeskSettings(
                phone=phone,
                team_name="Ihr Ladeservice" if is_german else "Your charging service",
            ),
            status_page=_status_page,
            view=self._view,
        )

    def happens(
        self,
        at: datetime,
        change: Change,
        place: Place,
        code: str,
        severity: Severity,
        *,
        is_danger: bool = False,
    ) -> None:
        """Let the engine decide something, and tell whoever is due."""
        is_cleared = change is Change.CLEARED
        self._view.set(place, is_faulty=not is_cleared and severity.rank > 1)
        key = f"{code}@{place}"
        raised_at = at
        fault = Fault(
            fingerprint=key,
            rule="gallery",
            place=place,
            episode=1,
            severity=severity,
            codes=(code,),
            seen_at=raised_at - timedelta(minutes=2),
            raised_at=raised_at,
            cleared_at=at if is_cleared else None,
            clean_since=at - timedelta(minutes=5) if is_cleared else None,
            is_danger=is_danger,
        )
        decision = Decision(
            key=f"{key}:{change}:{at}", change=change, fault=fault, at=at, because="gallery"
        )
        self._keep(self._desk.step_many(at, [decision]).commands)

    def passes(self, at: datetime) -> None:
        """Let time pass."""
        self._keep(self._desk.step(at).commands)

    def _keep(self, commands: tuple[object, ...]) -> None:
        self.notices += [c.notice for c in commands if isinstance(c, SendNotice)]


def stories() -> Iterator[tuple[str, Story]]:
    """Yield every story of the gallery, with a title."""
    for language in ("en", "de"):
        for segment in Segment:
            yield f"{segment.value}, {language}", _usual(_registry(segment, language))
        company = _registry(Segment.COMPANY, language)
        yield f"danger, {language}", _danger(company)
        yield f"danger without a phone, {language}", _danger(company, phone="")
        yield f"private danger, {language}", _danger(_registry(Segment.PRIVATE, language))
        yield f"site, {language}", _site(company)
        yield f"lost connection, {language}", _offline(company)


def main() -> None:
    """Write all notices of all stories to standard output."""
    for title, story in stories():
        for notice in story.notices:
            sys.stdout.write(
                f"--- {title}: {notice.reason} to {notice.name} at {notice.at:%a %H:%M} ---\n"
                f"{notice.subject}\n\n{notice.text}\n"
            )


def _usual(registry: Registry) -> Story:
    story = Story(registry)
    one, two = (Place.of_station(StationId("N-001"), evse) for evse in (1, 2))
    story.happens(MONDAY, Change.RAISED, one, "CX014", Severity.MAJOR)
    later = MONDAY + timedelta(hours=1)
    story.happens(later, Change.RAISED, two, "OtherError", Severity.MAJOR)
    worse = MONDAY + timedelta(hours=2)
    story.happens(worse, Change.WORSENED, one, "CX014", Severity.CRITICAL)
    story.passes(MONDAY + timedelta(hours=8))
    end = MONDAY + timedelta(hours=9)
    story.happens(end, Change.CLEARED, one, "CX014", Severity.CRITICAL)
    story.happens(end, Change.CLEARED, two, "OtherError", Severity.MAJOR)
    story.passes(MONDAY + timedelta(hours=13))
    back = MONDAY + timedelta(days=1)
    story.happens(back, Change.RAISED, one, "CX014", Severity.MAJOR)
    return story


def _danger(registry: Registry, *, phone: str = PHONE) -> Story:
    story = Story(registry, phone=phone)
    place = Place.of_station(StationId("N-001"), 1)
    story.happens(MONDAY, Change.RAISED, place, "CX002", Severity.CRITICAL, is_danger=True)
    story.passes(MONDAY + timedelta(hours=8))
    end = MONDAY + timedelta(hours=9)
    story.happens(end, Change.CLEARED, place, "CX002", Severity.CRITICAL, is_danger=True)
    return story


def _site(registry: Registry) -> Story:
    story = Story(registry)
    place = Place.of_site(SiteId("north"))
    story.happens(MONDAY, Change.RAISED, place, "site-dark", Severity.MAJOR)
    end = MONDAY + timedelta(hours=2)
    story.happens(end, Change.CLEARED, place, "site-dark", Severity.MAJOR)
    return story


def _offline(registry: Registry) -> Story:
    story = Story(registry)
    place = Place.of_station(StationId("N-002"))
    story.happens(MONDAY, Change.RAISED, place, "offline", Severity.MINOR)
    worse = MONDAY + timedelta(hours=1, minutes=30)
    story.happens(worse, Change.WORSENED, place, "offline", Severity.MAJOR)
    end = MONDAY + timedelta(hours=5)
    story.happens(end, Change.CLEARED, place, "offline", Severity.MAJOR)
    return story


class _Points:
    """A view in which everything is ready that the story has not made faulty."""

    def __init__(self, registry: Registry) -> None:
        self._usable: dict[Place, bool | None] = {
            Place.of_station(station.id, evse + 1): True
            for station in registry.stations.values()
            for evse in range(station.evses)
        }

    def set(self, place: Place, *, is_faulty: bool) -> None:
        """Make an EVSE faulty, or ready again."""
        if place in self._usable:
            self._usable[place] = not is_faulty

    def points_at(self, site: SiteId) -> Mapping[Place, bool | None]:
        """Return all EVSEs: there is one site."""
        return self._usable

    def charged_at(self, place: Place, after: datetime) -> datetime | None:
        """Return None: nobody charges in the gallery."""
        return None


def _registry(segment: Segment, language: str) -> Registry:
    desk = "Depot desk" if language == "en" else "Leitstand Nord"
    contacts: tuple[Contact, ...] = (
        Contact(name=desk, role=Role.SITE, email="depot@acme.example"),
        Contact(name="Kim Lang", role=Role.PROJECT_MANAGER, email="projects@acme.example"),
    )
    if segment is Segment.PRIVATE:
        contacts = (Contact(name="Kim Lang", role=Role.OWNER, email="kim@home.example"),)
    customer = Customer(
        id=CustomerId("acme"),
        name="ACME Logistics",
        segment=segment,
        language=language,
        contacts=contacts,
    )
    stations = [Station(id=StationId("N-001"), evses=2)]
    if segment is not Segment.PRIVATE:
        stations += [Station(id=StationId(f"N-00{n}"), evses=1) for n in (2, 3)]
    site = Site(
        id=SiteId("north"),
        customer=customer.id,
        timezone="Europe/Berlin",
        name="North depot" if language == "en" else "Depot Nord",
        country="DE",
        stations=tuple(stations),
    )
    return Registry((customer,), (site,))


def _status_page(customer: CustomerId | None, ticket: TicketId) -> str:
    return f"https://charging.example/s/{customer}-{ticket}"


if __name__ == "__main__":
    main()
