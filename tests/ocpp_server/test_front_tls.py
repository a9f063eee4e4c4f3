"""TLS for stations (quirk A8): what is spoken, what is told when it fails, and its renewal."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ocpp_server import tls_door
from ocpp_server.limits import Limits
from ocpp_server.refusal import RefusalReason
from ocpp_server.tls import ServerTls, TlsFilesError

NEW_KEYS = {
    "ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
    "rsa": ("-newkey", "rsa:2048", "-nodes"),
}
FAST = {"tick_s": 0.01, "close_wait_s": 0.2}


def openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@dataclass(frozen=True)
class Files:
    """A server's chain and key, and the root that a station has to know."""

    chain: Path
    key: Path
    root: Path


@pytest.fixture(scope="module")
def make_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Files]:
    """Make a chain of root, intermediate and server certificate, by openssl on the spot."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificates, is not on this machine")

    def make(kind: str = "ec") -> Files:
        folder = tmp_path_factory.mktemp("chain")
        new_key = NEW_KEYS[kind]
        signer: tuple[Path, Path] | None = None
        for name, extension in (
            ("root", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign"),
            ("between", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign"),
            ("server", "subjectAltName=IP:127.0.0.1"),
        ):
            key, request, signed = (folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
            openssl("req", "-new", *new_key, "-keyout", key, "-out", request, "-subj",
                    f"/CN={name}")  # fmt: skip
            (folder / "ext").write_text(extension)
            by = ("-CA", signer[0], "-CAkey", signer[1], "-CAcreateserial") if signer else (
                "-signkey", key)  # fmt: skip
            openssl("x509", "-req", "-in", request, "-days", "2", "-out", signed,
                    "-extfile", folder / "ext", *by)  # fmt: skip
            signer = signed, key
        chain = folder / "chain.pem"
        chain.write_text(
            (folder / "server.pem").read_text() + (folder / "between.pem").read_text()
        )
        return Files(chain, folder / "server.key", folder / "root.pem")

    return make


@pytest.fixture(scope="module")
def files(make_files) -> Files:
    return make_files()


def knowing(root: Path) -> ssl.SSLContext:
    """Return a station's side of TLS that trusts this root and nothing else."""
    return ssl.create_default_context(cafile=str(root))


async def comes_in(dial: Any, port: int, context: ssl.SSLContext) -> Any:
    station = await dial(port, ssl=context)
    assert (await station.handshake()).startswith(b"HTTP/1.1 101 ")
    return station.writer.get_extra_info("ssl_object")


async def test_a_station_that_knows_only_the_root_is_sent_the_whole_chain(
    serve: Any, dial: Any, files: Files
) -> None:
    served = await serve(ssl=ServerTls(files.chain, files.key))

    await comes_in(dial, served.port, knowing(files.root))


# OCPP 2.0.1 part 2, A00.FR.318: the four that a central system must support.
@pytest.mark.parametrize(
    ("kind", "cipher"),
    [
        ("ec", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("ec", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("rsa", "AES128-GCM-SHA256"),
        ("rsa", "AES256-GCM-SHA384"),
    ],
)
async def test_every_cipher_that_ocpp_names_is_spoken_with_tls_1_2(
    serve: Any, dial: Any, make_files: Any, kind: str, cipher: str
) -> None:
    files = make_files(kind)
    served = await serve(ssl=ServerTls(files.chain, files.key))
    station = knowing(files.root)
    station.maximum_version = ssl.TLSVersion.TLSv1_2
    station.set_ciphers(cipher)

    spoken = await comes_in(dial, served.port, station)

    assert (spoken.version(), spoken.cipher()[0]) == ("TLSv1.2", cipher)


async def test_nothing_older_than_tls_1_2_is_spoken_and_that_is_told(
    serve: Any, files: Files
) -> None:
    served = await serve(ssl=ServerTls(files.chain, files.key))
    # A ClientHello of TLS 1.1 by hand: libraries of today may refuse to send one.
    hello = bytes.fromhex("1603010031" "0100002d" "0302") + bytes(32) + bytes.fromhex(
        "00" "0006" "c013" "002f" "000a" "0100"
    )  # fmt: skip
    with capture_logs() as logged:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(hello)
        await reader.read()
        await served.until(lambda: served.counters.refused == 1)
        writer.close()

    (line,) = [line for line in logged if line["event"] == "tls failed"]
    assert (line["reason"], line["advice"]) == (
        "UNSUPPORTED_PROTOCOL",
        "the station speaks no TLS 1.2",
    )


async def test_a_station_that_does_not_trust_us_is_told_with_its_address(
    serve: Any, dial: Any, files: Files, make_files: Any
) -> None:
    served = await serve(ssl=ServerTls(files.chain, files.key))
    stranger = knowing(make_files().root)

    def shake_hands() -> str:
        """As most stations do: blocking, with an alert before they hang up."""
        with socket.create_connection(("127.0.0.1", served.port), 5) as plain:
            own = "{}:{}".format(*plain.getsockname())
            with pytest.raises(ssl.SSLCertVerificationError):
                stranger.wrap_socket(plain, server_hostname="127.0.0.1")
        return own

    with capture_logs() as logged:
        own = await asyncio.to_thread(shake_hands)
        await served.until(lambda: served.counters.refused == 1)

    assert served.counters.refusals == {RefusalReason.TLS_FAILED: 1}
    (line,) = [line for line in logged if line["event"] == "tls failed"]
    assert (line["reason"], line["address"]) == ("TLSV1_ALERT_UNKNOWN_CA", own)
    assert "its root" in line["advice"]


async def test_one_that_hangs_up_or_says_nothing_is_told_too(
    serve: Any, dial: Any, files: Files
) -> None:
    limits = Limits(tls_timeout_s=0.2, **FAST)
    served = await serve(ssl=ServerTls(files.chain, files.key), limits=limits)
    with capture_logs() as logged:
        (await dial(served.port)).close()
        await served.until(lambda: served.counters.refused == 1)
        silent = await dial(served.port)
        await silent.read_to_end()
        await served.until(lambda: served.counters.refused == 2)

    told = [line["reason"] for line in logged if line["event"] == "tls failed"]
    assert told == ["HUNG_UP", "TIMEOUT"]


async def test_no_more_hands_are_shaken_at_once_than_allowed(
    serve: Any, dial: Any, files: Files
) -> None:
    limits = Limits(max_receptions=2, tls_timeout_s=5.0, **FAST)
    served = await serve(ssl=ServerTls(files.chain, files.key), limits=limits)
    waiting = [await dial(served.port) for _ in range(2)]
    await asyncio.sleep(0.05)
    third = await dial(served.port)

    assert await third.read_to_end() == b""
    assert served.counters.dropped == 1
    assert len(waiting) == 2


async def test_a_stop_does_not_wait_for_those_who_shake_hands(
    serve: Any, dial: Any, files: Files
) -> None:
    served = await serve(ssl=ServerTls(files.chain, files.key))
    slow = await dial(served.port)
    await asyncio.sleep(0.05)

    await asyncio.wait_for(served.endpoint.close(drain_s=1.0), 3.0)

    assert await slow.read_to_end() == b""


# --- renewal ----------------------------------------------------------------------------------


def put(source: Path, target: Path, *, age: int) -> None:
    """Replace a file as tools do that renew certificates; `age` keeps its stamp apart."""
    new = target.with_suffix(".new")
    shutil.copyfile(source, new)
    os.utime(new, ns=(age, age))
    new.replace(target)


async def test_a_renewed_certificate_serves_the_next_handshake_and_ends_none(
    serve: Any, dial: Any, files: Files, make_files: Any, tmp_path: Path
) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    put(files.chain, chain, age=1)
    put(files.key, key, age=1)
    tls = ServerTls(chain, key)
    served = await serve(ssl=tls)
    await comes_in(dial, served.port, knowing(files.root))
    renewed = make_files()
    with capture_logs() as logged:
        put(renewed.chain, chain, age=2)
        tls.renew()  # the key is not there yet
        await comes_in(dial, served.port, knowing(files.root))
        put(renewed.key, key, age=2)
        tls.renew()
        tls.renew()

    await comes_in(dial, served.port, knowing(renewed.root))
    with pytest.raises(ssl.SSLError):
        await dial(served.port, ssl=knowing(files.root))
    told = [line["event"] for line in logged if "certificate" in line["event"]]
    assert told == ["certificate not renewed", "certificate renewed"]
    assert (served.counters.accepted, served.counters.lost) == (3, 0)


async def test_a_ca_file_that_lost_a_signer_lets_nobody_of_his_in(
    serve: Any, dial: Any, files: Files, make_files: Any, tmp_path: Path
) -> None:
    trusted = tmp_path / "ca.pem"
    put(files.root, trusted, age=1)
    tls = ServerTls(files.chain, files.key, trusted)
    served = await serve(ssl=tls)
    station = knowing(files.root)
    station.load_cert_chain(files.chain, files.key)
    await comes_in(dial, served.port, station)
    put(make_files().root, trusted, age=2)
    tls.renew()

    with pytest.raises((OSError, asyncio.IncompleteReadError)):
        await comes_in(dial, served.port, station)
    await served.until(lambda: served.counters.refusals[RefusalReason.TLS_FAILED] == 1)


async def test_files_that_vanish_end_nothing(files: Files, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    put(files.chain, chain, age=1)
    tls = ServerTls(chain, files.key)
    context = tls.context
    chain.unlink()
    with capture_logs() as logged:
        tls.renew()
        tls.renew()

    assert tls.context is context
    assert [line["event"] for line in logged] == ["certificate not renewed"]
    with pytest.raises(TlsFilesError):
        ServerTls(chain, files.key)


async def test_a_station_without_an_id_in_its_address_is_known_by_its_certificate(
    serve: Any, dial: Any, wire_words: Any, files: Files
) -> None:
    tls = ServerTls(files.chain, files.key, files.root)
    station = knowing(files.root)
    station.load_cert_chain(files.chain, files.key)  # its CN is “server”
    for registered, name in (((), "server"), (("127.0.0.1",), "127.0.0.1")):
        served = await serve(ssl=tls, evses=lambda each, known=registered: int(each in known))
        dialled = await dial(served.port, ssl=station)
        answer = await dialled.handshake(wire_words.head_with(target="/ocpp/"))

        assert answer.startswith(b"HTTP/1.1 101 ")
        assert served.endpoint.connected_stations() == (name,)


class Exhausted(socket.socket):
    """A listening socket for which the system has no file left, once."""

    has_failed = False

    def accept(self) -> Any:
        if not self.has_failed:
            self.has_failed = True
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_without_a_free_file_nobody_is_accepted_for_a_moment_and_then_all_are(
    serve: Any, dial: Any, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_door, "_PAUSE_S", 0.1)
    served = await serve()
    listening = Exhausted()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    door = tls_door.TlsDoor(served.endpoint, listening, ServerTls(files.chain, files.key))
    with capture_logs() as logged:
        await comes_in(dial, door.port, knowing(files.root))
    door.close()
    door.close()

    assert logged[0]["event"] == "nobody is accepted for a moment"


async def test_an_address_that_is_taken_is_an_error_and_leaves_nothing_open(
    serve: Any, files: Files
) -> None:
    tls = ServerTls(files.chain, files.key)
    served = await serve(ssl=tls)

    with pytest.raises(OSError, match="in use"):
        await served.endpoint.start("127.0.0.1", served.port, tls)


async def test_a_host_name_may_mean_several_addresses(
    serve: Any, dial: Any, files: Files
) -> None:
    tls = ServerTls(files.chain, files.key)
    served = await serve()
    port = await served.endpoint.start("localhost", 0, tls)

    await comes_in(dial, port, knowing(files.root))
