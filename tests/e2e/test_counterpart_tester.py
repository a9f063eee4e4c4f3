"""The connection tester `test-ocpp` (PyPI) in every security profile: as an installer has it,
who knows the address, the id, and a password or a certificate.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

VERSIONS = ("1.6", "2.0.1")
FLEET = """\
customers: [{id: acme, name: ACME Logistics}]
sites:
  - id: north
    customer: acme
    timezone: UTC
    stations: [{id: N-001, evses: 1}, {id: N-002, evses: 1}, {id: N-003, evses: 1}]
"""
CHOSEN = "correct horse battery staple"

Tester = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def tester() -> Tester:
    """Run the tester against an address as a station of this id."""

    def run(url: str, station: str, *options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "test_ocpp", url, station, *map(str, options)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60.0,
        )

    return run


def assert_success(done: subprocess.CompletedProcess[str], version: str = "1.6") -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "SUCCESS"
    assert f"Negotiated subprotocol: ocpp{version}\n" in done.stdout
    assert "BootNotification status: Accepted\n" in done.stdout


def assert_refused(done: subprocess.CompletedProcess[str], why: str) -> None:
    assert done.returncode != 0, done.stdout
    assert why in done.stdout + done.stderr


# --- profile 0: a plain websocket, no login ---------------------------------------------------


@pytest.fixture(scope="module")
def service(start_service) -> Any:
    return start_service()


@pytest.mark.parametrize(
    "extra",
    [
        [],
        ["--trailing-slash"],
        ["--password", "any"],
        ["--username", "somebody-else"],
        ["--vendor", "Ünïted"],
        ["--ocpp", "2.0.1"],
    ],
)
def test_a_station_without_credentials_comes_in(service, tester, extra: list[str]) -> None:
    station = f"TESTER-{len(extra)}-{''.join(extra).strip('-').encode().hex()}"
    version = extra[1] if "--ocpp" in extra else "1.6"
    assert_success(tester(service.stations_url, station, *extra), version)
    assert any(b"BootNotification" in frame for frame in service.frames(station))


@pytest.mark.parametrize("address", ["{url}/", "{url}/OCPP16/tenant/token", "{root}"])
def test_a_station_comes_in_at_any_path(service, tester, address: str) -> None:
    root = service.stations_url.removesuffix("/ocpp")
    url = address.format(url=service.stations_url, root=root)
    assert_success(tester(url, "N-001"))


def test_tls_on_the_plain_port_is_told_to_the_operator(service, tester) -> None:
    done = tester(service.stations_url, "N-001", "--tls", "--insecure", "--timeout", "5")
    assert done.returncode != 0
    service.wait_for(lambda: "tls-on-plain-port" in service.said, "a line in the log")
    assert "must begin with ws://" in service.said


# --- profiles 1 to 3 --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fleet") / "fleet.yaml"
    path.write_text(FLEET)
    return path


@pytest.fixture(scope="module")
def secured(start_service, authority, fleet, tmp_path_factory) -> Any:
    """A service with TLS that asks for certificates; N-001 and N-002 have passwords.

    `service.made_up` and CHOSEN are those passwords, `service.secure_url` the TLS address.
    """
    data = tmp_path_factory.mktemp("secured") / "data"
    made_up = set_password(data, "N-001").splitlines()[-1].split()[-1]
    set_password(data, "N-002", CHOSEN)
    certificate, key = authority.sign("localhost", "IP:127.0.0.1")
    port = free_port()
    service = start_service(
        data,
        fleet=fleet,
        options=[
            *("--set", f"ocpp.tls_cert={certificate}", "--set", f"ocpp.tls_key={key}"),
            *("--set", f"ocpp.tls_client_ca={authority.file}"),
            *("--set", f"ocpp.port_tls={port}", "--ocpp-port", "0", "--http-port", "0"),
        ],
    )
    service.made_up = made_up
    service.secure_url = f"wss://127.0.0.1:{port}/ocpp"
    assert f"stations: {service.secure_url}/<id>\n" in service.out
    return service


def set_password(data: Path, station: str, password: str = "") -> str:
    """Set a station's password by the command line; return what it said."""
    chosen = ["--password-stdin"] if password else []
    done = subprocess.run(
        [
            *(sys.executable, "-m", "app", "station", "password", station),
            *("--data", str(data), *chosen),
        ],
        input=password + "\n" if password else None,
        capture_output=True,
        text=True,
        timeout=60.0,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(params=["plain", "tls"])
def way_in(request, secured, authority) -> tuple[str, list[object]]:
    """Address and options of security profile 1, and of profile 2."""
    if request.param == "plain":
        return secured.stations_url, []
    return secured.secure_url, ["--ca", authority.file]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_with_a_made_up_password_comes_in(
    secured, tester, way_in, version: str
) -> None:
    url, options = way_in
    login = ["--password", secured.made_up, "--ocpp", version]
    assert_success(tester(url, "N-001", *login, *options), version)


def test_a_station_with_a_password_that_a_person_chose_comes_in(tester, way_in) -> None:
    url, options = way_in
    assert_success(tester(url, "N-002", "--password", CHOSEN, *options))
    assert_success(tester(url, "n-002", "--username", "admin", "--password", CHOSEN, *options))


@pytest.mark.parametrize(
    "login", [[], ["--username", "N-001"], ["--password", "wrong"], ["--password", CHOSEN]]
)
def test_a_station_without_its_password_stays_out(tester, way_in, login: list[str]) -> None:
    url, options = way_in
    assert_refused(tester(url, "N-001", *login, *options), "401")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "alternative"), [("N-001", ""), ("n-001", ""), ("SN-4711", "DNS:N-001")]
)
def test_a_station_with_its_own_certificate_comes_in_without_a_password(
    secured, tester, authority, name: str, alternative: str, version: str
) -> None:
    certificate, key = authority.sign(name, alternative)
    shown = ["--cert", certificate, "--key", key, "--ca", authority.file, "--ocpp", version]
    done = tester(secured.secure_url, "N-001", *shown)
    assert_success(done, version)
    assert "TLS: TLSv1.3" in done.stdout


def test_a_station_with_the_certificate_of_another_stays_out(
    secured, tester, authority
) -> None:
    certificate, key = authority.sign("N-002")
    shown = ["--cert", certificate, "--key", key, "--ca", authority.file]
    assert_refused(tester(secured.secure_url, "N-001", *shown), "403")


def test_a_station_that_does_not_trust_us_says_so_and_we_log_it(secured, tester) -> None:
    assert_refused(tester(secured.secure_url, "N-003"), "CERTIFICATE_VERIFY_FAILED")
    secured.wait_for(lambda: "does not trust our certificate" in secured.said, "its line")


def test_plain_websockets_on_the_tls_port_are_told_to_the_operator(secured, tester) -> None:
    done = tester(secured.secure_url, "N-003", "--no-tls", "--timeout", "5")
    assert done.returncode != 0
    secured.wait_for(lambda: "must begin with wss://" in secured.said, "a line in the log")


def test_nothing_secret_is_in_the_log_nor_in_any_file(secured, tester) -> None:
    """After all of the above; the guesses count as secrets too, for typing errors are most."""
    guess = "Mellon-41-nearly-right"
    root = secured.stations_url.removesuffix("/ocpp")
    tester(secured.stations_url, "N-002", "--password", guess)
    tester(f"{root}/ocpp?token={guess}", "N-002")
    secrets = [guess, CHOSEN, secured.made_up]
    for secret in secrets:
        assert secret not in secured.said, secret
    for path in secured.data.rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            assert [s for s in secrets if s.encode() in held] == [], path
    secured.assert_no_bug()
