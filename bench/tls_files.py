"""A certificate for one run, and how Foretell is told to use it."""

from __future__ import annotations

import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TlsFiles:
    """A certificate with its key, and the port that is to be served with them."""

    certificate: Path
    key: Path
    port: int

    def environment(self) -> dict[str, str]:
        """Return the settings that make Foretell offer TLS."""
        return {
            "FORETELL_OCPP__TLS_CERT": str(self.certificate),
            "FORETELL_OCPP__TLS_KEY": str(self.key),
            "FORETELL_OCPP__PORT_TLS": str(self.port),
        }


def make(folder: Path) -> TlsFiles | str:
    """Have openssl make a certificate (ECDSA P-256) in `folder`; a sentence where it cannot."""
    if shutil.which("openssl") is None:
        return "openssl, which makes the certificate, is not here, so TLS is left out"
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
    command += ["ec_paramgen_curve:P-256", "-nodes", "-keyout", str(key)]
    command += ["-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"openssl made no certificate, so TLS is left out: {done.stderr.strip()[-300:]}"
    return TlsFiles(certificate, key, _free_port())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
