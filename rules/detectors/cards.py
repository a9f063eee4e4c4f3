"""The detector of cards and apps that are refused for many drivers at once.

A refused card is a card; the same one ten times is a driver who does not believe it. Different
cards of different drivers, nearly all refused within a short time, are our card service, a list
or a partner: at one station of a site its reader, at several the site's. Two per cent of cards
are refused at public places (fleet statistics 2.5). It ends when two different cards are taken.
"""

from __future__ import annotations

from datetime import timedelta

from domain.events import AuthorizationAsked
from domain.faults import ClearedBy
from domain.places import Place, SiteId
from rules.catalogue import Detector, Rule
from rules.detectors.handlers import Handlers
from rules.memory.usage import Asked
from rules.parameters import Parameters
from rules.sighting import Sighting
from rules.workplace import Workplace

_MOST_ASKED = 40
_ENOUGH_ACCEPTED = 2


class CardParameters(Parameters, frozen=True, kw_only=True):
    """`drivers` different cards refused within `window`, and `share` of all that were shown."""

    drivers: int = 4
    share: float = 0.7
    window: timedelta = timedelta(hours=2)


class RefusedCards:
    """Looks at every card that was shown at a site."""

    def __init__(self, work: Workplace) -> None:
        rules = work.catalogue.of(Detector.AUTHORIZATION_FAILING)
        self._rules = [(rule, rule.set_for(CardParameters)) for rule in rules]
        self._registry = work.registry
        self._ledger = work.ledger
        self._asked = work.state.usage.asked

    @property
    def handlers(self) -> Handlers:
        """The events this detector listens to."""
        return {AuthorizationAsked: self.on_asked} if self._rules else {}

    def on_asked(self, event: AuthorizationAsked) -> None:
        """A card was shown, and taken or refused."""
        site = self._registry.site_of(event.station)
        if site is None or event.is_accepted is None:
            return
        shown = Asked(event.observed_at, event.station, event.id_token, event.is_accepted)
        longest = max(limit.window for _, limit in self._rules)
        known = self._asked.get(site.id, [])
        asked = [*(a for a in known if shown.at - a.at <= longest), shown][-_MOST_ASKED:]
        self._asked[site.id] = asked
        for rule, limit in self._rules:
            recent = [a for a in asked if shown.at - a.at <= limit.window]
            self._judge(rule, limit, site.id, recent, event)

    def _judge(
        self,
        rule: Rule,
        limit: CardParameters,
        site: SiteId,
        recent: list[Asked],
        event: AuthorizationAsked,
    ) -> None:
        last = {a.token: a for a in recent}  # each card by its latest answer
        refused = [a for a in last.values() if not a.is_accepted]
        stations = sorted({a.station for a in refused})
        if len(refused) >= limit.drivers and len(refused) >= limit.share * len(last):
            place = Place.of_site(site) if len(stations) > 1 else Place.of_station(stations[0])
            sighting = Sighting(
                at=event.observed_at,
                since=event.observed_at,
                codes=(rule.code,),
                position=event.position,
                stations=tuple(stations),
                why=f"{len(refused)} of {len(last)} cards refused",
            )
            self._ledger.see(rule, place, sighting)
        elif event.is_accepted:
            self._see_accepted(rule, site, recent, event)

    def _see_accepted(
        self, rule: Rule, site: SiteId, recent: list[Asked], event: AuthorizationAsked
    ) -> None:
        here = {a.token for a in recent if a.is_accepted and a.station == event.station}
        anywhere = {a.token for a in recent if a.is_accepted}
        at, position = event.observed_at, event.position
        if len(here) >= _ENOUGH_ACCEPTED:
            place = Place.of_station(event.station)
            self._ledger.end(rule, place, at, position, by=ClearedBy.EVIDENCE)
        if len(anywhere) >= _ENOUGH_ACCEPTED:
            place = Place.of_site(site)
            self._ledger.end(rule, place, at, position, by=ClearedBy.EVIDENCE)
