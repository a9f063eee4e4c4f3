"""Further faults: what one notice says of those beside the one it leads with. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from domain.faults import Fault
from domain.places import Place
from ticketing.occasions import Occasion, covers
from ticketing.phrasing import PlaceWords, fill
from ticketing.wording import Wording

_SPELLED_OUT_AT_MOST = 2
"""Further faults spelled out in one notice; the customer's page has the rest."""
_PLACES_AT_MOST = 6
"""Further places named in one notice; of the rest it says how many they are."""


class Further(msgspec.Struct, frozen=True):
    """What is said of further faults: with what each one means, and as places alone."""

    full: str = ""
    short: str = ""


class Speaker(msgspec.Struct, frozen=True):
    """How to say it: the words, the language, the names of places, the meaning of a fault."""

    wording: Wording
    language: str
    words_for: Callable[[Place], PlaceWords]
    impact_of: Callable[[Fault], str]


def further_faults(occasion: Occasion, place: Place, speaker: Speaker) -> Further:
    """Return what is said of the faults that the notice's place and lead do not cover."""
    lead = occasion.faults[0]
    others = [
        fault
        for fault in occasion.faults[1:]
        if not covers(place, fault.place) or fault.codes != lead.codes
    ]
    same = [fault for fault in others if fault.codes == lead.codes]
    different = [fault for fault in others if fault.codes != lead.codes]
    meanings = [speaker.impact_of(fault) for fault in different[:_SPELLED_OUT_AT_MOST]]
    full = dict.fromkeys([_places_of(same, place, speaker), *meanings])
    return Further(" ".join(said for said in full if said), _places_of(others, place, speaker))


def _places_of(faults: list[Fault], place: Place, speaker: Speaker) -> str:
    elsewhere = (fault.place for fault in faults if not covers(place, fault.place))
    places = list(dict.fromkeys(elsewhere))
    if not places:
        return ""
    is_here = all(one.evse and one.station == place.station for one in places)
    named = places[:_PLACES_AT_MOST]
    if is_here:
        # The station stands in the sentence before: its charging points have numbers.
        names = [str(one.evse) for one in sorted(named, key=lambda one: one.evse)]
        key = "point" if len(places) == 1 else "points"
    else:
        names = [speaker.words_for(one).place for one in named]
        key = "places"
    more = len(places) - len(named)
    values = {"places": ", ".join(names), "more": str(more) if more else ""}
    return fill(speaker.wording.phrase("also", key, speaker.language), values)
