"""The gate: may this station come in, and under which id do we know it?

Passwords are optional: a station without a stored one comes in with any or none. Those that
people chose are hashed slowly, by design, so that runs in two threads beside the loop, and
what was right once is remembered as a keyed digest until its stored hash changes or the
process ends. Generated ones cost a microsecond. A client certificate takes a password's place.
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
from ocpp_server.addresses import host_of
from ocpp_server.allowance import Allowance
from ocpp_server.certificates import is_named
from ocpp_server.limits import Limits
from ocpp_server.passwords import is_keyed, verify_keyed
from ocpp_server.refusal import RefusalReason

log = structlog.get_logger(__name__)

HASHING_THREADS = 2
"""argon2id takes a core and tens of MiB per check; more at once would starve the loop."""

MAX_WAITING = 1024
"""Checks that may wait for a thread; beyond it a station is asked to come back later."""

SECOND_CHANCE_EVERY_S = 30.0
"""How often a station may have a password checked from an address with too many failures: its
neighbours behind the same router must not lock it out."""

MAX_TOLD = 50_000
"""Stations whose odd user name was told once; beyond it nothing more is told."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The station may come in and is known under this id."""

    station: StationId


@dataclass(frozen=True, slots=True)
class Refused:
    """The station may not come in; `status` is the HTTP status it gets.

    `retry_after_s` says when it may try again; 0 leaves that to the station.
    """

    status: int
    reason: RefusalReason
    retry_after_s: float = 0.0


class Gate(Protocol):
    """Decides who comes in."""

    async def admit(
        self,
        station_name: str,
        user: str | None,
        password: str | None,
        address: str,
        *,
        certificate_names: tuple[str, ...] | None = None,
    ) -> Admitted | Refused:
        """Decide about one handshake. `station_name` is the id as the station spells it.

        `certificate_names` are those in its client certificate, None where it showed none.
        """


class OpenGate:
    """Lets everybody in; `resolve` finds the registered spelling of an id."""

    def __init__(self, resolve: Callable[[str], StationId] = StationId) -> None:
        self._resolve = resolve

    async def admit(
        self,
        station_name: str,
        user: str | None,
        password: str | None,
        address: str,
        *,
        certificate_names: tuple[str, ...] | None = None,
    ) -> Admitted | Refused:
        """Let the station in under its registered id."""
        return Admitted(self._resolve(station_name))


@dataclass(frozen=True, slots=True)
class GateRules:
    """What the operator decided.

    `accepts_unknown`: stations that are neither registered nor have a password come in.
    `allows_empty_password`: so do those with one that send an empty one, as some stations can
    do no other. `requires_certificate`: nobody comes in without a client certificate.
    """

    accepts_unknown: bool = True
    allows_empty_password: bool = False
    requires_certificate: bool = False


def _everybody(_: StationId) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Checked:
    stored: str
    digest: bytes


_OPEN = GateRules()
_WRONG = Refused(401, RefusalReason.BAD_PASSWORD)


class PasswordGate:
    """Checks Basic passwords and client certificates (OCPP security profiles 1 to 3).

    `lookup` returns what is stored of a station's password, None where none was ever set: then
    any is accepted, as long as `has_room` for that station: each stranger is remembered for
    good. `key` is that of generated passwords. A user name other than the id is told once per
    station, not refused: real stations send many.

    Failures are counted per address, and beyond `limits` answered 429. That never keeps out a
    station whose password is right: generated and remembered ones are always checked, others
    at least every `SECOND_CHANCE_EVERY_S`.
    """

    def __init__(
        self,
        lookup: Callable[[StationId], str | None],
        resolve: Callable[[str], StationId] = StationId,
        has_room: Callable[[StationId], bool] = _everybody,
        *,
        is_registered: Callable[[StationId], bool] = _everybody,
        rules: GateRules = _OPEN,
        key: bytes = b"",
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        self._lookup = lookup
        self._resolve = resolve
        self._has_room = has_room
        self._is_registered = is_registered
        self._rules = rules
        self._stored_key = key
        self._failures = Allowance[str](
            limits.failed_handshakes, limits.failed_handshake_every_s
        )
        self._chances = Allowance[tuple[str, StationId]](1, SECOND_CHANCE_EVERY_S)
        self._hasher = argon2.PasswordHasher()
        self._threads = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="password")
        self._key = secrets.token_bytes(32)
        # At most one entry each per station that has a password. A wrong one is remembered
        # too, for a misconfigured station tries it again every few seconds; apart from the
        # right one, or whoever guesses would cost the station a slow check each time.
        self._right: dict[StationId, _Checked] = {}
        self._wrong: dict[StationId, _Checked] = {}
        self._told: set[StationId] = set()
        self._waiting = 0

    async def admit(
        self,
        station_name: str,
        user: str | None,
        password: str | None,
        address: str,
        *,
        certificate_names: tuple[str, ...] | None = None,
    ) -> Admitted | Refused:
        """Let the station in where it proves who it is, or need not."""
        station = self._resolve(station_name)
        stored = self._lookup(station)
        refused = self._reason_against(station, stored, certificate_names)
        if refused is None and certificate_names is None and stored is not None:
            refused = await self._check(station, stored, password, address)
        if refused is not None:
            return self._counted(refused, address)
        if user is not None and user not in (station, station_name):
            self._tell_user(station, user)
        return Admitted(station)

    def close(self) -> None:
        """Let the hashing threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _reason_against(
        self, station: StationId, stored: str | None, names: tuple[str, ...] | None
    ) -> Refused | None:
        """Say why a station may not come in, whatever its password."""
        is_unknown = stored is None and not self._is_registered(station)
        if is_unknown and not self._rules.accepts_unknown:
            # OCPP-J 1.6 §3.1.2: an id that is not recognized is answered 404.
            return Refused(404, RefusalReason.UNKNOWN_STATION)
        if names is None and self._rules.requires_certificate:
            return Refused(403, RefusalReason.NO_CERTIFICATE)
        if names is not None and not is_named(station, names):
            log.warning("certificate of another station", station=station, names=names)
            return Refused(403, RefusalReason.BAD_CERTIFICATE)
        if stored is None and not self._has_room(station):
            return Refused(503, RefusalReason.TOO_MANY_STRANGERS)
        return None

    async def _check(
        self, station: StationId, stored: str, password: str | None, address: str
    ) -> Refused | None:
        """Check a password: at once where that is cheap, else in a thread."""
        if not password:
            is_allowed = password is not None and self._rules.allows_empty_password
            return None if is_allowed else _WRONG
        if is_keyed(stored):
            return None if self._is_generated(stored, password, station) else _WRONG
        checked = _Checked(stored, hashlib.blake2b(password.encode(), key=self._key).digest())
        if _is_same(self._right.get(station), checked):
            return None
        if _is_same(self._wrong.get(station), checked):
            return _WRONG
        if self._waiting >= MAX_WAITING:
            return Refused(503, RefusalReason.GATE_BUSY)
        wait_s = self._wait_s(address, station)
        if wait_s > 0:
            return Refused(429, RefusalReason.TOO_MANY_FAILURES, wait_s)
        is_right = await self._verify(stored, password, station)
        (self._right if is_right else self._wrong)[station] = checked
        return None if is_right else _WRONG

    def _wait_s(self, address: str, station: StationId) -> float:
        host = host_of(address)
        now_s = asyncio.get_running_loop().time()
        if self._failures.wait_s(host, now_s) == 0:
            return 0.0
        return self._chances.take((host, station), now_s)

    def _counted(self, refused: Refused, address: str) -> Refused:
        """Count a failure of the other side's making; 429 where there were too many."""
        if refused.status in (429, 503):
            return refused
        wait_s = self._failures.take(host_of(address), asyncio.get_running_loop().time())
        if wait_s == 0:
            return refused
        return Refused(429, RefusalReason.TOO_MANY_FAILURES, wait_s)

    def _tell_user(self, station: StationId, user: str) -> None:
        if station not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(station)
            log.info("user differs from station id", station=station, user=user)

    def _is_generated(self, stored: str, password: str, station: StationId) -> bool:
        try:
            return verify_keyed(stored, password, self._stored_key)
        except ValueError:
            log.warning("stored password hash is unusable", station=station)
            return False

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


def _is_same(known: _Checked | None, checked: _Checked) -> bool:
    return (
        known is not None
        and known.stored == checked.stored
        and hmac.compare_digest(known.digest, checked.digest)
    )
