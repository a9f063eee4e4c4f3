"""The part of the fuzzing that every test run does: derandomised, small, the same each time.

`make fuzz` does it for minutes, with a seed of its own.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import Run, fuzz_frames
from tests.fuzz.heads import check_head, drawn_head, head_of
from tests.fuzz.house import STATIONS, House
from tests.fuzz.judge import call_in, fault_of
from tests.fuzz.mutations import damaged, mutated, recorded
from tests.fuzz.wire import Wire, drawn_script

SEED = 20261122
protocols = st.sampled_from(sorted(STATIONS))
dice = st.randoms(use_true_random=False)


@given(dice)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_beginning_of_a_connection_raises_and_pieces_come_to_the_same_verdict(drawn):
    check_head(drawn_head(drawn))


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_bytes_before_a_handshake_raise(raw):
    check_head(raw)


@pytest.mark.parametrize("protocol", STATIONS)
def test_a_good_head_is_accepted_whatever_follows_it(protocol):
    assert check_head(head_of("F-16", protocol) + bytes(range(256))) == "Accept"


@given(st.lists(st.tuples(dice, protocols), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_mutated_frames_are_answered_by_the_schemas_and_read_back_the_same(said):
    house = House()
    for drawn, protocol in said:
        house.say(mutated(drawn), protocol)


@given(dice, protocols, st.sampled_from(recorded()))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_damaged_recordings_are_answered_by_the_schemas(drawn, protocol, row):
    house = House()
    house.say(damaged(row.frame.encode("utf-8", "surrogatepass"), drawn), protocol)


@pytest.mark.parametrize("protocol", STATIONS)
def test_every_recorded_frame_is_answered_by_the_schemas_on_every_connection(protocol):
    house = House()
    for row in recorded():
        house.say(row.frame.encode("utf-8", "surrogatepass"), protocol)


@pytest.mark.thorough
def test_thousands_of_frames_of_the_same_stations_leave_nothing_behind(tmp_path):
    run = Run(SEED, tmp_path)
    growth = fuzz_frames(run, time.perf_counter() + 120, most=4000)
    assert not run.found
    assert growth.breaches() == []


@pytest.mark.thorough
def test_whatever_is_done_to_a_live_endpoint_leaves_no_socket_behind():
    async def attack():
        async with Wire() as wire:
            for case in range(150):
                await wire.play(drawn_script(random.Random(f"{SEED}:{case}")))
            await wire.settle()
            return wire.endpoint.counters

    counters = uvloop.run(attack())
    assert counters.accepted > 50
    assert counters.refused > 5
    assert counters.violations > 10
    assert counters.rsv > 0


# --- the judge itself ------------------------------------------------------------------


BOOT = b'[2,"1","BootNotification",{}]'
ACCEPTED = {"status": "Accepted", "currentTime": "2026-01-05T08:00:00Z", "interval": 300}


def answer(*elements):
    return json.dumps(elements).encode()


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (answer(3, "1", ACCEPTED), ""),
        (None, "without an answer"),
        (b"not json", "no JSON"),
        (answer(3, "2", ACCEPTED), "instead of"),
        (answer(3, "1", {"status": "Yes"}), "not valid"),
        (answer(4, "1", "FormationViolation", "", {}), "was refused"),
        (answer(3, "1"), "no known shape"),
    ],
)
def test_the_judge_sees_what_is_wrong_with_an_answer(said, fault):
    found = fault_of(BOOT, said, "ocpp1.6")
    assert fault in found
    assert bool(found) is bool(fault)


def test_the_judge_asks_no_answer_to_what_is_no_call():
    for frame in (b"pong", b"\xff", b'[3,"1",{}]', b'[2,"1"]', b'[2,1,"Heartbeat",{}]'):
        assert call_in(frame) is None
        assert fault_of(frame, None, "ocpp1.6") == ""


def test_what_is_found_is_saved_with_all_it_takes_to_play_it_again(tmp_path: Path):
    run = Run(7, tmp_path)
    for _ in range(2):  # the same kind is saved once
        run.note("heads", 3, ValueError("odd"), head="R0VU")
    (saved,) = tmp_path.iterdir()
    kept = json.loads(saved.read_text())
    assert (kept["seed"], kept["case"], kept["head"]) == (7, 3, "R0VU")
    assert "ValueError: odd" in kept["error"]
