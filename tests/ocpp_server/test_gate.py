"""The gate: passwords, and what is remembered of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import argon2
import pytest
from structlog.testing import capture_logs

from domain.places import StationId
from ocpp_server import gate as gate_module
from ocpp_server.gate import Admitted, OpenGate, PasswordGate, Refused
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
