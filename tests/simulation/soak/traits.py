"""What each station of a soak is like, for all its life."""

from __future__ import annotations

import random
from typing import NamedTuple

from tests.simulation.soak.words import Odd, Words

METER_S = (60.0, 300.0, 900.0)


class Traits(NamedTuple):
    """What a station is like for all its life."""

    name: str
    words: Words
    evses: int
    meter_s: float
    pongs: bool
    boots_on_return: bool
    offers_protocol: bool
    odd: list[Odd]  # what it says every minute beside its own; empty for most


def draw_traits(number: int, words: Words, odd: list[Odd], dice: random.Random) -> Traits:
    """Return the n-th station's traits; one in thirty is odd."""
    return Traits(
        name=station_name(number),
        words=words,
        evses=1 + number % 2,
        meter_s=dice.choice(METER_S),
        pongs=dice.random() < 0.8,
        boots_on_return=dice.random() < 0.3,
        offers_protocol=words.protocol != "ocpp1.6" or dice.random() < 0.9,
        odd=odd if number % 30 == 29 else [],
    )


def station_name(number: int) -> str:
    return f"SOAK-{number:05}"
