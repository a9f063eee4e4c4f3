"""The detector of cards and apps that are refused for many drivers at once.

A refused card is a card; the same one ten times is a driver who does not believe it. Different
cards of different drivers, nearly all refused within a short time, are our card service, a list
or a partner: at one station of a site its reader, at several the site's. Two per cent of cards
are refused at public places (fleet statistics 2.5). Strangers who try their luck at a site with
a list of its own are no fault: a card that was taken there before must be among the refused, or
so many strangers at once must be far more than is usual there. It ends when two different cards
are taken.
"""

from __future__ import annotations

from datetime import timedelta
from zlib import crc32

from domain.events import AuthorizationAsked
from domain.faults import ClearedBy
from domain.places import Place, SiteId
from rules.catalogue import Detector, Rule
from rules.chance import binomial_tail, shrunk_share
from rules.detectors.handlers import Handlers
from rules.memory.usage import Asked, Cards
from rules.parameters import Parameters
from rules.sighting import Sighting
from rules.workplace import Workplace

_MOST_ASKED = 40
_ENOUGH_ACCEPTED = 2
_MOST_KNOWN = 64
_LONG_RUN = 400


class CardParameters(Parameters, frozen=True, kw_only=True):
    """`drivers` different cards refused within `window`, and `share` of all that were shown. Of
    cards that were never taken there, as many as the site's own long run of refusals makes in
    less than one of `odds` cases; it begins at `prior`, which `weight` cards outweigh."""

    drivers: int = 4
    odds: float = 10_000.0
    prior: float = 0.05
    weight: float = 20.0
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
        self._cards = work.state.usage.cards

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
        if len(asked) <= len(known):
            self._remember(site.id, known[: len(known) + 1 - len(asked)])
        for rule, limit in self._rules:
            recent = [a for a in asked if shown.at - a.at <= limit.window]
            self._judge(rule, limit, site.id, recent, event)

    def _is_odd(
        self, site: SiteId, refused: list[Asked], shown: int, limit: CardParameters
    ) -> bool:
        cards = self._cards.get(site, Cards())
        if any(_mark(a.token) in cards.taken for a in refused):
            return True
        share = shrunk_share(
            cards.refused_count, cards.count, prior=limit.prior, weight=limit.weight
        )
        return binomial_tail(len(refused), shown, share) * limit.odds < 1

    def _remember(self, site: SiteId, over: list[Asked]) -> None:
        """What is no longer recent is the long run; a card shown ten times counts once."""
        cards = self._cards.setdefault(site, Cards())
        last = {asked.token: asked for asked in over}
        for asked in last.values():
            cards.count += 1
            cards.refused_count += not asked.is_accepted
            mark = _mark(asked.token)
            if asked.is_accepted and mark not in cards.taken:
                cards.taken = [*cards.taken, mark][-_MOST_KNOWN:]
        if cards.count >= _LONG_RUN:
            cards.count //= 2
            cards.refused_count //= 2

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
        is_most = len(refused) >= max(limit.drivers, limit.share * len(last))
        if is_most and self._is_odd(site, refused, len(last), limit):
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


def _mark(token: str) -> int:
    """Return a number that tells one card from another, and says nothing of either."""
    return crc32(token.casefold().encode())
