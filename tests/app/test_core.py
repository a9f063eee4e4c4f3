"""Core as a whole, in this process: stations, people, and coming back."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

import app.core_parts
from app.core import Core
from app.core_requests import Requests
from app.data_lock import DataBusyError
from app.messages import (
    ActOnTicket,
    CommandDone,
    Done,
    FleetView,
    GetFleet,
    GetHealth,
    PlanMaintenance,
    RecordContact,
    Refusal,
    SendCommand,
)
from app.recovery import load_snapshot
from app.settings import Settings
from domain.beliefs import Link
from domain.events import (
    AnyEvent,
    Booted,
    Connected,
    FaultDismissed,
    ServiceStarted,
    ServiceStopped,
)
from domain.journal import EntryKind, JournalUnavailableError
from domain.tickets import TicketState
from gateway.journal import JournalReader
from ticketing.commands import CloseTicket, TakeTicket
from ticketing.store import StoreUnavailableError

FLEET = """
customers:
  - {id: acme, name: ACME, contacts: [{name: Desk, role: site, email: desk@acme.example}]}
  - {id: other, name: Other}
sites:
  - id: north
    customer: acme
    timezone: Europe/Berlin
    stations: [{id: N-1, evses: 1}]
"""
STATUS = (
    '[2,"s","StatusNotification",'
    '{"connectorId":1,"status":"Faulted","errorCode":"GroundFailure"}]'
)


@pytest.fixture
def settings(tmp_path):
    fleet = tmp_path / "fleet.yaml"
    fleet.write_text(FLEET)
    return Settings(
        data=tmp_path / "data", fleet=fleet, ocpp={"port": 0}, texts={"phone": "110"}
    )


class Running:
    """A core that runs, and how to ask it."""

    def __init__(self, settings):
        self.core = Core(settings)
        self.requests = Requests(
            self.core, self.core.parts, self.core.endpoint.commands, self.core.clock
        )

    async def __aenter__(self):
        self.ports = await self.core.start()
        return self

    async def __aexit__(self, *_):
        await self.core.close(drain_s=1.0)

    def ask(self, request):
        return self.requests.answer(request)

    def station(self, name="N-1"):
        url = f"ws://127.0.0.1:{self.ports.ocpp}/ocpp/{name}"
        return connect(url, subprotocols=["ocpp1.6"])

    def tickets(self):
        return self.core.parts.store.tickets().items


def facts(settings):
    reader = msgspec.json.Decoder(AnyEvent)
    entries = JournalReader(settings.data / "journal").read()
    return [reader.decode(entry.body) for entry in entries if entry.kind is EntryKind.FACT]


async def test_a_danger_becomes_one_ticket_and_one_notice_that_a_restart_does_not_double(
    settings,
):
    async with Running(settings) as running, running.station() as station:
        await station.send(STATUS)
        assert await station.recv() == '[3,"s",{}]'
        await running.core.recorder.flush()
        [ticket] = running.tickets()
        assert ticket.codes == ("CX002",)
    async with Running(settings) as again:
        assert [t.id for t in again.tickets()] == [ticket.id]
        assert len(again.core.parts.store.notices().items) == 1


async def test_without_a_snapshot_a_restart_reads_the_journal_and_decides_the_same(settings):
    async with Running(settings) as running, running.station() as station:
        await station.send(STATUS)
        await station.recv()
        await running.core.recorder.flush()
        before = running.core.parts.engine.active_faults()
    for snapshot in settings.data.glob("snapshot*"):
        snapshot.unlink()
    async with Running(settings) as again:
        assert again.core.parts.engine.active_faults() == before
        assert len(again.tickets()) == 1
        assert len(again.core.parts.store.notices().items) == 1


async def test_a_core_that_fell_notes_its_own_outage_when_it_comes_back(settings):
    running = Running(settings)
    await running.__aenter__()
    station = await running.station().__aenter__()
    await station.send('[2,"h","Heartbeat",{}]')
    await station.recv()
    await running.core.recorder.flush()
    # It falls: nothing is closed in order, and what is on disk is all there is.
    for task in running.core._tasks:
        task.cancel()
    running.core._timer.cancel()
    await running.core.endpoint.close(0.1)
    await station.close()
    await running.core.link.close()
    running.core.parts.close()
    async with Running(settings) as again:
        belief = again.core.parts.engine.fleet.stations["N-1"]
        assert belief.link is Link.UNKNOWN
    kinds = [type(fact) for fact in facts(settings)]
    assert kinds[:2] == [ServiceStarted, Connected]
    assert kinds[-3:] == [ServiceStopped, ServiceStarted, ServiceStopped]


async def test_a_second_core_on_the_same_data_touches_nothing_and_leaves_the_first_at_work(
    settings,
):
    async with Running(settings) as running, running.station() as station:
        with pytest.raises(DataBusyError, match="another service works on"):
            Core(settings)
        await station.send(STATUS)
        assert await station.recv() == '[3,"s",{}]'
        assert len(facts(settings)) == 2  # its start, and the station's connection
    Core(settings).parts.close()  # and once it has ended, its place is free


async def test_a_clean_stop_is_the_last_thing_in_the_journal_and_in_the_snapshot(settings):
    async with Running(settings):
        pass
    assert [type(fact) for fact in facts(settings)] == [ServiceStarted, ServiceStopped]
    snapshot = load_snapshot(settings.data / "snapshot")
    assert snapshot is not None
    assert snapshot.position == 2
    assert not snapshot.engine.fleet.is_up


async def test_a_call_becomes_a_request_that_a_person_takes_and_closes(settings):
    async with Running(settings) as running:
        call = RecordContact(customer="acme", channel="phone", station="n-1", text="dead")
        answer = await running.ask(call)
        assert isinstance(answer, Done)
        take = TakeTicket(ticket=answer.reference, who="kim", key="k1")
        assert await running.ask(ActOnTicket(take)) == Done(answer.reference)
        assert await running.ask(ActOnTicket(take)) == Done(answer.reference)  # sent twice
        [ticket] = running.tickets()
        assert (ticket.state, ticket.taken_by) == (TicketState.OPEN, "kim")
        close = CloseTicket(ticket=ticket.id, who="kim", why="display was off", key="k2")
        assert await running.ask(ActOnTicket(close)) == Done(ticket.id)
        unknown = TakeTicket(ticket="T-9", who="kim", key="k3")
        assert isinstance(await running.ask(ActOnTicket(unknown)), Refusal)


LID = (
    '[2,"l","SecurityEventNotification",'
    '{"type":"TamperDetectionActivated","timestamp":"2026-01-05T08:00:00Z"}]'
)


async def test_who_closes_a_ticket_ends_what_nobody_else_may_say_is_over(settings):
    async with Running(settings) as running, running.station() as station:
        await station.send(LID)
        await station.recv()
        await running.core.recorder.flush()
        [ticket] = running.tickets()
        assert ticket.rules == ("security-event",)
        close = CloseTicket(ticket=ticket.id, who="kim", why=" ", key="k1")
        assert isinstance(await running.ask(ActOnTicket(close)), Refusal)
        close = CloseTicket(ticket=ticket.id, who="kim", why="our technician", key="k2")
        assert await running.ask(ActOnTicket(close)) == Done(ticket.id)
        assert await running.ask(ActOnTicket(close)) == Done(ticket.id)  # sent twice
        [after] = running.tickets()
        assert after.state is TicketState.CLOSED
        assert [held.fault.cleared_by for held in after.faults] == ["person"]
        assert running.core.parts.engine.active_faults() == ()
        assert any(
            line.what == "fault cleared" and "kim: our technician" in line.why
            for line in after.history
        )
    [told] = [fact for fact in facts(settings) if isinstance(fact, FaultDismissed)]
    assert (told.rule, told.who, told.why) == ("security-event", "kim", "our technician")


async def test_a_ticket_with_a_fault_that_repair_ends_is_not_closed(settings):
    async with Running(settings) as running, running.station() as station:
        await station.send(LID)
        await station.recv()
        await station.send(STATUS)
        await station.recv()
        await running.core.recorder.flush()
        [ticket] = running.tickets()
        close = CloseTicket(ticket=ticket.id, who="kim", why="done", key="k1")
        answer = await running.ask(ActOnTicket(close))
        assert isinstance(answer, Refusal)
        assert "connector-faulted@N-1/1 is still active" in answer.reason
        assert len(running.core.parts.engine.active_faults()) == 2
        unknown = CloseTicket(ticket="T-9", who="kim", why="done", key="k3")
        assert isinstance(await running.ask(ActOnTicket(unknown)), Refusal)


@pytest.mark.parametrize(
    "call",
    [
        RecordContact(customer="nobody", channel="phone"),
        RecordContact(customer="acme", channel="phone", site="south"),
        RecordContact(customer="other", channel="phone", station="N-1"),
    ],
)
async def test_a_call_that_names_what_is_not_there_is_refused_with_a_reason(settings, call):
    async with Running(settings) as running:
        assert isinstance(await running.ask(call), Refusal)
        assert running.tickets() == ()


async def test_planned_work_keeps_a_fault_quiet(settings):
    async with Running(settings) as running:
        until = running.core.clock.now() + timedelta(hours=1)
        assert await running.ask(PlanMaintenance(until=until, site="north")) == Done(
            "site:north"
        )
        past = PlanMaintenance(until=until - timedelta(hours=2), site="north")
        assert isinstance(await running.ask(past), Refusal)
        assert isinstance(await running.ask(PlanMaintenance(until=until, site="x")), Refusal)
        async with running.station() as station:
            await station.send(STATUS)
            await station.recv()
            await running.core.recorder.flush()
        [task] = running.tickets()
        assert task.kind == "task"
        assert running.core.parts.store.notices().items == ()


async def test_the_fleet_view_and_health_say_what_is_there(settings):
    async with Running(settings) as running, running.station():
        await running.core.recorder.flush()
        view = await running.ask(GetFleet())
        assert isinstance(view, FleetView)
        assert [belief.link for belief in view.stations] == [Link.UP]
        health = await running.ask(GetHealth())
        assert health.is_ready
        assert "foretell_connections 1.0" in health.metrics
        gone = await running.ask(SendCommand(station="N-7", action="Reset"))
        assert isinstance(gone, CommandDone)
        assert gone.outcome == "gone"


async def test_strangers_are_let_in_up_to_a_limit_and_stay_known(settings, monkeypatch):
    monkeypatch.setattr(app.core_parts, "MOST_STRANGERS", 1)
    async with Running(settings) as running:
        async with running.station("X-1"), running.station("N-1"):
            await running.core.recorder.flush()
        with pytest.raises(InvalidStatus, match="503"):
            await running.station("X-2").__aenter__()
        async with running.station("X-1"):
            pass
        counters = running.core.endpoint.counters
        assert counters.refusals["too-many-strangers"] == 1


async def test_what_was_recorded_before_an_action_counts_before_it(settings):
    async with Running(settings) as running, running.station() as station:
        call = RecordContact(customer="acme", channel="phone", station="N-1")
        answer = await running.ask(call)
        running.core.recorder._pool = ThreadPoolExecutor(1)  # as on a disk that is slow
        await station.send(STATUS)
        while running.core.recorder.is_idle:
            await asyncio.sleep(0)
        take = TakeTicket(ticket=answer.reference, who="kim", key="k1")
        await running.ask(ActOnTicket(take))
        [ticket] = running.tickets()
        assert [entry.what for entry in ticket.history][-1] == "taken"
        assert "fault raised" in [entry.what for entry in ticket.history]


async def test_an_action_that_could_not_be_kept_is_refused_with_the_reason(
    settings, monkeypatch
):
    async with Running(settings) as running:
        call = RecordContact(customer="acme", channel="phone", station="N-1")
        answer = await running.ask(call)
        monkeypatch.setattr(running.core._turns, "_trouble", "disk is full")
        take = TakeTicket(ticket=answer.reference, who="kim", key="k1")
        refusal = await running.ask(ActOnTicket(take))
        assert isinstance(refusal, Refusal)
        assert "disk is full" in refusal.reason
        assert [ticket.taken_by for ticket in running.tickets()] == [""]


async def test_a_ticket_store_that_refuses_is_said_and_nothing_is_lost(settings, monkeypatch):
    async with Running(settings) as running:
        store = running.core.parts.store
        commit = store.commit

        def refuse(*_, **__):
            raise StoreUnavailableError("disk is full")

        monkeypatch.setattr(store, "commit", refuse)
        async with running.station() as station:
            await station.send(STATUS)
            assert await station.recv() == '[3,"s",{}]'  # the journal holds it
            await running.core.recorder.flush()
            assert "disk is full" in str(running.core.health().reasons)
            monkeypatch.setattr(store, "commit", commit)
            running.core._turns.store_waiting()
            assert running.core.health().is_ready
            assert len(running.tickets()) == 1


async def test_an_event_that_a_bug_cannot_deal_with_stops_no_other(settings, monkeypatch):
    async with Running(settings) as running, running.station() as station:
        engine = running.core.parts.engine
        apply = type(engine.fleet).apply

        def fail_once(fleet, event):
            if isinstance(event, Booted):
                raise ZeroDivisionError("a bug")
            apply(fleet, event)

        monkeypatch.setattr(type(engine.fleet), "apply", fail_once)
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        await station.send(msgspec.json.encode([2, "b", "BootNotification", boot]).decode())
        await station.recv()
        await station.send(STATUS)
        await station.recv()
        await running.core.recorder.flush()
        assert len(running.tickets()) == 1
        assert running.core.parts.failures.count == 1
        assert "foretell_undealt 1.0" in running.core.health().metrics


async def test_a_journal_that_takes_nothing_does_not_keep_core_from_stopping(
    settings, monkeypatch
):
    monkeypatch.setattr("app.core.FLUSH_WITHIN_S", 0.2)
    async with Running(settings) as running:

        def refuse(_):
            raise JournalUnavailableError("disk is full")

        monkeypatch.setattr(running.core.parts.journal, "append", refuse)
    assert [type(fact) for fact in facts(settings)] == [ServiceStarted]
