"""Stations built on the `ocpp` library, which checks our answers against its schemas."""

import asyncio
import json
from datetime import UTC, datetime
from importlib import import_module

import pytest
import websockets

from domain.events import ErrorRaised, Status, StatusReported, TransactionEnded
from ocpp_server.limits import Limits
from ocpp_server.translate import Translation
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v16.dialect import Dialect16

pytestmark = pytest.mark.e2e

PROTOCOLS = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")
NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC).isoformat()
TOKEN = {"id_token": "04A1", "type": "ISO14443"}
VERSIONS = {"ocpp2.0.1": "ocpp.v201", "ocpp2.1": "ocpp.v21"}


def dialect_of(station, protocol):
    kind = Dialect16 if protocol == "ocpp1.6" else Dialect2x
    return kind(station, Translation(station=station, protocol=protocol))


@pytest.fixture
async def served(serve):
    limits = Limits(protocols=PROTOCOLS, tick_s=0.01, close_wait_s=0.2)
    return await serve(limits=limits, make_dialect=dialect_of)


@pytest.fixture
async def connect(served):
    """Connect a station of the library that offers these protocols; return it and its link."""
    links, running = [], []

    async def connect_it(*offered):
        link = await websockets.connect(served.url(), subprotocols=offered, compression=None)
        links.append(link)
        module = import_module(VERSIONS[link.subprotocol])
        station = module.ChargePoint("N-001", link)
        running.append(asyncio.create_task(station.start()))
        return station, module.call, link

    yield connect_it
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for link in links:
        await link.close()


def transaction(call, kind, seq_no, **more):
    return call.TransactionEvent(
        event_type=kind,
        timestamp=NOW,
        trigger_reason="ChargingStateChanged",
        seq_no=seq_no,
        transaction_info={"transaction_id": "TX-1"},
        **more,
    )


@pytest.mark.parametrize("protocol", sorted(VERSIONS))
async def test_a_station_of_the_library_finds_every_answer_valid(served, connect, protocol):
    station, call, _ = await connect(protocol)
    boot = await station.call(
        call.BootNotification(
            reason="PowerUp", charging_station={"vendor_name": "V", "model": "M"}
        )
    )
    assert (boot.status, boot.interval) == ("Accepted", 300)
    assert (await station.call(call.Heartbeat())).current_time.endswith("Z")
    asked = await station.call(call.Authorize(id_token=TOKEN))
    assert asked.id_token_info["status"] == "Accepted"
    status = {"connector_status": "Occupied", "evse_id": 1, "connector_id": 1}
    await station.call(call.StatusNotification(timestamp=NOW, **status))
    started = await station.call(
        transaction(call, "Started", 0, evse={"id": 1}, id_token=TOKEN)
    )
    assert started.id_token_info["status"] == "Accepted"
    assert (await station.call(transaction(call, "Ended", 1))).id_token_info is None
    problem = {
        "event_id": 1,
        "timestamp": NOW,
        "trigger": "Alerting",
        "actual_value": "true",
        "event_notification_type": "HardWiredNotification",
        "component": {"name": "EVSE", "evse": {"id": 1}},
        "variable": {"name": "Problem"},
        "tech_code": "CX014",
    }
    await station.call(call.NotifyEvent(generated_at=NOW, seq_no=0, event_data=[problem]))
    needs = {"requested_energy_transfer": "AC_three_phase"}
    answer = await station.call(call.NotifyEVChargingNeeds(evse_id=1, charging_needs=needs))
    assert answer.status == "Accepted"
    assert (await station.call(call.SignCertificate(csr="x"))).status == "Rejected"

    events = served.recorder.events
    assert Status.OCCUPIED in [e.status for e in events if isinstance(e, StatusReported)]
    assert [e.error.vendor_code for e in events if isinstance(e, ErrorRaised)] == ["CX014"]
    assert [e.place.evse for e in events if isinstance(e, TransactionEnded)] == [1]


async def test_a_2_1_station_finds_its_own_answers_valid(connect):
    station, call, _ = await connect("ocpp2.1")
    number = await station.call(call.VatNumberValidation(vat_number="DE1"))
    assert (number.vat_number, number.status) == ("DE1", "Rejected")
    pulled = await station.call(call.PullDynamicScheduleUpdate(charging_profile_id=1))
    assert pulled.status == "Rejected"
    hashed = {
        "hash_algorithm": "SHA256",
        "issuer_name_hash": "a",
        "issuer_key_hash": "b",
        "serial_number": "1",
    }
    asked = [{"source": "OCSP", "urls": ["http://x"], "certificate_hash_data": hashed}]
    chain = await station.call(
        call.GetCertificateChainStatus(certificate_status_requests=asked)
    )
    assert chain.certificate_status[0]["status"] == "Failed"


async def test_of_several_versions_offered_the_newest_is_spoken(connect):
    _, _, link = await connect("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
    assert link.subprotocol == "ocpp2.1"


async def test_what_is_sent_without_asking_is_not_answered(served):
    async with websockets.connect(served.url(), subprotocols=["ocpp2.1"]) as link:
        stream = {"id": 1, "pending": 0, "basetime": NOW, "data": [{"t": 0, "v": "1"}]}
        await link.send(f'[6,"1","NotifyPeriodicEventStream",{json.dumps(stream)}]')
        await link.send('[2,"2","Heartbeat",{}]')
        assert (await asyncio.wait_for(link.recv(), 5)).startswith('[3,"2",')
