"""The bench's surroundings: counting, the slow disk, the certificate, the measures at hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.access import AccessReader, AccessStore
from bench import callgrind, slow_disk, tls_files
from bench.connecting import write_passwords
from bench.instructions import layers_of
from bench.machine import peak_rss_kb, rss_kb
from ocpp_server.passwords import verify_keyed

ROOT = Path(__file__).parents[2]


def test_a_dump_of_callgrind_ends_with_its_sum() -> None:
    assert callgrind.total_of("events: Ir\nfn=(1)\n1 20\n\ntotals: 232372718\n") == 232372718
    assert callgrind.total_of("nothing") is None


def test_a_process_that_callgrind_does_not_run_is_told_from_one_that_it_does() -> None:
    assert not callgrind.is_under(os.getpid())
    with pytest.raises(ValueError, match="does not run under callgrind"):
        callgrind.Count(os.getpid())


def test_the_layers_are_read_from_what_their_count_prints() -> None:
    said = "   118.4 thousand instructions: everything but sockets\n    98.3 thousand " + (
        "instructions: without the journal\n"
    )
    assert layers_of(said) == {"everything but sockets": 118.4, "without the journal": 98.3}


def test_memory_is_read_in_kb() -> None:
    assert 1_000 < rss_kb(os.getpid()) <= peak_rss_kb(os.getpid())


def test_a_slow_disk_holds_up_an_fsync_and_counts_whose(tmp_path: Path) -> None:
    disk = slow_disk.build(tmp_path)
    if isinstance(disk, str):
        pytest.skip(disk)
    program = (
        "import os, sys, threading, time; file = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR);"
        "began = time.perf_counter(); os.fsync(file); os.fdatasync(file);"
        "took = time.perf_counter() - began;"
        "thread = threading.Thread(target=os.fsync, args=(file,)); thread.start();"
        "thread.join(); print(os.getpid(), took)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "file")],
        env=os.environ | disk.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    pid, took_s = done.stdout.split()
    assert float(took_s) >= 2 * slow_disk.ADDED_MS / 1e3
    assert disk.count(int(pid)) == (2, 1)
    assert disk.count(os.getpid()) == (0, 0)


def test_a_certificate_comes_with_the_settings_that_use_it(tmp_path: Path) -> None:
    files = tls_files.make(tmp_path)
    if isinstance(files, str):
        pytest.skip(files)
    assert "BEGIN CERTIFICATE" in files.certificate.read_text()
    assert files.environment()["FORETELL_OCPP__TLS_KEY"] == str(files.key)


@pytest.mark.parametrize("build", [slow_disk.build, tls_files.make])
def test_what_this_machine_lacks_is_left_out_with_a_sentence(
    build, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert build(tmp_path).endswith("left out")


def test_the_storm_s_passwords_are_those_of_the_access_store(tmp_path: Path) -> None:
    path = write_passwords(tmp_path / "data", tmp_path, 3)
    passwords = json.loads(path.read_text())
    store = AccessStore(tmp_path / "data")
    key = AccessReader(tmp_path / "data").station_key
    for name, password in passwords.items():
        stored = store.station_password_hash(name)
        assert stored is not None
        assert verify_keyed(stored, password, key)
    store.close()
    assert list(passwords) == ["BENCH-00000", "BENCH-00001", "BENCH-00002"]


def test_the_strict_measure_is_locked_to_one_release_and_never_shipped() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    package = lock["packages"]["node_modules/ocpp-rpc"]
    assert package["dev"] is True
    assert package["integrity"].startswith("sha512-")
