import asyncio

import pytest

from simulator.live import LiveTimeline


@pytest.fixture
async def live():
    timeline = LiveTimeline(asyncio.get_running_loop())
    yield timeline
    timeline.stop()


async def test_alarms_ring_on_the_loop_in_order(live):
    rung, done = [], asyncio.Event()
    live.after(0.002, done.set)
    live.after(0.001, lambda: rung.append("b"))
    live.after(0.0, lambda: rung.append("a"))
    await asyncio.wait_for(done.wait(), 5)
    assert rung == ["a", "b"]
    assert live.now_s >= 0.002


async def test_one_act_that_fails_does_not_stop_the_time_of_all_others(live):
    failures, done = [], asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
    live.after(0.0, lambda: 1 / 0)
    live.after(0.0, done.set)
    await asyncio.wait_for(done.wait(), 5)
    assert [type(failure) for failure in failures] == [ZeroDivisionError]


async def test_a_stopped_timeline_rings_nothing_more(live):
    rung = []
    live.after(0.0, lambda: rung.append(1))
    live.stop()
    await asyncio.sleep(0)
    live.after(0.0, lambda: rung.append(2))
    for _ in range(5):
        await asyncio.sleep(0)
    assert rung == []
