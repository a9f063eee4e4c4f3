"""Commands: when one may leave, and what becomes of it. In virtual time, without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

from domain.journal import EntryKind
from domain.ports import CommandResult
from ocpp_server.commands import Command, Commands
from ocpp_server.limits import Limits
from ocpp_server.masking import kept_answer, masked_payload

QUIET = Limits(ask_status_after_s=None)


@pytest.fixture
def quiet(make_house: Any) -> Any:
    """A connection that never asks for a status by itself."""
    return make_house(QUIET)


class Caller:
    """Puts commands into a line and remembers what became of them."""

    def __init__(self, line: Any) -> None:
        self.line = line
        self.results: list[CommandResult] = []

    def command(
        self, action: str = "Reset", timeout_s: float = 30, payload: bytes = b"{}"
    ) -> bool:
        return bool(self.line.add(Command(action, payload, timeout_s, self.results.append)))


def booted(house: Any) -> Caller:
    house.boot()
    house.pass_time(house.limits.settle_s + 1)
    house.wire.sent.clear()
    return Caller(house.connection.commands)


def test_no_command_leaves_before_the_boot_was_answered_and_the_station_settled(
    quiet: Any,
) -> None:
    caller = Caller(quiet.connection.commands)
    caller.command()
    quiet.pass_time(20)
    assert quiet.wire.sent == []

    quiet.boot()
    quiet.pass_time(4.75)
    assert quiet.wire.sent == [b'[3,"b","Boot"]']
    quiet.pass_time(0.75)
    assert quiet.wire.sent == [b'[3,"b","Boot"]', b'[2,"m1","Reset",{}]']


def test_the_settle_time_counts_from_the_answer_not_from_the_question(quiet: Any) -> None:
    caller = Caller(quiet.connection.commands)
    caller.command()
    quiet.connection.receive(b'[2,"b","Boot",{}]', quiet.clock.now())
    boot_answer = quiet.recorder._after  # held back: a slow disk
    quiet.recorder._after = []
    quiet.pass_time(10)
    assert quiet.wire.sent == []

    quiet.recorder._after = boot_answer
    quiet.recorder.commit()
    quiet.pass_time(4.75)
    assert quiet.wire.sent == [b'[3,"b","Boot"]']


def test_a_station_that_never_boots_gets_commands_after_half_a_minute(quiet: Any) -> None:
    caller = Caller(quiet.connection.commands)
    caller.command()
    quiet.pass_time(29.75)
    assert quiet.wire.sent == []

    quiet.pass_time(0.75)
    assert quiet.wire.sent == [b'[2,"m1","Reset",{}]']


def test_a_boot_just_before_the_half_minute_is_given_its_time_to_settle(quiet: Any) -> None:
    caller = Caller(quiet.connection.commands)
    caller.command()
    quiet.pass_time(29)
    quiet.boot()
    quiet.pass_time(4)

    assert quiet.wire.sent == [b'[3,"b","Boot"]']


def test_one_command_is_outstanding_and_the_rest_follow_in_order(quiet: Any) -> None:
    caller = booted(quiet)
    for action in ("A", "B", "C"):
        caller.command(action)
    quiet.recorder.commit()
    assert quiet.wire.sent == [b'[2,"m1","A",{}]']

    quiet.say(b'[3,"m1",{"status":"Accepted"}]')
    quiet.say(b'[4,"m2","NotSupported","",{}]')

    assert quiet.wire.sent == [b'[2,"m1","A",{}]', b'[2,"m2","B",{}]', b'[2,"m3","C",{}]']
    assert caller.results == [
        CommandResult("answered", b'{"status":"Accepted"}'),
        CommandResult("error", b'["NotSupported","",{}]'),
    ]


def test_a_command_is_journalled_before_it_leaves_and_its_answer_is_a_fact(quiet: Any) -> None:
    caller = booted(quiet)
    caller.command("GetConfiguration")
    assert quiet.wire.sent == []
    quiet.recorder.commit()
    quiet.say(b'[3,"m1",{"status":"Accepted"}]')

    assert quiet.recorder.bodies(EntryKind.SENT)[-1] == b'[2,"m1","GetConfiguration",{}]'
    assert quiet.recorder.facts() == ["CommandAnswered"]
    answered = quiet.recorder.events[-1]
    assert (answered.action, answered.outcome, answered.answer) == (
        "GetConfiguration",
        "answered",
        '{"status":"Accepted"}',
    )


def test_stray_answers_are_told_once_and_in_short_however_many_and_long_they_are(
    quiet: Any,
) -> None:
    with structlog.testing.capture_logs() as told:
        for number in range(100):
            quiet.say(b'[3,"%b-%d",{}]' % (b"x" * 10_000, number))
    assert quiet.counters.stray_answers == 100
    (line,) = [entry for entry in told if entry["event"] == "stray answer"]
    assert line["message_id"] == "x" * 50


def test_silence_is_a_timeout_and_a_late_answer_changes_nothing(quiet: Any) -> None:
    caller = booted(quiet)
    caller.command("A", timeout_s=10)
    caller.command("B")
    quiet.pass_time(11)
    assert caller.results == [CommandResult("timeout")]
    assert quiet.wire.sent[-1] == b'[2,"m2","B",{}]'

    quiet.say(b'[3,"m1",{}]')
    assert caller.results == [CommandResult("timeout")]
    assert quiet.counters.stray_answers == 1
    assert quiet.counters.command_timeouts == 1
    quiet.say(b'[3,"m2",{}]')
    assert caller.results[-1] == CommandResult("answered", b"{}")


def test_the_timeout_counts_from_leaving_not_from_waiting(quiet: Any) -> None:
    caller = booted(quiet)
    caller.command("A", timeout_s=10)
    caller.command("B", timeout_s=2)
    quiet.pass_time(9)
    assert caller.results == []

    quiet.pass_time(4)
    assert caller.results == [CommandResult("timeout"), CommandResult("timeout")]


def test_the_timeout_of_an_answered_command_does_not_hit_the_next_one(quiet: Any) -> None:
    caller = booted(quiet)
    caller.command("A", timeout_s=10)
    caller.command("B", timeout_s=60)
    quiet.recorder.commit()
    quiet.say(b'[3,"m1",{}]')
    quiet.pass_time(20)

    assert caller.results == [CommandResult("answered", b"{}")]


def test_a_command_that_is_refused_is_reported_once_and_never_repeated(quiet: Any) -> None:
    # Quirk F7: a stop refused for the number that the station itself reports.
    caller = booted(quiet)
    caller.command("RemoteStopTransaction")
    quiet.say(b'[3,"m1",{"status":"Rejected"}]')
    quiet.pass_time(3600)

    assert caller.results == [CommandResult("answered", b'{"status":"Rejected"}')]
    assert len(quiet.wire.sent) == 1


def test_a_full_line_refuses(quiet: Any) -> None:
    caller = Caller(quiet.connection.commands)

    assert [caller.command() for _ in range(33)] == [True] * 32 + [False]


def test_what_left_and_what_waited_is_gone_with_the_connection(quiet: Any) -> None:
    caller = booted(quiet)
    caller.command("A")
    caller.command("B")
    quiet.connection.ended()

    assert caller.results == [CommandResult("gone"), CommandResult("gone")]
    assert [event.outcome for event in quiet.recorder.events] == ["gone"]
    assert caller.command("C") is False


def test_what_waited_goes_over_to_the_connection_that_replaces(quiet: Any) -> None:
    caller = booted(quiet)
    caller.command("A")
    caller.command("B")
    older = quiet.connection
    newer = quiet.connect()
    newer.commands.adopt(older.replaced())
    older.ended()
    assert caller.results == [CommandResult("gone")]

    newer.receive(b'[2,"b","Boot",{}]', quiet.clock.now())
    quiet.recorder.commit()
    quiet.pass_time(6)
    assert quiet.wire.sent[-1] == b'[2,"m2","B",{}]'


def test_commands_wait_for_the_journal(quiet: Any) -> None:
    caller = booted(quiet)
    quiet.recorder.is_accepting = False
    caller.command("A")
    quiet.pass_time(5)
    assert quiet.wire.sent == []

    quiet.recorder.is_accepting = True
    quiet.pass_time(2)
    assert quiet.wire.sent == [b'[2,"m1","A",{}]']


# --- the port ------------------------------------------------------------------------------


def queue_of(house: Any) -> Commands:
    lines = {house.connection.station: house.connection.commands}
    return Commands(lines.get)


async def test_the_port_waits_for_the_answer(quiet: Any) -> None:
    booted(quiet)
    sending = asyncio.ensure_future(
        queue_of(quiet).send(quiet.connection.station, "A", b"{}", timeout_s=5)
    )
    await asyncio.sleep(0)
    quiet.say(b'[3,"m1",{"x":1}]')

    assert await sending == CommandResult("answered", b'{"x":1}')


async def test_a_station_that_is_not_connected_is_gone(quiet: Any) -> None:
    assert await queue_of(quiet).send("other", "A", b"{}", timeout_s=5) == CommandResult("gone")


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'"x"', b"[" * 100_000])
async def test_a_payload_that_is_no_object_never_leaves(quiet: Any, payload: bytes) -> None:
    booted(quiet)
    result = await queue_of(quiet).send(quiet.connection.station, "A", payload, timeout_s=5)

    assert result.outcome == "refused"
    assert quiet.wire.sent == []


async def test_a_caller_who_gives_up_takes_the_command_back(quiet: Any) -> None:
    queue, station = queue_of(quiet), quiet.connection.station
    sending = asyncio.ensure_future(queue.send(station, "A", b"{}", timeout_s=5))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending

    quiet.boot()
    quiet.pass_time(10)
    assert quiet.wire.sent == [b'[3,"b","Boot"]']


# --- what is kept --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (
            b'{"key":"AuthorizationKey","value":"41"}',
            b'{"key":"AuthorizationKey","value":"***"}',
        ),
        (
            b'{"key":"HeartbeatInterval","value":"60"}',
            b'{"key":"HeartbeatInterval","value":"60"}',
        ),
        (
            b'{"location":"ftp://user:pw@host/x","retries":2}',
            b'{"location":"ftp://***@host/x","retries":2}',
        ),
        (
            b'{"d":[{"attributeValue":"x","variable":{"name":"BasicAuthPassword"}}]}',
            b'{"d":[{"attributeValue":"***","variable":{"name":"BasicAuthPassword"}}]}',
        ),
        (b'{"password":"x"}', b'{"password":"***"}'),
        (
            b'{"connectionData":{"vpn":{"key":"x","user":"u"},"apn":{"simPin":1234}}}',
            b'{"connectionData":{"vpn":{"key":"***","user":"u"},"apn":{"simPin":"***"}}}',
        ),
        (
            b'{"vendorId":"v","data":"{\\"wifiPassword\\":\\"x\\",\\"n\\":1}"}',
            b'{"vendorId":"v","data":"{\\"wifiPassword\\":\\"***\\",\\"n\\":1}"}',
        ),
    ],
)
def test_secrets_in_commands_are_masked_before_the_journal(sent: bytes, kept: bytes) -> None:
    assert masked_payload(sent) == kept


def test_the_secret_leaves_but_is_not_kept(quiet: Any) -> None:
    caller = booted(quiet)
    caller.command("ChangeConfiguration", payload=b'{"key":"AuthorizationKey","value":"4b"}')
    quiet.recorder.commit()

    assert b'"4b"' in quiet.wire.sent[0]
    assert all(b"4b" not in entry.body for entry in quiet.recorder.entries)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'[3,"1",{"a":1}]', '{"a":1}'),
        (b'[4,"1","NotSupported","no",{}]', '["NotSupported","no",{}]'),
        (b"not json", ""),
        (b'{"a":1}', ""),
        (b"[" * 100_000, ""),
    ],
)
def test_an_answer_is_kept_as_its_payload(body: bytes, answer: str) -> None:
    assert kept_answer(body) == answer


def test_a_long_answer_is_kept_in_part() -> None:
    assert len(kept_answer(b'[3,"1",{"a":"%b"}]' % (b"x" * 9000))) == 2000
