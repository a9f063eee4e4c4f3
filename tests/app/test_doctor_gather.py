"""What the doctor looks up: real files, ports, certificates and a mail server on loopback."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from app.access import AccessStore
from app.doctor import CHECKS
from app.doctor_facts import CertificateFacts
from app.doctor_gather import gather
from app.doctor_probe import certificate_facts, client_ca_facts, mail_trouble, port_facts
from app.serve import Service
from app.settings import Settings
from app.token_store import TOKENS_FILE, TokenStore
from domain.places import StationId
from domain.tokens import Token
from ticketing.store import TicketStore

FLEET = """\
customers: [{id: c, name: C}]
sites: [{id: s, customer: c, timezone: UTC, stations: [{id: S-1, evses: 1}]}]
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with every store, as a stopped service leaves it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    TicketStore(folder / "tickets.db").close()
    access = AccessStore(folder)
    access.save_station_password(StationId("S-1"), password_hash="h")
    access.close()
    tokens = TokenStore(folder)
    tokens.take([Token(id="A")], keep_others=False)
    tokens.close()
    (folder / "fleet.yaml").write_text(FLEET)
    return folder


def listening() -> socket.socket:
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    found.listen()
    return found


def settings_for(data: Path, **parts: object) -> Settings:
    ocpp = {"port": 0} | dict(parts.pop("ocpp", {}))
    return Settings(data=data, ocpp=ocpp, http={"port": 0}, **parts)


def test_everything_is_looked_up_without_a_trace(data: Path) -> None:
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    facts = gather(settings_for(data))
    after = {path.name: path.read_bytes() for path in data.iterdir()}
    # A reader of a store in WAL mode leaves the names of its log, and nothing in it.
    assert {n: b for n, b in after.items() if not n.endswith(("-wal", "-shm"))} == before
    assert [(one.name, one.version, one.trouble) for one in facts.stores] == [
        ("tickets.db", "known", ""),
        ("access.db", "known", ""),
        ("tokens.db", "known", ""),
    ]
    assert (facts.token_count, facts.passwords) == (1, {"S-1"})
    assert facts.fleet.stations == {"S-1"}
    assert facts.fleet.sites_without_readers == 1
    assert (facts.secret_trouble, facts.rules_trouble, facts.zones_trouble) == ("", "", "")
    assert facts.data.is_private
    assert facts.data.sync_ms is not None
    assert not facts.service.is_running
    newest = facts.clock.newest_file_at
    assert newest is not None
    assert abs(newest - facts.clock.now) < timedelta(minutes=5)


def test_a_data_directory_that_is_a_file_is_told(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.write_text("")
    assert gather(settings_for(place)).data.refusal == "Not a directory"


def test_a_damaged_store_and_a_newer_one_are_told(data: Path) -> None:
    (data / TOKENS_FILE).write_bytes(b"no database" * 100)
    access = AccessStore(data)
    access._writer.execute("PRAGMA user_version=99")
    access.close()
    _, newer, damaged = gather(settings_for(data)).stores
    assert (newer.name, newer.version) == ("access.db", "newer")
    assert "not a database" in damaged.trouble


def test_a_signing_key_that_is_gone_or_open_is_told(data: Path) -> None:
    (data / "secret").chmod(0o644)
    assert "others can read" in gather(settings_for(data)).secret_trouble
    (data / "secret").unlink()
    assert "is gone" in gather(settings_for(data)).secret_trouble


def test_mistakes_in_the_fleet_are_told(data: Path) -> None:
    (data / "fleet.yaml").write_text(FLEET.replace("UTC", "Nowhere"))
    assert gather(settings_for(data)).fleet.mistakes


# --- ports ----------------------------------------------------------------------------------


def states(settings: Settings, *, is_running: bool = False) -> dict[str, str]:
    found = port_facts(settings, is_running=is_running)
    return {port.setting: port.state for port in found}


def test_a_port_is_free_taken_or_left_to_the_system(data: Path) -> None:
    with listening() as other:
        port = other.getsockname()[1]
        settings = settings_for(data, ocpp={"port": port})
        assert states(settings) == {"ocpp.port": "taken", "http.port": "any"}
    assert states(settings)["ocpp.port"] == "free"


def test_an_address_of_another_machine_cannot_be_had(data: Path) -> None:
    settings = Settings(data=data, host="192.0.2.1", ocpp={"port": 9000})
    assert states(settings) == {"ocpp.port": "refused", "http.port": "refused"}


def test_a_stranger_on_our_port_is_told_although_we_run(data: Path) -> None:
    with listening() as other:
        threading.Thread(target=_answer, args=(other,), daemon=True).start()
        settings = settings_for(data, ocpp={"port": other.getsockname()[1]})
        assert states(settings, is_running=True)["ocpp.port"] == "taken"


def _answer(listener: socket.socket) -> None:
    asked, _ = listener.accept()
    with asked:
        asked.recv(1000)
        asked.sendall(b"HTTP/1.1 200 OK\r\n\r\nhello")


async def test_a_running_service_and_its_ports_are_known(data: Path, signed: Path) -> None:
    tls = {"tls_cert": signed / "leaf.pem", "tls_key": signed / "leaf.key", "port_tls": 0}
    service = Service(settings_for(data, one_process=True, ocpp=tls), say=lambda _: None)
    await service.start()
    try:
        facts = await asyncio.to_thread(gather, service.settings)
        assert facts.service.is_running
        assert facts.service.reasons == ()
        assert [(port.setting, port.state) for port in facts.ports] == [
            ("ocpp.port", "ours"),
            ("ocpp.port_tls", "ours"),
            ("http.port", "ours"),
        ]
    finally:
        await service.close()


# --- certificates ---------------------------------------------------------------------------


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ca.pem`, and `leaf.pem` with `leaf.key` signed by it."""
    folder = tmp_path_factory.mktemp("certificates")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout")
    openssl(
        "req", "-x509", *new_key, folder / "ca.key", "-out", folder / "ca.pem", "-days", "90",
        "-subj", "/CN=Our CA",
    )  # fmt: skip
    openssl(
        "req", "-new", *new_key, folder / "leaf.key", "-out", folder / "leaf.csr",
        "-subj", "/CN=ocpp.example.org",
    )  # fmt: skip
    (folder / "leaf.ext").write_text("subjectAltName=DNS:ocpp.example.org\n")
    openssl(
        "x509", "-req", "-in", folder / "leaf.csr", "-CA", folder / "ca.pem",
        "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "60",
        "-out", folder / "leaf.pem", "-extfile", folder / "leaf.ext",
    )  # fmt: skip
    return folder


def seen(certificate: Path, key: Path) -> CertificateFacts:
    found = certificate_facts(Settings(ocpp={"tls_cert": certificate, "tls_key": key}))
    assert found is not None
    return found


def test_a_certificate_is_read_by_a_handshake(signed: Path) -> None:
    found = seen(signed / "leaf.pem", signed / "leaf.key")
    assert (found.trouble, found.subject) == ("", "ocpp.example.org")
    assert found.names == ("ocpp.example.org",)
    assert found.lacks_issuer == "Our CA"
    assert not found.is_key_open
    assert found.ends_at is not None
    assert found.ends_at > datetime(2026, 1, 1, tzinfo=UTC)


def test_a_whole_chain_lacks_nobody(signed: Path) -> None:
    chain = signed / "chain.pem"
    chain.write_text((signed / "leaf.pem").read_text() + (signed / "ca.pem").read_text())
    assert seen(chain, signed / "leaf.key").lacks_issuer == ""
    assert seen(signed / "ca.pem", signed / "ca.key").lacks_issuer == ""


def test_a_key_of_another_certificate_is_told(signed: Path) -> None:
    assert "leaf.pem" in seen(signed / "leaf.pem", signed / "ca.key").trouble
    assert "none.pem" in seen(signed / "none.pem", signed / "ca.key").trouble


def test_those_who_sign_for_stations_are_read(signed: Path) -> None:
    tls = {"tls_cert": signed / "leaf.pem", "tls_key": signed / "leaf.key"}
    [found] = client_ca_facts(Settings(ocpp=tls | {"tls_client_ca": signed / "ca.pem"}))
    assert (found.subject, found.trouble) == ("Our CA", "")
    [found] = client_ca_facts(Settings(ocpp=tls | {"tls_client_ca": signed / "leaf.pem"}))
    assert "no CA certificate" in found.trouble
    [found] = client_ca_facts(Settings(ocpp=tls | {"tls_client_ca": signed / "leaf.key"}))
    assert found.trouble


# --- mail -----------------------------------------------------------------------------------


@contextmanager
def mail_server() -> Iterator[int]:
    """A mail server on loopback that knows one login."""
    controller = Controller(
        object(),
        hostname="127.0.0.1",
        port=0,
        authenticator=lambda *parts: AuthResult(
            success=parts[-1].password == b"right", handled=False
        ),
        auth_require_tls=False,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        controller.port = free.getsockname()[1]
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def asked(port: int, **changed: str) -> str:
    smtp = {"host": "127.0.0.1", "port": port, "tls": "none", **changed}
    return mail_trouble(Settings(smtp=smtp))


def test_a_mail_server_is_asked_whether_it_takes_us_on() -> None:
    with mail_server() as port:
        assert asked(port) == ""
        assert asked(port, user="desk", password="right") == ""
        assert "535" in asked(port, user="desk", password="wrong")
        assert asked(port, tls="starttls") != ""
    assert "Error connecting" in asked(port)


# --- the command ----------------------------------------------------------------------------


def test_the_command_prints_one_document_and_ends_by_what_it_found(
    run_cli, data, capfd
) -> None:
    capfd.readouterr()  # what making the stores said
    words = ("doctor", "--data", data, "--set", "ocpp.port=0", "--set", "http.port=0")
    result = run_cli(*words, "--json")
    told = json.loads(result.out)
    assert {one["check"] for one in told["checks"]} == {"settings", *CHECKS}
    assert set(told["checks"][0]) == {"check", "grade", "says", "do"}
    assert result.status == (1 if told["problems"] else 0)
    result = run_cli(*words, "--set", "host=0.0.0.0")
    assert result.status == 1
    assert "X problem access: the service refuses to start" in result.out
    assert "            do: set ocpp.tls_cert" in result.out


def test_bad_settings_are_a_problem_of_their_own(run_cli, data) -> None:
    (data / "foretell.toml").write_text("[ocpp]\nport = 99999\n")
    result = run_cli("doctor", "--data", data)
    assert result.status == 1
    assert "foretell.toml:2: ocpp.port" in result.out
    assert "1 problem, 0 warnings" in result.out


def test_a_settings_file_that_is_not_there_ends_with_2(run_cli, tmp_path) -> None:
    result = run_cli("doctor", "--config", tmp_path / "none.toml")
    assert result.status == 2
    assert "cannot be opened" in result.err


def test_files_of_somebody_else_are_a_problem(run_cli, data, monkeypatch) -> None:
    def refused(_settings):
        raise PermissionError(13, "Permission denied", "/data/secret")

    monkeypatch.setattr("app.doctor_gather.gather", refused)
    result = run_cli("doctor", "--data", data)
    assert result.status == 1
    assert "X problem data: /data/secret is not ours to read" in result.out


@pytest.mark.parametrize(
    "setting",
    [
        "rules=/none",
        "fleet=/none",
        "host=none.invalid",
        "ocpp.port=1",
        "smtp.host=none.invalid",
    ],
)
def test_whatever_is_set_doctor_says_something_about_it(run_cli, data, setting) -> None:
    result = run_cli("doctor", "--data", data, "--set", setting)
    assert result.status in (0, 1)
    assert result.err == ""
