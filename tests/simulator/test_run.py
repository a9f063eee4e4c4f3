"""The live run against a central system of the `ocpp` library, over real websockets."""

import asyncio
import base64
import contextlib
import json
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import AuthorizationStatus, RegistrationStatus

from simulator.acts import Moment, Scenario, SendRaw, fault
from simulator.fleet import make_fleet, write_fleet_yaml
from simulator.places import Report
from simulator.run import run, simulate

pytestmark = pytest.mark.e2e

ACCEPTED = {"status": AuthorizationStatus.accepted}
NOTHING = Scenario("nothing", ())


class LibraryStation(ChargePoint):
    """The library's side of one connection; it validates every message by its schema."""

    def __init__(self, id_, connection, central):
        super().__init__(id_, connection)
        self.central = central

    async def route_message(self, raw_msg):
        self.central.frames.append((self.id, raw_msg))
        await super().route_message(raw_msg)

    @on("BootNotification")
    def boot(self, **_):
        return call_result.BootNotification(
            current_time=datetime.now(UTC).isoformat(),
            interval=300,
            status=RegistrationStatus.accepted,
        )

    @on("Heartbeat")
    def heartbeat(self):
        return call_result.Heartbeat(current_time=datetime.now(UTC).isoformat())

    @on("StatusNotification")
    def status(self, **_):
        return call_result.StatusNotification()

    @on("MeterValues")
    def meter(self, **_):
        return call_result.MeterValues()

    @on("Authorize")
    def authorize(self, **_):
        return call_result.Authorize(id_tag_info=ACCEPTED)

    @on("StartTransaction")
    def start_transaction(self, **_):
        self.central.transactions += 1
        return call_result.StartTransaction(self.central.transactions, id_tag_info=ACCEPTED)

    @on("StopTransaction")
    def stop_transaction(self, **_):
        return call_result.StopTransaction()

    @on("DataTransfer")
    def transfer(self, **_):
        return call_result.DataTransfer(status="Accepted")


class LibraryCentral:
    """A central system as the library's users write it."""

    def __init__(self):
        self.frames = []
        self.heads = []
        self.close_codes = []
        self.transactions = 0
        self.port = 0
        self._server = None
        self._changed = asyncio.Event()

    async def until(self, holds):
        """Wait until connections opened or closed as wanted."""
        async with asyncio.timeout(20):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def start(self):
        self._server = await websockets.serve(
            self._serve, "127.0.0.1", self.port, subprotocols=["ocpp1.6"]
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, connection):
        self.heads.append((connection.request.path, connection.request.headers))
        self._changed.set()
        id_ = connection.request.path.rpartition("/")[2]
        with contextlib.suppress(websockets.ConnectionClosed):
            await LibraryStation(id_, connection, self).start()
        self.close_codes.append(connection.close_code)
        self._changed.set()

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}/ocpp"


@pytest.fixture
async def central():
    central = LibraryCentral()
    await central.start()
    yield central
    await central.stop()


def fleet_of(sites, *vendors):
    """A small fleet in which cars come all the time."""
    fleet = make_fleet(sites, 3, stations_per_site=3)
    models = {"Alfen BV": "NG910-60023", "OpenEVSE": "openevse_esp32", "ABL": "eMH2"}

    def altered(number, plan):
        vendor = vendors[number % len(vendors)]
        traits = replace(plan.traits, arrival_factor=30.0, meters_idle=True, chatter_s=5.0)
        return replace(plan, vendor=vendor, model=models[vendor], traits=traits)

    plans = []
    for site in fleet.sites:
        stations = tuple(altered(n, plan) for n, plan in enumerate(site.stations))
        plans.append(replace(site, stations=stations))
    return replace(fleet, sites=tuple(plans))


async def test_conforming_stations_pass_the_librarys_validation(central, tmp_path):
    log = tmp_path / "frames.jsonl"
    fleet = fleet_of(10, "Alfen BV", "ABL")
    story = Scenario(
        "one",
        tuple(fault(1.0, fleet.stations[0].id, 1, Report(code="GroundFailure"), 1.5)),
    )
    seen = []
    summary = await run(
        central.url,
        fleet,
        story,
        speed=2400.0,
        seed=3,
        duration_s=6.0,
        frame_log=log,
        on_progress=seen.append,
        sample_every_s=1.0,
    )
    counters = summary.counters
    assert counters.connect_count == counters.station_count == 30
    assert counters.error_count == counters.stray_count == counters.refused_count == 0
    assert counters.transaction_count > 0
    assert counters.step_count == 2
    assert seen[-1].counters.sent_count == counters.sent_count
    actions = {json.loads(frame)[2] for _, frame in central.frames}
    assert actions >= {
        "BootNotification", "StatusNotification", "Authorize", "StartTransaction",
        "MeterValues", "DataTransfer",
    }  # fmt: skip
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    answered = [(x["station"], x["frame"]) for x in lines if x["event"] == "answered"]
    assert len(answered) == counters.answered_count
    assert set(answered) <= set(central.frames)
    await central.until(lambda: len(central.close_codes) == 30)
    assert central.close_codes == [1000] * 30, "the run ends in good order"


async def test_a_vendor_that_breaks_the_schema_is_refused_by_the_library_and_lives_on(central):
    summary = await run(
        central.url,
        fleet_of(1, "OpenEVSE"),
        NOTHING,
        duration_s=2.0,
        with_cars=False,
        sample_every_s=0.5,
    )
    meters = sum(json.loads(frame)[2] == "MeterValues" for _, frame in central.frames)
    assert meters >= summary.counters.error_count > 3
    assert summary.counters.lost_count == 0


async def test_the_station_speaks_its_protocol_and_password_in_the_handshake(central):
    await run(
        central.url + "/{id}/",
        fleet_of(1, "ABL"),
        NOTHING,
        duration_s=0.5,
        password="geheim",
        with_cars=False,
    )
    path, headers = central.heads[0]
    assert path.startswith("/ocpp/")
    assert headers["Sec-WebSocket-Protocol"] == "ocpp1.6"
    user, password = base64.b64decode(headers["Authorization"].split()[1]).split(b":")
    assert path.strip("/").endswith(user.decode())
    assert password == b"geheim"


async def test_stations_find_a_central_system_that_was_away_and_came_back(central, tmp_path):
    log = tmp_path / "frames.jsonl"
    running = asyncio.create_task(
        run(
            central.url,
            fleet_of(3, "Alfen BV"),
            NOTHING,
            speed=1200.0,
            seed=3,
            duration_s=6.0,
            frame_log=log,
            return_within_s=1.0,
        )
    )
    await asyncio.sleep(2.0)
    await central.stop()
    await central.start()
    summary = await running
    assert summary.counters.lost_count == 9
    assert summary.counters.connect_count == 18
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    answered = {(x["station"], x["frame"]) for x in lines if x["event"] == "answered"}
    assert answered <= set(central.frames)


async def test_a_central_system_that_is_not_there_is_waited_for():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    summary = await run(f"ws://127.0.0.1:{port}/", fleet_of(1, "ABL"), NOTHING, duration_s=1.0)
    assert summary.counters.refused_count == 3
    assert summary.counters.connect_count == 0


async def test_garbage_reaches_the_wire_as_it_is(central):
    fleet = fleet_of(1, "ABL")
    station = fleet.stations[0].id
    story = Scenario("odd", (Moment(0.5, SendRaw(station=station, frame="[2,half")),))
    await run(central.url, fleet, story, duration_s=1.0, with_cars=False)
    assert (station, "[2,half") in central.frames


async def test_cancelling_ends_every_connection_in_good_order(central):
    running = asyncio.create_task(run(central.url, fleet_of(2, "ABL"), NOTHING))
    await central.until(lambda: len(central.heads) == 6)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await central.until(lambda: len(central.close_codes) == 6)
    assert central.close_codes == [1000] * 6


def test_files_that_cannot_be_used_end_the_command_with_two(tmp_path, capsys):
    missing = tmp_path / "missing.yaml"
    assert simulate("ws://127.0.0.1:1/", missing) == 2
    assert "missing.yaml" in capsys.readouterr().err
    fleet = tmp_path / "fleet.yaml"
    write_fleet_yaml(make_fleet(2, 1), fleet)
    story = tmp_path / "story.yaml"
    story.write_text("steps:\n  - {at: 1, do: drop, station: nobody}\n")
    assert simulate("ws://127.0.0.1:1/", fleet, story) == 2
    assert "'nobody' is not in the" in " ".join(capsys.readouterr().err.split())


async def test_the_command_ends_well_on_an_interrupt(central, tmp_path):
    fleet = tmp_path / "fleet.yaml"
    write_fleet_yaml(make_fleet(4, 1, stations_per_site=1), fleet)
    code = (
        "import sys; from pathlib import Path; from simulator.run import simulate;"
        f"sys.exit(simulate({central.url!r}, Path({str(fleet)!r})))"
    )
    process = subprocess.Popen(  # noqa: ASYNC220 - started at once, waited for in a thread
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True
    )
    try:
        await central.until(lambda: len(central.heads) == 4)
        process.send_signal(signal.SIGINT)
        _, told = await asyncio.to_thread(process.communicate, timeout=10)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "Traceback" not in told
    assert "stations connected" in told
