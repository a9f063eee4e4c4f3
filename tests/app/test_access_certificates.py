"""Security profile 3: stations that come in with a certificate of their own, through core."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from structlog.testing import capture_logs

from app.core import Core
from app.core_parts import server_tls
from app.process_words import StartError
from app.run_core import build_core
from app.settings import Settings
from ocpp_server.refusal import RefusalReason
from ocpp_server.tls import TlsFilesError

FLEET = """\
customers: [{id: c, name: C}]
sites: [{id: s, customer: c, timezone: UTC, stations: [{id: N-001, evses: 1}]}]
"""


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    """Signs certificates for one test, by openssl on the spot."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self.file = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", str(self._key), "-out", str(self.file), "-days", "2",
            "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign",
        )  # fmt: skip

    def sign(self, common_name: str, alternative: str = "") -> tuple[Path, Path]:
        """Return certificate and key of this name."""
        stem = self._folder / f"{common_name}-{len(list(self._folder.iterdir()))}"
        key, request, signed = (stem.with_suffix(s) for s in (".key", ".csr", ".pem"))
        openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", str(key), "-out", str(request), "-subj", f"/CN={common_name}",
        )  # fmt: skip
        extensions = stem.with_suffix(".ext")
        extensions.write_text(f"subjectAltName={alternative}\n" if alternative else "")
        openssl(
            "x509", "-req", "-in", str(request), "-CA", str(self.file),
            "-CAkey", str(self._key), "-CAcreateserial", "-days", "2", "-out", str(signed),
            "-extfile", str(extensions),
        )  # fmt: skip
        return signed, key


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificates, is not on this machine")
    return Authority(tmp_path / "ca")


class Service:
    """A running core with TLS, and stations that dial it."""

    def __init__(self, core: Core, port: int, authority: Authority) -> None:
        self.core = core
        self.port = port
        self._authority = authority

    def dial(self, shown: tuple[Path, Path] | None, station: str = "N-001"):
        context = ssl.create_default_context(cafile=str(self._authority.file))
        if shown is not None:
            context.load_cert_chain(*shown)
        return websockets.connect(
            f"wss://127.0.0.1:{self.port}/ocpp/{station}",
            ssl=context,
            subprotocols=["ocpp1.6"],
        )

    @property
    def refusals(self) -> dict[str, int]:
        return dict(self.core.endpoint.counters.refusals)


@pytest.fixture
async def start(tmp_path: Path, authority: Authority) -> AsyncIterator:
    running: list[Core] = []

    async def started(*, required: bool) -> Service:
        certificate, key = authority.sign("localhost", "IP:127.0.0.1")
        data = tmp_path / "data"
        data.mkdir()
        data.joinpath("fleet.yaml").write_text(FLEET)
        settings = Settings.model_validate(
            {
                "data": data,
                "ocpp": {
                    "port": 0,
                    "port_tls": 0,
                    "tls_cert": certificate,
                    "tls_key": key,
                    "tls_client_ca": authority.file,
                    "require_client_cert": required,
                },
            }
        )
        core = Core(settings)
        running.append(core)
        ports = await core.start()
        assert ports.tls is not None
        return Service(core, ports.tls, authority)

    yield started
    for core in running:
        await core.close(drain_s=0.5)


BOOT = '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("name", "alternative"),
    [("N-001", ""), ("n-001", ""), ("SN-4711", "DNS:N-001"), ("SN-4711", "URI:n-001")],
)
async def test_a_station_with_a_certificate_in_its_name_needs_no_password(
    start, authority: Authority, name: str, alternative: str
) -> None:
    service = await start(required=True)
    async with service.dial(authority.sign(name, alternative)) as station:
        await station.send(BOOT)

        assert '"Accepted"' in await station.recv()
        assert service.core.endpoint.connected_stations() == ("N-001",)


@pytest.mark.e2e
@pytest.mark.parametrize("alternative", ["", "DNS:N-001"])
async def test_a_certificate_tells_who_a_station_without_an_id_in_its_address_is(
    start, authority: Authority, alternative: str
) -> None:
    service = await start(required=True)
    name = "SN-4711" if alternative else "n-001"
    async with service.dial(authority.sign(name, alternative), station="") as station:
        await station.send(BOOT)

        assert '"Accepted"' in await station.recv()
        assert service.core.endpoint.connected_stations() == ("N-001",)


@pytest.mark.e2e
async def test_a_certificate_of_another_station_is_refused_with_the_reason(
    start, authority: Authority
) -> None:
    service = await start(required=False)
    with capture_logs() as logged, pytest.raises(websockets.InvalidStatus, match="403"):
        await service.dial(authority.sign("N-002"))

    assert service.refusals == {RefusalReason.BAD_CERTIFICATE: 1}
    (line,) = [line for line in logged if line["event"] == "certificate of another station"]
    assert (line["station"], line["names"]) == ("N-001", ("N-002",))


@pytest.mark.e2e
@pytest.mark.parametrize("required", [True, False])
async def test_a_station_without_a_certificate_comes_in_unless_one_is_required(
    start, required: bool
) -> None:
    service = await start(required=required)
    if required:
        with pytest.raises(websockets.InvalidStatus, match="403"):
            await service.dial(None)
        assert service.refusals == {RefusalReason.NO_CERTIFICATE: 1}
    else:
        async with service.dial(None) as station:
            await station.send(BOOT)
            assert '"Accepted"' in await station.recv()


@pytest.mark.e2e
async def test_a_certificate_that_nobody_we_know_signed_is_refused_and_told(
    start, tmp_path: Path
) -> None:
    service = await start(required=False)
    stranger = Authority(tmp_path / "stranger", "stranger")
    with capture_logs() as logged, pytest.raises((OSError, websockets.InvalidMessage)):
        await service.dial(stranger.sign("N-001"))

    assert service.core.endpoint.connected_stations() == ()
    (line,) = [line for line in logged if line["event"] == "tls failed"]
    assert line["reason"] == "CERTIFICATE_VERIFY_FAILED"
    assert "CA file" in line["advice"]


@pytest.mark.e2e
async def test_plain_websockets_on_the_tls_port_are_told(start) -> None:
    service = await start(required=False)
    with capture_logs() as logged, pytest.raises(websockets.InvalidHandshake):
        await websockets.connect(f"ws://127.0.0.1:{service.port}/ocpp/N-001")

    (line,) = [line for line in logged if line["event"] == "tls failed"]
    assert "wss://" in line["advice"]


def test_a_tls_file_that_cannot_be_used_is_named_before_anything_is_opened(
    tmp_path: Path, authority: Authority
) -> None:
    certificate, key = authority.sign("localhost")
    missing, garbage = tmp_path / "missing.pem", tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    for ocpp, named in (
        ({"tls_cert": missing, "tls_key": key}, missing),
        ({"tls_cert": certificate, "tls_key": garbage}, garbage),
        ({"tls_cert": certificate, "tls_key": key, "tls_client_ca": garbage}, garbage),
    ):
        settings = Settings.model_validate({"data": tmp_path / "data", "ocpp": ocpp})
        with pytest.raises(TlsFilesError, match=str(named)):
            server_tls(settings)
        with pytest.raises(StartError, match=str(named)):
            build_core(settings)
    assert not (tmp_path / "data" / "access.db").exists()
