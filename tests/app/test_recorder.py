"""The recorder: one commit a turn, answers after it, events after those, nothing lost."""

import asyncio
from datetime import UTC, datetime

import pytest

from app.clock import ManualClock
from app.recorder import FOLD_SLOTS, GroupRecorder
from domain.events import Heard, Ticked
from domain.journal import Entry, EntryKind, JournalUnavailableError
from gateway.journal_memory import MemoryJournal

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class FailingJournal(MemoryJournal):
    """A journal whose disk is full for the next so many appends."""

    def __init__(self):
        super().__init__()
        self.failures = 0
        self.batches = []

    def append(self, entries):
        if self.failures:
            self.failures -= 1
            raise JournalUnavailableError("disk is full")
        self.batches.append(len(entries))
        super().append(entries)


class Bench:
    """A recorder with its surroundings, and all that came out in order."""

    def __init__(self, *, beside_loop):
        self.journal = FailingJournal()
        self.clock = ManualClock(NOW)
        self.said = []
        self.recorder = GroupRecorder(
            self.journal, self.clock, self.believe, beside_loop=beside_loop
        )

    def believe(self, events):
        self.said += [("believed", event.position) for event in events]

    def send(self, frame):
        self.said.append(("sent", frame, self.journal.last_position))

    def say(self, body=b"x"):
        position = self.recorder.take_position()
        entry = Entry(position, NOW, EntryKind.RECEIVED, "A", body)
        self.recorder.record(entry, (Ticked(observed_at=NOW, position=position),))
        self.recorder.after_commit(self.send, b"answer %d" % position)
        return position


@pytest.fixture(params=[False, True], ids=["on the loop", "in a thread"])
def bench(request):
    return Bench(beside_loop=request.param)


async def test_everything_of_one_turn_is_one_commit_and_answers_leave_after_it(bench):
    for _ in range(3):
        bench.say()
    assert bench.said == []
    await bench.recorder.flush()
    assert bench.journal.batches == [3]
    assert bench.said == [
        ("sent", b"answer 1", 3),
        ("sent", b"answer 2", 3),
        ("sent", b"answer 3", 3),
        ("believed", 1),
        ("believed", 2),
        ("believed", 3),
    ]


async def test_an_answer_that_cannot_be_sent_keeps_back_no_other_and_no_event(bench):
    def stumble(_):
        raise OSError("a bug")

    position = bench.say()
    bench.recorder.after_commit(stumble, b"lost")
    bench.recorder.after_commit(bench.send, b"left")
    await bench.recorder.flush()
    sent = [("sent", b"answer 1", 1), ("sent", b"left", 1)]
    assert bench.said == [*sent, ("believed", position)]


async def test_while_the_journal_refuses_signs_of_life_are_counted_and_not_queued(bench):
    bench.journal.failures = 1
    bench.recorder.heard("A")
    bench.say()
    while not bench.recorder.trouble:
        await asyncio.sleep(0)
    before = bench.recorder.position
    for _ in range(FOLD_SLOTS):
        bench.recorder.fold()
    assert bench.recorder.position == before
    await bench.recorder.close()
    assert bench.recorder.position == before + 1  # told in the end, in one entry


async def test_turn_after_turn_is_committed_without_being_asked(bench):
    for number in range(1, 6):
        bench.say()
        while ("believed", number) not in bench.said:
            await asyncio.sleep(0)
    assert bench.journal.last_position == 5
    await bench.recorder.flush()
    assert bench.recorder.is_idle


async def test_what_is_recorded_while_a_commit_is_under_way_is_committed_too(bench):
    bench.say()
    await asyncio.sleep(0)
    bench.say()
    await bench.recorder.flush()
    bench.say()
    await bench.recorder.flush()
    assert [said for said in bench.said if said[0] == "believed"] == [
        ("believed", 1),
        ("believed", 2),
        ("believed", 3),
    ]


async def test_a_full_disk_keeps_answers_back_and_says_so_until_it_is_mended(
    bench, monkeypatch
):
    monkeypatch.setattr("app.recorder.RETRY_S", 0.01)
    bench.journal.failures = 2
    bench.say()
    while bench.recorder.is_accepting:
        await asyncio.sleep(0)
    assert bench.said == []
    assert bench.recorder.trouble == "disk is full"
    bench.say()
    await bench.recorder.flush()
    assert bench.recorder.is_accepting
    assert [said[:2] for said in bench.said if said[0] == "sent"] == [
        ("sent", b"answer 1"),
        ("sent", b"answer 2"),
    ]
    assert bench.journal.last_position == 2


async def test_a_commit_holds_at_most_a_thousand_entries(bench):
    for _ in range(2_500):
        bench.say()
    await bench.recorder.flush()
    assert sum(bench.journal.batches) == 2_500
    assert max(bench.journal.batches) <= 1_000


async def test_signs_of_life_fold_into_one_record_a_minute(bench):
    for second in (0, 10, 40):
        bench.clock.set(NOW.replace(second=second))
        bench.recorder.heard("A")
    for _ in range(FOLD_SLOTS):
        bench.recorder.fold()
    await bench.recorder.flush()
    assert bench.journal.last_position == 1
    [entry] = list(bench.journal.read())
    assert entry.kind is EntryKind.FACT
    assert b'"count":3' in entry.body
    assert b'"longest_gap_s":30.0' in entry.body
    assert Heard.__name__.encode() in entry.body


async def test_a_position_out_of_turn_is_a_bug_and_says_so(bench):
    with pytest.raises(AssertionError):
        bench.recorder.record(Entry(7, NOW, EntryKind.RECEIVED, "A", b""))


async def test_an_exchange_is_a_call_and_its_answer_in_one_commit_sent_after_it(bench):
    position = bench.recorder.take_position()
    call = Entry(position, NOW, EntryKind.RECEIVED, "A", b"call")
    event = Ticked(observed_at=NOW, position=position)

    bench.recorder.exchange(call, (event,), b"answer", bench.send)
    assert bench.recorder.take_position() == position + 2
    assert bench.said == []

    await bench.recorder.flush()
    answer = Entry(position + 1, NOW, EntryKind.SENT, "A", b"answer")
    assert list(bench.journal.read()) == [call, answer]
    assert bench.said == [("sent", b"answer", position + 1), ("believed", position)]


async def test_an_exchange_that_does_not_follow_is_refused(bench):
    call = Entry(7, NOW, EntryKind.RECEIVED, "A", b"call")
    with pytest.raises(AssertionError, match="does not follow"):
        bench.recorder.exchange(call, (), b"answer", bench.send)


async def test_while_the_journal_refuses_an_exchange_is_not_answered(bench):
    bench.journal.failures = 1
    position = bench.recorder.take_position()
    call = Entry(position, NOW, EntryKind.RECEIVED, "A", b"call")
    bench.recorder.exchange(call, (), b"answer", bench.send)
    while not bench.recorder.trouble:
        await asyncio.sleep(0)
    assert bench.said == []
    await bench.recorder.flush()
    assert bench.said == [("sent", b"answer", position + 1)]
