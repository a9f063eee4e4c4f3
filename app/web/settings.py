"""What the web process needs to know, handed over by the composition root."""

from __future__ import annotations

from pathlib import Path

import msgspec


class WebSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The web process's settings.

    `public_url` is the address people reach us under, without a final slash; "" means that
    of each request. `demo` logs in whoever comes from this machine. `bootstrap_token` is an
    API token with all scopes ("" = none).
    """

    data_dir: Path
    link_path: Path
    demo: bool = False
    public_url: str = ""
    title: str = "Foretell"
    team_name: str = ""
    phone: str = ""
    bootstrap_token: str = ""
    session_hours: float = 12.0

    @property
    def is_https(self) -> bool:
        """Whether people reach us over HTTPS: cookies are then sent over nothing else."""
        return self.public_url.startswith("https://")

    def __repr__(self) -> str:
        """Show the settings without the token."""
        shown = {name: getattr(self, name) for name in self.__struct_fields__}
        shown["bootstrap_token"] = "***" if self.bootstrap_token else ""
        inside = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"WebSettings({inside})"
