"""Fetching the browser files: whole or not at all, and a reason where they cannot be had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.web import assets

ROOT = Path(__file__).parents[3]


def test_without_a_lock_file_the_reason_is_said(tmp_path: Path) -> None:
    with pytest.raises(assets.AssetsError, match=r"no package-lock\.json"):
        assets.fetch(tmp_path, tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()


def test_every_file_comes_from_a_package_of_the_lock_file() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    for source in assets.ASSETS.values():
        package = lock["packages"][f"node_modules/{source.split('/')[0]}"]
        assert package["integrity"].startswith("sha512-")
    assert "resolved" not in str(lock)


@pytest.mark.e2e
def test_the_files_are_fetched_from_the_registry(tmp_path: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    copied = assets.fetch(tmp_path, tmp_path / "vendor")
    assert sorted(path.name for path in copied) == sorted(assets.ASSETS)
    assert sorted(path.name for path in (tmp_path / "vendor").iterdir()) == sorted(
        assets.ASSETS
    )
    assert all(path.stat().st_size > 1000 for path in copied)
