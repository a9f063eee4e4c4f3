"""The gate: may this station come in, and under which id do we know it?

Passwords are optional: a station without a stored hash comes in with any or none. Hashing is
slow by design, so it runs in two threads beside the loop, and a password that was right once
is remembered as a keyed digest until its stored hash changes or the process ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import argon2
import structlog

from domain.places import StationId
from ocpp_server.front import RefusalReason

log = structlog.get_logger(__name__)

HASHING_THREADS = 2
"""argon2id takes a core and tens of MiB per check; more at once would starve the loop."""

MAX_WAITING = 1024
"""Checks that may wait for a thread; beyond it a station is asked to come back later."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The station may come in and is known under this id."""

    station: StationId


@dataclass(frozen=True, slots=True)
class Refused:
    """The station may not come in; `status` is the HTTP status it gets."""

    status: int
    reason: RefusalReason


class Gate(Protocol):
    """Decides who comes in."""

    async def admit(
        self, station_name: str, user: str | None, password: str | None, address: str
    ) -> Admitted | Refused:
        """Decide about one handshake. `station_name` is the id as the station spells it."""


class OpenGate:
    """Lets everybody in; `resolve` finds the registered spelling of an id."""

    def __init__(self, resolve: Callable[[str], StationId] = StationId) -> None:
        self._resolve = resolve

    async def admit(
        self, station_name: str, user: str | None, password: str | None, address: str
    ) -> Admitted | Refused:
        """Let the station in under its registered id."""
        return Admitted(self._resolve(station_name))


def _everybody(_: StationId) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Checked:
    stored: str
    digest: bytes
    is_right: bool


class PasswordGate:
    """Checks Basic passwords against argon2id hashes (OCPP security profiles 1 and 2).

    `lookup` returns a station's stored hash, None where no password was ever set: then any is
    accepted, as long as `has_room` for that station: each stranger is remembered for good. A
    user name other than the id is logged, not refused: real stations send many.
    """

    def __init__(
        self,
        lookup: Callable[[StationId], str | None],
        resolve: Callable[[str], StationId] = StationId,
        has_room: Callable[[StationId], bool] = _everybody,
    ) -> None:
        self._has_room = has_room
        self._lookup = lookup
        self._resolve = resolve
        self._hasher = argon2.PasswordHasher()
        self._threads = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="password")
        self._key = secrets.token_bytes(32)
        # One entry per station that has a password: bounded by the registry. A wrong password
        # is remembered too, for a misconfigured station tries it again every few seconds.
        self._checked: dict[StationId, _Checked] = {}
        self._waiting = 0

    async def admit(
        self, station_name: str, user: str | None, password: str | None, address: str
    ) -> Admitted | Refused:
        """Let the station in where its password is right or none was set."""
        station = self._resolve(station_name)
        if user is not None and user not in (station, station_name):
            log.info("user differs from station id", station=station, user=user)
        stored = self._lookup(station)
        if stored is None:
            if not self._has_room(station):
                return Refused(503, RefusalReason.TOO_MANY_STRANGERS)
            return Admitted(station)
        if password is None:
            return Refused(401, RefusalReason.BAD_PASSWORD)
        digest = hashlib.blake2b(password.encode(), key=self._key).digest()
        known = self._checked.get(station)
        if known is None or known.stored != stored or not self._is_same(known.digest, digest):
            if self._waiting >= MAX_WAITING:
                return Refused(503, RefusalReason.GATE_BUSY)
            known = _Checked(stored, digest, await self._verify(stored, password, station))
            self._checked[station] = known
        return Admitted(station) if known.is_right else Refused(401, RefusalReason.BAD_PASSWORD)

    def close(self) -> None:
        """Let the hashing threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @staticmethod
    def _is_same(one: bytes, other: bytes) -> bool:
        return hmac.compare_digest(one, other)

    async def _verify(self, stored: str, password: str, station: StationId) -> bool:
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            return await loop.run_in_executor(
                self._threads, self._hasher.verify, stored, password
            )
        except argon2.exceptions.VerifyMismatchError:
            return False
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            log.warning("stored password hash is unusable", station=station)
            return False
        finally:
            self._waiting -= 1
