"""The asking end of the link: connects by itself, correlates answers, spreads changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Self

import msgspec
import structlog

from app.link_place import resolve
from app.link_wire import (
    Ask,
    Failure,
    LinkDownError,
    LinkError,
    LinkFailedError,
    Missed,
    Reply,
    decode_answer,
    encode,
    frame,
    read_frame,
)
from app.messages import Answer, Changed, Request, Subscribe

log = structlog.get_logger(__name__)

CHANGES_LIMIT = 1000
"""Changes that may wait in front of one reader in this process."""

FIRST_RETRY_S = 0.05
LAST_RETRY_S = 2.0


class LinkClient:
    """The asking end. Connects by itself, and again with growing pauses when core goes.

    Use it as `async with LinkClient(path) as link:`. `connect_within_s` counts from the start
    and from each loss of the connection: until then an `ask` waits for one, later it raises
    `LinkDownError` at once, so that a long absence of core makes nobody wait.
    """

    def __init__(self, path: Path, *, connect_within_s: float = 0.5) -> None:
        self._path = path
        self._connect_within_s = connect_within_s
        self._writer: asyncio.StreamWriter | None = None
        self._is_up = asyncio.Event()
        self._reason = "core was not asked yet"
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._readers: set[asyncio.Queue[Changed | Missed]] = set()
        self._next_id = 0
        self._down_since = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """True while connected to core."""
        return self._writer is not None

    @property
    def down_reason(self) -> str:
        """Why core cannot be reached, as a sentence; "" while it can."""
        return "" if self.is_up else self._reason

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def start(self) -> None:
        """Begin to connect, in the background."""
        if self._task is None:
            self._down_since = asyncio.get_running_loop().time()
            self._task = asyncio.create_task(self._run(), name="link")

    async def close(self) -> None:
        """Disconnect and stop trying; whatever waits gets `LinkDownError`."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def ask(self, request: Request, *, timeout_s: float = 30.0) -> Answer:
        """Send a request and return core's answer.

        Raises `LinkDownError` where core is away or does not answer in time (whether it did
        the work is not known then: actions carry a key, so asking again is harmless), and
        `LinkFailedError` where core failed.
        """
        await self._wait_until_up()
        writer = self._writer
        if writer is None:
            raise LinkDownError(self._reason)
        self._next_id += 1
        number = self._next_id
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            writer.write(frame(encode(Ask(number, request))))
            async with asyncio.timeout(timeout_s):
                await writer.drain()
                return await answer
        except TimeoutError:
            raise LinkDownError(f"core did not answer within {timeout_s:g} s") from None
        except ConnectionError:
            raise LinkDownError("the connection to core broke") from None
        finally:
            self._waiting.pop(number, None)

    async def changes(self) -> AsyncGenerator[Changed | Missed, None]:
        """Yield what changed, for ever; `Missed` first and whenever some may be lost."""
        queue: asyncio.Queue[Changed | Missed] = asyncio.Queue(CHANGES_LIMIT)
        queue.put_nowait(Missed("just subscribed"))
        self._readers.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._readers.discard(queue)

    async def _wait_until_up(self) -> None:
        if self._writer is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._down_since + self._connect_within_s):
                    await self._is_up.wait()

    async def _run(self) -> None:
        pause_s = FIRST_RETRY_S
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(str(resolve(self._path)))
            except OSError as error:
                self._reason = f"core is not there ({error.strerror or error})"
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LAST_RETRY_S)
                continue
            pause_s = FIRST_RETRY_S
            try:
                await self._follow(reader, writer)
            finally:
                self._lose("the connection to core was lost before it answered")
                writer.close()
            await asyncio.sleep(pause_s)

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read answers and changes until the connection ends."""
        self._writer = writer
        self._is_up.set()
        # Number 0 is the subscription's: its answer is awaited by nobody.
        writer.write(frame(encode(Ask(0, Subscribe()))))
        try:
            while True:
                self._take(decode_answer(await read_frame(reader)))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except (LinkError, msgspec.MsgspecError) as error:
            log.warning("link closed", reason=str(error))

    def _take(self, message: Reply | Failure | Changed) -> None:
        if isinstance(message, Changed):
            self._spread(message)
            return
        if message.id == 0:
            self._spread(Missed("subscribed again"))
            return
        waiting = self._waiting.get(message.id)
        if waiting is None or waiting.done():
            return  # its asker gave up
        if isinstance(message, Reply):
            waiting.set_result(message.answer)
        else:
            waiting.set_exception(LinkFailedError(message.reason))

    def _spread(self, change: Changed | Missed) -> None:
        for queue in self._readers:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(Missed("too slow: changes were dropped"))
            else:
                queue.put_nowait(change)

    def _lose(self, reason: str) -> None:
        self._writer = None
        self._is_up.clear()
        self._down_since = asyncio.get_running_loop().time()
        self._reason = reason
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(LinkDownError(reason))
