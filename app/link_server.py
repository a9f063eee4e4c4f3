"""Core's end of the link: takes requests, gives answers, publishes changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import msgspec
import structlog

from app.link_place import bind
from app.link_wire import Ask, Failure, LinkError, Reply, decode_ask, encode, frame, read_frame
from app.messages import Answer, Changed, Done, Request, Subscribe

log = structlog.get_logger(__name__)

UNSENT_LIMIT = 1024 * 1024
"""Bytes of `Changed` messages a subscriber may be behind before it is dropped."""

IN_FLIGHT_LIMIT = 256
"""Requests of one connection that core works on at once; more wait in the socket."""

Handler = Callable[[Request], Awaitable[Answer]]


class LinkServer:
    """Core's end: answers requests through `handler`, publishes changes to subscribers.

    `Subscribe` is answered here and never reaches the handler. Raises `LinkBusyError` at
    `start` where another core has the path.
    """

    def __init__(self, path: Path, handler: Handler) -> None:
        self._path = path
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._place: Path | None = None
        self._subscribers: set[asyncio.StreamWriter] = set()
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def subscribers(self) -> int:
        """How many connections follow the changes."""
        return len(self._subscribers)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Listen. The socket is this user's alone (0600)."""
        sock, self._place = bind(self._path)
        self._server = await asyncio.start_unix_server(self._serve, sock=sock)

    async def close(self) -> None:
        """Stop listening, end every connection, remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._server = None
        if self._place is not None:
            self._place.unlink(missing_ok=True)
            if self._place != self._path:
                self._path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self._place.parent.rmdir()

    def publish(self, changed: Changed) -> None:
        """Tell every subscriber. One that is too far behind is dropped and has to refetch."""
        if not self._subscribers:
            return
        body = frame(encode(changed))
        for writer in list(self._subscribers):
            if writer.transport.get_write_buffer_size() > UNSENT_LIMIT:
                log.warning("subscriber dropped", reason="too slow", limit=UNSENT_LIMIT)
                self._subscribers.discard(writer)
                writer.transport.abort()
            else:
                writer.write(body)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of a task
        self._connections[task] = writer
        answering: set[asyncio.Task[None]] = set()
        try:
            await self._read_requests(reader, writer, answering)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other end is gone: nothing is owed to it
        except (LinkError, msgspec.MsgspecError) as error:
            log.warning("link connection closed", reason=str(error))
        except asyncio.CancelledError:
            pass  # close() ends us; the streams' own callback would log a cancellation
        finally:
            self._subscribers.discard(writer)
            del self._connections[task]
            for one in answering:
                one.cancel()
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _read_requests(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answering: set[asyncio.Task[None]],
    ) -> None:
        places = asyncio.Semaphore(IN_FLIGHT_LIMIT)
        while True:
            ask = decode_ask(await read_frame(reader))
            await places.acquire()
            task = asyncio.create_task(self._answer(ask, writer, places))
            answering.add(task)
            task.add_done_callback(answering.discard)

    async def _answer(
        self, ask: Ask, writer: asyncio.StreamWriter, places: asyncio.Semaphore
    ) -> None:
        try:
            body = frame(encode(Reply(ask.id, await self._answer_of(ask.request, writer))))
        except LinkError as error:
            body = frame(encode(Failure(ask.id, error.reason)))
        except Exception:  # the one supervisor of a request: the asker must hear
            log.exception("request failed", request=type(ask.request).__name__)
            body = frame(encode(Failure(ask.id, "core could not do it; its log says why")))
        finally:
            places.release()
        with contextlib.suppress(ConnectionError):
            writer.write(body)
            await writer.drain()

    async def _answer_of(self, request: Request, writer: asyncio.StreamWriter) -> Answer:
        if isinstance(request, Subscribe):
            self._subscribers.add(writer)
            return Done()
        return await self._handler(request)
