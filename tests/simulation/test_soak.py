"""A soak of minutes: the same run as `make soak`, small; and how it judges what it measured."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulation.soak.watch import BLOCKS_PER_TICKET, SLACK_BLOCKS, Sample, Watch

ROOT = Path(__file__).parents[2]
LEVEL = Sample(
    hour=0.0,
    calls=0,
    rss_bytes=200_000_000,
    blocks=1_000_000,
    objects=200_000,
    state_bytes=5_000_000,
    tickets=100,
    open_links=3000,
    journal_bytes=0,
)


@pytest.mark.thorough
def test_a_quarter_of_an_hour_of_sixty_stations_holds():
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation.soak", "--hours", "0.25", "--stations", "60"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "held" in done.stdout


def growing(**per_hour: int) -> list[Sample]:
    return [
        replace(
            LEVEL,
            hour=float(hour),
            **{name: getattr(LEVEL, name) + step * hour for name, step in per_hour.items()},
        )
        for hour in range(24)
    ]


def test_memory_that_stays_is_no_breach():
    assert Watch(growing()).breaches() == []


def test_blocks_that_nothing_explains_are_a_breach():
    (breach,) = Watch(growing(blocks=SLACK_BLOCKS // 10)).breaches()
    assert "blocks more" in breach


def test_resident_memory_that_nothing_explains_is_a_breach():
    (breach,) = Watch(growing(rss_bytes=1_000_000)).breaches()
    assert "resident" in breach


def test_tickets_and_state_explain_the_blocks_they_take():
    tickets = growing(blocks=50 * BLOCKS_PER_TICKET, tickets=50)
    assert Watch(tickets).breaches() == []
    assert Watch(growing(blocks=8_000, state_bytes=100_000)).breaches() == []
