"""Build hook: a wheel carries the browser assets, fetched from npm packages at build time."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsHook(BuildHookInterface):
    """Runs app/web/assets.py before a wheel is packed. An editable install needs no wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch the assets; without npm the wheel is built without them, and says so."""
        if version == "editable":
            return
        path = Path(self.root) / "app" / "web" / "assets.py"
        spec = importlib.util.spec_from_file_location("foretell_assets", path)
        if spec is None or spec.loader is None:
            raise FileNotFoundError(path)
        assets = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(assets)
        try:
            assets.fetch(Path(self.root))
        except (assets.AssetsError, OSError) as error:
            self.app.display_warning(f"without browser assets: {error}")
