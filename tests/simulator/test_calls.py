import json
import random

import pytest

from simulator.calls import ANSWER_TIMEOUT_S, ATTEMPTS, WAITING_LIMIT, Call, CallQueue
from simulator.counters import Counters, FrameLog
from simulator.dress import Dresser
from simulator.vendors import IdStyle, Quirks


class Line:
    """A connection that only remembers."""

    def __init__(self):
        self.frames = []

    def send(self, frame):
        self.frames.append(json.loads(frame))

    def ping(self): ...
    def close(self): ...
    def abort(self): ...

    @property
    def last_id(self):
        return self.frames[-1][1]


@pytest.fixture
def line():
    return Line()


@pytest.fixture
def counters():
    return Counters()


@pytest.fixture
def queue(timeline, counters):
    dresser = Dresser(Quirks(id_style=IdStyle.COUNTER), random.Random(1))
    return CallQueue("S-1", timeline, dresser, counters, None)


def status(number, **more):
    return Call(action="StatusNotification", write=lambda: {"n": number}, **more)


def about_transaction(action, number, **more):
    return Call(action=action, write=lambda: {"n": number}, is_kept=True, **more)


def test_the_next_call_waits_for_the_answer_of_the_last(queue, line):
    queue.open(line)
    queue.put(status(1))
    queue.put(status(2))
    assert [frame[3]["n"] for frame in line.frames] == [1]
    assert queue.answered(line.last_id, {}, "[]")
    assert [frame[3]["n"] for frame in line.frames] == [1, 2]


def test_an_answer_to_nothing_is_counted_and_changes_nothing(queue, line, counters):
    queue.open(line)
    queue.put(status(1))
    assert not queue.answered("who", {}, "[]")
    assert counters.stray_count == 1
    assert not queue.is_idle


def test_silence_is_waited_out_and_the_queue_goes_on(queue, line, counters, timeline):
    lost = []
    queue.open(line)
    queue.put(status(1, on_lost=lambda: lost.append(1)))
    queue.put(status(2))
    timeline.run_until(ANSWER_TIMEOUT_S - 1)
    assert len(line.frames) == 1
    timeline.run_until(ANSWER_TIMEOUT_S + 1)
    assert [frame[3]["n"] for frame in line.frames] == [1, 2]
    assert (counters.unanswered_count, counters.dropped_count) == (1, 1)
    assert lost == [1]


def test_messages_about_transactions_survive_offline_times_in_order(queue, line, timeline):
    queue.put(about_transaction("StartTransaction", 1))
    queue.put(status(2))
    queue.put(about_transaction("StopTransaction", 3))
    queue.open(line)
    queue.answered(line.last_id, {}, "[]")
    assert [frame[2] for frame in line.frames] == ["StartTransaction", "StopTransaction"]


def test_what_was_outstanding_at_the_cut_is_sent_again_with_a_new_id(queue, line, counters):
    queue.open(line)
    queue.put(about_transaction("StartTransaction", 1))
    first = line.last_id
    queue.shut("connection gone")
    queue.open(line)
    assert [frame[3]["n"] for frame in line.frames] == [1, 1]
    assert line.last_id != first
    assert counters.unanswered_count == 1
    assert counters.dropped_count == 0


def test_a_refused_transaction_message_is_tried_three_times_then_given_up(
    queue, line, counters, timeline
):
    queue.open(line)
    queue.put(about_transaction("StopTransaction", 1))
    queue.put(status(2))
    for _ in range(ATTEMPTS):
        assert queue.failed(line.last_id, "error InternalError", "[]")
        timeline.run_until(timeline.now_s + 20.5)
    assert [frame[2] for frame in line.frames][:ATTEMPTS] == ["StopTransaction"] * ATTEMPTS
    assert line.frames[-1][2] == "StatusNotification"
    assert counters.error_count == ATTEMPTS
    assert counters.dropped_count == 1


def test_only_the_boot_passes_while_nothing_else_may(queue, line):
    queue.put(about_transaction("StopTransaction", 1))
    queue.put_first(Call(action="BootNotification", write=dict))
    queue.open(line, only="BootNotification")
    queue.answered(line.last_id, {}, "[]")
    assert [frame[2] for frame in line.frames] == ["BootNotification"]
    queue.open(line)
    assert line.frames[-1][2] == "StopTransaction"


def test_a_full_queue_gives_up_meter_values_before_starts_and_stops(queue, counters, line):
    queue.put(about_transaction("StartTransaction", 0))
    for number in range(WAITING_LIMIT):
        queue.put(about_transaction("MeterValues", number))
    assert counters.dropped_count == 1
    queue.open(line)
    assert line.frames[0][2] == "StartTransaction"
    queue.answered(line.last_id, {}, "[]")
    assert line.frames[1][3]["n"] == 1, "the oldest meter value gave way"


def test_the_log_tells_what_was_sent_and_what_was_acknowledged(
    timeline, line, counters, tmp_path
):
    path = tmp_path / "frames.jsonl"
    log = FrameLog(path)
    dresser = Dresser(Quirks(id_style=IdStyle.COUNTER), random.Random(1))
    queue = CallQueue("S-1", timeline, dresser, counters, log)
    queue.open(line)
    queue.put(status(1))
    queue.put(status(2))
    queue.answered("1", {}, '[3,"1",{}]')
    queue.shut("connection gone")
    log.close()
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    assert [(x["event"], x["id"]) for x in lines] == [
        ("sent", "1"),
        ("answered", "1"),
        ("sent", "2"),
        ("unanswered", "2"),
    ]
    assert lines[1]["frame"] == lines[0]["frame"]
    assert lines[1]["answer"] == '[3,"1",{}]'
    assert lines[3]["because"] == "connection gone"
