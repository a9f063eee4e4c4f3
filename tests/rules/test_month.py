"""Six weeks of sixty sites: normal life raises nothing, and what breaks is found."""

from __future__ import annotations

import pytest

from tests.rules.month.run import month

DAYS = 42
FLOORS = {  # of four; the rest are found at once or not at all
    "17 failed starts": 2,
    "19 charging without energy": 2,
    "22 phase missing": 2,
    "31 disuse": 1,
}


@pytest.mark.thorough
def test_normal_life_and_its_noise_raise_nothing():
    played = month(1, DAYS, each=0)
    assert played.starts > 4_000
    assert [(f.rule, str(f.place), f.why) for f in played.unexplained] == []


@pytest.mark.thorough
def test_what_breaks_is_found_and_nothing_beside_it():
    played = month(2, DAYS, each=4)
    print({kind: f"{sum(hits)} of {len(hits)}" for kind, hits in played.recall.items()})
    assert [(f.rule, str(f.place), f.why) for f in played.unexplained] == []
    missed = {
        kind: sum(hits)
        for kind, hits in played.recall.items()
        if sum(hits) < FLOORS.get(kind, 3)
    }
    assert missed == {}
