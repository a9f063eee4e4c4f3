"""The outbox: until it is sent, or until a person is needed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from domain.faults import Severity
from domain.places import Place, StationId, TicketId
from domain.ports import Rejected, RetryLater, Sent
from domain.stores import StoreUnavailableError
from domain.tickets import Notice, NoticeReason, Ticket, TicketKind, TicketState
from ticketing.commands import OpenTicket, SendNotice
from ticketing.outbox import (
    BATCH,
    PARKED_AFTER,
    RETRY_FIRST,
    RETRY_LONGEST,
    Outbox,
    retry_after,
)
from ticketing.store import TicketStore

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def notice(key="k1", **about):
    return Notice(
        **{
            "key": key,
            "at": NOW,
            "ticket": "T-1001",
            "customer": "acme",
            "to": "depot@acme.example",
            "channel": "email",
            "language": "en",
            "reason": NoticeReason.OPENED,
            "subject": "s",
            "text": "t",
        }
        | about
    )


def ticket(name):
    return Ticket(
        id=TicketId(name),
        kind=TicketKind.FAULT,
        state=TicketState.NEW,
        severity=Severity.MAJOR,
        title="t",
        opened_at=NOW,
        place=Place.of_station(StationId("N-001")),
    )


class Clock:
    def __init__(self):
        self.at = NOW

    def now(self):
        return self.at


class Channel:
    """Answers what it is told to, and keeps what it was given."""

    def __init__(self):
        self.answers = []
        self.got = []

    async def send(self, one):
        self.got.append(one.key)
        answer = self.answers.pop(0) if self.answers else Sent("r")
        if isinstance(answer, Exception):
            raise answer
        return answer


class House:
    """A real store, a clock that stands still, one channel."""

    def __init__(self, folder):
        self.store = TicketStore(folder / "tickets.db")
        self.clock = Clock()
        self.channel = Channel()
        self.outbox = Outbox(self.store.outbox, {"email": self.channel}, self.clock)
        self._position = 0

    def queue(self, *notices):
        self._position += 1
        commands = [OpenTicket(ticket(one.ticket), one.ticket) for one in notices]
        commands += [SendNotice(one) for one in notices]
        self.store.commit(commands, position=self._position, at=self.clock.at)

    def states(self):
        return {one.notice.key: one.state.value for one in self.store.notices().items}

    def reason(self, key):
        found = {one.notice.key: one.last_reason for one in self.store.notices().items}
        return found[key]


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.store.close()


async def test_a_store_that_cannot_take_down_what_was_sent_has_nobody_written_to_twice(
    house, monkeypatch
):
    house.queue(notice("k1"), notice("k2", to="other@acme.example"))

    def refuse(*_, **__):
        raise StoreUnavailableError("disk is full")

    with monkeypatch.context() as full:
        full.setattr(house.store.outbox, "mark_sent", refuse)
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                await house.outbox.send_due()
    await house.outbox.send_due()

    assert sorted(house.channel.got) == ["k1", "k2"]
    assert house.states() == {"k1": "sent", "k2": "sent"}
    assert await house.outbox.send_due() == 0


async def test_a_notice_is_sent_once(house):
    house.queue(notice())
    assert await house.outbox.send_due() == 1
    assert await house.outbox.send_due() == 0
    assert house.channel.got == ["k1"]
    assert house.states() == {"k1": "sent"}
    assert house.outbox.counts == {"sent": 1}


async def test_what_may_go_later_is_tried_later(house):
    house.channel.answers = [RetryLater("busy")]
    house.queue(notice())
    await house.outbox.send_due()
    assert house.states() == {"k1": "queued"}
    assert house.reason("k1") == "busy"
    assert await house.outbox.send_due() == 0, "not before its time"
    house.clock.at += retry_after("k1", 0)
    await house.outbox.send_due()
    assert house.states() == {"k1": "sent"}
    assert house.outbox.counts == {"retried": 1, "sent": 1}


async def test_after_three_days_a_person_is_needed(house):
    house.queue(notice())
    house.channel.answers = [RetryLater("busy")]
    house.clock.at += PARKED_AFTER
    await house.outbox.send_due()
    assert house.states() == {"k1": "parked"}


async def test_what_was_rejected_is_parked_with_the_reason(house):
    house.queue(notice())
    house.channel.answers = [Rejected("no such user")]
    await house.outbox.send_due()
    assert house.states() == {"k1": "parked"}
    assert house.reason("k1") == "no such user"
    assert house.outbox.counts == {"parked": 1}


async def test_a_channel_that_is_not_configured_parks_its_notices(house):
    house.queue(notice(channel="sms", to="+49 170 1"))
    await house.outbox.send_due()
    assert house.reason("k1") == "no SMS channel configured"
    assert house.states() == {"k1": "parked"}


async def test_a_channel_that_stumbles_holds_up_nobody_else(house):
    house.queue(notice("k1"), notice("k2", to="pm@acme.example"))
    house.channel.answers = [RuntimeError("bug")]
    await house.outbox.send_due()
    assert sorted(house.states().values()) == ["queued", "sent"]


async def test_danger_goes_first(house):
    house.queue(
        notice("k1"), notice("k2", to="b@acme.example", is_danger=True, ticket="T-1002")
    )
    await house.outbox.send_due()
    assert house.channel.got == ["k2", "k1"]


async def test_a_later_notice_does_not_overtake_an_earlier_one_to_the_same_reader(house):
    house.channel.answers = [RetryLater("busy")]
    house.queue(notice("k1"))
    await house.outbox.send_due()
    house.queue(notice("k2", at=NOW + timedelta(seconds=1), reason=NoticeReason.RESOLVED))
    house.clock.at += timedelta(seconds=2)
    await house.outbox.send_due()
    assert house.channel.got == ["k1"], "resolved waits for opened"
    house.clock.at += timedelta(minutes=2)
    await house.outbox.send_due()
    assert house.channel.got == ["k1", "k1", "k2"]


def test_waits_double_are_bounded_spread_and_the_same_every_time():
    waits = [retry_after("k", attempts) for attempts in range(20)]
    assert waits == [retry_after("k", attempts) for attempts in range(20)]
    assert 0.8 * RETRY_FIRST <= waits[0] <= 1.2 * RETRY_FIRST
    assert max(waits) <= RETRY_LONGEST
    assert waits[-1] >= 0.8 * RETRY_LONGEST
    assert len({retry_after(f"k{n}", 3) for n in range(50)}) > 40


async def test_the_loop_sends_what_is_queued_while_it_sleeps(house):
    task = asyncio.create_task(house.outbox.run())
    await asyncio.sleep(0)
    house.queue(notice())
    house.outbox.wake()
    async with asyncio.timeout(5):
        while house.states() != {"k1": "sent"}:
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_more_than_a_batch_is_sent_batch_by_batch(house):
    house.queue(*(notice(f"k{n}", to=f"r{n}@acme.example") for n in range(BATCH + 5)))
    assert await house.outbox.send_due() == BATCH
    assert await house.outbox.send_due() == 5
    assert set(house.states().values()) == {"sent"}
