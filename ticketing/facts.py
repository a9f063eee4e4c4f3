"""Facts: everything one notice may say, each value true at the moment of writing or empty."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.faults import Fault
from domain.places import Place, PlaceKind
from domain.registry import Customer, Role, Segment, Site
from domain.tickets import NoticeReason, Reader, Ticket, TicketKind
from ticketing.further import Further, Speaker, further_faults
from ticketing.occasions import Occasion, Sources, common_place, covers, shared_place
from ticketing.phrasing import (
    DANGER_EFFECT,
    NO_CONNECTION,
    NOT_CHARGING,
    PlaceWords,
    fill,
    moment,
    place_words,
    plain,
    saying_of,
    zone_suffix,
)
from ticketing.wording import language_or_default


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one notice. `names` are those the wording check does not judge.

    `kept` are values that fall away only at the very last when the text is long, and
    `also_short` stands in for `also` then; `missing` names what a danger notice had to go
    without.
    """

    pattern: str
    values: dict[str, str]
    names: tuple[str, ...]
    contact_name: str
    kept: frozenset[str] = frozenset()
    also_short: str = ""
    asks_nothing: bool = False
    is_sorry: bool = False
    missing: tuple[str, ...] = ()


def gather(
    ticket: Ticket, reader: Reader, occasion: Occasion, sources: Sources
) -> Facts | None:
    """Gather the facts of a notice; None where the customer or the site is not registered."""
    registry = sources.registry
    customer = registry.customers.get(ticket.customer) if ticket.customer else None
    site = registry.sites.get(ticket.site) if ticket.site else None
    if customer is None or site is None:
        return None
    return _Gathering(ticket, reader, occasion, sources, customer, site).facts()


class _Gathering:
    """The values of one notice, gathered one group at a time."""

    def __init__(
        self,
        ticket: Ticket,
        reader: Reader,
        occasion: Occasion,
        sources: Sources,
        customer: Customer,
        site: Site,
    ) -> None:
        self.ticket, self.reader, self.occasion = ticket, reader, occasion
        self.sources, self.customer, self.site = sources, customer, site
        self.wording, self.registry = sources.wording, sources.registry
        self.language = language_or_default(reader.language)
        self.lead = occasion.faults[0]
        self.saying = saying_of(self.lead, self.wording, self.language)
        self.place = common_place(occasion, self.registry)
        self.words = self._words_for(self.place)
        self.values: dict[str, str] = {}
        self.further = Further()

    def facts(self) -> Facts:
        self._fill_names()
        self._fill_moments()
        self._fill_fault()
        self._fill_meanwhile()
        self._fill_reader_lines()
        missing = []
        if self.occasion.is_danger:
            missing = [
                f"no value for {name}"
                for name in ("phone", "emergency_number")
                if not self.values[name] and not self.sources.settings.is_rehearsal
            ]
        return Facts(
            pattern=self._pattern(),
            values=self.values,
            names=self._names(),
            contact_name=plain(self.reader.name),
            kept=self._kept(),
            also_short=self.further.short,
            asks_nothing=self.saying.asks_nothing,
            is_sorry=self.occasion.is_late
            or self.occasion.reason in (NoticeReason.RETRACTED, NoticeReason.REOPENED),
            missing=tuple(missing),
        )

    def _kept(self) -> frozenset[str]:
        kept = {
            "reader_action": self.occasion.is_danger,
            "meanwhile": self.customer.segment is Segment.FLEET,
            # "It has become worse" with one place of several would be half of the truth.
            "also": self.occasion.is_worse,
        }
        return frozenset(name for name, is_kept in kept.items() if is_kept)

    def _words_for(self, place: Place) -> PlaceWords:
        return place_words(place, self.customer, self.registry, self.wording, self.language)

    def _phrase(self, group: str, key: str, **values: str) -> str:
        return fill(self.wording.phrase(group, key, self.language), self.values | values)

    def _moment(self, at: datetime | None) -> str:
        if at is None:
            return ""
        suffix = zone_suffix(
            self.site, self.customer, self.registry, self.wording, self.language
        )
        return moment(at, self.site.zone, self.language, suffix)

    def _fill_names(self) -> None:
        settings = self.sources.settings
        self.values |= {
            "place": self.words.place,
            "at_place": self.words.at_place,
            "place_subject": self.words.subject,
            "place_object": self.words.used,
            "place_full": self.words.full,
            "site_name": plain(self.site.title),
            "ticket": self.ticket.id,
            "status_page": self.sources.status_page(self.ticket.customer, self.ticket.id),
            "phone": settings.phone,
            "emergency_number": settings.emergency_number
            or self.wording.emergency_number(self.site.country),
        }
        if self.occasion.reason is NoticeReason.RESOLVED:
            return
        if self.ticket.kind is TicketKind.SITE:
            is_all = len(self.ticket.stations) == len(self.site.stations)
            key = "all_stations" if is_all else "some_stations"
            affected = self.wording.phrase("affected", key, self.language)
            self.values["place_full"] = f"{affected}, {plain(self.site.title)}"
        elif self.occasion.reason in (NoticeReason.UPDATE, NoticeReason.REOPENED):
            # Such a subject says nothing of what is wrong: it may name the whole station.
            whole = shared_place(self.place, self.occasion.faults)
            self.values["place_full"] = self._words_for(whole).full

    def _fill_moments(self) -> None:
        spoken_of = (*self.occasion.faults, *self.occasion.gone)
        cleared = [fault.clean_since or fault.cleared_at for fault in spoken_of]
        ready_since = max((at for at in cleared if at is not None), default=None)
        charged_at = None
        if self.occasion.reason is NoticeReason.RESOLVED and ready_since is not None:
            charged_at = self.sources.view.charged_at(self.place, ready_since)
        self.values |= {
            "since": self._moment(self.lead.seen_at),
            "next_update_at": self._moment(self.occasion.promise_at),
            "last_notice_at": self._moment(self.reader.last_at),
            "resolved_notice_at": self._moment(self.reader.resolved_told_at),
            "opened_notice_at": self._moment(self.reader.opened_at),
            "ready_since": self._moment(ready_since),
            "session_at": self._moment(charged_at),
        }

    def _fill_fault(self) -> None:
        occasion, saying = self.occasion, self.saying
        finding = {"finding": saying.finding}
        action = fill(saying.reader_action, self.values)
        if not action and saying.asks_nothing and not occasion.is_danger:
            action = self._phrase("other", "no_action")
        speaker = Speaker(self.wording, self.language, self._words_for, self._impact_of)
        self.further = further_faults(occasion, self.place, speaker)
        block = "not_blocked"
        if self.customer.segment is Segment.PRIVATE:
            block = "not_blocked_private"
        has_danger = any(fault.is_danger for fault in occasion.faults)
        self.values |= {
            "effect": self._phrase("effect", saying.effect),
            "impact": fill(saying.impact, self.values | finding),
            "reader_action": action,
            "action": self._phrase("action", "taken" if self.ticket.taken_by else "told"),
            "block_state": self._phrase("block_state", block),
            "also": self.further.full,
            "news": self._news(),
            "late": self._phrase("news", "late") if occasion.is_late else "",
            "still_danger": self._phrase("news", "still_danger") if has_danger else "",
            "common_cause": self._phrase("other", "common_cause"),
            "station_count": str(len(self.ticket.stations) or ""),
            "all_stations": str(len(self.site.stations) or ""),
        }
        if len(self.ticket.stations) < 2:
            self.values["common_cause"] = ""

    def _news(self) -> str:
        if not self.occasion.is_worse:
            return self._phrase("news", "partly_back") if self.occasion.gone else ""
        if self.saying.effect == NO_CONNECTION:
            return self._phrase("news", "lasting")
        return self._phrase("news", "nobody" if self._can_nobody_charge() else "worse")

    def _can_nobody_charge(self) -> bool:
        """Tell whether every EVSE of a company's site is seen, and none of them can charge."""
        points = self.sources.view.points_at(self.site.id).values()
        is_company = self.customer.segment is not Segment.PRIVATE
        return is_company and bool(points) and all(usable is False for usable in points)

    def _impact_of(self, fault: Fault) -> str:
        saying = saying_of(fault, self.wording, self.language)
        words = self._words_for(fault.place)
        return fill(
            saying.impact,
            self.values
            | {
                "finding": saying.finding,
                "place": words.place,
                "at_place": words.at_place,
                "place_subject": words.subject,
            },
        )

    def _fill_meanwhile(self) -> None:
        self.values["meanwhile"] = ""
        self.values["no_charge"] = ""
        points = self.sources.view.points_at(self.site.id)
        if not points:
            return
        is_over = self.occasion.reason is NoticeReason.RESOLVED
        if is_over and all(points.get(p) is not None for p in points if covers(self.place, p)):
            self.values["no_charge"] = self._phrase("other", "no_charge")
        has_danger = any(fault.is_danger for fault in self.occasion.faults)
        if self.ticket.kind is not TicketKind.SITE and not has_danger:
            # Beside a danger nobody is invited to charge at the next EVSE.
            self.values["meanwhile"] = self._meanwhile(dict(points))

    def _meanwhile(self, points: dict[Place, bool | None]) -> str:
        others = {p: usable for p, usable in points.items() if not covers(self.place, p)}
        seen = [usable for usable in points.values() if usable is not None]
        if not seen or (others and all(usable is None for usable in others.values())):
            return self._phrase("meanwhile", "not_visible")
        count = self._phrase(
            "meanwhile",
            "count_at_site" if len(seen) == len(points) else "count_seen",
            working_points=str(sum(seen)),
            seen_points=str(len(seen)),
            all_points=str(len(points)),
        )
        if self.customer.segment is Segment.FLEET:
            return count
        mates = [usable for p, usable in others.items() if p.station == self.place.station]
        if mates and all(usable is True for usable in mates):
            return self._phrase(
                "meanwhile", "other_point" if len(mates) == 1 else "other_points"
            )
        if not others or self.customer.segment is Segment.PRIVATE:
            return ""
        if not any(usable is not False for usable in others.values()):
            return self._phrase("meanwhile", "none_ready")
        return count

    def _fill_reader_lines(self) -> None:
        segment, is_manager = self.customer.segment, self.reader.role == Role.PROJECT_MANAGER
        call_us = ""
        if segment is Segment.PRIVATE:
            call_us = self._phrase("other", "call_us")
        elif segment is Segment.FLEET:
            call_us = self._phrase("other", "questions")
        told = ", ".join(plain(name) for name in self.occasion.told_at_site)
        self.values |= {
            "call_us": call_us,
            "call_phone": self._phrase("other", "call_us"),
            "told_at_site": self._phrase("other", "told_at_site", site_contact=told)
            if is_manager
            else "",
            "decision": self._phrase("other", "no_decision") if is_manager else "",
        }
        if is_manager and (told or self.saying.asks_nothing) and not self.occasion.is_danger:
            self.values["reader_action"] = ""

    def _pattern(self) -> str:
        occasion = self.occasion
        if occasion.is_danger:
            return "opened_danger"
        match occasion.reason:
            case NoticeReason.OPENED:
                return self._opened_pattern()
            case NoticeReason.UPDATE:
                return self._update_pattern()
            case NoticeReason.RESOLVED:
                return self._resolved_pattern()
            case _:
                return occasion.reason.value

    def _opened_pattern(self) -> str:
        if self.ticket.kind is TicketKind.SITE:
            return "opened_site"
        stops = self.saying.effect in (DANGER_EFFECT, NOT_CHARGING)
        is_joined = self.lead.place.kind is PlaceKind.EVSE and self.place != self.lead.place
        return "opened_station" if stops and is_joined else "opened_point"

    def _update_pattern(self) -> str:
        if all(fault.cleared_at is not None for fault in self.occasion.faults):
            return "resolved_part"
        has_news = self.occasion.is_worse or self.occasion.gone
        return "update_news" if has_news else "update_no_news"

    def _resolved_pattern(self) -> str:
        if self.saying.effect == NO_CONNECTION:
            return "resolved_connection"
        if self.values["session_at"]:
            return "resolved_session"
        points = self.sources.view.points_at(self.site.id)
        usable = [points[p] for p in points if covers(self.place, p)]
        if self.saying.effect in (DANGER_EFFECT, NOT_CHARGING) and False not in usable:
            return "resolved_status"
        return "resolved_fault"

    def _names(self) -> tuple[str, ...]:
        said = [self._words_for(fault.place) for fault in self.occasion.faults]
        said.append(self.words)
        return (
            *(
                word
                for words in said
                for word in (words.place, words.at_place, words.subject, words.used)
            ),
            *(station.id for station in self.site.stations),
            *(plain(name) for name in self.occasion.told_at_site),
            plain(self.customer.name),
            plain(self.reader.name),
            self.values["site_name"],
            self.values["phone"],
            self.values["emergency_number"],
            self.sources.settings.team_name,
        )
