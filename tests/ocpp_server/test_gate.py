"""The gate: passwords, and what is remembered of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from domain.places import StationId
from ocpp_server import gate as gate_module
from ocpp_server.addresses import host_of
from ocpp_server.allowance import Allowance
from ocpp_server.certificates import certificate_end, certificate_names, name_given
from ocpp_server.gate import Admitted, GateRules, OpenGate, PasswordGate, Refused
from ocpp_server.limits import Limits
from ocpp_server.passwords import is_keyed, keyed_hash, verify_keyed
from ocpp_server.refusal import RefusalReason

# As cheap as argon2id gets: these tests are about the gate, not about the hash.
HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
WRONG = Refused(401, RefusalReason.BAD_PASSWORD)
REGISTERED = {"n-001": StationId("N-001")}


def resolve(name: str) -> StationId:
    return REGISTERED.get(name.casefold(), StationId(name))


class Counting(PasswordGate):
    """A password gate that counts how often it hashes."""

    hashed = 0

    async def _verify(self, stored: str, password: str, station: StationId) -> bool:
        self.hashed += 1
        return await super()._verify(stored, password, station)


@pytest.fixture
def stored() -> dict[str, str]:
    return {"N-001": HASHER.hash("right")}


@pytest.fixture
def gate(stored: dict[str, str]) -> Iterator[Counting]:
    gate = Counting(stored.get, resolve)
    yield gate
    gate.close()


async def test_the_open_gate_knows_a_station_by_its_registered_spelling() -> None:
    assert await OpenGate(resolve).admit("n-001", None, None, "") == Admitted("N-001")
    assert await OpenGate().admit("n-001", None, None, "") == Admitted("n-001")


async def test_a_stranger_for_whom_there_is_no_room_is_asked_to_come_back(
    stored: dict[str, str],
) -> None:
    gate = PasswordGate(stored.get, resolve, lambda station: station == "KNOWN")
    assert await gate.admit("KNOWN", None, None, "") == Admitted("KNOWN")
    assert await gate.admit("n-001", "N-001", "right", "") == Admitted("N-001")
    refused = Refused(503, RefusalReason.TOO_MANY_STRANGERS)
    assert await gate.admit("NEW", None, None, "") == refused
    gate.close()


async def test_a_right_password_comes_in_and_is_hashed_once(gate: Counting) -> None:
    for _ in range(3):
        assert await gate.admit("n-001", "N-001", "right", "") == Admitted("N-001")

    assert gate.hashed == 1


async def test_a_wrong_password_stays_out_and_is_hashed_once(gate: Counting) -> None:
    for _ in range(3):
        assert await gate.admit("N-001", "N-001", "wrong", "") == WRONG

    assert gate.hashed == 1
    assert await gate.admit("N-001", "N-001", "right", "") == Admitted("N-001")


async def test_no_password_stays_out_where_one_is_set(gate: Counting) -> None:
    assert await gate.admit("N-001", None, None, "") == WRONG
    assert await gate.admit("N-001", "N-001", "", "") == WRONG


@pytest.mark.parametrize("password", [None, "", "anything"])
async def test_any_password_comes_in_where_none_is_set(
    gate: Counting, password: str | None
) -> None:
    assert await gate.admit("N-002", "N-002", password, "") == Admitted("N-002")
    assert gate.hashed == 0


async def test_a_changed_password_counts_from_the_next_handshake(
    gate: Counting, stored: dict[str, str]
) -> None:
    assert await gate.admit("N-001", None, "right", "") == Admitted("N-001")
    stored["N-001"] = HASHER.hash("newer")

    assert await gate.admit("N-001", None, "right", "") == WRONG
    assert await gate.admit("N-001", None, "newer", "") == Admitted("N-001")


async def test_a_user_other_than_the_id_is_logged_not_refused(gate: Counting) -> None:
    with capture_logs() as logged:
        assert await gate.admit("N-001", "admin", "right", "") == Admitted("N-001")

    assert [line["user"] for line in logged] == ["admin"]
    assert "right" not in repr(logged)


async def test_an_odd_user_is_told_once_per_station(
    gate: Counting, stored: dict[str, str]
) -> None:
    with capture_logs() as logged:
        for user in ("admin", "admin", "root"):
            await gate.admit("N-001", user, "right", "")
        await gate.admit("N-002", "admin", None, "")

    assert [(line["station"], line["user"]) for line in logged] == [
        ("N-001", "admin"),
        ("N-002", "admin"),
    ]


async def test_whoever_guesses_costs_the_station_no_second_check(gate: Counting) -> None:
    await gate.admit("N-001", None, "right", "")
    await gate.admit("N-001", None, "guess", "")

    assert await gate.admit("N-001", None, "right", "") == Admitted("N-001")
    assert gate.hashed == 2


async def test_an_empty_password_comes_in_only_where_that_is_configured(
    stored: dict[str, str],
) -> None:
    gate = PasswordGate(stored.get, resolve, rules=GateRules(allows_empty_password=True))

    assert await gate.admit("N-001", "N-001", "", "") == Admitted("N-001")
    assert await gate.admit("N-001", None, None, "") == WRONG
    assert await gate.admit("N-001", "N-001", "wrong", "") == WRONG
    gate.close()


async def test_strangers_are_refused_where_that_is_configured(stored: dict[str, str]) -> None:
    registered = {"N-003"}
    gate = PasswordGate(
        stored.get,
        resolve,
        is_registered=registered.__contains__,
        rules=GateRules(accepts_unknown=False),
    )

    assert await gate.admit("N-002", None, None, "") == Refused(
        404, RefusalReason.UNKNOWN_STATION
    )
    assert await gate.admit("N-003", None, None, "") == Admitted("N-003")
    assert await gate.admit("N-001", None, "right", "") == Admitted("N-001")
    gate.close()


# --- generated passwords -------------------------------------------------------------------

KEY = b"k" * 32
GENERATED = "abcdefghij2345678923"


async def test_a_generated_password_comes_in_without_a_slow_check() -> None:
    stored = {"N-001": keyed_hash(GENERATED, KEY, b"s" * 16)}
    gate = Counting(stored.get, resolve, key=KEY)

    assert await gate.admit("N-001", "N-001", GENERATED, "") == Admitted("N-001")
    assert await gate.admit("N-001", "N-001", GENERATED[:-1] + "4", "") == WRONG
    assert gate.hashed == 0
    gate.close()


@pytest.mark.parametrize("damaged", ["blake2b$", "blake2b$zz$00", "blake2b$00$11$22"])
async def test_a_damaged_stored_password_keeps_its_station_out_and_says_so(
    damaged: str,
) -> None:
    gate = PasswordGate({"N-001": damaged}.get, resolve, key=KEY)
    with capture_logs() as logged:
        assert await gate.admit("N-001", None, GENERATED, "") == WRONG

    assert logged[-1]["event"] == "stored password hash is unusable"
    gate.close()


def test_a_generated_password_needs_key_salt_and_every_letter() -> None:
    stored = keyed_hash(GENERATED, KEY, b"s" * 16)

    assert is_keyed(stored)
    assert not is_keyed(HASHER.hash("right"))
    assert verify_keyed(stored, GENERATED, KEY)
    assert not verify_keyed(stored, GENERATED, b"x" * 32)
    assert not verify_keyed(stored, GENERATED + "2", KEY)
    assert stored != keyed_hash(GENERATED, KEY, b"t" * 16)


async def test_a_storm_of_two_thousand_stations_comes_in_without_one_slow_check() -> None:
    stored = {
        f"N-{number:04}": keyed_hash(f"{GENERATED}{number}", KEY, b"s" * 16)
        for number in range(2000)
    }
    gate = Counting(stored.get, key=KEY)
    for _ in range(3):
        admitted = [
            await gate.admit(f"N-{n:04}", None, f"{GENERATED}{n}", "192.0.2.1:1")
            for n in range(2000)
        ]
        assert admitted == [Admitted(StationId(f"N-{n:04}")) for n in range(2000)]

    assert gate.hashed == 0
    remembered = (gate._right, gate._wrong, gate._told, gate._failures, gate._chances)
    assert [len(each) for each in remembered] == [0, 0, 0, 0, 0]
    gate.close()


# --- limits --------------------------------------------------------------------------------

FEW = Limits(failed_handshakes=2, failed_handshake_every_s=60)
HERE, NEXT_DOOR, ELSEWHERE = "192.0.2.1:4711", "192.0.2.1:4712", "192.0.2.2:4711"


async def test_too_many_failures_from_one_address_are_told_to_wait(
    stored: dict[str, str],
) -> None:
    gate = Counting(stored.get, resolve, limits=FEW)
    for guess in ("a", "b"):
        assert await gate.admit("N-001", None, guess, HERE) == WRONG
    beyond = await gate.admit("N-001", None, "b", NEXT_DOOR)

    assert isinstance(beyond, Refused)
    assert (beyond.status, beyond.reason) == (429, RefusalReason.TOO_MANY_FAILURES)
    assert 0 < beyond.retry_after_s <= 60.001  # seconds, as floats add up
    assert await gate.admit("N-001", None, "b", ELSEWHERE) == WRONG
    assert gate.hashed == 2
    gate.close()


async def test_guesses_beyond_the_limit_are_not_even_checked(stored: dict[str, str]) -> None:
    gate = Counting(stored.get, resolve, limits=FEW)
    for number in range(20):
        await gate.admit("N-001", None, f"guess {number}", HERE)

    assert gate.hashed == 3  # the two that are free, and one second chance
    gate.close()


async def test_a_right_password_comes_in_however_often_its_neighbours_fail(
    stored: dict[str, str],
) -> None:
    stored["N-002"] = keyed_hash(GENERATED, KEY, b"s" * 16)
    gate = Counting(stored.get, resolve, key=KEY, limits=FEW)
    for number in range(20):
        await gate.admit("N-003X", None, None, HERE)
        await gate.admit("N-002", None, f"guess {number}", HERE)

    assert await gate.admit("N-001", None, "right", HERE) == Admitted("N-001")  # never seen
    assert await gate.admit("N-001", None, "right", HERE) == Admitted("N-001")  # remembered
    assert await gate.admit("N-002", None, GENERATED, HERE) == Admitted("N-002")
    assert await gate.admit("N-004", None, None, HERE) == Admitted("N-004")  # needs none
    gate.close()


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("192.0.2.1:1", "192.0.2.1:2", True),
        ("192.0.2.1:1", "192.0.2.2:1", False),
        ("[2001:db8::1]:1", "[2001:db8::ffff:2]:1", True),
        ("[2001:db8::1]:1", "[2001:db8:0:1::1]:1", False),
        ("[::ffff:192.0.2.1]:1", "192.0.2.1:7", True),
        ("[fe80::1%eth0]:1", "[fe80::2%eth0]:1", True),
        ("", "", True),
    ],
)
def test_failures_count_together_for_whoever_owns_the_addresses(
    one: str, other: str, are_one: bool
) -> None:
    assert (host_of(one) == host_of(other)) is are_one


def test_an_allowance_is_a_burst_and_then_a_pace() -> None:
    allowance = Allowance[str](3, 2.0)
    assert [allowance.take("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    assert allowance.take("b", 0.0) == 0.0
    assert allowance.wait_s("a", 1.5) == 0.5
    assert [allowance.take("a", 2.0) for _ in range(2)] == [0.0, 2.0]
    assert [allowance.take("a", 100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]


@given(
    burst=st.integers(1, 5),
    moments=st.lists(st.floats(0, 100), max_size=60).map(sorted),
)
def test_no_allowance_lets_more_through_than_its_burst_and_pace(
    burst: int, moments: list[float]
) -> None:
    allowance = Allowance[str](burst, 10.0)
    taken = [at for at in moments if allowance.take("a", at) == 0]

    for first, at in enumerate(taken):
        window = [other for other in taken[first:] if other - at < 10.0 - 1e-6]
        assert len(window) <= burst + 1
    total_s = taken[-1] - taken[0] if taken else 0
    assert len(taken) <= burst + total_s / 10.0 + 1e-6


def test_an_allowance_remembers_a_bounded_number_of_keys() -> None:
    allowance = Allowance[int](1, 60.0, max_keys=100)
    for key in range(1000):
        assert allowance.take(key, 0.0) == 0.0

    assert len(allowance) == 100
    assert allowance.take(999, 0.0) == 60.0  # the latest are the ones remembered


# --- certificates --------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("N-001",), ("n-001",), ("maker", "N-001")])
async def test_a_certificate_in_the_stations_name_takes_the_passwords_place(
    gate: Counting, names: tuple[str, ...]
) -> None:
    admission = await gate.admit("n-001", None, None, "", certificate_names=names)

    assert admission == Admitted("N-001")
    assert gate.hashed == 0


@pytest.mark.parametrize("names", [(), ("N-002",), ("N-001.example.com",), ("*",)])
async def test_a_certificate_of_somebody_else_stays_out_whatever_the_password(
    gate: Counting, names: tuple[str, ...]
) -> None:
    with capture_logs() as logged:
        refused = await gate.admit("N-001", None, "right", "", certificate_names=names)

    assert refused == Refused(403, RefusalReason.BAD_CERTIFICATE)
    assert logged[0]["event"] == "certificate of another station"
    assert logged[0]["names"] == names


async def test_without_a_certificate_nobody_comes_in_where_one_is_required(
    stored: dict[str, str],
) -> None:
    gate = PasswordGate(stored.get, resolve, rules=GateRules(requires_certificate=True))
    refused = Refused(403, RefusalReason.NO_CERTIFICATE)

    assert await gate.admit("N-001", None, "right", "") == refused
    assert await gate.admit("N-002", None, None, "") == refused
    named = await gate.admit("N-002", None, None, "", certificate_names=("N-002",))
    assert named == Admitted("N-002")
    gate.close()


def test_the_names_in_a_certificate_are_its_cn_and_every_san() -> None:
    certificate = {
        "subject": ((("organizationName", "Maker"),), (("commonName", "N-001"),)),
        "subjectAltName": (("DNS", "n-001.local"), ("URI", "urn:n-001")),
    }

    assert certificate_names(certificate) == ("N-001", "n-001.local", "urn:n-001")
    assert certificate_names({"issuer": ()}) == ()
    assert certificate_names(None) is None
    assert certificate_names({}) is None  # not asked for, or none shown


def test_a_certificate_says_until_when_it_holds():
    said = {"notAfter": "Jan  5 08:00:00 2027 GMT"}
    assert certificate_end(said) == datetime(2027, 1, 5, 8, 0, tzinfo=UTC)
    assert certificate_end({"notAfter": "some day"}) is None
    assert certificate_end(None) is None


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (None, ""),
        ((), ""),
        (("SN-1",), "SN-1"),
        (("SN-1", "n-001.local", "n-001"), "n-001"),
    ],
)
def test_a_certificate_names_a_station_that_has_no_id_in_its_address(
    names: tuple[str, ...] | None, given: str
) -> None:
    assert name_given(names, lambda name: name.casefold() in REGISTERED) == given


async def test_an_unusable_hash_keeps_its_station_out_and_says_so(
    gate: Counting, stored: dict[str, str]
) -> None:
    stored["N-001"] = "not a hash"
    with capture_logs() as logged:
        assert await gate.admit("N-001", None, "right", "") == WRONG

    assert logged[-1]["event"] == "stored password hash is unusable"


async def test_passwords_are_not_kept_in_clear(gate: Counting) -> None:
    await gate.admit("N-001", None, "Mellon-41", "")

    assert gate.hashed == 1
    assert "Mellon-41" not in repr(vars(gate))


async def test_more_checks_than_may_wait_are_asked_to_come_back(
    gate: Counting, stored: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "MAX_WAITING", 1)
    stored["N-002"] = HASHER.hash("right")

    outcomes = await asyncio.gather(
        gate.admit("N-001", None, "right", ""), gate.admit("N-002", None, "right", "")
    )

    assert outcomes == [Admitted("N-001"), Refused(503, RefusalReason.GATE_BUSY)]


class SlowHasher:
    """Counts how many checks run at once, in which threads."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.threads: set[str] = set()
        self._lock = threading.Lock()

    def verify(self, stored: str, password: str) -> bool:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.threads.add(threading.current_thread().name)
        time.sleep(0.02)
        with self._lock:
            self.running -= 1
        return True


async def test_two_passwords_are_checked_at_once_and_the_loop_goes_on(
    stored: dict[str, str],
) -> None:
    for number in range(10):
        stored[f"S-{number}"] = stored["N-001"]
    gate = PasswordGate(stored.get)
    hasher = SlowHasher()
    gate._hasher = hasher
    coming = [asyncio.ensure_future(gate.admit(f"S-{n}", None, "pw", "")) for n in range(10)]
    turns = 0
    while not all(each.done() for each in coming):
        await asyncio.sleep(0.001)
        turns += 1

    assert hasher.most == 2
    assert all(name.startswith("password") for name in hasher.threads)
    assert turns > 20  # about 100 ms of checks, none of them on the loop
    gate.close()
