"""A form sent twice is done once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app.web.once import KEPT, KEPT_FOR, Once

NOW = datetime(2026, 1, 5, 11, 0, tzinfo=UTC)


class Counted:
    """Work that counts how often it was begun, and waits until it may end."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        self.fails = False

    async def __call__(self) -> int:
        self.begun += 1
        mine = self.begun
        await self.may_end.wait()
        if self.fails:
            raise ConnectionError("core is away")
        return mine


async def test_a_repeat_while_the_first_is_under_way_waits_for_its_answer() -> None:
    once, work = Once[int](), Counted()
    both = asyncio.gather(once.do("k", NOW, work), once.do("k", NOW, work))
    await asyncio.sleep(0)
    work.may_end.set()
    assert await both == [1, 1]
    assert work.begun == 1


async def test_a_repeat_gets_the_answer_until_it_is_forgotten() -> None:
    once, work = Once[int](), Counted()
    work.may_end.set()
    just_before = NOW + KEPT_FOR - timedelta(seconds=1)
    answers = [await once.do("k", at, work) for at in (NOW, just_before, NOW + KEPT_FOR)]
    assert answers == [1, 1, 2]


async def test_two_keys_are_two_things() -> None:
    once, work = Once[int](), Counted()
    work.may_end.set()
    assert [await once.do(key, NOW, work) for key in "ab"] == [1, 2]


async def test_what_failed_fails_for_all_who_wait_and_can_be_tried_again() -> None:
    once, work = Once[int](), Counted()
    work.fails = True
    both = asyncio.gather(
        once.do("k", NOW, work), once.do("k", NOW, work), return_exceptions=True
    )
    await asyncio.sleep(0)
    work.may_end.set()
    assert [str(one) for one in await both] == ["core is away", "core is away"]
    work.fails = False
    assert await once.do("k", NOW, work) == 2


async def test_it_goes_on_when_the_one_who_asked_has_gone_away() -> None:
    once, work = Once[int](), Counted()
    asking = asyncio.create_task(once.do("k", NOW, work))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    work.may_end.set()
    assert await once.do("k", NOW, work) == 1


async def test_only_so_many_answers_are_remembered() -> None:
    once, work = Once[int](), Counted()
    work.may_end.set()
    for number in range(KEPT + 2):
        await once.do(number, NOW, work)
    assert await once.do(0, NOW, work) == KEPT + 3
    assert await once.do(KEPT + 1, NOW, work) == KEPT + 2
