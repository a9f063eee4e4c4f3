"""The wheel and the limits: time in ticks, and numbers that make sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_server.limits import Limits
from ocpp_server.wheel import Wheel


@given(
    st.lists(st.floats(0, 100), max_size=20),
    st.sampled_from([0.1, 0.25, 1.0]),
    st.integers(0, 9),
)
def test_nothing_runs_early_nor_more_than_two_ticks_late(
    delays: list[float], tick_s: float, begun: int
) -> None:
    wheel = Wheel(tick_s)
    for _ in range(begun):
        wheel.turn()
    ran: list[tuple[float, int]] = []
    turns = 0
    for delay in delays:
        wheel.after(delay, lambda delay=delay: ran.append((delay, turns)))
    while len(ran) < len(delays):
        turns += 1
        for action in wheel.turn():
            action()

    for delay, after_turns in ran:
        # The first turn may come at once: only the turns after it are whole ticks.
        assert (after_turns - 1) * tick_s >= delay - 1e-9
        assert after_turns * tick_s < delay + 2 * tick_s + 1e-9


def test_what_an_action_sets_for_now_runs_at_the_next_turn() -> None:
    wheel = Wheel(1.0)
    ran: list[str] = []
    wheel.after(0, lambda: wheel.after(0, lambda: ran.append("second")))
    for action in wheel.turn():
        action()

    assert ran == []
    for action in wheel.turn():
        action()
    assert ran == ["second"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"protocols": ()},
        {"max_connections": 0},
        {"max_message_bytes": 0},
        {"ping_every_s": 0},
        {"tick_s": -1},
    ],
)
def test_limits_that_make_no_sense_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)  # type: ignore[arg-type]
